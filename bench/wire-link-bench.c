/* SPDX-License-Identifier: Apache-2.0
 *
 * What the link between two relays costs: GB/s of one core on each side, over TCP on the loopback, by size of the
 * message.
 *
 *     wire-link-bench [--json FILE] [--rounds N] [--mib N]
 *
 * The baseline is the same socket without TLS, in the same round (interleaved).  On the loopback the sender's core also
 * does the receiving side's TCP, so a network card is kinder than this.  Printed are medians of CPU time, and the
 * spread. */
#include "base/json.h"
#include "wire/wire-link.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 10000
#define MIB        (1024u * 1024)

static const size_t message_bytes[] = {64, 4096, 32 * 1024, 128 * 1024, 256 * 1024};
#define MESSAGES_LENGTH G_N_ELEMENTS(message_bytes)

typedef enum Way { WAY_PLAIN, WAY_TLS, WAYS } Way;
static const char *const way_names[] = {"plain", "tls"};

typedef struct Run {
    Way way;
    int fds[2]; /* sender's, receiver's */
    size_t message, messages;
    double send_cpu_s, receive_cpu_s, wall_s;
} Run;

static double clock_s(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void connect_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        g_error("cannot listen on the loopback");
    }
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fds[0], (struct sockaddr *)&address, length) != 0) {
        g_error("cannot connect on the loopback");
    }
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
}

static WireLink *shake_hands(const Run *run, gboolean is_listener)
{
    static const uint8_t key[WIRE_PSK_BYTES] = {1};
    WireLink *link = NULL;

    if (run->way == WAY_TLS && wire_link_new(&link, run->fds[is_listener], is_listener, key, TIMEOUT_MS) != 0) {
        g_error("no handshake");
    }
    return link;
}

static void receive_one(const Run *run, WireLink *link, guint8 *bytes)
{
    for (size_t at = 0; link == NULL && at < run->message;) {
        ssize_t got = recv(run->fds[1], bytes + at, run->message - at, 0);

        if (got <= 0) {
            g_error("the connection broke");
        }
        at += (size_t)got;
    }
    if (link && wire_link_receive(link, bytes, run->message) != 0) {
        g_error("the link broke");
    }
}

static void send_one(const Run *run, WireLink *link, guint8 *bytes)
{
    struct iovec part = {.iov_base = bytes, .iov_len = run->message};

    if (link ? wire_link_send(link, &part, 1) != 0
             : send(run->fds[0], bytes, run->message, 0) != (ssize_t)run->message) {
        g_error("the connection broke");
    }
}

static gpointer receive_all(gpointer user)
{
    Run *run = user;
    WireLink *link = shake_hands(run, TRUE);
    g_autofree guint8 *bytes = g_malloc(run->message);
    double begin_s = clock_s(CLOCK_THREAD_CPUTIME_ID);

    for (size_t i = 0; i < run->messages; i++) {
        receive_one(run, link, bytes);
    }
    run->receive_cpu_s = clock_s(CLOCK_THREAD_CPUTIME_ID) - begin_s;
    wire_link_free(link);
    return NULL;
}

static void run_once(Run *run)
{
    GThread *thread;
    WireLink *link;
    g_autofree guint8 *bytes = g_malloc(run->message);
    double begin_s, wall_s;

    memset(bytes, 7, run->message);
    connect_pair(run->fds);
    thread = g_thread_new("receiver", receive_all, run);
    link = shake_hands(run, FALSE);
    begin_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
    wall_s = clock_s(CLOCK_MONOTONIC);
    for (size_t i = 0; i < run->messages; i++) {
        send_one(run, link, bytes);
    }
    run->send_cpu_s = clock_s(CLOCK_THREAD_CPUTIME_ID) - begin_s;
    g_thread_join(thread);
    run->wall_s = clock_s(CLOCK_MONOTONIC) - wall_s;
    wire_link_free(link);
    if (run->way == WAY_PLAIN) {
        close(run->fds[0]);
        close(run->fds[1]);
    }
}

static int by_value(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* GB/s by the median of 'seconds'; and their spread in per cent. */
static double rate(GArray *seconds, double bytes, double *spread)
{
    double middle;

    g_array_sort(seconds, by_value);
    middle = g_array_index(seconds, double, seconds->len / 2);
    *spread = 100 * (g_array_index(seconds, double, seconds->len - 1) - g_array_index(seconds, double, 0)) / middle;
    return bytes / middle / 1e9;
}

static void print_row(JsonBuilder *builder, size_t message, Way way, GArray *seconds[3], double bytes)
{
    double spread[3];
    double send = rate(seconds[0], bytes, &spread[0]);
    double receive = rate(seconds[1], bytes, &spread[1]);
    double wall = rate(seconds[2], bytes, &spread[2]);

    printf("%9zu %-6s %12.2f (%2.0f %%) %12.2f (%2.0f %%) %12.2f (%2.0f %%)\n", message, way_names[way], send,
           spread[0], receive, spread[1], wall, spread[2]);
    json_builder_begin_object(builder);
    json_add_double_or_null(builder, "message_bytes", (double)message);
    json_add_string_or_null(builder, "way", way_names[way]);
    json_add_double_or_null(builder, "send_gb_per_cpu_s", send);
    json_add_double_or_null(builder, "receive_gb_per_cpu_s", receive);
    json_add_double_or_null(builder, "gb_per_s", wall);
    json_builder_end_object(builder);
}

static void bench(JsonBuilder *builder, guint rounds, guint mib)
{
    printf("%9s %-6s %19s %19s %19s\n", "message", "way", "send GB/s a core", "receive GB/s a core",
           "GB/s on the wall");
    for (guint m = 0; m < MESSAGES_LENGTH; m++) {
        GArray *seconds[WAYS][3];
        Run run = {.message = message_bytes[m], .messages = (size_t)mib * MIB / MAX(message_bytes[m], 1024)};
        double bytes = (double)run.message * (double)run.messages;

        for (guint i = 0; i < WAYS * 3; i++) {
            seconds[i / 3][i % 3] = g_array_new(FALSE, FALSE, sizeof(double));
        }
        for (guint round = 0; round < rounds; round++) {
            for (run.way = 0; run.way < WAYS; run.way++) {
                run_once(&run);
                g_array_append_val(seconds[run.way][0], run.send_cpu_s);
                g_array_append_val(seconds[run.way][1], run.receive_cpu_s);
                g_array_append_val(seconds[run.way][2], run.wall_s);
            }
        }
        for (guint i = 0; i < WAYS; i++) {
            print_row(builder, run.message, i, seconds[i], bytes);
        }
        for (guint i = 0; i < WAYS * 3; i++) {
            g_array_unref(seconds[i / 3][i % 3]);
        }
    }
}

int main(int argc, char **argv)
{
    int rounds = 5;
    int mib = 512;
    g_autofree char *json_path = NULL;
    const GOptionEntry entries[] = {
        {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "times every row is measured (5)", "N"},
        {"mib", 0, 0, G_OPTION_ARG_INT, &mib, "to be sent each time (512)", "N"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "write the table to FILE", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- speed of the link between two relays");
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonBuilder) builder = json_builder_new();

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || rounds < 1 || mib < 1 || argc > 1) {
        fprintf(stderr, "wire-link-bench: %s; see wire-link-bench --help\n",
                error ? error->message : "give --rounds and --mib of 1 or more, and nothing else");
        return 2;
    }
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "benchmark", "wire-link");
    json_builder_set_member_name(builder, "rows");
    json_builder_begin_array(builder);
    bench(builder, (guint)rounds, (guint)mib);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    g_autofree char *text = json_to_text(node, TRUE);
    if (json_path && !g_file_set_contents(json_path, text, -1, &error)) {
        fprintf(stderr, "wire-link-bench: %s\n", error->message);
        return 1;
    }
    return 0;
}
