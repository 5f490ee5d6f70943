/* SPDX-License-Identifier: Apache-2.0
 *
 * ReturnWatch: reads along on QEMU's return path to learn how the destination's QEMU says that the migration ended.  A hint, like the
 * parser: what is not understood ends the reading along, and never touches the bytes.
 *
 * A message is be16 type, be16 length, content (QEMU's migration.c); type 1 (SHUT) carries be32: 0 when all was loaded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ReturnWatch {
    uint8_t head[8];
    unsigned head_length;
    uint32_t skip_bytes;
    bool is_lost; /* a message whose length does not say all (RECV_BITMAP), or nonsense */
    bool has_shut;
    uint32_t shut;
} ReturnWatch; /* zeroed at start */

void return_watch(ReturnWatch *watch, const uint8_t *bytes, size_t length);
