/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of codecs, and one thread's work with them. */
#include "wire/codec-context.h"

#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* contexts in memory of ours */
#include <zstd.h>

/* Rows that were measured and left out (bench/wire-codec-bench.c): zstd's fast levels -1 to -8, which compress worse
 * than level 1 and are hardly faster, or are as weak as LZ4 and slower; levels 2 and 4, whose neighbours do as well. */
const CodecLevel codec_levels[] = {
    {"none", WIRE_CODEC_NONE, 0},   {"lz4", WIRE_CODEC_LZ4, 0},     {"zstd-1", WIRE_CODEC_ZSTD, 1},
    {"zstd-3", WIRE_CODEC_ZSTD, 3}, {"zstd-6", WIRE_CODEC_ZSTD, 6}, {"zstd-9", WIRE_CODEC_ZSTD, 9},
};
const size_t codec_levels_length = sizeof codec_levels / sizeof codec_levels[0];

_Static_assert(sizeof codec_levels / sizeof codec_levels[0] <= CODEC_LEVELS_MAX, "CodecPicker has a place for each");

/* A frame that saves less than a 64th goes as it is: it is not worth the other end's time. */
#define WORTH_SHIFT 6

struct CodecContext {
    void *memory; /* of the codec's context below */
    ZSTD_CCtx *zstd_compress;
    ZSTD_DCtx *zstd_decompress;
    void *lz4;
};

const CodecLevel *codec_level_find(const char *name)
{
    for (size_t i = 0; i < codec_levels_length; i++) {
        if (strcmp(codec_levels[i].name, name) == 0) {
            return &codec_levels[i];
        }
    }
    return NULL;
}

/* The largest context that any level wants for any frame; zstd has tables of parameters for lengths up to 16, 128 and
 * 256 KiB. */
static size_t zstd_compress_bytes(void)
{
    size_t bytes_max = 0;

    for (size_t i = 0; i < codec_levels_length; i++) {
        if (codec_levels[i].codec != WIRE_CODEC_ZSTD) {
            continue;
        }
        for (size_t length = 1024; length <= WIRE_PAYLOAD_BYTES_MAX; length *= 2) {
            ZSTD_compressionParameters parameters = ZSTD_getCParams(codec_levels[i].level, length, 0);
            size_t bytes = ZSTD_estimateCCtxSize_usingCParams(parameters);

            bytes_max = bytes > bytes_max ? bytes : bytes_max;
        }
    }
    return bytes_max;
}

static int make_compress(CodecContext *context)
{
    size_t bytes = zstd_compress_bytes();

    context->memory = malloc(bytes);
    context->lz4 = malloc((size_t)LZ4_sizeofState());
    if (!context->memory || !context->lz4) {
        return -ENOMEM;
    }
    context->zstd_compress = ZSTD_initStaticCCtx(context->memory, bytes);
    return context->zstd_compress ? 0 : -ENOMEM;
}

static int make_decompress(CodecContext *context)
{
    size_t bytes = ZSTD_estimateDCtxSize();

    context->memory = malloc(bytes);
    if (!context->memory) {
        return -ENOMEM;
    }
    context->zstd_decompress = ZSTD_initStaticDCtx(context->memory, bytes);
    return context->zstd_decompress ? 0 : -ENOMEM;
}

int codec_context_new(CodecContext **context, CodecDirection direction)
{
    CodecContext *made = calloc(1, sizeof *made);
    int status;

    *context = NULL;
    if (!made) {
        return -ENOMEM;
    }
    status = direction == CODEC_COMPRESS ? make_compress(made) : make_decompress(made);
    if (status != 0) {
        codec_context_free(made);
        return status;
    }
    *context = made;
    return 0;
}

void codec_context_free(CodecContext *context)
{
    if (context) {
        free(context->memory); /* zstd's context lies in it */
        free(context->lz4);
        free(context);
    }
}

/* Bytes written to 'to'; 0: they would be more than 'room'. */
static size_t pack(CodecContext *context, const CodecLevel *level, const WireFrame *frame, uint8_t *to, size_t room)
{
    size_t length = frame->header.raw_bytes;

    switch (level->codec) {
    case WIRE_CODEC_LZ4: {
        int packed =
            LZ4_compress_fast_extState(context->lz4, (const char *)frame->raw, (char *)to, (int)length, (int)room, 1);

        return packed > 0 ? (size_t)packed : 0;
    }
    case WIRE_CODEC_ZSTD: {
        size_t packed = ZSTD_compressCCtx(context->zstd_compress, to, room, frame->raw, length, level->level);

        return ZSTD_isError(packed) ? 0 : packed;
    }
    case WIRE_CODEC_NONE:
        break;
    }
    return 0;
}

void codec_compress(CodecContext *context, const CodecLevel *level, WireFrame *frame)
{
    WireHeader *header = &frame->header;
    uint8_t *to = frame->wire + WIRE_HEADER_BYTES;
    size_t room = header->raw_bytes - (header->raw_bytes >> WORTH_SHIFT);
    size_t packed = 0;

    if (header->type == WIRE_DATA && room > 1) {
        packed = pack(context, level, frame, to, room - 1);
    }
    header->codec = (uint8_t)(packed > 0 ? level->codec : WIRE_CODEC_NONE);
    header->wire_bytes = packed > 0 ? (uint32_t)packed : header->raw_bytes;
    frame->payload = packed > 0 ? to : frame->raw;
    wire_header_write(header, frame->wire);
}

/* One frame of zstd, which fills all of it: several of them, or a skippable one, are not what the format allows. */
static bool is_one_zstd_frame(const uint8_t *payload, size_t length)
{
    return !ZSTD_isSkippableFrame(payload, length) && ZSTD_findFrameCompressedSize(payload, length) == length;
}

int codec_decompress(CodecContext *context, WireFrame *frame)
{
    const WireHeader *header = &frame->header;
    size_t got = 0;

    if (header->raw_bytes > WIRE_PAYLOAD_BYTES_MAX || header->wire_bytes > WIRE_PAYLOAD_BYTES_MAX) {
        return -EBADMSG;
    }
    switch (header->codec) {
    case WIRE_CODEC_NONE:
        got = header->wire_bytes;
        if (frame->payload != frame->raw) {
            memcpy(frame->raw, frame->payload, got);
        }
        break;
    case WIRE_CODEC_LZ4: {
        int unpacked = LZ4_decompress_safe((const char *)frame->payload, (char *)frame->raw, (int)header->wire_bytes,
                                           (int)header->raw_bytes);

        got = unpacked > 0 ? (size_t)unpacked : 0;
        break;
    }
    case WIRE_CODEC_ZSTD:
        if (!is_one_zstd_frame(frame->payload, header->wire_bytes)) {
            return -EBADMSG;
        }
        got = ZSTD_decompressDCtx(context->zstd_decompress, frame->raw, header->raw_bytes, frame->payload,
                                  header->wire_bytes);
        break;
    default:
        return -EBADMSG;
    }
    return got == header->raw_bytes ? 0 : -EBADMSG; /* an error of zstd is a number beyond every length */
}
