/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of `godwit relay`; see cli-options.h. */
#include "base/error.h"
#include "base/units.h"
#include "cli/cli-options.h"
#include "cli/cli-table.h"

static gboolean keep(char **place, const char *text, GError **error)
{
    if (!text[0]) {
        return cli_value_fail(error, text, "a value: it is empty");
    }
    g_free(*place);
    *place = g_strdup(text);
    return TRUE;
}

#define KEEP(member)                                                                                                   \
    static gboolean set_##member(CliOptions *options, const char *text, GError **error)                                \
    {                                                                                                                  \
        return keep(&options->relay.member, text, error);                                                              \
    }
KEEP(socket_path)
KEEP(listen)
KEEP(peer)
KEEP(key_path)
KEEP(vm)
KEEP(socket_owner)
KEEP(gang_directory)

typedef struct NamedBit {
    const char *name;
    guint32 bit;
} NamedBit;

static const NamedBit FILTERS[] = {
    {"zero", WIRE_FILTER_ZERO},           {"same", WIRE_FILTER_SAME},     {"segments", WIRE_FILTER_SEGMENTS},
    {"duplicate", WIRE_FILTER_DUPLICATE}, {"shared", WIRE_FILTER_SHARED}, {"all", WIRE_FILTERS_DEFAULT},
    {"none", 0},
};

/* As QEMU calls them; those that do not change the stream have no bit. */
static const NamedBit CAPABILITIES[] = {
    {"return-path", SRC_CAPABILITY_RETURN_PATH},
    {"xbzrle", SRC_CAPABILITY_XBZRLE},
    {"postcopy-ram", SRC_CAPABILITY_POSTCOPY_RAM},
    {"postcopy-preempt", SRC_CAPABILITY_POSTCOPY_PREEMPT},
    {"multifd", SRC_CAPABILITY_MULTIFD},
    {"compress", SRC_CAPABILITY_COMPRESS},
    {"x-ignore-shared", SRC_CAPABILITY_IGNORE_SHARED},
    {"mapped-ram", SRC_CAPABILITY_MAPPED_RAM},
    {"dirty-bitmaps", SRC_CAPABILITY_DIRTY_BITMAPS},
    {"switchover-ack", SRC_CAPABILITY_SWITCHOVER_ACK},
};

static const NamedBit *find_bit(const NamedBit *bits, gsize length, const char *name)
{
    for (gsize i = 0; i < length; i++) {
        if (g_str_equal(bits[i].name, name)) {
            return &bits[i];
        }
    }
    return NULL;
}

static gboolean set_filters(CliOptions *options, const char *text, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    options->relay.filters = 0;
    options->relay.has_filters = TRUE;
    for (guint i = 0; words[i]; i++) {
        const NamedBit *found = find_bit(FILTERS, G_N_ELEMENTS(FILTERS), words[i]);

        if (!found) {
            return cli_value_fail(error, words[i], "a filter; one of: zero, same, segments, duplicate, shared, all, none");
        }
        options->relay.filters |= found->bit;
    }
    return TRUE;
}

/* QEMU has capabilities that do not change the stream; only a word that cannot be one is refused. */
static gboolean set_capabilities(CliOptions *options, const char *text, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    options->relay.capabilities = 0;
    for (guint i = 0; words[i]; i++) {
        const NamedBit *found = find_bit(CAPABILITIES, G_N_ELEMENTS(CAPABILITIES), words[i]);

        if (!words[i][0] || strspn(words[i], "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(words[i])) {
            return cli_value_fail(error, words[i], "the name of a capability of QEMU, like return-path");
        }
        options->relay.capabilities |= found ? found->bit : 0;
    }
    return TRUE;
}

static gboolean set_codec(CliOptions *options, const char *text, GError **error)
{
    options->relay.codec = codec_level_find(text);
    if (options->relay.codec || g_str_equal(text, "auto")) {
        return TRUE;
    }
    g_autoptr(GString) names = g_string_new("a codec; one of: auto");
    for (gsize i = 0; i < codec_levels_length; i++) {
        g_string_append_printf(names, ", %s", codec_levels[i].name);
    }
    return cli_value_fail(error, text, names->str);
}

static gboolean set_number(const char *text, guint64 least, guint64 most, guint *place, GError **error)
{
    guint64 number = 0;

    if (!g_ascii_string_to_unsigned(text, 10, least, most, &number, NULL)) {
        g_autofree char *wanted =
            g_strdup_printf("a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, least, most);
        return cli_value_fail(error, text, wanted);
    }
    *place = (guint)number;
    return TRUE;
}

static gboolean set_threads(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 0, 64, &options->relay.threads, error);
}

static gboolean set_gap_merge(CliOptions *options, const char *text, GError **error)
{
    options->relay.has_gap_merge = TRUE;
    return set_number(text, 0, 4096, &options->relay.gap_merge_bytes, error);
}

static gboolean set_segments_max(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 1, WIRE_SEGMENTS_MAX, &options->relay.segments_max, error);
}

static gboolean set_hash_block(CliOptions *options, const char *text, GError **error)
{
    if (!g_str_equal(text, "64") && !g_str_equal(text, "128")) {
        return cli_value_fail(error, text, "64 or 128");
    }
    options->relay.hash_block_bytes = g_str_equal(text, "64") ? 64 : 128;
    return TRUE;
}

static gboolean set_page_memory(CliOptions *options, const char *text, GError **error)
{
    options->relay.is_hash_memory = g_str_equal(text, "hash");
    options->relay.has_page_memory = options->relay.is_hash_memory || g_str_equal(text, "full");
    return options->relay.has_page_memory || g_str_equal(text, "auto") || cli_value_fail(error, text, "auto, full or hash");
}

static gboolean set_on_overrun(CliOptions *options, const char *text, GError **error)
{
    options->relay.finishes_on_overrun = g_str_equal(text, "finish");
    return options->relay.finishes_on_overrun || g_str_equal(text, "abort") ||
           cli_value_fail(error, text, "abort or finish");
}

static gboolean set_memory(CliOptions *options, const char *text, GError **error)
{
    return size_parse(text, &options->relay.memory_bytes, error);
}

static gboolean set_ram(CliOptions *options, const char *text, GError **error)
{
    return size_parse(text, &options->relay.ram_bytes, error) &&
           (options->relay.ram_bytes > 0 || cli_value_fail(error, text, "a size above 0"));
}

static gboolean set_page_size(CliOptions *options, const char *text, GError **error)
{
    guint64 bytes = 0;

    if (!size_parse(text, &bytes, error)) {
        return FALSE;
    }
    if (bytes < WIRE_PAGE_BYTES_MIN || bytes > WIRE_PAGE_BYTES_MAX || (bytes & (bytes - 1)) != 0) {
        return cli_value_fail(error, text, "a power of two from 1K to 64K");
    }
    options->relay.page_bytes = (guint)bytes;
    return TRUE;
}

static gboolean set_rate(CliOptions *options, const char *text, GError **error)
{
    return rate_parse(text, &options->relay.rate_bytes_per_s, error);
}

static gboolean set_link(CliOptions *options, const char *text, GError **error)
{
    return rate_parse(text, &options->relay.link_bytes_per_s, error);
}

static gboolean set_downtime_limit(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->relay.downtime_limit_ns, error);
}

static gboolean set_watchdog(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->relay.watchdog_ns, error);
}

static gboolean set_accept_timeout(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->relay.accept_timeout_ns, error);
}

const CliOption CLI_RELAY_OPTIONS[] = {
    {CLI_GROUP_RELAY, 0, "socket", "PATH",
     "QEMU's unix socket: the source listens on it (mode 0600, in a directory in which nobody else may write), the destination "
     "connects to it as soon as QEMU listens",
     set_socket_path},
    {CLI_GROUP_RELAY, 0, "listen", "HOST:PORT", "destination: where it waits for the other relay; port 0 is any", set_listen},
    {CLI_GROUP_RELAY, 0, "peer", "HOST:PORT", "source: where the other relay listens", set_peer},
    {CLI_GROUP_RELAY, 0, "key-file", "FILE",
     "the key of this migration, 64 hexadecimal digits, the same for both; a file that nobody else may read, or - for "
     "the first line of standard input",
     set_key_path},
    {CLI_GROUP_RELAY, 0, "ram", "SIZE", "the guest's memory, hotplug included: tables are made for it (destination: as much as the host has)", set_ram},
    {CLI_GROUP_RELAY, 0, "vm", "NAME", "for messages", set_vm},
    {CLI_GROUP_RELAY, 0, "capabilities", "LIST",
     "QEMU's migration capabilities that are on, as QEMU calls them; return-path must be among them (return-path)",
     set_capabilities},
    {CLI_GROUP_RELAY, 0, "page-size", "SIZE", "of the guest's architecture (4K)", set_page_size},
    {CLI_GROUP_RELAY, 0, "filters", "LIST",
     "what is done with pages: zero, same, segments, duplicate, shared, all (all but shared), none (all; with "
     "--gang-directory shared, too)",
     set_filters},
    {CLI_GROUP_RELAY, 0, "codec", "auto|NAME", "how frames are compressed: none, lz4, zstd-1 ...; auto picks it again and again (auto)",
     set_codec},
    {CLI_GROUP_RELAY, 0, "threads", "N", "that compress or decompress (as many as there are processors, at most 4)",
     set_threads},
    {CLI_GROUP_RELAY, 0, "memory", "SIZE",
     "for pages that are remembered; never more than half of what the host has free (the guest's memory and its tables)",
     set_memory},
    {CLI_GROUP_RELAY, 0, "page-memory", "auto|full|hash",
     "source: copies of all pages, or hashes of their blocks and copies of those that were sent again; auto: full when there is room (auto)",
     set_page_memory},
    {CLI_GROUP_RELAY, 0, "hash-block", "64|128", "bytes of a page that share one hash (what fits)", set_hash_block},
    {CLI_GROUP_RELAY, 0, "gap-merge", "N", "segments with at most so many unchanged bytes between them become one (4)",
     set_gap_merge},
    {CLI_GROUP_RELAY, 0, "segments-max", "N", "segments of a page, before changed words are sent instead (64)",
     set_segments_max},
    {CLI_GROUP_RELAY, 0, "rate", "RATE", "never send faster (0: no limit)", set_rate},
    {CLI_GROUP_RELAY, 0, "link", "RATE", "what the link carries, if it is known (measured)", set_link},
    {CLI_GROUP_RELAY, 0, "downtime-limit", "TIME", "the one that QEMU has (300ms)", set_downtime_limit},
    {CLI_GROUP_RELAY, 0, "on-overrun", "abort|finish",
     "source: when the pause is going to exceed its limit by more than 20 ms: give up, so that the guest runs on at the source, or "
     "go on (abort)",
     set_on_overrun},
    {CLI_GROUP_RELAY, 0, "watchdog", "TIME",
     "source: give up when nothing moves for so long beyond the downtime limit while the guest stands still (2s)", set_watchdog},
    {CLI_GROUP_RELAY, 0, "socket-owner", "USER", "source: who QEMU runs as, if not as this user", set_socket_owner},
    {CLI_GROUP_RELAY, 0, "gang-directory", "DIR",
     "where relays of one gang keep pages that their VMs have in common; read about what that tells one VM about another",
     set_gang_directory},
    {CLI_GROUP_RELAY, 0, "accept-timeout", "TIME", "give up when QEMU or the other relay has not come after so long (300s)",
     set_accept_timeout},
};
const guint CLI_RELAY_OPTIONS_LENGTH = G_N_ELEMENTS(CLI_RELAY_OPTIONS);

void cli_relay_init(CliRelay *relay)
{
    relay->capabilities = SRC_CAPABILITY_RETURN_PATH;
    relay->page_bytes = 4096;
    relay->threads = MIN(g_get_num_processors(), 4);
    relay->downtime_limit_ns = 300 * NS_PER_MS;
    relay->watchdog_ns = 2 * NS_PER_S;
    relay->accept_timeout_ns = 300 * NS_PER_S;
    relay->segments_max = WIRE_SEGMENTS_MAX;
}

void cli_relay_clear(CliRelay *relay)
{
    g_free(relay->socket_path);
    g_free(relay->listen);
    g_free(relay->peer);
    g_free(relay->key_path);
    g_free(relay->vm);
    g_free(relay->socket_owner);
    g_free(relay->gang_directory);
}
