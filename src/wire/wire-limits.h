/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds of everything that comes over the network or is taken at start; docs/wire-format.md gives the format its words.
 * A size from the wire is compared with its bound here before it is used for anything. */
#pragma once

#define WIRE_MAGIC "GODWITW" /* with its final 0: 8 bytes */
#define WIRE_VERSION 1

#define WIRE_HEADER_BYTES 32
#define WIRE_PAYLOAD_BYTES_MAX (256u * 1024)     /* of a frame, before and after compression */
#define WIRE_STREAM_BYTES_MAX (4u * 1024 * 1024) /* of QEMU's stream, yielded by one frame */
#define WIRE_REASON_BYTES_MAX 512
#define WIRE_CHANNELS_MAX 64 /* connections of one migration: main, preempt, multifd */
#define WIRE_BLOCKS_MAX 256  /* RAM blocks of one guest */
#define WIRE_NAME_BYTES_MAX 255
#define WIRE_PAGE_BYTES_MIN 1024u
#define WIRE_PAGE_BYTES_MAX (64u * 1024)
#define WIRE_PAGES_MAX (UINT64_C(1) << 36) /* of one guest: 256 TiB of 4 KiB pages */
#define WIRE_SEGMENTS_MAX 64               /* of one page; more become words */
#define WIRE_VARINT_BYTES_MAX 10
#define WIRE_GANG_BYTES_MAX (UINT64_C(256) << 20) /* of a gang's store at the destination; the same at both ends */
#define WIRE_PSK_BYTES 32
#define WIRE_SESSION_BYTES 16
