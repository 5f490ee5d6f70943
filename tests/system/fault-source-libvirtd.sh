#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The source's libvirtd is killed in the middle of a pre-copy and comes back: whatever became of the migration,
# exactly one copy runs, and the report says where.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 2 --link 200mbit
lab vm vm1 --load r --area 4M --fill 200M

start_godwit migrate vm1 --from h1 --to h2 --policy pre-copy
wait_for "memory of vm1 moves" 60 memory_moves vm1 h1
lab break libvirtd h1
lab mend libvirtd h1
end_godwit 120 1
exactly_one_copy vm1
assert_eq "$(report '.vms[0].fault')" source-libvirtd "fault"
vm_is_on vm1 "$(report '.vms[0].now_at')" || fail "the report says vm1 is on $(report '.vms[0].now_at'): $(copies_of vm1)"
lab verify vm1
