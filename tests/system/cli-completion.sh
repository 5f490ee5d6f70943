#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Completion offers every command and every option that the help shows, hosts of the inventory, and only values that the
# program takes.
. "$(dirname "$0")/lib.sh"

need_godwit
PATH=$(dirname "$GODWIT"):$PATH
printf '[fleet]\n[host alpha]\nuri=x\n[host beta]\nuri=y\n' >"$TMP/inventory.ini"
export GODWIT_INVENTORY=$TMP/inventory.ini
# shellcheck source=data/completion/godwit
. "$SOURCE_DIR/data/completion/godwit"

# complete_line WORD...: what would be offered for the last word
complete_line() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _godwit
    echo "${COMPREPLY[*]}"
}

commands=$("$GODWIT" --help | sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p' | paste -sd ' ')
assert_eq "$(complete_line godwit '')" "$commands --help --version" "commands"
assert_eq "$(complete_line godwit ev)" "evacuate" "commands that begin with ev"
for command in hosts watch plan migrate evacuate rebalance consolidate simulate relay; do
    wanted=$("$GODWIT" "$command" --help | grep -oE '^  (-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | paste -sd ' ')
    [[ $wanted == *--json* ]] || fail "no options in the help of $command"
    assert_eq "$(complete_line godwit "$command" --)" "$wanted" "options of $command"
done
assert_eq "$(complete_line godwit evacuate '')" "alpha beta" "hosts"
assert_eq "$(complete_line godwit evacuate alpha --to be)" "beta" "a destination"
assert_eq "$(complete_line godwit evacuate alpha --to alpha,be)" "alpha,beta" "a second destination"
assert_eq "$(complete_line godwit plan '')" "evacuate migrate" "what to plan"
for option in --policy --features --on-stuck --copy-storage --placer --preset --objective --norm; do
    [[ -n $(complete_line godwit evacuate "$option" '') ]] || fail "no values for $option"
    for value in $(complete_line godwit evacuate "$option" ''); do
        status=0
        "$GODWIT" evacuate alpha --to beta "$option" "$value" --inventory "$TMP/missing" >/dev/null 2>"$TMP/err" || status=$?
        assert_eq "$status" 1 "exit status with $option $value: $(cat "$TMP/err")"
    done
done
for policy in $(complete_line godwit simulate --policy ''); do
    status=0
    "$GODWIT" simulate "$TMP/missing" --policy "$policy" >/dev/null 2>"$TMP/err" || status=$?
    assert_eq "$status" 1 "exit status of simulate with --policy $policy: $(cat "$TMP/err")"
done
assert_match "$(complete_line godwit simulate --policy lr_)" "lr_mmt lr_mu" "policies that begin with lr_"
wanted=$("$GODWIT" relay choose --help | grep -oE '^  (-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | paste -sd ' ')
assert_eq "$(complete_line godwit relay choose --)" "$wanted" "options of relay choose"
assert_eq "$(complete_line godwit relay choose --algorithm p)" "pre-copy post-copy" "algorithms"
assert_eq "$(complete_line godwit relay so)" "source" "ends of a relay"
assert_eq "$(complete_line godwit relay source --page-memory '')" "auto full hash" "page memories"
assert_eq "$(complete_line godwit simulate --mode '')" "physical cloudsim" "modes"
