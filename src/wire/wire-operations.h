/* SPDX-License-Identifier: Apache-2.0
 *
 * First bytes of the operations in a DATA frame; docs/wire-format.md says what follows each. */
#pragma once

#define WIRE_OPERATION_NEXT 0x80
#define WIRE_OPERATION_NAME 0x40
#define WIRE_OPERATION_KEEP 0x20
#define WIRE_OPERATION_KIND 0x1f

typedef enum WireOperation {
    WIRE_OPERATION_LITERAL,
    WIRE_OPERATION_BLOCK,
    WIRE_OPERATION_RAW,
    WIRE_OPERATION_SEGMENTS,
    WIRE_OPERATION_WORDS,
    WIRE_OPERATION_SAME,
    WIRE_OPERATION_DUPLICATE,
    WIRE_OPERATION_ZERO,
    WIRE_OPERATION_ZERO_RUN,
    WIRE_OPERATION_FORGET,
    WIRE_OPERATION_SHARED,
    WIRE_OPERATION_SHARE,
} WireOperation;

#define WIRE_WORD_BYTES 8 /* of WORDS */
