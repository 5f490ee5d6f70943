#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# CloudSim's experiment gives what CloudSim 3.0.3 gave: placement, every migration, every joule, and the columns of its
# tables; and a scenario that says the same gives the same.
. "$(dirname "$0")/lib.sh"

need_godwit
need_cmd jq
data=$SOURCE_DIR/data/cloudsim
trace=$data/planetlab-20110303-p50.txt

# The columns of the reference, as they are in its first line, are the first members of the object.
columns=$(head -n 1 "$data/p50-summary.csv" | tr -d '\r')

while IFS=, read -r _ order _ hosts vms policy energy migrations slav pdm slatah overall avg shutdowns; do
    out=$TMP/$policy
    json=$("$GODWIT" simulate --cloudsim "$trace" --hosts "$hosts" --policy "$policy" --json --out "$out" 2>/dev/null)
    assert_eq "$(jq -r '[keys_unsorted[]][:14] | join(",")' <<<"$json")" "$columns" "first members with $policy"
    assert_json "$json" ".order == \"$order\" and .vms == $vms and .policy == \"$policy\"" "what was played"
    assert_json "$json" ".energy_kwh == $energy and .migrations == $migrations and .slav_pct == $slav and
        .pdm_pct == $pdm and .slatah_pct == $slatah and .overall_sla_pct == $overall and .avg_sla_pct == $avg and
        .host_shutdowns == $shutdowns" "CloudSim's row of $policy"
    cmp "$out/energy.csv" "$data/p50_$policy-energy.csv"
    if [[ $policy == dvfs ]]; then
        cmp "$out/initial.csv" "$data/p50_dvfs-initial.csv"
    else
        cmp "$out/initial.csv" "$data/p50-initial.csv"
        cmp "$out/migrations.csv" "$data/p50_$policy-migrations.csv"
    fi
    # the summary that is written is the one that is printed
    assert_eq "$(cat "$out/summary.json")" "$json" "summary.json of $policy"
done < <(tail -n +2 "$data/p50-summary.csv" | tr -d '\r')
[[ -d $TMP/lr_mu_1.2 ]] || fail "p50-summary.csv has no lr_mu_1.2"

# the scenario that writes the experiment out
for policy in lr_mmt_1.2 thr_mmt_0.8; do
    json=$("$GODWIT" simulate "$SOURCE_DIR/data/scenarios/cloudsim-p50.ini" --policy "$policy" --json --out "$TMP/scenario" 2>/dev/null)
    assert_eq "$(jq -c 'del(.order, .workload)' <<<"$json")" "$(jq -c 'del(.order, .workload)' "$TMP/$policy/summary.json")" \
        "the scenario's figures with $policy"
    cmp "$TMP/scenario/series.csv" "$TMP/$policy/series.csv"
    cmp "$TMP/scenario/energy.csv" "$TMP/$policy/energy.csv"
    # there VMs and hosts have names: vm1 is VM 0
    tail -n +2 "$TMP/scenario/migrations.csv" | awk -F, '{ sub(/vm/, "", $4); gsub(/h/, "", $5); gsub(/h/, "", $6)
        printf "%s,%d,%d,%d\n", $1, $4 - 1, $5 - 1, $6 - 1 }' >"$TMP/moves"
    tail -n +2 "$TMP/$policy/migrations.csv" | cmp - "$TMP/moves"
done
