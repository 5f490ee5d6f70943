#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Each algorithm, with one VM at a time and by URIs alone, peer-to-peer and direct: memory arrives unchanged, figures make
# sense.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 2 --link 1gbit
lab vm vm1 --load rw --area 4M --fill 60M --disk 16M

from=h1 to=h2
move() { # OPTION...
    godwit_on_lab migrate vm1 --from "$from" --to "$to" --json "$@" >"$TMP/report.json" 2>"$TMP/words" ||
        fail "$*: $(cat "$TMP/words" "$TMP/report.json")"
    assert_eq "$(report '.vms[0].outcome')" migrated "$*"
    exactly_one_copy vm1
    lab verify vm1
    local was=$from
    from=$to to=$was
}

move --policy pre-copy
assert_json "$(cat "$TMP/report.json")" '.vms[0].passes >= 1 and .vms[0].bytes > 60 * 1048576' "pre-copy's figures"
move --policy post-copy
assert_json "$(cat "$TMP/report.json")" '.vms[0].algorithm == "post-copy" and .vms[0].bytes > 60 * 1048576' "post-copy's figures"
move --policy hybrid
assert_json "$(cat "$TMP/report.json")" '.vms[0].algorithm == "hybrid" and .vms[0].passes >= 1' "hybrid's figures"
move --policy pre-copy --no-peer-to-peer
move --policy pre-copy --auto-converge --compressed
move --policy pre-copy --parallel 2
move --policy pre-copy --bandwidth 30MiB/s
