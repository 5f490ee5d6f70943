#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A check that cannot fail is none: one byte of a guest's memory, flipped from outside, is found.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd virsh od dd
lab_up --hosts 1
lab vm vm1 --ram 256M --fill 128M
assert_eq "$(lab verify vm1)" OK "verify before"

# The QEMU of vm1, found by its namespace; and where its guest's RAM lies in it.
pid=''
for candidate in $(ip netns pids "$LAB-h1"); do
    [[ $(cat "/proc/$candidate/comm") != qemu-system* ]] || pid=$candidate
done
[[ -n $pid ]] || fail "no QEMU on h1"
ram=$(awk '/memfd/ { split($1, a, "-"); print a[1]; exit }' "/proc/$pid/maps")
[[ -n $ram ]] || fail "QEMU's memory is not a memfd"
ram=$((16#$ram))

# Neighbouring words of a filled page differ by the step of lab/guest/content.h.
step=$((0x9e3779b97f4a7c15))
is_filled_page() {
    local words

    read -ra words < <(dd if="/proc/$pid/mem" bs=4096 skip=$((($1) / 4096)) count=1 status=none \
        | od -An -v -w24 -N24 -t x8)
    ((16#${words[1]} - 16#${words[0]} == step && 16#${words[2]} - 16#${words[1]} == step))
}
page=''
for ((offset = 16 << 20; offset < 240 << 20; offset += 1 << 20)); do
    if is_filled_page $((ram + offset)); then
        page=$((ram + offset))
        break
    fi
done
[[ -n $page ]] || fail "no page of the fill was found in the guest's RAM"

put_byte() {
    # shellcheck disable=SC2059
    printf "\\x$2" | dd of="/proc/$pid/mem" bs=1 seek="$1" conv=notrunc status=none
}
target=$((page + 1234))
old=$(dd if="/proc/$pid/mem" bs=1 skip="$target" count=1 status=none | od -An -t x1 | tr -d ' \n')
put_byte "$target" "$(printf '%02x' $((16#$old ^ 0x10)))"

if answer=$(lab verify vm1); then
    fail "verify did not notice a flipped bit: $answer"
fi
assert_match "$answer" 'fill page [0-9]+ word 154 is [0-9a-f]{16}, should be' "what verify found"
assert_match "$answer" '1 difference in VM vm1' "how much verify found"

put_byte "$target" "$old"
assert_eq "$(lab verify vm1)" OK "verify after the byte was put back"
