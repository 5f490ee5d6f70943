/* SPDX-License-Identifier: Apache-2.0
 *
 * What must always be true of the world; see world.h.
 *
 * Theory of operation.  Everything that changes a VM or a host touches it (world.c), and world_check looks at what was
 * touched, so that an event costs what it changed and not the size of the fleet.  Now and then, and at the end, all of
 * it is looked at: that finds what changed without being touched, and compares the two accounts of what links carried.
 * The rounding of transfers' ends to whole nanoseconds is what these may differ by. */
#include "sim/world-private.h"

#include <math.h>
#include <stdarg.h>

#define ALL_EVERY     4096
#define CARRIED_SHARE 1e-6 /* of what was carried */
#define CARRIED_MIB   0.01

void world_break(World *world, const char *format, ...)
{
    va_list arguments;

    if (world->broken) {
        return;
    }
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    world->broken = g_strdup_printf(
        "seed %" G_GUINT64_FORMAT ": at %.6f s, after event %" G_GUINT64_FORMAT " (%s, %s): %s", world->rules.seed,
        (double)world_now(world) / (double)NS_PER_S, clock_virtual_fired(world->clock),
        world->event ? world->event : "none", world->event_whom ? world->event_whom : "nobody", what);
}

/* ---- one copy ---- */

static void check_vm(World *world, const WorldVm *vm)
{
    guint running = 0;

    for (guint i = 0; i < vm->copies->len; i++) {
        const WorldCopy *copy = g_ptr_array_index(vm->copies, i);

        running += copy->runs;
        if (copy->runs && copy->is_incoming) {
            world_break(world, "one copy: VM %s runs on %s, where it still arrives", vm->name, copy->host->name);
        }
        if (copy->runs && copy->host->state == WORLD_HOST_DEAD) {
            world_break(world, "one copy: VM %s runs on %s, which is gone", vm->name, copy->host->name);
        }
    }
    if (running > 1) {
        world_break(world, "one copy: VM %s runs on %u hosts", vm->name, running);
    }
    if (running == 0 && !vm->is_ended && !vm->was_paused && !vm->is_switching) {
        world_break(world, "one copy: VM %s runs nowhere", vm->name);
    }
    if (vm->is_switching && !vm->job && !vm->is_ended && vm->lacking_mib <= 0) {
        world_break(world, "one copy: VM %s stands still and nobody moves it", vm->name);
    }
}

/* ---- memory ---- */

static void check_host(World *world, const WorldHost *host)
{
    if (world->rules.checks_memory && host->promised_bytes > host->memory_bytes) {
        g_autofree char *promised = size_format(host->promised_bytes);
        g_autofree char *present = size_format(host->memory_bytes);

        world_break(world, "memory: %s is promised on host %s, which has %s", promised, host->name, present);
    }
}

static void recount_host(World *world, const WorldHost *host)
{
    guint64 sum_bytes = 0;

    for (guint i = 0; i < host->copies->len; i++) {
        sum_bytes += ((const WorldCopy *)g_ptr_array_index(host->copies, i))->vm->ram_bytes;
    }
    if (sum_bytes != host->promised_bytes) {
        world_break(world,
                    "memory: host %s has VMs of %" G_GUINT64_FORMAT " bytes, its account says %" G_GUINT64_FORMAT,
                    host->name, sum_bytes, host->promised_bytes);
    }
}

/* ---- link ---- */

static void check_links(World *world)
{
    g_autoptr(GError) error = NULL;

    if (!world->rates_timer && !flows_check(world->flows, &error)) {
        world_break(world, "link: %s", error->message);
    }
    world_net_carry_all(world);
    for (guint link = 0; link < topology_links(world->topology); link++) {
        double carried = world->carried_mib[link];
        double expected = world->expected_mib[link];

        if (fabs(carried - expected) > CARRIED_MIB + CARRIED_SHARE * expected) {
            world_break(world, "link: %u carried %.6f MiB, migrations sent %.6f MiB over it", link, carried, expected);
        }
    }
}

void world_check_rates(World *world, const DriverJob *job)
{
    for (guint r = 0; r < job->route->len; r++) {
        guint link = g_array_index(job->route, guint, r);
        double rate = flows_link_rate(world->flows, link);
        double capacity = flows_capacity(world->flows, link);

        if (rate > capacity * (1 + 1e-9) + 1e-9) {
            world_break(world, "link: %u carries %.6f MiB/s, its capacity is %.6f", link, rate, capacity);
        }
    }
}

/* ---- all ---- */

static void check_time(World *world)
{
    if (world_now(world) < world->checked_ns) {
        world_break(world, "time: it was %.6f s already", (double)world->checked_ns / (double)NS_PER_S);
    }
    world->checked_ns = world_now(world);
}

void world_check(World *world)
{
    check_time(world);
    for (guint i = 0; i < world->touched_vms->len; i++) {
        WorldVm *vm = g_ptr_array_index(world->touched_vms, i);

        vm->is_touched = FALSE;
        check_vm(world, vm);
    }
    for (guint i = 0; i < world->touched_hosts->len; i++) {
        WorldHost *host = g_ptr_array_index(world->touched_hosts, i);

        host->is_touched = FALSE;
        check_host(world, host);
    }
    g_ptr_array_set_size(world->touched_vms, 0);
    g_ptr_array_set_size(world->touched_hosts, 0);
    if (++world->events % ALL_EVERY == 0) {
        world_check_all(world);
    }
}

void world_check_all(World *world)
{
    for (guint i = 0; i < world->vms->len; i++) {
        check_vm(world, world_vm(world, i));
    }
    for (guint i = 0; i < world->hosts->len; i++) {
        check_host(world, world_host(world, i));
        recount_host(world, world_host(world, i));
    }
    check_links(world);
}

const char *world_broken(const World *world)
{
    return world->broken;
}
