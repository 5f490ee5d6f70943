/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/agent/agent-relay.c and relay-folder.c: the real agent, which is this very program called with --as-agent
 * DIRECTORY, and relays that are this program too: called as `relay ...` it does what its VM is called.
 *
 *     idle        says that it listens, waits for its input to end
 *     connected   says that QEMU has connected and lives on without input, until the file is gone that --capabilities names
 *     refusing    complains and ends with 1 */
#include "agent-talk.h"
#include "agent/relay-folder.h"
#include "base/units.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* ---- the program as a relay ---- */

static const char *argument(int argc, char **argv, const char *option)
{
    for (int i = 0; i < argc; i++) {
        if (g_str_has_prefix(argv[i], option) && argv[i][strlen(option)] == '=') {
            return argv[i] + strlen(option) + 1;
        }
    }
    return "";
}

static int be_relay(int argc, char **argv)
{
    const char *vm = argument(argc, argv, "--vm");
    g_autofree char *all = g_strjoinv(" ", argv + 1);
    char line[256] = "";

    signal(SIGPIPE, SIG_IGN);
    if (g_str_equal(vm, "refusing")) {
        fprintf(stderr, "relay: port 7 is taken\n");
        return 1;
    }
    g_assert_nonnull(fgets(line, sizeof line, stdin));
    printf("{\"event\":\"ready\",\"port\":4711,\"arguments\":\"%s\",\"key_is_right\":%s,\"session\":%d}\n", all,
           g_str_equal(line, KEY "\n") ? "true" : "false", getsid(0) == getpid());
    if (g_str_equal(vm, "connected")) {
        printf("{\"event\":\"connected\"}\n");
    }
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("{\"event\":\"heard\",\"line\":%s}\n", g_strchomp(line));
        fflush(stdout);
    }
    while (g_str_equal(vm, "connected") && g_file_test(argument(argc, argv, "--capabilities"), G_FILE_TEST_EXISTS)) {
        g_usleep(10000);
    }
    return 0;
}

/* ---- talking to the agent ---- */

typedef struct RelayTalk {
    Talk talk;
    char *folder; /* the agent's run directory */
} RelayTalk;

static void relay_talk_init(RelayTalk *relays)
{
    relays->folder = g_dir_make_tmp("godwit-relay-XXXXXX", NULL);
    g_assert_nonnull(relays->folder);
    talk_begin(&relays->talk, relays->folder);
}

static void relay_talk_clear(RelayTalk *relays)
{
    g_assert_cmpint(g_rmdir(relays->folder), ==, 0); /* nothing was left in it */
    g_free(relays->folder);
}

G_GNUC_PRINTF(2, 3)
static void send_line(RelayTalk *relays, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    talk_send_line(&relays->talk, line);
}

static void send_start(RelayTalk *relays, guint64 id, const char *vm, const char *name, const char *more)
{
    send_line(relays,
              "{\"id\":%" G_GUINT64_FORMAT ",\"method\":\"relay-start\",\"params\":{\"side\":\"destination\",\"name\":\"%s\","
              "\"uuid\":\"\",\"vm\":\"%s\",\"key\":\"" KEY "\",\"listen\":\"127.0.0.1:0\"%s}}",
              id, name, vm, more);
}

/* The next message of this event, or the next answer when 'event' is "result" or "error". */
static JsonObject *await(RelayTalk *relays, const char *event)
{
    for (;;) {
        JsonObject *message = talk_receive(&relays->talk);

        g_assert_nonnull(message);
        if (json_object_has_member(message, event) ||
            g_strcmp0(json_object_get_string_member_with_default(message, "event", ""), event) == 0) {
            return message;
        }
        g_assert_false(json_object_has_member(message, "error"));
        json_object_unref(message);
    }
}

static JsonObject *said(JsonObject *message)
{
    return json_object_get_object_member(message, "said");
}

static void test_starts_a_relay_and_passes_on_what_it_says(void)
{
    RelayTalk relays;

    relay_talk_init(&relays);
    send_start(&relays, 7, "idle", "relay-0123456789abcdef",
               ",\"memory_bytes\":4096,\"rate_bytes_per_s\":12500000,\"downtime_limit_ns\":300000000,\"codec\":\"auto\"");
    g_autoptr(JsonObject) answer = await(&relays, "result");
    g_assert_cmpint(json_object_get_int_member(answer, "id"), ==, 7);
    g_autofree char *folder = g_build_filename(relays.folder, "relay-0123456789abcdef", NULL);
    g_autofree char *socket = g_build_filename(folder, "vm.sock", NULL);
    g_assert_cmpstr(json_object_get_string_member(json_object_get_object_member(answer, "result"), "socket"), ==,
                    socket);
    GStatBuf status;
    g_assert_cmpint(g_stat(folder, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0700);

    g_autoptr(JsonObject) ready = await(&relays, "relay");
    const char *arguments = json_object_get_string_member(said(ready), "arguments");
    g_assert_cmpint(json_object_get_int_member(said(ready), "port"), ==, 4711);
    g_assert_true(json_object_get_boolean_member(said(ready), "key_is_right"));
    g_assert_cmpint(json_object_get_int_member(said(ready), "session"), ==, 1); /* its own */
    g_assert_null(strstr(arguments, KEY));
    g_assert_nonnull(strstr(arguments, "relay destination "));
    g_assert_nonnull(strstr(arguments, "--listen=127.0.0.1:0 --key-file=- "));
    g_assert_nonnull(strstr(arguments, "--codec=auto --memory=4096 --rate=12500000B/s --downtime-limit=300000000ns"));

    send_line(&relays, "{\"id\":8,\"method\":\"relay-command\",\"params\":{\"relay\":7,\"command\":{\"command\":\"abort\"}}}");
    g_autoptr(JsonObject) heard = await(&relays, "relay");
    g_assert_cmpstr(
        json_object_get_string_member(json_object_get_object_member(said(heard), "line"), "command"), ==, "abort");
    talk_end(&relays.talk);
    relay_talk_clear(&relays); /* nobody had connected: it ended, and its folder is gone */
}

static void test_tells_why_a_relay_ended(void)
{
    RelayTalk relays;

    relay_talk_init(&relays);
    send_start(&relays, 1, "refusing", "relay-00000001", "");
    g_autoptr(JsonObject) ended = await(&relays, "relay-ended");
    g_assert_cmpint(json_object_get_int_member(ended, "status"), ==, 1);
    g_assert_true(json_object_get_null_member(ended, "signal"));
    g_assert_cmpstr(json_object_get_string_member(ended, "message"), ==, "relay: port 7 is taken");
    talk_end(&relays.talk);
    relay_talk_clear(&relays);
}

static void test_forgetting_ends_one_that_nobody_connected_to(void)
{
    RelayTalk relays;

    relay_talk_init(&relays);
    send_start(&relays, 1, "idle", "relay-00000001", "");
    json_object_unref(await(&relays, "relay"));
    send_line(&relays, "{\"id\":2,\"method\":\"relay-forget\",\"params\":{\"relay\":1}}");
    json_object_unref(await(&relays, "result"));
    /* once it is gone, so is its id, and no event of it came */
    for (gboolean is_gone = FALSE; !is_gone;) {
        send_line(&relays, "{\"id\":3,\"method\":\"relay-command\",\"params\":{\"relay\":1,\"command\":{}}}");
        g_autoptr(JsonObject) answer = talk_receive(&relays.talk);
        is_gone = json_object_has_member(answer, "error");
        g_assert_true(is_gone || json_object_has_member(answer, "result"));
    }
    talk_end(&relays.talk);
    relay_talk_clear(&relays);
}

/* It goes on without the agent, and the next agent removes what is left once it has ended, not before. */
static void test_a_connected_relay_outlives_its_agent(void)
{
    RelayTalk relays;
    g_autofree char *until = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *more = NULL;

    relay_talk_init(&relays);
    until = g_strconcat(relays.folder, "-until", NULL);
    g_assert_true(g_file_set_contents(until, "", 0, NULL));
    more = g_strdup_printf(",\"filters\":\"all\",\"capabilities\":\"%s\"", until);
    folder = g_build_filename(relays.folder, "relay-00000001", NULL);
    send_start(&relays, 1, "connected", "relay-00000001", more);
    g_autoptr(JsonObject) ready = await(&relays, "relay");
    g_assert_nonnull(strstr(json_object_get_string_member(said(ready), "arguments"), "--filters=all --capabilities="));
    json_object_unref(await(&relays, "relay")); /* connected */
    g_subprocess_send_signal(relays.talk.process, SIGKILL);
    talk_end(&relays.talk);
    g_assert_true(g_file_test(folder, G_FILE_TEST_IS_DIR));
    talk_begin(&relays.talk, relays.folder);
    g_unlink(until);
    for (int i = 0; i < 500 && g_file_test(folder, G_FILE_TEST_EXISTS); i++) {
        relay_folders_sweep(relays.folder);
        g_usleep(10000);
    }
    g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
    talk_end(&relays.talk);
    relay_talk_clear(&relays);
}

/* Two relays share the gang's folder, which goes with the agent. */
static void test_a_gang_has_one_folder(void)
{
    RelayTalk relays;

    relay_talk_init(&relays);
    g_autofree char *folder = g_build_filename(relays.folder, "gang-0123456789abcdef", NULL);
    g_autofree char *word = g_strconcat("--gang-directory=", folder, NULL);
    for (guint id = 1; id <= 2; id++) {
        g_autofree char *name = g_strdup_printf("relay-0000000%u", id);

        send_start(&relays, id, "idle", name, ",\"gang\":\"gang-0123456789abcdef\"");
        g_autoptr(JsonObject) ready = await(&relays, "relay");
        g_assert_nonnull(strstr(json_object_get_string_member(said(ready), "arguments"), word));
    }
    g_assert_cmpuint(relay_folders_sweep(relays.folder), ==, 0); /* all are held */
    g_assert_true(g_file_test(folder, G_FILE_TEST_IS_DIR));
    send_start(&relays, 3, "idle", "relay-00000003", ",\"gang\":\"gang-../..\"");
    json_object_unref(await(&relays, "error"));
    talk_end(&relays.talk);
    for (int i = 0; i < 500 && g_file_test(folder, G_FILE_TEST_EXISTS); i++) {
        relay_folders_sweep(relays.folder); /* the killed relays hold it until they are gone */
        g_usleep(10000);
    }
    relay_talk_clear(&relays);
}

static void test_wrong_requests_start_nothing(void)
{
    static const char *const NAMES[] = {"relay-", "relay-1234567", "relay-../../etc", "relay-0123456g", "x", ""};
    RelayTalk relays;

    relay_talk_init(&relays);
    for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        send_start(&relays, 1, "idle", NAMES[i], "");
        json_object_unref(await(&relays, "error"));
    }
    send_line(&relays, "{\"id\":1,\"method\":\"relay-start\",\"params\":{\"side\":\"up\",\"name\":\"relay-00000001\",\"uuid\":"
                     "\"\",\"key\":\"" KEY "\"}}");
    json_object_unref(await(&relays, "error"));
    send_line(&relays, "{\"id\":1,\"method\":\"relay-start\",\"params\":{\"side\":\"source\",\"name\":\"relay-00000001\","
                     "\"uuid\":\"\",\"key\":\"secret\",\"peer\":\"h:1\"}}");
    g_autoptr(JsonObject) bad_key = await(&relays, "error");
    g_assert_null(strstr(json_object_get_string_member(bad_key, "error"), "secret")); /* keys are not told */
    send_start(&relays, 1, "idle", "relay-00000001", ",\"memory_bytes\":1152921504606846976");
    g_autoptr(JsonObject) too_much = await(&relays, "error");
    g_assert_nonnull(strstr(json_object_get_string_member(too_much, "error"), "too little for a relay that may keep"));
    send_start(&relays, 1, "idle", "relay-00000001", ",\"threads\":\"many\"");
    json_object_unref(await(&relays, "error"));
    talk_end(&relays.talk);
    relay_talk_clear(&relays);
}

/* ---- folders alone ---- */

static void test_sweeping_spares_what_is_held_and_what_is_not_ours(void)
{
    g_autofree char *root = g_dir_make_tmp("godwit-folders-XXXXXX", NULL);
    g_autofree char *stranger = g_build_filename(root, "stranger", NULL);
    g_autoptr(GError) error = NULL;
    int held_fd = -1;
    int left_fd = -1;

    g_assert_cmpint(g_mkdir(stranger, 0700), ==, 0);
    g_autofree char *held = relay_folder_make(root, "relay-aaaaaaaa", geteuid(), &held_fd, &error);
    g_autofree char *left = relay_folder_make(root, "relay-bbbbbbbb", geteuid(), &left_fd, &error);
    g_assert_no_error(error);
    g_autofree char *file = g_build_filename(left, "vm.sock", NULL);
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    close(left_fd);
    g_assert_cmpuint(relay_folders_sweep(root), ==, 1);
    g_assert_true(g_file_test(held, G_FILE_TEST_IS_DIR));
    g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
    close(held_fd);
    g_assert_cmpuint(relay_folders_sweep(root), ==, 1);
    g_assert_cmpint(g_rmdir(stranger), ==, 0);
    g_assert_cmpint(g_rmdir(root), ==, 0);
}

static void test_a_root_that_others_can_write_to_is_refused(void)
{
    g_autofree char *root = g_dir_make_tmp("godwit-folders-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;
    int fd = -1;

    g_assert_cmpint(g_chmod(root, 0777), ==, 0);
    g_assert_null(relay_folder_make(root, "relay-aaaaaaaa", geteuid(), &fd, &error));
    g_assert_nonnull(strstr(error->message, "nobody else can write to"));
    g_assert_cmpint(g_rmdir(root), ==, 0);
}

int main(int argc, char **argv)
{
    int result;

    if (talk_is_agent(argc, argv, &result)) {
        return result;
    }
    if (argc > 2 && g_str_equal(argv[1], "relay")) {
        return be_relay(argc, argv);
    }
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent-relay/starts-one-and-passes-on-what-it-says", test_starts_a_relay_and_passes_on_what_it_says);
    g_test_add_func("/agent-relay/tells-why-one-ended", test_tells_why_a_relay_ended);
    g_test_add_func("/agent-relay/forgetting-ends-one-that-nobody-connected-to",
                    test_forgetting_ends_one_that_nobody_connected_to);
    g_test_add_func("/agent-relay/a-connected-one-outlives-its-agent", test_a_connected_relay_outlives_its_agent);
    g_test_add_func("/agent-relay/a-gang-has-one-folder", test_a_gang_has_one_folder);
    g_test_add_func("/agent-relay/wrong-requests-start-nothing", test_wrong_requests_start_nothing);
    g_test_add_func("/relay-folder/sweeping-spares-what-is-held-and-what-is-not-ours",
                    test_sweeping_spares_what_is_held_and_what_is_not_ours);
    g_test_add_func("/relay-folder/a-root-that-others-can-write-to-is-refused",
                    test_a_root_that_others_can_write_to_is_refused);
    return g_test_run();
}
