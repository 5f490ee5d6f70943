#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The migration link is cut in the middle of a pre-copy: the migration is given up within bounded time, the VM runs on at the
# source, and the report blames the link.
# check: together
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

begin_precopy
lab break link h2
end_godwit 180 1
assert_eq "$(report '.vms[0] | .outcome + " " + .fault + " " + .now_at')" "failed link h1" "vm1"
lab mend link h2
wait_for "nothing of vm1 is left on h2" 60 leaves_nothing vm1 h2
exactly_one_copy vm1
lab verify vm1
