/* SPDX-License-Identifier: Apache-2.0
 *
 * Which sources are relieved, in which manner, and what is said about it; see rebalance.h.
 *
 * Sources are relieved in stages; what one stage brings into range is settled, the rest goes on to the next:
 *
 *     1  down to safe_high - margin, held VMs stay
 *     2  down to safe_high, held VMs stay
 *     3  of hosts in danger: held VMs may leave too, and hosts that lost VMs a short time ago may receive
 *
 * A last stage keeps what it could do for hosts that stay above.  A stage's problem has the settled moves done, and their
 * VMs pinned.  Then moves without which every source would be just as well are dropped, whichever placer made them. */
#include "place/rebalance-parts.h"
#include "place/grouping-parts.h"
#include "place/relief.h"

#define STAGES 3

typedef struct Work {
    const RebalanceInput *input;
    const Grouping *placer;
    const PlaceOptions *options;
    const RebalanceRules *rules;
    Judged *judged;          /* [hosts] */
    PlaceHost *hosts;        /* ours to change */
    PlaceVm *vms;
    PlaceProblem problem;
    const RebalancePast **held;  /* [vms] NULL: free */
    char **held_why;             /* [vms] owned */
    guint groups;
    PlaceResult *result;
} Work;

static void work_clear(Work *work)
{
    for (guint v = 0; v < work->input->problem->vms_length; v++) {
        g_free(work->held_why[v]);
    }
    g_free(work->judged);
    g_free(work->hosts);
    g_free(work->vms);
    g_free(work->held);
    g_free(work->held_why);
}

/* Windows may show more than the VMs' demands sum up to; what they do not explain is the host's own. */
static void raise_base(Work *work, const PlaceState *state, guint host)
{
    PlaceHost *row = &work->hosts[host];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        row->base_demand[r] += MAX(0, work->judged[host].mean[r] * row->capacity[r] - state->demand[host][r]);
    }
}

static void work_init(Work *work)
{
    const PlaceProblem *asked = work->input->problem;
    g_autoptr(PlaceState) state = place_state_new(asked, work->options);

    work->judged = g_new0(Judged, asked->hosts_length + 1);
    work->hosts = g_memdup2(asked->hosts, MAX(asked->hosts_length, 1) * sizeof(PlaceHost));
    work->vms = g_memdup2(asked->vms, MAX(asked->vms_length, 1) * sizeof(PlaceVm));
    work->held = g_new0(const RebalancePast *, asked->vms_length + 1);
    work->held_why = g_new0(char *, asked->vms_length + 1);
    work->problem = *asked;
    work->problem.hosts = work->hosts;
    work->problem.vms = work->vms;
    for (guint i = 0; i < work->input->history_length; i++) {
        guint vm = work->input->history[i].vm;

        work->held[vm] = rebalance_holds(work->input, work->rules, vm);
    }
    for (guint v = 0; v < asked->vms_length; v++) {
        if (work->held[v]) {
            g_autofree char *ago = rebalance_span(work->input->now_s - work->held[v]->at_s);

            work->held_why[v] = g_strdup_printf("held: it was moved %s ago", ago);
        }
    }
    for (guint h = 0; h < asked->hosts_length; h++) {
        work->judged[h] = rebalance_judge(work->input, state, work->rules, h);
        raise_base(work, state, h);
    }
}

/* Who may do what in this stage. */
static guint prepare(Work *work, guint stage)
{
    guint sources = 0;

    for (guint h = 0; h < work->problem.hosts_length; h++) {
        Judged *judged = &work->judged[h];
        gboolean is_asked = judged->is_source && judged->verdict.kind == REBALANCE_CALM; /* no verdict yet */

        work->hosts[h].is_source = is_asked && (stage < STAGES - 1 || judged->verdict.is_danger);
        work->hosts[h].may_receive = judged->may_receive;
        if (stage == STAGES - 1 && !judged->is_source && judged->last_leave && judged->verdict.kind == REBALANCE_CALM) {
            work->hosts[h].may_receive = work->input->problem->hosts[h].may_receive;
        }
        sources += work->hosts[h].is_source;
    }
    for (guint v = 0; v < work->problem.vms_length; v++) {
        gboolean is_held = work->held[v] && !(stage == STAGES - 1 && work->judged[work->vms[v].host].verdict.is_danger);
        gboolean is_settled = work->vms[v].host != work->input->problem->vms[v].host;

        work->vms[v].is_pinned = work->input->problem->vms[v].is_pinned || is_held || is_settled;
        if (is_held && !work->input->problem->vms[v].is_pinned) {
            work->vms[v].pinned_why = work->held_why[v];
        }
    }
    return sources;
}

static gboolean stays_above(const PlaceResult *answer, guint host)
{
    for (guint i = 0; i < answer->left_over->len; i++) {
        if (g_array_index(answer->left_over, guint, i) == host) {
            return TRUE;
        }
    }
    return FALSE;
}

static void settle_move(Work *work, const PlaceMove *move)
{
    char *why;

    if (work->held[move->vm]) {
        why = g_strdup_printf("%s although %s: %s is in danger, %.2f > %.2f", move->why, work->held_why[move->vm],
                              work->problem.hosts[move->source].name, work->judged[move->source].verdict.mean,
                              work->rules->danger);
    } else {
        why = g_strdup(move->why);
    }
    place_result_add_move(work->result, work->input->problem, move->vm, move->destination, work->groups + move->group,
                          move->block, why);
    work->vms[move->vm].host = move->destination;
}

/* Takes over the moves of hosts that are in range now, and of all others if nothing comes after this stage for them. */
static void settle(Work *work, const PlaceResult *answer, guint stage)
{
    g_autofree guint *left = g_new0(guint, work->problem.hosts_length + 1);
    guint groups = 0;

    for (guint i = 0; i < answer->moves->len; i++) {
        const PlaceMove *move = &g_array_index(answer->moves, PlaceMove, i);
        gboolean is_last = stage == STAGES - 1 || (stage == STAGES - 2 && !work->judged[move->source].verdict.is_danger);

        groups = MAX(groups, move->group + 1);
        if (is_last || !stays_above(answer, move->source)) {
            settle_move(work, move);
            left[move->source]++;
        }
    }
    work->groups += groups;
    for (guint h = 0; h < work->problem.hosts_length; h++) {
        RebalanceVerdict *verdict = &work->judged[h].verdict;

        if (!work->hosts[h].is_source) {
            continue;
        }
        if (!stays_above(answer, h)) {
            verdict->kind = REBALANCE_RELIEVED;
        } else if (stage == STAGES - 1 || (stage == STAGES - 2 && !verdict->is_danger)) {
            verdict->kind = left[h] ? REBALANCE_PARTLY : REBALANCE_STUCK;
            for (guint i = 0; i < answer->reasons->len; i++) {
                const PlaceReason *reason = &g_array_index(answer->reasons, PlaceReason, i);

                if (reason->host == h || reason->host == PLACE_NOWHERE ||
                    (reason->vm != PLACE_NOWHERE && work->input->problem->vms[reason->vm].host == h)) {
                    place_result_add_reason(work->result, reason->vm, reason->host, g_strdup(reason->what));
                }
            }
        }
    }
}

/* The safe range stays one. */
static double margin_of(const Work *work)
{
    return MIN(work->rules->margin, (work->options->safe_high - work->options->safe_low) / 2);
}

static gboolean run_stage(Work *work, guint stage, GError **error)
{
    static const PlaceTask RELIEVE = {.kind = PLACE_RELIEVE};
    PlaceOptions options = *work->options;
    g_autoptr(PlaceResult) answer = NULL;

    if (!prepare(work, stage)) {
        return TRUE;
    }
    options.fewest_within = work->rules->tolerance;
    if (stage == 0) {
        options.safe_high -= margin_of(work);
    }
    answer = place_run(work->placer, &work->problem, &RELIEVE, &options, error);
    if (!answer) {
        return FALSE;
    }
    settle(work, answer, stage);
    return TRUE;
}

/* The moves of one source as a plan.  '*relief' is the caller's to free. */
static ReliefPlan *plan_of(const ReliefWorld *world, const GArray *moves, guint source, Relief **relief)
{
    g_autoptr(GArray) hosts = g_array_new(FALSE, FALSE, sizeof(guint));
    ReliefPlan *plan;

    for (guint i = 0; i < moves->len; i++) {
        const PlaceMove *move = &g_array_index(moves, PlaceMove, i);

        if (move->source == source) {
            g_array_append_val(hosts, move->destination);
        }
    }
    *relief = relief_new(world, source, NULL, 0, (const guint *)hosts->data, hosts->len);
    plan = relief_plan_new(*relief);
    for (guint u = 0; u < (*relief)->units; u++) {
        guint vm = (*relief)->vms[(*relief)->unit_vm[(*relief)->unit_first[u]]];
        guint choice = 0;

        for (guint i = 0; i < moves->len; i++) {
            const PlaceMove *move = &g_array_index(moves, PlaceMove, i);

            if (move->source == source && move->vm == vm) {
                relief_put(*relief, plan, u, choice);
            }
            choice += move->source == source;
        }
    }
    return plan;
}

static gboolean is_bound(const Relief *relief, const PlaceState *state, guint unit)
{
    for (guint i = relief->unit_first[unit]; i < relief->unit_first[unit + 1]; i++) {
        guint vm = relief->vms[relief->unit_vm[i]];

        if (state->rule_first[vm + 1] > state->rule_first[vm]) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Leavers that may as well stay, marked in 'is_dropped': the source is as safe with them, and no rule speaks of them. */
static void find_needless(const ReliefWorld *world, const GArray *moves, guint source, gboolean *is_dropped)
{
    g_autoptr(Relief) relief = NULL;
    g_autoptr(ReliefPlan) plan = plan_of(world, moves, source, &relief);
    ReliefLevel level = RELIEF_SAFE;

    while (!relief_is_feasible(relief, plan, level)) {
        level++;
    }
    for (guint u = 0; u < relief->units && level != RELIEF_SOME; u++) {
        guint choice = plan->to[u];

        if (choice == relief->stay || is_bound(relief, world->state, u)) {
            continue;
        }
        relief_put(relief, plan, u, relief->stay);
        if (relief_is_feasible(relief, plan, level)) {
            is_dropped[relief->vms[relief->unit_vm[relief->unit_first[u]]]] = TRUE;
        } else {
            relief_put(relief, plan, u, choice);
        }
    }
}

static void drop_needless(Work *work)
{
    PlaceProblem before = work->problem;
    PlaceOptions options = *work->options;
    g_autofree gboolean *is_dropped = g_new0(gboolean, before.vms_length + 1);
    GArray *moves = work->result->moves;
    g_autoptr(ReliefWorld) world = NULL;

    before.vms = work->input->problem->vms;
    options.safe_high -= margin_of(work);
    world = relief_world_new(&before, &options);
    for (guint h = 0; h < before.hosts_length; h++) {
        gboolean has_moves = FALSE;

        for (guint i = 0; work->judged[h].is_source && i < moves->len; i++) {
            has_moves = has_moves || g_array_index(moves, PlaceMove, i).source == h;
        }
        if (has_moves) {
            find_needless(world, moves, h, is_dropped);
        }
    }
    for (guint i = moves->len; i-- > 0;) {
        const PlaceMove *move = &g_array_index(moves, PlaceMove, i);

        if (is_dropped[move->vm]) {
            work->vms[move->vm].host = move->source;
            g_array_remove_index(moves, i);
        }
    }
}

/* The texts of hosts that were sources; all others have theirs. */
static void tell_outcomes(Work *work)
{
    const PlaceProblem *asked = work->input->problem;
    g_autoptr(PlaceState) state = place_state_new(&work->problem, work->options);

    for (guint h = 0; h < asked->hosts_length; h++) {
        RebalanceVerdict *verdict = &work->judged[h].verdict;
        g_autofree char *facts = NULL;
        guint leavers = 0;

        if (!work->judged[h].is_source) {
            continue;
        }
        for (guint i = 0; i < work->result->moves->len; i++) {
            leavers += g_array_index(work->result->moves, PlaceMove, i).source == h;
        }
        facts = verdict->why;
        verdict->why = g_strdup_printf("%s; %u VM%s, %.2f then%s", facts, leavers,
                                       leavers == 1 ? " leaves" : "s leave", place_state_highest(state, h),
                                       verdict->kind == REBALANCE_RELIEVED ? ""
                                       : leavers                           ? ", more cannot"
                                                                           : ": nobody who may leave finds room");
    }
}

Rebalance *rebalance_decide(const RebalanceInput *input, const Grouping *placer, const PlaceOptions *options,
                            const RebalanceRules *rules, GError **error)
{
    Work work = {.input = input, .placer = placer, .options = options, .rules = rules};
    Rebalance *decision = NULL;
    gboolean is_done = place_problem_check(input->problem, error) && place_options_check(options, error);

    if (!is_done) {
        return NULL;
    }
    work_init(&work);
    work.result = place_result_new();
    for (guint stage = 0; stage < STAGES && is_done; stage++) {
        is_done = run_stage(&work, stage, error);
    }
    decision = g_new0(Rebalance, 1);
    decision->verdicts = g_array_new(FALSE, FALSE, sizeof(RebalanceVerdict));
    decision->result = work.result;
    if (is_done) {
        PlaceProblem before = work.problem;

        drop_needless(&work);
        tell_outcomes(&work);
        before.vms = input->problem->vms;
        grouping_totals(&before, options, work.result);
    }
    for (guint h = 0; h < input->problem->hosts_length; h++) {
        g_array_append_val(decision->verdicts, work.judged[h].verdict);
        if (work.judged[h].verdict.kind == REBALANCE_PARTLY || work.judged[h].verdict.kind == REBALANCE_STUCK) {
            g_array_append_val(work.result->left_over, h);
        }
    }
    work_clear(&work);
    if (!is_done) {
        g_clear_pointer(&decision, rebalance_free);
    }
    return decision;
}

void rebalance_free(Rebalance *rebalance)
{
    if (!rebalance) {
        return;
    }
    for (guint i = 0; i < rebalance->verdicts->len; i++) {
        g_free(g_array_index(rebalance->verdicts, RebalanceVerdict, i).why);
    }
    g_array_unref(rebalance->verdicts);
    place_result_free(rebalance->result);
    g_free(rebalance);
}
