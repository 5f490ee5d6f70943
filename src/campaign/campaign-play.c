/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan played in virtual time: what it would do, before it does it.
 *
 * On a simulated fleet it is played in that fleet, whose faults then strike as they would.  For real hosts a world is
 * made of what they said and of what was measured: their memory and links, all VMs that they run, and for each VM of
 * the plan how fast it writes and over which memory.  The gang is the real one in both.
 *
 * What nobody knows is assumed, and said: a link whose rate the inventory does not have carries LINK_ASSUMED; a guest
 * whose writing was not measured writes nothing; one that did not come round to where it began within a period writes
 * over a quarter of its memory (the working set of seed 003's model); the whole memory of a guest is sent, since who
 * but its hypervisor knows which pages are zero; disks are not copied. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "base/units.h"
#include "model/prediction.h"

#include <math.h>

#define LINK_ASSUMED      ((guint64)125000000) /* 1 Gbit/s */
#define WORKING_SET_SHARE 0.25
#define SEEN_WHOLE_SHARE  0.8 /* of what it touched in a period: below that it touched something twice */
#define LIMIT_NS          (30 * 24 * 3600 * NS_PER_S)

/* ---- a world of real hosts ---- */

typedef struct Making {
    Campaign *campaign;
    const Plan *plan;
    Prediction *prediction;
    World *world;
    guint unmeasured;
    guint unknown_links;
} Making;

/* The most that a pass can find dirty: what was touched in a period, when that was all there is. */
static double write_set_mib(const Classification *measured, const Vm *vm)
{
    double touched_bytes = (measured->mean_written_pages_per_s + measured->mean_read_pages_per_s) * 4096;

    if (measured->working_set_bytes < SEEN_WHOLE_SHARE * touched_bytes) {
        return measured->working_set_bytes / (double)MIB;
    }
    return WORKING_SET_SHARE * (double)vm->ram_bytes / (double)MIB;
}

static WorldLoad load_of(Making *making, const PlanStep *step, const Vm *vm)
{
    const Classification *measured = step ? step->choice->classification : NULL;
    WorldLoad load = {0};

    if (!measured || !(measured->mean_written_pages_per_s >= 0)) {
        making->unmeasured += step != NULL;
        return load;
    }
    load.written_mib_per_s = measured->mean_written_pages_per_s * 4096 / (double)MIB;
    load.read_mib_per_s =
        measured->mean_read_pages_per_s >= 0 ? measured->mean_read_pages_per_s * 4096 / (double)MIB : 0;
    load.write_set_mib = write_set_mib(measured, vm);
    load.read_set_mib = load.write_set_mib;
    load.dirty_bytes_per_page = measured->dirty_bytes_per_page > 0 ? measured->dirty_bytes_per_page : 4096;
    return load;
}

static const PlanStep *find_step(const Plan *plan, const Vm *vm)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        if (g_ascii_strcasecmp(plan_step_at(plan, i)->uuid, vm->uuid) == 0) {
            return plan_step_at(plan, i);
        }
    }
    return NULL;
}

/* A VM that is on two hosts at once, or twice of one name, is there once: the checks have more to say about that. */
static void add_vms(Making *making, guint host, const HostFacts *facts)
{
    for (guint i = 0; i < facts->vms->len; i++) {
        const Vm *vm = g_ptr_array_index(facts->vms, i);
        const PlanStep *step = find_step(making->plan, vm);

        world_add_vm(making->world, host,
                     &(WorldVmSpec){.name = vm->name,
                                    .uuid = step ? step->uuid : vm->uuid,
                                    .ram_bytes = vm->ram_bytes,
                                    .vcpus = vm->vcpus,
                                    .is_paused = vm->state == VM_STATE_PAUSED,
                                    .load = load_of(making, step, vm)},
                     NULL);
    }
}

static gboolean add_host(Making *making, const char *name, GError **error)
{
    const HostConfig *config = inventory_resolve(making->campaign->inventory, name, error);
    g_autoptr(HostFacts) facts = config ? campaign_ask_host(making->campaign, config->name, error) : NULL;
    guint host;

    if (!facts) {
        return FALSE;
    }
    making->unknown_links += !config->link_bytes_per_s;
    host = world_add_host(making->world, &(WorldHostSpec){.name = name,
                                                          .cpus = facts->cpus,
                                                          .memory_bytes = facts->memory_bytes,
                                                          .link_bytes_per_s = config->link_bytes_per_s ?: LINK_ASSUMED,
                                                          .has_no_postcopy = !facts->can_postcopy});
    add_vms(making, host, facts);
    return TRUE;
}

static guint count_multifd(const Plan *plan)
{
    guint count = 0;

    for (guint i = 0; i < plan->steps->len; i++) {
        count += plan_step_at(plan, i)->choice->way == WAY_MULTIFD;
    }
    return count;
}

static void say_what_was_assumed(Making *making)
{
    Prediction *prediction = making->prediction;
    guint multifd = count_multifd(making->plan);

    if (making->unmeasured) {
        prediction_add_note(prediction,
                            g_strdup_printf("%u VM%s not measured: taken to write nothing", making->unmeasured,
                                            making->unmeasured == 1 ? " was" : "s were"));
    }
    if (making->unknown_links) {
        g_autofree char *rate = rate_format(LINK_ASSUMED);

        prediction_add_note(prediction,
                            g_strdup_printf("the inventory has no link rate for %u host%s: %s is assumed",
                                            making->unknown_links, making->unknown_links == 1 ? "" : "s", rate));
    }
    if (multifd) {
        prediction_add_note(prediction, g_strdup_printf("%u VM%s over several connections, compressed, %s played as if sent "
                                                        "the plain way, which takes longer",
                                                        multifd, multifd == 1 ? "" : "s", multifd == 1 ? "is" : "are"));
    }
    if (making->plan->options.copy_storage != COPY_STORAGE_NONE) {
        prediction_add_note(prediction, g_strdup("the copying of disks is not predicted"));
    }
}

static SimFleet *fleet_of_facts(Campaign *campaign, const Plan *plan, Prediction *prediction, GError **error)
{
    WorldRules rules;
    Clock *clock = clock_virtual_new();

    world_rules_init(&rules);
    rules.checks_memory = FALSE;
    clock_virtual_run_until(clock, NS_PER_S); /* time 0 means "never" in an outcome */
    Making making = {
        campaign, plan, prediction, world_new(clock, topology_flat(MAX(prediction->hosts_length, 2)), &rules), 0, 0};

    for (guint i = 0; i < prediction->hosts_length; i++) {
        if (!add_host(&making, prediction->hosts[i], error)) {
            world_free(making.world);
            clock->close(clock);
            return NULL;
        }
    }
    say_what_was_assumed(&making);
    return sim_fleet_new(clock, making.world);
}

/* ---- playing ---- */

typedef struct Play {
    SimFleet *fleet;
    Prediction *prediction;
    guint *hosts;      /* [hosts of the prediction] in the world */
    gboolean *is_over; /* [steps] */
    gboolean is_done;
} Play;

static guint64 *take_peaks(Play *play)
{
    guint64 *peaks = g_new0(guint64, play->prediction->hosts_length + 1);

    for (guint i = 0; i < play->prediction->hosts_length; i++) {
        peaks[i] = world_host_peak_bytes(play->fleet->world, play->hosts[i]);
    }
    world_reset_peaks(play->fleet->world);
    return peaks;
}

static void on_progress(Gang *gang, int changed, gpointer user)
{
    Play *play = user;
    gint64 passed_ns;

    if (changed < 0 || play->is_over[changed] || gang_progress(gang, (guint)changed)->phase != PHASE_DONE) {
        return;
    }
    play->is_over[changed] = TRUE;
    passed_ns = play->fleet->clock->now_ns(play->fleet->clock) - play->prediction->start_ns;
    prediction_add_step(play->prediction, (guint)changed, (double)passed_ns / (double)NS_PER_S, take_peaks(play));
}

static void on_done(GangOutcome *outcome, gpointer user)
{
    Play *play = user;

    play->prediction->outcome = outcome;
    play->is_done = TRUE;
}

static gboolean run_gang(Play *play, Campaign *campaign, const Plan *plan, GError **error)
{
    World *world = play->fleet->world;
    Clock *clock = play->fleet->clock;
    g_autoptr(Gang) gang =
        gang_new(plan, campaign->inventory->hosts, play->fleet->driver, clock, on_progress, on_done, play);

    gang_set_relays(gang, play->fleet->relays);
    gang_start(gang);
    while (!play->is_done && !world_broken(world) && clock->now_ns(clock) - play->prediction->start_ns < LIMIT_NS &&
           clock_virtual_step(clock)) {
        world_check(world);
    }
    world_check_all(world);
    if (!play->is_done || world_broken(world)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "the plan could not be played: %s",
                    world_broken(world) ? world_broken(world) : "it does not come to an end within 30 days");
        return FALSE;
    }
    return TRUE;
}

static void note_start(Play *play)
{
    Prediction *prediction = play->prediction;
    const World *world = play->fleet->world;

    world_reset_peaks(play->fleet->world);
    prediction->seed = world_seed(world);
    prediction->start_ns = play->fleet->clock->now_ns(play->fleet->clock);
    for (guint i = 0; i < prediction->hosts_length; i++) {
        play->hosts[i] = world_find_host(world, prediction->hosts[i]);
        prediction->memory_bytes[i] = world_host_memory_bytes(world, play->hosts[i]);
        prediction->start_bytes[i] = world_host_promised_bytes(world, play->hosts[i]);
    }
}

/* Takes 'taken' over. */
static Prediction *play_in(Campaign *campaign, SimFleet *fleet, const Plan *plan, Prediction *taken, GError **error)
{
    g_autoptr(Prediction) prediction = taken;
    g_autofree guint *hosts = g_new0(guint, prediction->hosts_length + 1);
    g_autofree gboolean *is_over = g_new0(gboolean, plan->steps->len + 1);
    Play play = {fleet, prediction, hosts, is_over, FALSE};

    note_start(&play);
    if (!run_gang(&play, campaign, plan, error)) {
        return NULL;
    }
    for (guint i = 0; i < prediction->hosts_length; i++) {
        prediction->end_bytes[i] = world_host_promised_bytes(fleet->world, hosts[i]);
    }
    campaign_ask_simulated_guests(fleet, prediction->outcome);
    gang_outcome_update(prediction->outcome);
    prediction_update(prediction);
    return g_steal_pointer(&prediction);
}

Prediction *campaign_predict(Campaign *campaign, const Plan *plan, GError **error)
{
    g_autoptr(Prediction) prediction = prediction_new(plan);
    g_autoptr(SimFleet) fleet = fleet_of_facts(campaign, plan, prediction, error);

    return fleet ? play_in(campaign, fleet, plan, g_steal_pointer(&prediction), error) : NULL;
}

Prediction *campaign_play(Campaign *campaign, const Plan *plan, GError **error)
{
    return campaign->fleet ? play_in(campaign, campaign->fleet, plan, prediction_new(plan), error)
                           : campaign_predict(campaign, plan, error);
}
