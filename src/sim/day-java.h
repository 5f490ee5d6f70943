/* SPDX-License-Identifier: Apache-2.0
 *
 * Two habits of the peer's language that show in its results: the order in which a java.util.HashMap gives its entries
 * (sums of floating-point numbers are taken in that order), and java.util.Random. */
#pragma once

#include <glib.h>

#define JAVA_HASH_BITS 4 /* a new table has 2^4 places */

/* The bits of a table that had 'bits' when it holds 'entries': it doubles when more than three quarters full and never
 * shrinks. */
guint8 java_hash_bits(guint8 bits, guint entries);

/* Sorts vms[0..length) from the order in which they were put into a table of 'bits' into the order in which the table
 * gives them back.  The key of a VM is the text "2-VM": the peer's user is number 2. */
void java_hash_order(guint8 bits, guint32 *vms, guint length);

/* A generator seeded with 'seed', and its nextInt(limit); limit > 0. */
guint64 java_random_seed(guint64 seed);
guint java_random_below(guint64 *state, guint limit);
