#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The source loses power in the middle of a pre-copy.  The VM ran there, so it is gone with its host; what had arrived at
# the destination is not a VM and is removed; the report says so.
# check: together
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

begin_precopy
lab break host h1
end_godwit 180 1
assert_eq "$(report '.vms[0] | .outcome + " " + .fault')" "host-lost source-host" "vm1"
wait_for "nothing of vm1 is left on h2" 60 leaves_nothing vm1 h2
