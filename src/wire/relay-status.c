/* SPDX-License-Identifier: Apache-2.0
 *
 * What a relay tells of itself; members and units are those of docs/schema/relay.json. */
#include "wire/relay-watch-private.h"

#include "wire/relay-net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double elapsed_ms(const RelayWatch *watch)
{
    return (double)(relay_now_ns() - watch->relay->started_ns) / 1e6;
}

static double known(double value)
{
    return value > 0 ? value : NAN;
}

static void add_pages(RelayEvent *event, const SrcEncodeStats *stats)
{
    relay_event_open(event, "pages");
    relay_event_number(event, "raw", stats->pages_raw);
    relay_event_number(event, "segments", stats->pages_segments);
    relay_event_number(event, "words", stats->pages_words);
    relay_event_number(event, "same", stats->pages_same);
    relay_event_number(event, "duplicate", stats->pages_duplicate);
    relay_event_number(event, "shared", stats->pages_shared);
    relay_event_number(event, "zero", stats->pages_zero);
    relay_event_number(event, "resent", stats->pages_resent);
    relay_event_close(event);
}

static void add_totals(RelayEvent *event, const RelayWatch *watch)
{
    const RelaySum *sum = &watch->sum;

    relay_event_number(event, "stream_bytes", sum->stream_bytes);
    relay_event_number(event, "wire_bytes", sum->wire_bytes);
    relay_event_number(event, "return_bytes", sum->return_bytes);
    if (watch->relay->config->side == RELAY_DESTINATION) {
        relay_event_number(event, "memory_bytes", sum->dst_main.decode.memory_bytes);
        return;
    }
    relay_event_number(event, "credited_stream_bytes", sum->credited_stream_bytes);
    relay_event_number(event, "credited_wire_bytes", sum->credited_wire_bytes);
    relay_event_number(event, "literal_bytes", sum->main.encode.literal_bytes);
    relay_event_number(event, "doubtful_bytes", sum->main.parse.doubtful_bytes);
    relay_event_number(event, "pass", watch->passes_told);
    add_pages(event, &sum->main.encode);
    relay_event_number(event, "resent_dirty_bytes", sum->main.encode.resent_dirty_bytes);
    relay_event_number(event, "memory_bytes", sum->main.encode.memory_bytes);
    relay_event_real(event, "codec_cpu_s", (double)sum->main.codec.busy_ns / 1e9);
}

/* What is known best: the pause itself, or what the governor expects of one.  After a post-copy has begun there is none to come. */
static double expected_downtime_s(const RelayWatch *watch)
{
    bool is_postcopy = watch->sum.main.parse.state == SRC_STREAM_POSTCOPY;

    return is_postcopy ? NAN : watch->is_stopped ? watch->pause_s : watch->verdict.expected_downtime_s;
}

static void add_source(RelayEvent *event, const RelayWatch *watch)
{
    const GovernorVerdict *verdict = &watch->verdict;

    relay_event_real(event, "working_set_bytes", verdict->working_set_bytes);
    relay_event_real(event, "expected_downtime_ms", expected_downtime_s(watch) * 1e3);
    relay_event_real(event, "link_bytes_per_s", known(watch->link_bytes_per_s));
    relay_event_real(event, "rtt_ms", known((double)watch->sum.main.rtt_ns / 1e6));
    relay_event_real(event, "switchover_bytes_per_s", known(verdict->switchover_bytes_per_s));
    relay_event_real(event, "downtime_limit_scale", verdict->downtime_limit_scale);
    relay_event_real(event, "queue_ms", (double)watch->sum.out_ns / 1e6);
    relay_event_number(event, "queue_bytes", watch->sum.out_wire_bytes);
    relay_event_string(event, "codec", watch->level ? watch->level->name : "none");
    if (watch->level_reason[0]) {
        relay_event_string(event, "codec_reason", watch->level_reason);
    }
}

static const char *say_known(char text[32], double value, int decimals, const char *unit)
{
    if (isnan(value) || value <= 0) {
        return "unknown";
    }
    snprintf(text, 32, "%.*f %s", decimals, value, unit);
    return text;
}

static void say_status(RelayWatch *watch, RelayState state)
{
    const RelaySum *sum = &watch->sum;
    RelayEvents *events = &watch->relay->events;

    if (watch->relay->config->side == RELAY_DESTINATION) {
        relay_events_say(events, false, "%s: %.1f MB received, %.1f MB written to QEMU", relay_state_name(state),
                         (double)sum->wire_bytes / 1e6, (double)sum->stream_bytes / 1e6);
        return;
    }
    char link[32], working_set[32], pause[32];

    relay_events_say(events, false, "%s: pass %u, %.1f MB for %.1f MB sent, link %s, working set %s, %s %s",
                     relay_state_name(state), watch->passes_told + 1, (double)sum->wire_bytes / 1e6,
                     (double)sum->stream_bytes / 1e6, say_known(link, watch->link_bytes_per_s / 1e6, 1, "MB/s"),
                     say_known(working_set, watch->verdict.working_set_bytes / 1e6, 2, "MB"),
                     watch->is_stopped ? "pause" : "expected pause", say_known(pause, expected_downtime_s(watch) * 1e3, 0, "ms"));
}

void relay_status_tell(RelayWatch *watch)
{
    Relay *relay = watch->relay;
    RelayState state = relay_state_now(relay);
    RelayEvent event;

    if (relay_events_for_people(&relay->events)) {
        say_status(watch, state);
        return;
    }
    relay_event_begin(&event, "status");
    relay_event_string(&event, "state", relay_state_name(state));
    relay_event_real(&event, "elapsed_ms", elapsed_ms(watch));
    add_totals(&event, watch);
    if (relay->config->side == RELAY_SOURCE) {
        add_source(&event, watch);
    }
    relay_events_send(&relay->events, &event);
}

void relay_tell_connected(Relay *relay, unsigned channel, const char *page_memory, bool is_ours)
{
    static const char *const words = "too little for the tables of a page memory: every page goes whole";
    char note[160] = "";
    RelayEvent event;

    if (page_memory && strcmp(page_memory, "none") == 0 && is_ours) {
        snprintf(note, sizeof(note), "%.1f MiB are %s", (double)relay->config->encode.memory_bytes_max / 1048576, words);
    } else if (page_memory && strcmp(page_memory, "none") == 0 && relay->config->encode.filters & WIRE_FILTERS_WITH_SLOTS) {
        snprintf(note, sizeof(note), "what the other relay may keep is %s", words);
    }
    relay_event_begin(&event, "connected");
    relay_event_number(&event, "channel", channel);
    if (page_memory) {
        relay_event_string(&event, "page_memory", page_memory);
    }
    if (note[0]) {
        relay_event_string(&event, "note", note);
        relay_events_say(&relay->events, true, "%s", note);
    }
    relay_events_send(&relay->events, &event);
}

void relay_status_tell_pass(RelayWatch *watch, const GovernorPass *pass)
{
    RelayEvent event;

    relay_event_begin(&event, "pass");
    relay_event_number(&event, "pass", watch->passes_told);
    relay_event_number(&event, "pages", pass->pages);
    relay_event_number(&event, "stream_bytes", pass->stream_bytes);
    relay_event_number(&event, "wire_bytes", pass->wire_bytes);
    relay_event_real(&event, "seconds", pass->seconds);
    relay_event_number(&event, "pages_resent", pass->pages_resent);
    relay_event_number(&event, "dirty_bytes", pass->dirty_bytes);
    relay_event_number(&event, "resent_stream_bytes", pass->resent_stream_bytes);
    relay_event_number(&event, "resent_wire_bytes", pass->resent_wire_bytes);
    relay_events_send(&watch->relay->events, &event);
}

void relay_status_tell_cannot(RelayWatch *watch)
{
    RelayEvent event;

    relay_events_say(&watch->relay->events, true, "cannot converge: %s", watch->verdict.reason);
    relay_event_begin(&event, "cannot-converge");
    relay_event_string(&event, "reason", watch->verdict.reason);
    relay_event_real(&event, "working_set_bytes", watch->verdict.working_set_bytes);
    relay_event_real(&event, "expected_downtime_ms", watch->verdict.expected_downtime_s * 1e3);
    relay_event_real(&event, "link_bytes_per_s", known(watch->link_bytes_per_s));
    relay_events_send(&watch->relay->events, &event);
}

/* For programs: whom to blame, which the sentence says to people. */
static const char *cause_name(WireReason reason)
{
    static const char *const names[] = {
        [WIRE_REASON_NONE] = "none",         [WIRE_REASON_PROTOCOL] = "protocol",   [WIRE_REASON_HASH] = "hash",
        [WIRE_REASON_MEMORY] = "memory",     [WIRE_REASON_QEMU_CLOSED] = "qemu",    [WIRE_REASON_WATCHDOG] = "watchdog",
        [WIRE_REASON_ASKED] = "asked",       [WIRE_REASON_VERSION] = "version",     [WIRE_REASON_SESSION] = "session",
    };

    return reason <= WIRE_REASON_SESSION ? names[reason] : "protocol";
}

void relay_watch_tell_end(RelayWatch *watch, const char *outcome, const char *reason)
{
    RelayEvent event;

    relay_events_say(&watch->relay->events, true, "%s%s%s: %.1f MB of stream in %.1f MB on the wire, %.1f s", outcome,
                     reason[0] ? ": " : "", reason, (double)watch->sum.stream_bytes / 1e6, (double)watch->sum.wire_bytes / 1e6,
                     elapsed_ms(watch) / 1e3);
    relay_event_begin(&event, "ended");
    relay_event_string(&event, "outcome", outcome);
    relay_event_string(&event, "cause", cause_name(watch->relay->failed ? watch->relay->failed_reason : WIRE_REASON_NONE));
    relay_event_string(&event, "reason", reason);
    relay_event_string(&event, "state", relay_state_name(relay_state_now(watch->relay)));
    relay_event_real(&event, "elapsed_ms", elapsed_ms(watch));
    if (watch->relay->config->side == RELAY_SOURCE) {
        relay_event_real(&event, "pause_ms", watch->pause_s * 1e3);
    }
    relay_event_open(&event, "totals");
    add_totals(&event, watch);
    relay_event_close(&event);
    relay_events_send(&watch->relay->events, &event);
}
