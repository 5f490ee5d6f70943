# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the guests say of themselves, by way of the collector (beat/).

collector_start() {
    setsid ip netns exec "$LAB_SWITCH" "$(program lab-beat)" "$LAB_STATE" "$(<"$LAB_STATE/n-hosts")" \
        </dev/null >"$LAB_STATE/beat.log" 2>&1 &
    process_record "$LAB_STATE/beat.pid" $!
    wait_until 60 test -S "$LAB_STATE/beat.sock" || die "the collector did not start: see $LAB_STATE/beat.log"
}

# collector_ask REQUEST: prints the answer.
collector_ask() {
    process_of "$LAB_STATE/beat.pid" >/dev/null || collector_restart
    "$(program lab-beat)" --ask "$LAB_STATE/beat.sock" "$1"
}

# A collector that was killed is started anew, by one of those who miss it.  What it knew of the
# past is lost; it hears the VMs again with their next beats.
collector_restart() {
    local lock

    exec {lock}>"$LAB_STATE/beat.lock"
    flock "$lock"
    if ! process_of "$LAB_STATE/beat.pid" >/dev/null; then
        rm -f "$LAB_STATE/beat.sock"
        collector_start {lock}>&-
    fi
    exec {lock}>&-
}

guest_is_ready() {
    [[ $(collector_ask "ready $1") == yes ]]
}

lab_guest() {
    local name='' form=text since=- until=-

    while (($# > 0)); do
        case $1 in
            --json) form=json; shift ;;
            --since) since=$(option_value "$@"); shift 2 ;;
            --until) until=$(option_value "$@"); shift 2 ;;
            -*) usage "lab guest: unknown option '$1': see lab --help" ;;
            *) [[ -z $name ]] || usage "lab guest: one name, please: see lab --help"; name=$1; shift ;;
        esac
    done
    check_name "a VM's name" "$name" '^[A-Za-z0-9][A-Za-z0-9_.-]{0,30}$'
    [[ $since == - || $since =~ ^[0-9]+$ ]] || usage "--since is '$since', but must be nanoseconds of CLOCK_MONOTONIC"
    [[ $until == - || $until =~ ^[0-9]+$ ]] || usage "--until is '$until', but must be nanoseconds of CLOCK_MONOTONIC"
    need_up
    collector_ask "guest $name $form $since $until"
}

lab_verify() {
    (($# == 1)) || usage "lab verify NAME: a VM is needed"
    need_up
    collector_ask "verify $1"
}
