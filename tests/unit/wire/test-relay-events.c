/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/relay-events.c (always JSON, never waiting) and src/wire/relay-return.c. */
#include "wire/relay-events.h"

#include "base/json.h"
#include "wire/relay-return.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static JsonObject *sent(int fd)
{
    char line[RELAY_EVENT_BYTES_MAX + 1];
    gssize got = read(fd, line, sizeof line);
    g_autoptr(GError) error = NULL;
    JsonObject *object;

    g_assert_cmpint(got, >, 0);
    g_assert_cmpint(got, <=, RELAY_EVENT_BYTES_MAX);
    g_assert_cmpint(line[got - 1], ==, '\n');
    object = json_parse_object(line, got, "event", &error);
    g_assert_no_error(error);
    return object;
}

static void events_over_pipe(RelayEvents *events, int fds[2])
{
    g_assert_cmpint(pipe(fds), ==, 0);
    relay_events_init(events, fds[1], false);
}

static void events_end(RelayEvents *events, int fds[2])
{
    relay_events_clear(events);
    close(fds[0]);
    close(fds[1]);
}

static void test_is_json_whatever_is_told(void)
{
    RelayEvents events;
    RelayEvent event;
    int fds[2];

    events_over_pipe(&events, fds);
    relay_event_begin(&event, "ended");
    relay_event_string(&event, "reason", "say \"no\" \\ \n\t\x01 \xc3\xa9");
    relay_event_number(&event, "much", G_MAXUINT64);
    relay_event_real(&event, "unknown", NAN);
    relay_event_open(&event, "totals");
    relay_event_bool(&event, "good", true);
    relay_event_close(&event);
    relay_event_real(&event, "half", 0.5);
    relay_events_send(&events, &event);
    g_autoptr(JsonObject) object = sent(fds[0]);
    g_assert_cmpstr(json_object_get_string_member(object, "event"), ==, "ended");
    g_assert_cmpstr(json_object_get_string_member(object, "reason"), ==, "say \"no\" \\ \n\t\x01 \xc3\xa9");
    g_assert_true(json_object_get_null_member(object, "unknown"));
    g_assert_true(json_object_get_boolean_member(json_object_get_object_member(object, "totals"), "good"));
    g_assert_cmpfloat(json_object_get_double_member(object, "half"), ==, 0.5);
    events_end(&events, fds);
}

static void test_leaves_out_what_does_not_fit(void)
{
    g_autofree char *text = g_strnfill(RELAY_EVENT_BYTES_MAX, '"');
    RelayEvents events;
    RelayEvent event;
    int fds[2];

    events_over_pipe(&events, fds);
    relay_event_begin(&event, "status");
    relay_event_string(&event, "long", text);
    relay_event_number(&event, "short", 7);
    relay_events_send(&events, &event);
    g_autoptr(JsonObject) object = sent(fds[0]);
    g_assert_false(json_object_has_member(object, "long"));
    g_assert_cmpint(json_object_get_int_member(object, "short"), ==, 7);
    events_end(&events, fds);
}

static void send_one(RelayEvents *events)
{
    RelayEvent event;

    relay_event_begin(&event, "status");
    relay_events_send(events, &event);
}

/* A reader that does not read is not waited for, and learns later how much it missed. */
static void test_never_waits(void)
{
    RelayEvents events;
    int fds[2];
    char drain[65536];

    events_over_pipe(&events, fds);
    g_assert_cmpint(fcntl(fds[1], F_SETPIPE_SZ, 4096), ==, 4096);
    for (guint i = 0; i < 1000; i++) {
        send_one(&events);
    }
    g_assert_cmpuint(events.dropped, >, 0);
    guint dropped = events.dropped;
    g_assert_cmpint(read(fds[0], drain, sizeof drain), >, 0);
    send_one(&events);
    g_autoptr(JsonObject) object = sent(fds[0]);
    g_assert_cmpint(json_object_get_int_member(object, "dropped"), ==, dropped);
    events_end(&events, fds);
}

static void test_reads_along_on_the_return_path(void)
{
    static const guint8 pong[] = {0, 2, 0, 4, 0, 0, 0, 1};
    static const guint8 shut[] = {0, 1, 0, 4, 0, 0, 0, 9};
    ReturnWatch watch = {0};

    return_watch(&watch, pong, sizeof pong);
    g_assert_false(watch.has_shut);
    for (guint i = 0; i < sizeof shut; i++) {
        return_watch(&watch, shut + i, 1);
    }
    g_assert_true(watch.has_shut);
    g_assert_cmpuint(watch.shut, ==, 9);
}

static void test_tells_how_far_a_postcopy_is(void)
{
    static const guint8 first[] = {0, 2, 0, 4, 0, 0, 0, 1};
    static const guint8 before_package[] = {0, 2, 0, 4, 0, 0, 0, 2};
    static const guint8 request[] = {0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3};
    static const guint8 loaded[] = {0, 2, 0, 4, 0, 0, 0, 3};
    ReturnWatch watch = {0};

    return_watch(&watch, first, sizeof first);
    g_assert_false(watch.may_load);
    return_watch(&watch, before_package, sizeof before_package);
    g_assert_true(watch.may_load);
    return_watch(&watch, request, sizeof request);
    g_assert_false(watch.has_loaded);
    return_watch(&watch, loaded, sizeof loaded);
    g_assert_true(watch.has_loaded);
    g_assert_false(watch.has_shut);
}

static void test_gives_up_reading_nonsense(void)
{
    static const guint8 nonsense[] = {7, 7, 7, 7, 0, 1, 0, 4, 0, 0, 0, 0};
    ReturnWatch watch = {0};

    return_watch(&watch, nonsense, sizeof nonsense);
    g_assert_true(watch.is_lost);
    g_assert_false(watch.has_shut);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay-events/is-json-whatever-is-told", test_is_json_whatever_is_told);
    g_test_add_func("/relay-events/leaves-out-what-does-not-fit", test_leaves_out_what_does_not_fit);
    g_test_add_func("/relay-events/never-waits", test_never_waits);
    g_test_add_func("/relay-return/reads-along-on-the-return-path", test_reads_along_on_the_return_path);
    g_test_add_func("/relay-return/tells-how-far-a-postcopy-is", test_tells_how_far_a_postcopy_is);
    g_test_add_func("/relay-return/gives-up-reading-nonsense", test_gives_up_reading_nonsense);
    return g_test_run();
}
