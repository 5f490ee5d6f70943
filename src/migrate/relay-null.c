/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripted pairs; see relay-null.h. */
#include "migrate/relay-null.h"

#include "base/error.h"
#include "base/units.h"

#define START_NS  (50 * NS_PER_MS)
#define STATUS_NS (200 * NS_PER_MS)

typedef struct NullRelays {
    RelayProvider table;
    Clock *clock;
    NullRelayScript script;
    GPtrArray *pairs; /* RelayPair that are open */
    guint started;
    guint64 last_rate;
    gint64 last_limit_ns;
} NullRelays;

struct RelayPair {
    NullRelays *relays;
    NullRelayScript script;
    RelayEventFunc func;
    gpointer user;
    RelayFigures figures;
    guint64 rate_bytes_per_s;
    gint64 ready_ns; /* 0: not yet */
    gint64 told_ns;  /* until then the script was played */
    guint timer;
};

static gint64 now_of(const RelayPair *pair)
{
    return pair->relays->clock->now_ns(pair->relays->clock);
}

static void pair_free(RelayPair *pair)
{
    pair->relays->clock->cancel(pair->relays->clock, pair->timer);
    g_ptr_array_remove_fast(pair->relays->pairs, pair);
    g_free(pair);
}

static void end(RelayPair *pair, const GError *error, Fault fault)
{
    RelayEvent event = {.kind = RELAY_EVENT_ENDED,
                        .error = error,
                        .fault = fault,
                        .figures = pair->ready_ns ? &pair->figures : NULL};
    RelayEventFunc func = pair->func;
    gpointer user = pair->user;

    func(&event, user);
    pair_free(pair);
}

/* Whether the script's moment 'at_ns' lies between the last look and 'passed_ns'. */
static gboolean is_due(const RelayPair *pair, gint64 at_ns, gint64 passed_ns)
{
    return at_ns > 0 && at_ns > pair->told_ns && at_ns <= passed_ns;
}

static void count(RelayPair *pair, gint64 passed_ns)
{
    double share = pair->script.wire_share > 0 ? pair->script.wire_share : 0.5;
    double bytes = (double)pair->rate_bytes_per_s * (double)STATUS_NS / (double)NS_PER_S;

    pair->figures.is_known = TRUE;
    g_strlcpy(pair->figures.state, passed_ns < pair->script.live_ns ? "hello" : "live", sizeof pair->figures.state);
    pair->figures.wire_bytes += (guint64)bytes;
    pair->figures.stream_bytes += (guint64)(bytes / share);
    if (pair->script.switchover_bytes_per_s > 0) {
        pair->figures.switchover_bytes_per_s = pair->script.switchover_bytes_per_s;
    }
}

static void on_status(gpointer data);

static void set_timer(RelayPair *pair, gint64 after_ns)
{
    Clock *clock = pair->relays->clock;

    pair->timer = clock->at(clock, now_of(pair) + after_ns, on_status, pair);
}

/* FALSE: the pair is gone. */
static gboolean tell(RelayPair *pair, const RelayEvent *event)
{
    NullRelays *relays = pair->relays;

    pair->func(event, pair->user);
    return g_ptr_array_find(relays->pairs, pair, NULL);
}

static gboolean play(RelayPair *pair, gint64 passed_ns)
{
    g_autoptr(GError) lost = g_error_new(GODWIT_ERROR, GODWIT_ERROR_LOST, "agent on a: ended");
    g_autoptr(GError) too_long = g_error_new(GODWIT_ERROR, GODWIT_ERROR_FAILED, "relay on a: the pause would be too long");
    g_autoptr(GError) broken = g_error_new(GODWIT_ERROR, GODWIT_ERROR_FAILED, "relay on a: was ended by signal 9");

    if (is_due(pair, pair->script.cannot_converge_ns, passed_ns) &&
        !tell(pair, &(RelayEvent){.kind = RELAY_EVENT_CANNOT_CONVERGE, .reason = pair->script.reason})) {
        return FALSE;
    }
    if (is_due(pair, pair->script.unwatched_ns, passed_ns) &&
        !tell(pair, &(RelayEvent){.kind = RELAY_EVENT_UNWATCHED, .error = lost})) {
        return FALSE;
    }
    if (is_due(pair, pair->script.breaks_ns, passed_ns)) {
        end(pair, broken, FAULT_RELAY);
        return FALSE;
    }
    if (is_due(pair, pair->script.gives_up_ns, passed_ns)) {
        end(pair, too_long, FAULT_NOT_CONVERGED);
        return FALSE;
    }
    if (is_due(pair, pair->script.completes_ns, passed_ns)) {
        end(pair, NULL, FAULT_NONE);
        return FALSE;
    }
    return TRUE;
}

static void on_status(gpointer data)
{
    RelayPair *pair = data;
    gint64 passed_ns = now_of(pair) - pair->ready_ns;

    pair->timer = 0;
    count(pair, passed_ns);
    if (tell(pair, &(RelayEvent){.kind = RELAY_EVENT_STATUS, .figures = &pair->figures}) && play(pair, passed_ns)) {
        pair->told_ns = passed_ns;
        set_timer(pair, STATUS_NS);
    }
}

static void on_started(gpointer data)
{
    RelayPair *pair = data;

    pair->timer = 0;
    if (pair->script.refusal) {
        g_autoptr(GError) error = g_error_new_literal(GODWIT_ERROR, GODWIT_ERROR_REFUSED, pair->script.refusal);

        end(pair, error, FAULT_UNKNOWN);
        return;
    }
    pair->ready_ns = now_of(pair);
    set_timer(pair, STATUS_NS);
    tell(pair, &(RelayEvent){.kind = RELAY_EVENT_READY, .socket_path = "/null/relay.sock"});
}

static RelayPair *null_start(RelayProvider *provider, const RelayRequest *request, RelayEventFunc func, gpointer user)
{
    NullRelays *relays = (NullRelays *)provider;
    RelayPair *pair = g_new0(RelayPair, 1);

    pair->relays = relays;
    pair->script = relays->script;
    pair->func = func;
    pair->user = user;
    pair->rate_bytes_per_s = relays->last_rate = request->rate_bytes_per_s;
    relays->last_limit_ns = request->options->downtime_limit_ns;
    relay_figures_init(&pair->figures);
    relays->started++;
    g_ptr_array_add(relays->pairs, pair);
    pair->timer = relays->clock->at(relays->clock, now_of(pair) + START_NS, on_started, pair);
    return pair;
}

static void null_set_rate(RelayPair *pair, guint64 bytes_per_s)
{
    pair->rate_bytes_per_s = pair->relays->last_rate = bytes_per_s;
}

static void null_set_downtime_limit(RelayPair *pair, gint64 limit_ns)
{
    pair->relays->last_limit_ns = limit_ns;
}

static void null_close(RelayProvider *provider)
{
    NullRelays *relays = (NullRelays *)provider;

    g_assert_cmpuint(relays->pairs->len, ==, 0);
    g_ptr_array_unref(relays->pairs);
    g_free(relays);
}

RelayProvider *relay_null_new(Clock *clock)
{
    NullRelays *relays = g_new0(NullRelays, 1);

    relays->table = (RelayProvider){.name = "null",
                                    .start = null_start,
                                    .set_rate = null_set_rate,
                                    .set_downtime_limit = null_set_downtime_limit,
                                    .forget = pair_free,
                                    .close = null_close};
    relays->clock = clock;
    relays->pairs = g_ptr_array_new();
    return &relays->table;
}

void relay_null_script(RelayProvider *provider, const NullRelayScript *script)
{
    ((NullRelays *)provider)->script = *script;
}

guint relay_null_started(RelayProvider *provider)
{
    return ((NullRelays *)provider)->started;
}

guint relay_null_open(RelayProvider *provider)
{
    return ((NullRelays *)provider)->pairs->len;
}

guint64 relay_null_last_rate(RelayProvider *provider)
{
    return ((NullRelays *)provider)->last_rate;
}

gint64 relay_null_last_limit_ns(RelayProvider *provider)
{
    return ((NullRelays *)provider)->last_limit_ns;
}
