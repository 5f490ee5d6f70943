# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Faults on purpose, for tests: `lab break WHAT HOST` and `lab mend WHAT HOST`.

fault_arguments() {
    (($# == 2)) || usage "lab break|mend link|network|libvirtd|host HOST: two arguments are needed"
    case $1 in
        link | network | libvirtd | host) ;;
        *) usage "'$1' cannot be broken: link, network, libvirtd or host can" ;;
    esac
    need_host "$2"
}

lab_break() {
    fault_arguments "$@"
    "break_$1" "$2"
}

lab_mend() {
    fault_arguments "$@"
    "mend_$1" "$2"
}

# At the switch, so that the host sees its carrier go, as with a real cable.
break_link() {
    ip -n "$LAB_SWITCH" link set "$1-mig" down
}

mend_link() {
    ip -n "$LAB_SWITCH" link set "$1-mig" up
}

break_network() {
    break_link "$1"
    ip -n "$LAB_SWITCH" link set "$1-mgmt" down
}

mend_network() {
    mend_link "$1"
    ip -n "$LAB_SWITCH" link set "$1-mgmt" up
}

# The pid of a host's libvirtd in the machine's own numbering.
libvirtd_pid() {
    local init pid

    init=$(process_of "$LAB_STATE/$1/init.pid") || return 1
    for pid in $(ip netns pids "$(host_namespace "$1")"); do
        if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == libvirtd \
              && $(readlink "/proc/$pid/ns/pid") == "$(readlink "/proc/$init/ns/pid")" ]]; then
            echo "$pid"
            return
        fi
    done
    return 1
}

break_libvirtd() {
    local pid

    pid=$(libvirtd_pid "$1") || die "libvirtd does not run on $1"
    kill -9 "$pid"
    wait_until 60 libvirtd_is_gone "$1" || die "libvirtd on $1 does not die"
}

libvirtd_is_gone() {
    ! libvirtd_pid "$1" >/dev/null
}

mend_libvirtd() {
    libvirtd_is_gone "$1" || die "libvirtd runs on $1: nothing to mend"
    (lab_exec "$1" libvirtd --daemon --listen)
    wait_until 60 libvirtd_answers "$1" || die "libvirtd on $1 does not answer: see $LAB_STATE/$1/log/libvirtd.log"
}

# The host is lost with all that ran on it; like a machine without power, it keeps its disks
# and its definitions of VMs but not its /run.
break_host() {
    process_kill "$LAB_STATE/$1/init.pid"
    process_kill "$LAB_STATE/$1/outer.pid"
    rm -rf "$LAB_STATE/${1:?}/run"
    break_network "$1"
}

mend_host() {
    process_is_gone "$LAB_STATE/$1/init.pid" || die "host $1 runs: nothing to mend"
    mend_network "$1"
    host_directories "$1"
    host_start "$1"
}
