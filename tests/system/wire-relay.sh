#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two real QEMUs migrate through a pair of relays, by pre-copy and by post-copy, over a link with a round-trip time: the guest
# finds all its memory as it should be, and the wire carried less than QEMU sent.
. "$(dirname "$0")/lib.sh"

need_root
need_cmd qemu-system-x86_64 cpio jq
need_godwit
/usr/bin/python3 "$SOURCE_DIR/tests/wire/try-rig" sparse relay,rate=100e6,rtt_ms=2 relay,rate=50e6,postcopy=late \
    >"$TMP/results" &
trying=$!
on_exit kill "$trying"
wait "$trying"
jq -c '{outcome, verify, passes, wire_bytes, ram_transferred_bytes, total_ms, pause_ms}' "$TMP/results"
jq -e -s 'length == 2 and all(.outcome == "completed" and .verify == "OK" and .notes == null)' "$TMP/results" >/dev/null ||
    fail "not both were completed and verified: $(cat "$TMP/results")"
# the first pass is compressed, the words of later ones go as segments
jq -e -s 'all(.wire_bytes < 0.75 * .ram_transferred_bytes)' "$TMP/results" >/dev/null || fail "the relay saved nothing"
jq -e -s '.[0].relay.totals.pages.segments > 10000 and .[1].postcopy' "$TMP/results" >/dev/null ||
    fail "no segments, or no post-copy"
