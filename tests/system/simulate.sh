#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A scenario is played: the same seed gives the same bytes, another seed others; what is written is complete and well-formed;
# defects, numbers and placers make a difference; every example of data/scenarios can be played, or says why not.
. "$(dirname "$0")/lib.sh"

need_godwit
need_cmd jq
scenarios=$SOURCE_DIR/data/scenarios
day=$scenarios/fat-tree.ini

play() {
    "$GODWIT" simulate "$@" --json 2>/dev/null
}

first=$(play "$day" --seed 5 --out "$TMP/first")
second=$(play "$day" --seed 5 --out "$TMP/second")
other=$(play "$day" --seed 6 --out "$TMP/other")
assert_eq "$first" "$second" "two runs of one seed"
diff -r "$TMP/first" "$TMP/second"
if diff -qr "$TMP/first" "$TMP/other" >/dev/null; then
    fail "another seed gives the same"
fi
assert_json "$other" '.seed == 6' "the seed that is told"

assert_eq "$(cd "$TMP/first" && echo *)" "energy.csv energy.svg hosts.svg initial.csv load.svg migrations.csv migrations.svg \
report.html response-time.svg series.csv summary.csv summary.json" "files"
assert_eq "$(cat "$TMP/first/summary.json")" "$first" "summary.json"
assert_eq "$(wc -l <"$TMP/first/series.csv")" $(($(jq .ticks <<<"$first") + 1)) "lines of series.csv"
assert_eq "$(wc -l <"$TMP/first/migrations.csv")" $(($(jq .migrations <<<"$first") + 1)) "lines of migrations.csv"
assert_eq "$(wc -l <"$TMP/first/initial.csv")" 97 "lines of initial.csv"
assert_eq "$(sed -n 2p "$TMP/first/initial.csv")" "app1,h1" "the first VM"
assert_eq "$(grep -c '<svg' "$TMP/first/report.html")" 5 "plots in the page"
assert_match "$(cat "$TMP/first/report.html")" 'seed <b>5</b>' "the page's seed"
# the series adds up to the total, but for what follows the last tick
assert_json "$(awk -F, -v kwh="$(jq .energy_kwh <<<"$first")" 'NR > 1 { sum += $2 } END {
    printf "{\"share\": %f}", sum / 3.6e6 / kwh }' "$TMP/first/series.csv")" '.share > 0.98 and .share < 1.001' "energy"

# numbers that the clock gave are told only on demand, and never written
assert_json "$(play "$day" --seed 5 --timing --out "$TMP/timed")" '.cpu_s >= 0 and .wall_s >= 0' "timing"
diff -r "$TMP/first" "$TMP/timed"

# what can be switched makes a difference
physical=$(jq .energy_kwh <<<"$first")
for words in '--defects free-idle-power,no-hold' '--set hold_s=0' '--policy dvfs' '--placer godwit' '--placer gbm'; do
    # shellcheck disable=SC2086 # words
    json=$(play "$day" --seed 5 $words)
    [[ $(jq -c 'del(.defects, .placer, .policy)' <<<"$json") != $(jq -c 'del(.defects, .placer, .policy)' <<<"$first") ]] ||
        fail "$words changes nothing"
done
assert_json "$(play "$day" --policy npa)" ".energy_kwh > $physical and .migrations == 0" "all hosts on"
assert_json "$(play "$day" --mode cloudsim)" '.mode == "cloudsim" and .defects == "all"' "mode cloudsim"

# a table for people, with the seed; steps on standard error
"$GODWIT" simulate "$day" --seed 5 >"$TMP/text" 2>"$TMP/err"
assert_match "$(head -n 1 "$TMP/text")" '^fat-tree: 16 hosts, 96 VMs, policy thr_mmt_0.8, placer power, mode physical, seed 5$' "text"
assert_eq "$(cat "$TMP/err")" "playing fat-tree with thr_mmt_0.8" "steps"
grep -q '^migrations ' "$TMP/text" || fail "the table lacks migrations"

for scenario in "$scenarios"/*.ini; do
    if grep -q '^\[fault' "$scenario"; then
        status=0
        "$GODWIT" simulate "$scenario" >/dev/null 2>"$TMP/err" || status=$?
        assert_eq "$status" 1 "exit status with faults"
        assert_match "$(tail -n 1 "$TMP/err")" 'a day has no faults; take them out, or play the scenario with --fleet' "the reason"
    else
        assert_json "$(play "$scenario")" '.energy_kwh > 0' "$scenario"
    fi
done

# what cannot be written is told, after what was asked for was printed
status=0
"$GODWIT" simulate "$day" --out /proc/nothing >"$TMP/text" 2>"$TMP/err" || status=$?
assert_eq "$status" 1 "exit status when nothing can be written"
assert_match "$(tail -n 1 "$TMP/err")" '^godwit simulate: --out: cannot make /proc/nothing' "the error"
