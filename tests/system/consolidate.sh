#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# godwit consolidate empties hosts of a (simulated) fleet, and packs published instances onto no more hosts than anybody
# did, tells so as text and JSON, and gives the same packing for the same seed.  The packing is checked here once more, with
# arithmetic of awk.
. "$(dirname "$0")/lib.sh"

need_godwit
need_cmd jq awk
data=$SOURCE_DIR/data/vmp

# fits FILE JSON: no host of any instance has more than its capacity, and as many are used as is said
fits() {
    jq -r '.instances[] | "\(.name) \(.hosts_used) \(.host_of | join(" "))"' "$2" >"$TMP/packings"
    tr -d '\r' <"$1" | awk -v packings="$TMP/packings" '
        BEGIN { while ((getline line < packings) > 0) { split(line, word, " "); said[word[1]] = line } }
        /^[A-Z]/ { name = $1; line_no = 0; next }
        { line_no++ }
        line_no == 1 { kinds = split($1, number, ",") }
        line_no == 2 { split($1, cpu, ",") }
        line_no == 3 { split($1, ram, ",") }
        line_no == 4 {
            n = $1; vm = 0; hosts = 0; used = 0
            split("", has_cpu); split("", has_ram); split("", is_used)
            for (k = 1; k <= kinds; k++) for (i = 0; i < number[k]; i++) { has_cpu[hosts] = cpu[k]; has_ram[hosts++] = ram[k] }
            split(said[name], word, " ")
        }
        line_no > 4 {
            host = word[3 + vm++]
            if (!(host in is_used)) { is_used[host] = 1; used++ }
            if ((has_cpu[host] -= $1) < 0 || (has_ram[host] -= $2) < 0) { print name ": host " host " is too full"; bad = 1 }
            if (vm == n && used != word[2]) { print name ": " used " hosts are used, not " word[2]; bad = 1 }
        }
        END { exit bad }' || fail "a packing of $1 is wrong"
}

for file in "$data"/*.txt; do
    "$GODWIT" consolidate --instances "$file" --json --seed 7 >"$TMP/first.json"
    fits "$file" "$TMP/first.json"
    while IFS=, read -r name _ best; do
        assert_json "$(cat "$TMP/first.json")" "[.instances[] | select(.name == \"$name\") | .hosts_used <= $best] | all" \
            "$name needs no more than the best known $best hosts"
    done < <(tail -n +2 "$data/best-known.csv")
    "$GODWIT" consolidate --instances "$file" --json --seed 7 --dry-run >"$TMP/second.json"
    assert_eq "$(jq -c 'del(.. | .seconds?, .median_seconds?, .max_seconds?)' "$TMP/second.json")" \
        "$(jq -c 'del(.. | .seconds?, .median_seconds?, .max_seconds?)' "$TMP/first.json")" "the same seed again"
done

text=$("$GODWIT" consolidate --instances "$data/C400.txt")
assert_match "$text" 'VMP_C430 +400 +75 +400 +75 +0\.00 % +best' "the table"
assert_match "$text" '1 instance: 75 hosts used, 75 at least; mean gap 0\.00 %, 1 proven best' "the summary"

# without the search the construction is shown for what it is
assert_json "$("$GODWIT" consolidate --instances "$data/C400.txt" --effort 0 --json)" \
    '.instances[0] | .hosts_used > 75 and .hosts_used == .hosts_constructed and .moves == 0' "construction only"

# of three hosts two are needed: the one with least to move is emptied, whole
scenario=$SOURCE_DIR/data/scenarios/three-hosts.ini
fleet=(--hosts "h1,h2,h3" --fleet "$scenario")
"$GODWIT" consolidate "${fleet[@]}" --dry-run --json >"$TMP/dry.json" 2>/dev/null
assert_json "$(cat "$TMP/dry.json")" '[.steps[] | .vm + " " + .source] == ["other1 h2"] and (.problems | length) == 0 and
    (.steps[0].placement | test("h2 is emptied")) and .prediction.vms[0].outcome == "migrated"' "the plan"
"$GODWIT" consolidate "${fleet[@]}" --json >"$TMP/run.json" 2>/dev/null
assert_json "$(cat "$TMP/run.json")" '[.vms[] | [.name, .outcome, .source]] == [["other1", "migrated", "h2"]] and
    .vms[0].now_at == .vms[0].destination' "what became of it"
assert_match "$("$GODWIT" consolidate "${fleet[@]}" --dry-run 2>&1)" '1 of 3 hosts can be emptied: h2; 1 VM with 8 GiB move' "in words"

# with less memory everybody needs a host
sed 's/^memory = 24GiB/memory = 14GiB/' "$scenario" >"$TMP/tight.ini"
assert_match "$("$GODWIT" consolidate --hosts h1,h2,h3 --fleet "$TMP/tight.ini" --dry-run 2>&1)" 'none of the 3 hosts can be emptied' \
    "a fleet that is full"
status=0
"$GODWIT" consolidate "${fleet[@]}" --placer fit --dry-run >/dev/null 2>"$TMP/err" || status=$?
assert_eq "$status" 2 "exit status with a placer that cannot consolidate"
assert_match "$(cat "$TMP/err")" 'placer fit cannot consolidate; these can: .*pack' "what it says"
