/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes, rates and durations as people write them, and back.
 *
 * Inside, sizes are bytes, rates are bytes per second, times are nanoseconds; the name of every variable says so.
 * Parsers take the whole string or fail; nothing is rounded silently and overflow is an error. */
#pragma once

#include <glib.h>

#define KIB ((guint64)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define NS_PER_MS ((gint64)1000000)
#define NS_PER_S ((gint64)1000000000)

/* "512M", "8MiB", "4096", "1.5G": suffixes K M G T with or without "iB" are powers of 1024, "kB" "MB" "GB" of 1000. */
gboolean size_parse(const char *text, guint64 *size_bytes, GError **error);

/* "1gbit", "100mbit" (bits, powers of 1000, as tc writes them), "30MiB/s", "12.5MB/s" (bytes), "0" = no limit. */
gboolean rate_parse(const char *text, guint64 *bytes_per_s, GError **error);

/* "300ms", "10s", "2min", "1.5s"; a bare number is seconds. */
gboolean duration_parse(const char *text, gint64 *duration_ns, GError **error);

/* For people: "512 MiB", "117.2 MiB/s", "1.42 s", "33 ms".  The caller frees. */
char *size_format(guint64 size_bytes);
char *rate_format(guint64 bytes_per_s);
char *duration_format(gint64 duration_ns);
