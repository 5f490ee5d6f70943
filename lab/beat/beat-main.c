/* SPDX-License-Identifier: Apache-2.0
 *
 * The collector of heartbeats, one per lab, in the namespace of the lab's switch.
 *
 *     lab-beat STATE_DIRECTORY N_HOSTS       collect, answer on STATE_DIRECTORY/beat.sock
 *     lab-beat --ask SOCKET REQUEST          ask a running collector; its answer on stdout
 *
 * A request is one line: "ready NAME", "guest NAME text|json SINCE UNTIL" (nanoseconds or -),
 * "verify NAME", "forget NAME".  An answer is "+" or "-" (the exit status of --ask) and text.
 *
 * One loop: datagrams of guests, connections of askers, a timer that looks at pid files and
 * repeats orders.  It runs SCHED_FIFO, because a late stamp would be a gap that was none. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "beat-answer.h"
#include "beat-vms.h"
#include "beat-wire.h"

#define TICK_MS          50
#define ORDER_REPEAT_NS  G_GINT64_CONSTANT(500000000)
#define SILENCE_LIMIT_NS G_GINT64_CONSTANT(30000000000)

/* An asker who waits for a guest to check itself. */
typedef struct Order {
    char name[BEAT_NAME_BYTES];
    guint32 id;
    int fd;                     /* owned: the asker's connection */
    gint64 begun_ns;            /* when it was asked, */
    gint64 sent_ns;             /* and last sent to the guest */
} Order;

typedef struct Collector {
    Vms vms;
    int beats_fd;
    int asks_fd;
    GPtrArray *orders;          /* Order */
    guint32 next_order;
} Collector;

static gint64 clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

/* Sends an answer and closes the connection. */
static void answer(int fd, gboolean ok, const char *text)
{
    g_autofree char *all = g_strconcat(ok ? "+" : "-", text, NULL);

    /* A local socket takes so little at once; an asker who has gone away is no concern of ours. */
    (void)!send(fd, all, strlen(all), MSG_NOSIGNAL);
    close(fd);
}

static void order_free(gpointer data)
{
    Order *order = data;

    if (order->fd >= 0) {
        close(order->fd);
    }
    g_free(order);
}

static void order_answer(Collector *collector, Order *order, gboolean ok, const char *text)
{
    answer(order->fd, ok, text);
    order->fd = -1;
    g_ptr_array_remove(collector->orders, order);
}

static void order_send(Collector *collector, Order *order, gint64 now_ns)
{
    const Vm *vm = vms_find(&collector->vms, order->name);
    struct BeatVerify frame = { .id = order->id };

    if (!vm) {
        return;
    }
    memset(frame.head.dst, 0xff, sizeof(frame.head.dst));
    memcpy(frame.head.src, "\x52\x54\x00\x77\xff\xff", sizeof(frame.head.src));
    frame.head.ethertype = htons(BEAT_ETHERTYPE);
    frame.head.magic = BEAT_MAGIC;
    frame.head.version = BEAT_VERSION;
    frame.head.kind = BEAT_KIND_VERIFY;
    g_strlcpy(frame.head.name, order->name, sizeof(frame.head.name));
    (void)sendto(collector->beats_fd, &frame, sizeof(frame), MSG_DONTWAIT, (const struct sockaddr *)&vm->source,
                 sizeof(vm->source));
    order->sent_ns = now_ns;
}

static void take_verdict(Collector *collector, const struct BeatVerdict *verdict)
{
    for (guint i = 0; i < collector->orders->len; i++) {
        Order *order = g_ptr_array_index(collector->orders, i);

        if (order->id == verdict->id && strncmp(order->name, verdict->head.name, sizeof(order->name)) == 0) {
            g_autofree char *found = g_strndup(verdict->text, sizeof(verdict->text));
            g_autofree char *text = verdict->wrong == 0
                ? g_strdup("OK\n")
                : g_strdup_printf("%s%u difference%s in VM %s\n", found, verdict->wrong, verdict->wrong > 1 ? "s" : "",
                                  order->name);

            order_answer(collector, order, verdict->wrong == 0, text);
            return;
        }
    }
}

static gboolean on_beats(int fd, GIOCondition condition, gpointer data)
{
    Collector *collector = data;
    union {
        struct BeatHead head;
        struct Beat beat;
        struct BeatVerdict verdict;
        char bytes[2048];
    } frame;
    struct sockaddr_in source;
    socklen_t source_size = sizeof(source);
    ssize_t length = 0;

    while ((length = recvfrom(fd, &frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&source, &source_size)) > 0) {
        if (length < (ssize_t)sizeof(frame.head) || frame.head.magic != BEAT_MAGIC
            || frame.head.version != BEAT_VERSION) {
            continue;                   /* QEMU's own announcements after a migration */
        }
        frame.head.name[BEAT_NAME_BYTES - 1] = '\0';
        if (frame.head.kind == BEAT_KIND_BEAT && length >= (ssize_t)sizeof(frame.beat)) {
            vms_beat(&collector->vms, &frame.beat, &source, clock_ns());
        } else if (frame.head.kind == BEAT_KIND_VERDICT && length >= (ssize_t)sizeof(frame.verdict)) {
            take_verdict(collector, &frame.verdict);
        }
        source_size = sizeof(source);
    }
    return G_SOURCE_CONTINUE;
}

/* A check takes as long as the guest's memory is large, but a guest at work beats.  One that has
 * been silent for so long, whatever moves it, will not answer. */
static gboolean order_is_hopeless(Collector *collector, const Order *order, gint64 now_ns)
{
    const Vm *vm = vms_find(&collector->vms, order->name);

    if (!vm || vm->ring.n_seen == 0) {
        return TRUE;
    }
    gint64 last_ns = MAX(beat_ring_at(&vm->ring, vm->ring.n_seen - 1)->at_ns, order->begun_ns);
    return now_ns - last_ns > SILENCE_LIMIT_NS;
}

static gboolean on_tick(gpointer data)
{
    Collector *collector = data;
    gint64 now_ns = clock_ns();

    vms_look(&collector->vms, now_ns);
    for (guint i = collector->orders->len; i-- > 0;) {
        Order *order = g_ptr_array_index(collector->orders, i);

        if (order_is_hopeless(collector, order, now_ns)) {
            order_answer(collector, order, FALSE, "the guest is silent: does it run? see lab vms\n");
        } else if (now_ns - order->sent_ns > ORDER_REPEAT_NS) {
            order_send(collector, order, now_ns);
        }
    }
    return G_SOURCE_CONTINUE;
}

static void ask_verify(Collector *collector, int fd, const char *name)
{
    Order *order = g_new0(Order, 1);

    g_strlcpy(order->name, name, sizeof(order->name));
    order->id = ++collector->next_order;
    order->fd = fd;
    order->begun_ns = clock_ns();
    g_ptr_array_add(collector->orders, order);
    order_send(collector, order, order->begun_ns);
}

static gint64 time_argument(const char *text)
{
    return strcmp(text, "-") == 0 ? -1 : g_ascii_strtoll(text, NULL, 10);
}

static void ask_guest(Collector *collector, int fd, const Vm *vm, char **words)
{
    g_autofree char *text = answer_guest(&collector->vms, vm, strcmp(words[2], "json") == 0, time_argument(words[3]),
                                         time_argument(words[4]), clock_ns());

    answer(fd, TRUE, text);
}

static gboolean is_ready(const Vm *vm)
{
    return vm && vm->ring.first_ready < vm->ring.n_seen;
}

/* Answers a request, or keeps 'fd' until there is an answer. */
static void carry_out(Collector *collector, int fd, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    guint n_words = g_strv_length(words);
    const Vm *vm = n_words >= 2 ? vms_find(&collector->vms, words[1]) : NULL;

    if (n_words == 2 && strcmp(words[0], "ready") == 0) {
        answer(fd, TRUE, is_ready(vm) ? "yes\n" : "no\n");
    } else if (n_words == 2 && strcmp(words[0], "forget") == 0) {
        vms_forget(&collector->vms, words[1]);
        answer(fd, TRUE, "");
    } else if (n_words >= 2 && !vm) {
        g_autofree char *text = g_strdup_printf("no beat of a VM '%s' was ever heard: see lab vms\n", words[1]);
        answer(fd, FALSE, text);
    } else if (n_words == 5 && strcmp(words[0], "guest") == 0) {
        ask_guest(collector, fd, vm, words);
    } else if (n_words == 2 && strcmp(words[0], "verify") == 0) {
        ask_verify(collector, fd, words[1]);
    } else {
        answer(fd, FALSE, "the collector does not understand the request\n");
    }
}

/* The line of one asker has come, or he has gone away. */
static gboolean on_request(int fd, GIOCondition condition, gpointer data)
{
    char line[512];
    ssize_t length = recv(fd, line, sizeof(line) - 1, MSG_DONTWAIT);

    if (length <= 0) {
        close(fd);
        return G_SOURCE_REMOVE;
    }
    line[length] = '\0';
    carry_out(data, fd, g_strchomp(line));
    return G_SOURCE_REMOVE;
}

/* The line is not waited for here: on a busy machine an asker may take long between two steps,
 * and beats would be stamped late meanwhile. */
static gboolean on_ask(int listen_fd, GIOCondition condition, gpointer data)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_request, data);
    }
    return G_SOURCE_CONTINUE;
}

static int beats_open(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), bytes = 4 << 20;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(BEAT_UDP_PORT) };

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        fprintf(stderr, "lab-beat: cannot listen on UDP port %d: %s\n", BEAT_UDP_PORT, g_strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    return fd;
}

static gboolean socket_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    return g_strlcpy(address->sun_path, path, sizeof(address->sun_path)) < sizeof(address->sun_path);
}

static int asks_open(const char *state_dir)
{
    g_autofree char *path = g_build_filename(state_dir, "beat.sock", NULL);
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !socket_address(&address, path) || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0
        || listen(fd, 64) != 0) {
        fprintf(stderr, "lab-beat: cannot listen on %s: %s\n", path, g_strerror(errno));
        return -1;
    }
    return fd;
}

static int collect(const char *state_dir, guint n_hosts)
{
    /* a guest remembers the last order it carried out, also from a collector before this one */
    Collector collector = { .orders = g_ptr_array_new_with_free_func(order_free), .next_order = g_random_int() };
    struct sched_param urgent = { .sched_priority = 10 };
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    vms_init(&collector.vms, state_dir, n_hosts);
    collector.beats_fd = beats_open();
    collector.asks_fd = asks_open(state_dir);
    if (collector.beats_fd < 0 || collector.asks_fd < 0) {
        return 1;
    }
    if (sched_setscheduler(0, SCHED_FIFO, &urgent) != 0) {
        fprintf(stderr, "lab-beat: no real-time priority (%s): gaps may look longer on a busy machine\n", g_strerror(errno));
    }
    g_unix_fd_add(collector.beats_fd, G_IO_IN, on_beats, &collector);
    g_unix_fd_add(collector.asks_fd, G_IO_IN, on_ask, &collector);
    g_timeout_add(TICK_MS, on_tick, &collector);
    g_main_loop_run(loop);
    return 0;
}

static int ask(const char *path, const char *request)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[4096], verdict = 0;
    ssize_t length = 0;

    if (fd < 0 || !socket_address(&address, path) || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0
        || send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 || read(fd, &verdict, 1) != 1) {
        fprintf(stderr, "lab: the collector at %s does not answer: %s\n", path, errno ? g_strerror(errno) : "it hung up");
        return 1;
    }
    FILE *out = verdict == '+' || strncmp(request, "verify", 6) == 0 ? stdout : stderr;
    while ((length = read(fd, text, sizeof(text))) > 0) {
        fwrite(text, 1, (size_t)length, out);
    }
    close(fd);
    return verdict == '+' ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--ask") == 0) {
        return ask(argv[2], argv[3]);
    }
    if (argc == 3 && argv[1][0] == '/') {
        return collect(argv[1], (guint)g_ascii_strtoull(argv[2], NULL, 10));
    }
    fprintf(stderr, "usage: lab-beat STATE_DIRECTORY N_HOSTS | lab-beat --ask SOCKET REQUEST\n");
    return 2;
}
