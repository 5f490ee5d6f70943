/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of placers, their options and what they answer; see grouping.h. */
#include "place/grouping.h"
#include "base/error.h"
#include "place/grouping-list.h"

#include <math.h>

NAMED_ENUM_DEFINE(PlaceTaskKind, place_task_kind, PLACE_TASKS)
NAMED_ENUM_DEFINE(Objective, objective, OBJECTIVES)
NAMED_ENUM_DEFINE(Norm, norm, NORMS)
NAMED_ENUM_DEFINE(DocVariant, doc_variant, DOC_VARIANTS)
NAMED_ENUM_DEFINE(GroupTransfer, group_transfer, GROUP_TRANSFERS)

#define DECLARE_PLACER(symbol) extern const Grouping symbol;
#define PLACER_ROW(symbol) &symbol,

GROUPING_LIST(DECLARE_PLACER)

static const Grouping *const GROUPINGS[] = {GROUPING_LIST(PLACER_ROW) NULL};

const Grouping *const *groupings(void)
{
    return GROUPINGS;
}

const Grouping *grouping_find(const char *name, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; GROUPINGS[i]; i++) {
        if (g_strcmp0(GROUPINGS[i]->name, name) == 0) {
            return GROUPINGS[i];
        }
        g_string_append_printf(names, "%s%s", i ? ", " : "", GROUPINGS[i]->name);
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "'%s' is no placer; it is one of: %s", name ? name : "",
                names->str);
    return NULL;
}

/* Seed 003 section 3.2. */
void place_options_init(PlaceOptions *options)
{
    *options = (PlaceOptions){
        .objective = OBJECTIVE_FULL,
        .norm = NORM_REF,
        .gamma = 0.5,
        .weights = {1.0 / 3, 1.0 / 3, 1.0 / 3},
        .safe_low = 0.5,
        .safe_high = 0.8,
        .theta = 0.4,
        .doc = DOC_COMPONENT,
        .transfer = TRANSFER_SERIAL,
        .bandwidth_mib_per_s = 128,
        .exact_vms = 14,
        .exact_group = 10,
        .seed = 1,
        .effort = 100,
    };
    passes_rules_init(&options->passes);
}

typedef struct Preset {
    const char *name;
    double safe_low;
    double safe_high;
    double theta;
    Objective objective;
} Preset;

static const Preset PRESETS[] = {
    {"experiment", 0.5, 0.8, 0.4, OBJECTIVE_FULL},
    {"experiment-seed", 0.5, 0.8, 0.4, OBJECTIVE_SEED},
    {"example", 0.5, 0.6, 0.5, OBJECTIVE_FULL},
    {"example-seed", 0.5, 0.6, 0.5, OBJECTIVE_SEED},
};

const char *place_preset_name(guint index)
{
    return index < G_N_ELEMENTS(PRESETS) ? PRESETS[index].name : NULL;
}

gboolean place_options_preset(PlaceOptions *options, const char *name, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(PRESETS); i++) {
        const Preset *preset = &PRESETS[i];

        if (g_strcmp0(preset->name, name) == 0) {
            options->safe_low = preset->safe_low;
            options->safe_high = preset->safe_high;
            options->theta = preset->theta;
            options->objective = preset->objective;
            return TRUE;
        }
        g_string_append_printf(names, "%s%s", i ? ", " : "", preset->name);
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "'%s' is no preset of a placer; it is one of: %s",
                name ? name : "", names->str);
    return FALSE;
}

static gboolean is_share(double value)
{
    return value >= 0 && value <= 1; /* not when NaN */
}

static gboolean check_weights(const PlaceOptions *options, GError **error)
{
    double sum = options->weights[0] + options->weights[1] + options->weights[2];

    if (!is_share(options->weights[0]) || !is_share(options->weights[1]) || !is_share(options->weights[2]) ||
        fabs(sum - 1) > 1e-6) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                    "weights of migration, energy and communication are %g, %g, %g; give three numbers in 0..1 that "
                    "sum to 1",
                    options->weights[0], options->weights[1], options->weights[2]);
        return FALSE;
    }
    return TRUE;
}

gboolean place_options_check(const PlaceOptions *options, GError **error)
{
    if (!is_share(options->safe_low) || !(options->safe_high <= 1) || !(options->safe_low < options->safe_high)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                    "safe range %g..%g: give two shares of a host, the lower one first, for instance 0.5..0.8",
                    options->safe_low, options->safe_high);
        return FALSE;
    }
    if (!is_share(options->gamma) || !is_share(options->theta)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "%s is %g; give a number in 0..1",
                    is_share(options->gamma) ? "theta" : "gamma",
                    is_share(options->gamma) ? options->theta : options->gamma);
        return FALSE;
    }
    if (!isfinite(options->bandwidth_mib_per_s) || options->bandwidth_mib_per_s < 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "bandwidth of a migration is %g MiB/s; give one above 0",
                    options->bandwidth_mib_per_s);
        return FALSE;
    }
    return check_weights(options, error);
}

static void move_clear(gpointer data)
{
    g_free(((PlaceMove *)data)->why);
}

static void reason_clear(gpointer data)
{
    g_free(((PlaceReason *)data)->what);
}

PlaceResult *place_result_new(void)
{
    PlaceResult *result = g_new0(PlaceResult, 1);

    result->moves = g_array_new(FALSE, TRUE, sizeof(PlaceMove));
    result->reasons = g_array_new(FALSE, TRUE, sizeof(PlaceReason));
    result->left_over = g_array_new(FALSE, TRUE, sizeof(guint));
    g_array_set_clear_func(result->moves, move_clear);
    g_array_set_clear_func(result->reasons, reason_clear);
    return result;
}

void place_result_free(PlaceResult *result)
{
    if (!result) {
        return;
    }
    g_array_unref(result->moves);
    g_array_unref(result->reasons);
    g_array_unref(result->left_over);
    g_free(result);
}

void place_result_add_move(PlaceResult *result, const PlaceProblem *problem, guint vm, guint destination, guint group,
                           guint block, char *why)
{
    PlaceMove move = {
        .vm = vm,
        .source = problem->vms[vm].host,
        .destination = destination,
        .group = group,
        .block = block,
        .why = why,
    };

    g_array_append_val(result->moves, move);
}

void place_result_add_reason(PlaceResult *result, guint vm, guint host, char *what)
{
    PlaceReason reason = {.vm = vm, .host = host, .what = what};

    g_array_append_val(result->reasons, reason);
}
