#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# SEEDS random fleets (200000), each evacuated under a random policy while one thing goes wrong; what must always be true of
# the simulated world is checked after every event.  A failure names its seed; SEED=N of test-sim-sweep repeats it.
. "$(dirname "$0")/../system/lib.sh"

sweep=$BUILD_DIR/tests/unit/test-sim-sweep
[[ -x $sweep ]] || skip "needs $sweep (meson compile)"
SEEDS=${SEEDS:-200000} "$sweep" --verbose 2>&1 | tee "$TMP/sweep" | tail -n 25
grep -q '^ok 1 ' "$TMP/sweep"
