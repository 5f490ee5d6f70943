#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# On a simulated fleet godwit works as on real hosts, in virtual time: it lists, watches, plans and evacuates; the same
# seed gives the same bytes; and what is wrong with a scenario is said in one line.
. "$(dirname "$0")/lib.sh"

need_cmd jq
need_godwit
unset GODWIT_INVENTORY
scenario=$SOURCE_DIR/data/scenarios/three-hosts.ini
fleet=(--fleet "$scenario")

# the fleet, and one host of it
"$GODWIT" hosts "${fleet[@]}" --json >"$TMP/hosts.json"
assert_eq "$(jq -r '[.hosts[].name] | join(" ")' "$TMP/hosts.json")" "h1 h2 h3" "the hosts of the scenario"
assert_match "$("$GODWIT" hosts h2 "${fleet[@]}")" "h2 +up +1 " "one host"

# ten seconds of observation take none, and tell readers from writers
began=$SECONDS
"$GODWIT" watch h1 --count 10 --json "${fleet[@]}" | tail -n 1 >"$TMP/watch.json"
assert_eq "$(jq -r '[.vms[] | select(.name == "reader" or .name == "writer") | .class] | sort | join(" ")' "$TMP/watch.json")" \
    "read write" "classes of two guests"

# the evacuation, twice with one seed and once with another
for run in 1 2; do
    "$GODWIT" evacuate h1 --to h2,h3 "${fleet[@]}" --seed 3 --json >"$TMP/run$run.json" 2>"$TMP/err$run"
done
cmp "$TMP/run1.json" "$TMP/run2.json"
assert_eq "$(jq -r '[.vms[].outcome] | unique | join(" ")' "$TMP/run1.json")" migrated "what became of the VMs"
assert_eq "$(jq '[.vms[] | select(.now_at == .destination and .destination != "h1")] | length' "$TMP/run1.json")" 5 "VMs where they should be"
assert_eq "$(jq '[.vms[] | select(.guest_gap_ms > 0)] | length' "$TMP/run1.json")" 5 "guests whose gap is known"
"$GODWIT" evacuate h1 --to h2,h3 "${fleet[@]}" --seed 4 --json >"$TMP/run3.json" 2>/dev/null
cmp -s "$TMP/run1.json" "$TMP/run3.json" && fail "another seed gives the same bytes"
assert_match "$("$GODWIT" evacuate h1 --to h2,h3 "${fleet[@]}" --seed 3 2>&1)" "simulated fleet 'three hosts', seed 3" \
    "the seed is told"
((SECONDS - began < 60)) || fail "virtual time took $((SECONDS - began)) s of ours"

# migrate, and a plan that was saved
"$GODWIT" migrate reader --from h1 --to h3 "${fleet[@]}" --json 2>/dev/null | jq -e '.gang.migrated == 1' >/dev/null
"$GODWIT" plan evacuate h1 --to h2 "${fleet[@]}" --save "$TMP/plan.json" >/dev/null 2>&1
"$GODWIT" migrate --plan "$TMP/plan.json" "${fleet[@]}" --json 2>/dev/null | jq -e '.gang.migrated == 5' >/dev/null

# a fault of the scenario strikes: the link of the source is cut for good
{ cat "$scenario"; printf '[fault cut]\nkind = link\ntarget = h1\nat = 15s\n'; } >"$TMP/fault.ini"
status=0
"$GODWIT" evacuate h1 --to h2,h3 --fleet "$TMP/fault.ini" --policy pre-copy --json >"$TMP/fault.json" 2>/dev/null || status=$?
assert_eq "$status" 1 "exit status when the link is cut"
assert_eq "$(jq -r '[.vms[] | .outcome, .fault, .now_at] | unique | join(" ")' "$TMP/fault.json")" "failed h1 link" "the VMs then"

# mistakes
mistake() { # STATUS REGEX WORD...
    local wanted=$1 regex=$2 status=0
    shift 2
    "$GODWIT" "$@" >"$TMP/out" 2>"$TMP/err" || status=$?
    assert_eq "$status" "$wanted" "exit status of 'godwit $*'"
    assert_match "$(grep -v '^simulated fleet' "$TMP/err")" "$regex" "what 'godwit $*' says"
}
mistake 2 "exclude each other" hosts "${fleet[@]}" --inventory "$TMP/inventory.ini"
mistake 1 "No such file" hosts --fleet "$TMP/nobody.ini"
mistake 1 "no host 'h9'" evacuate h1 --to h9 "${fleet[@]}"
sed 's/^memory = 24GiB/memory = 4GiB/' "$scenario" >"$TMP/small.ini"
mistake 1 "VM 'database' fits on no host" hosts --fleet "$TMP/small.ini"

# a dry run plays the plan: what it predicts is what the run then does
"$GODWIT" evacuate h1 --to h2,h3 "${fleet[@]}" --seed 3 --dry-run --json >"$TMP/dry.json" 2>/dev/null
assert_eq "$(jq -c '[.prediction.vms[] | [.vm, .outcome, .bytes, .downtime_ms]]' "$TMP/dry.json")" \
    "$(jq -c '[.vms[] | [.name, .outcome, .bytes, .guest_gap_ms]]' "$TMP/run1.json")" "prediction and run"
assert_match "$(jq -c '[.prediction.hosts[].name] | sort' "$TMP/dry.json")" '^."h1","h[23]"' "hosts of the prediction"
jq -e '.prediction | .finish_s > 10 and .seed == 3 and (.steps | length) == 5 and
    (.hosts | all(.peak_bytes <= .memory_bytes)) and ((.hosts | length) as $hosts | .steps | all(.peak_bytes | length == $hosts))' "$TMP/dry.json" >/dev/null
assert_match "$("$GODWIT" evacuate h1 --to h2,h3 "${fleet[@]}" --dry-run 2>/dev/null)" "played in virtual time, seed 1" \
    "the prediction in words"
