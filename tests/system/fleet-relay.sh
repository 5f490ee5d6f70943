#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A plan is played with relays and without: what pre-copy cannot move over a slow link goes through a relay with a
# small pause, and what no relay can help is told within two passes, with the numbers.
. "$(dirname "$0")/lib.sh"

need_cmd jq
need_godwit
unset GODWIT_INVENTORY
evacuate=("$GODWIT" evacuate h1 --to h2 --fleet "$SOURCE_DIR/data/scenarios/relay.ini" --policy pre-copy)

# dry runs: nothing moves, everything is predicted
"${evacuate[@]}" --relay off --stuck-after 5min --dry-run >"$TMP/off" 2>&1 || true
assert_match "$(cat "$TMP/off")" "0 of 2 migrate" "without a relay"
"${evacuate[@]}" --relay on --stuck-after 5min --dry-run >"$TMP/on" 2>&1 || true
assert_match "$(cat "$TMP/on")" "1 of 2 migrate" "with a relay"
assert_match "$(cat "$TMP/on")" "8.0 MiB that cost 8.0 MiB on the wire" "why the other does not"
assert_match "$(cat "$TMP/on")" "through a relay, as --relay says" "the choice"

# the same for real, in virtual time
"${evacuate[@]}" --relay on --json >"$TMP/run.json" 2>"$TMP/err" && fail "one of the two does not converge"
sparse=$(jq '.vms[] | select(.name == "sparse")' "$TMP/run.json")
noise=$(jq '.vms[] | select(.name == "noise")' "$TMP/run.json")
assert_eq "$(jq -r .outcome <<<"$sparse")" migrated "the guest that writes words"
jq -e '.guest_gap_ms > 0 and .guest_gap_ms <= 320' <<<"$sparse" >/dev/null || fail "its pause: $sparse"
jq -e '.bytes < 0.8 * 512 * 1048576' <<<"$sparse" >/dev/null || fail "its bytes on the wire: $sparse"
assert_eq "$(jq -r .outcome <<<"$noise")" failed "the guest that writes noise"
assert_eq "$(jq -r .now_at <<<"$noise")" h1 "where it runs on"
jq -e '.total_time_s < 90' <<<"$noise" >/dev/null || fail "it was told late: $noise"
