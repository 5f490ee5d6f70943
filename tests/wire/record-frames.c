/* SPDX-License-Identifier: Apache-2.0
 *
 * Records what a source relay would say on one channel about a stream of QEMU:
 *
 *     record-frames [OPTION...] < STREAM > FRAMES
 *
 * The real parser, encoder and codecs, without sockets, threads or time: HELLO, DATA..., END, as they are before TLS.
 * tests/wire/read-frames makes the stream of it again.  The slots of HELLO are those that the encoder was given. */
#include "wire/codec.h"
#include "wire/src-encode.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

typedef struct Recorder {
    SrcParse *parse;
    SrcEncode *encode;
    CodecPool *pool; /* works in our thread */
    WireFrame *frame;
    uint64_t sequence;
    uint32_t frame_raw_bytes; /* a frame is finished when it has so many */
} Recorder;

static int write_all(const void *bytes, size_t length)
{
    return fwrite(bytes, 1, length, stdout) == length ? 0 : -1;
}

static int write_frame(Recorder *recorder)
{
    WireFrame *frame = recorder->frame;

    if (codec_pool_submit(recorder->pool, frame) != 0 || codec_pool_next(recorder->pool) != frame) {
        return -1;
    }
    recorder->sequence++;
    return write_all(frame->wire, WIRE_HEADER_BYTES) == 0 ? write_all(frame->payload, frame->header.wire_bytes) : -1;
}

static int write_control(Recorder *recorder, WireFrameType type, uint32_t raw_bytes)
{
    recorder->frame->header = (WireHeader){
        .type = (uint8_t)type, .raw_bytes = raw_bytes, .wire_bytes = raw_bytes, .sequence = recorder->sequence};
    return write_frame(recorder);
}

static int write_hello(Recorder *recorder, const SrcEncodeConfig *config)
{
    WireHello hello = {.version_lowest = WIRE_VERSION,
                       .version_highest = WIRE_VERSION,
                       .channels = 1,
                       .slots = config->slots_max,
                       .page_bytes = config->page_bytes,
                       .flags = config->is_forgetful ? WIRE_HELLO_FORGETFUL : 0};

    wire_hello_write(&hello, recorder->frame->raw);
    return write_control(recorder, WIRE_HELLO, WIRE_HELLO_BYTES);
}

/* Ends the frame that was begun, if there is anything in it, and begins another. */
static int next_frame(Recorder *recorder)
{
    int status = src_encode_finish(recorder->encode, recorder->sequence) ? write_frame(recorder) : 0;

    src_encode_begin(recorder->encode, recorder->frame);
    return status;
}

static int add_token(Recorder *recorder, SrcToken token)
{
    for (;;) {
        size_t taken = 0;
        int added = src_encode_add(recorder->encode, recorder->parse, &token, &taken);

        if (added == 1) {
            return src_encode_raw_bytes(recorder->encode) >= recorder->frame_raw_bytes ? next_frame(recorder) : 0;
        }
        if (added < 0 || next_frame(recorder) != 0) {
            return -1;
        }
        token.bytes += taken;
        token.length -= taken;
    }
}

static int record(Recorder *recorder, const SrcEncodeConfig *config, const uint8_t *bytes, size_t length)
{
    SrcToken token;
    size_t at = 0;
    int status = write_hello(recorder, config);

    src_encode_begin(recorder->encode, recorder->frame);
    while (status == 0 && src_parse_next(recorder->parse, bytes + at, length - at, &token) == 1) {
        status = add_token(recorder, token);
        at += token.length;
    }
    if (status == 0 && at < length) {
        src_parse_flush(recorder->parse, bytes + at, length - at, &token);
        status = add_token(recorder, token);
    }
    if (status == 0) {
        status = next_frame(recorder);
    }
    return status == 0 ? write_control(recorder, WIRE_END, 0) : status;
}

static GByteArray *read_all(FILE *file)
{
    GByteArray *bytes = g_byte_array_new();
    guint8 some[65536];
    size_t got;

    while ((got = fread(some, 1, sizeof some, file)) > 0) {
        g_byte_array_append(bytes, some, (guint)got);
    }
    return bytes;
}

static uint32_t capabilities_of(const char *names)
{
    static const struct {
        const char *name;
        SrcCapability capability;
    } known[] = {
        {"xbzrle", SRC_CAPABILITY_XBZRLE},
        {"postcopy-ram", SRC_CAPABILITY_POSTCOPY_RAM},
        {"multifd", SRC_CAPABILITY_MULTIFD},
        {"postcopy-preempt", SRC_CAPABILITY_POSTCOPY_PREEMPT},
        {"compress", SRC_CAPABILITY_COMPRESS},
        {"x-ignore-shared", SRC_CAPABILITY_IGNORE_SHARED},
        {"dirty-bitmaps", SRC_CAPABILITY_DIRTY_BITMAPS},
    };
    g_auto(GStrv) wanted = g_strsplit(names ? names : "", ",", -1);
    uint32_t capabilities = SRC_CAPABILITY_RETURN_PATH;

    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        capabilities |= g_strv_contains((const char *const *)wanted, known[i].name) ? (uint32_t)known[i].capability : 0;
    }
    return capabilities;
}

typedef struct Options {
    char *codec, *capabilities;
    int page_bytes, ram_mib, memory_mib, filters, frame_kib;
    gboolean hashes;
} Options;

static gboolean options_parse(Options *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"codec", 0, 0, G_OPTION_ARG_STRING, &options->codec, "of codec_levels (none)", "NAME"},
        {"capabilities", 0, 0, G_OPTION_ARG_STRING, &options->capabilities, "QEMU's, that change the stream", "LIST"},
        {"page-size", 0, 0, G_OPTION_ARG_INT, &options->page_bytes, "of the target (4096)", "BYTES"},
        {"ram", 0, 0, G_OPTION_ARG_INT, &options->ram_mib, "of the guest, all blocks (64)", "MIB"},
        {"memory", 0, 0, G_OPTION_ARG_INT, &options->memory_mib, "for the dictionary (enough for all pages)", "MIB"},
        {"filters", 0, 0, G_OPTION_ARG_INT, &options->filters, "bits of WireFilter (the default ones)", "BITS"},
        {"hashes", 0, 0, G_OPTION_ARG_NONE, &options->hashes, "keep hashes of pages instead of copies", NULL},
        {"frame", 0, 0, G_OPTION_ARG_INT, &options->frame_kib, "of operations in a frame (128)", "KIB"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("< STREAM > FRAMES - record what a source relay would say");

    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

static int run(const Options *options, const CodecLevel *level)
{
    g_autoptr(GByteArray) stream = read_all(stdin);
    SrcParseConfig parse = {.capabilities = capabilities_of(options->capabilities),
                            .page_bytes = (uint32_t)options->page_bytes};
    SrcEncodeConfig encode;
    Recorder recorder = {.frame_raw_bytes = (uint32_t)options->frame_kib * 1024};
    int status;

    src_encode_config_init(&encode, (uint64_t)options->ram_mib << 20);
    encode.page_bytes = parse.page_bytes;
    encode.filters = options->filters >= 0 ? (uint32_t)options->filters : encode.filters;
    encode.page_memory = options->hashes ? WIRE_PAGE_MEMORY_HASH : WIRE_PAGE_MEMORY_FULL;
    if (options->memory_mib > 0) {
        encode.memory_bytes_max = (uint64_t)options->memory_mib << 20;
    }
    encode.is_forgetful = src_encode_is_forgetful(&encode);
    encode.slots_max = src_encode_slots_for(&encode);
    status = src_parse_new(&recorder.parse, &parse);
    status = status ? status : src_encode_new(&recorder.encode, &encode);
    status = status ? status : codec_pool_new(&recorder.pool, CODEC_COMPRESS, 0, 1);
    status = status ? status : wire_frame_new(&recorder.frame);
    if (status == 0) {
        codec_pool_set_level(recorder.pool, level);
        status = record(&recorder, &encode, stream->data, stream->len);
    }
    src_parse_free(recorder.parse);
    src_encode_free(recorder.encode);
    codec_pool_free(recorder.pool);
    wire_frame_free(recorder.frame);
    return status;
}

int main(int argc, char **argv)
{
    Options options = {.page_bytes = 4096, .ram_mib = 64, .filters = -1, .frame_kib = 128};
    g_autoptr(GError) error = NULL;
    const CodecLevel *level;
    int status;

    if (!options_parse(&options, &argc, &argv, &error)) {
        fprintf(stderr, "record-frames: %s; see record-frames --help\n", error->message);
        return 2;
    }
    level = codec_level_find(options.codec ? options.codec : "none");
    if (!level) {
        fprintf(stderr, "record-frames: no codec is called %s\n", options.codec);
        return 2;
    }
    status = run(&options, level);
    if (status != 0 || fflush(stdout) != 0) {
        fprintf(stderr, "record-frames: failed: %s\n", status < -1 ? strerror(-status) : "cannot write or encode");
        return 1;
    }
    g_free(options.codec);
    g_free(options.capabilities);
    return 0;
}
