/* SPDX-License-Identifier: Apache-2.0
 *
 * A slow link for one migration: forwards the connections it accepts at a rate and with a round-trip time.  The
 * kernels we run on have no netem, and a shaper in the kernel would need namespaces; this needs nothing.
 *
 *     slow-link --listen ADDRESS --to ADDRESS [--rate BYTES/S] [--rtt MS] [--queue MS]
 *
 * ADDRESS is HOST:PORT (port 0: any, see "ready") or a path with a slash in it, of a unix socket.  All connections
 * share one rate in each direction (slow-pipe.h); "forward" is from those who connect to the one connected to.
 * Commands on standard input, one a line:
 *
 *     rate BYTES/S    rtt MS      change the link (0: no limit, no delay)
 *     stop, go                    nothing moves; all moves again: a cable pulled and put back
 *     cut, heal                   all connections are reset, new ones too; new ones are let through again
 *     stop-at N, cut-at N         stop or cut when exactly N bytes have gone forward
 *     counts                      prints {"event":"counts",...}
 *
 * Answers and events are JSON lines on standard output: ready, counts, stopped, cut.  Ends when standard input ends.
 *
 * What is as on a real link: order, the shared rate, queueing before it, delay, backpressure.  What is not: no loss, no
 * slow start, no headers, and a connection is made without the round trip.  Sockets' buffers and segments are kept
 * small so that what waits, waits here. */
#include "slow-pipe.h"
#include "slow-socket.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX     64
#define CHUNK_BYTES_MAX     65536
#define CHUNK_BYTES_LEAST   1448
#define MILLISECOND_NS      1000000ll

enum ChunkKind { CHUNK_DATA, CHUNK_END, CHUNK_RESET };

typedef struct Chunk {
    struct Chunk *next;
    int64_t arrives_ns;
    enum ChunkKind kind;
    size_t length, written;
    char bytes[];
} Chunk;

/* What goes one way on one connection. */
typedef struct Flow {
    Chunk *head, *tail;         /* under way, in order of arrival */
    int64_t held_bytes;
    bool read_ended;            /* no more comes in */
    bool write_ended;           /* the end has been passed on */
    bool write_blocked;         /* the receiver takes no more just now */
    bool receiver_gone;         /* what comes for it is dropped; what it sent before is still on its way */
} Flow;

typedef struct Connection {
    int fds[2];                 /* [0] who connected, [1] whom we connected to; -1: slot is free */
    Flow flows[2];              /* [0] forward: from fds[0] to fds[1] */
} Connection;

typedef struct Link {
    SlowPipe pipes[2];
    Connection connections[CONNECTIONS_MAX];
    unsigned first;             /* who is read from first: takes turns */
    int listen_fd;
    const char *to;
    bool is_stopped, is_cut;
    uint64_t stop_at, cut_at;   /* forward bytes; UINT64_MAX: never */
    uint64_t n_connections;
} Link;

static int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* --- connections --- */

static void flow_drop(Flow *flow)
{
    while (flow->head) {
        Chunk *chunk = flow->head;

        flow->head = chunk->next;
        free(chunk);
    }
    *flow = (Flow){ 0 };
}

static void connection_end(Connection *connection, bool is_reset)
{
    for (int i = 0; i < 2; i++) {
        if (is_reset) {
            socket_reset(connection->fds[i]);
        } else {
            close(connection->fds[i]);
        }
        connection->fds[i] = -1;
        flow_drop(&connection->flows[i]);
    }
}

static void cut(Link *link)
{
    link->is_cut = true;
    link->cut_at = UINT64_MAX;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (link->connections[i].fds[0] >= 0) {
            connection_end(&link->connections[i], true);
        }
    }
    printf("{\"event\":\"cut\",\"forward_bytes\":%" PRIu64 "}\n", link->pipes[0].carried_bytes);
}

static void stop(Link *link)
{
    link->is_stopped = true;
    link->stop_at = UINT64_MAX;
    printf("{\"event\":\"stopped\",\"forward_bytes\":%" PRIu64 "}\n", link->pipes[0].carried_bytes);
}

static void accept_one(Link *link)
{
    int fd = accept4(link->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
    Connection *slot = NULL;

    for (int i = 0; i < CONNECTIONS_MAX && !slot; i++) {
        slot = link->connections[i].fds[0] < 0 ? &link->connections[i] : NULL;
    }
    if (fd < 0) {
        return;
    }
    int other = link->is_cut || !slot ? -1 : socket_connect(link->to, link->pipes[0].rate_bytes_per_s);
    if (other < 0) {
        socket_reset(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    slot->fds[0] = fd;
    slot->fds[1] = other;
    link->n_connections++;
}

/* --- moving bytes --- */

static void flow_push(Flow *flow, Chunk *chunk)
{
    if (flow->head) {
        flow->tail->next = chunk;
    } else {
        flow->head = chunk;
    }
    flow->tail = chunk;
    flow->held_bytes += (int64_t)chunk->length;
}

static int64_t chunk_bytes(const SlowPipe *pipe)
{
    int64_t half_ms = pipe->rate_bytes_per_s / 2000;

    return pipe->rate_bytes_per_s == 0 || half_ms > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX
           : half_ms < CHUNK_BYTES_LEAST ? CHUNK_BYTES_LEAST : half_ms;
}

/* How much may be read for this flow now; 0: nothing. */
static int64_t read_limit(const Link *link, const Connection *connection, int way, int64_t now_ns)
{
    const SlowPipe *pipe = &link->pipes[way];
    const Flow *flow = &connection->flows[way];
    int64_t limit = chunk_bytes(pipe), room = pipe_room_bytes(pipe, now_ns);

    if (link->is_stopped || flow->read_ended || flow->held_bytes >= pipe_window_bytes(pipe) || room < limit) {
        return 0;
    }
    uint64_t mark = link->stop_at < link->cut_at ? link->stop_at : link->cut_at;
    if (way == 0 && mark - pipe->carried_bytes < (uint64_t)limit) {
        return (int64_t)(mark - pipe->carried_bytes);
    }
    return limit;
}

/* Reads once.  Returns whether something came. */
static bool flow_read(Link *link, Connection *connection, int way, int64_t now_ns)
{
    int64_t limit = read_limit(link, connection, way, now_ns);
    SlowPipe *pipe = &link->pipes[way];
    Flow *flow = &connection->flows[way];

    if (limit == 0) {
        return false;
    }
    Chunk *chunk = malloc(sizeof(*chunk) + (size_t)limit);
    if (!chunk) {
        die("no memory", "for a chunk");
    }
    ssize_t length = read(connection->fds[way], chunk->bytes, (size_t)limit);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        free(chunk);
        return false;
    }
    chunk->next = NULL;
    chunk->written = 0;
    chunk->kind = length > 0 ? CHUNK_DATA : length == 0 ? CHUNK_END : CHUNK_RESET;
    chunk->length = length > 0 ? (size_t)length : 0;
    chunk->arrives_ns = pipe_take(pipe, now_ns, (int64_t)chunk->length);
    flow->read_ended = length <= 0;
    flow_push(flow, chunk);
    return true;
}

static void check_marks(Link *link)
{
    if (link->pipes[0].carried_bytes >= link->stop_at) {
        stop(link);
    }
    if (link->pipes[0].carried_bytes >= link->cut_at) {
        cut(link);
    }
}

/* Hands over what has arrived.  False when the connection is gone. */
static bool flow_write(Connection *connection, int way, int64_t now_ns)
{
    Flow *flow = &connection->flows[way];
    int fd = connection->fds[1 - way];

    while (flow->head && flow->head->arrives_ns <= now_ns) {
        Chunk *chunk = flow->head;

        if (chunk->kind == CHUNK_RESET) {
            connection_end(connection, true);
            return false;
        }
        if (chunk->kind == CHUNK_END) {
            shutdown(fd, SHUT_WR);
            flow->write_ended = true;
        }
        while (chunk->written < chunk->length && !flow->receiver_gone) {
            size_t left = chunk->length - chunk->written;
            ssize_t written = send(fd, chunk->bytes + chunk->written, left, MSG_NOSIGNAL);

            if (written < 0 && errno == EAGAIN) {
                flow->write_blocked = true;
                return true;
            }
            flow->receiver_gone = written < 0 && errno != EINTR;
            if (flow->receiver_gone) {
                break;
            }
            chunk->written += written > 0 ? (size_t)written : 0;
        }
        flow->held_bytes -= (int64_t)chunk->length;
        flow->head = chunk->next;
        free(chunk);
    }
    flow->write_blocked = false;
    return true;
}

static void write_arrived(Link *link, int64_t now_ns)
{
    for (int i = 0; i < CONNECTIONS_MAX && !link->is_stopped; i++) {
        Connection *connection = &link->connections[i];

        if (connection->fds[0] < 0 || !flow_write(connection, 0, now_ns) || !flow_write(connection, 1, now_ns)) {
            continue;
        }
        if (connection->flows[0].write_ended && connection->flows[1].write_ended) {
            connection_end(connection, false);
        }
    }
}

/* In turns, a chunk each, as long as someone has something and it fits. */
static void read_ready(Link *link, int64_t now_ns)
{
    bool is_any = true;

    while (is_any) {
        is_any = false;
        for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
            Connection *connection = &link->connections[(link->first + i) % CONNECTIONS_MAX];

            for (int way = 0; way < 2 && connection->fds[0] >= 0; way++) {
                is_any = flow_read(link, connection, way, now_ns) || is_any;
                check_marks(link);
            }
        }
        link->first = (link->first + 1) % CONNECTIONS_MAX;
    }
}

/* --- commands --- */

static void counts_print(const Link *link)
{
    int64_t held[2] = { 0, 0 };
    unsigned open = 0;

    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (link->connections[i].fds[0] >= 0) {
            open++;
            held[0] += link->connections[i].flows[0].held_bytes;
            held[1] += link->connections[i].flows[1].held_bytes;
        }
    }
    printf("{\"event\":\"counts\",\"forward_bytes\":%" PRIu64 ",\"backward_bytes\":%" PRIu64 ",\"forward_held_bytes\":%"
           PRId64 ",\"backward_held_bytes\":%" PRId64 ",\"connections\":%" PRIu64 ",\"open\":%u}\n",
           link->pipes[0].carried_bytes, link->pipes[1].carried_bytes, held[0], held[1], link->n_connections, open);
}

static void command(Link *link, const char *line)
{
    int64_t now_ns = clock_ns();
    char word[16] = "", value_text[32] = "";
    int n_words = sscanf(line, "%15s %31s", word, value_text);
    double value = strtod(value_text, NULL);

    if (n_words == 2 && !strcmp(word, "rate")) {
        pipe_set_rate(&link->pipes[0], now_ns, (int64_t)value);
        pipe_set_rate(&link->pipes[1], now_ns, (int64_t)value);
    } else if (n_words == 2 && !strcmp(word, "rtt")) {
        link->pipes[0].delay_ns = link->pipes[1].delay_ns = (int64_t)(value * MILLISECOND_NS / 2);
    } else if (n_words == 2 && !strcmp(word, "stop-at")) {
        link->stop_at = (uint64_t)value;
        check_marks(link);
    } else if (n_words == 2 && !strcmp(word, "cut-at")) {
        link->cut_at = (uint64_t)value;
        check_marks(link);
    } else if (!strcmp(word, "stop")) {
        stop(link);
    } else if (!strcmp(word, "go")) {
        link->is_stopped = false;
    } else if (!strcmp(word, "cut")) {
        cut(link);
    } else if (!strcmp(word, "heal")) {
        link->is_cut = false;
    } else if (!strcmp(word, "counts")) {
        counts_print(link);
    } else {
        fprintf(stderr, "slow-link: unknown command '%s'\n", word);
    }
}

static void commands_read(Link *link)
{
    static char buffer[4096];
    static size_t used;
    ssize_t length = read(0, buffer + used, sizeof(buffer) - 1 - used);

    if (length == 0 || (length < 0 && errno != EINTR && errno != EAGAIN)) {
        exit(0);
    }
    used += length > 0 ? (size_t)length : 0;
    buffer[used] = '\0';
    char *line = buffer, *end;
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        command(link, line);
        line = end + 1;
    }
    used = line == buffer && used == sizeof(buffer) - 1 ? 0 : used - (size_t)(line - buffer);
    memmove(buffer, line, used);
}

/* --- the loop --- */

static void earliest(int64_t *soonest_ns, int64_t time_ns)
{
    *soonest_ns = time_ns < *soonest_ns ? time_ns : *soonest_ns;
}

/* What to wait for on one socket of a connection: to read, if there is room, and to write, if it is blocked. */
static short wanted_events(const Link *link, const Connection *connection, int side, int64_t now_ns,
                           int64_t *soonest_ns)
{
    const Flow *in = &connection->flows[side], *out = &connection->flows[1 - side];
    const SlowPipe *pipe = &link->pipes[side];
    short events = out->write_blocked ? POLLOUT : 0;

    if (out->head && !out->write_blocked) {
        earliest(soonest_ns, out->head->arrives_ns);
    }
    if (read_limit(link, connection, side, now_ns) > 0) {
        events |= POLLIN;
    } else if (!in->read_ended && in->held_bytes < pipe_window_bytes(pipe)) {
        earliest(soonest_ns, pipe_room_at_ns(pipe, now_ns, chunk_bytes(pipe)));
    }
    return events;
}

static void wait_for_something(Link *link)
{
    struct pollfd fds[2 + 2 * CONNECTIONS_MAX] = { { .fd = 0, .events = POLLIN },
                                                   { .fd = link->listen_fd, .events = POLLIN } };
    int64_t now_ns = clock_ns(), soonest_ns = now_ns + 3600 * 1000 * MILLISECOND_NS;
    nfds_t used = 2;

    for (int i = 0; i < CONNECTIONS_MAX && !link->is_stopped; i++) {
        const Connection *connection = &link->connections[i];

        for (int side = 0; side < 2 && connection->fds[0] >= 0; side++) {
            short events = wanted_events(link, connection, side, now_ns, &soonest_ns);

            /* a descriptor that is not waited for would still report that its peer has hung up, for ever */
            fds[used++] = (struct pollfd){ .fd = events ? connection->fds[side] : -1, .events = events };
        }
    }
    int64_t wait_ns = soonest_ns > now_ns ? soonest_ns - now_ns : 0;
    struct timespec timeout = { wait_ns / 1000000000, wait_ns % 1000000000 };
    if (ppoll(fds, used, &timeout, NULL) > 0) {
        if (fds[0].revents) {
            commands_read(link);
        }
        if (fds[1].revents) {
            accept_one(link);
        }
    }
}

static void link_run(Link *link)
{
    for (;;) {
        wait_for_something(link);
        if (!link->is_stopped) {
            int64_t now_ns = clock_ns();

            write_arrived(link, now_ns);
            read_ready(link, now_ns);
        }
        fflush(stdout);
    }
}

static void link_init(Link *link, double rate_bytes_per_s, double rtt_ms, double queue_ms)
{
    for (int way = 0; way < 2; way++) {
        pipe_init(&link->pipes[way], (int64_t)rate_bytes_per_s, (int64_t)(rtt_ms * MILLISECOND_NS / 2),
                  (int64_t)(queue_ms * MILLISECOND_NS));
    }
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        link->connections[i].fds[0] = link->connections[i].fds[1] = -1;
    }
    link->stop_at = link->cut_at = UINT64_MAX;
}

static int usage(void)
{
    fprintf(stderr, "usage: slow-link --listen ADDRESS --to ADDRESS [--rate BYTES/S] [--rtt MS] [--queue MS (10, at least 1)]\n"
            "ADDRESS: HOST:PORT or the path of a unix socket\n");
    return 2;
}

int main(int argc, char **argv)
{
    static Link link;
    const char *listen_text = NULL, *to = NULL;
    double rate = 0, rtt_ms = 0, queue_ms = 10;

    for (int i = 1; i < argc; i += 2) {
        double *number = !strcmp(argv[i], "--rate") ? &rate : !strcmp(argv[i], "--rtt") ? &rtt_ms
                         : !strcmp(argv[i], "--queue") ? &queue_ms : NULL;
        const char **text = !strcmp(argv[i], "--listen") ? &listen_text : !strcmp(argv[i], "--to") ? &to : NULL;
        char *end = NULL;

        if (i + 1 == argc || (!number && !text)) {
            return usage();
        }
        if (text) {
            *text = argv[i + 1];
            continue;
        }
        *number = strtod(argv[i + 1], &end);
        if (*end || *number < 0) {
            return usage();
        }
    }
    if (!listen_text || !to || queue_ms < 1) {
        return usage();
    }
    prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
    link_init(&link, rate, rtt_ms, queue_ms);
    link.to = to;
    int port = 0;

    link.listen_fd = socket_listen(listen_text, link.pipes[0].rate_bytes_per_s, &port);
    printf("{\"event\":\"ready\",\"port\":%d}\n", port);
    fflush(stdout);
    link_run(&link);
}
