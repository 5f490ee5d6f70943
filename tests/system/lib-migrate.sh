# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For tests that run godwit against the lab: starting it in the background, waiting until memory moves, and the
# invariant that every fault is held against.  Sourced after lib.sh.

# godwit_on_lab ARG...: godwit with this lab's inventory.
godwit_on_lab() {
    GODWIT_INVENTORY=$(lab inventory) "$GODWIT" "$@"
}

# start_godwit ARG...: in the background; its JSON goes to $TMP/report.json, its words to $TMP/words.
start_godwit() {
    GODWIT_INVENTORY=$(lab inventory) "$GODWIT" "$@" --json >"$TMP/report.json" 2>"$TMP/words" &
    godwit_pid=$!
    on_exit stop_godwit
}

stop_godwit() {
    [[ -z ${godwit_pid:-} ]] || kill -9 "$godwit_pid" 2>/dev/null || true
}

godwit_has_ended() {
    ! kill -0 "$godwit_pid" 2>/dev/null
}

# end_godwit SECONDS WANTED_STATUS: waits for the end that comes by itself.
end_godwit() {
    local status=0

    wait_for "godwit ends by itself" "$1" godwit_has_ended
    wait "$godwit_pid" || status=$?
    godwit_pid=
    assert_eq "$status" "$2" "godwit's exit status (it said: $(cat "$TMP/words"))"
}

# report FILTER: from the report of the background job.
report() {
    jq -r "$1" "$TMP/report.json"
}

# begin_precopy: a lab of two hosts, and the memory of vm1 under way from h1 to h2.
begin_precopy() {
    need_root
    need_cmd jq virsh
    need_godwit
    lab_up --hosts 2 --link 200mbit
    lab vm vm1 --load r --area 4M --fill 200M
    start_godwit migrate vm1 --from h1 --to h2 --policy pre-copy
    wait_for "memory of vm1 moves" 60 memory_moves vm1 h1
}

# memory_moves VM HOST: has the first pass begun?
memory_moves() {
    first_pass_has_begun "$1" "$2"
}

# The states that libvirt gives a VM on each host that answers: "h1:running h2:absent".
copies_of() {
    local host state

    for host in $(lab_hosts); do
        state=$(timeout 10 virsh -q -c "$(host_uri "$host")" domstate "$1" 2>/dev/null | head -n 1) || state=
        echo -n "$host:${state:-absent} "
    done
}

lab_hosts() {
    sed -n 's/^\[host \(.*\)\]$/\1/p' "$(lab inventory)"
}

running_copies_of() {
    copies_of "$1" | tr ' ' '\n' | grep -c ':running$' || true
}

# exactly_one_copy VM: the invariant.
exactly_one_copy() {
    assert_eq "$(running_copies_of "$1")" 1 "number of running copies of $1 ($(copies_of "$1"))"
}

# leaves_nothing VM HOST: no running or waiting QEMU of this VM there.
leaves_nothing() {
    ! timeout 10 virsh -q -c "$(host_uri "$2")" list --name 2>/dev/null | grep -qx "$1"
}
