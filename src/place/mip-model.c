/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups and destinations as a mixed integer programme; see mip-model.h.  Solving it is mip-solve.c.
 *
 * Columns: first x, in the order of 'option' (column = index + 1), then per source four variables (how much above,
 * whether above, how much below, whether below), then y per pair of units that talk. */
#include "place/mip-model.h"
#include "base/error.h"

#include <math.h>

static int column_of(guint option)
{
    return (int)option + 1;
}

static void set(MipModel *model, int row, int column, double coefficient)
{
    g_array_append_val(model->row, row);
    g_array_append_val(model->column, column);
    g_array_append_val(model->coefficient, coefficient);
}

static int add_row(MipModel *model, int kind, double low, double high)
{
    int row = glp_add_rows(model->problem, 1);

    glp_set_row_bnds(model->problem, row, kind, low, high);
    return row;
}

static int add_column(MipModel *model, int kind, double cost)
{
    int column = glp_add_cols(model->problem, 1);

    if (kind == GLP_BV) {
        glp_set_col_kind(model->problem, column, GLP_BV);
    } else {
        glp_set_col_bnds(model->problem, column, GLP_LO, 0, 0);
    }
    glp_set_obj_coef(model->problem, column, cost);
    return column;
}

/* Where each unit may be: at home, or on a destination that would take it if it were alone in moving. */
static void find_options(MipModel *model)
{
    Rival *rival = model->rival;
    guint length = 0;

    model->option_first = g_new(guint, rival->units->length + 1);
    model->option = g_new(guint, (gsize)rival->units->length * (rival->destinations_length + 1) + 1);
    for (guint u = 0; u < rival->units->length; u++) {
        model->option_first[u] = length;
        model->option[length++] = rival->units->home[u];
        for (guint i = 0; i < rival->destinations_length; i++) {
            guint host = rival->destinations[i];

            if (host != rival->units->home[u] && rival_fits(rival, u, host)) {
                model->option[length++] = host;
            }
        }
    }
    model->option_first[rival->units->length] = length;
}

/* What 'unit' costs on 'host' if no other unit moved, less its traffic with other units (that is in y). */
static double cost_alone(const Rival *rival, guint unit, guint host)
{
    const MoveUnits *units = rival->units;
    const Traffic *traffic = rival->problem->traffic;
    double price = rival->fitness->per_mib_link[units->home[unit]];
    double cost = 0;

    if (host == units->home[unit]) {
        return rival->task->kind == PLACE_EVACUATE ? RIVAL_ABOVE : 0;
    }
    for (guint i = units->first[unit]; i < units->first[unit + 1]; i++) {
        guint vm = units->vm[i];

        cost += rival->fitness->fixed[vm];
        for (guint e = traffic ? traffic->first[vm] : 0; traffic && e < traffic->first[vm + 1]; e++) {
            if (units->unit_of[traffic->peer[e]] == PLACE_NOWHERE) {
                guint there = rival->problem->vms[traffic->peer[e]].host;

                cost += price * traffic->mib_per_s[e] * place_distance(rival->problem, host, there);
            }
        }
    }
    return cost;
}

static void add_placements(MipModel *model)
{
    for (guint u = 0; u < model->rival->units->length; u++) {
        int row = add_row(model, GLP_FX, 1, 1);

        for (guint o = model->option_first[u]; o < model->option_first[u + 1]; o++) {
            set(model, row, add_column(model, GLP_BV, cost_alone(model->rival, u, model->option[o])), 1);
        }
    }
}

/* MiB/s between two units. */
static double traffic_between_units(const Rival *rival, guint a, guint b)
{
    const MoveUnits *units = rival->units;
    const Traffic *traffic = rival->problem->traffic;
    double sum = 0;

    for (guint i = units->first[a]; i < units->first[a + 1]; i++) {
        for (guint e = traffic->first[units->vm[i]]; e < traffic->first[units->vm[i] + 1]; e++) {
            sum += units->unit_of[traffic->peer[e]] == b ? traffic->mib_per_s[e] : 0;
        }
    }
    return sum;
}

/* What 1 MiB/s between units 'a' on 'host_a' and 'b' on 'host_b' costs. */
static double pair_price(const Rival *rival, guint a, guint host_a, guint b, guint host_b)
{
    const MoveUnits *units = rival->units;
    gboolean a_moved = host_a != units->home[a];
    gboolean b_moved = host_b != units->home[b];
    double price = a_moved ? rival->fitness->per_mib_link[units->home[a]] : 0;

    if (b_moved && (!a_moved || units->home[a] != units->home[b])) {
        price += rival->fitness->per_mib_link[units->home[b]];
    }
    return price * place_distance(rival->problem, host_a, host_b);
}

static void add_pair(MipModel *model, guint a, guint b, double mib_per_s)
{
    guint lengths[2] = {model->option_first[a + 1] - model->option_first[a],
                        model->option_first[b + 1] - model->option_first[b]};
    int rows = glp_add_rows(model->problem, (int)(lengths[0] + lengths[1]));

    for (guint i = 0; i < lengths[0] + lengths[1]; i++) {
        guint option = i < lengths[0] ? model->option_first[a] + i : model->option_first[b] + i - lengths[0];

        glp_set_row_bnds(model->problem, rows + (int)i, GLP_FX, 0, 0);
        set(model, rows + (int)i, column_of(option), -1);
    }
    for (guint i = 0; i < lengths[0]; i++) {
        for (guint j = 0; j < lengths[1]; j++) {
            double price = pair_price(model->rival, a, model->option[model->option_first[a] + i], b,
                                      model->option[model->option_first[b] + j]);
            int column = add_column(model, GLP_CV, price * mib_per_s);

            set(model, rows + (int)i, column, 1);
            set(model, rows + (int)(lengths[0] + j), column, 1);
        }
    }
}

static void add_traffic(MipModel *model)
{
    const Rival *rival = model->rival;

    for (guint a = 0; a < rival->units->length && rival->fitness->has_traffic; a++) {
        for (guint b = a + 1; b < rival->units->length; b++) {
            double mib_per_s = traffic_between_units(rival, a, b);

            if (mib_per_s > 0) {
                add_pair(model, a, b, mib_per_s);
            }
        }
    }
}

static double reserved_by(const Rival *rival, guint unit, guint resource)
{
    double sum = 0;

    for (guint i = rival->units->first[unit]; i < rival->units->first[unit + 1]; i++) {
        sum += rival->problem->vms[rival->units->vm[i]].reserved[resource];
    }
    return sum;
}

/* Room on the destination 'host', of each resource by demand and by reservation. */
static void add_room(MipModel *model, guint host)
{
    const Rival *rival = model->rival;
    const PlaceHost *there = &rival->problem->hosts[host];

    for (guint k = 0; k < 2 * RESOURCE_COUNT; k++) {
        guint r = k / 2;
        double room = k % 2 ? there->reservable[r] - rival->state->reserved[host][r]
                            : rival->options->safe_high * there->capacity[r] - rival->state->demand[host][r];
        double unit_of_room = MAX(there->capacity[r], 1e-12); /* rows of about the same size suit the simplex method */
        int row = add_row(model, GLP_UP, 0, MAX(room, 0) / unit_of_room);

        for (guint u = 0; u < rival->units->length; u++) {
            double needed = k % 2 ? reserved_by(rival, u, r) : rival->unit_demand[RESOURCE_COUNT * u + r];

            for (guint o = model->option_first[u] + 1; o < model->option_first[u + 1]; o++) {
                if (model->option[o] == host) {
                    set(model, row, column_of(o), needed / unit_of_room);
                }
            }
        }
    }
}

/* demand - what leaves <= high + above, and above > 0 only when paid for; on the fullest resource >= low - below. */
static void add_range(MipModel *model, guint source)
{
    const Rival *rival = model->rival;
    int above = add_column(model, GLP_CV, RIVAL_ABOVE_SHARE);
    int is_above = add_column(model, GLP_BV, RIVAL_ABOVE);
    int below = add_column(model, GLP_CV, RIVAL_BELOW_SHARE);
    int is_below = add_column(model, GLP_BV, RIVAL_BELOW);
    double load = place_state_highest(rival->state, source);
    int row = add_row(model, GLP_UP, 0, 0);

    set(model, row, above, 1);
    set(model, row, is_above, -MAX(load, 1));
    row = add_row(model, GLP_UP, 0, 0);
    set(model, row, below, 1);
    set(model, row, is_below, -1);
    for (guint r = 0; r <= RESOURCE_COUNT; r++) { /* the last round is the lower end */
        gboolean is_low = r == RESOURCE_COUNT;
        guint resource = is_low ? (guint)rival->fullest[source] : r;
        double capacity = rival->problem->hosts[source].capacity[resource];
        double limit = is_low ? rival->options->safe_low : rival->options->safe_high;
        double staying = rival->state->demand[source][resource] / capacity;

        row = add_row(model, is_low ? GLP_LO : GLP_UP, 0, 0);
        for (guint i = rival->unit_first[source]; i < rival->unit_first[source + 1]; i++) {
            guint unit = rival->unit_at[i];
            double demand = rival->unit_demand[RESOURCE_COUNT * unit + resource] / capacity;

            set(model, row, column_of(model->option_first[unit]), demand);
            staying -= demand;
        }
        set(model, row, is_low ? below : above, is_low ? 1 : -1);
        glp_set_row_bnds(model->problem, row, is_low ? GLP_LO : GLP_UP, limit - staying, limit - staying);
    }
}

/* No two units with a VM of 'rule' on 'host'. */
static void add_apart(MipModel *model, const PlaceRule *rule, guint host)
{
    const Rival *rival = model->rival;
    int row = 0;

    for (guint i = 0; i < rule->vms_length; i++) {
        guint unit = rival->units->unit_of[rule->vms[i]];

        for (guint o = unit == PLACE_NOWHERE ? 1 : model->option_first[unit] + 1;
             unit != PLACE_NOWHERE && o < model->option_first[unit + 1]; o++) {
            if (model->option[o] == host) {
                row = row ? row : add_row(model, GLP_UP, 0, 1);
                set(model, row, column_of(o), 1);
            }
        }
    }
}

static void add_constraints(MipModel *model)
{
    const Rival *rival = model->rival;

    for (guint s = 0; s < rival->sources_length && rival->task->kind == PLACE_RELIEVE; s++) {
        add_range(model, rival->sources[s]);
    }
    for (guint i = 0; i < rival->destinations_length; i++) {
        add_room(model, rival->destinations[i]);
        for (guint r = 0; r < rival->problem->rules_length; r++) {
            if (rival->problem->rules[r].kind == PLACE_RULE_APART) {
                add_apart(model, &rival->problem->rules[r], rival->destinations[i]);
            }
        }
    }
}

static gboolean check_size(const MipModel *model, GError **error)
{
    const Rival *rival = model->rival;
    guint binaries = model->option_first[rival->units->length];
    int columns = glp_get_num_cols(model->problem);

    if (binaries > MIP_BINARIES_MAX || columns > MIP_COLUMNS_MAX) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "%u VMs that may move and %u destinations are too much for an exact answer (%u of at most %u "
                    "placements); name fewer hosts or use another placer",
                    rival->units->length, rival->destinations_length, binaries, MIP_BINARIES_MAX);
        return FALSE;
    }
    return TRUE;
}

MipModel *mip_model_new(Rival *rival, GError **error)
{
    g_autoptr(MipModel) model = g_new0(MipModel, 1);

    glp_term_out(GLP_OFF); /* it would print its progress on the terminal */
    model->rival = rival;
    model->problem = glp_create_prob();
    model->row = g_array_new(FALSE, TRUE, sizeof(int));
    model->column = g_array_new(FALSE, TRUE, sizeof(int));
    model->coefficient = g_array_new(FALSE, TRUE, sizeof(double));
    set(model, 0, 0, 0); /* GLPK counts from 1 */
    find_options(model);
    if (!check_size(model, error)) {
        return NULL;
    }
    add_placements(model);
    add_traffic(model);
    add_constraints(model);
    if (!check_size(model, error)) {
        return NULL;
    }
    glp_load_matrix(model->problem, (int)model->row->len - 1, (const int *)(gpointer)model->row->data,
                    (const int *)(gpointer)model->column->data, (const double *)(gpointer)model->coefficient->data);
    return g_steal_pointer(&model);
}

void mip_model_free(MipModel *model)
{
    if (!model) {
        return;
    }
    glp_delete_prob(model->problem);
    glp_free_env();
    g_free(model->option_first);
    g_free(model->option);
    g_array_unref(model->row);
    g_array_unref(model->column);
    g_array_unref(model->coefficient);
    g_free(model);
}
