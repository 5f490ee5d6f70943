/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent; see agent.h.  Standard output carries the protocol and nothing else. */
#include "agent/agent.h"
#include "agent/agent-private.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "godwit-config.h"
#include "observe/agent-client.h"
#include "observe/line-io.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NICENESS          (-10)
#define REALTIME_PRIORITY 1 /* the lowest */
#define RUN_DIRECTORY     "/run/godwit"

typedef gboolean (*MethodFunc)(Agent *agent, guint64 id, JsonObject *params, GError **error);

static gboolean agent_bye(Agent *agent, guint64 id, JsonObject *params G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    JsonBuilder *builder = agent_message(id);

    json_builder_set_member_name(builder, "result");
    json_builder_begin_object(builder);
    json_builder_end_object(builder);
    agent_send(agent, builder);
    g_main_loop_quit(agent->loop);
    return TRUE;
}

static const struct {
    const char *name;
    MethodFunc run;
} METHODS[] = {
    {"observe", agent_observe},
    {"add", agent_add},
    {"stop", agent_stop},
    {"facts", agent_facts},
    {"relay-start", agent_relay_start},
    {"relay-command", agent_relay_command},
    {"relay-forget", agent_relay_forget},
    {"bye", agent_bye},
};

JsonBuilder *agent_message(guint64 id)
{
    JsonBuilder *builder = json_builder_new();

    json_builder_begin_object(builder);
    if (id > 0) {
        json_builder_set_member_name(builder, "id");
        json_builder_add_int_value(builder, (gint64)id);
    }
    return builder;
}

void agent_send(Agent *agent, JsonBuilder *builder)
{
    json_builder_end_object(builder);
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *line = json_to_text(root, FALSE);

    g_object_unref(builder);
    if (printf("%s\n", line) < 0 || fflush(stdout) != 0) {
        log_info("agent: the controller went away");
        g_main_loop_quit(agent->loop);
    }
}

static void send_error(Agent *agent, guint64 id, const GError *error)
{
    JsonBuilder *builder = agent_message(id);

    json_add_string_or_null(builder, "error", error->message);
    agent_send(agent, builder);
}

/* One try of each tracker; the best that works is taken for each kind.  Adds what was found to the hello. */
static void probe_trackers(Agent *agent, JsonBuilder *hello)
{
    json_builder_set_member_name(hello, "trackers");
    json_builder_begin_array(hello);
    for (gsize i = 0; TRACKERS[i]; i++) {
        const TrackerOps *ops = TRACKERS[i];
        g_autofree char *why = NULL;
        gboolean works = ops->probe(&why);

        json_builder_begin_object(hello);
        json_add_string_or_null(hello, "name", ops->name);
        json_builder_set_member_name(hello, "works");
        json_builder_add_boolean_value(hello, works);
        json_add_string_or_null(hello, "why", why);
        json_builder_end_object(hello);
        if (works && ops->tells_accesses && !agent->ops[WINDOW_ACCESS]) {
            agent->ops[WINDOW_ACCESS] = ops;
        }
        if (works && ops->tells_writes && !agent->ops[WINDOW_WRITE]) {
            agent->ops[WINDOW_WRITE] = ops;
        }
    }
    json_builder_end_array(hello);
}

static void send_hello(Agent *agent)
{
    JsonBuilder *hello = agent_message(0);
    struct utsname system = {0};

    uname(&system);
    json_builder_set_member_name(hello, "godwit-agent");
    json_builder_add_int_value(hello, AGENT_PROTOCOL);
    json_add_string_or_null(hello, "version", GODWIT_VERSION);
    json_add_string_or_null(hello, "hostname", system.nodename);
    json_add_string_or_null(hello, "kernel", system.release);
    probe_trackers(agent, hello);
    agent_send(agent, hello);
}

/* What makes no sense is answered once and ends the agent: whoever sends it is not our controller. */
static void give_up(Agent *agent, const GError *error)
{
    send_error(agent, 0, error);
    agent->exit_status = 1;
    g_main_loop_quit(agent->loop);
}

static void run_method(Agent *agent, guint64 id, const char *method, JsonObject *params)
{
    g_autoptr(GError) error = NULL;
    gboolean is_known = FALSE;

    for (gsize i = 0; !is_known && i < G_N_ELEMENTS(METHODS); i++) {
        is_known = g_str_equal(METHODS[i].name, method);
        if (is_known) {
            METHODS[i].run(agent, id, params, &error);
        }
    }
    if (!is_known) {
        g_set_error(&error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "method '%s' is not known", method);
    }
    if (error) {
        send_error(agent, id, error);
    }
}

static void on_line(const char *line, gsize length, gpointer user)
{
    Agent *agent = user;
    g_autoptr(GError) error = NULL;
    guint64 id = 0;
    const char *method = NULL;

    if (!g_utf8_validate_len(line, length, NULL)) {
        g_set_error(&error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "request is not UTF-8 text");
        give_up(agent, error);
        return;
    }
    g_autoptr(JsonObject) request = json_parse_object(line, (gssize)length, "request", &error);
    if (!request || !json_read_uint(request, "id", "request", &id, &error) ||
        !json_read_string(request, "method", "request", &method, &error)) {
        give_up(agent, error);
        return;
    }
    g_autoptr(JsonObject) none = json_object_new();
    JsonObject *params = none;
    if (json_object_has_member(request, "params") && !json_read_object(request, "params", "request", &params, &error)) {
        give_up(agent, error);
        return;
    }
    run_method(agent, id, method, params);
}

static void on_end(const GError *error, gpointer user)
{
    Agent *agent = user;

    if (error && error->code == GODWIT_ERROR_PROTOCOL) {
        give_up(agent, error);
    }
    g_main_loop_quit(agent->loop);
}

/* Windows should be as long as they say, so this thread must wake when it is due: on a host whose CPUs are all taken by
 * guests a nice value does not achieve that (docs/decisions/0002), not being asked at all against other sessions where
 * the kernel groups tasks by those.  What it may take of a core is bounded by the budget.  Refused: the nice value.
 * Neither goes to processes that the agent starts. */
static void be_punctual(void)
{
    struct sched_param priority = {.sched_priority = REALTIME_PRIORITY};

    setpriority(PRIO_PROCESS, 0, NICENESS);
    sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority);
}

int agent_main(const AgentOptions *options)
{
    signal(SIGPIPE, SIG_IGN);
    be_punctual();
    Agent agent = {.loop = g_main_loop_new(NULL, FALSE), .clock = clock_main_new()};
    LineReader *input = line_reader_new(STDIN_FILENO, on_line, on_end, &agent);

    agent.relay_program =
        options->relay_program ? g_strdup(options->relay_program) : g_file_read_link("/proc/self/exe", NULL);
    agent.run_directory = options->run_directory ? options->run_directory : RUN_DIRECTORY;
    agent_relays_init(&agent);
    send_hello(&agent);
    g_main_loop_run(agent.loop);
    line_reader_free(input);
    agent_relays_leave(&agent);
    sampler_group_free(agent.group);
    g_free(agent.relay_program);
    agent.clock->close(agent.clock);
    g_main_loop_unref(agent.loop);
    return agent.exit_status;
}
