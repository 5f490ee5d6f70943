/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/gang-store.c and src-share.c: pages that one VM's relay sent are only named by another's, and a relay
 * that dies or a file that is not what it should be harms nobody. */
#include "wire/gang-store.h"
#include "wire/dst-decode.h"
#include "wire/src-encode.h"
#include "wire/src-share.h"

#include "page-stream.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  4096u
#define BYTES (4u << 20)

typedef struct Fixture {
    char *directory;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("godwit-gang-XXXXXX", NULL);
    g_assert_nonnull(fixture->directory);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    GDir *directory = g_dir_open(fixture->directory, 0, NULL);
    const char *name;

    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *path = g_build_filename(fixture->directory, name, NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
    }
    g_dir_close(directory);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->directory);
}

static GangStore *store_open(Fixture *fixture, GangSide side)
{
    GangStore *store = NULL;

    g_assert_cmpint(gang_store_open(&store, fixture->directory, side, PAGE, BYTES), ==, 0);
    return store;
}

static void hash_of(guint number, guint8 *hash)
{
    Rng rng = rng_new(number);

    for (guint i = 0; i < GANG_STORE_HASH_BYTES; i++) {
        hash[i] = (guint8)rng_u64(&rng);
    }
}

static void test_published_is_found_by_all(Fixture *fixture, gconstpointer data)
{
    GangStore *one = store_open(fixture, GANG_SOURCE);
    GangStore *other = store_open(fixture, GANG_SOURCE);
    guint8 hash[GANG_STORE_HASH_BYTES];
    guint64 id = gang_store_reserve(one);

    hash_of(1, hash);
    g_assert_cmpuint(id, !=, GANG_STORE_NONE);
    g_assert_cmpuint(gang_store_reserve(other), !=, id);
    g_assert_cmpuint(gang_store_find(other, hash), ==, GANG_STORE_NONE);
    gang_store_publish(one, hash, id);
    g_assert_cmpuint(gang_store_find(other, hash), ==, id);
    g_assert_cmpmem(gang_store_key(one), GANG_STORE_KEY_BYTES, gang_store_key(other), GANG_STORE_KEY_BYTES);
    hash[15] ^= 1;
    g_assert_cmpuint(gang_store_find(other, hash), ==, GANG_STORE_NONE);
    gang_store_close(one);
    gang_store_close(other);
}

static void test_destination_gives_what_was_put(Fixture *fixture, gconstpointer data)
{
    GangStore *source = store_open(fixture, GANG_SOURCE);
    GangStore *one = store_open(fixture, GANG_DESTINATION);
    GangStore *other = store_open(fixture, GANG_DESTINATION);
    guint8 page[PAGE], out[PAGE];
    guint64 id = gang_store_reserve(source);

    memset(page, 7, PAGE);
    g_assert_cmpint(gang_store_get(other, id, out), ==, -EPROTO);
    g_assert_cmpint(gang_store_put(one, id, page), ==, 0);
    g_assert_cmpint(gang_store_get(other, id, out), ==, 0);
    g_assert_cmpmem(out, PAGE, page, PAGE);
    g_assert_cmpint(gang_store_put(other, id, page), ==, -EPROTO);                                /* twice */
    g_assert_cmpint(gang_store_get(other, id + (G_GUINT64_CONSTANT(1) << 32), out), ==, -EPROTO); /* of another file */
    g_assert_cmpint(gang_store_put(other, id & G_MAXUINT32, page), ==, -EPROTO);
    g_assert_cmpint(gang_store_put(other, id | G_MAXUINT32, page), ==, -EPROTO);
    g_assert_cmpint(gang_store_put(other, 0, page), ==, -EPROTO);
    gang_store_close(source);
    gang_store_close(one);
    gang_store_close(other);
}

static void test_full_is_full(Fixture *fixture, gconstpointer data)
{
    GangStore *source = store_open(fixture, GANG_SOURCE);
    GangStore *destination = store_open(fixture, GANG_DESTINATION);
    guint8 page[PAGE] = {1};
    guint pages = 0;
    guint64 id;

    while ((id = gang_store_reserve(source)) != GANG_STORE_NONE) {
        guint8 hash[GANG_STORE_HASH_BYTES];

        hash_of(pages++, hash);
        g_assert_cmpint(gang_store_put(destination, id, page), ==, 0); /* both ends have room for as many */
        gang_store_publish(source, hash, id);
    }
    g_assert_cmpuint(pages * PAGE, <=, BYTES);
    g_assert_cmpuint(pages * PAGE, >, BYTES - BYTES / 64);
    g_assert_cmpuint(gang_store_reserve(source), ==, GANG_STORE_NONE);
    gang_store_close(source);
    gang_store_close(destination);
}

/* Children publish at the same time, and each dies in the midst of its work. */
static void test_relays_that_die_harm_nobody(Fixture *fixture, gconstpointer data)
{
    GangStore *store = store_open(fixture, GANG_SOURCE);
    pid_t children[4];
    guint found = 0;

    for (guint i = 0; i < G_N_ELEMENTS(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (guint number = 0; number < 100; number++) {
                guint8 hash[GANG_STORE_HASH_BYTES];
                guint64 id = gang_store_reserve(store);

                hash_of(number + i * 50, hash);
                gang_store_publish(store, hash, id);
            }
            gang_store_reserve(store);
            _exit(0); /* with an id that nobody will ever see */
        }
        g_assert_cmpint(children[i], >, 0);
    }
    for (guint i = 0; i < G_N_ELEMENTS(children); i++) {
        int status = 0;

        g_assert_cmpint(waitpid(children[i], &status, 0), ==, children[i]);
        g_assert_cmpint(status, ==, 0);
    }
    g_autoptr(GHashTable) ids = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (guint number = 0; number < 250; number++) {
        guint8 hash[GANG_STORE_HASH_BYTES];

        hash_of(number, hash);
        guint64 id = gang_store_find(store, hash);
        found += id != GANG_STORE_NONE && g_hash_table_add(ids, g_memdup2(&id, sizeof id));
    }
    g_assert_cmpuint(found, ==, 250);
    g_assert_cmpuint(gang_store_reserve(store), !=, GANG_STORE_NONE);
    gang_store_close(store);
}

static int status_of_open(Fixture *fixture, guint32 page_bytes, guint64 bytes_max)
{
    GangStore *store = NULL;
    int status = gang_store_open(&store, fixture->directory, GANG_DESTINATION, page_bytes, bytes_max);

    g_assert_true((status == 0) == (store != NULL));
    gang_store_close(store);
    return status;
}

static void test_strange_files_are_refused(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_build_filename(fixture->directory, "gang-destination.pages", NULL);
    g_autofree char *elsewhere = g_build_filename(fixture->directory, "elsewhere", NULL);
    struct stat status;

    g_assert_cmpint(status_of_open(fixture, PAGE, BYTES), ==, 0);
    g_assert_cmpint(status_of_open(fixture, PAGE, BYTES), ==, 0);
    g_assert_cmpint(status_of_open(fixture, PAGE, 2 * BYTES), ==, -EINVAL);
    g_assert_cmpint(status_of_open(fixture, 2 * PAGE, BYTES), ==, -EINVAL);
    g_assert_cmpint(status_of_open(fixture, 0, BYTES), ==, -EINVAL);
    g_assert_cmpint(status_of_open(fixture, PAGE, 100), ==, -EINVAL);
    g_assert_cmpint(g_stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
    g_assert_cmpint(g_chmod(path, 0644), ==, 0);
    g_assert_cmpint(status_of_open(fixture, PAGE, BYTES), ==, -EPERM);
    g_assert_cmpint(g_chmod(path, 0600), ==, 0);
    g_assert_cmpint(g_chmod(fixture->directory, 0777), ==, 0);
    g_assert_cmpint(status_of_open(fixture, PAGE, BYTES), ==, -EPERM);
    g_assert_cmpint(g_chmod(fixture->directory, 0700), ==, 0);
    g_assert_cmpint(rename(path, elsewhere), ==, 0);
    g_assert_cmpint(symlink(elsewhere, path), ==, 0);
    g_assert_cmpint(status_of_open(fixture, PAGE, BYTES), ==, -ELOOP);
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_autofree char *zeros = g_malloc0((gsize)status.st_size);
    g_assert_true(g_file_set_contents_full(path, zeros, status.st_size, 0, 0600, NULL));
    g_assert_cmpint(status_of_open(fixture, PAGE, BYTES), ==, -EINVAL);
}

/* One VM's relays and both ends of the stores. */
typedef struct Vm {
    SrcEncode *encode;
    DstDecode *decode;
    WireFrame *frame;
    guint8 *stream;
    guint64 sequence;
    guint64 raw_bytes;
} Vm;

static void vm_init(Vm *vm, const PageStream *stream, GangStore *source, GangStore *destination)
{
    SrcEncodeConfig config;
    DstDecodeConfig decode = {.page_bytes = PAGE, .gang = destination};

    memset(vm, 0, sizeof *vm);
    src_encode_config_init(&config, STREAM_BLOCKS * stream->pages * PAGE);
    config.filters |= WIRE_FILTER_SHARED;
    config.gang = source;
    g_assert_cmpint(src_encode_new(&vm->encode, &config), ==, 0);
    decode.ram_bytes = config.ram_bytes;
    decode.slots = src_encode_stats(vm->encode)->slots;
    g_assert_cmpint(dst_decode_new(&vm->decode, &decode), ==, 0);
    g_assert_cmpint(wire_frame_new(&vm->frame), ==, 0);
    vm->stream = g_malloc(WIRE_STREAM_BYTES_MAX);
    vm->sequence = 1;
}

static void vm_clear(Vm *vm)
{
    src_encode_free(vm->encode);
    dst_decode_free(vm->decode);
    wire_frame_free(vm->frame);
    g_free(vm->stream);
}

static int vm_deliver(Vm *vm)
{
    g_assert_true(src_encode_finish(vm->encode, vm->sequence++));
    vm->raw_bytes += vm->frame->header.raw_bytes;
    return dst_decode_frame(vm->decode, vm->frame, vm->stream);
}

/* Sends all pages; returns the first error of the decoder. */
static int vm_send(Vm *vm, PageStream *stream)
{
    int status = 0;

    stream->last_block = G_MAXUINT32;
    src_encode_begin(vm->encode, vm->frame);
    for (guint page = 0; page < stream->pages && status == 0; page++) {
        SrcToken token = page_stream_token(stream, 0, page, FALSE);
        gsize taken;

        if (src_encode_token(vm->encode, &stream->blocks[0], &token, &taken) == 0) {
            status = vm_deliver(vm);
            src_encode_begin(vm->encode, vm->frame);
            g_assert_cmpint(src_encode_token(vm->encode, &stream->blocks[0], &token, &taken), ==, 1);
        }
    }
    return status == 0 ? vm_deliver(vm) : status;
}

static void stream_fill(PageStream *stream, guint64 seed, guint pages)
{
    Rng rng = rng_new(seed);

    for (guint i = 0; i < pages * PAGE; i += 8) {
        guint64 word = rng_u64(&rng);

        memcpy(stream->memory + i, &word, 8);
    }
}

static void test_second_vm_names_pages_of_the_first(Fixture *fixture, gconstpointer data)
{
    GangStore *source = store_open(fixture, GANG_SOURCE);
    GangStore *destination = store_open(fixture, GANG_DESTINATION);
    PageStream stream;
    Vm first, second, third, lost;

    page_stream_init(&stream, 1, PAGE, 200);
    stream_fill(&stream, 1, 200);
    vm_init(&first, &stream, source, destination);
    vm_init(&second, &stream, source, destination);
    vm_init(&third, &stream, source, destination);
    g_assert_cmpint(vm_send(&first, &stream), ==, 0);
    g_assert_cmpuint(src_encode_stats(first.encode)->pages_raw, ==, 200);
    g_assert_cmpint(vm_send(&second, &stream), ==, 0); /* nothing is confirmed yet */
    g_assert_cmpuint(src_encode_stats(second.encode)->pages_raw, ==, 200);
    src_encode_credit(first.encode, 1); /* the first frame only */
    stream_fill(&stream, 2, 20);        /* the third has 20 pages of its own */
    g_assert_cmpint(vm_send(&third, &stream), ==, 0);
    g_assert_cmpuint(src_encode_stats(third.encode)->pages_shared, >, 20);
    g_assert_cmpuint(src_encode_stats(third.encode)->pages_shared, <, 80);
    src_encode_credit(first.encode, first.sequence);
    vm_clear(&third);
    vm_init(&third, &stream, source, destination);
    g_assert_cmpint(vm_send(&third, &stream), ==, 0);
    g_assert_cmpuint(src_encode_stats(third.encode)->pages_shared, ==, 180);
    g_assert_cmpuint(src_encode_stats(third.encode)->pages_raw, ==, 20);
    g_assert_cmpuint(third.raw_bytes, <, 20 * (PAGE + 40) + 180 * 20);
    vm_init(&lost, &stream, source, NULL); /* the destination has lost its store: an error, no other page */
    g_assert_cmpint(vm_send(&lost, &stream), ==, -EPROTO);
    vm_clear(&first);
    vm_clear(&second);
    vm_clear(&third);
    vm_clear(&lost);
    page_stream_clear(&stream);
    gang_store_close(source);
    gang_store_close(destination);
}

#define TEST(path, function) g_test_add("/gang-store/" path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("published-is-found-by-all", test_published_is_found_by_all);
    TEST("destination-gives-what-was-put", test_destination_gives_what_was_put);
    TEST("full-is-full", test_full_is_full);
    TEST("relays-that-die-harm-nobody", test_relays_that_die_harm_nobody);
    TEST("strange-files-are-refused", test_strange_files_are_refused);
    TEST("second-vm-names-pages-of-the-first", test_second_vm_names_pages_of_the_first);
    return g_test_run();
}
