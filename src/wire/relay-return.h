/* SPDX-License-Identifier: Apache-2.0
 *
 * ReturnWatch: reads along on QEMU's return path to learn how far the destination's QEMU is with a post-copy, and how it says that the migration
 * ended.  A hint, like the parser: what is not understood ends the reading along, and never touches the bytes.
 *
 * A message is be16 type, be16 length, content (QEMU's migration.c).  Type 1 (SHUT) carries be32: 0 when all was loaded.  Type 2 (PONG) carries
 * the be32 of the PING that it answers.  The source sends PING 2 just before the package with the device state of a post-copy, and PING 3 (from
 * QEMU 10.2 on also 0x42) is the last thing in the package before the word to run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ReturnWatch {
    uint8_t head[8];
    unsigned head_length;
    uint32_t skip_bytes;
    bool is_lost; /* a message whose length does not say all (RECV_BITMAP), or nonsense */
    bool may_load; /* PONG 2: the package of a post-copy is next */
    bool has_loaded; /* PONG 3: it is loaded */
    bool has_shut;
    uint32_t shut;
} ReturnWatch; /* zeroed at start */

void return_watch(ReturnWatch *watch, const uint8_t *bytes, size_t length);
