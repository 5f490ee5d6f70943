#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# An agent that is killed in the middle of an observation gets one clear sentence, and libvirt's dirty-rate calculation
# goes on in its place: writes only, and said so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh pgrep
need_godwit
lab_up --hosts 1
lab vm vm1 --load w --area 64M

GODWIT_INVENTORY=$(lab inventory) "$GODWIT" watch h1 --json >"$TMP/periods" 2>"$TMP/words" &
godwit_pid=$!
on_exit stop_godwit

tracker_is() {
    [[ $(jq -s -r 'last.vms[0].write_tracker' "$TMP/periods" 2>/dev/null) == "$1" ]]
}

# The agent among the descendants of a process: what the lab enters its host with stands between.
agent_of() {
    local pid

    for pid in $(pgrep -P "$1" || true); do
        [[ $(tr '\0' ' ' </proc/"$pid"/cmdline) != "$GODWIT agent " ]] || echo "$pid"
        agent_of "$pid"
    done
}

wait_for "the agent measures" 60 tracker_is content
agent_pid=$(agent_of "$godwit_pid" | head -n 1)
[[ -n $agent_pid ]] || fail "there is no agent under process $godwit_pid"
kill -9 "$agent_pid"
wait_for "the dirty-rate calculation took over" 60 tracker_is dirty-rate

last=$(jq -s -c 'last.vms[0]' "$TMP/periods")
assert_match "$(json "$last" .note)" "agent on h1: (was ended by signal 9|ended with exit status 137)" "note"
assert_match "$(json "$last" .note)" "reads not measured" "note"
assert_eq "$(json "$last" .access_tracker)" null "tracker of accesses"
assert_json "$last" '.mean_written_pages_per_s > 512' "writes by libvirt's word"
assert_eq "$(grep -c 'agent on h1' "$TMP/words")" 1 "sentences about the agent"
