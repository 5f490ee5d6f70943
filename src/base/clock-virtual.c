/* SPDX-License-Identifier: Apache-2.0
 *
 * Virtual time: timers in a sorted sequence, fired when the owner moves the time.
 *
 * Always true: no timer in the sequence lies before 'now_ns'; of two with equal times the one set first comes first,
 * because ids grow and break the tie. */
#include "base/clock.h"

typedef struct VirtualClock {
    Clock clock;
    gint64 now_ns;
    guint last_id;
    GSequence *timers; /* VirtualTimer, by (when_ns, id) */
} VirtualClock;

typedef struct VirtualTimer {
    gint64 when_ns;
    guint id;
    ClockFunc func;
    gpointer user;
} VirtualTimer;

static gint compare_timers(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
    const VirtualTimer *left = a;
    const VirtualTimer *right = b;

    if (left->when_ns != right->when_ns) {
        return left->when_ns < right->when_ns ? -1 : 1;
    }
    return left->id < right->id ? -1 : left->id > right->id;
}

static gint64 virtual_now_ns(Clock *clock)
{
    return ((VirtualClock *)clock)->now_ns;
}

static guint virtual_at(Clock *clock, gint64 when_ns, ClockFunc func, gpointer user)
{
    VirtualClock *self = (VirtualClock *)clock;
    VirtualTimer *timer = g_new0(VirtualTimer, 1);

    *timer = (VirtualTimer){MAX(when_ns, self->now_ns), ++self->last_id, func, user};
    g_sequence_insert_sorted(self->timers, timer, compare_timers, NULL);
    return timer->id;
}

static void virtual_cancel(Clock *clock, guint id)
{
    VirtualClock *self = (VirtualClock *)clock;

    for (GSequenceIter *iter = g_sequence_get_begin_iter(self->timers); !g_sequence_iter_is_end(iter);
         iter = g_sequence_iter_next(iter)) {
        if (((VirtualTimer *)g_sequence_get(iter))->id == id) {
            g_sequence_remove(iter);
            return;
        }
    }
}

static void virtual_close(Clock *clock)
{
    VirtualClock *self = (VirtualClock *)clock;

    g_sequence_free(self->timers);
    g_free(self);
}

Clock *clock_virtual_new(void)
{
    VirtualClock *self = g_new0(VirtualClock, 1);

    self->clock = (Clock){"virtual", virtual_now_ns, virtual_at, virtual_cancel, virtual_close};
    self->timers = g_sequence_new(g_free);
    return &self->clock;
}

gint64 clock_virtual_next_ns(Clock *clock)
{
    GSequenceIter *first = g_sequence_get_begin_iter(((VirtualClock *)clock)->timers);

    return g_sequence_iter_is_end(first) ? -1 : ((VirtualTimer *)g_sequence_get(first))->when_ns;
}

void clock_virtual_run_until(Clock *clock, gint64 until_ns)
{
    VirtualClock *self = (VirtualClock *)clock;

    for (;;) {
        GSequenceIter *first = g_sequence_get_begin_iter(self->timers);
        VirtualTimer timer;

        if (g_sequence_iter_is_end(first) || ((VirtualTimer *)g_sequence_get(first))->when_ns > until_ns) {
            break;
        }
        timer = *(VirtualTimer *)g_sequence_get(first);
        g_sequence_remove(first);
        self->now_ns = timer.when_ns;
        timer.func(timer.user);
    }
    self->now_ns = MAX(self->now_ns, until_ns);
}
