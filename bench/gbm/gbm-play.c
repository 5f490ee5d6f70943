/* SPDX-License-Identifier: Apache-2.0
 *
 * A placer's moves carried out in virtual time; see gbm.h.
 *
 * Each source sends its VMs one after the other in the placer's order, all sources at once, from the decision on.  The
 * moves share the links with each other and with VM traffic (sim/flows.h), which follows each VM that has arrived; what
 * is sent goes by passes (model/passes.h) at the rate that the network gives at the time.
 *
 * Response time of a host: M/M/1 with processor sharing, S0 / (1 - rho); rho counts the demand of its VMs and a tenth
 * of each VM that is leaving or arriving. */
#include "gbm.h"
#include "base/error.h"

#include <math.h>

#define SERVICE_MS    60
#define BUSY_MAX      0.99
#define MIGRATION_CPU 0.1
#define DONE_MIB      1e-9

typedef enum StepKind {
    STEP_PASS,   /* the guest runs */
    STEP_STOP,   /* it is stopped, the rest is sent */
    STEP_RESUME, /* it is started at the destination */
} StepKind;

typedef struct Sending {
    const PlaceMove *move;
    PassesState passes;
    StepKind step;
    double left_mib; /* of the step */
    double left_s;   /* STEP_RESUME */
    double step_began_s;
    double began_s;
    double stopped_s;
    guint flow;
} Sending;

typedef struct Play {
    const GbmWorld *world;
    const PlaceOptions *options;
    const PlaceResult *result;
    GbmRun *run;
    Flows *flows;
    GbmTraffic *traffic;
    guint *host_of;         /* [vms] */
    guint8 *was_overloaded; /* [hosts] */
    guint8 *was_started;    /* [moves] */
    guint8 *is_sending;     /* [hosts] */
    GArray *sendings;       /* Sending: those under way */
    GArray *route;
    double now_s;
    guint samples_taken;
    guint moves_done;
    double response_after_sum_ms;
    guint response_after_count;
} Play;

static void start_sending(Play *play, const PlaceMove *move, guint index)
{
    const PlaceVm *vm = &play->world->vms[move->vm];
    PassesVm passes_vm = {vm->memory_mib, vm->dirty_mib_per_s, vm->working_set_mib, play->world->link_mib_per_s};
    Sending sending = {.move = move, .step_began_s = play->now_s, .began_s = play->now_s};

    gbm_route(play->world, move->source, move->destination, G_MAXUINT32 + (guint64)move->vm, play->route);
    sending.flow = flows_add(play->flows, &(FlowSpec){.kind = FLOW_ELASTIC,
                                                      .route = (guint *)(void *)play->route->data,
                                                      .route_length = play->route->len,
                                                      .weight = 1,
                                                      .limit_mib_per_s = INFINITY});
    passes_begin(&sending.passes, &passes_vm, &play->options->passes);
    sending.step = sending.passes.guest_stops ? STEP_STOP : STEP_PASS;
    sending.stopped_s = play->now_s;
    sending.left_mib = sending.passes.pass_mib;
    play->was_started[index] = 1;
    play->is_sending[move->source] = 1;
    g_array_append_val(play->sendings, sending);
}

static void start_what_can(Play *play)
{
    for (guint i = 0; i < play->result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(play->result->moves, PlaceMove, i);

        if (!play->was_started[i] && !play->is_sending[move->source]) {
            start_sending(play, move, i);
        }
    }
}

static void arrive(Play *play, Sending *sending)
{
    GbmValues *values = &play->run->values;

    play->host_of[sending->move->vm] = sending->move->destination;
    gbm_traffic_moved(play->traffic, sending->move->vm);
    play->is_sending[sending->move->source] = 0;
    play->moves_done++;
    values->played_s = play->now_s - GBM_DECISION_S;
    values->played_sum_s += play->now_s - sending->began_s;
    values->downtime_s += play->now_s - sending->stopped_s;
}

/* The step of 'sending' is over; FALSE: so is the migration. */
static gboolean next_step(Play *play, Sending *sending)
{
    switch (sending->step) {
    case STEP_PASS:
        passes_next(&sending->passes, play->now_s - sending->step_began_s);
        sending->left_mib = sending->passes.pass_mib;
        if (sending->passes.guest_stops) {
            sending->step = STEP_STOP;
            sending->stopped_s = play->now_s;
        }
        break;
    case STEP_STOP:
        flows_remove(play->flows, sending->flow);
        sending->step = STEP_RESUME;
        sending->left_s = play->options->passes.resume_s;
        break;
    case STEP_RESUME:
        arrive(play, sending);
        return FALSE;
    }
    sending->step_began_s = play->now_s;
    return TRUE;
}

static double time_left(const Play *play, const Sending *sending)
{
    if (sending->step == STEP_RESUME) {
        return sending->left_s;
    }
    return sending->left_mib <= DONE_MIB ? 0 : sending->left_mib / flows_rate(play->flows, sending->flow);
}

static void pass_time(Play *play, double duration_s)
{
    for (guint i = 0; i < play->sendings->len; i++) {
        Sending *sending = &g_array_index(play->sendings, Sending, i);

        if (sending->step == STEP_RESUME) {
            sending->left_s -= duration_s;
        } else {
            sending->left_mib -= flows_rate(play->flows, sending->flow) * duration_s;
        }
    }
    play->now_s += duration_s;
}

static void finish_steps(Play *play)
{
    for (guint i = 0; i < play->sendings->len;) {
        Sending *sending = &g_array_index(play->sendings, Sending, i);
        gboolean is_over = sending->step == STEP_RESUME ? sending->left_s <= 1e-12 : sending->left_mib <= DONE_MIB;

        if (is_over && !next_step(play, sending)) {
            g_array_remove_index(play->sendings, i);
        } else {
            i++;
        }
    }
}

/* CPU demand per host at this moment, in cores. */
static double *demand_now(const Play *play)
{
    const GbmWorld *world = play->world;
    double *demand = g_new0(double, world->problem.hosts_length);
    guint sample = gbm_world_sample(world, play->now_s);

    for (guint v = 0; v < world->problem.vms_length; v++) {
        double cores = world->vms[v].reserved[RESOURCE_CPU];

        demand[play->host_of[v]] += cores * world->cpu_load[(gsize)v * world->samples + sample];
    }
    for (guint i = 0; i < play->sendings->len; i++) {
        const PlaceMove *move = g_array_index(play->sendings, Sending, i).move;
        const PlaceVm *vm = &world->vms[move->vm];
        double extra =
            MIGRATION_CPU * vm->reserved[RESOURCE_CPU] * world->cpu_load[(gsize)move->vm * world->samples + sample];

        demand[move->source] += extra;
        demand[move->destination] += extra;
    }
    return demand;
}

static double response_ms(const PlaceHost *host, double demand)
{
    return SERVICE_MS / (1 - fmin(demand / host->capacity[RESOURCE_CPU], BUSY_MAX));
}

static void take_sample(Play *play)
{
    g_autofree double *demand = demand_now(play);
    GbmValues *values = &play->run->values;
    double sum[2] = {0, 0};
    guint count[2] = {0, 0}, at = play->samples_taken++;

    for (guint h = 0; h < play->world->problem.hosts_length; h++) {
        double response = response_ms(&play->world->hosts[h], demand[h]);

        if (demand[h] > 0) {
            sum[0] += response;
            count[0]++;
        }
        if (play->was_overloaded[h]) {
            sum[1] += response;
            count[1]++;
        }
    }
    play->run->curve_all_ms[at] = count[0] ? (float)(sum[0] / count[0]) : NAN;
    play->run->curve_overloaded_ms[at] = count[1] ? (float)(sum[1] / count[1]) : NAN;
    if (play->now_s < GBM_DECISION_S) {
        return;
    }
    values->response_all_ms = fmax(values->response_all_ms, play->run->curve_all_ms[at]);
    values->response_peak_ms = fmax(values->response_peak_ms, play->run->curve_overloaded_ms[at]);
    if (play->moves_done == play->result->moves->len) {
        play->response_after_sum_ms += play->run->curve_overloaded_ms[at];
        play->response_after_count++;
    }
}

static gboolean play_on(Play *play, GError **error)
{
    while (play->samples_taken < GBM_CURVE_POINTS || play->moves_done < play->result->moves->len) {
        double next_sample_s = play->samples_taken * GBM_CURVE_STEP_S;
        double duration_s = play->samples_taken < GBM_CURVE_POINTS ? next_sample_s - play->now_s : INFINITY;

        if (play->now_s >= GBM_DECISION_S) {
            start_what_can(play);
        }
        flows_update(play->flows);
        for (guint i = 0; i < play->sendings->len; i++) {
            duration_s = fmin(duration_s, time_left(play, &g_array_index(play->sendings, Sending, i)));
        }
        pass_time(play, duration_s);
        finish_steps(play);
        if (play->samples_taken < GBM_CURVE_POINTS && play->now_s >= next_sample_s - 1e-9) {
            take_sample(play);
            flows_update(play->flows);
            if (!flows_check(play->flows, error)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

static void find_overloaded(Play *play)
{
    const PlaceProblem *problem = &play->world->problem;
    g_autofree double *sums = g_new0(double, (gsize)problem->hosts_length *RESOURCE_COUNT);

    for (guint v = 0; v < problem->vms_length; v++) {
        for (guint r = 0; r < RESOURCE_COUNT; r++) {
            sums[problem->vms[v].host * RESOURCE_COUNT + r] += problem->vms[v].demand[r];
        }
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        for (guint r = 0; r < RESOURCE_COUNT; r++) {
            double high = play->options->safe_high * problem->hosts[h].capacity[r];

            play->was_overloaded[h] |= sums[h * RESOURCE_COUNT + r] > high * (1 + 1e-6);
        }
    }
}

/* Every VM is where its move was to bring it, the others are where they were. */
static gboolean check_places(const Play *play, GError **error)
{
    g_autofree guint *wanted = g_new(guint, play->world->problem.vms_length);

    for (guint v = 0; v < play->world->problem.vms_length; v++) {
        wanted[v] = play->world->vms[v].host;
    }
    for (guint i = 0; i < play->result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(play->result->moves, PlaceMove, i);

        wanted[move->vm] = move->destination;
    }
    for (guint v = 0; v < play->world->problem.vms_length; v++) {
        if (play->host_of[v] != wanted[v]) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "VM %u is on host %u after the moves, not on %u", v,
                        play->host_of[v], wanted[v]);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean gbm_play(const GbmWorld *world, const PlaceOptions *options, const PlaceResult *result, GbmRun *run,
                  GError **error)
{
    g_autoptr(Flows) flows = flows_new_for(world->topology, GBM_FLOOR_SHARE * world->link_mib_per_s);
    g_autofree guint *host_of = g_new(guint, world->problem.vms_length);
    g_autofree guint8 *was_overloaded = g_new0(guint8, world->problem.hosts_length);
    g_autofree guint8 *was_started = g_new0(guint8, result->moves->len + 1);
    g_autofree guint8 *is_sending = g_new0(guint8, world->problem.hosts_length);
    g_autoptr(GArray) sendings = g_array_new(FALSE, FALSE, sizeof(Sending));
    g_autoptr(GArray) route = g_array_new(FALSE, FALSE, sizeof(guint));
    Play play = {.world = world,
                 .options = options,
                 .result = result,
                 .run = run,
                 .flows = flows,
                 .host_of = host_of,
                 .was_overloaded = was_overloaded,
                 .was_started = was_started,
                 .is_sending = is_sending,
                 .sendings = sendings,
                 .route = route};

    for (guint v = 0; v < world->problem.vms_length; v++) {
        host_of[v] = world->vms[v].host;
    }
    find_overloaded(&play);
    play.traffic = gbm_traffic_new(world, flows, host_of);
    gboolean ok = play_on(&play, error) && check_places(&play, error);
    gbm_traffic_free(play.traffic);
    run->values.response_after_ms =
        play.response_after_count ? play.response_after_sum_ms / play.response_after_count : NAN;
    return ok;
}
