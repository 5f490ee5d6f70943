# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The network: a namespace $LAB-sw with two bridges, and a namespace per host with one leg on each.
#
#     h1: mig 10.77.0.1 ──tbf──┐             ┌──tbf── mig 10.77.0.2 :h2      migration, shaped
#                              br-mig ($LAB-sw)
#     h1: mgmt 10.78.0.1 ───── br-mgmt, 10.78.0.254 ───── mgmt 10.78.0.2 :h2  control, heartbeats
#
# Both ends of each migration leg are shaped, so a host sends and receives at most the rate.
# No link is ever made in the namespace where `lab` runs.

LAB_SWITCH=$LAB-sw
LAB_COLLECTOR_ADDRESS=10.78.0.254

host_namespace() {
    echo "$LAB-$1"
}

migration_address() {
    echo "10.77.0.${1#h}"
}

management_address() {
    echo "10.78.0.${1#h}"
}

switch_up() {
    local bridge

    ip netns add "$LAB_SWITCH"
    ip -n "$LAB_SWITCH" link set lo up
    for bridge in br-mig br-mgmt; do
        ip -n "$LAB_SWITCH" link add "$bridge" type bridge
        ip -n "$LAB_SWITCH" link set "$bridge" up
    done
    ip -n "$LAB_SWITCH" address add "$LAB_COLLECTOR_ADDRESS/24" dev br-mgmt
}

# leg_up HOST LEG ADDRESS: joins a host to the bridge br-LEG.
leg_up() {
    local namespace

    namespace=$(host_namespace "$1")
    ip -n "$LAB_SWITCH" link add "$1-$2" type veth peer name "$2" netns "$namespace"
    ip -n "$LAB_SWITCH" link set "$1-$2" master "br-$2" up
    ip -n "$namespace" address add "$3/24" dev "$2"
    ip -n "$namespace" link set "$2" up
}

host_network_up() {
    local namespace

    namespace=$(host_namespace "$1")
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    leg_up "$1" mig "$(migration_address "$1")"
    leg_up "$1" mgmt "$(management_address "$1")"
}

# rate_bits RATE: "8mbit" as bits per second.
rate_bits() {
    if ! [[ $1 =~ ^([0-9]{1,6})(kbit|mbit|gbit)$ ]]; then
        usage "a link's rate is '$1', but must be a whole number and kbit, mbit or gbit, such as 1gbit"
    fi
    local number=$((10#${BASH_REMATCH[1]}))
    case ${BASH_REMATCH[2]} in
        kbit) number=$((number * 1000)) ;;
        mbit) number=$((number * 1000000)) ;;
        gbit) number=$((number * 1000000000)) ;;
    esac
    ((number >= 64000)) || usage "a link's rate is '$1', but must be at least 64kbit"
    echo "$number"
}

# link_shape HOST RATE: both directions.  The bucket must hold what passes between two runs of
# the kernel's timer (4 ms and a margin), and never less than a few segments of 64 KiB.
link_shape() {
    local bits burst

    bits=$(rate_bits "$2")
    burst=$((bits / 8 / 200))
    ((burst >= 131072)) || burst=131072
    tc -n "$(host_namespace "$1")" qdisc replace dev mig root tbf rate "${bits}bit" burst "$burst" latency 50ms
    tc -n "$LAB_SWITCH" qdisc replace dev "$1-mig" root tbf rate "${bits}bit" burst "$burst" latency 50ms
    echo "$2" >"$LAB_STATE/$1/link"
}

lab_link() {
    local rate='' host='' each

    while (($# > 0)); do
        case $1 in
            --host) host=$(option_value "$@"); shift 2 ;;
            -*) usage "lab link: unknown option '$1': see lab --help" ;;
            *) [[ -z $rate ]] || usage "lab link: one rate, please: see lab --help"; rate=$1; shift ;;
        esac
    done
    rate_bits "$rate" >/dev/null
    need_up
    for each in ${host:-$(all_hosts)}; do
        need_host "$each"
        link_shape "$each" "$rate"
    done
    inventory_write
}
