#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The lab's faults are real, and what can be mended is whole again.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd jq virsh
lab_up --hosts 2
lab vm vm1 --ram 192M --load rw --area 1M

# libvirtd dies, the VM runs on, and the next libvirtd finds it
pings() {
    timeout 5 virsh -q -c "$(host_uri "$1")" version >/dev/null 2>&1
}
lab break libvirtd h1
! pings h1 || fail "libvirtd of h1 still answers"
beats=$(lab guest vm1 --json | jq .beats)
beats_go_on() {
    [[ $(lab guest vm1 --json | jq .beats) -gt $beats ]]
}
wait_for "vm1 beats without libvirtd" 10 beats_go_on
lab mend libvirtd h1
vm_is_on vm1 h1 || fail "vm1 is not running after libvirtd came back"

# the migration link, and only that; then all of the network
reaches() {
    lab exec h1 timeout 3 bash -c "exec 3<>/dev/tcp/$1/16509" 2>/dev/null
}
lab break link h2
wait_for "the management link carries on" 20 reaches 10.78.0.2
if timeout 10 virsh -q -c "$(host_uri h1)" migrate --live --p2p vm1 "$(peer_uri h2)" >/dev/null 2>&1; then
    fail "a migration went over a broken link"
fi
lab break network h2
! reaches 10.78.0.2 || fail "the management link of h2 is not broken"
lab mend network h2
wait_for "h2 is reached again" 20 reaches 10.78.0.2
virsh -q -c "$(host_uri h1)" domjobabort vm1 2>/dev/null || true

no_job() {
    virsh -c "$(host_uri h1)" domjobinfo vm1 2>/dev/null | grep -q 'Job type: *None' && only_on_h1
}
only_on_h1() {
    [[ ! -e /run/godwit-lab/$LAB/h2/run/libvirt/qemu/vm1.pid ]]
}
wait_for "the failed migration is cleaned up" 60 no_job
vm_is_on vm1 h1 || fail "vm1 does not run at the source after the failed migration"

# a host is lost with what it ran, and comes back with its definitions
lab break host h1
! pings h1 || fail "libvirtd of a lost host answers"
! lab exec h1 true 2>/dev/null || fail "a command runs on a lost host"
lab mend host h1
assert_json "$(lab vms --json)" '. == [{"name": "vm1", "host": "h1", "state": "shut off"}]' "the definition is left"
