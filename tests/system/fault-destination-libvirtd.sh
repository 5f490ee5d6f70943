#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The destination's libvirtd is killed in the middle of a pre-copy: the VM runs on at the source, the other VM's
# migration to another host is not disturbed, and the report names who died.
# check: together
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 3 --link 200mbit
lab vm vm1 --load r --area 4M --fill 200M
lab vm vm2 --load r --area 4M --fill 50M
godwit_on_lab plan migrate vm1 vm2 --from h1 --to h2 --policy pre-copy --save "$TMP/plan.json" >/dev/null
jq '.steps |= map(if .vm == "vm2" then .destination = "h3" else . end)' "$TMP/plan.json" >"$TMP/edited.json"

start_godwit migrate --plan "$TMP/edited.json"
wait_for "memory of vm1 moves" 60 memory_moves vm1 h1
lab break libvirtd h2
end_godwit 120 1

assert_eq "$(report '.vms[] | select(.name == "vm1") | .outcome + " " + .fault')" "failed destination-libvirtd" "vm1"
assert_eq "$(report '.vms[] | select(.name == "vm2") | .outcome')" migrated "vm2"
vm_is_on vm1 h1 || fail "vm1 does not run at its source: $(copies_of vm1)"
lab mend libvirtd h2
wait_for "nothing of vm1 is left on h2" 60 leaves_nothing vm1 h2
exactly_one_copy vm1
exactly_one_copy vm2
lab verify vm1
lab verify vm2
