#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The source's libvirtd is killed in the middle of a pre-copy and comes back: whatever became of the migration,
# exactly one copy runs, and the report says where.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

begin_precopy
lab break libvirtd h1
lab mend libvirtd h1
end_godwit 120 1
exactly_one_copy vm1
assert_eq "$(report '.vms[0].fault')" source-libvirtd "fault"
vm_is_on vm1 "$(report '.vms[0].now_at')" || fail "the report says vm1 is on $(report '.vms[0].now_at'): $(copies_of vm1)"
lab verify vm1
