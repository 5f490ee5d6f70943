#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever breaks in whatever state of a migration through relays, one whole copy of the guest is left, or a post-copy that is
# recovered through fresh relays: the whole table, see tests/wire/faults.py.
. "$(dirname "$0")/../system/lib.sh"

need_root
need_cmd qemu-system-x86_64 cpio
need_godwit
/usr/bin/python3 "$SOURCE_DIR/tests/wire/faults.py" &
breaking=$!
on_exit kill "$breaking"
wait "$breaking"
