#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A wrong command line gives exit status 2 and one line that says what, where and where help is; a wrong world (a host or
# file that is not there) gives exit status 1 and one line; and every command has help.
. "$(dirname "$0")/lib.sh"

need_godwit
export HOME=$TMP XDG_CONFIG_HOME=$TMP
unset GODWIT_INVENTORY
printf '[host h1]\nuri=qemu+unix:///system?socket=%s/nobody-listens\n[host h2]\nuri=qemu+tcp://127.0.0.1:1/system\n' "$TMP" >"$TMP/inventory.ini"
inventory=(--inventory "$TMP/inventory.ini")

# one_line STATUS REGEX WORD...: godwit with these words exits with STATUS, says one line on standard error that matches,
# and nothing on standard output.
one_line() {
    local wanted=$1 regex=$2 status=0

    shift 2
    "$GODWIT" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || status=$?
    assert_eq "$status" "$wanted" "exit status of 'godwit $*' (it said: $(cat "$TMP/err"))"
    assert_eq "$(wc -l <"$TMP/err")" 1 "lines on standard error of 'godwit $*'"
    assert_match "$(cat "$TMP/err")" "$regex" "what 'godwit $*' says"
    assert_eq "$(cat "$TMP/out")" "" "standard output of 'godwit $*'"
}

usage() {
    local regex=$1

    shift
    one_line 2 "^godwit.*${regex}.*; see 'godwit[a-z ]* --help'\$" "$@"
}

commands() {
    "$GODWIT" --help | sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p'
}

usage "which command"
usage "no command 'evict'" evict
usage "no command 'evict'" help evict
usage "--bogus" hosts --bogus
usage "one host to watch" watch
usage "one host to watch" watch h1 h2
usage "--count: '0'" watch h1 --count 0
usage "one host to empty" evacuate
usage "one host to empty" evacuate h1 h2 --to h3
usage "say with --to" evacuate h1
usage "name hosts with --hosts, not 'h1'" rebalance h1
usage "--rounds says how often" rebalance --rounds 2
usage "--json is one document" rebalance --json --every 1min
usage "LOW,HIGH" rebalance --safe-range 0.8,0.5
usage "'best' is no placer; it is one of: godwit" evacuate h1 --to h2 --placer best
usage "sum to 1" evacuate h1 --to h2 --weights 0.5,0.5,0.5
usage "needs two hosts at least" rebalance --hosts h1 "${inventory[@]}"
usage "--from" evacuate h1 --from h1 --to h2
usage "name the VMs" migrate --from h1 --to h2
usage "say with --from" migrate vm1 --to h2
usage "say with --to" migrate vm1 --from h1
usage "leave out 'vm1'" migrate vm1 --plan "$TMP/plan"
usage "--policy has no place" migrate --plan "$TMP/plan" --policy hybrid
usage "--no-tls has no place" migrate --plan "$TMP/plan" --no-tls
usage "what to plan" plan
usage "not 'explode'" plan explode
usage "one host to empty" plan evacuate --to h2
usage "names of VMs" plan migrate --from h1 --to h2
usage "say with --to" plan evacuate h1
usage "leave out 'evacuate'" plan evacuate --check "$TMP/plan"
usage "--policy: 'fast' is no policy" evacuate h1 --to h2 --policy fast
usage "--alpha: '2'" evacuate h1 --to h2 --alpha 2
usage "--downtime-limit: 'soon'" evacuate h1 --to h2 --downtime-limit soon
usage "--on-stuck: 'hope'" evacuate h1 --to h2 --on-stuck hope
usage "--to: 'h2,,h3'" evacuate h1 --to h2,,h3
usage "no argument 'now'" agent now
usage "which end" relay
usage "how much memory" relay choose
usage "what does the link carry" relay choose --ram 1G
usage "how many pages" relay choose --ram 1G --link 1gbit
usage "--used-share: '2'" relay choose --used-share 2
usage "--dirty-bytes: '5000'" relay choose --dirty-bytes 5000
usage "--link: '0'" relay choose --link 0
usage "'faith' is no algorithm" relay choose --algorithm faith
usage "options only" relay choose now --ram 1G --link 1gbit --dirty-pages 0
usage "QEMU's socket" relay source
usage "which key" relay source --socket "$TMP/s"
usage "how much memory" relay source --socket "$TMP/s" --key-file "$TMP/k" --peer h:1
usage "the source needs --peer" relay source --socket "$TMP/s" --key-file "$TMP/k" --ram 1G --listen h:1
usage "the destination needs --listen" relay destination --socket "$TMP/s" --key-file "$TMP/k" --peer h:1
usage "--codec: 'rar' is not a codec" relay source --codec rar
usage "--filters: 'magic'" relay source --filters zero,magic
usage "--capabilities: 'Return path'" relay source --capabilities 'Return path'
usage "--page-size: '3K'" relay source --page-size 3K
usage "--hash-block: '65'" relay source --hash-block 65
usage "--segments-max: '65'" relay source --segments-max 65
usage "--on-overrun: 'cry'" relay source --on-overrun cry
usage "which scenario" simulate
usage "one scenario at a time" simulate a.ini b.ini
usage "leave out 'a.ini'" simulate a.ini --cloudsim trace.txt
usage "--hosts is for --cloudsim" simulate a.ini --hosts 40
usage "--seeds is for sweeps" simulate a.ini --seeds 1-4
usage "--timing is for one run" simulate --sweep a.ini --timing
usage "--policy: .*'lr_best'" simulate a.ini --policy lr_best
usage "--policies: .*'x'" simulate --sweep a.ini --policies lr_mmt,x
usage "--seeds: 'x' is not a whole number" simulate --sweep a.ini --seeds 1-x
usage "--seeds: '2' is not a whole number from 5" simulate --sweep a.ini --seeds 5-2
usage "--seeds: more than 100000" simulate --sweep a.ini --seeds 1-1000000000
usage "--threads: '0'" simulate --sweep "$SOURCE_DIR/data/scenarios/cloudsim-p50.ini" --threads 0
usage "--placer: 'luck'" simulate a.ini --placer luck
usage "--mode: 'fast'" simulate a.ini --mode fast
usage "--defects: .*'rust'" simulate a.ini --defects rust
usage "--seed: 'x'" simulate "$SOURCE_DIR/data/scenarios/cloudsim-p50.ini" --seed x
usage "--set: 'hold_s' should be like" simulate a.ini --set hold_s
usage "--set: .*'rust'" simulate a.ini --set rust=1
usage "--hosts: '0'" simulate --cloudsim trace.txt --hosts 0
usage "say with --hosts which hosts" consolidate
usage "two at least" consolidate --hosts h1
usage "--hosts: 'h1,,h2'" consolidate --hosts h1,,h2
usage "--hosts has no place" consolidate --hosts h1,h2 --instances "$TMP/x"
usage "--policy has no place" consolidate --instances "$TMP/x" --policy hybrid
usage "no argument 'h1'" consolidate h1 --instances "$TMP/x"
usage "--effort: 'most'" consolidate --instances "$TMP/x" --effort most
usage "--effort: '-1'" consolidate --instances "$TMP/x" --effort -1
usage "--seed: 'x'" consolidate --instances "$TMP/x" --seed x
usage "--save-report has no place" consolidate --instances "$TMP/x" --save-report "$TMP/r"

one_line 1 "^godwit hosts: there is no host in the inventory" hosts
one_line 1 "^godwit evacuate: there is no host 'h9' in the inventory \(it has: h1, h2\)" evacuate h9 --to h2 "${inventory[@]}"
one_line 1 "^godwit watch: there is no host 'h9'" watch h9 "${inventory[@]}"
one_line 1 "^godwit hosts: inventory $TMP/missing.ini: " hosts --inventory "$TMP/missing.ini"
one_line 1 "^godwit migrate: loading the plan: .*$TMP/missing.plan" migrate --plan "$TMP/missing.plan"
one_line 1 "^godwit consolidate: .*$TMP/missing.txt" consolidate --instances "$TMP/missing.txt"
printf 'A\n1\n16\n32\n1\n17 1\n' >"$TMP/large.txt"
one_line 1 "^godwit consolidate: $TMP/large.txt: instance A: VM 0 .* is larger than every host" consolidate --instances "$TMP/large.txt"
printf 'A\nmany\n' >"$TMP/wrong.txt"
one_line 1 "^godwit consolidate: instance A: $TMP/wrong.txt:2: 'many' is not a number of hosts" consolidate --instances "$TMP/wrong.txt"
printf '[host h1]\nuri=x\ncolour=red\n' >"$TMP/wrong.ini"
one_line 1 "wrong.ini: \[host h1\] has an unknown key 'colour'" hosts --inventory "$TMP/wrong.ini"
printf "%064d\n" 7 >"$TMP/key" && chmod 644 "$TMP/key"
one_line 1 "^godwit relay: key $TMP/key: others may read it" relay source --socket "$TMP/s" --key-file "$TMP/key" --ram 1G --peer h:1
chmod 600 "$TMP/key"
mkdir -m 777 "$TMP/open"
chmod 777 "$TMP/open"
one_line 1 "^godwit relay: $TMP/open: others may write there" relay source --socket "$TMP/open/s" --key-file "$TMP/key" --ram 1G --peer h:1
one_line 1 "^godwit relay: .*return-path is off" relay source --socket "$TMP/s" --key-file "$TMP/key" --ram 1G --peer h:1 --capabilities xbzrle
one_line 1 "^godwit simulate: scenario $TMP/missing.ini: " simulate "$TMP/missing.ini"
one_line 1 "^godwit simulate: trace: .*$TMP/missing.txt" simulate --cloudsim "$TMP/missing.txt"
one_line 1 "wrong.ini: \[host h1\] uri: there is no such key" simulate "$TMP/wrong.ini"
echo '{"godwit_plan": 99}' >"$TMP/wrong.plan"
one_line 1 "wrong.plan has format 99" plan --check "$TMP/wrong.plan"

# hosts that do not answer are shown all the same
status=0
"$GODWIT" hosts --json "${inventory[@]}" >"$TMP/out" 2>"$TMP/err" || status=$?
assert_eq "$status" 1 "exit status with hosts that do not answer"
assert_json "$(cat "$TMP/out")" '[.hosts[] | .name + ":" + (.reachable | tostring)] == ["h1:false", "h2:false"]' "the hosts"
assert_match "$(cat "$TMP/err")" "^godwit hosts: 2 of 2 hosts do not answer" "the error"

for command in $(commands); do
    [[ $command != help ]] || continue
    "$GODWIT" "$command" --help >"$TMP/help" 2>"$TMP/err"
    assert_eq "$(head -n 1 "$TMP/help" | cut -d ' ' -f 1-3)" "usage: godwit $command" "help of $command"
    assert_eq "$("$GODWIT" help "$command")" "$(cat "$TMP/help")" "godwit help $command"
    assert_eq "$(cat "$TMP/err")" "" "standard error of help of $command"
done
assert_eq "$("$GODWIT" help)" "$("$GODWIT" --help)" "godwit help"
assert_match "$("$GODWIT" --version)" '^godwit [0-9]+\.[0-9]+' "the version"
