#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A guest that writes 8 bytes in each page is seen to change few bytes per written page, one that writes all sees all.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 1
lab vm few --load w --area 8M --sparse 8
lab vm all --load w --area 8M
godwit_on_lab watch h1 --json --count 12 --budget 5% >"$TMP/periods" 2>"$TMP/words" || fail "watch failed: $(cat "$TMP/words")"

dirty_bytes() {
    jq -s -r --arg vm "$1" 'last.vms[] | select(.name == $vm) | .dirty_bytes_per_page' "$TMP/periods"
}
few=$(dirty_bytes few)
all=$(dirty_bytes all)
echo "bytes per written page: $few of 8, $all of 4096"
# The guest's kernel writes some pages of its own.
awk -v few="$few" -v all="$all" 'BEGIN { exit !(few >= 6 && few <= 60 && all > 3500 && all <= 4096) }' ||
    fail "bytes changed per written page: $few and $all"
