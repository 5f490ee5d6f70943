#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Ctrl-C: the pre-copy is cancelled and its VM runs on at the source, the post-copy is finished, and the report says so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 2 --link 200mbit
lab vm vm1 --load r --area 4M --fill 250M
lab vm vm2 --load w --area 4M --fill 150M
godwit_on_lab plan migrate vm1 vm2 --from h1 --to h2 --policy post-copy --save "$TMP/plan.json" >/dev/null
jq '.steps |= map(if .vm == "vm1" then .algorithm = "pre-copy" else . end)' "$TMP/plan.json" >"$TMP/edited.json"

start_godwit migrate --plan "$TMP/edited.json"
wait_for "memory of vm1 moves" 60 memory_moves vm1 h1
wait_for "vm2 runs on h2" 60 vm_is_on vm2 h2
kill -INT "$godwit_pid"
end_godwit 120 1
assert_eq "$(report '.vms[] | select(.name == "vm1") | .outcome + " " + .fault + " " + .now_at')" "cancelled operator h1" vm1
assert_eq "$(report '.vms[] | select(.name == "vm2") | .outcome + " " + .now_at')" "migrated h2" vm2
exactly_one_copy vm1
exactly_one_copy vm2
lab verify vm1
lab verify vm2
