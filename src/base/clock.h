/* SPDX-License-Identifier: Apache-2.0
 *
 * Time as an argument: the provider table Clock.
 *
 * Control logic never reads the system's time itself; it asks its Clock, so that the same code runs in real time on
 * GLib's main loop (clock-main.c) and in virtual time (clock-virtual.c), where time stands still until it is moved.
 *
 * Times are nanoseconds of a monotonic clock without a meaning of its own; for the real one it is CLOCK_MONOTONIC, so
 * that times of several processes on one machine can be compared.  Main loop only. */
#pragma once

#include <glib.h>

typedef struct Clock Clock;

/* Called once when the time has come; the timer is then gone. */
typedef void (*ClockFunc)(gpointer user);

struct Clock {
    const char *name;

    /* The time now. */
    gint64 (*now_ns)(Clock *clock);

    /* Calls func(user) once, at 'when_ns' or, when that has passed, at the next turn of the loop; never from inside
     * this call.  Returns an id that is never 0. */
    guint (*at)(Clock *clock, gint64 when_ns, ClockFunc func, gpointer user);

    /* Forgets a timer that has not fired yet.  0 is fine. */
    void (*cancel)(Clock *clock, guint id);

    /* Called exactly once, last; timers still set are dropped. */
    void (*close)(Clock *clock);
};

/* Real time on the default GMainContext. */
Clock *clock_main_new(void);

/* Virtual time that starts at 0. */
Clock *clock_virtual_new(void);

/* Fires the timers of a virtual clock, earliest first and in the order they were set where times are equal, up to and
 * including 'until_ns'; time is then 'until_ns'.  Timers set meanwhile take part. */
void clock_virtual_run_until(Clock *clock, gint64 until_ns);

/* When the next timer of a virtual clock fires, or -1 when none is set. */
gint64 clock_virtual_next_ns(Clock *clock);

/* CLOCK_MONOTONIC, for the edges where no Clock is at hand (logs, agents). */
gint64 monotonic_ns(void);
