/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/agent-client.c and line-io.c against agents that misbehave: shell one-liners. */
#include "base/error.h"
#include "base/units.h"
#include "observe/agent-client.h"

#include <string.h>

#define HELLO "'{\\\"godwit-agent\\\":1,\\\"version\\\":\\\"x\\\"}'"

typedef struct Talk {
    GMainLoop *loop;
    AgentClient *client;
    guint hellos;
    guint messages;
    guint errors;
    guint stop_after; /* messages; 0: go on until the error */
    gboolean frees_itself;
    char *last;  /* text of the last error or of member "event" */
    int code;
} Talk;

static void on_hello(JsonObject *hello G_GNUC_UNUSED, gpointer user)
{
    ((Talk *)user)->hellos++;
}

static void on_message(JsonObject *message, gpointer user)
{
    Talk *talk = user;

    talk->messages++;
    g_free(talk->last);
    talk->last = g_strdup(json_object_get_string_member_with_default(message, "event", ""));
    if (talk->messages == talk->stop_after) {
        if (talk->frees_itself) {
            g_clear_pointer(&talk->client, agent_client_free);
        }
        g_main_loop_quit(talk->loop);
    }
}

static void on_error(const GError *error, gpointer user)
{
    Talk *talk = user;

    talk->errors++;
    talk->code = error->code;
    g_free(talk->last);
    talk->last = g_strdup(error->message);
    if (talk->frees_itself) {
        g_clear_pointer(&talk->client, agent_client_free);
    }
    g_main_loop_quit(talk->loop);
}

static const AgentClientCallbacks CALLBACKS = {on_hello, on_message, on_error};

static void talk_init(Talk *talk, Clock *clock, const char *script)
{
    g_autofree char *command = g_strdup_printf("sh -c \"%s\"", script);
    g_autoptr(GError) error = NULL;

    *talk = (Talk){.loop = g_main_loop_new(NULL, FALSE)};
    talk->client = agent_client_new("h1", command, clock, &CALLBACKS, talk, &error);
    g_assert_no_error(error);
}

static void talk_clear(Talk *talk)
{
    agent_client_free(talk->client);
    g_main_loop_unref(talk->loop);
    g_free(talk->last);
}

/* Runs 'script' as an agent until its error came, which must be 'code' and hold 'words'. */
static void expect_error(const char *script, int code, const char *words)
{
    Clock *clock = clock_main_new();
    Talk talk;

    for (int i = 0; i < 2; i++) {
        talk_init(&talk, clock, script);
        talk.frees_itself = i == 1;
        g_main_loop_run(talk.loop);
        g_assert_cmpuint(talk.errors, ==, 1);
        g_test_message("%s", talk.last);
        g_assert_true(g_str_has_prefix(talk.last, "agent on h1: "));
        g_assert_nonnull(strstr(talk.last, words));
        g_assert_cmpint(talk.code, ==, code);
        g_assert_null(strchr(talk.last, '\n'));
        talk_clear(&talk);
    }
    clock->close(clock);
}

static void test_garbage(void)
{
    expect_error("echo Welcome to h1; sleep 100", GODWIT_ERROR_PROTOCOL, "not one of ours: \"Welcome to h1\"");
    expect_error("echo '[1]'; sleep 100", GODWIT_ERROR_PROTOCOL, "not one of ours");
    expect_error("echo '{}'; sleep 100", GODWIT_ERROR_PROTOCOL, "not one of ours");
    expect_error("printf '\\\\001\\\\377\\\\000x\\\\n'; sleep 100", GODWIT_ERROR_PROTOCOL, "not one of ours");
    expect_error("echo " HELLO "; echo '{'; sleep 100", GODWIT_ERROR_PROTOCOL, "not one of ours: \"{\"");
}

static void test_endless_line(void)
{
    expect_error("yes | tr -d '\\\\n'", GODWIT_ERROR_PROTOCOL, "longer than 1048576 bytes");
}

static void test_other_version(void)
{
    expect_error("echo '{\\\"godwit-agent\\\":3}'; sleep 100", GODWIT_ERROR_PROTOCOL,
                 "speaks version 3, this is 1: install the same godwit on both");
}

static void test_ends(void)
{
    expect_error("echo no such thing >&2; exit 127", GODWIT_ERROR_LOST, "ended with exit status 127: no such thing");
    expect_error("exit 0", GODWIT_ERROR_LOST, "ended with exit status 0");
    expect_error("echo " HELLO "; kill -9 \\$\\$", GODWIT_ERROR_LOST, "was ended by signal 9");
    expect_error("exec >&-; sleep 100", GODWIT_ERROR_LOST, "closed its output");
    expect_error("printf '{'; exit 0", GODWIT_ERROR_PROTOCOL, "no end");
}

static void test_cannot_start(void)
{
    Clock *clock = clock_main_new();
    g_autoptr(GError) missing = NULL;
    g_autoptr(GError) quoting = NULL;

    g_assert_null(agent_client_new("h1", "/no/such/godwit agent", clock, &CALLBACKS, NULL, &missing));
    g_assert_error(missing, GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(missing->message, "agent on h1: cannot be started by '/no/such/godwit agent'"));
    g_assert_null(agent_client_new("h1", "sh -c 'oops", clock, &CALLBACKS, NULL, &quoting));
    g_assert_error(quoting, GODWIT_ERROR, GODWIT_ERROR_INPUT);
    clock->close(clock);
}

/* In virtual time, since nobody wants to wait for silence. */
static void test_silent(void)
{
    Clock *clock = clock_virtual_new();
    Talk talk;

    talk_init(&talk, clock, "sleep 100");
    clock_virtual_run_until(clock, AGENT_HELLO_NS - 1);
    g_assert_cmpuint(talk.errors, ==, 0);
    clock_virtual_run_until(clock, AGENT_HELLO_NS);
    g_assert_cmpuint(talk.errors, ==, 1);
    g_assert_cmpint(talk.code, ==, GODWIT_ERROR_TIMEOUT);
    g_assert_cmpstr(talk.last, ==, "agent on h1: silent for 20.0 s");
    talk_clear(&talk);
    g_assert_cmpint(clock_virtual_next_ns(clock), ==, -1);
    clock->close(clock);
}

static void test_silent_later(void)
{
    Clock *clock = clock_virtual_new();
    Talk talk;

    talk_init(&talk, clock, "echo " HELLO "; sleep 100");
    while (talk.hellos == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpint(clock_virtual_next_ns(clock), ==, -1); /* silence is fine until something is asked for */
    agent_client_expect(talk.client, NS_PER_S);
    clock_virtual_run_until(clock, AGENT_SILENCE_NS + NS_PER_S);
    g_assert_cmpuint(talk.errors, ==, 1);
    g_assert_cmpint(talk.code, ==, GODWIT_ERROR_TIMEOUT);
    talk_clear(&talk);
    clock->close(clock);
}

/* Requests made before the hello are sent after it, in order; what comes back in one piece comes apart again. */
static void test_conversation(void)
{
    Clock *clock = clock_main_new();
    Talk talk;

    talk_init(&talk, clock,
              "echo " HELLO "; read a; read b; case \\$b in *two*) printf '%s\\\\n%s\\\\n' "
              "'{\\\"event\\\":\\\"x\\\"}' '{\\\"event\\\":\\\"y\\\"}';; esac; sleep 100");
    talk.stop_after = 2;
    g_assert_cmpuint(agent_client_call(talk.client, "one", NULL), ==, 1);
    g_assert_cmpuint(agent_client_call(talk.client, "two", NULL), ==, 2);
    g_main_loop_run(talk.loop);
    g_assert_cmpuint(talk.errors, ==, 0);
    g_assert_cmpuint(talk.hellos, ==, 1);
    g_assert_cmpstr(talk.last, ==, "y");
    talk_clear(&talk);
    clock->close(clock);
}

/* The client is freed inside the callback for the first of two lines: the second must not be handed on. */
static void test_freed_in_callback(void)
{
    Clock *clock = clock_main_new();
    Talk talk;

    talk_init(&talk, clock, "echo " HELLO "; printf '{}\\\\n{}\\\\n{}\\\\n'; sleep 100");
    talk.stop_after = 1;
    talk.frees_itself = TRUE;
    g_main_loop_run(talk.loop);
    g_assert_cmpuint(talk.messages, ==, 1);
    talk_clear(&talk);
    clock->close(clock);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent-client/refuses-garbage", test_garbage);
    g_test_add_func("/agent-client/refuses-an-endless-line", test_endless_line);
    g_test_add_func("/agent-client/refuses-another-version", test_other_version);
    g_test_add_func("/agent-client/tells-how-it-ended", test_ends);
    g_test_add_func("/agent-client/says-that-it-cannot-be-started", test_cannot_start);
    g_test_add_func("/agent-client/waits-for-a-hello-but-not-for-ever", test_silent);
    g_test_add_func("/agent-client/notices-silence", test_silent_later);
    g_test_add_func("/agent-client/holds-a-conversation", test_conversation);
    g_test_add_func("/agent-client/may-be-freed-in-a-callback", test_freed_in_callback);
    return g_test_run();
}
