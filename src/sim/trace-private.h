/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of traces share. */
#pragma once

#include "sim/trace.h"

/* A trace without samples; the caller fills the arrays. */
Trace *trace_new(guint vms, guint samples);

/* Sets 'error' to "path:line: what" and returns FALSE. */
gboolean trace_refuse(GError **error, const char *path, guint line, const char *format, ...) G_GNUC_PRINTF(4, 5);
