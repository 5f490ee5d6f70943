/* SPDX-License-Identifier: Apache-2.0
 *
 * The golden streams of tests/corpus/wire-streams, for tests: what real QEMUs said, and what they counted while they
 * said it. */
#pragma once

#include <glib.h>
#include <zstd.h>

#include "wire/src-parse.h"

#define WIRE_STREAMS_DIR CORPUS_DIR "/wire-streams"

typedef struct WireStream {
    char *name;            /* "qemu10.0-postcopy" */
    SrcParseConfig config; /* of the main channel */
    GPtrArray *channels;   /* of GBytes: what the source said on each connection, the main one first */
    guint64 passes, normal_pages, zero_pages, xbzrle_pages; /* as QEMU counted */
    gboolean is_counted;                                    /* by the recorder, too: */
    guint64 counted_pages, counted_zero, counted_other;
    gboolean is_postcopy;
} WireStream;

static inline void wire_stream_free(WireStream *stream)
{
    g_free(stream->name);
    g_ptr_array_unref(stream->channels);
    g_free(stream);
}

static inline GBytes *wire_stream_channel(const char *file, gsize bytes_wanted)
{
    g_autofree char *path = g_build_filename(WIRE_STREAMS_DIR, file, NULL);
    g_autofree char *packed = NULL;
    gsize packed_bytes = 0;
    g_autoptr(GError) error = NULL;
    guint8 *bytes = g_malloc(bytes_wanted + 1);

    g_file_get_contents(path, &packed, &packed_bytes, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(ZSTD_decompress(bytes, bytes_wanted, packed, packed_bytes), ==, bytes_wanted);
    return g_bytes_new_take(bytes, bytes_wanted);
}

static inline uint32_t wire_stream_capabilities(const char *const *names)
{
    static const struct {
        const char *name;
        SrcCapability capability;
    } known[] = {
        {"xbzrle", SRC_CAPABILITY_XBZRLE},
        {"postcopy-ram", SRC_CAPABILITY_POSTCOPY_RAM},
        {"postcopy-preempt", SRC_CAPABILITY_POSTCOPY_PREEMPT},
        {"multifd", SRC_CAPABILITY_MULTIFD},
        {"compress", SRC_CAPABILITY_COMPRESS},
        {"x-ignore-shared", SRC_CAPABILITY_IGNORE_SHARED},
        {"dirty-bitmaps", SRC_CAPABILITY_DIRTY_BITMAPS},
    };
    uint32_t capabilities = SRC_CAPABILITY_RETURN_PATH;

    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        capabilities |= g_strv_contains(names, known[i].name) ? known[i].capability : 0;
    }
    return capabilities;
}

static inline WireStream *wire_stream_load(GKeyFile *index, const char *name)
{
    WireStream *stream = g_new0(WireStream, 1);
    g_auto(GStrv) files = g_key_file_get_string_list(index, name, "files", NULL, NULL);
    g_auto(GStrv) sizes = g_key_file_get_string_list(index, name, "bytes", NULL, NULL);
    g_auto(GStrv) capabilities = g_key_file_get_string_list(index, name, "capabilities", NULL, NULL);
    const char *const none[] = {NULL};

    g_assert_nonnull(files);
    stream->name = g_strdup(name);
    stream->config.capabilities =
        wire_stream_capabilities(capabilities != NULL ? (const char *const *)capabilities : none);
    stream->config.page_bytes = (uint32_t)g_key_file_get_uint64(index, name, "target_page_bytes", NULL);
    stream->passes = g_key_file_get_uint64(index, name, "passes", NULL);
    stream->normal_pages = g_key_file_get_uint64(index, name, "normal_pages", NULL);
    stream->zero_pages = g_key_file_get_uint64(index, name, "zero_pages", NULL);
    stream->xbzrle_pages = g_key_file_get_uint64(index, name, "xbzrle_pages", NULL);
    stream->is_counted = g_key_file_has_key(index, name, "counted_pages", NULL);
    stream->counted_pages = g_key_file_get_uint64(index, name, "counted_pages", NULL);
    stream->counted_zero = g_key_file_get_uint64(index, name, "counted_zero", NULL);
    stream->counted_other = g_key_file_get_uint64(index, name, "counted_other", NULL);
    stream->is_postcopy = g_key_file_get_boolean(index, name, "postcopy", NULL);
    stream->channels = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    for (guint i = 0; files[i] != NULL; i++) {
        g_ptr_array_add(stream->channels, wire_stream_channel(files[i], g_ascii_strtoull(sizes[i], NULL, 10)));
    }
    return stream;
}

/* All of them, of WireStream. */
static inline GPtrArray *wire_streams_load(void)
{
    GPtrArray *streams = g_ptr_array_new_with_free_func((GDestroyNotify)wire_stream_free);
    g_autoptr(GKeyFile) index = g_key_file_new();
    g_auto(GStrv) names = NULL;
    g_autoptr(GError) error = NULL;

    g_key_file_load_from_file(index, WIRE_STREAMS_DIR "/streams.ini", G_KEY_FILE_NONE, &error);
    g_assert_no_error(error);
    names = g_key_file_get_groups(index, NULL);
    for (guint i = 0; names[i] != NULL; i++) {
        g_ptr_array_add(streams, wire_stream_load(index, names[i]));
    }
    g_assert_cmpuint(streams->len, >, 0);
    return streams;
}
