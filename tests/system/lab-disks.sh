#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A disk on shared storage moves with its VM as it is; a disk that only the source has is copied.
# The guest's marks on both are read on the destination.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

need_root
need_cmd virsh
lab_up --hosts 2

lab vm shared --ram 192M --load rw --area 1M --rate 10M --disk 64M
assert_eq "$(lab verify shared)" OK "verify with a shared disk"
vm_migrate shared h1 h2
assert_eq "$(lab verify shared)" OK "verify of the shared disk on h2"

lab vm both --ram 192M --load rw --area 1M --rate 10M --disk 16M --local-disk 32M
[[ -s /run/godwit-lab/$LAB/h1/lib/images/both-local.img ]] || fail "the local disk is not on h1"
[[ ! -e /run/godwit-lab/$LAB/h2/lib/images/both-local.img ]] || fail "h2 has the local disk before the migration"
assert_eq "$(lab verify both)" OK "verify with a local disk"
if vm_migrate both h1 h2 2>"$TMP/refused"; then
    fail "a VM with a local disk migrates without copying it"
fi
vm_migrate both h1 h2 --copy-storage-all --migrate-disks vdb
[[ -s /run/godwit-lab/$LAB/h2/lib/images/both-local.img ]] || fail "the local disk is not on h2"
rm /run/godwit-lab/"$LAB"/h1/lib/images/both-local.img
assert_eq "$(lab verify both)" OK "verify of both disks on h2"
