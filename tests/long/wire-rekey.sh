#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# TLS changes its keys after 2^24 records.  A link between relays goes on through that while both directions are busy.
. "$(dirname "$0")/../system/lib.sh"

test=$BUILD_DIR/tests/unit/test-wire-rekey
[[ -x $test ]] || skip "needs $test (meson compile)"
REKEY_RECORDS=$(((1 << 24) + 10000)) "$test"
