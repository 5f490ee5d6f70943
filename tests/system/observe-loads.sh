#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What is measured of four guests is what their own work counters say, within a quarter and three times the error that
# the observer states, and the order of the loads is theirs: the reader reads most, the writer writes most, and wwwr
# writes a larger share of what it touches than rrrrwwww.  What the guests' kernels write themselves is what is measured
# of the reader, whose load writes nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-migrate.sh"

need_root
need_cmd jq virsh
need_godwit
lab_up --hosts 1
# Passes of 4 MiB at this rate last 200 ms, so that 50 ms are either read or written, also when a guest that had to wait
# for its processor does in them what it did not do before.
lab vm vm1 --load rrrr --area 8M --rate 100M
lab vm vm2 --load wwww --area 8M --rate 100M
lab vm vm3 --load rrrrwwww --area 4M --rate 20M
lab vm vm4 --load wwwr --area 4M --rate 20M

# What the guest has done, and when that was: "BYTES NANOSECONDS".
work() {
    json "$(lab guest "$1" --json)" '"\(.work_bytes) \(.window.until_ns)"'
}

# observed VM FILTER: from the last period.
observed() {
    jq -s -r --arg vm "$1" "last.vms[] | select(.name == \$vm) | $2" "$TMP/periods"
}

# What is measured of loads that come and go differs by all of it from one scan to the next: there have to be many,
# which takes the longer the busier the machine is, but no more than a minute.
errors_are_small() {
    [[ $(jq -s -r 'last.vms | map(select(.name == "vm3" or .name == "vm4")) | all(.written_pages_error < 400)' \
        "$TMP/periods" 2>/dev/null) == true ]]
}
periods() {
    awk 'END { print NR }' "$TMP/periods"
}
is_seen() {
    godwit_has_ended || { (($(periods) >= 16)) && errors_are_small; }
}

declare -A before after
for vm in vm1 vm2 vm3 vm4; do
    before[$vm]=$(work "$vm")
done
touch "$TMP/periods"
GODWIT_INVENTORY=$(lab inventory) "$GODWIT" watch h1 --json --count 60 --window 60s --budget 20% \
    >"$TMP/periods" 2>"$TMP/words" &
godwit_pid=$!
on_exit stop_godwit
wait_for "the errors are small" 120 is_seen
for vm in vm1 vm2 vm3 vm4; do
    after[$vm]=$(work "$vm")
done
kill "$godwit_pid" 2>/dev/null || true
wait "$godwit_pid" || true
godwit_pid=
sed -i '$d' "$TMP/periods" # may be half a line
echo "periods: $(periods)"

# A reader does not write: 100 pages in a scan would be more than any idle kernel does.
kernel=$(observed vm1 .mean_written_pages_per_s)
awk -v kernel="$kernel" 'BEGIN { exit !(kernel < 2000) }' || fail "measured of the reader: $kernel pages written per second"

# near VM AREA_PAGES SHARE: pages written per second against the counter; a page counts once in 50 ms at most.
near() {
    local measured error

    measured=$(observed "$1" .mean_written_pages_per_s)
    error=$(observed "$1" .written_pages_error)
    awk -v vm="$1" -v area="$2" -v share="$3" -v measured="$measured" -v error="$error" -v kernel="$kernel" \
        -v counted="${before[$1]} ${after[$1]}" 'BEGIN {
            split(counted, at, " ")
            passed = (at[3] - at[1]) / 4096 / ((at[4] - at[2]) / 1e9) * 0.05
            truth = 20 * share * (passed < area ? passed : area) + kernel
            off = measured < truth ? truth - measured : measured - truth
            printf "%s writes %.0f pages/s, measured %.0f, error %.0f\n", vm, truth, measured, error
            if (error <= 0 || error > truth / 4) { print "an error of this size says nothing"; exit 1 }
            exit !(off < truth / 4 + 3 * error)
        }' || fail "$1: measured writes are not what the guest did"
}
near vm2 2048 1
near vm3 1024 0.5
near vm4 1024 0.75

write_share() {
    observed "$1" '.mean_written_pages_per_s / (.mean_written_pages_per_s + .mean_read_pages_per_s)'
}
shares=$(for vm in vm1 vm3 vm4 vm2; do write_share "$vm"; done | tr '\n' ' ')
echo "share of writes of rrrr, rrrrwwww, wwwr, wwww: $shares"
awk '{ exit !($1 < $2 && $2 < $3 && $3 < $4) }' <<<"$shares" || fail "order of the loads: $shares"
awk '{ exit !($1 < 0.2 && $4 > 0.7) }' <<<"$shares" || fail "reader and writer: $shares"
for vm in vm1 vm2 vm3 vm4; do
    assert_eq "$(observed "$vm" '.fate + " " + .access_tracker + " " + .write_tracker')" \
        "complete clear-refs content" "$vm"
    assert_eq "$(observed "$vm" .write_grain_bytes)" 4096 "grain of writes"
done
assert_eq "$(cat "$TMP/words")" "" "what was said meanwhile"
