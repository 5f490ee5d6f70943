/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring of beats.  24 bytes each, 100 a second: 3 MiB hold 21 minutes; pages that were never
 * reached cost nothing. */
#include "beat-ring.h"
#include "beat-wire.h"

#define RING_LENGTH  (128u * 1024)

void beat_ring_init(BeatRing *ring)
{
    *ring = (BeatRing){ .records = g_new(BeatRecord, RING_LENGTH), .first_ready = G_MAXUINT64 };
}

void beat_ring_clear(BeatRing *ring)
{
    g_clear_pointer(&ring->records, g_free);
    ring->n_seen = 0;
}

void beat_ring_push(BeatRing *ring, const BeatRecord *record)
{
    ring->records[ring->n_seen % RING_LENGTH] = *record;
    if (ring->first_ready == G_MAXUINT64 && (record->flags & BEAT_READY)) {
        ring->first_ready = ring->n_seen;
    }
    ring->n_seen++;
}

guint64 beat_ring_oldest(const BeatRing *ring)
{
    return ring->n_seen > RING_LENGTH ? ring->n_seen - RING_LENGTH : 0;
}

const BeatRecord *beat_ring_at(const BeatRing *ring, guint64 number)
{
    g_assert(number >= beat_ring_oldest(ring) && number < ring->n_seen);
    return &ring->records[number % RING_LENGTH];
}

gboolean beat_ring_find(const BeatRing *ring, gint64 at_ns, guint64 *number)
{
    guint64 low = beat_ring_oldest(ring), high = ring->n_seen;

    /* invariant: beats before 'low' are at or before 'at_ns', beats from 'high' on are after it */
    while (low < high) {
        guint64 middle = low + (high - low) / 2;

        if (beat_ring_at(ring, middle)->at_ns <= at_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == beat_ring_oldest(ring)) {
        return FALSE;
    }
    *number = low - 1;
    return TRUE;
}

static guint64 first_useful(const BeatRing *ring)
{
    return MAX(ring->first_ready, beat_ring_oldest(ring));
}

gboolean beat_ring_longest_gap(const BeatRing *ring, gint64 since_ns, gint64 until_ns, gint64 now_ns, gint64 *begin_ns,
                               gint64 *length_ns)
{
    guint64 first = first_useful(ring), number = 0;

    if (first >= ring->n_seen) {
        return FALSE;
    }
    if (beat_ring_find(ring, since_ns, &number)) {
        first = MAX(first, number);
    }
    *length_ns = 0;
    *begin_ns = beat_ring_at(ring, first)->at_ns;
    for (number = first; number < ring->n_seen; number++) {
        gint64 begin = beat_ring_at(ring, number)->at_ns;
        gint64 end = number + 1 < ring->n_seen ? beat_ring_at(ring, number + 1)->at_ns : now_ns;

        if (begin > until_ns) {
            break;
        }
        if (end - begin > *length_ns) {
            *begin_ns = begin;
            *length_ns = end - begin;
        }
    }
    return TRUE;
}

gboolean beat_ring_rate(const BeatRing *ring, gint64 since_ns, gint64 until_ns, double *work_per_s)
{
    guint64 first = first_useful(ring), from = 0, to = 0;

    if (first >= ring->n_seen || !beat_ring_find(ring, until_ns, &to) || to < first) {
        return FALSE;
    }
    if (!beat_ring_find(ring, since_ns, &from) || from < first) {
        from = first;
        since_ns = beat_ring_at(ring, first)->at_ns;
    }
    const BeatRecord *begin = beat_ring_at(ring, from), *end = beat_ring_at(ring, to);
    if (!(begin->flags & end->flags & BEAT_WORK_KNOWN) || until_ns <= since_ns) {
        return FALSE;
    }
    *work_per_s = (double)(end->work_bytes - begin->work_bytes) * 1e9 / (double)(until_ns - since_ns);
    return TRUE;
}
