/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/campaign/relay-agents.c and relay-agents-pair.c against agents that are this very program, called with
 * --as-agent HOST FOLDER: they speak the protocol of godwit-agent(1), and their relays do what their VM is called, once
 * a downtime limit is set.  The real agent is tested in test-agent-relay.c, both together on the lab. */
#include "campaign/relay-agents.h"
#include "base/json.h"
#include "base/units.h"

#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *self_path;
static char *folder;

/* ---- the program as an agent ---- */

typedef struct FakeAgent {
    const char *host;
    const char *folder;
    gint64 id; /* of the relay that it "started" */
    gboolean is_source;
    char *vm;
} FakeAgent;

G_GNUC_PRINTF(2, 3)
static void say(const FakeAgent *agent, const char *format, ...)
{
    va_list arguments;

    printf("{\"id\":%" G_GINT64_FORMAT ",", agent->id);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("}\n");
    fflush(stdout);
}

static void fake_start(FakeAgent *agent, JsonObject *params)
{
    const char *side = json_object_get_string_member(params, "side");
    g_autofree char *file = g_build_filename(agent->folder, side, NULL);

    agent->is_source = g_str_equal(side, "source");
    agent->vm = g_strdup(json_object_get_string_member(params, "vm"));
    g_autofree char *text =
        g_strdup_printf("%s %s %s", json_object_get_string_member(params, "key"),
                        json_object_get_string_member(params, "name"),
                        json_object_get_string_member(params, agent->is_source ? "peer" : "listen"));
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    if (g_str_equal(agent->vm, "no-memory") && !agent->is_source) {
        say(agent, "\"error\":\"1 MiB are free here\"");
        return;
    }
    if (g_str_equal(agent->vm, "early") && agent->is_source) {
        exit(3);
    }
    say(agent, "\"result\":{\"socket\":\"/run/%s/vm.sock\"}",
        g_str_equal(agent->vm, "paths") && agent->is_source ? "other" : "godwit");
    if (g_str_equal(agent->vm, "refuses") && agent->is_source) {
        say(agent, "\"event\":\"relay-ended\",\"status\":1,\"signal\":null,\"message\":\"port 7 is taken\"");
        return;
    }
    say(agent, "\"event\":\"relay\",\"said\":{\"event\":\"ready\",\"port\":4711}");
}

static void say_ended(const FakeAgent *agent, const char *outcome, const char *cause, const char *reason)
{
    say(agent,
        "\"event\":\"relay\",\"said\":{\"event\":\"ended\",\"outcome\":\"%s\",\"cause\":\"%s\",\"reason\":\"%s\","
        "\"totals\":{\"stream_bytes\":1000,\"wire_bytes\":100}}",
        outcome, cause, reason);
}

static void say_gone(const FakeAgent *agent)
{
    say(agent, "\"event\":\"relay-ended\",\"status\":1,\"signal\":null,\"message\":null");
}

static void fake_end(FakeAgent *agent)
{
    gboolean is_source = agent->is_source;

    if (g_str_equal(agent->vm, "unwatched") && is_source) {
        exit(3);
    } else if (g_str_equal(agent->vm, "killed") && is_source) {
        say(agent, "\"event\":\"relay-ended\",\"status\":null,\"signal\":9,\"message\":null");
        return;
    } else if (g_str_equal(agent->vm, "killed")) {
        say_ended(agent, "failed", "protocol", "the link broke");
    } else if (g_str_equal(agent->vm, "qemu")) {
        say_ended(agent, "failed", "qemu", "QEMU closed");
    } else if (g_str_equal(agent->vm, "overrun")) {
        say_ended(agent, "aborted", "asked", "the pause would be longer than its limit");
    } else if (g_str_equal(agent->vm, "hopeless") && is_source) {
        say(agent, "\"event\":\"relay\",\"said\":{\"event\":\"cannot-converge\",\"reason\":\"too much\"}");
        say_ended(agent, "completed", "none", "");
    } else {
        say_ended(agent, "completed", "none", "");
    }
    say_gone(agent);
}

static void fake_command(FakeAgent *agent, JsonObject *params)
{
    JsonObject *command = json_object_get_object_member(params, "command");
    const char *name = json_object_get_string_member(command, "command");

    if (g_str_equal(name, "rate")) {
        say(agent,
            "\"event\":\"relay\",\"said\":{\"event\":\"status\",\"state\":\"live\",\"wire_bytes\":%" G_GINT64_FORMAT
            ",\"stream_bytes\":77,\"codec\":\"lz4\",\"switchover_bytes_per_s\":5e6,\"working_set_bytes\":null,"
            "\"link_bytes_per_s\":0}",
            json_object_get_int_member(command, "bytes_per_s"));
    } else if (g_str_equal(name, "downtime-limit")) {
        fake_end(agent);
    }
}

static int be_agent(const char *host, const char *where)
{
    FakeAgent agent = {.host = host, .folder = where};
    char *line = NULL;
    size_t size = 0;

    signal(SIGPIPE, SIG_IGN);
    printf("{\"godwit-agent\":1}\n");
    fflush(stdout);
    while (getline(&line, &size, stdin) > 0) {
        g_autoptr(JsonObject) request = json_parse_object(line, -1, "request", NULL);
        const char *method = json_object_get_string_member(request, "method");
        JsonObject *params = json_object_get_object_member(request, "params");

        if (g_str_equal(method, "relay-start")) {
            agent.id = json_object_get_int_member(request, "id");
            fake_start(&agent, params);
        } else if (g_str_equal(method, "relay-command")) {
            fake_command(&agent, params);
        } else if (g_str_equal(method, "relay-forget")) {
            g_autofree char *file = g_build_filename(where, agent.is_source ? "source-forgot" : "destination-forgot", NULL);

            g_assert_true(g_file_set_contents(file, "", 0, NULL));
        }
    }
    free(line);
    g_free(agent.vm);
    return 0;
}

/* ---- the pair under test ---- */

typedef struct Story {
    Inventory *inventory;
    Clock *clock;
    RelayProvider *relays;
    Plan *plan;
    RelayPair *pair;
    gboolean is_ready;
    gboolean is_ended;
    char *socket;
    char *error;
    char *unwatched;
    char *reason;
    Fault fault;
    RelayFigures figures;
} Story;

static void on_event(const RelayEvent *event, gpointer user)
{
    Story *story = user;

    g_assert_false(story->is_ended);
    if (event->figures) {
        story->figures = *event->figures;
    }
    switch (event->kind) {
    case RELAY_EVENT_READY:
        g_assert_false(story->is_ready);
        story->is_ready = TRUE;
        story->socket = g_strdup(event->socket_path);
        break;
    case RELAY_EVENT_STATUS:
        break;
    case RELAY_EVENT_CANNOT_CONVERGE:
        story->reason = g_strdup(event->reason);
        break;
    case RELAY_EVENT_UNWATCHED:
        story->unwatched = g_strdup(event->error->message);
        break;
    case RELAY_EVENT_ENDED:
        story->is_ended = TRUE;
        story->pair = NULL;
        story->fault = event->fault;
        story->error = g_strdup(event->error ? event->error->message : NULL);
        break;
    }
}

static void add_host(Story *story, const char *name, gboolean has_agent)
{
    HostConfig *host = host_config_new(name, "test:///default");

    host->migration_address = g_strdup("fd00::2");
    host->agent_command = has_agent ? g_strdup_printf("'%s' --as-agent %s '%s'", self_path, name, folder) : g_strdup("");
    g_ptr_array_add(story->inventory->hosts, host);
}

static void story_begin(Story *story, const char *vm, gboolean has_agents)
{
    MigrateOptions options;
    PlanStep *step;

    *story = (Story){.inventory = inventory_new(), .clock = clock_main_new()};
    add_host(story, "h1", TRUE);
    add_host(story, "h2", has_agents);
    migrate_options_init(&options);
    story->plan = plan_new(POLICY_PRE_COPY, &options);
    step = plan_add_step(story->plan, vm, "uuid", "h1", "h2",
                         choice_new(classification_new(vm), ALGORITHM_PRE_COPY, g_strdup("test")));
    step->ram_bytes = 512 * MIB;
    story->relays = relay_agents_new(story->inventory, story->clock);
    RelayRequest request = {.step = step, .options = &story->plan->options, .rate_bytes_per_s = 1000000};
    story->pair = story->relays->start(story->relays, &request, on_event, story);
    g_assert_false(story->is_ready || story->is_ended); /* never from inside a call */
}

static void run_until(const gboolean *done)
{
    while (!*done) {
        g_main_context_iteration(NULL, TRUE);
    }
}

/* To READY, then to what the VM's name says. */
static void story_run(Story *story, const char *vm)
{
    story_begin(story, vm, TRUE);
    run_until(&story->is_ready);
    story->relays->set_downtime_limit(story->pair, 300 * NS_PER_MS);
    run_until(&story->is_ended);
}

static void story_end(Story *story)
{
    if (story->pair) {
        story->relays->forget(story->pair);
    }
    story->relays->close(story->relays);
    story->clock->close(story->clock);
    inventory_free(story->inventory);
    plan_free(story->plan);
    g_free(story->socket);
    g_free(story->error);
    g_free(story->unwatched);
    g_free(story->reason);
}

static char **words_of(const char *file)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return g_strsplit(text, " ", -1);
}

static void test_one_key_one_name_and_the_port_that_was_said(void)
{
    Story story;
    g_autofree char *first_key = NULL;

    for (int i = 0; i < 2; i++) {
        story_run(&story, "completes");
        g_auto(GStrv) source = words_of("source");
        g_auto(GStrv) destination = words_of("destination");

        g_assert_cmpuint(strlen(source[0]), ==, 64);
        g_assert_cmpstr(source[0], ==, destination[0]);
        g_assert_cmpstr(source[1], ==, destination[1]);
        g_assert_cmpstr(destination[2], ==, "[fd00::2]:0");
        g_assert_cmpstr(source[2], ==, "[fd00::2]:4711");
        g_assert_cmpstr(story.socket, ==, "/run/godwit/vm.sock");
        g_assert_null(story.error);
        g_assert_cmpint(story.fault, ==, FAULT_NONE);
        g_assert_cmpuint(story.figures.wire_bytes, ==, 100); /* of the totals */
        g_assert_cmpstr(first_key, !=, source[0]);           /* a fresh one for each */
        g_free(first_key);
        first_key = g_strdup(source[0]);
        story_end(&story);
    }
}

static void test_status_becomes_figures(void)
{
    Story story;

    story_begin(&story, "completes", TRUE);
    run_until(&story.is_ready);
    story.relays->set_rate(story.pair, 12345);
    run_until(&story.figures.is_known);
    g_assert_cmpuint(story.figures.wire_bytes, ==, 12345);
    g_assert_cmpuint(story.figures.stream_bytes, ==, 77);
    g_assert_cmpstr(story.figures.codec, ==, "lz4");
    g_assert_cmpfloat(story.figures.switchover_bytes_per_s, ==, 5e6);
    g_assert_true(isnan(story.figures.working_set_bytes));
    g_assert_true(isnan(story.figures.link_bytes_per_s)); /* 0: not measured yet */
    story_end(&story);
}

static void expect_no_start(const char *vm, gboolean has_agents, const char *words)
{
    Story story;

    story_begin(&story, vm, has_agents);
    run_until(&story.is_ended);
    g_assert_false(story.is_ready);
    g_assert_cmpint(story.fault, ==, FAULT_UNKNOWN);
    if (!story.error || !strstr(story.error, words)) {
        g_test_message("'%s' lacks '%s'", story.error, words);
        g_test_fail();
    }
    story_end(&story);
}

static void test_what_cannot_be_started_says_why(void)
{
    expect_no_start("no-memory", TRUE, "relay on h2: 1 MiB are free here");
    expect_no_start("refuses", TRUE, "relay on h1: port 7 is taken");
    expect_no_start("early", TRUE, "agent on h1: ended with exit status 3");
    expect_no_start("paths", TRUE, "its socket is /run/other/vm.sock, on h2 it is /run/godwit/vm.sock");
    expect_no_start("completes", FALSE, "there is no agent on h2");
}

static void expect_end(const char *vm, Fault fault, const char *words)
{
    Story story;

    story_run(&story, vm);
    g_assert_cmpstr(fault_name(story.fault), ==, fault_name(fault));
    g_assert_cmpstr(story.error, ==, words);
    story_end(&story);
}

static void test_ends_are_blamed_on_who_began_them(void)
{
    expect_end("killed", FAULT_RELAY, "relay on h1: was ended by signal 9");
    expect_end("qemu", FAULT_UNKNOWN, "relay on h1: QEMU closed");
    expect_end("overrun", FAULT_NOT_CONVERGED, "relay on h1: the pause would be longer than its limit");
}

static void test_hopeless_is_passed_on(void)
{
    Story story;

    story_run(&story, "hopeless");
    g_assert_cmpstr(story.reason, ==, "too much");
    g_assert_null(story.error);
    story_end(&story);
}

static void test_a_dead_agent_leaves_the_pair_unwatched(void)
{
    Story story;

    story_begin(&story, "unwatched", TRUE);
    run_until(&story.is_ready);
    story.relays->set_downtime_limit(story.pair, 300 * NS_PER_MS);
    while (!story.unwatched) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_nonnull(strstr(story.unwatched, "agent on h1: ended with exit status 3"));
    story.relays->set_rate(story.pair, 1); /* nobody to tell: no harm */
    story_end(&story);
}

static void test_forgetting_tells_both_agents(void)
{
    static const char *const FILES[] = {"source-forgot", "destination-forgot"};
    Story story;

    story_begin(&story, "completes", TRUE);
    run_until(&story.is_ready);
    story.relays->forget(g_steal_pointer(&story.pair));
    for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
        g_autofree char *file = g_build_filename(folder, FILES[i], NULL);

        while (!g_file_test(file, G_FILE_TEST_EXISTS)) {
            g_main_context_iteration(NULL, FALSE);
            g_usleep(1000);
        }
    }
    g_assert_false(story.is_ended); /* no event any more */
    story_end(&story);
}

static void test_forgetting_at_any_moment_is_safe(void)
{
    for (guint turns = 0; turns < 12; turns++) {
        Story story;

        story_begin(&story, "completes", TRUE);
        for (guint i = 0; i < turns && !story.is_ready; i++) {
            g_main_context_iteration(NULL, TRUE);
        }
        story_end(&story);
    }
}

static void remove_folder(void)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
}

int main(int argc, char **argv)
{
    if (argc > 3 && g_str_equal(argv[1], "--as-agent")) {
        return be_agent(argv[2], argv[3]);
    }
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    self_path = g_file_read_link("/proc/self/exe", NULL);
    folder = g_dir_make_tmp("godwit-relays-XXXXXX", NULL);
    g_test_add_func("/relay-agents/one-key-one-name-and-the-port-that-was-said",
                    test_one_key_one_name_and_the_port_that_was_said);
    g_test_add_func("/relay-agents/status-becomes-figures", test_status_becomes_figures);
    g_test_add_func("/relay-agents/what-cannot-be-started-says-why", test_what_cannot_be_started_says_why);
    g_test_add_func("/relay-agents/ends-are-blamed-on-who-began-them", test_ends_are_blamed_on_who_began_them);
    g_test_add_func("/relay-agents/hopeless-is-passed-on", test_hopeless_is_passed_on);
    g_test_add_func("/relay-agents/a-dead-agent-leaves-the-pair-unwatched",
                    test_a_dead_agent_leaves_the_pair_unwatched);
    g_test_add_func("/relay-agents/forgetting-tells-both-agents", test_forgetting_tells_both_agents);
    g_test_add_func("/relay-agents/forgetting-at-any-moment-is-safe", test_forgetting_at_any_moment_is_safe);
    int result = g_test_run();
    remove_folder();
    g_free(self_path);
    return result;
}
