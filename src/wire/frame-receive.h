/* SPDX-License-Identifier: Apache-2.0
 *
 * The next frame from a link, at either end. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"
#include "wire/wire-link.h"

/* Receives the header of frame number 'sequence' and its payload, still compressed, into 'payload' [payload_bytes_max].  0; -EPROTO: not a
 * header, another number, or no room; else as wire_link_receive. */
int wire_frame_receive(WireLink *link, uint64_t sequence, WireHeader *header, uint8_t *payload, size_t payload_bytes_max);

/* The same into 'frame': a payload that is not compressed lies in its 'raw' afterwards, where it is used. */
int wire_frame_receive_whole(WireLink *link, uint64_t sequence, WireFrame *frame);
