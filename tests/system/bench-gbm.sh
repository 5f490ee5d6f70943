#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The experiment of seed 003, small: the same seeds give the same runs, every claim is judged, VMs that do not fit are
# named, and wrong knobs are refused.
. "$(dirname "$0")/lib.sh"

[[ -x $BUILD_DIR/bench/gbm/gbm-bench ]] || skip "gbm-bench is not built"

small() { # OUT
    SEEDS=2 VMS=300,600,900,1200 PORTS=8,10 PLACERS=gbm,fpa,aco,pabfd OUT=$1 "$SOURCE_DIR/bench/gbm/run" >"$1.out"
}

without_times() { # RUNS: the column of the placers' processor time differs each time
    awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "decision_s") skip = i } { $skip = ""; print }' "$1"
}

small "$TMP/one"
small "$TMP/two"
assert_eq "$(without_times "$TMP/one/runs.csv" | sha256sum)" "$(without_times "$TMP/two/runs.csv" | sha256sum)" "runs"
assert_eq "$(wc -l <"$TMP/one/runs.csv")" "$((1 + 7 * 2 * 4))" "lines of runs.csv: 7 cells fit, 2 seeds, 4 placers"
assert_match "$(cat "$TMP/one/tables.txt")" "Topology 1, 1200 VMs: not run, 128 hosts hold 1152 VMs" "what does not fit"
grep -qE '^(held|not held)' "$TMP/one/claims.txt" || fail "no claim was judged"
for claim in 1 2 3 4; do
    grep -q "^$claim\. " "$TMP/one/claims.txt" || fail "claim $claim is missing"
done
assert_match "$(head -c 100 "$TMP/one/figure3.svg")" "<svg" "figure 3"

# So much to move that it takes longer than the curves of figure 3: the program itself checks that every VM arrives.
LOAD=0.9 SEEDS=3 VMS=600 PORTS=8 PLACERS=gbm,fpa OUT=$TMP/heavy "$SOURCE_DIR/bench/gbm/run" >/dev/null

status=0
PLACERS=gbm PRESET=fast OUT=$TMP/three "$SOURCE_DIR/bench/gbm/run" >/dev/null 2>"$TMP/words" || status=$?
assert_eq "$status" 2 "exit status for a wrong preset"
assert_match "$(cat "$TMP/words")" "preset 'fast'" "what is said"
