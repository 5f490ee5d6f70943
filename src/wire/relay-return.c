/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading along on the return path; see relay-return.h. */
#include "wire/relay-return.h"

enum { RETURN_SHUT = 1, RETURN_PONG = 2, RETURN_RECV_BITMAP = 5, RETURN_TYPE_MAX = 7 };
enum { PING_BEFORE_PACKAGE = 2, PING_PACKAGE_LOADED = 3 };

/* The head of a message is complete: what of its content is wanted? */
static void head_complete(ReturnWatch *watch)
{
    unsigned type = (unsigned)watch->head[0] << 8 | watch->head[1];
    unsigned length = (unsigned)watch->head[2] << 8 | watch->head[3];

    bool is_wanted = type == RETURN_SHUT || type == RETURN_PONG;

    if (type == 0 || type > RETURN_TYPE_MAX || (is_wanted && length != 4)) {
        watch->is_lost = true;
    } else if (!is_wanted) {
        watch->skip_bytes = length;
        watch->head_length = 0;
        watch->is_lost = type == RETURN_RECV_BITMAP; /* a bitmap follows that the length does not count */
    }
}

static void message_complete(ReturnWatch *watch)
{
    uint32_t value = (uint32_t)watch->head[4] << 24 | (uint32_t)watch->head[5] << 16 | (uint32_t)watch->head[6] << 8 | watch->head[7];

    if (watch->head[1] == RETURN_SHUT) {
        watch->has_shut = true;
        watch->shut = value;
    } else {
        watch->may_load |= value == PING_BEFORE_PACKAGE;
        watch->has_loaded |= value == PING_PACKAGE_LOADED;
    }
}

static void take(ReturnWatch *watch, uint8_t byte)
{
    watch->head[watch->head_length++] = byte;
    if (watch->head_length == 4) {
        head_complete(watch);
    } else if (watch->head_length == 8) {
        message_complete(watch);
        watch->head_length = 0;
    }
}

void return_watch(ReturnWatch *watch, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length && !watch->is_lost; i++) {
        if (watch->skip_bytes > 0) {
            watch->skip_bytes--;
        } else {
            take(watch, bytes[i]);
        }
    }
}
