#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Pre-checks find every problem before anything moves, list each with its cure, exit with 1 and touch nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 2 --link 1gbit
lab vm vm1 --load r --area 4M --local-disk 16M
lab vm vm2 --load r --area 4M

# a disk that only the source has
status=0
godwit_on_lab migrate vm1 vm2 --from h1 --to h2 --policy pre-copy --json >"$TMP/out" 2>"$TMP/words" || status=$?
assert_eq "$status" 1 "exit status"
assert_json "$(cat "$TMP/out")" 'any(.. | objects; (.vm? == "vm1") and ((.what? // "") | test("disk|storage")) and ((.cure? // "") | test("copy-storage")))' \
    "the disk is a problem with a cure"
vm_is_on vm2 h1 || fail "vm2 was moved although the plan was refused"

# memory that must be kept free
sed 's/^keep_free=.*/keep_free=1TiB/' "$(lab inventory)" >"$TMP/tight.ini"
status=0
"$GODWIT" migrate vm2 --from h1 --to h2 --policy pre-copy --inventory "$TMP/tight.ini" >"$TMP/out" 2>"$TMP/words" || status=$?
assert_eq "$status" 1 "exit status without room"
assert_match "$(cat "$TMP/out" "$TMP/words")" 'memory' "what is short"

# a destination that does not answer
lab break libvirtd h2
status=0
godwit_on_lab migrate vm2 --from h1 --to h2 --policy pre-copy >"$TMP/out" 2>"$TMP/words" || status=$?
assert_eq "$status" 1 "exit status without a destination"
assert_match "$(cat "$TMP/out" "$TMP/words")" 'h2' "who does not answer"
lab mend libvirtd h2
vm_is_on vm2 h1 || fail "vm2 was moved"

# and the cure works
godwit_on_lab migrate vm1 --from h1 --to h2 --policy pre-copy --copy-storage all --json >"$TMP/report.json"
assert_eq "$(report '.vms[0].outcome')" migrated "with --copy-storage all"
exactly_one_copy vm1
lab verify vm1
