#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The migration link carries what it was set to, within 15 %, in both directions, and a change
# takes effect at once.  The management link is not shaped.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd socat jq
lab_up --hosts 2 --link 100mbit

# rate FROM TO BYTES [NETWORK]: sends BYTES, prints bits per second by the receiver's clock, from
# the first byte on
rate() {
    local receiver address=${4:-10.77.0}.${2#h}

    lab exec "$2" socat -u -T 30 "TCP-LISTEN:9000,reuseaddr,bind=$address" - </dev/null \
        | { head -c 1 >/dev/null; began=$(date +%s%N); cat >/dev/null; echo $(($(date +%s%N) - began)); } >"$TMP/ns" &
    receiver=$!
    wait_for "the receiver listens" 10 listens "$2"
    head -c "$3" /dev/zero | lab exec "$1" socat -u - "TCP:$address:9000"
    wait "$receiver"
    echo $(($3 * 8 * 1000000000 / $(<"$TMP/ns")))
}

listens() {
    lab exec "$1" ss -Hltn 'sport = :9000' | grep -q LISTEN
}

# between WHAT FOUND LEAST MOST
between() {
    echo "$1: $2 bit/s"
    (($2 >= $3 && $2 <= $4)) || fail "$1: $2 bit/s, should be within $3 and $4"
}

between "h1 to h2 at 100mbit" "$(rate h1 h2 40000000)" 85000000 115000000
lab link 400mbit
between "h2 to h1 at 400mbit" "$(rate h2 h1 150000000)" 340000000 460000000
lab link 50mbit --host h2
between "h1 to h2 at 50mbit" "$(rate h1 h2 20000000)" 42500000 57500000
# a processor that others use as well may not be able to send so much: then only "not more" is held
least=850000000
machine_is_quiet || least=1
lab link 1gbit
between "h1 to h2 at 1gbit" "$(rate h1 h2 400000000)" "$least" 1150000000
lab link 20mbit
between "management" "$(rate h1 h2 40000000 10.78.0)" 60000000 1000000000000
assert_eq "$(grep -c '^link=20mbit$' "$(lab inventory)")" 2 "links at 20mbit in the inventory"
