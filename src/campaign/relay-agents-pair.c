/* SPDX-License-Identifier: Apache-2.0
 *
 * One pair of relays, over the agents of both hosts; see relay-agents.h.
 *
 *     destination  relay-start ---> socket, ready with its port
 *     source                        relay-start with that port ---> the same socket, ready      READY
 *     source                        status, pass ...                                            STATUS
 *     both                          ended, relay-ended                                          ENDED
 *
 * Whom to blame when it did not end well: a relay that was killed, or that failed by its own account and names another
 * cause than a QEMU that closed.  One that was 'asked' to end, which we never do, has asked itself: the switchover was
 * going to break the downtime limit. */
#include "campaign/relay-agents-private.h"

#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"

#define START_LIMIT_NS (40 * NS_PER_S) /* both agents and relays; ssh may take long */
#define PAGE_BYTES     4096

static void pair_free(RelayPair *pair);

/* ---- events ---- */

static void tell(RelayPair *pair, const RelayEvent *event)
{
    pair->func(event, pair->user);
}

/* The last word; the pair is gone. */
static void finish(RelayPair *pair, const GError *error, Fault fault)
{
    RelayEvent event = {.kind = RELAY_EVENT_ENDED,
                        .figures = &pair->figures,
                        .error = error,
                        .fault = error ? fault : FAULT_NONE};
    RelayEventFunc func = pair->func;
    gpointer user = pair->user;

    pair->func = NULL;
    func(&event, user);
    pair_free(pair);
}

G_GNUC_PRINTF(2, 3)
static void fail_start(RelayPair *pair, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autoptr(GError) error = g_error_new_valist(GODWIT_ERROR, GODWIT_ERROR_FAILED, format, arguments);
    va_end(arguments);
    finish(pair, error, FAULT_UNKNOWN);
}

/* By what one relay said last. */
static Fault fault_of(const RelayEnd *end)
{
    if (end->was_killed) {
        return FAULT_RELAY;
    }
    if (!end->is_ended || end->is_unwatched || g_strcmp0(end->outcome, "completed") == 0) {
        return FAULT_NONE;
    }
    if (g_strcmp0(end->cause, "qemu") == 0) {
        return FAULT_UNKNOWN;
    }
    return g_strcmp0(end->cause, "asked") == 0 ? FAULT_NOT_CONVERGED : FAULT_RELAY;
}

/* The one that knows best why it ended: a killed one before one that complains of it, and before one that lost a QEMU. */
static const RelayEnd *speaker_of(const RelayPair *pair)
{
    if (pair->destination.was_killed || pair->source.is_unwatched) {
        return &pair->destination;
    }
    return !pair->source.was_killed && fault_of(&pair->source) == FAULT_UNKNOWN &&
                   fault_of(&pair->destination) == FAULT_RELAY
               ? &pair->destination
               : &pair->source;
}

static void finish_when_ended(RelayPair *pair)
{
    const RelayEnd *speaker = speaker_of(pair);
    g_autoptr(GError) error = NULL;

    if (!pair->source.is_ended || !pair->destination.is_ended || speaker->is_unwatched) {
        return; /* nobody is left to tell: the migration's own end does */
    }
    if (g_strcmp0(speaker->outcome, "completed") != 0) {
        error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_FAILED, "relay on %s: %s", speaker->host->config->name,
                            speaker->reason ? speaker->reason : "ended without a word");
    }
    finish(pair, error, fault_of(speaker));
}

/* ---- figures ---- */

static double number_or_nan(JsonObject *said, const char *member)
{
    double value = NAN;

    json_read_double(said, member, "relay", &value, NULL);
    return value;
}

/* A number that counts only above 0. */
static double rate_or_nan(JsonObject *said, const char *member)
{
    double value = number_or_nan(said, member);

    return value > 0 ? value : NAN;
}

static void read_count(JsonObject *said, const char *member, guint64 *value)
{
    double number = number_or_nan(said, member);

    if (number >= 0) {
        *value = (guint64)number;
    }
}

static void read_word(JsonObject *said, const char *member, char *word, gsize size)
{
    const char *text = NULL;

    if (json_read_string(said, member, "relay", &text, NULL)) {
        g_strlcpy(word, text, size);
    }
}

static void read_counts(RelayFigures *figures, JsonObject *said)
{
    figures->is_known = TRUE;
    read_count(said, "stream_bytes", &figures->stream_bytes);
    read_count(said, "wire_bytes", &figures->wire_bytes);
    read_count(said, "memory_bytes", &figures->memory_bytes);
}

static void read_figures(RelayFigures *figures, JsonObject *said)
{
    read_counts(figures, said);
    read_word(said, "state", figures->state, sizeof figures->state);
    read_word(said, "codec", figures->codec, sizeof figures->codec);
    figures->working_set_bytes = number_or_nan(said, "working_set_bytes");
    figures->expected_downtime_ms = number_or_nan(said, "expected_downtime_ms");
    figures->link_bytes_per_s = rate_or_nan(said, "link_bytes_per_s");
    figures->switchover_bytes_per_s = rate_or_nan(said, "switchover_bytes_per_s");
    figures->queue_ms = number_or_nan(said, "queue_ms");
}

/* ---- starting ---- */

static void add_text(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void add_number(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, (gint64)value);
}

static char *random_hex(gsize bytes)
{
    guint8 *random = g_malloc(bytes);
    GString *text = g_string_sized_new(2 * bytes);

    if (getrandom(random, bytes, 0) != (gssize)bytes) {
        g_error("the kernel gives no random bytes");
    }
    for (gsize i = 0; i < bytes; i++) {
        g_string_append_printf(text, "%02x", random[i]);
    }
    explicit_bzero(random, bytes);
    g_free(random);
    return g_string_free(text, FALSE);
}

/* What the destination has of a gang's pages counts for this source alone, so each two hosts have a folder of their own. */
static const char *gang_of(const RelayPair *pair)
{
    g_autofree char *hosts = g_strdup_printf("%s %s", pair->step->source, pair->step->destination);
    char *name = g_hash_table_lookup(pair->agents->gangs, hosts);

    if (!name) {
        g_autofree char *digits = random_hex(RELAY_NAME_BYTES);

        name = g_strconcat("gang-", digits, NULL);
        g_hash_table_insert(pair->agents->gangs, g_steal_pointer(&hosts), name);
    }
    return name;
}

/* What libvirt switches on in QEMU for such a migration, as far as it changes the stream. */
static char *capabilities_of(const RelayPair *pair)
{
    GString *names = g_string_new("return-path");

    if (pair->may_postcopy) {
        g_string_append(names, ",postcopy-ram,postcopy-preempt");
    }
    if (pair->options->parallel_connections > 1) {
        g_string_append(names, ",multifd");
    }
    if (pair->options->compressed) {
        g_string_append(names, ",xbzrle");
    }
    return g_string_free(names, FALSE);
}

static void start_end(RelayEnd *end, const char *side, const char *address)
{
    const RelayPair *pair = end->pair;
    gboolean is_source = end == &pair->source;
    g_autofree char *capabilities = capabilities_of(pair);
    JsonBuilder *builder = json_builder_new();

    json_builder_begin_object(builder);
    add_text(builder, "side", side);
    add_text(builder, "name", pair->name);
    add_text(builder, "vm", pair->step->vm);
    add_text(builder, "uuid", pair->step->uuid);
    add_text(builder, "key", pair->key);
    add_text(builder, is_source ? "peer" : "listen", address);
    add_text(builder, "capabilities", capabilities);
    add_number(builder, "ram_bytes", pair->step->ram_bytes);
    add_number(builder, "page_bytes", PAGE_BYTES);
    add_number(builder, "downtime_limit_ns", (guint64)pair->options->downtime_limit_ns);
    if (pair->options->relay_across_vms) {
        add_text(builder, "gang", gang_of(pair));
    }
    if (pair->step->choice->relay_memory_bytes) {
        add_number(builder, "memory_bytes", pair->step->choice->relay_memory_bytes);
    }
    if (is_source && pair->rate_bytes_per_s) {
        add_number(builder, "rate_bytes_per_s", pair->rate_bytes_per_s);
    }
    if (is_source && pair->link_bytes_per_s) {
        add_number(builder, "link_bytes_per_s", pair->link_bytes_per_s);
    }
    json_builder_end_object(builder);
    relay_end_call(end, "relay-start", builder);
}

/* Where the migration traffic of 'host' arrives: as the inventory says, else where its libvirtd is reached. */
static char *migration_host(const HostConfig *host)
{
    g_autoptr(GUri) uri = g_uri_parse(host_config_peer_uri(host), G_URI_FLAGS_NONE, NULL);
    const char *name = uri ? g_uri_get_host(uri) : NULL;

    if (host->migration_address) {
        return g_strdup(host->migration_address);
    }
    return name && name[0] ? g_strdup(name) : NULL;
}

static char *with_port(const char *host, guint64 port)
{
    gboolean is_bare_ipv6 = strchr(host, ':') && host[0] != '[';

    return g_strdup_printf("%s%s%s:%" G_GUINT64_FORMAT, is_bare_ipv6 ? "[" : "", host, is_bare_ipv6 ? "]" : "", port);
}

static gboolean take_host(RelayPair *pair, RelayEnd *end, const char *name)
{
    g_autoptr(GError) error = NULL;

    end->host = relay_host_take(pair->agents, name, &error);
    if (!end->host) {
        finish(pair, error, FAULT_UNKNOWN); /* 'end' is gone with it */
        return FALSE;
    }
    return TRUE;
}

static void on_start_limit(gpointer data)
{
    RelayPair *pair = data;
    const RelayEnd *slow = pair->destination.is_ready ? &pair->source : &pair->destination;
    g_autofree char *limit = duration_format(START_LIMIT_NS);

    pair->timer = 0;
    fail_start(pair, "relay on %s: not ready within %s", slow->host ? slow->host->config->name : "the destination",
               limit);
}

/* Both agents are needed, so both are started at once. */
static void begin(gpointer data)
{
    RelayPair *pair = data;
    Clock *clock = pair->agents->clock;
    g_autofree char *address = NULL;
    g_autofree char *listen = NULL;

    pair->timer = clock->at(clock, clock->now_ns(clock) + START_LIMIT_NS, on_start_limit, pair);
    if (!take_host(pair, &pair->source, pair->step->source) ||
        !take_host(pair, &pair->destination, pair->step->destination)) {
        return;
    }
    address = migration_host(pair->destination.host->config);
    if (!address) {
        fail_start(pair, "relay on %s: nobody knows where it could listen: its inventory entry needs a key "
                         "'migration_address'",
                   pair->step->destination);
        return;
    }
    listen = with_port(pair->destination.host->config->migration_address ? address : "0.0.0.0", 0);
    start_end(&pair->destination, "destination", listen);
}

static void on_destination_ready(RelayPair *pair, JsonObject *said)
{
    g_autofree char *address = migration_host(pair->destination.host->config);
    g_autofree char *peer = NULL;
    guint64 port = 0;

    if (!json_read_uint(said, "port", "relay", &port, NULL) || port == 0 || port > G_MAXUINT16) {
        fail_start(pair, "relay on %s: said no port", pair->step->destination);
        return;
    }
    pair->destination.is_ready = TRUE;
    peer = with_port(address, port);
    start_end(&pair->source, "source", peer);
}

static void on_source_ready(RelayPair *pair)
{
    Clock *clock = pair->agents->clock;

    clock->cancel(clock, pair->timer);
    pair->timer = 0;
    pair->source.is_ready = pair->is_ready = TRUE;
    tell(pair, &(RelayEvent){.kind = RELAY_EVENT_READY, .socket_path = pair->socket_path});
}

/* QEMUs are told one path, so it must be the same on both hosts. */
static void take_socket(RelayPair *pair, JsonObject *result)
{
    const char *path = NULL;

    if (!json_read_string(result, "socket", "relay", &path, NULL)) {
        fail_start(pair, "an agent said no path of a socket");
    } else if (pair->socket_path && !g_str_equal(path, pair->socket_path)) {
        fail_start(pair, "relay on %s: its socket is %s, on %s it is %s; agents need the same --run-directory",
                   pair->step->source, path, pair->step->destination, pair->socket_path);
    } else if (!pair->socket_path) {
        pair->socket_path = g_strdup(path);
    }
}

/* ---- what is said ---- */

static char *word_or_null(JsonObject *said, const char *member)
{
    const char *text = NULL;

    return json_read_string(said, member, "relay", &text, NULL) && text[0] ? g_strdup(text) : NULL;
}

static void on_last_word(RelayEnd *end, JsonObject *said)
{
    JsonObject *totals = NULL;

    if (end == &end->pair->source && json_read_object(said, "totals", "relay", &totals, NULL)) {
        read_counts(&end->pair->figures, totals);
    }
    g_free(end->outcome);
    g_free(end->cause);
    g_free(end->reason);
    end->outcome = word_or_null(said, "outcome");
    end->cause = word_or_null(said, "cause");
    end->reason = word_or_null(said, "reason");
}

static void on_said(RelayEnd *end, const char *event, JsonObject *said)
{
    RelayPair *pair = end->pair;
    gboolean is_source = end == &pair->source;
    const char *text = NULL;

    if (g_str_equal(event, "ready") && !end->is_ready) {
        if (is_source) {
            on_source_ready(pair);
        } else {
            on_destination_ready(pair, said);
        }
    } else if (g_str_equal(event, "ended")) {
        on_last_word(end, said);
    } else if (is_source && g_str_equal(event, "status")) {
        read_figures(&pair->figures, said);
        tell(pair, &(RelayEvent){.kind = RELAY_EVENT_STATUS, .figures = &pair->figures});
    } else if (is_source && g_str_equal(event, "cannot-converge") &&
               json_read_string(said, "reason", "relay", &text, NULL)) {
        tell(pair, &(RelayEvent){.kind = RELAY_EVENT_CANNOT_CONVERGE, .reason = text});
    }
}

/* "was ended by signal 9", or its complaint, or its exit status. */
static void take_end(RelayEnd *end, JsonObject *message)
{
    guint64 signal_number = 0;
    guint64 status = 0;
    const char *words = NULL;

    end->is_ended = TRUE;
    if (json_read_uint(message, "signal", "relay", &signal_number, NULL)) {
        end->was_killed = TRUE;
        g_free(end->reason);
        end->reason = g_strdup_printf("was ended by signal %" G_GUINT64_FORMAT, signal_number);
    } else if (!end->reason && json_read_string(message, "message", "relay", &words, NULL)) {
        end->reason = g_strdup(words);
    } else if (!end->reason && json_read_uint(message, "status", "relay", &status, NULL)) {
        end->reason = g_strdup_printf("ended with exit status %" G_GUINT64_FORMAT, status);
    }
}

static void on_end_gone(RelayEnd *end, JsonObject *message)
{
    RelayPair *pair = end->pair;

    g_ptr_array_remove(end->host->ends, end);
    take_end(end, message);
    if (!pair->is_ready) {
        fail_start(pair, "relay on %s: %s", end->host->config->name, end->reason ? end->reason : "ended at once");
    } else {
        finish_when_ended(pair);
    }
}

void relay_end_message(RelayEnd *end, JsonObject *message)
{
    const char *text = NULL;
    JsonObject *object = NULL;

    if (json_read_string(message, "error", "agent", &text, NULL)) {
        fail_start(end->pair, "relay on %s: %s", end->host->config->name, text);
    } else if (json_read_object(message, "result", "agent", &object, NULL)) {
        take_socket(end->pair, object);
    } else if (!json_read_string(message, "event", "agent", &text, NULL)) {
        log_debug("relay on %s: a message of no kind", end->host->config->name);
    } else if (g_str_equal(text, "relay-ended")) {
        on_end_gone(end, message);
    } else if (g_str_equal(text, "relay") && json_read_object(message, "said", "agent", &object, NULL) &&
               json_read_string(object, "event", "relay", &text, NULL)) {
        on_said(end, text, object);
    }
}

void relay_end_lost(RelayEnd *end, const GError *error)
{
    RelayPair *pair = end->pair;

    if (!pair->is_ready) {
        finish(pair, error, FAULT_UNKNOWN);
        return;
    }
    end->is_ended = end->is_unwatched = TRUE;
    tell(pair, &(RelayEvent){.kind = RELAY_EVENT_UNWATCHED, .error = error});
}

/* ---- the interface ---- */

static void make_secrets(RelayPair *pair)
{
    g_autofree char *key = random_hex(RELAY_KEY_BYTES);
    g_autofree char *name = random_hex(RELAY_NAME_BYTES);

    pair->name = g_strconcat("relay-", name, NULL);
    g_strlcpy(pair->key, key, sizeof pair->key);
    explicit_bzero(key, strlen(key));
}

RelayPair *relay_pair_start(RelayAgents *agents, const RelayRequest *request, RelayEventFunc func, gpointer user)
{
    RelayPair *pair = g_new0(RelayPair, 1);

    pair->agents = agents;
    pair->func = func;
    pair->user = user;
    pair->step = request->step;
    pair->options = request->options;
    pair->rate_bytes_per_s = request->rate_bytes_per_s;
    pair->link_bytes_per_s = request->link_bytes_per_s;
    pair->may_postcopy = request->may_postcopy;
    pair->source.pair = pair->destination.pair = pair;
    relay_figures_init(&pair->figures);
    make_secrets(pair);
    pair->timer = agents->clock->at(agents->clock, agents->clock->now_ns(agents->clock), begin, pair);
    return pair;
}

static void command(RelayEnd *end, const char *name, const char *member, guint64 value)
{
    JsonBuilder *builder = json_builder_new();

    json_builder_begin_object(builder);
    add_number(builder, "relay", end->id);
    json_builder_set_member_name(builder, "command");
    json_builder_begin_object(builder);
    add_text(builder, "command", name);
    add_number(builder, member, value);
    json_builder_end_object(builder);
    json_builder_end_object(builder);
    relay_end_call(end, "relay-command", builder);
}

static gboolean is_reachable(const RelayEnd *end)
{
    return end->id && !end->is_ended;
}

void relay_pair_set_rate(RelayPair *pair, guint64 bytes_per_s)
{
    pair->rate_bytes_per_s = bytes_per_s;
    if (is_reachable(&pair->source)) {
        command(&pair->source, "rate", "bytes_per_s", bytes_per_s);
    }
}

void relay_pair_set_downtime_limit(RelayPair *pair, gint64 limit_ns)
{
    if (is_reachable(&pair->source)) {
        command(&pair->source, "downtime-limit", "ms", (guint64)(limit_ns / NS_PER_MS));
    }
    if (is_reachable(&pair->destination)) {
        command(&pair->destination, "downtime-limit", "ms", (guint64)(limit_ns / NS_PER_MS));
    }
}

static void leave_end(RelayEnd *end)
{
    if (is_reachable(end)) {
        JsonBuilder *builder = json_builder_new();

        json_builder_begin_object(builder);
        add_number(builder, "relay", end->id);
        json_builder_end_object(builder);
        relay_end_call(end, "relay-forget", builder);
    }
    if (end->host) {
        g_ptr_array_remove(end->host->ends, end);
    }
    g_free(end->outcome);
    g_free(end->cause);
    g_free(end->reason);
}

static void pair_free(RelayPair *pair)
{
    pair->agents->clock->cancel(pair->agents->clock, pair->timer);
    leave_end(&pair->source);
    leave_end(&pair->destination);
    explicit_bzero(pair->key, sizeof pair->key);
    g_free(pair->name);
    g_free(pair->socket_path);
    g_free(pair);
}

void relay_pair_forget(RelayPair *pair)
{
    pair_free(pair);
}
