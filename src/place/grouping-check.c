/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a placer kept its promises; see grouping.h and grouping-parts.h.
 *
 * Deliberately shares no code with state.c, which the placers use: it adds up from scratch and knows the rules by
 * itself, so that a mistake there does not hide itself here.
 *
 * Moves are done one after the other, and each takes room at its destination before it gives room back at its source.
 * The moves are gone through in the placer's order, again and again, each pass doing what can be done by then.  An order
 * that the placer found is so always kept.  Where moves wait for each other in ways that this does not untangle, they
 * count as impossible; a placer that makes such chains has to list them in an order that works.
 */
#include "place/grouping-parts.h"
#include "base/error.h"

#include <string.h>

#define SLACK 1e-6 /* of a limit: what sums of doubles may be off by */

typedef struct Ledger {
    const PlaceProblem *problem;
    const PlaceTask *task;
    const PlaceOptions *options;
    guint *host_of;
    double (*demand)[RESOURCE_COUNT];
    double (*reserved)[RESOURCE_COUNT];
    GArray **rules_of; /* [vms] guint, NULL: none */
} Ledger;

static void ledger_add(Ledger *ledger, guint vm, guint host, double sign)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        ledger->demand[host][r] += sign * ledger->problem->vms[vm].demand[r];
        ledger->reserved[host][r] += sign * ledger->problem->vms[vm].reserved[r];
    }
    if (sign > 0) {
        ledger->host_of[vm] = host;
    }
}

static void ledger_init(Ledger *ledger, const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options)
{
    *ledger = (Ledger){.problem = problem, .task = task, .options = options};
    ledger->host_of = g_new0(guint, problem->vms_length + 1);
    ledger->demand = g_malloc0_n(problem->hosts_length + 1, sizeof *ledger->demand);
    ledger->reserved = g_malloc0_n(problem->hosts_length + 1, sizeof *ledger->reserved);
    ledger->rules_of = g_new0(GArray *, problem->vms_length + 1);
    for (guint h = 0; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            ledger->demand[h][r] = problem->hosts[h].base_demand[r];
            ledger->reserved[h][r] = problem->hosts[h].base_reserved[r];
        }
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        ledger_add(ledger, v, problem->vms[v].host, 1);
    }
    for (guint r = 0; r < problem->rules_length; r++) {
        for (guint i = 0; i < problem->rules[r].vms_length; i++) {
            guint v = problem->rules[r].vms[i];

            if (!ledger->rules_of[v]) {
                ledger->rules_of[v] = g_array_new(FALSE, FALSE, sizeof(guint));
            }
            g_array_append_val(ledger->rules_of[v], r);
        }
    }
}

static void ledger_clear(Ledger *ledger)
{
    for (guint v = 0; v < ledger->problem->vms_length; v++) {
        g_clear_pointer(&ledger->rules_of[v], g_array_unref);
    }
    g_free(ledger->host_of);
    g_free(ledger->demand);
    g_free(ledger->reserved);
    g_free(ledger->rules_of);
}

static char *describe_rule(const PlaceProblem *problem, const PlaceRule *rule)
{
    g_autoptr(GString) text = g_string_new(rule->name);

    for (guint i = 0; !rule->name && i < MIN(rule->vms_length, 4); i++) {
        g_string_append_printf(text, "%s%s", i ? "," : "", problem->vms[rule->vms[i]].name);
    }
    return g_strdup_printf("rule \"%s %s\"", place_rule_kind_name(rule->kind), text->str);
}

static gboolean is_above(double value, double limit)
{
    return value > limit + SLACK * MAX(1, limit);
}

/* What is short on 'host' for one more VM, or NULL. */
static char *find_shortage(const Ledger *ledger, guint vm, guint host)
{
    const PlaceVm *row = &ledger->problem->vms[vm];
    const PlaceHost *there = &ledger->problem->hosts[host];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double demand = ledger->demand[host][r] + row->demand[r];
        double reserved = ledger->reserved[host][r] + row->reserved[r];
        double high = there->capacity[r] * ledger->options->safe_high;

        if (is_above(demand, high)) {
            return g_strdup_printf("demand (%s) there becomes %g, above %g", resource_name((Resource)r), demand, high);
        }
        if (is_above(reserved, there->reservable[r])) {
            return g_strdup_printf("what is reserved (%s) there becomes %g, above %g", resource_name((Resource)r),
                                   reserved, there->reservable[r]);
        }
    }
    return NULL;
}

static char *find_neighbour(const Ledger *ledger, guint vm, guint host)
{
    const GArray *rules = ledger->rules_of[vm];

    for (guint i = 0; rules && i < rules->len; i++) {
        const PlaceRule *rule = &ledger->problem->rules[g_array_index(rules, guint, i)];

        for (guint j = 0; rule->kind == PLACE_RULE_APART && j < rule->vms_length; j++) {
            if (rule->vms[j] != vm && ledger->host_of[rule->vms[j]] == host) {
                g_autofree char *noun = describe_rule(ledger->problem, rule);

                return g_strdup_printf("%s: %s is there", noun, ledger->problem->vms[rule->vms[j]].name);
            }
        }
    }
    return NULL;
}

/* Why a move can never be right, or NULL. */
static char *find_fault(const Ledger *ledger, const PlaceMove *move, const gboolean *is_mover)
{
    const PlaceProblem *problem = ledger->problem;
    const PlaceVm *vm = &problem->vms[move->vm];
    const PlaceHost *there = &problem->hosts[move->destination];

    if (move->source != vm->host || move->destination == vm->host) {
        return g_strdup_printf("it runs on %s", problem->hosts[vm->host].name);
    }
    if (vm->is_pinned) {
        return g_strdup_printf("it is pinned (%s)", vm->pinned_why ? vm->pinned_why : "by the operator");
    }
    if (!there->may_receive) {
        return g_strdup("that host may not receive VMs");
    }
    if (vm->cpu_class && !(there->cpu_classes & vm->cpu_class)) {
        return g_strdup("that host cannot run its kind of CPU");
    }
    if (is_mover && !is_mover[move->vm]) {
        return g_strdup("nobody asked for that");
    }
    if (ledger->task->kind == PLACE_RELIEVE && !problem->hosts[vm->host].is_source) {
        return g_strdup_printf("host %s was not to be relieved", problem->hosts[vm->host].name);
    }
    return NULL;
}

/* "placer's move of vm3 to h2: WHAT" */
static gboolean fail(const Ledger *ledger, const PlaceMove *move, const char *what, GError **error)
{
    const PlaceProblem *problem = ledger->problem;

    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "move of VM %s to host %s is wrong: %s",
                problem->vms[move->vm].name, problem->hosts[move->destination].name, what);
    return FALSE;
}

static gboolean check_each(const Ledger *ledger, const PlaceResult *result, GError **error)
{
    const PlaceProblem *problem = ledger->problem;
    const PlaceTask *task = ledger->task;
    g_autofree gboolean *is_mover =
        task->kind == PLACE_EVACUATE ? g_new0(gboolean, problem->vms_length + 1) : NULL;
    g_autofree gboolean *is_moved = g_new0(gboolean, problem->vms_length + 1);

    for (guint i = 0; is_mover && i < task->movers_length; i++) {
        is_mover[task->movers[i]] = TRUE;
    }
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);
        g_autofree char *fault = NULL;

        if (move->vm >= problem->vms_length || move->destination >= problem->hosts_length) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "move %u names VM number %u and host number %u", i,
                        move->vm, move->destination);
            return FALSE;
        }
        fault = is_moved[move->vm] ? g_strdup("it is moved twice") : find_fault(ledger, move, is_mover);
        if (fault) {
            return fail(ledger, move, fault, error);
        }
        is_moved[move->vm] = TRUE;
    }
    return TRUE;
}

static gboolean try_move(Ledger *ledger, const PlaceMove *move)
{
    g_autofree char *shortage = find_shortage(ledger, move->vm, move->destination);
    g_autofree char *neighbour = shortage ? NULL : find_neighbour(ledger, move->vm, move->destination);

    if (shortage || neighbour) {
        return FALSE;
    }
    ledger_add(ledger, move->vm, move->source, -1);
    ledger_add(ledger, move->vm, move->destination, 1);
    return TRUE;
}

/* Does what can be done of moves[first ..], moving it to the front; the new first. */
static guint do_pass(Ledger *ledger, GArray *moves, guint first)
{
    for (guint i = first; i < moves->len; i++) {
        PlaceMove move = g_array_index(moves, PlaceMove, i);

        if (try_move(ledger, &move)) {
            PlaceMove *row = &g_array_index(moves, PlaceMove, first);

            memmove(row + 1, row, (i - first) * sizeof *row);
            *row = move;
            first++;
        }
    }
    return first;
}

static gboolean check_order(Ledger *ledger, PlaceResult *result, GError **error)
{
    guint done = 0;
    guint before;

    do {
        before = done;
        done = do_pass(ledger, result->moves, done);
    } while (done > before && done < result->moves->len);
    if (done < result->moves->len) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, done);
        g_autofree char *shortage = find_shortage(ledger, move->vm, move->destination);
        g_autofree char *neighbour = shortage ? NULL : find_neighbour(ledger, move->vm, move->destination);

        return fail(ledger, move, shortage ? shortage : neighbour, error);
    }
    return TRUE;
}

static gboolean check_together(const Ledger *ledger, const PlaceResult *result, GError **error)
{
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);
        const GArray *rules = ledger->rules_of[move->vm];

        for (guint j = 0; rules && j < rules->len; j++) {
            const PlaceRule *rule = &ledger->problem->rules[g_array_index(rules, guint, j)];

            for (guint k = 0; rule->kind == PLACE_RULE_TOGETHER && k < rule->vms_length; k++) {
                if (ledger->host_of[rule->vms[k]] != move->destination) {
                    g_autofree char *noun = describe_rule(ledger->problem, rule);
                    g_autofree char *what =
                        g_strdup_printf("%s: %s is on %s then", noun, ledger->problem->vms[rule->vms[k]].name,
                                        ledger->problem->hosts[ledger->host_of[rule->vms[k]]].name);

                    return fail(ledger, move, what, error);
                }
            }
        }
    }
    return TRUE;
}

gboolean grouping_check(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                        PlaceResult *result, GError **error)
{
    gboolean is_right;
    Ledger ledger;

    ledger_init(&ledger, problem, task, options);
    is_right = check_each(&ledger, result, error) && check_order(&ledger, result, error) &&
               check_together(&ledger, result, error);
    ledger_clear(&ledger);
    return is_right;
}

static gboolean is_overloaded(const Ledger *ledger, guint host)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (is_above(ledger->demand[host][r], ledger->problem->hosts[host].capacity[r] * ledger->options->safe_high)) {
            return TRUE;
        }
    }
    return FALSE;
}

void grouping_left_over(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                        PlaceResult *result)
{
    Ledger ledger;

    ledger_init(&ledger, problem, task, options);
    g_array_set_size(result->left_over, 0);
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        ledger_add(&ledger, move->vm, move->source, -1);
        ledger_add(&ledger, move->vm, move->destination, 1);
    }
    for (guint i = 0; task->kind == PLACE_EVACUATE && i < task->movers_length; i++) {
        if (ledger.host_of[task->movers[i]] == problem->vms[task->movers[i]].host) {
            g_array_append_val(result->left_over, task->movers[i]);
        }
    }
    for (guint h = 0; task->kind == PLACE_RELIEVE && h < problem->hosts_length; h++) {
        if (problem->hosts[h].is_source && is_overloaded(&ledger, h)) {
            g_array_append_val(result->left_over, h);
        }
    }
    ledger_clear(&ledger);
}
