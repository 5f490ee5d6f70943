/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/relay.c and its channels: two whole relays in one process, between two fake QEMUs.  Whatever goes in comes out, both
 * ways; and whatever breaks, nobody waits for ever, both QEMUs' connections are closed, and nobody claims that all went well when bytes are missing. */
#include "relay-fake.h"
#include "wire-streams.h"

#include "base/rng.h"

#include <errno.h>
#include <sys/statvfs.h>

/* ---- bytes through a channel ---- */

typedef struct Flow {
    int from, to;
    GBytes *bytes;
    guint64 seed;
    gsize arrived; /* that were right */
    gboolean is_wrong;
    GThread *sender, *receiver;
} Flow;

static gpointer send_main(gpointer user)
{
    Flow *flow = user;
    Rng rng = rng_new(flow->seed);
    gsize length;
    const guint8 *bytes = g_bytes_get_data(flow->bytes, &length);

    for (gsize at = 0; at < length;) {
        gsize part = 1 + rng_below(&rng, 200000);
        gssize sent = send(flow->from, bytes + at, MIN(length - at, part), MSG_NOSIGNAL);

        if (sent <= 0) {
            break;
        }
        at += (gsize)sent;
        if (rng_below(&rng, 16) == 0) {
            g_usleep(3000);
        }
    }
    return NULL;
}

static gpointer receive_main(gpointer user)
{
    Flow *flow = user;
    gsize length;
    const guint8 *bytes = g_bytes_get_data(flow->bytes, &length);
    guint8 got[65536];
    gssize count = 1;

    while (flow->arrived < length && (count = recv(flow->to, got, sizeof got, 0)) > 0) {
        if (flow->arrived + (gsize)count > length || memcmp(got, bytes + flow->arrived, (gsize)count) != 0) {
            flow->is_wrong = TRUE;
            break;
        }
        flow->arrived += (gsize)count;
    }
    return NULL;
}

static void flow_start(Flow *flow, int from, int to, GBytes *bytes, guint64 seed)
{
    *flow = (Flow){.from = from, .to = to, .bytes = bytes, .seed = seed};
    flow->sender = g_thread_new("send", send_main, flow);
    flow->receiver = g_thread_new("receive", receive_main, flow);
}

static void flow_join(Flow *flow)
{
    g_thread_join(flow->sender);
    g_thread_join(flow->receiver);
    g_assert_false(flow->is_wrong);
}

static void flow_end(Flow *flow)
{
    flow_join(flow);
    g_assert_cmpuint(flow->arrived, ==, g_bytes_get_size(flow->bytes));
}

static GBytes *random_bytes(guint64 seed, gsize length)
{
    Rng rng = rng_new(seed);
    guint8 *bytes = g_malloc(length);

    for (gsize i = 0; i < length; i++) {
        bytes[i] = (guint8)(rng_u64(&rng) & (i / 4096 % 2 ? 3 : 255));
    }
    return g_bytes_new_take(bytes, length);
}

static gboolean sees_end(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    guint8 bytes[65536];
    gssize got = 1;

    while (poll(&poll_fd, 1, FAKE_LONG_S * 1000) == 1 && (got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
    }
    return got <= 0;
}

/* QEMU closes at both ends, as after a migration: first the destination's, which has said that all is loaded. */
static void close_cleanly(FakeMigration *fake)
{
    fake_say_shut(fake, 0);
    for (guint i = 0; i < fake->channels; i++) {
        shutdown(fake->dst[i], SHUT_WR);
    }
    for (guint i = 0; i < fake->channels; i++) {
        g_assert_true(sees_end(fake->src[i]));
        shutdown(fake->src[i], SHUT_WR);
    }
    for (guint i = 0; i < fake->channels; i++) {
        g_assert_true(sees_end(fake->dst[i]));
    }
}

static void expect(const FakeMigration *fake, const char *outcome)
{
    g_autofree char *ended = g_strdup_printf("\"event\":\"ended\",\"outcome\":\"%s\"", outcome);

    for (guint side = 0; side < 2; side++) {
        g_test_message("%s", fake->events[side]);
        g_assert_nonnull(strstr(fake->events[side], ended));
        g_assert_true((fake->status[side] == 0) == g_str_equal(outcome, "completed"));
    }
}

/* ---- whatever goes in comes out ---- */

static void test_carries_any_bytes(void)
{
    FakeMigration fake;
    Flow there[3], back[3];

    fake_start(&fake, NULL);
    fake_connect(&fake, 3);
    for (guint i = 0; i < 3; i++) {
        flow_start(&there[i], fake.src[i], fake.dst[i], random_bytes(i, 3000000 + i), i);
        flow_start(&back[i], fake.dst[i], fake.src[i], random_bytes(10 + i, 300000 + i), i);
    }
    for (guint i = 0; i < 3; i++) {
        flow_end(&there[i]);
        flow_end(&back[i]);
        g_bytes_unref(there[i].bytes);
        g_bytes_unref(back[i].bytes);
    }
    for (guint i = 0; i < 3; i++) { /* what came back was no return path, so that nobody said that all is loaded */
        shutdown(fake.src[i], SHUT_WR);
        shutdown(fake.dst[i], SHUT_WR);
    }
    fake_end(&fake);
    expect(&fake, "failed");
    fake_free_events(&fake);
}

static void use_zstd(FakeMigration *fake)
{
    fake->config[RELAY_SOURCE].codec = codec_level_find("zstd-1");
}

static void test_uses_the_codec_that_was_asked_for(void)
{
    gsize length = 2000000;
    g_autoptr(GBytes) same = g_bytes_new_take(memset(g_malloc(length), 'x', length), length);
    FakeMigration fake;
    Flow there;
    const char *wire_bytes;

    fake_start(&fake, use_zstd);
    fake_connect(&fake, 1);
    flow_start(&there, fake.src[0], fake.dst[0], same, 1);
    flow_end(&there);
    close_cleanly(&fake);
    fake_end(&fake);
    expect(&fake, "completed");
    wire_bytes = strstr(strstr(fake.events[RELAY_SOURCE], "\"ended\""), "\"wire_bytes\":");
    g_assert_cmpuint(g_ascii_strtoull(wire_bytes + strlen("\"wire_bytes\":"), NULL, 10), <, length / 20);
    fake_free_events(&fake);
}

static const WireStream *carried;

static void use_stream(FakeMigration *fake)
{
    fake->config[RELAY_SOURCE].parse = carried->config;
    for (guint side = 0; side < 2; side++) {
        fake->config[side].encode.page_bytes = carried->config.page_bytes;
        fake->config[side].encode.ram_bytes = 600u << 20;
        fake->config[side].encode.memory_bytes_max = 32u << 20;
    }
}

static void expect_states(const FakeMigration *fake, gboolean is_postcopy)
{
    const char *source = fake->events[RELAY_SOURCE], *destination = fake->events[RELAY_DESTINATION];

    if (!is_postcopy) {
        g_assert_nonnull(strstr(source, "\"state\":\"device\""));
        g_assert_null(strstr(destination, "postcopy"));
        return;
    }
    for (guint side = 0; side < 2; side++) {
        g_assert_nonnull(strstr(fake->events[side], "\"state\":\"postcopy-device\""));
        g_assert_nonnull(strstr(fake->events[side], "\"state\":\"postcopy\""));
    }
}

static void carry(const WireStream *stream)
{
    FakeMigration fake;
    Flow there[FAKE_CHANNELS_MAX];

    carried = stream;
    g_test_message("%s", stream->name);
    fake_start(&fake, use_stream);
    fake_connect(&fake, stream->channels->len);
    for (guint i = 0; i < stream->channels->len; i++) {
        flow_start(&there[i], fake.src[i], fake.dst[i], g_ptr_array_index(stream->channels, i), i);
    }
    for (guint i = 0; i < stream->channels->len; i++) {
        flow_end(&there[i]);
    }
    if (stream->is_postcopy) {
        fake_say_pong(&fake, 2);
        fake_say_pong(&fake, 3);
    }
    close_cleanly(&fake);
    fake_end(&fake);
    expect(&fake, "completed");
    expect_states(&fake, stream->is_postcopy);
    fake_free_events(&fake);
}

/* One of each kind; the parser's own tests read all. */
static void test_carries_what_qemu_said(void)
{
    static const char *const names[] = {"qemu10.0-pc",      "qemu10.0-postcopy", "qemu10.0-preempt", "qemu10.0-multifd",
                                        "qemu10.0-xbzrle", "qemu10.0-pages-8k", "qemu7.2-dimm"};
    g_autoptr(GPtrArray) streams = wire_streams_load();

    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);

        for (guint n = 0; n < G_N_ELEMENTS(names); n++) {
            if (g_str_equal(stream->name, names[n])) {
                carry(stream);
            }
        }
    }
}

/* ---- what the two ends agree on ---- */

static const WireStream *golden(GPtrArray *streams, const char *name)
{
    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);

        if (g_str_equal(stream->name, name)) {
            return stream;
        }
    }
    g_assert_not_reached();
}

/* Carries the stream of one connection, to its end. */
static void carry_agreed(FakeMigration *fake, const WireStream *stream, void (*configure)(FakeMigration *fake))
{
    Flow there;

    carried = stream;
    fake_start(fake, configure);
    fake_connect(fake, 1);
    flow_start(&there, fake->src[0], fake->dst[0], g_ptr_array_index(stream->channels, 0), 1);
    flow_end(&there);
    close_cleanly(fake);
    fake_end(fake);
    expect(fake, "completed");
}

static guint64 figure_at_end(const FakeMigration *fake, const char *member)
{
    const char *found = strstr(strstr(fake->events[RELAY_SOURCE], "\"ended\""), member);

    g_assert_nonnull(found);
    return g_ascii_strtoull(found + strlen(member), NULL, 10);
}

static guint short_sides; /* a bit for each */

static void use_little_memory(FakeMigration *fake)
{
    use_stream(fake);
    for (guint side = 0; side < 2; side++) {
        if (short_sides & 1u << side) {
            fake->config[side].encode.ram_bytes = UINT64_C(16) << 30;
            fake->config[side].encode.memory_bytes_max = 4u << 20;
        }
    }
}

/* Too little for a word of each page: it is carried all the same, and said. */
static void test_carries_without_page_memory(void)
{
    g_autoptr(GPtrArray) streams = wire_streams_load();
    static const char *const notes[] = {
        "\"page_memory\":\"none\",\"note\":\"4.0 MiB are too little for the tables of a page memory: every page goes whole\"",
        "\"page_memory\":\"none\",\"note\":\"what the other relay may keep is too little",
    };

    for (short_sides = 0; short_sides < 4; short_sides++) {
        FakeMigration fake;

        carry_agreed(&fake, golden(streams, "qemu10.0-pc"), use_little_memory);
        for (guint side = 0; side < 2; side++) {
            const char *note = short_sides & 1u << side ? notes[0] : notes[1];
            gboolean is_short = strstr(fake.events[side], note) != NULL;

            /* who is the first to be short says so; where the source is, it does not ask */
            if (short_sides == 0) {
                g_assert_nonnull(strstr(fake.events[side], "\"page_memory\":\"full\""));
            } else if (side == RELAY_SOURCE || !(short_sides & 1u << RELAY_SOURCE)) {
                g_assert_true(is_short);
            }
        }
        g_assert_cmpuint(figure_at_end(&fake, "\"raw\":"), >, 0);
        if (short_sides != 0) {
            g_assert_cmpuint(figure_at_end(&fake, "\"same\":"), ==, 0);
            g_assert_cmpuint(figure_at_end(&fake, "\"segments\":"), ==, 0);
        }
        fake_free_events(&fake);
    }
}

static void test_refuses_to_start_with_too_little(void)
{
    RelayConfig config;
    Relay *relay = NULL;
    char message[RELAY_MESSAGE_BYTES] = "";

    relay_config_init(&config, RELAY_DESTINATION);
    src_encode_config_init(&config.encode, UINT64_C(16) << 30);
    config.address = "127.0.0.1:0";
    config.encode.memory_bytes_max = RELAY_MEMORY_BYTES_LEAST;
    g_assert_cmpint(relay_new(&relay, &config, message), ==, -ENOMEM);
    g_assert_null(relay);
    g_assert_nonnull(strstr(message, "1.0 MiB of memory are too little for a guest of 16384 MiB"));
    g_assert_nonnull(strstr(message, "needs 1."));
}

static char *gang_directory;
static gboolean gang_at_destination;

static void use_gang(FakeMigration *fake)
{
    use_stream(fake);
    fake->config[RELAY_SOURCE].encode.filters |= WIRE_FILTER_SHARED;
    fake->config[RELAY_SOURCE].gang_directory = gang_directory;
    fake->config[RELAY_DESTINATION].gang_directory = gang_at_destination ? gang_directory : NULL;
}

static guint64 pages_shared(const WireStream *stream)
{
    FakeMigration fake;

    carry_agreed(&fake, stream, use_gang);
    guint64 pages = figure_at_end(&fake, "\"shared\":");
    fake_free_events(&fake);
    return pages;
}

static void remove_gang_file(const char *name)
{
    g_autofree char *path = g_build_filename(gang_directory, name, NULL);

    g_assert_cmpint(g_unlink(path), ==, 0);
}

/* The second VM of a gang names pages that the first one has brought. */
static void test_shares_pages_of_a_gang(void)
{
    g_autoptr(GPtrArray) streams = wire_streams_load();
    const WireStream *stream = golden(streams, "qemu10.0-pc");
    struct statvfs room;

    gang_directory = g_dir_make_tmp("gang-XXXXXX", NULL);
    g_assert_cmpint(statvfs(gang_directory, &room), ==, 0);
    if ((guint64)room.f_bavail * room.f_frsize < 4 * WIRE_GANG_BYTES_MAX) {
        g_test_skip("too little room for a gang's store");
        g_assert_cmpint(g_rmdir(gang_directory), ==, 0);
        return;
    }
    gang_at_destination = FALSE; /* then none is shared, and nothing is wrong */
    g_assert_cmpuint(pages_shared(stream), ==, 0);
    g_assert_cmpuint(pages_shared(stream), ==, 0);
    gang_at_destination = TRUE;
    g_assert_cmpuint(pages_shared(stream), ==, 0);
    g_assert_cmpuint(pages_shared(stream), >, 0); /* most of its pages are nearly empty, and not worth sharing */
    remove_gang_file("gang-source.pages");
    remove_gang_file("gang-destination.pages");
    g_assert_cmpint(g_rmdir(gang_directory), ==, 0);
    g_clear_pointer(&gang_directory, g_free);
}

/* ---- whatever breaks ---- */

typedef enum Fault {
    FAULT_SOURCE_QEMU_CLOSES,
    FAULT_DESTINATION_QEMU_CLOSES,
    FAULT_SOURCE_ABORTS,
    FAULT_DESTINATION_ABORTS,
    FAULT_WIRE_CUT,
    FAULTS_LENGTH,
} Fault;

static void do_fault(FakeMigration *fake, Fault fault)
{
    switch (fault) {
    case FAULT_SOURCE_QEMU_CLOSES:
        shutdown(fake->src[0], SHUT_RDWR);
        break;
    case FAULT_DESTINATION_QEMU_CLOSES:
        shutdown(fake->dst[0], SHUT_RDWR);
        break;
    case FAULT_SOURCE_ABORTS:
        relay_abort(fake->relay[RELAY_SOURCE], "the test says so");
        break;
    case FAULT_DESTINATION_ABORTS:
        relay_abort(fake->relay[RELAY_DESTINATION], "the test says so");
        break;
    default:
        fake_cut_wire(fake);
    }
}

static void break_once(guint64 seed)
{
    Rng rng = rng_new(seed);
    FakeMigration fake;
    Flow there[2], back;
    Fault fault = (Fault)rng_below(&rng, FAULTS_LENGTH);
    g_autoptr(GBytes) much = random_bytes(seed, 4000000);
    g_autoptr(GBytes) little = random_bytes(seed + 1, 400000);

    fake_start(&fake, NULL);
    fake_connect(&fake, 2);
    flow_start(&there[0], fake.src[0], fake.dst[0], much, seed);
    flow_start(&there[1], fake.src[1], fake.dst[1], little, seed);
    flow_start(&back, fake.dst[0], fake.src[0], little, seed);
    g_usleep(rng_below(&rng, 40000));
    do_fault(&fake, fault);
    flow_join(&there[0]);
    flow_join(&back);
    /* The other connection: when QEMU itself closed the first one, it closes all. */
    shutdown(fake.src[1], SHUT_WR);
    shutdown(fake.dst[1], SHUT_WR);
    flow_join(&there[1]);
    if (fault == FAULT_SOURCE_QEMU_CLOSES) {
        shutdown(fake.dst[0], SHUT_RDWR);
    }
    if (fault == FAULT_DESTINATION_QEMU_CLOSES) {
        shutdown(fake.src[0], SHUT_RDWR);
    }
    for (guint i = 0; i < 2; i++) {
        g_assert_true(sees_end(fake.src[i]));
        g_assert_true(sees_end(fake.dst[i]));
    }
    fake_end(&fake);
    g_test_message("seed %" G_GUINT64_FORMAT " fault %d: %s %s", seed, fault, fake.events[0], fake.events[1]);
    g_assert_cmpint(fake.status[RELAY_SOURCE], !=, 0);
    g_assert_cmpint(fake.status[RELAY_DESTINATION], !=, 0);
    fake_free_events(&fake);
}

static void test_never_ends_well_when_something_broke(void)
{
    guint64 seed = g_getenv("SEED") ? g_ascii_strtoull(g_getenv("SEED"), NULL, 10) : 1;
    guint64 rounds = g_getenv("ROUNDS") ? g_ascii_strtoull(g_getenv("ROUNDS"), NULL, 10) : 15;

    for (guint64 i = 0; i < rounds; i++) {
        break_once(seed + i);
    }
}

/* A destination that could not load it says so on the return path: delivered is not completed. */
static void test_says_when_there_is_no_way_back(void)
{
    FakeMigration fake;
    guint8 pong[8];

    fake_start(&fake, NULL);
    fake_connect(&fake, 1);
    fake_say_pong(&fake, 2);
    g_assert_cmpint(recv(fake.src[0], pong, sizeof pong, MSG_WAITALL), ==, sizeof pong);
    fake_cut_wire(&fake);
    g_assert_true(sees_end(fake.src[0]));
    g_assert_true(sees_end(fake.dst[0]));
    fake_end(&fake);
    expect(&fake, "failed");
    for (guint side = 0; side < 2; side++) {
        g_assert_nonnull(strstr(fake.events[side], "an older one lets it run nowhere"));
    }
    fake_free_events(&fake);
}

static void test_believes_the_destination(void)
{
    FakeMigration fake;

    fake_start(&fake, NULL);
    fake_connect(&fake, 1);
    fake_say_shut(&fake, 1);
    shutdown(fake.dst[0], SHUT_WR);
    g_assert_true(sees_end(fake.src[0]));
    shutdown(fake.src[0], SHUT_WR);
    g_assert_true(sees_end(fake.dst[0]));
    fake_end(&fake);
    expect(&fake, "failed");
    fake_free_events(&fake);
}

static void watch_closely(FakeMigration *fake)
{
    use_stream(fake);
    fake->config[RELAY_SOURCE].governor.downtime_limit_s = 0.1;
    fake->config[RELAY_SOURCE].watchdog_s = 0.2;
}

/* The destination's QEMU stops reading while the guest stands still: the source's QEMU gets its connection closed. */
static void test_watchdog_frees_the_guest(void)
{
    g_autoptr(GPtrArray) streams = wire_streams_load();
    FakeMigration fake;
    Flow there;

    for (guint i = 0; i < streams->len; i++) {
        carried = g_ptr_array_index(streams, i);
        if (g_str_equal(carried->name, "qemu10.0-pc")) {
            break;
        }
    }
    fake_start(&fake, watch_closely);
    fake_connect(&fake, 1);
    flow_start(&there, fake.src[0], fake.dst[0], g_ptr_array_index(carried->channels, 0), 1);
    g_assert_true(sees_end(fake.src[0])); /* without QEMU's having closed */
    flow_join(&there);
    g_assert_true(sees_end(fake.dst[0]));
    fake_end(&fake);
    expect(&fake, "failed");
    g_assert_nonnull(strstr(fake.events[RELAY_SOURCE], "nothing has moved"));
    g_assert_nonnull(strstr(fake.events[RELAY_DESTINATION], "nothing has moved"));
    fake_free_events(&fake);
}

/* ---- who may come ---- */

static void use_other_key(FakeMigration *fake)
{
    fake->config[RELAY_SOURCE].key[0] = 43;
}

static void test_turns_strangers_away(void)
{
    FakeMigration fake;

    fake_start(&fake, use_other_key);
    fake.src[0] = fake_dial(&fake);
    g_assert_true(sees_end(fake.src[0]));
    close(fake.src[0]);
    relay_abort(fake.relay[RELAY_DESTINATION], "enough"); /* it still waits for the right one */
    fake_end(&fake);
    g_assert_nonnull(strstr(fake.events[RELAY_SOURCE], "it has another key"));
    g_assert_nonnull(strstr(fake.events[RELAY_DESTINATION], "enough"));
    g_assert_null(strstr(fake.events[RELAY_DESTINATION], "\"hello\""));
    fake_free_events(&fake);
}

static void test_ends_when_nobody_commands_before_the_start(void)
{
    FakeMigration fake;

    fake_start(&fake, NULL);
    relay_commands_closed(fake.relay[RELAY_SOURCE]);
    relay_commands_closed(fake.relay[RELAY_DESTINATION]);
    fake_end(&fake);
    expect(&fake, "aborted");
    fake_free_events(&fake);
}

static void test_goes_on_when_nobody_commands_any_more(void)
{
    g_autoptr(GBytes) bytes = random_bytes(1, 1000000);
    FakeMigration fake;
    Flow there;

    fake_start(&fake, NULL);
    fake_connect(&fake, 1);
    flow_start(&there, fake.src[0], fake.dst[0], bytes, 1);
    flow_end(&there);
    relay_commands_closed(fake.relay[RELAY_SOURCE]);
    relay_commands_closed(fake.relay[RELAY_DESTINATION]);
    close_cleanly(&fake);
    fake_end(&fake);
    expect(&fake, "completed");
    fake_free_events(&fake);
}

static void refused(RelayConfig *config, const char *why)
{
    char message[RELAY_MESSAGE_BYTES] = "";
    Relay *relay = NULL;

    g_assert_cmpint(relay_new(&relay, config, message), <, 0);
    g_assert_null(relay);
    g_assert_nonnull(strstr(message, why));
}

static void test_refuses_what_is_dangerous(void)
{
    g_autofree char *directory = g_dir_make_tmp("relay-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "s", NULL);
    RelayConfig config;

    relay_config_init(&config, RELAY_SOURCE);
    config.socket_path = path;
    config.address = "127.0.0.1:1";
    config.parse.capabilities = SRC_CAPABILITY_XBZRLE;
    refused(&config, "return-path");
    config.parse.capabilities = SRC_CAPABILITY_RETURN_PATH;
    g_assert_cmpint(g_chmod(directory, 0770), ==, 0);
    refused(&config, "others may write there");
    g_assert_cmpint(g_chmod(directory, 0700), ==, 0);
    config.address = "nowhere";
    refused(&config, "not HOST:PORT");
    config.address = "127.0.0.1:1";
    config.socket_owner = "nobody-of-this-name";
    refused(&config, "there is no user");
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay/carries-any-bytes", test_carries_any_bytes);
    g_test_add_func("/relay/uses-the-codec-that-was-asked-for", test_uses_the_codec_that_was_asked_for);
    g_test_add_func("/relay/carries-what-qemu-said", test_carries_what_qemu_said);
    g_test_add_func("/relay/carries-without-page-memory", test_carries_without_page_memory);
    g_test_add_func("/relay/refuses-to-start-with-too-little-memory", test_refuses_to_start_with_too_little);
    g_test_add_func("/relay/shares-pages-of-a-gang", test_shares_pages_of_a_gang);
    g_test_add_func("/relay/never-ends-well-when-something-broke", test_never_ends_well_when_something_broke);
    g_test_add_func("/relay/says-when-there-is-no-way-back", test_says_when_there_is_no_way_back);
    g_test_add_func("/relay/believes-the-destination", test_believes_the_destination);
    g_test_add_func("/relay/watchdog-frees-the-guest", test_watchdog_frees_the_guest);
    g_test_add_func("/relay/turns-strangers-away", test_turns_strangers_away);
    g_test_add_func("/relay/ends-when-nobody-commands-before-the-start", test_ends_when_nobody_commands_before_the_start);
    g_test_add_func("/relay/goes-on-when-nobody-commands-any-more", test_goes_on_when_nobody_commands_any_more);
    g_test_add_func("/relay/refuses-what-is-dangerous", test_refuses_what_is_dangerous);
    return g_test_run();
}
