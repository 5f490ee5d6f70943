# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Processes of the lab, remembered as "PID STARTTIME" so that a number used again by a stranger
# is never mistaken for ours.

# The start time of a process in clock ticks after boot; nothing when it is gone.
process_start_time() {
    local stat fields

    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    stat=${stat##*) }               # the name in parentheses may hold anything
    read -ra fields <<<"$stat"
    echo "${fields[19]}"
}

# process_record FILE PID
process_record() {
    echo "$2 $(process_start_time "$2")" >"$1"
}

# process_of FILE: prints the recorded pid if that very process still lives (a zombie does not).
process_of() {
    local pid start

    [[ -f $1 ]] || return 1
    read -r pid start <"$1" || return 1
    [[ -n $start && $(process_start_time "$pid") == "$start" ]] || return 1
    [[ $(process_state "$pid") != Z ]] || return 1
    echo "$pid"
}

process_state() {
    local stat

    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    stat=${stat##*) }
    echo "${stat%% *}"
}

# The first child of a process, if any.
process_child() {
    local children

    { children=$(<"/proc/$1/task/$1/children"); } 2>/dev/null || return 1
    [[ -n $children ]] || return 1
    echo "${children%% *}"
}

# process_kill FILE: kills what was recorded, and waits until it is gone.
process_kill() {
    local pid

    if pid=$(process_of "$1"); then
        kill -9 "$pid" 2>/dev/null || true
        wait_until 60 process_is_gone "$1" || die "process $pid does not die: look at /proc/$pid/stack"
    fi
    rm -f "$1"
}

process_is_gone() {
    ! process_of "$1" >/dev/null
}
