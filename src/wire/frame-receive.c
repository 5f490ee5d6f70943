/* SPDX-License-Identifier: Apache-2.0
 *
 * The next frame from a link; see frame-receive.h. */
#include "wire/frame-receive.h"

#include <errno.h>

int wire_frame_receive(WireLink *link, uint64_t sequence, WireHeader *header, uint8_t *payload, size_t payload_bytes_max)
{
    uint8_t bytes[WIRE_HEADER_BYTES];
    int status = wire_link_receive(link, bytes, sizeof(bytes));

    if (status == 0) {
        status = wire_header_read(header, bytes);
    }
    if (status == 0 && (header->sequence != sequence || header->wire_bytes > payload_bytes_max)) {
        status = -EPROTO;
    }
    if (status == 0 && header->wire_bytes > 0) {
        status = wire_link_receive(link, payload, header->wire_bytes);
    }
    return status;
}
