/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulated data centre's RelayProvider: pairs of relays between its hosts, which carry migrations of
 * driver-sim.h.
 *
 *     RelayProvider *relays = relay_sim_new(world);
 *     gang_set_relays(gang, relays);
 *     ...
 *     relays->close(relays);                        after the gang, before the world
 *
 * A pair needs an agent on both hosts.  What its passes cost is world-relay.c's; what it says comes from the same
 * governor as in real relays. */
#pragma once

#include "migrate/relay-pair.h"
#include "sim/world.h"

RelayProvider *relay_sim_new(World *world);
