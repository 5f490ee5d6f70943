/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program says about its own work, on standard error.
 *
 * Levels: errors are not logged but returned; log_warning is for what the operator should know although the work
 * goes on; log_info (shown with -v) is the story of a job; log_debug (-vv) is every event.  No secret is ever
 * passed to these functions.  Lines are written whole, so threads may log. */
#pragma once

#include <glib.h>

typedef enum LogLevel { LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } LogLevel;

/* Shows messages up to 'level'; the default is LOG_LEVEL_WARNING.  Call before threads are started. */
void log_set_level(LogLevel level);

/* Called with each line that would be written, instead of writing it (the progress display draws around its own
 * lines this way).  NULL writes to standard error again.  The line has no newline at its end. */
typedef void (*LogFunc)(const char *line, gpointer user);
void log_set_sink(LogFunc func, gpointer user);

void log_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);
void log_info(const char *format, ...) G_GNUC_PRINTF(1, 2);
void log_debug(const char *format, ...) G_GNUC_PRINTF(1, 2);
