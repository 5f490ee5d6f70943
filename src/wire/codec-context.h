/* SPDX-License-Identifier: Apache-2.0
 *
 * CodecContext: what one thread needs to compress or decompress frames.  All memory is taken when it is made (and
 * touched when it is used), so that nothing can fail later for want of memory; frames are small enough that nothing has
 * to grow. */
#pragma once

#include "wire/codec.h"

typedef struct CodecContext CodecContext;

/* 0 or -ENOMEM.  codec_context_free: NULL is fine. */
int codec_context_new(CodecContext **context, CodecDirection direction);
void codec_context_free(CodecContext *context);

/* Fills header.codec, header.wire_bytes and payload, writes the header to 'wire'.  Frames that are not DATA, and those
 * that would get hardly smaller, are left as they are. */
void codec_compress(CodecContext *context, const CodecLevel *level, WireFrame *frame);

/* Fills raw [header.raw_bytes] of payload [header.wire_bytes].  0, or -EBADMSG: the payload is not what the header
 * says. */
int codec_decompress(CodecContext *context, WireFrame *frame);
