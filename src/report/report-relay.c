/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures of relays; see report-relay.h. */
#include "report/report-relay.h"

#include "base/json.h"
#include "base/units.h"
#include "report/report-json.h"

#include <math.h>

static void append_size(GString *text, const char *what, double bytes)
{
    if (!isnan(bytes)) {
        g_autofree char *size = size_format((guint64)fmax(bytes, 0));

        g_string_append_printf(text, ", %s %s", what, size);
    }
}

char *report_relay_live(const RelayFigures *relay)
{
    if (!relay || !relay->is_known) {
        return NULL;
    }
    g_autofree char *wire = size_format(relay->wire_bytes);
    g_autofree char *stream = size_format(relay->stream_bytes);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s of %s on the wire", wire, stream);
    append_size(text, "working set", relay->working_set_bytes);
    if (!isnan(relay->expected_downtime_ms)) {
        g_autofree char *pause = duration_format((gint64)(relay->expected_downtime_ms * (double)NS_PER_MS));

        g_string_append_printf(text, ", expected pause %s", pause);
    }
    return g_string_free(text, FALSE);
}

char *report_relay_text(const Outcome *outcome)
{
    const RelayFigures *relay = &outcome->relay;

    if (outcome->way != WAY_RELAY) {
        return NULL;
    }
    if (!relay->is_known) {
        return g_strdup("through a relay, whose figures nobody knows");
    }
    g_autofree char *wire = size_format(relay->wire_bytes);
    g_autofree char *stream = size_format(relay->stream_bytes);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "through a relay: %s on the wire for %s of QEMU's stream", wire, stream);
    if (relay->stream_bytes > 0) {
        g_string_append_printf(text, " (%.0f %%)", 100.0 * (double)relay->wire_bytes / (double)relay->stream_bytes);
    }
    if (relay->codec[0]) {
        g_string_append_printf(text, ", codec %s", relay->codec);
    }
    if (relay->memory_bytes) {
        append_size(text, "kept pages in", (double)relay->memory_bytes);
    }
    append_size(text, "working set", relay->working_set_bytes);
    return g_string_free(text, FALSE);
}

void report_add_relay(JsonBuilder *builder, const Outcome *outcome)
{
    const RelayFigures *relay = &outcome->relay;

    json_builder_set_member_name(builder, "relay");
    if (outcome->way != WAY_RELAY) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    json_add_double_or_null(builder, "stream_bytes", relay->is_known ? (double)relay->stream_bytes : NAN);
    json_add_double_or_null(builder, "wire_bytes", relay->is_known ? (double)relay->wire_bytes : NAN);
    json_add_string_or_null(builder, "codec", relay->codec[0] ? relay->codec : NULL);
    report_add_uint(builder, "memory_bytes", relay->memory_bytes);
    json_add_double_or_null(builder, "working_set_bytes", relay->working_set_bytes);
    json_add_double_or_null(builder, "expected_downtime_ms", relay->expected_downtime_ms);
    json_add_double_or_null(builder, "link_bytes_per_s", relay->link_bytes_per_s);
    json_builder_end_object(builder);
}
