# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The harness of the system tests.  One script is one test:
#
#     #!/usr/bin/env bash
#     # SPDX-License-Identifier: Apache-2.0
#     #
#     # What must hold, in a sentence.
#     . "$(dirname "$0")/lib.sh"
#
#     need_root                       # skips with a reason where the test cannot run
#     need_cmd jq
#     lab_up --hosts 2                # a lab of this test's own; taken down at the end, come what may
#     lab vm vm1 --load rw            # `lab` is lab/lab with that lab
#     uri=$(host_uri h1)              # libvirt URI of a host, for virsh or godwit
#     start_something & on_exit kill $!       # undone in reverse order at the end; may fail
#     wait_for "vm1 is on h2" 30 vm_is_on vm1 h2
#     assert_eq "$(json "$(lab guest vm1 --json)" .host)" h2 "where the guest is"
#
# Exit status: 0 passed, 77 skipped (the reason was printed), anything else failed.  A script ends
# at the first command that fails (set -e), and says where.
#
# Variables: SOURCE_DIR (the checkout), BUILD_DIR (GODWIT_BUILD, default SOURCE_DIR/build), GODWIT
# (the program), TMP (an empty directory, removed at the end), LAB (this test's lab, exported).
# Keep what a test leaves: KEEP=1 tests/system/NAME.sh shows how to look at it, and does not clean up.
set -euo pipefail

SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD_DIR=${GODWIT_BUILD:-$SOURCE_DIR/build}
GODWIT=$BUILD_DIR/godwit
TEST_NAME=$(basename "$0" .sh)
LAB=$(printf '%s' "$TEST_NAME" | tr -c 'a-z0-9' '-' | cut -c1-14)
LAB="t-${LAB%-}-$$"
TMP=$(mktemp -d)
GODWIT_STATE=$TMP/state # what one test moves is not held against another
export GODWIT_BUILD=$BUILD_DIR LAB LC_ALL=C SOURCE_DIR GODWIT GODWIT_STATE

exit_commands=()

# on_exit CMD ARG...: runs it when the test ends, last registered first, whatever the others do.
on_exit() {
    exit_commands+=("$(printf '%q ' "$@")")
}

run_exit_commands() {
    local status=$? i

    trap - EXIT ERR
    set +e
    if [[ -n ${KEEP:-} ]]; then
        echo "kept: LAB=$LAB GODWIT_BUILD=$BUILD_DIR $SOURCE_DIR/lab/lab ...; $TMP" >&2
        exit "$status"
    fi
    for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
        eval "${exit_commands[i]}" || true
    done
    rm -rf "$TMP"
    exit "$status"
}
trap run_exit_commands EXIT
trap 'echo "$TEST_NAME: line $LINENO: failed: $BASH_COMMAND" >&2' ERR
# a test that is told to stop still cleans up
trap 'exit 143' TERM
trap 'exit 130' INT
set -E

skip() {
    echo "SKIP: $*"
    exit 77
}

fail() {
    echo "$TEST_NAME: $*" >&2
    exit 1
}

need_root() {
    [[ $EUID -eq 0 ]] || skip "needs root"
}

need_cmd() {
    local command

    for command in "$@"; do
        command -v "$command" >/dev/null || skip "needs $command"
    done
}

# Do the processors idle most of the time just now?  For promises about time, which hold on a
# machine that has nothing else to do; tests of anything else wait for facts.
machine_is_quiet() {
    local before after

    before=$(awk '$1 == "cpu" { print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat)
    sleep 0.5
    after=$(awk '$1 == "cpu" { print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 + $9 }' /proc/stat)
    awk '{ idle = $3 - $1; all = $4 - $2; exit !(idle > all * 0.8) }' <<<"$before $after"
}

# assert_seconds TOOK LIMIT QUIET WHAT: QUIET is 0 if the machine was quiet before; else the time is only told.
assert_seconds() {
    echo "$4 took $1 s"
    (($3 != 0 || $1 < $2)) || fail "$4 took $1 s, should take less than $2 s on a quiet machine"
}

# The godwit program, for tests that run it.
need_godwit() {
    [[ -x $GODWIT ]] || fail "$GODWIT is missing: run make first (or set GODWIT_BUILD)"
}

lab() {
    "$SOURCE_DIR/lab/lab" "$@"
}

# lab_up [OPTION...]: the options of `lab up`.
lab_up() {
    on_exit lab down
    lab up "$@"
}

# The libvirt URIs of a host: for us, and for another host of the lab.
host_uri() {
    echo "qemu+unix:///system?socket=/run/godwit-lab/$LAB/$1/run/libvirt/libvirt-sock"
}

peer_uri() {
    echo "qemu+tcp://10.78.0.${1#h}/system"
}

# wait_for WHAT SECONDS CMD...: polls until CMD succeeds; the test fails if it does not in SECONDS,
# which should be generous: it is not a measurement.
wait_for() {
    local what=$1 deadline=$((SECONDS + $2))

    shift 2
    until "$@"; do
        ((SECONDS < deadline)) || fail "waited in vain until $what"
        sleep 0.1
    done
}

# assert_eq FOUND WANTED WHAT
assert_eq() {
    [[ $1 == "$2" ]] || fail "${3:-value} is '$1', should be '$2'"
}

# assert_match TEXT REGEX WHAT
assert_match() {
    [[ $1 =~ $2 ]] || fail "${3:-text} is '$1', should match '$2'"
}

# json TEXT FILTER: what jq makes of it; a filter that yields false or null fails the caller's test
# only if it says so.
json() {
    jq -r "$2" <<<"$1"
}

# assert_json TEXT FILTER WHAT: TEXT is one JSON value, and the filter yields true for it.
assert_json() {
    jq -e -s "length == 1 and (.[0] | ($2))" <<<"$1" >/dev/null || fail "${3:-this} should hold: $2, in $1"
}

# vm_is_on NAME HOST: does the VM run there, by libvirt's word?
vm_is_on() {
    [[ $(virsh -q -c "$(host_uri "$2")" domstate "$1" 2>/dev/null) == running ]]
}

# vm_migrate NAME FROM TO [OPTION...]: by virsh, to its end.
vm_migrate() {
    local name=$1 from=$2 to=$3

    shift 3
    virsh -q -c "$(host_uri "$from")" migrate --live --p2p "$@" "$name" "$(peer_uri "$to")" >/dev/null
}

# Has the migration's first pass over memory been reported?
first_pass_has_begun() {
    virsh -c "$(host_uri "$2")" domjobinfo "$1" 2>/dev/null | grep -q '^Iteration:'
}
