# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Hosts: each a set of namespaces with its own libvirtd.  `lab up` makes them.
#
# A host sees the machine's file system, but its own /run, /etc/libvirt, /var/lib/libvirt,
# /var/log/libvirt and /var/cache/libvirt, which lie in $LAB_STATE/hN.  From outside, its libvirt
# is reached through the socket in there.  lib/host-init.sh is the first thing to run in it.

lab_up() {
    local n_hosts=3 link=1gbit

    while (($# > 0)); do
        case $1 in
            --hosts) n_hosts=$(option_value "$@"); shift 2 ;;
            --link) link=$(option_value "$@"); shift 2 ;;
            *) usage "lab up: unknown argument '$1': see lab --help" ;;
        esac
    done
    [[ $n_hosts =~ ^([1-9]|[12][0-9]|30)$ ]] || usage "lab up: --hosts is '$n_hosts', but must be 1 to 30"
    rate_bits "$link" >/dev/null
    check_machine
    clean_leftovers
    up_all "$n_hosts" "$link"
    echo "$n_hosts hosts, migration links of $link, guests under $(<"$LAB_STATE/domain-type"); inventory:" \
         "$LAB_STATE/inventory.ini"
}

# Refuses what is known not to work, before anything is made.
check_machine() {
    local tool found

    for tool in ip tc modprobe unshare nsenter tini busybox cpio qemu-system-x86_64 libvirtd virsh; do
        command -v "$tool" >/dev/null || die "$tool is missing: install the packages that the README names"
    done
    found=$(libvirtd --version | grep -o '[0-9.]*$')
    version_at_least "$found" 11 \
        || die "libvirt is $found, but the lab needs 11 or later: on Debian 12 take it from bookworm-backports"
    found=$(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p')
    version_at_least "$found" 10 || [[ $(domain_type) == kvm ]] \
        || die "QEMU is $found, which loses dirty pages when it migrates without KVM: the lab needs 10 or later" \
               "(on Debian 12 from bookworm-backports)"
    program lab-guest >/dev/null
    program lab-beat >/dev/null
}

up_all() {
    local n_hosts=$1 link=$2 n pids=() pid

    # hosts' sockets ask nobody who they are, so nobody but root may come near
    (umask 077 && mkdir -p "$LAB_STATE")
    mkdir -p "$LAB_SHARED" "$LAB_STATE/vms"
    echo "$n_hosts" >"$LAB_STATE/n-hosts"
    switch_up
    for ((n = 1; n <= n_hosts; n++)); do
        host_make "h$n" "$link"
    done
    collector_start
    for ((n = 1; n <= n_hosts; n++)); do
        host_start "h$n" &
        pids+=($!)
    done
    domain_type >"$LAB_STATE/domain-type"
    image_make
    for pid in "${pids[@]}"; do
        wait "$pid" || die "the lab '$LAB' did not come up: see the logs in $LAB_STATE, then run lab down"
    done
    inventory_write
    touch "$LAB_STATE/up"
}

# Directories, configuration and network of a host; nothing runs yet.
host_make() {
    local host=$1 dir=$LAB_STATE/$1

    mkdir -p "$dir"/{run,etc,lib,log,cache}
    host_directories "$host"
    libvirtd_conf "$host" >"$dir/etc/libvirtd.conf"
    qemu_conf "$host" >"$dir/etc/qemu.conf"
    storage_pool "$dir/etc/storage"
    host_network_up "$host"
    link_shape "$host" "$2"
}

# libvirt makes the empty copy of a local disk on the destination only inside a storage pool.
storage_pool() {
    mkdir -p "$1/autostart"
    cat >"$1/images.xml" <<EOF
<pool type='dir'><name>images</name><target><path>/var/lib/libvirt/images</path></target></pool>
EOF
    ln -s /etc/libvirt/storage/images.xml "$1/autostart/images.xml"
}

# What a host finds in its /run: the shared storage, and a directory the collector watches.
host_directories() {
    mkdir -p "$LAB_STATE/$1/run/libvirt/qemu" "$LAB_STATE/$1/run$LAB_SHARED_IN_RUN" "$LAB_STATE/$1/lib/images"
}
LAB_SHARED_IN_RUN=${LAB_SHARED#/run}

libvirtd_conf() {
    local digits

    digits=$(printf '%s' "$1" | md5sum)
    cat <<EOF
host_uuid = "${digits:0:8}-${digits:8:4}-4${digits:13:3}-a${digits:17:3}-${digits:20:12}"
listen_tls = 0
listen_tcp = 1
listen_addr = "$(management_address "$1")"
auth_tcp = "none"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_group = "root"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
max_clients = 200
max_client_requests = 100
max_workers = 100
log_level = 3
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
EOF
}

# namespaces and security drivers would need what a lab host does not have; memory and disks are
# root's on every host; the shared directory is declared so that a migration is not called unsafe.
qemu_conf() {
    cat <<EOF
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
migration_address = "$(migration_address "$1")"
migration_host = "$(migration_address "$1")"
shared_filesystems = [ "$LAB_SHARED" ]
EOF
}

# Starts a host and waits until its libvirtd answers.
host_start() {
    local host=$1 dir=$LAB_STATE/$1 outer

    # setsid: a Ctrl-C for the test that called us is not meant for the host
    setsid ip netns exec "$(host_namespace "$host")" \
        unshare --mount --uts --pid --fork --ipc --mount-proc --kill-child \
        tini -s -- "$BASH" "$LAB_HOME/lib/host-init.sh" "$host" "$dir" "$LAB_SHARED" \
        </dev/null >"$dir/init.log" 2>&1 &
    outer=$!
    process_record "$dir/outer.pid" "$outer"
    wait_until 60 host_find_init "$host" || die "host $host did not start: see $dir/init.log"
    wait_until 60 libvirtd_answers "$host" || die "libvirtd on $host does not answer: see $dir/log/libvirtd.log"
}

# unshare's child is process 1 of the host.
host_find_init() {
    local outer child

    outer=$(process_of "$LAB_STATE/$1/outer.pid") || return 1
    child=$(process_child "$outer") || return 1
    [[ $(</proc/"$child"/comm) == tini ]] || return 1
    process_record "$LAB_STATE/$1/init.pid" "$child"
}

libvirtd_answers() {
    timeout 5 virsh -q -c "$(host_uri "$1")" version >/dev/null 2>&1
}

host_uri() {
    echo "qemu+unix:///system?socket=$LAB_STATE/$1/run/libvirt/libvirt-sock"
}

# Written anew when a link changes; whole or not at all, for godwit may be reading it.
inventory_write() {
    inventory_text >"$LAB_STATE/inventory.new"
    mv "$LAB_STATE/inventory.new" "$LAB_STATE/inventory.ini"
}

inventory_text() {
    local host here

    here=$(printf 'env %q %q %q' "LAB=$LAB" "GODWIT_BUILD=$LAB_BUILD" "$LAB_HOME/lab")
    cat <<EOF
[fleet]
guest_probe=$here guest {vm} --json --since {since_ns} --until {until_ns}
EOF
    for host in $(all_hosts); do
        cat <<EOF

[host $host]
uri=$(host_uri "$host")
peer_uri=qemu+tcp://$(management_address "$host")/system
migration_address=$(migration_address "$host")
agent=$here exec $host $(printf '%q' "$LAB_BUILD/godwit") agent
link=$(<"$LAB_STATE/$host/link")
keep_free=256MiB
EOF
    done
}

lab_inventory() {
    need_up
    echo "$LAB_STATE/inventory.ini"
}

# Runs a command in all namespaces of a host.
lab_exec() {
    local host=${1:-} init

    (($# >= 2)) || usage "lab exec HOST CMD...: host and command are needed"
    need_host "$host"
    shift
    init=$(process_of "$LAB_STATE/$host/init.pid") || die "host $host is down: lab mend host $host"
    exec nsenter --target "$init" --net --mount --pid --uts --ipc -- "$@"
}

lab_virsh() {
    local host=${1:-}

    (($# >= 2)) || usage "lab virsh HOST ARG...: host and arguments are needed"
    need_host "$host"
    shift
    exec virsh -c "$(host_uri "$host")" "$@"
}
