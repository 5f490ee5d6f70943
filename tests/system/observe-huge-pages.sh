#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A guest backed by huge pages has accessed bits for 2 MiB only: the grain is stated, and said in words.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
grep -q never <(tr ' ' '\n' </sys/kernel/mm/transparent_hugepage/enabled | grep '\[') && skip "no transparent huge pages here"
lab_up --hosts 1
lab vm big --load rw --area 8M --hugepages
godwit_on_lab watch h1 --json --count 6 --budget 5% >"$TMP/periods" 2>"$TMP/words" || fail "watch failed: $(cat "$TMP/words")"
last=$(jq -s -c 'last.vms[0]' "$TMP/periods")
assert_eq "$(json "$last" .access_grain_bytes)" 2097152 "grain of accesses"
assert_eq "$(json "$last" .write_grain_bytes)" 4096 "grain of writes"
assert_match "$(json "$last" .note)" "mapped by huge pages" "note"
