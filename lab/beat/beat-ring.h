/* SPDX-License-Identifier: Apache-2.0
 *
 * The beats of one VM, in order of arrival: the last 20 minutes and a little more.
 *
 * All times are the collector's CLOCK_MONOTONIC in nanoseconds, so gaps are measured on a clock
 * that no migration touches.  A ring belongs to one thread. */
#ifndef LAB_BEAT_RING_H
#define LAB_BEAT_RING_H

#include <glib.h>

typedef struct BeatRecord {
    gint64 at_ns;
    guint64 work_bytes;
    guint32 seq;
    guint16 host;               /* number of the host it came from, 1 for h1 */
    guint16 flags;              /* enum BeatFlags of beat-wire.h */
} BeatRecord;

typedef struct BeatRing {
    BeatRecord *records;
    guint64 n_seen;             /* ever pushed; the newest is number n_seen - 1 */
    guint64 first_ready;        /* number of the first beat that said "ready"; G_MAXUINT64: none yet */
} BeatRing;

void beat_ring_init(BeatRing *ring);
void beat_ring_clear(BeatRing *ring);
void beat_ring_push(BeatRing *ring, const BeatRecord *record);

/* Numbers of beats are for ever; those before beat_ring_oldest() are forgotten. */
guint64 beat_ring_oldest(const BeatRing *ring);
const BeatRecord *beat_ring_at(const BeatRing *ring, guint64 number);

/* The number of the last beat at or before 'at_ns'; FALSE when that is unknown. */
gboolean beat_ring_find(const BeatRing *ring, gint64 at_ns, guint64 *number);

/* The longest silence that touches [since, until], at its full length but for what lies before
 * the guest was ready or after 'now_ns'.  An ongoing silence counts.  FALSE: not one ready beat. */
gboolean beat_ring_longest_gap(const BeatRing *ring, gint64 since_ns, gint64 until_ns, gint64 now_ns, gint64 *begin_ns,
                               gint64 *length_ns);

/* Work per second within [since, until], by the work that was known to be done at both ends.
 * FALSE when there are no beats to tell, or the guest does not count its work. */
gboolean beat_ring_rate(const BeatRing *ring, gint64 since_ns, gint64 until_ns, double *work_per_s);

#endif
