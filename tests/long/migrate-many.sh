#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Four VMs to and fro, ROUNDS times (20), with the policies in turn; after each move every guest verifies its memory and its
# disk, and exactly one copy of each runs.
. "$(dirname "$0")/../system/lib.sh"
. "$(dirname "$0")/../system/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
rounds=${ROUNDS:-20}
policies=(paper pre-copy post-copy hybrid)

lab_up --hosts 2 --link 1gbit
lab vm vm1 --load rrrr --area 8M --fill 100M --disk 16M
lab vm vm2 --load wwww --area 8M --fill 100M
lab vm vm3 --load rrrrwwww --area 2M --fill 100M
lab vm vm4 --load wwwr --area 2M --sparse 64 --fill 100M

from=h1 to=h2
for ((round = 0; round < rounds; round++)); do
    policy=${policies[round % ${#policies[@]}]}
    godwit_on_lab evacuate "$from" --to "$to" --policy "$policy" --downtime-limit 100ms --stuck-after 20s --on-stuck force \
        --json >"$TMP/report.json" 2>"$TMP/words" || fail "round $round, $policy: $(cat "$TMP/words" "$TMP/report.json")"
    for vm in vm1 vm2 vm3 vm4; do
        exactly_one_copy "$vm"
        lab verify "$vm" || fail "round $round, $policy: $vm"
    done
    echo "round $round, $policy: $(report '.gang.total_time_s') s, verified"
    was=$from from=$to to=$was
done
