/* SPDX-License-Identifier: Apache-2.0
 *
 * How a migration of the world ends.
 *
 *     complete      the destination has everything and runs the guest; the source's copy goes
 *     roll back     before the switchover is certain, which it is not while the state of devices is on its way: the
 *                   source's copy runs on, the destination's is ended
 *     break         in post-copy: both copies stand still, each lacks something, and it can be taken up again
 *     unwatched     the source's libvirtd is gone: the migration goes on at the hosts, the controller hears no more */
#include "sim/world-private.h"

#include <math.h>

#define WATCH_LOST_NS (3 * NS_PER_S) /* until a controller notices that a libvirtd is gone */

/* The last event, when anybody watches; the job is gone. */
static void end(DriverJob *job, const GError *error, Fault blame, double downtime_ms)
{
    World *world = job->world;
    JobStats stats;
    JobEvent event = {.kind = JOB_EVENT_ENDED, .stats = &stats, .error = error, .blame = error ? blame : FAULT_NONE};

    world_net_stop(job);
    world_job_stats(job, &stats);
    stats.bytes_remaining = 0;
    stats.is_postcopy = job->is_postcopy;
    stats.downtime_ms = downtime_ms;
    world_relay_job_ends(job, !error);
    job->vm->job = NULL;
    job->source->outgoing--;
    job->destination->incoming--;
    g_ptr_array_remove_fast(world->jobs, job);
    world_touch_vm(world, job->vm);
    world_job_report(job, event);
    world_job_free(job);
}

void world_job_complete(DriverJob *job)
{
    World *world = job->world;
    WorldVm *vm = job->vm;
    WorldCopy *source = world_copy_at(vm, job->source);
    WorldCopy *destination = world_copy_at(vm, job->destination);
    double downtime_ms = (double)(world_now(world) - vm->standing_ns) / (double)NS_PER_MS;

    if (job->is_postcopy || vm->was_paused) {
        downtime_ms = job->is_postcopy ? (double)NAN : 0;
    }
    destination->is_incoming = FALSE;
    world_remove_copy(world, source);
    world_set_copy(world, destination, vm->was_paused ? VM_STATE_PAUSED : VM_STATE_RUNNING, !vm->was_paused);
    vm->is_switching = FALSE;
    vm->lacking_mib = 0;
    world_net_move_talks(world, vm);
    if (!job->is_postcopy) {
        world_job_report(job, (JobEvent){.kind = JOB_EVENT_SWITCHED, .phase = PHASE_FINISH});
    }
    world_job_report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_CONFIRM});
    end(job, NULL, FAULT_NONE, downtime_ms);
}

/* Both copies stand still and lack something. */
static void break_stream(DriverJob *job)
{
    WorldVm *vm = job->vm;

    if (job->stage == STAGE_POSTCOPY) {
        vm->lacking_mib = world_net_left_mib(job) / world_job_wire_share(job);
    }
    world_net_stop(job);
    vm->is_switching = TRUE;
    world_set_copy(job->world, world_copy_at(vm, job->source), VM_STATE_POSTCOPY_FAILED, FALSE);
    world_set_copy(job->world, world_copy_at(vm, job->destination), VM_STATE_POSTCOPY_FAILED, FALSE);
    world_job_report(job, (JobEvent){.kind = JOB_EVENT_POSTCOPY_FAILED, .phase = PHASE_POSTCOPY});
}

/* As libvirt does: the source's copy runs on, the destination's is ended. */
static void roll_back(DriverJob *job)
{
    World *world = job->world;
    WorldVm *vm = job->vm;
    WorldCopy *destination = world_copy_at(vm, job->destination);
    WorldCopy *source = world_copy_at(vm, job->source);

    world_net_stop(job);
    if (destination && destination->is_incoming && !world->leaves_leftovers &&
        job->destination->state == WORLD_HOST_UP) {
        world_remove_copy(world, destination);
    }
    if (source && !source->is_incoming && !vm->was_paused) {
        world_set_copy(world, source, VM_STATE_RUNNING, TRUE);
    }
    vm->is_switching = FALSE;
    job->is_postcopy = FALSE;
}

void world_job_fail(DriverJob *job, GodwitError code, Fault blame, const char *why)
{
    g_autoptr(GError) error = g_error_new(GODWIT_ERROR, code, "VM %s: %s", job->vm->name, why);

    if (job->stage >= STAGE_POSTCOPY_RESUME) {
        break_stream(job);
    } else if (job->stage != STAGE_BEGIN) {
        roll_back(job);
    }
    end(job, error, blame, (double)NAN);
}

/* ---- hosts that change ---- */

/* The controller sees its connection end; the migration itself goes on at the hosts. */
static void on_watch_lost(gpointer data)
{
    DriverJob *job = data;
    g_autoptr(GError) error = NULL;
    JobEvent event = {.kind = JOB_EVENT_ENDED, .blame = FAULT_SOURCE_LIBVIRTD};
    JobEventFunc func = job->func;

    job->watch_timer = 0;
    if (func) {
        error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_LOST, "host %s: the connection ended", job->source->name);
        event.error = error;
        job->func = NULL;
        func(&event, job->user);
    }
}

static void look_at_job(DriverJob *job)
{
    World *world = job->world;
    gboolean in_postcopy = job->stage >= STAGE_POSTCOPY_RESUME;

    if (job->source->state == WORLD_HOST_DEAD) {
        world_job_fail(job, GODWIT_ERROR_LOST, FAULT_SOURCE_LIBVIRTD, "the source does not answer any more");
    } else if (job->destination->state == WORLD_HOST_DEAD ||
               (job->destination->state == WORLD_HOST_NO_LIBVIRTD && !in_postcopy)) {
        world_job_fail(job, GODWIT_ERROR_FAILED, FAULT_DESTINATION_LIBVIRTD,
                       "the destination does not answer any more");
    } else if (job->source->state == WORLD_HOST_NO_LIBVIRTD && !job->watch_timer) {
        job->watch_timer =
            clock_virtual_at(world->clock, world_now(world) + WATCH_LOST_NS, CLOCK_RANK_ANSWER, on_watch_lost, job);
    }
}

/* A controller that hears of an end may begin the next migration: the list is another one then. */
void world_jobs_look(World *world, const WorldHost *host)
{
    g_autoptr(GPtrArray) before = g_ptr_array_copy(world->jobs, NULL, NULL);

    for (guint i = 0; i < before->len; i++) {
        DriverJob *job = g_ptr_array_index(before, i);

        if (g_ptr_array_find(world->jobs, job, NULL) && (job->source == host || job->destination == host)) {
            look_at_job(job);
        }
    }
}
