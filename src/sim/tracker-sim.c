/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulated guest's tracker; see tracker-sim.h.
 *
 * The table's open knows only a map of real memory, of which there is none here; so the guest is handed over in
 * 'opening', which tracker_sim_sampler sets around the only call that opens these trackers. */
#include "sim/tracker-sim.h"
#include "sim/world-private.h"

typedef struct SimTracker {
    Tracker tracker;
    World *world;
    const WorldVm *vm;
    const WorldHost *host;
    Rng rng;
    gint64 armed_ns;
} SimTracker;

typedef struct Opening {
    World *world;
    const WorldVm *vm;
    const WorldHost *host;
    guint64 opened;
} Opening;

static Opening opening;

static gboolean sim_probe(char **why)
{
    *why = opening.world ? NULL : g_strdup("there is no simulated guest");
    return opening.world != NULL;
}

static Tracker *sim_open(RamMap *map G_GNUC_UNUSED, guint64 seed, GError **error)
{
    g_autofree char *why = NULL;

    if (!sim_probe(&why)) {
        g_set_error_literal(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED, why);
        return NULL;
    }
    SimTracker *self = g_new0(SimTracker, 1);

    self->tracker.ops = &TRACKER_SIM;
    self->world = opening.world;
    self->vm = opening.vm;
    self->host = opening.host;
    self->rng = rng_stream(seed ^ opening.world->rules.seed, 2 * (guint64)opening.vm->index + opening.opened++);
    return &self->tracker;
}

static gboolean is_here(const SimTracker *self, GError **error)
{
    const WorldCopy *copy = world_copy_at(self->vm, self->host);

    if (!copy || copy->is_incoming) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "VM %s does not run on %s any more", self->vm->name,
                    self->host->name);
        return FALSE;
    }
    return TRUE;
}

static gboolean sim_arm(Tracker *tracker, gint64 budget_ns G_GNUC_UNUSED, GError **error)
{
    SimTracker *self = (SimTracker *)tracker;

    self->armed_ns = world_now(self->world);
    return is_here(self, error);
}

/* A count of pages as somebody sees it who looks at samples. */
static double flawed(SimTracker *self, double mib, const WorldVm *vm)
{
    double pages = mib / PAGE_MIB;

    return CLAMP(pages * rng_normal(&self->rng, 1, self->world->rules.flaw_share), 0, vm->used_mib / PAGE_MIB);
}

static gboolean sim_scan(Tracker *tracker, TrackerScan *scan, GError **error)
{
    SimTracker *self = (SimTracker *)tracker;
    const WorldVm *vm = self->vm;
    gint64 now_ns = world_now(self->world);
    const WorldCopy *copy;
    double written_mib = 0;
    double read_mib = 0;

    if (!is_here(self, error)) {
        return FALSE;
    }
    copy = world_copy_at(vm, self->host);
    if (copy->runs) {
        written_mib = world_written_mib(vm, self->armed_ns, now_ns);
        read_mib = world_read_mib(vm, self->armed_ns, now_ns);
    }
    scan->written_pages = flawed(self, written_mib, vm);
    scan->accessed_pages = scan->written_pages + flawed(self, read_mib, vm);
    scan->written_pages_variance =
        scan->written_pages * scan->written_pages * self->world->rules.flaw_share * self->world->rules.flaw_share;
    scan->dirty_bytes = scan->written_pages * vm->load.dirty_bytes_per_page;
    scan->disturbance_ns = TRACKER_SIM_COST_NS;
    return TRUE;
}

static gint64 sim_expected_ns(const RamMap *map G_GNUC_UNUSED)
{
    return TRACKER_SIM_COST_NS;
}

const TrackerOps TRACKER_SIM = {
    "sim", TRUE, TRUE, sim_probe, sim_open, sim_arm, sim_scan, sim_expected_ns, (void (*)(Tracker *))g_free,
};

gint64 tracker_sim_cpu_ns(void)
{
    return 0;
}

Sampler *tracker_sim_sampler(World *world, const char *vm, const char *host, gint64 scan_ns, guint64 seed,
                             GError **error)
{
    static const TrackerOps *const ops[WINDOW_KINDS] = {&TRACKER_SIM, &TRACKER_SIM};
    const WorldVm *guest = world_vm_named(world, vm);
    const WorldHost *at = world_host_named(world, host);
    const WorldCopy *copy = guest && at ? world_copy_at(guest, at) : NULL;
    Sampler *sampler;

    if (!copy || copy->is_incoming) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "VM %s does not run on %s", vm, host);
        return NULL;
    }
    opening = (Opening){world, guest, at, 0};
    sampler = sampler_new(vm, NULL, ops, seed, scan_ns, world->clock, tracker_sim_cpu_ns, error);
    opening = (Opening){0};
    return sampler;
}
