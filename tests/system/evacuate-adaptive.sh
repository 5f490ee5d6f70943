#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The main job: four VMs with the loads of the paper leave h1; each is classified as it is, moves by what suits it, and
# arrives with nothing lost and nothing changed.  Without relays, which auto picks or not by how busy the hosts are.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 3 --link 1gbit
lab vm vm1 --load rrrr --area 8M --rate 400M --fill 60M
lab vm vm2 --load wwww --area 8M --rate 400M --fill 60M
lab vm vm3 --load rrrrwwww --area 2M --rate 400M --repeat 200 --fill 60M
lab vm vm4 --load wwwr --area 2M --rate 400M --repeat 200 --fill 60M

godwit_on_lab evacuate h1 --to h2,h3 --budget 3% --relay off --json >"$TMP/report.json" 2>"$TMP/words" || fail "evacuate failed: $(cat "$TMP/words")"

assert_eq "$(report '[.vms[].outcome] | unique | join(" ")')" migrated "outcomes"
assert_eq "$(report '.vms[] | select(.name == "vm1") | .class + " " + .algorithm')" "read pre-copy" "vm1"
assert_match "$(report '.vms[] | select(.name == "vm2") | .class + " " + .algorithm')" "^(write|mixed) post-copy$" "vm2"
# VM3 and VM4 change from second to second: where they stand depends on the moment, but every VM is measured
assert_json "$(cat "$TMP/report.json")" '.vms | all(.class == "read" or .class == "write" or .class == "mixed")' "classes"
assert_json "$(cat "$TMP/report.json")" '.vms | all(if .class == "write" then .algorithm == "post-copy" elif .class == "read" then .algorithm == "pre-copy" else true end)' \
    "class decides"
assert_eq "$(report '[.vms[].destination] | unique | join(" ")')" "h2 h3" "destinations"
assert_json "$(cat "$TMP/report.json")" '.policy == "paper" and (.id | length) > 0' "head of the report"
assert_json "$(cat "$TMP/report.json")" '.vms | all(.total_time_s > 0 and .bytes > 0 and .guest_gap_ms > 0 and (.reason | length) > 0)' \
    "figures of each VM"
assert_json "$(cat "$TMP/report.json")" '.gang.total_time_s == ([.vms[].total_time_s] | max)' "total time is the longest"
assert_json "$(cat "$TMP/report.json")" \
    '(.gang.time_product - .gang.total_time_s * .gang.total_downtime_ms) | fabs < 1' "time product"
for vm in vm1 vm2 vm3 vm4; do
    exactly_one_copy "$vm"
    lab verify "$vm"
done
[[ -z $(virsh -q -c "$(host_uri h1)" list --name) ]] || fail "h1 is not empty"
