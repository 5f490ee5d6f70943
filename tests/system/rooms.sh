#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A forbidden include between rooms is found, named with file and line, and fails; an allowed one is not.
. "$(dirname "$0")/lib.sh"

cp -r "$SOURCE_DIR/src" "$TMP/src"
"$SOURCE_DIR/tools/check-rooms" "$TMP/src" || fail "the tree as it is was refused"
printf '#include "migrate/gang.h"\n' >>"$TMP/src/classify/smooth.c"
status=0
"$SOURCE_DIR/tools/check-rooms" "$TMP/src" 2>"$TMP/words" || status=$?
assert_eq "$status" 1 "exit status"
assert_match "$(cat "$TMP/words")" 'classify/smooth\.c:[0-9]+: classify may not include migrate' "what is said"
