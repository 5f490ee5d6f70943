#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The destination loses power in the middle of a pre-copy: the VM runs on at the source and the report names the host.
# check: together
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

begin_precopy
lab break host h2
end_godwit 180 1
assert_eq "$(report '.vms[0] | .outcome + " " + .fault + " " + .now_at')" "failed destination-host h1" "vm1"
exactly_one_copy vm1
lab verify vm1
