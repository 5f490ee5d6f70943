/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of the slow link; see slow-socket.h. */
#include "slow-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_BYTES        32768       /* of kernel buffers at each side, up to FAST_BYTES_PER_S */
#define FAST_BYTES_PER_S    200000000ll
#define FAST_SOCKET_BYTES   1048576

void die(const char *what, const char *detail)
{
    fprintf(stderr, "slow-link: %s: %s\n", what, detail);
    exit(1);
}

typedef union Address {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_un local;
} Address;

static socklen_t address_parse(Address *address, const char *text)
{
    memset(address, 0, sizeof(*address));
    if (strchr(text, '/')) {
        address->local.sun_family = AF_UNIX;
        if (strlen(text) >= sizeof(address->local.sun_path)) {
            die("the path of a socket is too long", text);
        }
        strcpy(address->local.sun_path, text);
        return sizeof(address->local);
    }
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    if (colon && (size_t)(colon - text) < sizeof(host)) {
        memcpy(host, text, (size_t)(colon - text));
        address->inet.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    }
    address->inet.sin_family = AF_INET;
    if (inet_pton(AF_INET, host, &address->inet.sin_addr) != 1) {
        die("an address is an IPv4 address with a port, or a path with a slash", text);
    }
    return sizeof(address->inet);
}

/* Small buffers and segments as on Ethernet: with loopback's segments of 64 KiB a sender would keep a megabyte, which
 * only a fast link makes little of. */
static void socket_tune(int fd, bool is_tcp, int64_t rate)
{
    bool is_fast = rate == 0 || rate > FAST_BYTES_PER_S;
    int bytes = is_fast ? FAST_SOCKET_BYTES : SOCKET_BYTES, segment = 1448, on = 1;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (is_tcp && !is_fast) {
        setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
    }
    if (is_tcp) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
}

int socket_listen(const char *text, int64_t rate_bytes_per_s, int *port)
{
    Address address;
    socklen_t size = address_parse(&address, text);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    socket_tune(fd, address.any.sa_family == AF_INET, rate_bytes_per_s);
    if (bind(fd, &address.any, size) != 0 || listen(fd, 64) != 0) {
        die(text, strerror(errno));
    }
    size = sizeof(address);
    getsockname(fd, &address.any, &size);
    *port = address.any.sa_family == AF_INET ? ntohs(address.inet.sin_port) : 0;
    return fd;
}

int socket_connect(const char *text, int64_t rate_bytes_per_s)
{
    Address address;
    socklen_t size = address_parse(&address, text);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    socket_tune(fd, address.any.sa_family == AF_INET, rate_bytes_per_s);
    if (connect(fd, &address.any, size) != 0) {
        fprintf(stderr, "slow-link: %s: %s\n", text, strerror(errno));
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

void socket_reset(int fd)
{
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}
