#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A hundred migrations through relays (COUNT), over loads, links, round-trip times and modes: after each the guest finds all its
# memory as it should be.
. "$(dirname "$0")/../system/lib.sh"

need_root
need_cmd qemu-system-x86_64 cpio
need_godwit
/usr/bin/python3 "$SOURCE_DIR/tests/wire/verified.py" --count "${COUNT:-100}" &
verifying=$!
on_exit kill "$verifying"
wait "$verifying"
