/* SPDX-License-Identifier: Apache-2.0
 *
 * The equal share of bandwidth that one of several migrations gets (seed 000 section 4.1): what the plan predicts and what
 * the gang enforces are the same arithmetic.
 *
 * Of a link's rate only SHARE_PAYLOAD is given out.  QEMU counts the bytes that it hands to the socket; headers of TCP, IP
 * and Ethernet come on top (1448 bytes of payload in a frame of 1514).  Given out whole, a link is always a little too
 * small: the queue before it stays full, and each page that a post-copy guest waits for waits in that queue
 * (docs/decisions/0005). */
#pragma once

#include <glib.h>

#define SHARE_PAYLOAD 0.93

/* Of the two links of a migration, each divided by the number of migrations that use it, the smaller.  A rate of 0 is
 * unknown and bounds nothing; 'limit' (0: none) is the
 * operator's word and replaces the payload rate of both links.  Returns 0 for "no limit". */
guint64 equal_share(guint64 source_rate, guint source_users, guint64 destination_rate, guint destination_users,
                    guint64 limit);
