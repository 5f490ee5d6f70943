#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A plan is saved, edited by hand, checked again before it runs, and refused when it no longer fits; a refused plan
# touches nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 3 --link 1gbit
lab vm vm1 --load r --area 4M
lab vm vm2 --load r --area 4M

godwit_on_lab plan evacuate h1 --to h2 --policy pre-copy --save "$TMP/plan.json"
assert_eq "$(jq -r '[.steps[].destination] | join(" ")' "$TMP/plan.json")" "h2 h2" "planned destinations"
[[ -n $(virsh -q -c "$(host_uri h1)" list --name) ]] || fail "planning moved something"

# an edited plan goes where the editor says
jq '.steps |= map(if .vm == "vm2" then .destination = "h3" | .algorithm = "post-copy" else . end)' "$TMP/plan.json" >"$TMP/edited.json"
godwit_on_lab migrate --plan "$TMP/edited.json" --json >"$TMP/report.json"
assert_eq "$(report '[.vms[] | .name + ":" + .destination + ":" + .algorithm] | sort | join(" ")')" \
    "vm1:h2:pre-copy vm2:h3:post-copy" "what was run"
vm_is_on vm1 h2 || fail "vm1 is not on h2"
vm_is_on vm2 h3 || fail "vm2 is not on h3"

# the same plan again: both VMs are there already
status=0
godwit_on_lab migrate --plan "$TMP/edited.json" >"$TMP/out" 2>"$TMP/words" || status=$?
assert_eq "$status" 1 "exit status of a stale plan"
assert_match "$(cat "$TMP/out")" 'vm1' "the list of problems"
assert_match "$(cat "$TMP/out")" 'vm2' "the list of problems"
vm_is_on vm1 h2 || fail "a refused plan moved vm1"

# damage is told by file, step and member
jq '.steps[0].wave = -1' "$TMP/plan.json" >"$TMP/damaged.json"
status=0
godwit_on_lab migrate --plan "$TMP/damaged.json" 2>"$TMP/words" || status=$?
assert_eq "$status" 1 "exit status of a damaged plan"
assert_match "$(cat "$TMP/words")" "damaged.json, step 1: 'wave' must be a whole number" "the error"
