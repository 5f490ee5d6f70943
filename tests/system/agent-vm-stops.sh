#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM that ends while the agent observes it is reported once; the other is observed to the end.  The agent ends when its
# input closes.
. "$(dirname "$0")/lib.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 1
lab vm staying --load w
lab vm ending --load r

vm_json() {
    printf '{"name":"%s","uuid":"%s","pid":0,"ram_bytes":536870912}' "$1" \
        "$(virsh -q -c "$(host_uri h1)" domuuid "$1" | tr -d '[:space:]')"
}

# next EVENT VM: the next event of this kind of this VM (empty: of any); events before it go to $TMP/skipped.
next() {
    local line

    while IFS= read -r -t 60 line <&"${agent[0]}"; do
        if [[ $(json "$line" .event) == "$1" && (-z $2 || $(json "$line" .vm) == "$2") ]]; then
            echo "$line"
            return
        fi
        echo "$line" >>"$TMP/skipped"
    done
    fail "no event '$1' of '$2' came"
}

coproc agent { exec "$SOURCE_DIR/lab/lab" exec h1 "$GODWIT" agent; }
# shellcheck disable=SC2154 # set by coproc
agent_pid=$agent_PID
end_agent() {
    kill "$agent_pid" 2>/dev/null || true
}
on_exit end_agent
read -r -t 60 hello <&"${agent[0]}"
assert_eq "$(json "$hello" '."godwit-agent"')" 1 "version of the protocol"
assert_eq "$(json "$hello" .hostname)" h1 "host of the agent"
printf '{"id":1,"method":"observe","params":{"scan_ns":50000000,"period_ns":1000000000,"window_ns":8000000000,"cpu_budget":0.02,"seed":1,"endless":false,"vms":[%s,%s]}}\n' \
    "$(vm_json staying)" "$(vm_json ending)" >&"${agent[1]}"

next opened staying >"$TMP/opened"
assert_eq "$(jq -r '.access_tracker + " " + .write_tracker' "$TMP/opened")" "clear-refs content" "trackers"
next period ending >/dev/null
lab kill-vm ending
next gone ending >"$TMP/gone"
assert_match "$(jq -r .message "$TMP/gone")" "has ended" "message"
next "done" "" >/dev/null
assert_eq "$(jq -s -r '[.[] | select(.event == "period" and .vm == "staying")] | last | .period' "$TMP/skipped")" 7 \
    "last period of the other VM"
[[ -z $(jq -r 'select(.event == "gone")' "$TMP/skipped") ]] || fail "the end was reported twice"

eval "exec ${agent[1]}>&-"
wait "$agent_pid" || fail "the agent's exit status is $?"
