/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines; see log.h. */
#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

static LogLevel shown_level = LOG_LEVEL_WARNING;
static LogFunc sink_func;
static gpointer sink_user;
static GMutex sink_lock;

void log_set_level(LogLevel level)
{
    shown_level = level;
}

void log_set_sink(LogFunc func, gpointer user)
{
    g_mutex_lock(&sink_lock);
    sink_func = func;
    sink_user = user;
    g_mutex_unlock(&sink_lock);
}

static void log_line(LogLevel level, const char *prefix, const char *format, va_list arguments)
{
    if (level > shown_level) {
        return;
    }
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    g_autofree char *line = g_strconcat("godwit: ", prefix, message, NULL);

    g_mutex_lock(&sink_lock);
    if (sink_func) {
        sink_func(line, sink_user);
    } else {
        fprintf(stderr, "%s\n", line);
    }
    g_mutex_unlock(&sink_lock);
}

#define LOG_FUNCTION(name, level, prefix)                                                                              \
    void name(const char *format, ...)                                                                                 \
    {                                                                                                                  \
        va_list arguments;                                                                                             \
        va_start(arguments, format);                                                                                   \
        log_line(level, prefix, format, arguments);                                                                    \
        va_end(arguments);                                                                                             \
    }

LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING, "warning: ")
LOG_FUNCTION(log_info, LOG_LEVEL_INFO, "")
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG, "debug: ")
