# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# VMs: what `lab vm` was asked for becomes a ramdisk with the guest's settings and a libvirt
# domain that any host of the lab can run.

lab_vm() {
    local -A vm=([host]=h1 [ram]=512M [vcpus]=1 [load]='' [area]='' [sparse]='' [rate]='' [repeat]='' [fill]=0
        [fill-text]=0 [fill-copies]=0 [disk]='' [local-disk]='' [exec]='' [hugepages]='')
    local files=() name=''

    while (($# > 0)); do
        case $1 in
            --file) files+=("$(option_value "$@")"); shift 2 ;;
            --hugepages) vm[hugepages]=yes; shift ;;
            --host | --ram | --vcpus | --load | --area | --sparse | --rate | --repeat | --fill | --fill-text | \
                --fill-copies | --disk | --local-disk | --exec)
                vm[${1#--}]=$(option_value "$@"); shift 2 ;;
            -*) usage "lab vm: unknown option '$1': see lab --help" ;;
            *) [[ -z $name ]] || usage "lab vm: one name, please, not also '$1'"; name=$1; shift ;;
        esac
    done
    check_name "a VM's name" "$name" '^[A-Za-z0-9][A-Za-z0-9_.-]{0,30}$'
    vm_check
    need_host "${vm[host]}"
    vm_make
}

# Checks what was asked for, and turns sizes into bytes.
vm_check() {
    local key file system

    vm_load
    [[ ${vm[vcpus]} =~ ^[1-9][0-9]?$ ]] || usage "--vcpus is '${vm[vcpus]}', but must be 1 to 99"
    [[ ${vm[repeat]} =~ ^[1-9][0-9]{0,8}$ ]] || usage "--repeat is '${vm[repeat]}', but must be a number of passes, 1 or more"
    [[ -z ${vm[load]} || -z ${vm[exec]} ]] || usage "--load and --exec exclude each other"
    for key in ram area sparse rate fill fill-text fill-copies disk local-disk; do
        [[ -z ${vm[$key]} ]] || vm[$key]=$(size_bytes "--$key" "${vm[$key]}")
    done
    ((vm[ram] >= 96 << 20)) || usage "--ram is less than 96M: the guest's kernel would not start"
    ((vm[sparse] <= 4096)) || usage "--sparse is more than a page has (4096)"
    [[ ! ${vm[load]} =~ ^[rw]+$ ]] || ((vm[area] >= 4096 * vm[vcpus])) || usage "--area is less than one page per vCPU"
    # the tools of --exec are unpacked into the guest's memory
    ((system = ${#vm[exec]} ? 160 : 64))
    ((vm[fill] + vm[fill-text] + vm[fill-copies] + (${#vm[load]} ? vm[area] : 0) + (system << 20) <= vm[ram])) \
        || usage "--fill and --area leave less than ${system}M of --ram to the guest's system"
    for key in disk local-disk; do
        [[ -z ${vm[$key]} ]] || ((vm[$key] >= 1 << 20)) || usage "--$key is less than 1M"
    done
    for file in ${files[@]+"${files[@]}"}; do
        [[ -f ${file%%:*} && -r ${file%%:*} ]] || usage "--file ${file%%:*} is not a file that can be read"
    done
}

# The load: letters with options of their own, or one of the names that the guest's program knows, whose area is its own.
vm_load() {
    local key name bytes rest names=''

    while read -r name bytes rest; do
        names+=" $name"
        [[ ${vm[load]} == "$name" ]] || continue
        for key in area sparse rate repeat; do
            [[ -z ${vm[$key]} ]] || usage "--$key is for loads of letters; --load $name is $rest"
        done
        vm[area]=$bytes
    done < <("$(program lab-guest)" --loads)
    [[ ${vm[load]} =~ ^[rw]{0,60}$ || " $names " == *" ${vm[load]} "* ]] \
        || usage "--load is '${vm[load]}', but must be up to 60 letters r and w, or one of:$names"
    vm[area]=${vm[area]:-8M} vm[sparse]=${vm[sparse]:-0} vm[rate]=${vm[rate]:-0} vm[repeat]=${vm[repeat]:-1}
}

vm_make() {
    local dir=$LAB_STATE/vms/$name seed uri

    mkdir "$dir" 2>/dev/null || die "there is already a VM '$name': lab kill-vm $name removes it"
    seed=$(printf '%s' "$name" | cksum | cut -d' ' -f1)
    vm_number "$dir"
    vm_initrd "$dir" "$seed"
    [[ -z ${vm[disk]} ]] || truncate -s "${vm[disk]}" "$LAB_SHARED/$name.img"
    [[ -z ${vm[local-disk]} ]] || truncate -s "${vm[local-disk]}" "$LAB_STATE/${vm[host]}/lib/images/$name-local.img"
    vm_xml >"$dir/domain.xml"
    collector_ask "forget $name" >/dev/null
    uri=$(host_uri "${vm[host]}")
    virsh -q -c "$uri" define "$dir/domain.xml" >/dev/null || die "libvirt refuses the VM $name: see above"
    virsh -q -c "$uri" start "$name" >/dev/null || die "the VM $name does not start: see above"
    vm_wait_ready
}

# Ready is when the guest says so; a guest that cannot get ready powers off, which need not be
# waited out.
vm_wait_ready() {
    local deadline=$((SECONDS + 180))

    until guest_is_ready "$name"; do
        if [[ ! -f $LAB_STATE/${vm[host]}/run/libvirt/qemu/$name.pid ]]; then
            tail -n 5 "$LAB_SHARED/$name.console" >&2 || true
            die "the guest of VM $name gave up: see above, or lab console $name"
        fi
        ((SECONDS < deadline)) || die "the VM $name runs but does not get ready: see lab console $name"
        sleep 0.1
    done
}

# A number that no other VM of this lab has had; it makes the MAC address and the local port.
vm_number() {
    (
        flock 9
        number=$(($(cat "$LAB_STATE/vm-number" 2>/dev/null || echo 0) + 1))
        echo "$number" >"$LAB_STATE/vm-number"
        echo "$number" >"$1/number"
    ) 9>"$LAB_STATE/vm-number.lock"
}

# vm_initrd DIRECTORY SEED: base, tools if a command will run, and the VM's own archive on top.
vm_initrd() {
    local root=$1/root file path guest_path parts=("$LAB_SHARED/base.cpio")

    mkdir -p "$root/etc"
    cat >"$root/etc/lab.conf" <<EOF
name=$name
seed=$2
vcpus=${vm[vcpus]}
load=${vm[load]}
area=${vm[area]}
sparse=${vm[sparse]}
rate=${vm[rate]}
repeat=${vm[repeat]}
fill=${vm[fill]}
fill_text=${vm[fill-text]}
fill_copies=${vm[fill-copies]}
exec=$((${#vm[exec]} > 0))
EOF
    if [[ -n ${vm[exec]} ]]; then
        printf '%s\n' "${vm[exec]}" >"$root/etc/lab.exec"
        image_tools_make
        parts+=("$IMAGE_DIR/tools.cpio")
    fi
    for file in ${files[@]+"${files[@]}"}; do
        path=${file%%:*}
        guest_path=${file#"$path"}
        guest_path=${guest_path#:}
        copy_with_libraries "$path" "$root" "${guest_path:-$(realpath "$path")}"
    done
    archive "$root" "$1/own.cpio"
    cat "${parts[@]}" "$1/own.cpio" >"$LAB_SHARED/$name.initrd"
    rm -rf "$root" "$1/own.cpio"
}

# vm_disk_xml PATH DEVICE.  Cache "none" so that what was written is on the storage when the VM
# goes on elsewhere.
vm_disk_xml() {
    cat <<EOF
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none' discard='unmap'/>
      <source file='$1'/>
      <target dev='$2' bus='virtio'/>
    </disk>
EOF
}

# Memory is a memfd so that the host's pages are 4 KiB, as trackers like them; with --hugepages
# it is anonymous, where the kernel gives huge pages to a QEMU that asks for them.
vm_memory_xml() {
    [[ -n ${vm[hugepages]} ]] || echo "  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
}

vm_cpu_xml() {
    if [[ $(<"$LAB_STATE/domain-type") == kvm ]]; then
        echo "  <cpu mode='host-model' check='none'/>"
    else
        echo "  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>"
    fi
}

vm_xml() {
    local number device=a

    number=$(<"$LAB_STATE/vms/$name/number")
    cat <<EOF
<domain type='$(<"$LAB_STATE/domain-type")'>
  <name>$name</name>
  <memory unit='b'>${vm[ram]}</memory>
$(vm_memory_xml)
  <vcpu>${vm[vcpus]}</vcpu>
$(vm_cpu_xml)
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>$LAB_SHARED/vmlinuz</kernel>
    <initrd>$LAB_SHARED/$name.initrd</initrd>
    <cmdline>console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off tsc=reliable random.trust_cpu=on audit=0</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>$(command -v qemu-system-x86_64)</emulator>
$(if [[ -n ${vm[disk]} ]]; then vm_disk_xml "$LAB_SHARED/$name.img" "vd$device"; fi)
$(if [[ -n ${vm[disk]} ]]; then device=b; fi
  if [[ -n ${vm[local-disk]} ]]; then vm_disk_xml "/var/lib/libvirt/images/$name-local.img" "vd$device"; fi)
    <interface type='udp'>
      <mac address='$(printf '52:54:00:77:%02x:%02x' $((number >> 8 & 255)) $((number & 255)))'/>
      <source address='$LAB_COLLECTOR_ADDRESS' port='7777'>
        <local address='0.0.0.0' port='$((20000 + number % 20000))'/>
      </source>
      <model type='virtio'/>
      <rom enabled='no'/>
    </interface>
    <serial type='file'><source path='$LAB_SHARED/$name.console' append='on'/></serial>
    <controller type='usb' model='none'/>
    <memballoon model='virtio'/>
  </devices>
</domain>
EOF
}

# Every host that runs or has defined something, as lines "HOST NAME STATE".
vms_list() {
    local host

    for host in $(all_hosts); do
        timeout 20 virsh -q -c "$(host_uri "$host")" list --all 2>/dev/null \
            | while read -r _ vm_name vm_state; do
                echo "$host $vm_name $vm_state"
            done || echo "lab: host $host does not answer" >&2
    done
}

lab_vms() {
    local json=''

    case ${1:-} in
        --json) json=yes ;;
        '') ;;
        *) usage "lab vms: unknown argument '$1': see lab --help" ;;
    esac
    need_up
    if [[ -n $json ]]; then
        vms_list | awk 'BEGIN { printf "[" }
            { state = $3; for (i = 4; i <= NF; i++) state = state " " $i
              printf "%s{\"name\":\"%s\",\"host\":\"%s\",\"state\":\"%s\"}", (NR > 1 ? "," : ""), $2, $1, state }
            END { print "]" }'
    else
        printf '%-6s %-24s %s\n' HOST VM STATE
        vms_list | while read -r host vm_name vm_state; do
            printf '%-6s %-24s %s\n' "$host" "$vm_name" "$vm_state"
        done
    fi
}

lab_console() {
    (($# == 1)) || usage "lab console NAME: a VM is needed"
    need_up
    [[ -f $LAB_SHARED/$1.console ]] || die "no VM '$1' in the lab: see lab vms"
    cat "$LAB_SHARED/$1.console"
}

lab_kill_vm() {
    local name=${1:-} host

    (($# == 1)) || usage "lab kill-vm NAME: a VM is needed"
    need_up
    [[ -d $LAB_STATE/vms/$name && -n $name ]] || die "no VM '$name' in the lab: see lab vms"
    for host in $(all_hosts); do
        virsh -q -c "$(host_uri "$host")" destroy "$name" >/dev/null 2>&1 || true
        virsh -q -c "$(host_uri "$host")" undefine "$name" >/dev/null 2>&1 || true
        rm -f "$LAB_STATE/$host/lib/images/$name-local.img"
    done
    collector_ask "forget $name" >/dev/null
    rm -rf "${LAB_STATE:?}/vms/$name" "$LAB_SHARED/$name".{initrd,img,console}
}
