/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts, links and guests that fail, and come back: each fault is an event of the first rank, and so is its end. */
#include "sim/world-private.h"

typedef struct Strike {
    World *world;
    WorldFault fault;
    guint begin_timer;
    guint end_timer;
} Strike;

void world_strike_free(gpointer data)
{
    Strike *strike = data;
    Clock *clock = strike->world->clock;

    clock->cancel(clock, strike->begin_timer);
    clock->cancel(clock, strike->end_timer);
    g_free(strike);
}

/* Its copies go; a guest whose only whole copy was here is gone, and that is the host's fault. */
static void kill_copies(World *world, WorldHost *host)
{
    while (host->copies->len > 0) {
        WorldCopy *copy = g_ptr_array_index(host->copies, host->copies->len - 1);

        copy->vm->is_ended |= !copy->is_incoming;
        world_remove_copy(world, copy);
    }
}

static void set_host(World *world, WorldHost *host, WorldHostState state)
{
    if (host->state == WORLD_HOST_DEAD && state == WORLD_HOST_NO_LIBVIRTD) {
        return;
    }
    host->state = state;
    if (state == WORLD_HOST_DEAD) {
        kill_copies(world, host);
    }
    world_jobs_look(world, host);
}

static void set_link(World *world, WorldHost *host, double share)
{
    host->link_left = share;
    world_net_set_host_link(world, host);
}

/* The guest shuts down by itself, wherever it is. */
static void end_vm(World *world, WorldVm *vm)
{
    vm->is_ended = TRUE;
    for (guint i = vm->copies->len; i-- > 0;) {
        WorldCopy *copy = g_ptr_array_index(vm->copies, i);

        if (!copy->is_incoming) {
            world_remove_copy(world, copy);
        }
    }
    world_net_move_talks(world, vm);
    if (vm->job) {
        world_job_fail(vm->job, GODWIT_ERROR_FAILED, FAULT_GUEST, "the guest has shut down");
    }
}

static double slow_share(const World *world, const WorldHost *host, double mib_per_s)
{
    double whole = world_host_link_mib_per_s(world, host);

    return whole > 0 ? MIN(mib_per_s / whole, 1) : 1;
}

static void on_strike(gpointer data)
{
    Strike *strike = data;
    World *world = strike->world;
    const WorldFault *fault = &strike->fault;
    WorldHost *host = fault->kind == WORLD_FAULT_VM ? NULL : world_host(world, fault->target);

    strike->begin_timer = 0;
    world_note(world, world_fault_kind_name(fault->kind), host ? host->name : world_vm(world, fault->target)->name);
    switch (fault->kind) {
    case WORLD_FAULT_HOST:
        set_host(world, host, WORLD_HOST_DEAD);
        break;
    case WORLD_FAULT_LIBVIRTD:
        set_host(world, host, WORLD_HOST_NO_LIBVIRTD);
        break;
    case WORLD_FAULT_AGENT:
        host->has_agent = FALSE;
        break;
    case WORLD_FAULT_LINK:
        set_link(world, host, 0);
        break;
    case WORLD_FAULT_SLOW_LINK:
        set_link(world, host, slow_share(world, host, fault->mib_per_s));
        break;
    case WORLD_FAULT_VM:
        end_vm(world, world_vm(world, fault->target));
        break;
    }
}

static void on_mend(gpointer data)
{
    Strike *strike = data;
    World *world = strike->world;
    WorldHost *host = world_host(world, strike->fault.target);

    strike->end_timer = 0;
    world_note(world, "back again", host->name);
    switch (strike->fault.kind) {
    case WORLD_FAULT_HOST:
        set_host(world, host, WORLD_HOST_UP);
        break;
    case WORLD_FAULT_LIBVIRTD:
        set_host(world, host, host->state == WORLD_HOST_DEAD ? WORLD_HOST_DEAD : WORLD_HOST_UP);
        break;
    case WORLD_FAULT_AGENT:
        host->has_agent = TRUE;
        break;
    case WORLD_FAULT_LINK:
    case WORLD_FAULT_SLOW_LINK:
        set_link(world, host, 1);
        break;
    case WORLD_FAULT_VM:
        break;
    }
}

void world_add_fault(World *world, const WorldFault *fault)
{
    Strike *strike = g_new0(Strike, 1);

    *strike = (Strike){.world = world, .fault = *fault};
    g_ptr_array_add(world->strikes, strike);
    strike->begin_timer = clock_virtual_at(world->clock, fault->at_ns, CLOCK_RANK_FAULT, on_strike, strike);
    if (fault->until_ns > fault->at_ns && fault->kind != WORLD_FAULT_VM) {
        strike->end_timer = clock_virtual_at(world->clock, fault->until_ns, CLOCK_RANK_FAULT, on_mend, strike);
    }
}
