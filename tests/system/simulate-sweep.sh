#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A sweep gives the same bytes with one thread, with many, and shared among processes under mpirun; a run that fails is told
# and stops no other; one run of a sweep is what the run alone gives.
. "$(dirname "$0")/lib.sh"

need_godwit
need_cmd jq
scenarios=("$SOURCE_DIR/data/scenarios/cloudsim-p50.ini")
words=(--sweep "${scenarios[@]}" --seeds '1-3,7' --policies 'lr_mmt_1.2,thr_rs_0.8')

"$GODWIT" simulate "${words[@]}" --threads 1 --out "$TMP/one" >"$TMP/one.txt" 2>"$TMP/err"
assert_eq "$(wc -l <"$TMP/err")" 8 "lines of progress"
"$GODWIT" simulate "${words[@]}" --threads 4 --out "$TMP/four" >"$TMP/four.txt" 2>/dev/null
cmp "$TMP/one.txt" "$TMP/four.txt"
diff -r "$TMP/one" "$TMP/four"
assert_eq "$("$GODWIT" simulate "${words[@]}" --json 2>/dev/null)" "$(cat "$TMP/one/sweep.json")" "JSON"
assert_json "$(cat "$TMP/one/sweep.json")" '[.sets[] | .policy + ":" + (.seeds | map(tostring) | join(","))] ==
    ["lr_mmt_1.2:1,2,3,7", "thr_rs_0.8:1,2,3,7"] and all(.sets[]; .failed == [])' "sets"

# rs draws, so seeds matter; lr_mmt draws nothing
assert_json "$(cat "$TMP/one/sweep.json")" '.sets[0].figures.energy_kwh | .min == .median and .max == .median' "lr_mmt"
assert_json "$(cat "$TMP/one/sweep.json")" '.sets[1].figures.migrations | .min < .max' "rs"
alone=$("$GODWIT" simulate "${scenarios[@]}" --policy thr_rs_0.8 --seed 7 --json 2>/dev/null)
row=$(awk -F, '$2 == "thr_rs_0.8" && $3 == 7 { print $5 "," $6 }' "$TMP/one/runs.csv")
assert_eq "$row" "$(jq -r '"\(.energy_kwh),\(.migrations)"' <<<"$alone")" "seed 7 of the sweep"

# a VM that fits nowhere: its runs fail, the others go on
sed 's/^count = 40/count = 4/' "${scenarios[0]}" | sed "s|\.\./|$SOURCE_DIR/data/|; s/^name = .*/name = too small/" >"$TMP/small.ini"
status=0
"$GODWIT" simulate --sweep "$TMP/small.ini" "${scenarios[@]}" --json >"$TMP/json" 2>"$TMP/err" || status=$?
assert_eq "$status" 1 "exit status with runs that fail"
assert_match "$(tail -n 1 "$TMP/err")" '^godwit simulate: 1 of 2 runs failed$' "the error"
assert_json "$(cat "$TMP/json")" '.sets[0].failed[0].error | test("no host has room")' "why it failed"
assert_json "$(cat "$TMP/json")" '.sets[0].figures.energy_kwh.median == null and .sets[1].figures.energy_kwh.median == 7.49' "figures"

# without the module a process that mpirun started says what is missing
mkdir "$TMP/alone"
cp "$GODWIT" "$TMP/alone/godwit"
installed=$(sed -n 's/.*GODWIT_MODULE_DIR "\(.*\)".*/\1/p' "$BUILD_DIR/godwit-config.h")
if [[ ! -e $installed/godwit-mpi.so ]]; then
    status=0
    OMPI_COMM_WORLD_SIZE=2 "$TMP/alone/godwit" simulate "${words[@]}" >"$TMP/out" 2>"$TMP/err" || status=$?
    assert_eq "$status" 1 "exit status without the module"
    assert_match "$(cat "$TMP/err")" '^godwit simulate: mpirun started .* not there: .*godwit-mpi.so' "what is missing"
fi

[[ -e $BUILD_DIR/godwit-mpi.so ]] || skip "no module for MPI was built: libopenmpi-dev is missing"
need_cmd mpirun
if ldd "$GODWIT" | grep -q libmpi; then
    fail "the program itself loads MPI"
fi
for processes in 2 3; do
    mpirun --allow-run-as-root --oversubscribe -n "$processes" "$GODWIT" simulate "${words[@]}" --out "$TMP/mpi" \
        >"$TMP/mpi.txt" 2>"$TMP/err" || fail "mpirun -n $processes: $(cat "$TMP/err")"
    cmp "$TMP/one.txt" "$TMP/mpi.txt"
    diff -r "$TMP/one" "$TMP/mpi"
    rm -r "$TMP/mpi"
done
