#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs inside a new lab host, below its process 1, and makes it a host of its own.
# usage: host-init.sh HOST STATE_DIRECTORY SHARED_DIRECTORY
#
# It ends only with the host: libvirtd may die and be started again without it.
set -euo pipefail

host=$1 dir=$2 shared=$3

mount --make-rprivate /
hostname "$host"
# the shared storage lies below /run, which is about to be covered
mount --bind "$shared" "$dir/run${shared#/run}"
for pair in etc:/etc/libvirt lib:/var/lib/libvirt log:/var/log/libvirt cache:/var/cache/libvirt; do
    mkdir -p "${pair#*:}"
    mount --bind "$dir/${pair%%:*}" "${pair#*:}"
done
mount --rbind "$dir/run" /run
libvirtd --daemon --listen
exec sleep infinity
