/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of `godwit relay choose`; see cli-options.h. */
#include "base/error.h"
#include "base/units.h"
#include "cli/cli-table.h"

#include <math.h>

static gboolean set_ram(CliOptions *options, const char *text, GError **error)
{
    return size_parse(text, &options->way.ram_bytes, error) &&
           (options->way.ram_bytes > 0 || cli_value_fail(error, text, "a size above 0"));
}

static gboolean set_link(CliOptions *options, const char *text, GError **error)
{
    return rate_parse(text, &options->way.link_bytes_per_s, error) &&
           (options->way.link_bytes_per_s > 0 || cli_value_fail(error, text, "a rate above 0"));
}

static gboolean set_downtime_limit(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->way.downtime_limit_ns, error);
}

static gboolean set_number(const char *text, double most, const char *wanted, double *place, GError **error)
{
    char *end = NULL;
    double number = g_ascii_strtod(text, &end);

    if (end == text || *end || !isfinite(number) || number < 0 || number > most) {
        return cli_value_fail(error, text, wanted);
    }
    *place = number;
    return TRUE;
}

static gboolean set_dirty_pages(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 1e12, "a number of pages per second, 0 or more", &options->way.dirty_pages_per_s, error);
}

static gboolean set_dirty_bytes(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 4096, "a number of bytes from 0 to 4096", &options->way.dirty_bytes_per_page, error);
}

static gboolean set_working_set(CliOptions *options, const char *text, GError **error)
{
    guint64 bytes = 0;

    if (!size_parse(text, &bytes, error)) {
        return FALSE;
    }
    options->way.working_set_bytes = (double)bytes;
    return TRUE;
}

static gboolean set_used_share(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 1, "a share from 0 to 1", &options->way.used_share, error);
}

static gboolean set_compressed_share(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 1, "a share from 0 to 1", &options->way.compressed_share, error);
}

static gboolean set_source_cpus(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 1e6, "a number of cores, 0 or more", &options->way.source_free_cpus, error);
}

static gboolean set_destination_cpus(CliOptions *options, const char *text, GError **error)
{
    return set_number(text, 1e6, "a number of cores, 0 or more", &options->way.destination_free_cpus, error);
}

static gboolean set_memory(CliOptions *options, const char *text, GError **error)
{
    options->way.has_memory = TRUE;
    return size_parse(text, &options->way.memory_bytes, error);
}

static gboolean set_algorithm(CliOptions *options, const char *text, GError **error)
{
    return algorithm_parse(text, &options->way.algorithm, error);
}

const CliOption CLI_WAY_OPTIONS[] = {
    {CLI_GROUP_WAY, 0, "ram", "SIZE", "the guest's memory", set_ram},
    {CLI_GROUP_WAY, 0, "link", "RATE", "what the link carries, or this migration's share of it", set_link},
    {CLI_GROUP_WAY, 0, "downtime-limit", "TIME", "longest pause of the guest that a pre-copy may cause (300ms)",
     set_downtime_limit},
    {CLI_GROUP_WAY, 0, "dirty-pages", "N", "pages of 4 KiB that the guest writes per second", set_dirty_pages},
    {CLI_GROUP_WAY, 0, "dirty-bytes", "N", "bytes that change in a page that is written (4096: the whole page)",
     set_dirty_bytes},
    {CLI_GROUP_WAY, 0, "working-set", "SIZE", "memory that it keeps writing to (all of its memory)", set_working_set},
    {CLI_GROUP_WAY, 0, "used-share", "SHARE", "of its memory that is not zero, 0 to 1 (assumed)", set_used_share},
    {CLI_GROUP_WAY, 0, "compressed-share", "SHARE", "what zstd leaves of memory that is not zero, 0 to 1 (assumed)",
     set_compressed_share},
    {CLI_GROUP_WAY, 0, "source-cpus", "N", "cores that are free at the source (1)", set_source_cpus},
    {CLI_GROUP_WAY, 0, "destination-cpus", "N", "cores that are free at the destination (1)", set_destination_cpus},
    {CLI_GROUP_WAY, 0, "memory", "SIZE", "that each relay may keep of pages it has sent (all of them)", set_memory},
    {CLI_GROUP_WAY, 0, "algorithm", "NAME", "pre-copy, post-copy or hybrid (pre-copy)", set_algorithm},
};
const guint CLI_WAY_OPTIONS_LENGTH = G_N_ELEMENTS(CLI_WAY_OPTIONS);

void cli_way_init(CliWay *way)
{
    *way = (CliWay){.algorithm = ALGORITHM_PRE_COPY,
                    .downtime_limit_ns = 300 * NS_PER_MS,
                    .dirty_pages_per_s = NAN,
                    .dirty_bytes_per_page = NAN,
                    .working_set_bytes = NAN,
                    .used_share = NAN,
                    .compressed_share = NAN,
                    .source_free_cpus = NAN,
                    .destination_free_cpus = NAN};
}
