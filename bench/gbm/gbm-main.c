/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of the experiment; see gbm.h.  bench/gbm/run calls it. */
#include "gbm.h"
#include "base/error.h"

#include <glib/gstdio.h>

/* Rate of dirty pages and of links: as the seed's text has them, and with its MiBps read as Mbit/s. */
typedef struct Preset {
    const char *name;
    double dirty_mib_per_s;
    double link_mib_per_s;
} Preset;

static const Preset PRESETS[] = {{"text", 100, 128}, {"bits", 1e8 / 8 / 0x1p20, 1e9 / 8 / 0x1p20}};

static gboolean fail_usage(GError **error, const char *option, const char *text, const char *wanted)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "--%s '%s': %s", option, text, wanted);
    return FALSE;
}

/* Whole numbers with commas between them, none twice. */
static gboolean parse_counts(const char *option, const char *text, guint low, guint **counts, guint *length,
                             GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    *length = g_strv_length(words);
    *counts = g_new(guint, *length + 1);
    for (guint i = 0; i < *length; i++) {
        guint64 count = 0;

        if (!g_ascii_string_to_unsigned(words[i], 10, low, 100000, &count, NULL)) {
            return fail_usage(error, option, text, "whole numbers with commas between them are wanted");
        }
        for (guint j = 0; j < i; j++) {
            if ((*counts)[j] == count) {
                return fail_usage(error, option, text, "a number is there twice");
            }
        }
        (*counts)[i] = (guint)count;
    }
    return *length > 0 || fail_usage(error, option, text, "one number at least is wanted");
}

static gboolean ascends(const char *option, const char *text, const guint *counts, guint length, GError **error)
{
    for (guint i = 1; i < length; i++) {
        if (counts[i] < counts[i - 1]) {
            return fail_usage(error, option, text, "numbers that ascend are wanted");
        }
    }
    return TRUE;
}

static gboolean parse_load(const char *text, double *load, GError **error)
{
    char *end = NULL;

    *load = g_ascii_strtod(text, &end);
    if (end == text || *end || !(*load > 0 && *load < 1)) {
        return fail_usage(error, "load", text, "a share between 0 and 1 is wanted");
    }
    return TRUE;
}

static gboolean parse_placers(const char *text, GbmConfig *config, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ",", -1);

    config->placers = g_new0(const Grouping *, g_strv_length(names) + 1);
    for (guint i = 0; names[i]; i++) {
        config->placers[i] = grouping_find(names[i], error);
        if (!config->placers[i]) {
            return FALSE;
        }
        if (!(config->placers[i]->tasks & 1u << PLACE_RELIEVE)) {
            return fail_usage(error, "placers", names[i], "it cannot relieve hosts");
        }
        config->placers_length++;
    }
    return TRUE;
}

static gboolean parse_preset(const char *text, GbmConfig *config, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(PRESETS); i++) {
        if (g_str_equal(PRESETS[i].name, text)) {
            config->dirty_mib_per_s = PRESETS[i].dirty_mib_per_s;
            config->link_mib_per_s = PRESETS[i].link_mib_per_s;
            return TRUE;
        }
    }
    return fail_usage(error, "preset", text, "it is text or bits");
}

typedef struct Words {
    char *seeds, *vms, *ports, *placers, *preset, *objective, *load, *out;
} Words;

/* In the order of Words. */
static const char *const DEFAULTS[] = {
    "10", "600,1200,1800,2400,3000", "8,12,16,14", "gbm,fpa,aco,godwit,pabfd", "text", "full", "0.65", "bench-gbm",
};

static void fill_in(Words *words)
{
    char **word = &words->seeds;

    G_STATIC_ASSERT(sizeof *words == sizeof DEFAULTS);
    for (gsize i = 0; i < G_N_ELEMENTS(DEFAULTS); i++) {
        word[i] = word[i] ? word[i] : g_strdup(DEFAULTS[i]);
    }
}

static gboolean parse_words(Words *words, GbmConfig *config, GError **error)
{
    guint *seeds = NULL, length = 0;
    gboolean ok;

    fill_in(words);
    ok = parse_counts("seeds", words->seeds, 1, &seeds, &length, error);
    config->seeds = ok ? seeds[0] : 0;
    g_free(seeds);
    config->out = words->out;
    return ok && parse_counts("vms", words->vms, 1, &config->vms, &config->vms_length, error) &&
           ascends("vms", words->vms, config->vms, config->vms_length, error) &&
           parse_load(words->load, &config->mean_load, error) &&
           parse_counts("ports", words->ports, 2, &config->ports, &config->ports_length, error) &&
           parse_placers(words->placers, config, error) && parse_preset(words->preset, config, error) &&
           objective_parse(words->objective, &config->objective, error);
}

static gboolean run(const GbmConfig *config, GError **error)
{
    g_autoptr(GbmRuns) runs = NULL;

    if (g_mkdir_with_parents(config->out, 0777) != 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "cannot make the folder %s", config->out);
        return FALSE;
    }
    runs = gbm_runs(config, error);
    if (!runs || !gbm_tables_write(runs, error) || !gbm_plots_write(runs, error)) {
        return FALSE;
    }
    g_autofree char *tables = gbm_tables_text(runs);
    g_autofree char *claims = gbm_claims_text(runs);
    g_print("%s\n%s", tables, claims);
    return TRUE;
}

int main(int argc, char **argv)
{
    Words words = {0};
    const GOptionEntry entries[] = {
        {"seeds", 0, 0, G_OPTION_ARG_STRING, &words.seeds, "how many seeds (10)", "N"},
        {"vms", 0, 0, G_OPTION_ARG_STRING, &words.vms, "numbers of VMs (600,1200,1800,2400,3000)", "N,.."},
        {"ports", 0, 0, G_OPTION_ARG_STRING, &words.ports, "ports of the fat-trees (8,12,16,14)", "K,.."},
        {"placers", 0, 0, G_OPTION_ARG_STRING, &words.placers, "(gbm,fpa,aco,godwit,pabfd)", "NAME,.."},
        {"preset", 0, 0, G_OPTION_ARG_STRING, &words.preset, "text: 100 MiB/s dirty; bits: 100 Mbit/s (text)", "NAME"},
        {"objective", 0, 0, G_OPTION_ARG_STRING, &words.objective, "full or seed (full)", "NAME"},
        {"load", 0, 0, G_OPTION_ARG_STRING, &words.load, "mean load of VMs (0.65)", "SHARE"},
        {"out", 0, 0, G_OPTION_ARG_FILENAME, &words.out, "folder for the results (bench-gbm)", "DIR"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- the experiment of seed 003");
    g_autoptr(GError) error = NULL;
    GbmConfig config = {0};
    int status = 2;

    g_option_context_add_main_entries(context, entries, NULL);
    if (g_option_context_parse(context, &argc, &argv, &error) && parse_words(&words, &config, &error)) {
        status = run(&config, &error) ? 0 : 1;
    }
    if (error) {
        g_printerr("gbm-bench: %s\n", error->message);
    }
    g_free(config.ports);
    g_free(config.vms);
    g_free(config.placers);
    for (char **word = &words.seeds; word <= &words.out; word++) {
        g_free(*word);
    }
    return status;
}
