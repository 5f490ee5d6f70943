/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that a link survives TLS's change of keys after 2^24 records while both directions are busy, which GnuTLS by
 * itself does not promise (theory of operation: src/wire/wire-link-parts.h).
 *
 * 2^24 records take a minute: without REKEY_RECORDS in the environment only some thousand are sent, and no key is
 * expected to change; tests/long/wire-rekey.sh sends them all. */
#include "wire/wire-link-parts.h"

#include <glib.h>
#include <string.h>
#include <sys/socket.h>

#define TIMEOUT_MS       10000
#define RECORDS_OF_A_KEY (1u << 24)

typedef struct Half {
    WireLink *link;
    guint count;
    int status;
} Half;

static gpointer send_records(gpointer user)
{
    Half *half = user;
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};

    for (guint i = 0; i < half->count && half->status == 0; i++) {
        half->status = wire_link_send(half->link, &part, 1);
    }
    return NULL;
}

static gpointer receive_records(gpointer user)
{
    Half *half = user;
    guint8 byte = 0;

    for (guint i = 0; i < half->count && half->status == 0; i++) {
        half->status = wire_link_receive(half->link, &byte, 1);
        if (half->status == 0 && byte != 'x') {
            half->status = -1;
        }
    }
    return NULL;
}

typedef struct End {
    WireLink *link;
    int fd, status;
} End;

static gpointer listen_end(gpointer user)
{
    static const uint8_t key[WIRE_PSK_BYTES] = {1};
    End *end = user;

    end->status = wire_link_new(&end->link, end->fd, true, key, TIMEOUT_MS);
    return NULL;
}

static void connect_ends(WireLink *links[2])
{
    static const uint8_t key[WIRE_PSK_BYTES] = {1};
    End end = {0};
    GThread *thread;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    end.fd = fds[1];
    thread = g_thread_new("listener", listen_end, &end);
    g_assert_cmpint(wire_link_new(&links[0], fds[0], false, key, TIMEOUT_MS), ==, 0);
    g_thread_join(thread);
    g_assert_cmpint(end.status, ==, 0);
    links[1] = end.link;
}

static void sending_key(WireLink *link, guint8 key[16])
{
    gnutls_datum_t bytes = {0};

    g_assert_cmpint(gnutls_record_get_state(link->session, 0, NULL, NULL, &bytes, NULL), ==, 0);
    g_assert_cmpuint(bytes.size, ==, 16);
    memcpy(key, bytes.data, 16);
}

static void test_both_directions_survive_a_change_of_keys(void)
{
    const char *wanted = g_getenv("REKEY_RECORDS");
    guint records = wanted ? (guint)g_ascii_strtoull(wanted, NULL, 10) : 5000;
    WireLink *links[2];
    Half halves[4];
    GThread *threads[4];
    guint8 before[16], after[16];

    connect_ends(links);
    sending_key(links[0], before);
    for (guint i = 0; i < 4;
         i++) { /* the way back is as busy, with fewer records: its keys stay, but for what TLS asks for */
        halves[i] = (Half){.link = links[i % 2], .count = i == 0 || i == 3 ? records : records / 4};
        threads[i] = g_thread_new("half", i < 2 ? send_records : receive_records, &halves[i]);
    }
    for (guint i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        g_assert_cmpint(halves[i].status, ==, 0);
    }
    sending_key(links[0], after);
    g_assert_cmpint(memcmp(before, after, 16) != 0, ==, records > RECORDS_OF_A_KEY);
    wire_link_free(links[0]);
    wire_link_free(links[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wire-link/both-directions-survive-a-change-of-keys",
                    test_both_directions_survive_a_change_of_keys);
    return g_test_run();
}
