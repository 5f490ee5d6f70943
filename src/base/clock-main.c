/* SPDX-License-Identifier: Apache-2.0
 *
 * Real time: CLOCK_MONOTONIC and GLib's main loop.  A timer is a GSource kept by id, so that cancelling one that
 * just fired is harmless. */
#include "base/clock.h"
#include "base/units.h"

#include <time.h>

typedef struct MainClock {
    Clock clock;
    GHashTable *timers; /* id -> MainTimer */
    guint last_id;
} MainClock;

typedef struct MainTimer {
    MainClock *owner;
    guint id;
    ClockFunc func;
    gpointer user;
    GSource *source;
} MainTimer;

gint64 monotonic_ns(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static gint64 main_now_ns(Clock *clock G_GNUC_UNUSED)
{
    return monotonic_ns();
}

static void main_timer_free(gpointer data)
{
    MainTimer *timer = data;

    g_source_destroy(timer->source);
    g_source_unref(timer->source);
    g_free(timer);
}

static gboolean main_timer_fire(gpointer data)
{
    MainTimer *timer = data;
    ClockFunc func = timer->func;
    gpointer user = timer->user;

    g_hash_table_remove(timer->owner->timers, GUINT_TO_POINTER(timer->id)); /* frees 'timer' */
    func(user);
    return G_SOURCE_REMOVE;
}

static guint main_at(Clock *clock, gint64 when_ns, ClockFunc func, gpointer user)
{
    MainClock *self = (MainClock *)clock;
    MainTimer *timer = g_new0(MainTimer, 1);

    *timer = (MainTimer){.owner = self, .id = ++self->last_id, .func = func, .user = user};
    timer->source = g_timeout_source_new(0);
    g_source_set_ready_time(timer->source, MAX(when_ns, 0) / 1000);
    g_source_set_callback(timer->source, main_timer_fire, timer, NULL);
    g_source_attach(timer->source, NULL);
    g_hash_table_insert(self->timers, GUINT_TO_POINTER(timer->id), timer);
    return timer->id;
}

static void main_cancel(Clock *clock, guint id)
{
    g_hash_table_remove(((MainClock *)clock)->timers, GUINT_TO_POINTER(id));
}

static void main_close(Clock *clock)
{
    MainClock *self = (MainClock *)clock;

    g_hash_table_unref(self->timers);
    g_free(self);
}

Clock *clock_main_new(void)
{
    MainClock *self = g_new0(MainClock, 1);

    self->clock = (Clock){"main", main_now_ns, main_at, main_cancel, main_close};
    self->timers = g_hash_table_new_full(NULL, NULL, NULL, main_timer_free);
    return &self->clock;
}
