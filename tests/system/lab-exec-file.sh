#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A guest runs any command with files of ours, may count its own work, and ends visibly; the
# image offers stress-ng and sysbench.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd jq
lab_up --hosts 1

echo 'a file of ours' >"$TMP/greeting"
# shellcheck disable=SC2016
lab vm counts --ram 192M --fill 32M --file "$TMP/greeting:/etc/greeting" \
    --exec 'cat /etc/greeting; n=0; while :; do n=$((n + 1)); echo $n >/run/work.new; mv /run/work.new /run/work; usleep 20000; done'
lab vm tools --ram 384M --vcpus 2 \
    --exec 'stress-ng --vm 1 --vm-bytes 16M --vm-ops 50 --metrics-brief && sysbench memory --memory-total-size=8M run; echo "exit $?"'

work_is_counted() {
    lab guest counts --json | jq -e '.work_bytes > 20 and .work_per_s.now > 1' >/dev/null
}
wait_for "the command counts its work" 30 work_is_counted
assert_match "$(lab console counts)" 'a file of ours' "the console"
assert_json "$(lab guest counts --json)" '.command_ended == false' "the command runs"
assert_eq "$(lab verify counts)" OK "verify of the fill beside a command"

command_has_ended() {
    lab guest tools --json | jq -e .command_ended >/dev/null
}
wait_for "stress-ng and sysbench have ended" 50 command_has_ended
assert_match "$(lab console tools)" 'exit 0' "how the tools ended"
assert_json "$(lab guest tools --json)" '.work_bytes == null and .longest_gap_ms > 0' "no work is known of the tools"
