/* SPDX-License-Identifier: Apache-2.0
 *
 * The making of a relay: what is refused at once, the memory that it takes, its sockets; see relay.h. */
#include "wire/relay-private.h"

#include "wire/dst-channel.h"
#include "wire/relay-net.h"
#include "wire/relay-watch.h"
#include "wire/src-channel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define MIB 1048576.0

void relay_config_init(RelayConfig *config, RelaySide side)
{
    memset(config, 0, sizeof(*config));
    config->side = side;
    config->vm = "";
    config->parse.page_bytes = 4096;
    config->parse.capabilities = SRC_CAPABILITY_RETURN_PATH;
    config->threads = 1;
    config->governor.downtime_limit_s = 0.3;
    config->governor.fixed_s = 0.02;
    config->watchdog_s = 2;
    config->accept_timeout_s = 300;
    config->events_fd = -1;
}

static int check_config(const RelayConfig *config, char message[RELAY_MESSAGE_BYTES])
{
    if (config->side == RELAY_SOURCE && !(config->parse.capabilities & SRC_CAPABILITY_RETURN_PATH)) {
        snprintf(message, RELAY_MESSAGE_BYTES,
                 "QEMU's capability return-path is off: without it the source would believe that a migration completed that did "
                 "not arrive; switch it on in both QEMUs");
        return -EINVAL;
    }
    if (config->side == RELAY_SOURCE && config->parse.capabilities & SRC_CAPABILITY_MAPPED_RAM) {
        snprintf(message, RELAY_MESSAGE_BYTES, "QEMU's capability mapped-ram is for files: it cannot go through a relay");
        return -EINVAL;
    }
    return 0;
}

static int open_sockets(Relay *relay, char message[RELAY_MESSAGE_BYTES])
{
    const RelayConfig *config = relay->config;

    if (config->side == RELAY_SOURCE && relay_address_check(config->address) != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "'%s' is not HOST:PORT", config->address);
        return -EINVAL;
    }
    relay->listen_fd = config->side == RELAY_SOURCE
                           ? relay_listen_unix(config->socket_path, config->socket_owner, message)
                           : relay_listen_tcp(config->address, &relay->port, message);
    return relay->listen_fd < 0 ? relay->listen_fd : 0;
}

static int open_gang(Relay *relay, char message[RELAY_MESSAGE_BYTES])
{
    const RelayConfig *config = relay->config;
    GangSide side = config->side == RELAY_SOURCE ? GANG_SOURCE : GANG_DESTINATION;
    int status = config->gang_directory ? gang_store_open(&relay->gang, config->gang_directory, side,
                                                          config->parse.page_bytes, WIRE_GANG_BYTES_MAX)
                                        : 0;

    if (status == -EPERM) {
        snprintf(message, RELAY_MESSAGE_BYTES,
                 "gang directory %s: it and what is in it must belong to this user, and be open to nobody else", config->gang_directory);
    } else if (status == -EINVAL) {
        snprintf(message, RELAY_MESSAGE_BYTES,
                 "gang directory %s: its store was made for another page size or by another version; give the gang a new directory",
                 config->gang_directory);
    } else if (status != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "gang directory %s: %s", config->gang_directory, strerror(-status));
    }
    return status;
}

/* Refused when not even what has to be kept always is allowed. */
static int check_memory(const RelayConfig *config, char message[RELAY_MESSAGE_BYTES])
{
    uint64_t least_bytes = RELAY_MEMORY_BYTES_LEAST + src_encode_memory_least(&config->encode);

    if (config->encode.memory_bytes_max < least_bytes) {
        snprintf(message, RELAY_MESSAGE_BYTES,
                 "%.1f MiB of memory are too little for a guest of %.0f MiB: even without page memory a relay needs %.1f MiB; allow it more "
                 "(--memory), or make some free on this host",
                 (double)config->encode.memory_bytes_max / MIB, (double)config->encode.ram_bytes / MIB, (double)least_bytes / MIB);
        return -ENOMEM;
    }
    return 0;
}

/* What will be used soon is there before anybody is told that the relay is ready. */
static int take_memory(Relay *relay, char message[RELAY_MESSAGE_BYTES])
{
    const SrcEncodeConfig *encode = &relay->config->encode;
    uint64_t bytes = encode->filters & WIRE_FILTERS_WITH_SLOTS && !src_encode_is_forgetful(encode) ? WIRE_MEMORY_RESERVE_BYTES : 0;

    bytes = bytes < encode->ram_bytes ? bytes : encode->ram_bytes;
    bytes = bytes < encode->memory_bytes_max ? bytes : encode->memory_bytes_max;
    int status = wire_memory_new(&relay->memory, bytes);

    if (status != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "taking the first %" PRIu64 " MiB of page memory: %s; give the relay more memory, or allow it less",
                 bytes >> 20, strerror(-status));
    }
    return status;
}

int relay_new(Relay **relay, const RelayConfig *config, char message[RELAY_MESSAGE_BYTES])
{
    Relay *made = NULL;
    int status = check_config(config, message);

    *relay = NULL;
    if (status == 0 && !(made = calloc(1, sizeof(*made)))) {
        snprintf(message, RELAY_MESSAGE_BYTES, "no memory");
        status = -ENOMEM;
    }
    if (status != 0) {
        return status;
    }
    made->config = config;
    made->listen_fd = -1;
    made->started_ns = relay_now_ns();
    made->downtime_limit_s = config->governor.downtime_limit_s;
    made->pace.bytes_per_s = config->rate_bytes_per_s;
    pthread_mutex_init(&made->lock, NULL);
    relay_cond_init(&made->changed);
    relay_events_init(&made->events, config->events_fd, config->for_people);
    made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->wake_fd < 0 || getrandom(made->session, sizeof(made->session), 0) != sizeof(made->session) ||
        relay_watch_new(&made->watch, made) != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "no memory or no file descriptor");
        status = -ENOMEM;
    }
    if (status == 0) {
        status = open_gang(made, message);
    }
    if (status == 0) {
        status = take_memory(made, message);
    }
    if (status == 0) {
        status = open_sockets(made, message);
    }
    if (status == 0) {
        status = check_memory(config, message);
    }
    if (status != 0) {
        relay_free(made);
        return status;
    }
    *relay = made;
    return 0;
}

void relay_free(Relay *relay)
{
    if (!relay) {
        return;
    }
    for (unsigned i = 0; i < relay->channels; i++) {
        src_channel_free(relay->src[i]);
        dst_channel_free(relay->dst[i]);
    }
    if (relay->listen_fd >= 0) {
        close(relay->listen_fd);
        if (relay->config->side == RELAY_SOURCE) {
            unlink(relay->config->socket_path);
        }
    }
    if (relay->wake_fd >= 0) {
        close(relay->wake_fd);
    }
    wire_memory_free(relay->memory);
    gang_store_close(relay->gang);
    relay_watch_free(relay->watch);
    relay_events_clear(&relay->events);
    pthread_cond_destroy(&relay->changed);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}
