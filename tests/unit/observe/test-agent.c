/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/agent: the real agent, which is this very program called with --as-agent, spoken to line by line. */
#include "agent-talk.h"
#include "base/units.h"
#include "memory-child.h"

#include <math.h>

static void talk_init(Talk *talk)
{
    talk_begin(talk, "/nonexistent");
}

static void test_ends_with_its_input(void)
{
    Talk talk;

    talk_init(&talk);
    g_assert_cmpint(talk_end(&talk), ==, 0);
}

static void test_bye(void)
{
    Talk talk;

    talk_init(&talk);
    talk_send_line(&talk, "{\"id\":7,\"method\":\"bye\"}");
    g_autoptr(JsonObject) answer = talk_receive(&talk);
    g_assert_cmpint(json_object_get_int_member(answer, "id"), ==, 7);
    g_assert_null(talk_receive(&talk));
    g_assert_cmpint(talk_end(&talk), ==, 0);
}

static void test_facts(void)
{
    Talk talk;

    talk_init(&talk);
    talk_send_line(&talk, "{\"id\":1,\"method\":\"facts\"}");
    g_autoptr(JsonObject) answer = talk_receive(&talk);
    JsonObject *result = json_object_get_object_member(answer, "result");
    g_assert_cmpint(json_object_get_int_member(result, "cpus"), >=, 1);
    g_assert_cmpfloat(json_object_get_double_member(result, "memory_available_bytes"), >, 0);
    g_assert_cmpfloat(json_object_get_double_member(result, "memory_available_bytes"), <,
                      json_object_get_double_member(result, "memory_bytes"));
    g_assert_cmpint(talk_end(&talk), ==, 0);
}

/* A wrong request is refused; the agent goes on. */
static void test_wrong_requests(void)
{
    static const char *const WRONG[] = {
        "{\"id\":1,\"method\":\"dance\"}",
        "{\"id\":1,\"method\":\"observe\"}",
        "{\"id\":1,\"method\":\"add\",\"params\":{\"vms\":[]}}",
        "{\"id\":1,\"method\":\"observe\",\"params\":{\"scan_ns\":0,\"period_ns\":1,\"window_ns\":1,\"cpu_budget\":0.01,"
        "\"seed\":1,\"endless\":false,\"vms\":[]}}",
        "{\"id\":1,\"method\":\"observe\",\"params\":{\"scan_ns\":50000000,\"period_ns\":1000000000,"
        "\"window_ns\":1000000000,\"cpu_budget\":0.01,\"seed\":1,\"endless\":false,\"vms\":[3]}}",
    };
    Talk talk;

    talk_init(&talk);
    for (gsize i = 0; i < G_N_ELEMENTS(WRONG); i++) {
        talk_send_line(&talk, WRONG[i]);
        g_autoptr(JsonObject) answer = talk_receive(&talk);
        g_assert_cmpint(json_object_get_int_member(answer, "id"), ==, 1);
        g_assert_nonnull(json_object_get_string_member(answer, "error"));
    }
    g_assert_cmpint(talk_end(&talk), ==, 0);
}

/* One error, exit status 1. */
static void expect_given_up(const void *bytes, gsize length)
{
    Talk talk;

    talk_init(&talk);
    talk_send_bytes(&talk, bytes, length);
    talk_send_bytes(&talk, "\n", 1);
    g_autoptr(JsonObject) answer = talk_receive(&talk);
    g_assert_nonnull(answer);
    g_assert_true(json_object_has_member(answer, "error"));
    g_assert_null(talk_receive(&talk));
    g_assert_cmpint(talk_end(&talk), ==, 1);
}

static void test_garbage(void)
{
    static const char *const GARBAGE[] = {"",
                                          "hello",
                                          "[]",
                                          "{}",
                                          "{\"id\":1}",
                                          "{\"id\":-1,\"method\":\"bye\"}",
                                          "{\"id\":\"1\",\"method\":\"bye\"}",
                                          "{\"id\":1,\"method\":[]}",
                                          "{\"id\":1,\"method\":\"facts\",\"params\":7}"};

    for (gsize i = 0; i < G_N_ELEMENTS(GARBAGE); i++) {
        expect_given_up(GARBAGE[i], strlen(GARBAGE[i]));
    }
}

/* Any bytes: one error or none, never a crash. */
static void test_any_bytes(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    for (int round = 0; round < 40; round++) {
        guint8 bytes[256];
        gsize length = (gsize)g_rand_int_range(rand, 1, sizeof bytes);
        for (gsize i = 0; i < length; i++) {
            bytes[i] = (guint8)g_rand_int_range(rand, 0, 256);
            bytes[i] = bytes[i] == '\n' ? '{' : bytes[i];
        }
        expect_given_up(bytes, length);
    }
}

/* A request with one byte changed is refused or given up, or happens to mean the same; never a crash. */
static void test_broken_requests(void)
{
    static const char GOOD[] = "{\"id\":1,\"method\":\"observe\",\"params\":{\"scan_ns\":50000000,\"period_ns\":1000000000,"
                               "\"window_ns\":1000000000,\"cpu_budget\":0.01,\"seed\":1,\"endless\":false,"
                               "\"vms\":[{\"name\":\"vm1\",\"uuid\":\"x\",\"pid\":0,\"ram_bytes\":1}]}}";
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);

    for (int round = 0; round < 60; round++) {
        Talk talk;
        g_autofree char *request = g_strdup(GOOD);

        request[g_rand_int_range(rand, 0, sizeof GOOD - 1)] = (char)g_rand_int_range(rand, 32, 127);
        talk_init(&talk);
        talk_send_line(&talk, request);
        g_autoptr(JsonObject) answer = talk_receive(&talk);
        g_assert_nonnull(answer);
        int status = talk_end(&talk);
        g_assert_true(status == 0 || status == 1);
    }
}

static void test_too_long_a_line(void)
{
    g_autofree char *line = g_strnfill(3 * 1024 * 1024, ' ');

    expect_given_up(line, strlen(line));
}

static void send_observe(Talk *talk, pid_t pid, guint64 pages, int seconds)
{
    g_autofree char *line = g_strdup_printf(
        "{\"id\":5,\"method\":\"observe\",\"params\":{\"scan_ns\":20000000,\"period_ns\":500000000,\"window_ns\":%d000000000,"
        "\"cpu_budget\":0.2,\"seed\":1,\"endless\":false,\"vms\":[{\"name\":\"vm1\",\"uuid\":\"\",\"pid\":%d,\"ram_bytes\":%"
        G_GUINT64_FORMAT "},{\"name\":\"vm2\",\"uuid\":\"8b5e7d31-0000-0000-0000-000000000000\",\"pid\":0,\"ram_bytes\":1}]}}",
        seconds, pid, pages * PAGE_BYTES);

    talk_send_line(talk, line);
}

static const char *event_of(JsonObject *message)
{
    return json_object_get_string_member_with_default(message, "event", "");
}

/* The whole way: a process is sampled, another is not there, periods come, and the end. */
static void test_observes(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(
        &(MemoryChildPlan){.pages = 16384, .read_pages = 300, .written_pages = 500, .dirty_bytes = 16});
    guint periods = 0, gone = 0, opened = 0, written = 0;
    gboolean is_done = FALSE;
    Talk talk;

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    talk_init(&talk);
    send_observe(&talk, child->pid, 16384, 2);
    while (!is_done) {
        g_autoptr(JsonObject) message = talk_receive(&talk);
        const char *event = event_of(message);

        g_assert_cmpint(json_object_get_int_member(message, "id"), ==, 5);
        opened += g_str_equal(event, "opened");
        gone += g_str_equal(event, "gone");
        is_done = g_str_equal(event, "done");
        if (g_str_equal(event, "period")) {
            g_assert_cmpstr(json_object_get_string_member(message, "vm"), ==, "vm1");
            g_assert_cmpint(json_object_get_int_member(message, "period"), ==, periods++);
            written += json_object_get_double_member_with_default(message, "written_pages_per_s", 0) > 0;
        }
    }
    g_assert_cmpuint(opened, ==, 1);
    g_assert_cmpuint(gone, ==, 1);
    g_assert_cmpuint(periods, ==, 4);
    g_assert_cmpuint(written, >=, 3);
    g_assert_cmpint(talk_end(&talk), ==, 0);
}

static void test_process_ends(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = 16384, .written_pages = 10, .dirty_bytes = 1});
    guint gone = 0;
    gboolean is_done = FALSE;
    Talk talk;

    talk_init(&talk);
    send_observe(&talk, child->pid, 16384, 3);
    while (!is_done) {
        g_autoptr(JsonObject) message = talk_receive(&talk);
        const char *event = event_of(message);

        if (g_str_equal(event, "period")) {
            memory_child_end(child);
        }
        gone += g_str_equal(event, "gone");
        is_done = g_str_equal(event, "done");
    }
    g_assert_cmpuint(gone, ==, 2);
    g_assert_cmpint(talk_end(&talk), ==, 0);
}

static void test_stop_and_again(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = 4096});
    guint stopped = 0;
    Talk talk;

    talk_init(&talk);
    send_observe(&talk, child->pid, 4096, 1000);
    send_observe(&talk, child->pid, 4096, 1000); /* refused: one is running */
    talk_send_line(&talk, "{\"id\":6,\"method\":\"stop\"}");
    send_observe(&talk, child->pid, 4096, 1);
    for (gboolean is_done = FALSE; !is_done;) {
        g_autoptr(JsonObject) message = talk_receive(&talk);

        stopped += json_object_has_member(message, "result") || json_object_has_member(message, "error");
        is_done = g_str_equal(event_of(message), "done");
    }
    g_assert_cmpuint(stopped, ==, 2);
    g_assert_cmpint(talk_end(&talk), ==, 0);
}

int main(int argc, char **argv)
{
    int result;

    if (talk_is_agent(argc, argv, &result)) {
        return result;
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent/ends-when-its-input-closes", test_ends_with_its_input);
    g_test_add_func("/agent/ends-when-told", test_bye);
    g_test_add_func("/agent/tells-facts", test_facts);
    g_test_add_func("/agent/refuses-wrong-requests-and-goes-on", test_wrong_requests);
    g_test_add_func("/agent/gives-up-on-garbage", test_garbage);
    g_test_add_func("/agent/gives-up-on-any-bytes", test_any_bytes);
    g_test_add_func("/agent/survives-broken-requests", test_broken_requests);
    g_test_add_func("/agent/gives-up-on-a-line-without-end", test_too_long_a_line);
    g_test_add_func("/agent/observes", test_observes);
    g_test_add_func("/agent/tells-that-a-process-ended", test_process_ends);
    g_test_add_func("/agent/stops-and-begins-again", test_stop_and_again);
    return g_test_run();
}
