/* SPDX-License-Identifier: Apache-2.0
 *
 * The next frame from a link; see frame-receive.h. */
#include "wire/frame-receive.h"

#include <errno.h>

static int receive_header(WireLink *link, uint64_t sequence, WireHeader *header, size_t payload_bytes_max)
{
    uint8_t bytes[WIRE_HEADER_BYTES];
    int status = wire_link_receive(link, bytes, sizeof(bytes));

    if (status == 0) {
        status = wire_header_read(header, bytes);
    }
    return status == 0 && (header->sequence != sequence || header->wire_bytes > payload_bytes_max) ? -EPROTO : status;
}

static int receive_payload(WireLink *link, const WireHeader *header, uint8_t *payload)
{
    return header->wire_bytes > 0 ? wire_link_receive(link, payload, header->wire_bytes) : 0;
}

int wire_frame_receive(WireLink *link, uint64_t sequence, WireHeader *header, uint8_t *payload, size_t payload_bytes_max)
{
    int status = receive_header(link, sequence, header, payload_bytes_max);

    return status == 0 ? receive_payload(link, header, payload) : status;
}

int wire_frame_receive_whole(WireLink *link, uint64_t sequence, WireFrame *frame)
{
    int status = receive_header(link, sequence, &frame->header, WIRE_PAYLOAD_BYTES_MAX);
    uint8_t *payload = frame->header.codec == WIRE_CODEC_NONE ? frame->raw : frame->wire + WIRE_HEADER_BYTES;

    frame->payload = payload;
    frame->status = 0;
    return status == 0 ? receive_payload(link, &frame->header, payload) : status;
}
