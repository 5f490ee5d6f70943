/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated pairs of relays; see relay-sim.h.
 *
 * Theory of operation.  A pair is bound to its VM when it is started (WorldVm.relay_pair); the job that begins with
 * the pair's socket takes it over from there and tells it when it ends.  Meanwhile the pair looks at the job as often
 * as real relays say something, and repeats what the governor said.  An agent that goes away takes what is heard with
 * it, not the migration. */
#include "sim/relay-sim.h"
#include "sim/world-private.h"

#include <math.h>

#define START_NS  (200 * NS_PER_MS) /* two agents start a relay each */
#define STATUS_NS (200 * NS_PER_MS)

typedef struct SimRelays {
    RelayProvider table;
    World *world;
} SimRelays;

struct RelayPair {
    World *world;
    WorldVm *vm;
    WorldHost *source, *destination;
    RelayEventFunc func;
    gpointer user;
    RelayFigures figures;
    gboolean is_ready;
    gboolean is_over;     /* its job has ended */
    gboolean has_arrived; /* with all that QEMU said */
    gboolean is_hopeless; /* that was told */
    guint timer;
};

static void on_time(gpointer data);

static void set_timer(RelayPair *pair, gint64 after_ns)
{
    World *world = pair->world;

    world->clock->cancel(world->clock, pair->timer);
    pair->timer = clock_virtual_at(world->clock, world_now(world) + after_ns, CLOCK_RANK_ANSWER, on_time, pair);
}

static void forget(RelayPair *pair)
{
    Clock *clock = pair->world->clock;

    clock->cancel(clock, pair->timer);
    if (pair->vm && pair->vm->relay_pair == pair) {
        pair->vm->relay_pair = NULL;
    }
    if (pair->vm && pair->vm->job && pair->vm->job->relay.pair == pair) {
        pair->vm->job->relay.pair = NULL;
    }
    g_free(pair);
}

/* The last event: the pair is gone. */
static void end(RelayPair *pair, const GError *error)
{
    RelayEvent event = {.kind = RELAY_EVENT_ENDED,
                        .figures = pair->is_ready ? &pair->figures : NULL,
                        .error = error,
                        .fault = FAULT_UNKNOWN};
    RelayEventFunc func = pair->func;
    gpointer user = pair->user;
    RelayFigures figures = pair->figures;

    event.figures = event.figures ? &figures : NULL;
    forget(pair);
    func(&event, user);
}

/* A host whose agent cannot be asked; NULL: both can. */
static const WorldHost *silent_host(const RelayPair *pair)
{
    const WorldHost *hosts[] = {pair->source, pair->destination};

    for (guint i = 0; i < G_N_ELEMENTS(hosts); i++) {
        if (hosts[i]->state == WORLD_HOST_DEAD || !hosts[i]->has_agent) {
            return hosts[i];
        }
    }
    return NULL;
}

static void get_ready(RelayPair *pair)
{
    const WorldHost *silent = silent_host(pair);
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;

    if (!pair->vm || silent) {
        error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "agent on %s: it does not answer",
                            silent ? silent->name : pair->source->name);
        end(pair, error);
        return;
    }
    pair->is_ready = TRUE;
    pair->vm->relay_pair = pair;
    path = g_strdup_printf("sim:/relay/%s", pair->vm->name);
    set_timer(pair, STATUS_NS);
    pair->func(&(RelayEvent){.kind = RELAY_EVENT_READY, .socket_path = path}, pair->user);
}

/* At most one event each time: whoever hears it may forget the pair. */
static void tell(RelayPair *pair)
{
    DriverJob *job = pair->vm->job;
    const GovernorVerdict *verdict = job ? &job->relay.verdict : NULL;

    if (!job || !job->relay.is_on) {
        return;
    }
    world_relay_figures(job, &pair->figures);
    if (verdict->cannot_converge && !pair->is_hopeless && job->stage == STAGE_PASS) {
        pair->is_hopeless = TRUE;
        pair->func(&(RelayEvent){.kind = RELAY_EVENT_CANNOT_CONVERGE, .reason = verdict->reason}, pair->user);
        return;
    }
    pair->func(&(RelayEvent){.kind = RELAY_EVENT_STATUS, .figures = &pair->figures}, pair->user);
}

static void on_time(gpointer data)
{
    RelayPair *pair = data;
    const WorldHost *silent;

    pair->timer = 0;
    world_note(pair->world, "a relay", pair->vm ? pair->vm->name : NULL);
    if (!pair->is_ready) {
        get_ready(pair);
        return;
    }
    silent = silent_host(pair);
    if (silent) { /* never heard of again */
        g_autoptr(GError) lost =
            g_error_new(GODWIT_ERROR, GODWIT_ERROR_LOST, "agent on %s: it does not answer", silent->name);

        pair->func(&(RelayEvent){.kind = RELAY_EVENT_UNWATCHED, .error = lost}, pair->user);
        return;
    }
    if (pair->is_over) {
        g_autoptr(GError) error = pair->has_arrived
                                      ? NULL
                                      : g_error_new(GODWIT_ERROR, GODWIT_ERROR_FAILED,
                                                    "relay on %s: QEMU closed before all was sent", pair->source->name);

        end(pair, error);
        return;
    }
    set_timer(pair, STATUS_NS);
    tell(pair);
}

void world_relay_job_ends(DriverJob *job, gboolean has_arrived)
{
    RelayPair *pair = job->relay.pair;

    if (pair) {
        world_relay_figures(job, &pair->figures);
        pair->is_over = TRUE;
        pair->has_arrived = has_arrived;
        job->relay.pair = NULL;
        set_timer(pair, job->world->rules.answer_ns);
    }
}

/* ---- the table ---- */

static RelayPair *start(RelayProvider *provider, const RelayRequest *request, RelayEventFunc func, gpointer user)
{
    SimRelays *relays = (SimRelays *)provider;
    RelayPair *pair = g_new0(RelayPair, 1);

    pair->world = relays->world;
    pair->vm = world_vm_named(relays->world, request->step->uuid);
    pair->source = world_host_named(relays->world, request->step->source);
    pair->destination = world_host_named(relays->world, request->step->destination);
    pair->func = func;
    pair->user = user;
    relay_figures_init(&pair->figures);
    set_timer(pair, START_NS);
    return pair;
}

static void set_rate(RelayPair *pair, guint64 bytes_per_s)
{
    DriverJob *job = pair->vm ? pair->vm->job : NULL;

    if (job && job->relay.pair == pair) {
        world_net_set_limit(job, bytes_per_s ? (double)bytes_per_s / (double)MIB : INFINITY);
    }
}

static void set_downtime_limit(RelayPair *pair, gint64 limit_ns)
{
    DriverJob *job = pair->vm ? pair->vm->job : NULL;

    if (job && job->relay.pair == pair) {
        job->relay.governor.config.downtime_limit_s = (double)limit_ns / (double)NS_PER_S;
    }
}

static void close_relays(RelayProvider *provider)
{
    g_free(provider);
}

RelayProvider *relay_sim_new(World *world)
{
    SimRelays *relays = g_new0(SimRelays, 1);

    relays->table = (RelayProvider){.name = "sim",
                                    .start = start,
                                    .set_rate = set_rate,
                                    .set_downtime_limit = set_downtime_limit,
                                    .forget = forget,
                                    .close = close_relays};
    relays->world = world;
    return &relays->table;
}
