/* SPDX-License-Identifier: Apache-2.0
 *
 * The equal share of bandwidth that one of several migrations gets (seed 000 section 4.1): what the plan predicts and what
 * the gang enforces are the same arithmetic. */
#pragma once

#include <glib.h>

/* Of the two links of a migration, each divided by the number of migrations that use it, the smaller.  A rate of 0 is
 * unknown and bounds nothing; 'limit' (0: none) replaces the rate of both links.  Returns 0 for "no limit". */
guint64 equal_share(guint64 source_rate, guint source_users, guint64 destination_rate, guint destination_users,
                    guint64 limit);
