# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What every part of the lab uses: errors, checks of arguments, sizes, waiting.

# Says one error and ends with 1; usage() is for a wrong command line and ends with 2.
die() {
    echo "lab: $*" >&2
    exit 1
}

usage() {
    echo "lab: $*" >&2
    exit 2
}

# check_name WHAT VALUE REGEX
check_name() {
    [[ $2 =~ $3 ]] || usage "$1 is '$2', but must match $3"
}

# option_value OPTION REST...: the value that follows an option.
option_value() {
    [[ $# -ge 2 ]] || usage "$1 needs a value: see lab --help"
    printf '%s\n' "$2"
}

# size_bytes WHAT TEXT: 4096, 64K, 8M, 1G (powers of 1024), as a number of bytes.
size_bytes() {
    local number unit

    if ! [[ $2 =~ ^([0-9]{1,12})([KMGkmg]?)(i?B)?$ ]]; then
        usage "$1 is '$2', but must be a size such as 4096, 64K, 8M or 1G"
    fi
    number=$((10#${BASH_REMATCH[1]}))
    unit=${BASH_REMATCH[2]^}
    case $unit in
        K) number=$((number << 10)) ;;
        M) number=$((number << 20)) ;;
        G) number=$((number << 30)) ;;
    esac
    echo "$number"
}

# wait_until SECONDS CMD...: polls until CMD succeeds; fails after SECONDS.
wait_until() {
    local deadline=$((SECONDS + $1))

    shift
    until "$@"; do
        if ((SECONDS >= deadline)); then
            return 1
        fi
        sleep 0.05
    done
}

need_up() {
    [[ -e $LAB_STATE/up ]] || die "the lab '$LAB' is not up: run lab up"
}

# The names of all hosts, in order.
all_hosts() {
    local n

    for ((n = 1; n <= $(<"$LAB_STATE/n-hosts"); n++)); do
        echo "h$n"
    done
}

need_host() {
    need_up
    [[ -d $LAB_STATE/$1 && $1 =~ ^h[0-9]+$ ]] || die "no host '$1' in the lab: there are $(all_hosts | tr '\n' ' ')"
}

# program NAME: path of one of the lab's own programs.
program() {
    local path=$LAB_BUILD/lab/$1

    [[ -x $path ]] || die "$path is missing: run make first (or set GODWIT_BUILD)"
    printf '%s\n' "$path"
}

# version_at_least FOUND WANTED: do the dotted numbers suffice?
version_at_least() {
    [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1) == "$2" ]]
}
