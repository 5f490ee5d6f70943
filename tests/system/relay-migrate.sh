#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Migrations through relays, and one over several connections that QEMU compresses: one that converges only so, and post-copy; one whose agents are killed in the middle goes on;
# one whose relay is killed is begun again without, one whose relay cannot be started goes without; each says so.  The
# guest verifies its memory after each, runs exactly once, and no folder of a relay is left.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 2 --link 300mbit
lab vm vm1 --load sparse

no_relay_folders() {
    ! compgen -G "/run/godwit-lab/$LAB/h*/run/godwit/relay-*" >/dev/null
}

# Processes of this lab's host HOST whose command line has WORDS.
pids_on() {
    local host=$1 words=$2 pid init
    init=$(lab exec "$host" readlink /proc/self/ns/net)

    for pid in $(pgrep -f -- "$words"); do
        [[ $(readlink "/proc/$pid/ns/net" 2>/dev/null) != "$init" || $pid == "$$" ]] || echo "$pid"
    done
}

relay_is_live() {
    [[ -n $(pids_on "$1" 'godwit relay source') ]] && memory_moves vm1 "$1"
}

ended_well() {
    assert_eq "$(report '.vms[0] | .outcome + " " + .fault + " " + .now_at')" "migrated none $1" "$2"
    exactly_one_copy vm1
    lab verify vm1
}

# sparse writes do not converge on this link without
godwit_on_lab migrate vm1 --from h1 --to h2 --policy pre-copy --relay on --json >"$TMP/report.json"
ended_well h2 "through a relay"
assert_json "$(cat "$TMP/report.json")" '.vms[0] | .relay.wire_bytes < .relay.stream_bytes and .relay.wire_bytes == .bytes
    and .algorithm == "pre-copy" and .attempts == 1 and .message == null' "the relay's figures"
no_relay_folders || fail "a relay's folder was left"

# the agents are killed once memory moves: the relays go on by themselves
start_godwit migrate vm1 --from h2 --to h1 --policy post-copy --relay on
wait_for "the relay carries memory" 30 relay_is_live h2
# shellcheck disable=SC2046 # numbers
kill -9 $(pids_on h1 'godwit agent') $(pids_on h2 'godwit agent')
end_godwit 60 0
ended_well h1 "post-copy, agents killed"
assert_match "$(report '.vms[0].message')" 'agent on h[12]: .*its relay goes on unwatched' "the message"

# a relay is killed: pre-copy ends, and is begun again without; with --on-stuck force it ends
start_godwit migrate vm1 --from h1 --to h2 --policy pre-copy --relay on --stuck-passes 2 --on-stuck force
wait_for "the relay carries memory" 30 relay_is_live h1
# shellcheck disable=SC2046 # numbers
kill -9 $(pids_on h2 'godwit relay destination')
end_godwit 90 0
ended_well h2 "begun again"
assert_json "$(cat "$TMP/report.json")" '.vms[0] | .attempts == 2 and .relay == null' "the attempts"
assert_match "$(report '.vms[0].message')" 'relay on h2: was ended by signal 9' "the message"

# the one that the agents killed above had left is gone with the next agent
no_relay_folders || fail "a relay's folder was left"

# no relay can be started: one sentence, and the plain way
sed 's/^\(agent=.*\)/\1 --relay-program \/nonexistent/' "$(lab inventory)" >"$TMP/inventory.ini"
GODWIT_INVENTORY=$TMP/inventory.ini "$GODWIT" migrate vm1 --from h2 --to h1 --policy hybrid --relay on --json \
    >"$TMP/report.json"
ended_well h1 "without a relay"
assert_json "$(cat "$TMP/report.json")" '.vms[0] | .relay == null and .attempts == 1' "the relay that was not"
assert_match "$(report '.vms[0].message')" '^went without a relay: relay on h[12]: the relay cannot be started' "the message"

# what a plan says about several connections is done: compressed by QEMU, fewer bytes than the guest has in use
lab vm vm2 --load r --area 4M --fill 200M
godwit_on_lab plan migrate vm2 --from h1 --to h2 --policy pre-copy --relay auto --save "$TMP/plan.json" >/dev/null
assert_json "$(cat "$TMP/plan.json")" '.steps[0] | .way != "multifd" or .connections >= 2 and .way_reason != null and
    (.used_share > 0.1 and .compressed_share <= 1)' "what was observed"
jq '.steps[0] |= (.way = "multifd" | .connections = 2)' "$TMP/plan.json" >"$TMP/multifd.json"
godwit_on_lab migrate --plan "$TMP/multifd.json" --json >"$TMP/report.json"
assert_eq "$(report '.vms[0] | .outcome + " " + .way + " " + .now_at')" "migrated multifd h2" "over several connections"
assert_json "$(cat "$TMP/report.json")" '.vms[0] | .relay == null and .attempts == 1 and .algorithm == "pre-copy" and .message == null' \
    "its report"
exactly_one_copy vm2
lab verify vm2

# where it may become a post-copy QEMU cannot: the plain way, and nobody is surprised
jq '.steps[0] |= (.way = "multifd" | .connections = 2 | .algorithm = "hybrid" | .source = "h2" | .destination = "h1")' \
    "$TMP/plan.json" >"$TMP/hybrid.json"
godwit_on_lab migrate --plan "$TMP/hybrid.json" --json >"$TMP/report.json"
assert_eq "$(report '.vms[0] | .outcome + " " + .way + " " + .now_at')" "migrated plain h1" "no post-copy over several"
