/* SPDX-License-Identifier: Apache-2.0
 *
 * Virtual time: a queue of timers, fired when the owner moves the time.
 *
 * Theory of operation.  The timers are a binary heap over (when_ns, rank, number); numbers grow with each timer that is
 * set, so the order is total and the same in every run.  A table finds the timer of an id, and a timer knows its place
 * in the heap, so that setting, firing and cancelling all take logarithmic time: control logic sets a timer for most
 * things it does and cancels nearly all of them.
 *
 * Always true: no timer in the heap lies before 'now_ns'. */
#include "base/clock.h"

typedef struct VirtualTimer {
    gint64 when_ns;
    guint rank;
    guint id;
    guint64 number;
    guint place; /* in the heap */
    ClockFunc func;
    gpointer user;
} VirtualTimer;

typedef struct VirtualClock {
    Clock clock;
    gint64 now_ns;
    guint last_id;
    guint64 numbers;
    guint64 fired;
    GPtrArray *heap;   /* VirtualTimer */
    GHashTable *by_id; /* id -> VirtualTimer, owned here */
} VirtualClock;

/* ---- the heap ---- */

static VirtualTimer *timer_at(const VirtualClock *self, guint place)
{
    return g_ptr_array_index(self->heap, place);
}

static gboolean comes_first(const VirtualTimer *a, const VirtualTimer *b)
{
    if (a->when_ns != b->when_ns) {
        return a->when_ns < b->when_ns;
    }
    return a->rank != b->rank ? a->rank < b->rank : a->number < b->number;
}

static void put(VirtualClock *self, guint place, VirtualTimer *timer)
{
    g_ptr_array_index(self->heap, place) = timer;
    timer->place = place;
}

static void rise(VirtualClock *self, VirtualTimer *timer)
{
    guint place = timer->place;

    while (place > 0 && comes_first(timer, timer_at(self, (place - 1) / 2))) {
        put(self, place, timer_at(self, (place - 1) / 2));
        place = (place - 1) / 2;
    }
    put(self, place, timer);
}

static void sink(VirtualClock *self, VirtualTimer *timer)
{
    guint place = timer->place;
    guint length = self->heap->len;

    for (guint child = 2 * place + 1; child < length; child = 2 * place + 1) {
        if (child + 1 < length && comes_first(timer_at(self, child + 1), timer_at(self, child))) {
            child++;
        }
        if (!comes_first(timer_at(self, child), timer)) {
            break;
        }
        put(self, place, timer_at(self, child));
        place = child;
    }
    put(self, place, timer);
}

/* Takes 'timer' out of the heap; the table keeps it. */
static void take_out(VirtualClock *self, const VirtualTimer *timer)
{
    guint place = timer->place;
    VirtualTimer *last = timer_at(self, self->heap->len - 1);

    g_ptr_array_set_size(self->heap, (gint)self->heap->len - 1);
    if (last != timer) {
        put(self, place, last);
        rise(self, last);
        sink(self, last);
    }
}

/* ---- the clock ---- */

static gint64 virtual_now_ns(Clock *clock)
{
    return ((VirtualClock *)clock)->now_ns;
}

static guint fresh_id(VirtualClock *self)
{
    do {
        self->last_id++;
    } while (self->last_id == 0 || g_hash_table_contains(self->by_id, GUINT_TO_POINTER(self->last_id)));
    return self->last_id;
}

guint clock_virtual_at(Clock *clock, gint64 when_ns, ClockRank rank, ClockFunc func, gpointer user)
{
    VirtualClock *self = (VirtualClock *)clock;
    VirtualTimer *timer = g_new0(VirtualTimer, 1);

    *timer =
        (VirtualTimer){MAX(when_ns, self->now_ns), rank, fresh_id(self), ++self->numbers, self->heap->len, func, user};
    g_hash_table_insert(self->by_id, GUINT_TO_POINTER(timer->id), timer);
    g_ptr_array_add(self->heap, timer);
    rise(self, timer);
    return timer->id;
}

static guint virtual_at(Clock *clock, gint64 when_ns, ClockFunc func, gpointer user)
{
    return clock_virtual_at(clock, when_ns, CLOCK_RANK_TIMER, func, user);
}

static void virtual_cancel(Clock *clock, guint id)
{
    VirtualClock *self = (VirtualClock *)clock;
    VirtualTimer *timer = id ? g_hash_table_lookup(self->by_id, GUINT_TO_POINTER(id)) : NULL;

    if (timer) {
        take_out(self, timer);
        g_hash_table_remove(self->by_id, GUINT_TO_POINTER(id));
    }
}

static void virtual_close(Clock *clock)
{
    VirtualClock *self = (VirtualClock *)clock;

    g_ptr_array_unref(self->heap);
    g_hash_table_unref(self->by_id);
    g_free(self);
}

Clock *clock_virtual_new(void)
{
    VirtualClock *self = g_new0(VirtualClock, 1);

    self->clock = (Clock){"virtual", virtual_now_ns, virtual_at, virtual_cancel, virtual_close};
    self->heap = g_ptr_array_new();
    self->by_id = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return &self->clock;
}

gint64 clock_virtual_next_ns(Clock *clock)
{
    const VirtualClock *self = (const VirtualClock *)clock;

    return self->heap->len > 0 ? timer_at(self, 0)->when_ns : -1;
}

guint64 clock_virtual_fired(Clock *clock)
{
    return ((VirtualClock *)clock)->fired;
}

gboolean clock_virtual_step(Clock *clock)
{
    VirtualClock *self = (VirtualClock *)clock;
    VirtualTimer timer;

    if (self->heap->len == 0) {
        return FALSE;
    }
    timer = *timer_at(self, 0);
    take_out(self, timer_at(self, 0));
    g_hash_table_remove(self->by_id, GUINT_TO_POINTER(timer.id));
    self->now_ns = timer.when_ns;
    self->fired++;
    timer.func(timer.user);
    return TRUE;
}

void clock_virtual_run_until(Clock *clock, gint64 until_ns)
{
    VirtualClock *self = (VirtualClock *)clock;

    while (self->heap->len > 0 && timer_at(self, 0)->when_ns <= until_ns) {
        clock_virtual_step(clock);
    }
    self->now_ns = MAX(self->now_ns, until_ns);
}
