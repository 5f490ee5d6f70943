/* SPDX-License-Identifier: Apache-2.0
 *
 * Sampler: one VM's windows, added up per period (agent side).
 *
 *     sampler_open_window(sampler, WINDOW_ACCESS, budget_ns, &error);
 *     ... S ...
 *     sampler_close_windows(sampler, &error);
 *     sampler_end_period(sampler, &record);                  once per P
 *
 * It takes the time from a Clock and the CPU time from a function, so tests move both.  Which VM may open a window when
 * is sampler-group.c's business.
 *
 * Order within one moment, because reading memory marks it as accessed: close the access window, close the write
 * window, open the write window, open the access window.  sampler_close_windows does its half; sampler_open_window
 * asserts the other.
 *
 * A window that lasts longer than S counts each page once all the same.  One that is late by more than a quarter of S is
 * left out where its period has timely ones.  Where all are late, those up to twice S are
 * taken for S: exact for pages touched all the time, which are those that matter to a migration, and too high by up to
 * the lateness for pages touched rarely.  Beyond that nothing is exact any more, and counts are divided by the time that
 * really passed, which is too low instead.  PeriodRecord.lateness says how late the windows were that count.
 *
 * One thread. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "observe/period.h"
#include "observe/tracker.h"

typedef enum WindowKind { WINDOW_WRITE, WINDOW_ACCESS, WINDOW_KINDS } WindowKind;

/* CPU time that this thread has used. */
typedef gint64 (*CpuTimeFunc)(void);
gint64 sampler_thread_cpu_ns(void);

typedef struct Sampler Sampler;

/* Opens trackers on 'map', which the sampler owns from now on, also when this fails.  'ops' has a tracker for each kind
 * of window, or NULL; a tracker that cannot be opened is left out, and sampler_note says why; both left out is an
 * error.  'map' may be NULL when the trackers need none. */
Sampler *sampler_new(const char *vm, RamMap *map, const TrackerOps *const ops[WINDOW_KINDS], guint64 seed,
                     gint64 scan_ns, Clock *clock, CpuTimeFunc cpu_time, GError **error);
void sampler_free(Sampler *sampler);

const char *sampler_vm(const Sampler *sampler);

/* The tracker's name, or NULL when there is none for this kind. */
const char *sampler_tracker_name(const Sampler *sampler, WindowKind kind);

/* What limits this measurement, in words; NULL when nothing does. */
const char *sampler_note(const Sampler *sampler);

/* Closes the tracker of this kind for good and remembers why. */
void sampler_drop_tracker(Sampler *sampler, WindowKind kind, const char *why);

/* What a window of this kind will cost: measured, or guessed before the first; G_MAXINT64 without a tracker. */
gint64 sampler_expected_ns(const Sampler *sampler, WindowKind kind);

/* Everything that windows of this kind have cost, guests' faults included. */
gint64 sampler_spent_ns(const Sampler *sampler, WindowKind kind);

/* How many windows of this kind were closed so far. */
guint sampler_windows(const Sampler *sampler, WindowKind kind);

gboolean sampler_is_open(const Sampler *sampler, WindowKind kind);

/* When all windows that are open will have lasted S; 0 when none is. */
gint64 sampler_due_ns(const Sampler *sampler);

/* Both: FALSE with GODWIT_ERROR_LOST when the VM's process has ended. */
gboolean sampler_open_window(Sampler *sampler, WindowKind kind, gint64 budget_ns, GError **error);
gboolean sampler_close_windows(Sampler *sampler, GError **error);

/* When the last access window was opened; it may be closed by now. */
gint64 sampler_access_opened_ns(const Sampler *sampler);

/* Looks once more at an access window that was closed and not opened again: what was touched since it was opened.  A
 * period after opening, that is the working set; no write window may have been open meanwhile. */
gboolean sampler_measure_working_set(Sampler *sampler, GError **error);

/* What the windows since the last call say; begins the next period. */
void sampler_end_period(Sampler *sampler, PeriodRecord *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sampler, sampler_free)
