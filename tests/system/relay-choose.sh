#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `godwit relay choose`: each way where it belongs, for people and for programs.
. "$(dirname "$0")/lib.sh"

need_godwit
need_cmd jq

choose() {
    "$GODWIT" relay choose --ram 4G --used-share 0.5 --compressed-share 0.5 --source-cpus 2 --destination-cpus 2 "$@"
}

# few bytes in many pages on a slow link; little to send again on a link as fast as a core compresses; a fast link
sparse=$(choose --link 100mbit --dirty-pages 40000 --dirty-bytes 8 --working-set 64M --json)
assert_json "$sparse" '.way == "relay" and .connections == 0 and (.reason | startswith("through a relay: expected no end plain"))
    and (.expected | map(.way) == ["plain", "relay", "multifd"] and (.[0] | .possible and (.converges | not) and .total_s == null)
    and .[1].total_s < 200)' "sparse"
assert_json "$(choose --link 1gbit --dirty-pages 100 --source-cpus 1 --destination-cpus 1 --json)" '.way == "multifd" and .connections == 2' "little to send again"
assert_json "$(choose --link 1gbit --dirty-pages 100 --algorithm post-copy --json)" '.way != "multifd" and
    .expected[2].possible == false' "post-copy"
assert_json "$(choose --link 25gbit --dirty-pages 100 --json)" '.way == "plain"' "a fast link"
assert_json "$(choose --link 1gbit --dirty-pages 100 --destination-cpus 0 --json)" '.way == "plain" and
    (.reason | contains("cores are free")) and .expected[0].possible == false' "no core is free"
assert_match "$(choose --link 100mbit --dirty-pages 40000 --dirty-bytes 8 --working-set 64M)" 'plain +no end' "the table"
