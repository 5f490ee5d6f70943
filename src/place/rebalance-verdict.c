/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a host overloaded, or does it only look so?  See rebalance.h. */
#include "place/rebalance-parts.h"

#include <math.h>

NAMED_ENUM_DEFINE(RebalanceVerdictKind, rebalance_verdict_kind, REBALANCE_VERDICTS)

void rebalance_rules_init(RebalanceRules *rules)
{
    *rules = (RebalanceRules){
        .share_min = 0.6, .samples_min = 3, .margin = 0.05, .danger = 0.95, .hold_s = 1800, .tolerance = 0.05};
}

char *rebalance_span(double seconds)
{
    if (seconds < 90) {
        return g_strdup_printf("%.0f s", seconds);
    }
    return seconds < 5400 ? g_strdup_printf("%.0f minutes", seconds / 60) : g_strdup_printf("%.1f hours", seconds / 3600);
}

static gboolean is_recent(const RebalanceInput *input, const RebalanceRules *rules, const RebalancePast *past)
{
    return input->now_s - past->at_s < rules->hold_s;
}

const RebalancePast *rebalance_holds(const RebalanceInput *input, const RebalanceRules *rules, guint vm)
{
    const RebalancePast *latest = NULL;

    for (guint i = 0; i < input->history_length; i++) {
        const RebalancePast *past = &input->history[i];

        if (past->vm == vm && is_recent(input, rules, past) && (!latest || past->at_s > latest->at_s)) {
            latest = past;
        }
    }
    return latest;
}

typedef struct Use {
    double now;
    double mean;
    double share_above;
    guint above;
    guint length;   /* of the window */
    guint counts;   /* as so many samples */
} Use;

static Use use_of(const RebalanceInput *input, const PlaceState *state, const RebalanceRules *rules, guint host,
                  int resource)
{
    const double high = state->options->safe_high;
    const RebalanceSamples *window = input->windows ? &input->windows[host] : NULL;
    Use use = {0};

    if (!window || !window->length || !window->used[resource]) {
        use.now = use.mean = place_state_utilisation(state, host, (Resource)resource);
        use.length = use.above = 1;
        use.share_above = use.above = use.now > high;
        use.counts = window && window->length ? window->length : rules->samples_min;
        return use;
    }
    for (guint i = 0; i < window->length; i++) {
        use.mean += window->used[resource][i] / window->length;
        use.above += window->used[resource][i] > high;
    }
    use.now = window->used[resource][window->length - 1];
    use.length = use.counts = window->length;
    use.share_above = (double)use.above / window->length;
    return use;
}

static const char *resource_word(Resource resource)
{
    return resource == RESOURCE_CPU ? "CPU" : "memory";
}

static void find_history(Judged *judged, const RebalanceInput *input, const RebalanceRules *rules, guint host)
{
    for (guint i = 0; i < input->history_length; i++) {
        const RebalancePast *past = &input->history[i];

        if (!is_recent(input, rules, past)) {
            continue;
        }
        if (past->destination == host && (!judged->last_arrival || past->at_s > judged->last_arrival->at_s)) {
            judged->last_arrival = past;
        }
        if (past->source == host && (!judged->last_leave || past->at_s > judged->last_leave->at_s)) {
            judged->last_leave = past;
        }
    }
}

/* "CPU 0.83 on average, above 0.80 in 8 of 10 samples" */
static char *describe(const Judged *judged, const PlaceOptions *options, const Use *use)
{
    const char *word = resource_word(judged->verdict.resource);

    if (use->length == 1) {
        return g_strdup_printf("%s %.2f", word, use->mean);
    }
    return g_strdup_printf("%s %.2f on average, above %.2f in %u of %u samples", word, use->mean, options->safe_high,
                           use->above, use->length);
}

static char *why_burst(const char *name, const Judged *judged, const PlaceOptions *options, const RebalanceRules *rules,
                       const Use *use)
{
    const char *word = resource_word(judged->verdict.resource);

    if (use->counts < rules->samples_min) {
        return g_strdup_printf("%s: %s %.2f now, but there are only %u samples yet, and %u are needed", name, word, use->now,
                               use->counts, rules->samples_min);
    }
    if (use->share_above < rules->share_min) {
        return g_strdup_printf("%s: %s %.2f now, but above %.2f in %u of %u samples only", name, word, use->now,
                               options->safe_high, use->above, use->length);
    }
    return g_strdup_printf("%s: %s %.2f now and above %.2f in %u of %u samples, but %.2f on average", name, word, use->now,
                           options->safe_high, use->above, use->length, use->mean);
}

static char *why_held(const char *name, const Judged *judged, const RebalanceInput *input, const RebalanceRules *rules,
                      const char *facts)
{
    g_autofree char *ago = rebalance_span(input->now_s - judged->last_arrival->at_s);
    g_autofree char *left = rebalance_span(rules->hold_s - (input->now_s - judged->last_arrival->at_s));

    return g_strdup_printf("%s: %s; held: %s came %s ago, nobody leaves for another %s unless it gets above %.2f", name, facts,
                           input->problem->vms[judged->last_arrival->vm].name, ago, left, rules->danger);
}

Judged rebalance_judge(const RebalanceInput *input, const PlaceState *state, const RebalanceRules *rules, guint host)
{
    const PlaceOptions *options = state->options;
    const char *name = input->problem->hosts[host].name;
    Judged judged = {.may_receive = input->problem->hosts[host].may_receive};
    RebalanceVerdict *verdict = &judged.verdict;
    Use use[RESOURCE_COUNT];
    const Use *worst;
    g_autofree char *facts = NULL;
    gboolean is_sustained;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        use[r] = use_of(input, state, rules, host, r);
        judged.mean[r] = use[r].mean;
        if (use[r].mean > use[verdict->resource].mean) {
            verdict->resource = (Resource)r;
        }
    }
    worst = &use[verdict->resource];
    find_history(&judged, input, rules, host);
    verdict->now = worst->now;
    verdict->mean = worst->mean;
    verdict->share_above = worst->share_above;
    verdict->is_danger = worst->mean > rules->danger;
    is_sustained = worst->counts >= rules->samples_min && worst->share_above >= rules->share_min &&
                   worst->mean > options->safe_high;
    facts = describe(&judged, options, worst);
    if (!is_sustained && !verdict->is_danger) {
        gboolean is_burst = worst->now > options->safe_high || worst->mean > options->safe_high;

        verdict->kind = is_burst ? REBALANCE_BURST : REBALANCE_CALM;
        verdict->why = is_burst ? why_burst(name, &judged, options, rules, worst)
                                : g_strdup_printf("%s: %s, within %.2f", name, facts, options->safe_high);
        judged.may_receive = judged.may_receive && !is_burst;
    } else if (input->is_exempt && input->is_exempt[host]) {
        verdict->kind = REBALANCE_EXEMPT;
        verdict->why = g_strdup_printf("%s: %s; nobody is to leave it", name, facts);
    } else if (judged.last_arrival && !verdict->is_danger) {
        verdict->kind = REBALANCE_HELD;
        verdict->why = why_held(name, &judged, input, rules, facts);
    } else {
        judged.is_source = TRUE;
        judged.may_receive = FALSE;
        verdict->why = g_strdup_printf("%s: %s%s", name, facts,
                                       verdict->is_danger && judged.last_arrival
                                           ? "; in danger, so what came a short time ago does not hold it"
                                           : "");
    }
    if (judged.last_leave) {
        judged.may_receive = FALSE;
    }
    return judged;
}

double *rebalance_host_samples(const PlaceProblem *problem, guint host, Resource resource, const double *const *demand,
                               guint length)
{
    const PlaceHost *row = &problem->hosts[host];
    double *used = g_new(double, length + 1);

    for (guint i = 0; i < length; i++) {
        used[i] = row->base_demand[resource] / row->capacity[resource];
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        for (guint i = 0; i < length && problem->vms[v].host == host; i++) {
            double own = demand && demand[v] ? demand[v][i] : problem->vms[v].demand[resource];

            used[i] += own / row->capacity[resource];
        }
    }
    return used;
}
