#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A pre-copy that cannot converge (the guest writes faster than the link carries) gets what --on-stuck says: abort leaves it
# at the source, post-copy moves it, force stops it for longer than the limit; each is told in the report.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 2 --link 500mbit
lab vm vm1 --load w --area 16M

# the policy pre-copy does not permit post-copy: its word is to abort
status=0
godwit_on_lab migrate vm1 --from h1 --to h2 --policy pre-copy --downtime-limit 30ms --stuck-passes 4 --json \
    >"$TMP/report.json" 2>"$TMP/words" || status=$?
assert_eq "$status" 1 "exit status of an aborted migration"
assert_eq "$(report '.vms[0] | .outcome + " " + .fault + " " + .now_at')" "failed not-converged h1" "abort"
assert_match "$(report '.vms[0].message')" 'converge' "the message"
exactly_one_copy vm1

godwit_on_lab migrate vm1 --from h1 --to h2 --policy pre-copy --downtime-limit 30ms --stuck-passes 4 --on-stuck post-copy \
    --json >"$TMP/report.json"
assert_eq "$(report '.vms[0] | .outcome + " " + .algorithm')" "migrated hybrid" "post-copy"
exactly_one_copy vm1
lab verify vm1

godwit_on_lab migrate vm1 --from h2 --to h1 --policy pre-copy --downtime-limit 30ms --stuck-passes 4 --on-stuck force \
    --json >"$TMP/report.json"
assert_json "$(cat "$TMP/report.json")" '.vms[0].outcome == "migrated" and .vms[0].forced and .vms[0].guest_gap_ms > 30' "force"
exactly_one_copy vm1
lab verify vm1
