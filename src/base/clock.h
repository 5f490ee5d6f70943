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

/* Virtual time that starts at 0.  It is the event queue of everything that is simulated. */
Clock *clock_virtual_new(void);

/* Of timers that are due at the same instant of virtual time, those of a lower rank fire first, and within a rank those
 * that were set first.  The order is the unkind one: a fault at an instant strikes before anything that would have
 * ended there, and who decides at that instant already sees what has happened and was answered. */
typedef enum ClockRank {
    CLOCK_RANK_FAULT,  /* hosts, links and guests that fail or come back */
    CLOCK_RANK_WORLD,  /* memory that has arrived, guests that begin another load */
    CLOCK_RANK_ANSWER, /* what a provider says: it is true at this instant */
    CLOCK_RANK_TIMER,  /* what Clock.at sets: those who watch and decide */
    CLOCK_RANK_LAST,   /* what is reckoned once for all that happened, before time moves on */
} ClockRank;

/* Clock.at with another rank.  A time that has passed is now: what is set for now fires before time moves on. */
guint clock_virtual_at(Clock *clock, gint64 when_ns, ClockRank rank, ClockFunc func, gpointer user);

/* Fires the timers of a virtual clock in their order up to and including 'until_ns'; time is then 'until_ns'.  Timers
 * set meanwhile take part. */
void clock_virtual_run_until(Clock *clock, gint64 until_ns);

/* Moves time to the next timer and fires that one; FALSE when none is set. */
gboolean clock_virtual_step(Clock *clock);

/* When the next timer of a virtual clock fires, or -1 when none is set. */
gint64 clock_virtual_next_ns(Clock *clock);

/* How many have fired since it was made. */
guint64 clock_virtual_fired(Clock *clock);

/* CLOCK_MONOTONIC, for the edges where no Clock is at hand (logs, agents). */
gint64 monotonic_ns(void);
