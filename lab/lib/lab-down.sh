# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Leaving nothing, whatever state the lab is in.
#
# All processes of a host die with its process 1.  Whatever else there is (the collector, a
# command of `lab exec`, the pieces of a lab whose records are lost) lives in one of the lab's
# network namespaces and is found there.

lab_down() {
    (($# == 0)) || usage "lab down takes no arguments"
    clean_leftovers
}

lab_namespaces() {
    ip netns list | awk '{ print $1 }' | grep -E "^$LAB-(sw|h[0-9]+)$" || true
}

clean_leftovers() {
    local namespace record

    for record in "$LAB_STATE"/h*/init.pid "$LAB_STATE"/h*/outer.pid "$LAB_STATE"/beat.pid; do
        process_kill "$record"
    done
    for namespace in $(lab_namespaces); do
        wait_until 60 namespace_is_empty "$namespace" || die "processes in $namespace do not die: ip netns pids $namespace"
        ip netns delete "$namespace"
    done
    unmount_below "$LAB_STATE"
    rm -rf --one-file-system "${LAB_STATE:?}"
    rmdir --ignore-fail-on-non-empty "$(dirname "$LAB_STATE")" 2>/dev/null || true
}

# Kills who is left, and succeeds once nobody is.
namespace_is_empty() {
    local pid pids

    pids=$(ip netns pids "$1" 2>/dev/null) || true
    for pid in $pids; do
        [[ $pid == "$$" ]] || kill -9 "$pid" 2>/dev/null || true
    done
    [[ -z $pids ]]
}

# Nothing of a lab is mounted where `lab` runs, unless something went very wrong.
unmount_below() {
    local point

    while read -r point; do
        umount -l "$point"
    done < <(awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort -r)
}
