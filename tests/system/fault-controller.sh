#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The controller itself is killed with -9 in the middle of a pre-copy: one copy runs at every moment afterwards, and the
# next godwit asks the hosts and finds the truth.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

begin_precopy
kill -9 "$godwit_pid"
wait "$godwit_pid" 2>/dev/null || true
godwit_pid=

is_settled() { # by both hosts' word: one copy, and no job on it
    [[ $(running_copies_of vm1) == 1 ]] && ! first_pass_has_begun vm1 h1 && leaves_nothing_else
}
leaves_nothing_else() {
    leaves_nothing vm1 h1 || leaves_nothing vm1 h2
}
wait_for "the peer-to-peer migration settles" 120 is_settled
exactly_one_copy vm1
where=$(godwit_on_lab hosts --json | jq -r '.hosts[] | select(any(.vms[]; .name == "vm1")) | .name')
vm_is_on vm1 "$where" || fail "godwit hosts says '$where': $(copies_of vm1)"
lab verify vm1
