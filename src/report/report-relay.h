/* SPDX-License-Identifier: Apache-2.0
 *
 * What the relays of a migration say of it, as text and as JSON; used inside report/ only. */
#pragma once

#include <json-glib/json-glib.h>

#include "model/outcome.h"

/* "61.2 of 148 MiB on the wire, working set 1.2 MiB, expected pause 40 ms"; what is not known is left out.  The caller
 * frees.  NULL when the relay has said nothing. */
char *report_relay_live(const RelayFigures *relay);

/* "relay: 61.2 MiB on the wire for 148 MiB of QEMU's stream (41 %), lz4, kept 150 MiB of pages".  NULL without a relay. */
char *report_relay_text(const Outcome *outcome);

/* The member "relay" of a VM: an object, or null when no relay carried it. */
void report_add_relay(JsonBuilder *builder, const Outcome *outcome);
