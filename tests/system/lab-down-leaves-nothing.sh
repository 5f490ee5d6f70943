#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever was killed before, `lab down` leaves no process, namespace, mount, link or file.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd ip findmnt

state=/run/godwit-lab/$LAB
marker=$TMP/links
ip -o link | awk -F': ' '{ print $2 }' | sort >"$marker"

# Every process in one of the lab's namespaces or with its state directory on the command line.
lab_processes() {
    local pid file argument

    for pid in $(ip netns list | awk -v lab="$LAB-" 'index($1, lab) == 1 { print $1 }' \
                 | xargs -r -n1 ip netns pids); do
        echo "$pid"
    done
    # a dead process that nobody has fetched yet has no command line, so is not found here
    for file in /proc/[0-9]*/cmdline; do
        pid=${file#/proc/}
        pid=${pid%/cmdline}
        while IFS= read -r -d '' argument; do
            if [[ $argument == *"$state"* ]]; then
                echo "$pid"
                break
            fi
        done 2>/dev/null <"$file" || true
    done
}

assert_nothing_left() {
    local left

    left=$(lab_processes)
    [[ -z $left ]] || fail "$1: processes are left: $(xargs ps -o pid,args -p <<<"$left")"
    ! ip netns list | grep -q "^$LAB-" || fail "$1: namespaces are left: $(ip netns list)"
    ! findmnt -rno TARGET | grep -F "$state" || fail "$1: mounts are left"
    [[ ! -e $state ]] || fail "$1: files are left: $(find "$state" | head)"
    ip -o link | awk -F': ' '{ print $2 }' | sort | diff "$marker" - || fail "$1: links are left"
}

on_exit lab down
lab up --hosts 2
lab vm vm1 --ram 192M --load rw
lab vm vm2 --ram 192M --load rw --host h2 --disk 16M
[[ -n $(lab_processes) ]] || fail "the test sees no process of a lab that runs"
lab down
assert_nothing_left "after a quiet life"

# Now pieces are missing: process 1 of h1, libvirtd and QEMU of h2, the collector, and what
# `unshare` left on h3; and a command of `lab exec` still runs.
lab up --hosts 3
lab vm vm1 --ram 192M --load rw
lab vm vm2 --ram 192M --load rw --host h2
(lab exec h3 sleep 1000) >/dev/null 2>&1 &
runs_on_h3() {
    lab exec h3 sh -c 'cat /proc/[0-9]*/cmdline' 2>/dev/null | tr '\0' ' ' | grep -q 'sleep 1000'
}
wait_for "a command runs on h3" 10 runs_on_h3
kill -9 "$(cut -d' ' -f1 "$state/h1/init.pid")" "$(cut -d' ' -f1 "$state/beat.pid")" "$(cut -d' ' -f1 "$state/h3/outer.pid")"
for pid in $(ip netns pids "$LAB-h2"); do
    case $(cat "/proc/$pid/comm") in
        libvirtd | qemu-system*) kill -9 "$pid" ;;
    esac
done
lab down
assert_nothing_left "after kill -9 of pieces"

# And with its records lost.
lab up --hosts 2
lab vm vm1 --ram 192M --load rw
rm -rf "$state"/*.pid "$state"/h*/*.pid "$state/up" "$state/n-hosts"
lab down
assert_nothing_left "after the records were lost"
lab down
assert_nothing_left "after down when nothing is up"
