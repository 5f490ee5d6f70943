/* SPDX-License-Identifier: Apache-2.0
 *
 * AgentClient; see agent-client.h. */
#include "observe/agent-client.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"
#include "observe/line-io.h"

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <signal.h>

#define SHOWN_BYTES 80             /* of a line that makes no sense */
#define END_NS      (2 * NS_PER_S) /* what an agent whose output ended may take to end itself */

struct AgentClient {
    char *host;
    Clock *clock;
    AgentClientCallbacks callbacks;
    gpointer user;

    GSubprocess *process;
    LineReader *output;
    LineReader *errors;
    LineWriter *input;
    GCancellable *wait_cancel;
    char *first_error_line;

    GPtrArray *unsent; /* char *, requests made before the hello */
    gboolean has_hello;
    gboolean is_dead;
    guint64 last_id;
    gint64 interval_ns;
    guint timer;
};

/* Reports once; the client may be gone afterwards. */
static void client_fail(AgentClient *client, GError *error)
{
    g_autoptr(GError) cause = error;

    if (client->is_dead) {
        return;
    }
    client->is_dead = TRUE;
    client->clock->cancel(client->clock, client->timer);
    client->timer = 0;
    g_prefix_error(&cause, "agent on %s: ", client->host);
    client->callbacks.on_error(cause, client->user);
}

static void on_silence(gpointer user)
{
    AgentClient *client = user;
    gint64 limit_ns = client->has_hello ? client->interval_ns + AGENT_SILENCE_NS : AGENT_HELLO_NS;
    g_autofree char *limit = duration_format(limit_ns);

    client->timer = 0;
    client_fail(client, g_error_new(GODWIT_ERROR, GODWIT_ERROR_TIMEOUT, "silent for %s", limit));
}

/* Something came: the clock of silence begins again. */
static void restart_timer(AgentClient *client)
{
    client->clock->cancel(client->clock, client->timer);
    client->timer = 0;
    if (!client->has_hello || client->interval_ns > 0) {
        gint64 limit_ns = client->has_hello ? client->interval_ns + AGENT_SILENCE_NS : AGENT_HELLO_NS;
        client->timer =
            client->clock->at(client->clock, client->clock->now_ns(client->clock) + limit_ns, on_silence, client);
    }
}

static GError *garbage_error(const char *line)
{
    g_autofree char *valid = g_utf8_make_valid(line, -1);
    g_autofree char *start = g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), SHOWN_BYTES));
    g_autofree char *shown = g_strescape(start, NULL);

    return g_error_new(GODWIT_ERROR, GODWIT_ERROR_PROTOCOL, "sent a line that is not one of ours: \"%s\"", shown);
}

static void take_hello(AgentClient *client, JsonObject *hello, const char *line)
{
    guint64 version = 0;

    if (!json_read_uint(hello, "godwit-agent", "hello", &version, NULL)) {
        client_fail(client, garbage_error(line));
        return;
    }
    if (version != AGENT_PROTOCOL) {
        client_fail(client, g_error_new(GODWIT_ERROR, GODWIT_ERROR_PROTOCOL,
                                        "speaks version %" G_GUINT64_FORMAT ", this is %d: install the same godwit on "
                                        "both",
                                        version, AGENT_PROTOCOL));
        return;
    }
    client->has_hello = TRUE;
    restart_timer(client);
    for (guint i = 0; i < client->unsent->len; i++) {
        line_writer_add(client->input, g_ptr_array_index(client->unsent, i));
    }
    g_ptr_array_set_size(client->unsent, 0);
    client->callbacks.on_hello(hello, client->user);
}

static void on_line(const char *line, gsize length, gpointer user)
{
    AgentClient *client = user;
    g_autoptr(GError) error = NULL;

    if (client->is_dead) {
        return;
    }
    JsonObject *message = strlen(line) == length ? json_parse_object(line, (gssize)length, "it", &error) : NULL;
    if (!message) {
        client_fail(client, garbage_error(line));
        return;
    }
    log_debug("agent on %s: %s", client->host, line);
    if (!client->has_hello) {
        take_hello(client, message, line);
    } else {
        restart_timer(client);
        client->callbacks.on_message(message, client->user);
    }
    json_object_unref(message);
}

static void on_ended(GObject *source, GAsyncResult *result, gpointer user)
{
    GSubprocess *process = G_SUBPROCESS(source);
    g_autoptr(GError) error = NULL;

    if (!g_subprocess_wait_finish(process, result, &error)) {
        return; /* cancelled: the client is gone */
    }
    AgentClient *client = user;
    line_reader_drain(client->errors);
    const char *said = client->first_error_line;
    g_autofree char *how = g_subprocess_get_if_signaled(process)
                               ? g_strdup_printf("was ended by signal %d", g_subprocess_get_term_sig(process))
                               : g_strdup_printf("ended with exit status %d", g_subprocess_get_exit_status(process));

    client_fail(client,
                g_error_new(GODWIT_ERROR, GODWIT_ERROR_LOST, "%s%s%s", how, said ? ": " : "", said ? said : ""));
}

static void on_not_ended(gpointer user)
{
    AgentClient *client = user;

    client->timer = 0;
    client_fail(client, g_error_new(GODWIT_ERROR, GODWIT_ERROR_LOST, "closed its output"));
}

static void on_output_end(const GError *error, gpointer user)
{
    AgentClient *client = user;

    if (client->is_dead) {
        return;
    }
    if (error && error->code != GODWIT_ERROR_LOST) {
        client_fail(client, g_error_copy(error));
        return;
    }
    client->clock->cancel(client->clock, client->timer);
    client->timer =
        client->clock->at(client->clock, client->clock->now_ns(client->clock) + END_NS, on_not_ended, client);
    g_subprocess_wait_async(client->process, client->wait_cancel, on_ended, client);
}

static void on_error_line(const char *line, gsize length G_GNUC_UNUSED, gpointer user)
{
    AgentClient *client = user;

    if (!client->first_error_line && line[0] != '\0') {
        g_autofree char *valid = g_utf8_make_valid(line, -1);
        client->first_error_line = g_strescape(valid, "\"\\");
    }
    log_debug("agent on %s says: %s", client->host, line);
}

static void on_error_end(const GError *error G_GNUC_UNUSED, gpointer user G_GNUC_UNUSED)
{
}

static GSubprocess *spawn(const char *command, GError **error)
{
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) cause = NULL;

    if (!g_shell_parse_argv(command, NULL, &words, &cause)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "its command '%s' cannot be read: %s", command,
                    cause->message);
        return NULL;
    }
    GSubprocess *process = g_subprocess_newv(
        (const char *const *)words,
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &cause);
    if (!process) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "cannot be started by '%s': %s", command,
                    cause->message);
    }
    return process;
}

AgentClient *agent_client_new(const char *host, const char *command, Clock *clock,
                              const AgentClientCallbacks *callbacks, gpointer user, GError **error)
{
    g_autoptr(GSubprocess) process = spawn(command, error);

    if (!process) {
        g_prefix_error(error, "agent on %s: ", host);
        return NULL;
    }
    AgentClient *client = g_new0(AgentClient, 1);
    GInputStream *output = g_subprocess_get_stdout_pipe(process);
    GInputStream *errors = g_subprocess_get_stderr_pipe(process);
    GOutputStream *input = g_subprocess_get_stdin_pipe(process);

    client->host = g_strdup(host);
    client->clock = clock;
    client->callbacks = *callbacks;
    client->user = user;
    client->unsent = g_ptr_array_new_with_free_func(g_free);
    client->wait_cancel = g_cancellable_new();
    client->output =
        line_reader_new(g_unix_input_stream_get_fd(G_UNIX_INPUT_STREAM(output)), on_line, on_output_end, client);
    client->errors =
        line_reader_new(g_unix_input_stream_get_fd(G_UNIX_INPUT_STREAM(errors)), on_error_line, on_error_end, client);
    client->input = line_writer_new(g_unix_output_stream_get_fd(G_UNIX_OUTPUT_STREAM(input)));
    client->process = g_steal_pointer(&process);
    restart_timer(client);
    return client;
}

guint64 agent_client_call(AgentClient *client, const char *method, JsonNode *params)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    guint64 id = ++client->last_id;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "id");
    json_builder_add_int_value(builder, (gint64)id);
    json_builder_set_member_name(builder, "method");
    json_builder_add_string_value(builder, method);
    if (params) {
        json_builder_set_member_name(builder, "params");
        json_builder_add_value(builder, params);
    }
    json_builder_end_object(builder);

    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *line = json_to_text(root, FALSE);
    if (client->has_hello) {
        line_writer_add(client->input, line);
    } else {
        g_ptr_array_add(client->unsent, g_steal_pointer(&line));
    }
    return id;
}

void agent_client_expect(AgentClient *client, gint64 interval_ns)
{
    client->interval_ns = interval_ns;
    if (client->has_hello && !client->is_dead) {
        restart_timer(client);
    }
}

void agent_client_free(AgentClient *client)
{
    if (!client) {
        return;
    }
    client->clock->cancel(client->clock, client->timer);
    g_cancellable_cancel(client->wait_cancel);
    line_reader_free(client->output);
    line_reader_free(client->errors);
    line_writer_free(client->input);
    /* Its input closes with the process object; the signal is for one that does not look. */
    g_subprocess_send_signal(client->process, SIGTERM);
    g_object_unref(client->process);
    g_object_unref(client->wait_cancel);
    g_ptr_array_unref(client->unsent);
    g_free(client->first_error_line);
    g_free(client->host);
    g_free(client);
}
