#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The destination loses power in the middle of a pre-copy: the VM runs on at the source and the report names the host.
# check: together
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 2 --link 200mbit
lab vm vm1 --load r --area 4M --fill 200M

start_godwit migrate vm1 --from h1 --to h2 --policy pre-copy
wait_for "memory of vm1 moves" 60 memory_moves vm1 h1
lab break host h2
end_godwit 180 1
assert_eq "$(report '.vms[0] | .outcome + " " + .fault + " " + .now_at')" "failed destination-host h1" "vm1"
exactly_one_copy vm1
lab verify vm1
