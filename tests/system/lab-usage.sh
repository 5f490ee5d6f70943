#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Wrong command lines end with 2 and one line that names what is wrong; --help explains; and all
# of it without a lab.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root

# refuses STATUS REGEX ARG...
refuses() {
    local status=0 wanted=$1 regex=$2 text

    shift 2
    text=$(lab "$@" 2>&1) || status=$?
    assert_eq "$status" "$wanted" "status of lab $*"
    assert_eq "$(wc -l <<<"$text")" 1 "lines of lab $*"
    assert_match "$text" "$regex" "what lab $* says"
}

assert_match "$(lab --help)" 'lab vm NAME' "lab --help"
refuses 2 "unknown command 'fly'" fly
refuses 2 '--hosts is .none.' up --hosts none
refuses 2 '--link needs a value' up --link
refuses 2 "rate is 'fast'" up --link fast
refuses 2 "rate is '12'" link 12
refuses 2 "unknown option '--colour'" vm x --colour red
refuses 2 "name is '../x'" vm ../x
refuses 2 "letters r and w" vm x --load rxw
refuses 2 '--ram is .lots.' vm x --ram lots
refuses 2 '--fill and --area leave less than' vm x --ram 256M --fill 250M
refuses 2 'exclude each other' vm x --load rw --exec true
refuses 2 'not a file that can be read' vm x --file /nonexistent
refuses 2 "'tea' cannot be broken" break tea h1
refuses 1 'is not up: run lab up' vm x
refuses 1 'is not up: run lab up' guest x
refuses 1 'is not up: run lab up' exec h1 true
LAB='a/b' refuses 2 "name \(LAB\) is 'a/b'" up
GODWIT_BUILD=$TMP refuses 1 'run make' up
[[ ! -e /run/godwit-lab/$LAB ]] || fail "a refused command left files"

# versions that are known not to work
pretend() {
    mkdir -p "$TMP/bin"
    printf '#!/bin/sh\necho "%s"\n' "$2" >"$TMP/bin/$1"
    chmod +x "$TMP/bin/$1"
}
pretend libvirtd 'libvirtd (libvirt) 9.0.0'
PATH=$TMP/bin:$PATH refuses 1 'libvirt is 9.0.0, but the lab needs 11 or later' up
rm "$TMP/bin/libvirtd"
if ! grep -q ' kvm$' "$BUILD_DIR/lab/image/domain-type" 2>/dev/null; then
    pretend qemu-system-x86_64 'QEMU emulator version 7.2.15 (Debian 1:7.2+dfsg-7)'
    PATH=$TMP/bin:$PATH refuses 1 'QEMU is 7.2.15, which loses dirty pages' up
    rm "$TMP/bin/qemu-system-x86_64"
fi
[[ ! -e /run/godwit-lab/$LAB ]] || fail "a refused version left files"

# a new lab refuses VMs and hosts that are not there
lab_up --hosts 1
refuses 1 "no host 'h2'" vm x --host h2
refuses 1 "no host 'h2'" link 1gbit --host h2
refuses 1 "no VM 'x'" kill-vm x
refuses 1 "no beat of a VM 'x'" guest x
lab vm x --ram 192M
refuses 1 "already a VM 'x'" vm x
