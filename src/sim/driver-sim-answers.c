/* SPDX-License-Identifier: Apache-2.0
 *
 * What the simulated data centre answers, and what orders do to it, when their time has come; see driver-sim.c. */
#include "sim/driver-sim-private.h"

#include <math.h>

/* ---- answers of hosts ---- */

static Vm *vm_of(const WorldCopy *copy)
{
    const WorldVm *guest = copy->vm;
    Vm *vm = vm_new(guest->name, guest->uuid, copy->host->name);

    vm->state = copy->state;
    vm->ram_bytes = guest->ram_bytes;
    vm->vcpus = guest->vcpus;
    vm->is_persistent = TRUE;
    vm->domain_type = g_strdup("sim");
    vm->cpu_xml = g_strdup("<cpu/>");
    if (guest->disk_path) {
        g_ptr_array_add(vm->disks, vm_disk_new("vda", guest->disk_path, GIB));
    }
    return vm;
}

/* Hosts list their VMs by name, whatever came and went before. */
static int compare_copies(gconstpointer a, gconstpointer b)
{
    const WorldCopy *left = *(WorldCopy *const *)a;
    const WorldCopy *right = *(WorldCopy *const *)b;

    return left->vm->index < right->vm->index ? -1 : left->vm->index > right->vm->index;
}

static HostFacts *facts_of(const WorldHost *host)
{
    HostFacts *facts = host_facts_new(host->name);
    g_autoptr(GPtrArray) copies = g_ptr_array_copy(host->copies, NULL, NULL);

    facts->hostname = g_strdup(host->name);
    facts->cpus = host->cpus;
    facts->memory_bytes = host->memory_bytes;
    facts->memory_free_bytes = host->memory_bytes - MIN(host->promised_bytes, host->memory_bytes);
    facts->libvirt_version = 11003000;
    facts->qemu_version = 10000002;
    facts->can_postcopy = host->has_postcopy;
    facts->cannot_postcopy_why = host->has_postcopy ? NULL : g_strdup("this simulated host has none");
    facts->capabilities_xml = g_strdup("<host/>");
    g_ptr_array_sort(copies, compare_copies);
    for (guint i = 0; i < copies->len; i++) {
        const WorldCopy *copy = g_ptr_array_index(copies, i);

        if (copy->is_incoming) {
            g_ptr_array_add(facts->incoming_names, g_strdup(copy->vm->name));
        } else {
            g_ptr_array_add(facts->vms, vm_of(copy));
        }
    }
    return facts;
}

void sim_give_facts(SimAnswer *answer)
{
    answer->func.facts(answer->error ? NULL : facts_of(answer->host), answer->error, answer->user);
}

void sim_give_loads(SimAnswer *answer)
{
    gint64 now_ns = world_now(answer->driver->world);
    g_autoptr(GArray) loads = g_array_new(FALSE, TRUE, sizeof(VmLoad));

    for (guint i = 0; !answer->error && i < answer->host->copies->len; i++) {
        const WorldCopy *copy = g_ptr_array_index(answer->host->copies, i);
        double busy_s = copy->vm->load.busy_cores * world_intensity_s(copy->vm, 0, now_ns);
        VmLoad load = {.memory_used_bytes = copy->vm->ram_bytes, .cpu_time_ns = (guint64)(busy_s * (double)NS_PER_S)};

        if (copy->runs) {
            g_strlcpy(load.uuid, copy->vm->uuid, sizeof load.uuid);
            g_array_append_val(loads, load);
        }
    }
    answer->func.loads((const VmLoad *)(const void *)loads->data, loads->len, now_ns, answer->error, answer->user);
}

/* A shared file is one file with one time; a local one is there where its guest is, and elsewhere absent. */
static FileFacts file_of(const SimAnswer *answer, const char *path)
{
    const World *world = answer->driver->world;

    for (guint i = 0; i < world->vms->len; i++) {
        const WorldVm *vm = world_vm(world, i);

        if (g_strcmp0(vm->disk_path, path) == 0 && (!vm->is_disk_local || world_copy_at(vm, answer->host))) {
            return (FileFacts){FILE_STATE_PRESENT, GIB, 0, 1};
        }
    }
    return (FileFacts){FILE_STATE_ABSENT, 0, answer->host->memory_bytes, 0};
}

void sim_give_files(SimAnswer *answer)
{
    g_autofree FileFacts *files = g_new0(FileFacts, g_strv_length(answer->paths) + 1);

    for (guint i = 0; !answer->error && answer->paths[i]; i++) {
        files[i] = file_of(answer, answer->paths[i]);
    }
    answer->func.files(answer->error ? NULL : files, answer->error, answer->user);
}

void sim_give_truth(SimAnswer *answer)
{
    const WorldVm *vm = answer->vm;
    const WorldCopy *copy = vm && answer->host ? world_copy_at(vm, answer->host) : NULL;
    VmTruth truth = {.state = copy ? copy->state : VM_STATE_ABSENT,
                     .is_incoming = copy && copy->is_incoming,
                     .is_defined = copy != NULL,
                     .is_migrating_out = copy && vm->job && vm->job->source == answer->host};

    answer->func.truth(answer->error ? NULL : &truth, answer->error, answer->user);
}

void sim_give_rate(SimAnswer *answer)
{
    gint64 now_ns = world_now(answer->driver->world);
    double seconds = (double)answer->value / (double)NS_PER_S;
    double pages = answer->error ? 0 : world_written_mib(answer->vm, now_ns - (gint64)answer->value, now_ns) / PAGE_MIB;

    answer->func.rate(answer->error ? 0 : pages / seconds, 4096, answer->error, answer->user);
}

void sim_give_peer(SimAnswer *answer)
{
    const WorldHost *peer = answer->peer;

    if (!answer->error &&
        (!peer || peer->state != WORLD_HOST_UP || peer->link_left <= 0 || answer->host->link_left <= 0)) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "host %s does not reach %s",
                                    answer->host->name, peer ? peer->name : "a host that is not there");
    }
    answer->func.done(answer->error, answer->user);
}

void sim_give_done(SimAnswer *answer)
{
    answer->func.done(answer->error, answer->user);
}

/* ---- orders to hosts ---- */

static void refuse(SimAnswer *answer, const char *why)
{
    answer->error = g_error_new_literal(GODWIT_ERROR, GODWIT_ERROR_REFUSED, why);
}

void sim_give_resumed(SimAnswer *answer)
{
    WorldCopy *copy = answer->error ? NULL : world_copy_at(answer->vm, answer->host);

    if (copy && copy->state == VM_STATE_PAUSED && !copy->is_incoming) {
        world_set_copy(answer->driver->world, copy, VM_STATE_RUNNING, TRUE);
    } else if (!answer->error) {
        refuse(answer, "nothing to resume");
    }
    sim_give_done(answer);
}

void sim_give_removed(SimAnswer *answer)
{
    WorldCopy *copy = answer->error ? NULL : world_copy_at(answer->vm, answer->host);

    if (copy && copy->is_incoming) {
        world_remove_copy(answer->driver->world, copy);
    } else if (copy) {
        refuse(answer, "it ran here");
    }
    sim_give_done(answer);
}

/* ---- orders to migrations ---- */

static DriverJob *job_of(SimAnswer *answer)
{
    DriverJob *job = answer->vm ? answer->vm->job : NULL;

    if (!answer->error && !job) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no migration is running");
    }
    return answer->error ? NULL : job;
}

void sim_give_bandwidth(SimAnswer *answer)
{
    DriverJob *job = job_of(answer);

    if (job) {
        world_net_set_limit(job, answer->value ? (double)answer->value / (double)MIB : INFINITY);
    }
    sim_give_done(answer);
}

void sim_give_downtime(SimAnswer *answer)
{
    DriverJob *job = job_of(answer);

    if (job) {
        job->downtime_limit_ns = (gint64)answer->value;
        world_job_look_at_limit(job);
    }
    sim_give_done(answer);
}

void sim_give_postcopy(SimAnswer *answer)
{
    DriverJob *job = job_of(answer);

    if (job && world_job_may_switch(job)) {
        world_job_switch(job);
    } else if (job) {
        refuse(answer, "post-copy is not possible now");
    }
    sim_give_done(answer);
}

void sim_give_cancelled(SimAnswer *answer)
{
    DriverJob *job = job_of(answer);

    if (job && job->stage >= STAGE_POSTCOPY_SWITCH) {
        refuse(answer, "a post-copy cannot be cancelled");
    } else if (job) {
        world_job_fail(job, GODWIT_ERROR_CANCELLED, FAULT_UNKNOWN, "cancelled");
    }
    sim_give_done(answer);
}

void sim_give_broken(SimAnswer *answer)
{
    DriverJob *job = job_of(answer);

    if (job) {
        world_job_fail(job, GODWIT_ERROR_FAILED, FAULT_LINK, "the stream broke");
    }
    sim_give_done(answer);
}

void sim_give_stats(SimAnswer *answer)
{
    DriverJob *job = job_of(answer);
    JobStats stats;

    if (job) {
        world_job_stats(job, &stats);
    }
    answer->func.stats(job ? &stats : NULL, answer->error, answer->user);
}

void sim_give_failed_start(SimAnswer *answer)
{
    JobEvent event = {.kind = JOB_EVENT_ENDED, .error = answer->error, .blame = FAULT_REFUSED};

    answer->func.event(&event, answer->user);
}
