#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A guest of the lab does the work it was asked for, by letters or by name, keeps to its rate, and verifies its memory.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd jq virsh
quiet=0
machine_is_quiet || quiet=1
began=$SECONDS
lab_up --hosts 3
assert_seconds $((SECONDS - began)) 15 "$quiet" "lab up"
began=$SECONDS
lab vm busy --ram 512M --load rw --area 8M --fill 200M
assert_seconds $((SECONDS - began)) 15 "$quiet" "lab vm"
lab vm slow --ram 192M --vcpus 2 --repeat 3 --load wwr --area 1M --sparse 100 --rate 4194304

# work is counted: wait until the guests have done some, and look at the rate that was asked for
passes_at_least() {
    [[ $(lab guest "$1" --json | jq .passes) -ge $2 ]]
}
wait_for "busy has passed over its area ten times" 30 passes_at_least busy 10
wait_for "slow has passed over its area twenty times" 30 passes_at_least slow 20

slow=$(lab guest slow --json)
assert_json "$slow" '.ready and .host == "h1" and .migration == null and .wrong_sum == false' "slow is well"
assert_json "$slow" '.work_per_s.now | . > 3.6e6 and . < 4.6e6' "slow keeps to 4 MiB/s"
assert_json "$(lab guest busy --json)" '.longest_gap_ms > 0 and .work_bytes > 8388608' "busy works"

assert_eq "$(lab verify busy)" OK "verify busy"
assert_eq "$(lab verify slow)" OK "verify slow"
lab vm named --ram 256M --load random64 --fill 8M --fill-text 8M --fill-copies 4M
wait_for "named has taken ten steps" 30 passes_at_least named 10
assert_eq "$(lab verify named)" OK "verify named"
lab kill-vm named
# the load went on after the check
before=$(lab guest slow --json | jq .passes)
wait_for "slow works on" 20 passes_at_least slow $((before + 2))
[[ $(lab console slow) == *"guest slow is ready"* ]] || fail "the console does not show that slow got ready"

assert_json "$(lab vms --json)" 'map(.name) | sort == ["busy", "slow"]' "both VMs are listed"
lab kill-vm slow
assert_json "$(lab vms --json)" 'map(.name) == ["busy"]' "one VM is left"
! lab verify slow 2>/dev/null || fail "a VM that is gone verifies"
