#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `lab up` on the ruins of a lab of the same name cleans up and gives a lab that works, and does
# not touch a lab of another name.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd jq
other=$LAB-b
other=${other: -20}
other=${other#-}
on_exit env LAB="$other" "$SOURCE_DIR/lab/lab" down
LAB=$other lab up --hosts 1
LAB=$other lab vm bystander --ram 192M --load rw --rate 1M

lab_up --hosts 2
lab vm vm1 --ram 192M --load rw
old=$(cut -d' ' -f1 "/run/godwit-lab/$LAB/h1/init.pid")
kill -9 "$old" "$(cut -d' ' -f1 "/run/godwit-lab/$LAB/beat.pid")"

lab up --hosts 2
assert_eq "$(lab vms --json)" "[]" "VMs of a new lab"
lab vm vm1 --ram 192M --load rw
vm_migrate vm1 h1 h2
assert_eq "$(lab verify vm1)" OK "verify in the new lab"

assert_eq "$(LAB=$other lab verify bystander)" OK "verify in the other lab"
assert_json "$(LAB=$other lab guest bystander --json)" '.boots == 1 and .repeated_beats == 0' "the other lab ran on"
