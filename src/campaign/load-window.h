/* SPDX-License-Identifier: Apache-2.0
 *
 * LoadWindow: how busy the VMs of some hosts are, over a window.
 *
 *     LoadWindow *window = load_window_new(driver, clock, period_ns);
 *     load_window_add_host(window, "h1");
 *     load_window_start(window);                asks all hosts now and once per period
 *     ...                                       the main loop runs
 *     load_window_stop(window);
 *     load_window_cores(window, uuid, &length)  oldest first: cores used in each period
 *
 * Seed 001's monitor, and the samples that equations 6 and 7 of seed 003 sum up.  A sample needs two answers about a
 * VM from the same host, so one that has just arrived has none yet.  A host that does not answer leaves a gap, not a
 * zero.  Main loop only. */
#pragma once

#include "migrate/driver.h"

typedef struct LoadWindow LoadWindow;

LoadWindow *load_window_new(Driver *driver, Clock *clock, gint64 period_ns);
void load_window_free(LoadWindow *window);
void load_window_add_host(LoadWindow *window, const char *host);
void load_window_start(LoadWindow *window);
void load_window_stop(LoadWindow *window);

/* How many rounds of questions have been answered by every host, or were given up. */
guint load_window_rounds(const LoadWindow *window);

/* Cores that the VM used in each period; NULL and 0 when nothing is known of it.  Borrowed. */
const double *load_window_cores(const LoadWindow *window, const char *vm_uuid, guint *length);

/* The mean of these; NAN when there are none. */
double load_window_mean_cores(const LoadWindow *window, const char *vm_uuid);

/* Memory that it holds of its host, at the last answer; 0: unknown. */
guint64 load_window_memory_bytes(const LoadWindow *window, const char *vm_uuid);

/* Why a host did not answer last; NULL when it did. */
const char *load_window_host_error(const LoadWindow *window, const char *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LoadWindow, load_window_free)
