/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets of a relay; see relay-net.h. */
#include "wire/relay-net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

uint64_t relay_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int unix_address(const char *path, struct sockaddr_un *address)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(address->sun_path)) {
        return -ENAMETOOLONG;
    }
    strcpy(address->sun_path, path);
    return 0;
}

/* Whoever may write in the directory could put a socket of his own there. */
static int check_directory(const char *path, char message[RELAY_MESSAGE_BYTES])
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    struct stat about;

    snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(length ? length : 1) : 1, slash ? path : ".");
    if (stat(directory, &about) != 0) {
        int error = errno;

        snprintf(message, RELAY_MESSAGE_BYTES, "%.400s: %s", directory, strerror(error));
        return -error;
    }
    if (about.st_mode & (S_IWGRP | S_IWOTH)) {
        snprintf(message, RELAY_MESSAGE_BYTES,
                 "%.300s: others may write there; put the socket into a directory of its own with mode 0700", directory);
        return -EACCES;
    }
    return 0;
}

int relay_connect_unix(const char *path)
{
    struct sockaddr_un address;
    int status = unix_address(path, &address);
    int fd = status == 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

    if (status != 0 || fd < 0) {
        return status != 0 ? status : -errno;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

/* A socket of a relay that died is in the way; one that somebody listens on is not ours to remove. */
static void remove_dead_socket(const char *path)
{
    struct stat about;

    if (lstat(path, &about) == 0 && S_ISSOCK(about.st_mode)) {
        int fd = relay_connect_unix(path);

        if (fd >= 0) {
            close(fd);
        } else if (fd == -ECONNREFUSED) {
            unlink(path);
        }
    }
}

static int owner_uid(const char *owner, uid_t *uid)
{
    char buffer[4096];
    struct passwd about;
    struct passwd *found = NULL;

    if (!owner) {
        *uid = geteuid();
        return 0;
    }
    int error = getpwnam_r(owner, &about, buffer, sizeof(buffer), &found);

    if (error != 0 || !found) {
        return error != 0 ? -error : -ENOENT;
    }
    *uid = about.pw_uid;
    return 0;
}

static int bind_private(int fd, const char *path, const struct sockaddr_un *address, uid_t uid)
{
    mode_t before = umask(0177);
    int status = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;

    umask(before);
    if (status == 0 && uid != geteuid() && lchown(path, uid, (gid_t)-1) != 0) {
        status = -errno;
        unlink(path);
    }
    if (status == 0 && listen(fd, WIRE_CHANNELS_MAX) != 0) {
        status = -errno;
        unlink(path);
    }
    return status;
}

int relay_listen_unix(const char *path, const char *owner, char message[RELAY_MESSAGE_BYTES])
{
    struct sockaddr_un address;
    uid_t uid = 0;
    int status = check_directory(path, message);

    if (status != 0) {
        return status;
    }
    status = unix_address(path, &address);
    if (status == 0 && (status = owner_uid(owner, &uid)) != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "there is no user '%s'", owner);
        return status;
    }
    int fd = status == 0 ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;

    if (status == 0 && fd < 0) {
        status = -errno;
    }
    if (status == 0) {
        remove_dead_socket(path);
        status = bind_private(fd, path, &address, uid);
    }
    if (status != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "cannot listen on %s: %s", path, strerror(-status));
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    return fd;
}

int relay_accept_unix(int listen_fd, const char *owner)
{
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);
    uid_t uid = 0;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        return errno == EINTR || errno == ECONNABORTED ? -EAGAIN : -errno;
    }
    if (owner_uid(owner, &uid) != 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        (peer.uid != 0 && peer.uid != geteuid() && peer.uid != uid)) {
        close(fd);
        return -EACCES;
    }
    return fd;
}

/* "host:port", "[::1]:port", ":port" */
static int split_address(const char *address, char host[NI_MAXHOST], char port[NI_MAXSERV])
{
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;

    if (!colon || !colon[1] || length >= NI_MAXHOST || strlen(colon + 1) >= NI_MAXSERV ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || atol(colon + 1) > 65535) {
        return -EINVAL;
    }
    if (address[0] == '[' && length > 1 && address[length - 1] == ']') {
        address++;
        length -= 2;
    } else if (memchr(address, ':', length)) {
        return -EINVAL;
    }
    memcpy(host, address, length);
    host[length] = '\0';
    strcpy(port, colon + 1);
    return 0;
}

int relay_address_check(const char *address)
{
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];

    return split_address(address, host, port);
}

static int look_up(const char *address, int flags, struct addrinfo **found, char message[RELAY_MESSAGE_BYTES])
{
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};

    if (split_address(address, host, port) != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "'%s' is not HOST:PORT", address);
        return -EINVAL;
    }
    int error = getaddrinfo(host[0] ? host : NULL, port, &hints, found);

    if (error != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "%s: %s", address, gai_strerror(error));
        return -EHOSTUNREACH;
    }
    return 0;
}

static int listen_at(const struct addrinfo *at, uint16_t *port)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    int on = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);

    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, WIRE_CHANNELS_MAX) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &length) != 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    *port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
    return fd;
}

int relay_listen_tcp(const char *address, uint16_t *port, char message[RELAY_MESSAGE_BYTES])
{
    struct addrinfo *found = NULL;
    int fd = look_up(address, AI_PASSIVE, &found, message);

    if (fd != 0) {
        return fd;
    }
    fd = -EADDRNOTAVAIL;
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = listen_at(at, port);
    }
    freeaddrinfo(found);
    if (fd < 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "cannot listen on %s: %s", address, strerror(-fd));
    }
    return fd;
}

void relay_set_patience(int fd, unsigned seconds)
{
    int on = 1;
    int idle_s = 4;
    int interval_s = 2;
    int count = ((int)seconds - idle_s) / interval_s;
    int unacknowledged_ms = (int)seconds * 1000;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
}

int relay_accept_tcp(int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        return errno == EINTR || errno == ECONNABORTED ? -EAGAIN : -errno;
    }
    relay_set_patience(fd, RELAY_PATIENCE_S);
    return fd;
}

static int wait_connected(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof(error);

    int ready = poll(&poll_fd, 1, timeout_ms);

    if (ready <= 0) {
        return ready == 0 ? -ETIMEDOUT : -errno;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? -error : -errno;
}

static int connect_at(const struct addrinfo *at, int timeout_ms)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);

    if (fd < 0) {
        return -errno;
    }
    int status = connect(fd, at->ai_addr, at->ai_addrlen) == 0 ? 0 : -errno;

    if (status == -EINPROGRESS) {
        status = wait_connected(fd, timeout_ms);
    }
    if (status == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0) {
        status = -errno;
    }
    if (status != 0) {
        close(fd);
        return status;
    }
    relay_set_patience(fd, RELAY_PATIENCE_S);
    return fd;
}

int relay_connect_tcp(const char *address, int timeout_ms, char message[RELAY_MESSAGE_BYTES])
{
    struct addrinfo *found = NULL;
    int fd = look_up(address, 0, &found, message);

    if (fd != 0) {
        return fd;
    }
    fd = -EHOSTUNREACH;
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = connect_at(at, timeout_ms);
    }
    freeaddrinfo(found);
    if (fd < 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "cannot connect to the other relay at %s: %s", address, strerror(-fd));
    }
    return fd;
}

int relay_write_all(int fd, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;

    while (length > 0) {
        ssize_t wrote = send(fd, at, length, MSG_NOSIGNAL);

        if (wrote < 0 && errno != EINTR) {
            return -errno;
        }
        if (wrote > 0) {
            at += wrote;
            length -= (size_t)wrote;
        }
    }
    return 0;
}
