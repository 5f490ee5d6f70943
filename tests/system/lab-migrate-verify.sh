#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM moves between hosts by pre-copy and on by post-copy: the guest finds all its memory as it
# should be, and its heartbeat tells where it was, when it stood still and what work it lost.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd jq virsh
lab_up --hosts 3
lab vm vm1 --ram 256M --load rrwr --area 8M --fill 100M

assert_moved() {
    local guest

    guest=$(lab guest vm1 --json)
    assert_json "$guest" ".host == \"$2\" and .migration.from == \"$1\" and .migration.to == \"$2\"" "vm1 moved"
    assert_json "$guest" '.migration.completed and .repeated_beats == 0 and .boots == 1' "one copy has run"
    assert_json "$guest" '.migration.end_ns > .migration.begin_ns' "the migration took time"
    # the gap is real: no beat is lost for nothing, and none can last longer than the migration did
    assert_json "$guest" '.longest_gap_ms > 5 and .longest_gap_ms < 20000' "the gap was measured"
    assert_json "$guest" '.work_lost_s | type == "number"' "the work lost was measured"
    # a window of one's own: there is no gap longer than the one within the migration's window
    local begin end
    begin=$(json "$guest" .migration.begin_ns)
    end=$(json "$guest" .migration.end_ns)
    assert_json "$(lab guest vm1 --json --since "$begin" --until "$end")" \
        ".window == {since_ns: $begin, until_ns: $end} and .longest_gap_ms <= $(json "$guest" .longest_gap_ms)" "a window"
    assert_eq "$(lab verify vm1)" OK "verify after the move"
}

migration_has_ended() {
    lab guest vm1 --json | jq -e '.migration.end_ns != null' >/dev/null
}

wait_for "vm1 has run for a while" 20 sh -c "[ \$($SOURCE_DIR/lab/lab guest vm1 --json | jq .beats) -gt 300 ]"
vm_migrate vm1 h1 h2
wait_for "the collector saw the end" 10 migration_has_ended
vm_is_on vm1 h2 || fail "vm1 does not run on h2"
assert_moved h1 h2

vm_migrate vm1 h2 h3 --postcopy &
migration=$!
wait_for "the first pass is reported" 30 first_pass_has_begun vm1 h2
virsh -q -c "$(host_uri h2)" migrate-postcopy vm1
wait "$migration"
wait_for "the collector saw the end" 10 migration_has_ended
vm_is_on vm1 h3 || fail "vm1 does not run on h3"
assert_moved h2 h3

# and back to where it was defined first
vm_migrate vm1 h3 h1
wait_for "the collector saw the end" 10 migration_has_ended
assert_moved h3 h1
