#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A relay that is killed, a link that is cut, a relay that hangs: one whole copy of the guest is left, or a post-copy that is
# recovered.  (tests/long/wire-faults.sh has the whole table.)
. "$(dirname "$0")/lib.sh"

need_root
need_cmd qemu-system-x86_64 cpio
need_godwit
cells=live-first-pass/kill-source-relay,switchover/stop-link,device/kill-destination-relay,postcopy-early/cut-link
/usr/bin/python3 "$SOURCE_DIR/tests/wire/faults.py" --cells "$cells" &
breaking=$!
on_exit kill "$breaking"
wait "$breaking"
