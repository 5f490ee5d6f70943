/* SPDX-License-Identifier: Apache-2.0
 *
 * RelayWatch: what the main thread does while the channels' threads work: it looks at them every 50 ms (5 ms while the guest stands still), ends a migration that hangs or breaks its
 * downtime limit, feeds the governor, picks the codec, and tells how things are. */
#pragma once

#include "wire/relay-private.h"

#define RELAY_TICK_NS   UINT64_C(50000000)
#define RELAY_TICK_STOPPED_NS UINT64_C(5000000) /* while the guest stands still: a limit is not to be broken by looking late */
#define RELAY_STATUS_NS UINT64_C(200000000)

/* 0 or -ENOMEM. */
int relay_watch_new(RelayWatch **watch, Relay *relay);
void relay_watch_free(RelayWatch *watch);

/* Looks at all channels.  Main thread. */
void relay_watch_look(RelayWatch *watch);

/* When it should look again at the latest. */
uint64_t relay_watch_tick_ns(const RelayWatch *watch);

/* After relay_watch_look: whether there is a channel, whether all of them are complete, whether no thread runs any more
 * but receivers, and whether none does. */
bool relay_watch_is_connected(const RelayWatch *watch);
bool relay_watch_is_complete(const RelayWatch *watch);
bool relay_watch_is_quiet(const RelayWatch *watch);
bool relay_watch_is_over(const RelayWatch *watch);

/* The codec that a new channel begins with. */
const CodecLevel *relay_watch_codec(const RelayWatch *watch);

/* The last words: 'outcome' is completed, aborted or failed. */
void relay_watch_tell_end(RelayWatch *watch, const char *outcome, const char *reason);
