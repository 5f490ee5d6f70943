/* SPDX-License-Identifier: Apache-2.0
 *
 * The RelayProvider of real hosts: relays are started and steered by the agents of both hosts (godwit-agent(1)).
 *
 * One agent per host serves all of its relays; it is started with the first and ends at close.  For each pair a key of 32
 * random bytes is made and given to both ends in the agents' own channels.  The destination's relay is started first; it
 * listens on the host's migration address and says on which port.
 *
 * Main loop only. */
#pragma once

#include "campaign/inventory.h"
#include "migrate/relay-pair.h"

/* 'inventory' is borrowed. */
RelayProvider *relay_agents_new(Inventory *inventory, Clock *clock);
