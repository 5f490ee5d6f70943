/* SPDX-License-Identifier: Apache-2.0
 *
 * The pure half of the pre-checks: the hosts' facts against the whole plan.
 *
 * Arrivals are counted all together, departures not at all: until a VM has left, its memory is not free, and it may
 * stay. */
#include "migrate/precheck-private.h"

#include "base/units.h"

static void judge_host(Precheck *precheck, const HostCheck *host)
{
    if (!host->config) {
        precheck_add(precheck, NULL, host->name, g_strdup("the plan names it, the inventory does not"),
                     g_strdup("add it to the inventory, or plan again"));
    } else if (!host->facts) {
        precheck_add(precheck, NULL, host->name, g_strdup_printf("does not answer: %s", host->error),
                     g_strdup("start its libvirtd, or mend the way to it; check the uri in the inventory"));
    } else if (!host->facts->qemu_version) {
        precheck_add(precheck, NULL, host->name, g_strdup("libvirt finds no QEMU there"),
                     g_strdup("install QEMU on it"));
    }
}

/* ---- the VM ---- */

static void judge_identity(Precheck *precheck, const PlanStep *step, const HostCheck *source)
{
    const Vm *vm = host_facts_find_vm(source->facts, step->vm);

    if (!vm) {
        precheck_add(precheck, step->vm, step->source, g_strdup("does not run there"),
                     g_strdup("start it, or plan again"));
    } else if (g_ascii_strcasecmp(vm->uuid, step->uuid) != 0) {
        precheck_add(precheck, step->vm, step->source,
                     g_strdup_printf("is another VM of that name (%s, planned was %s)", vm->uuid, step->uuid),
                     g_strdup("plan again"));
    } else if (vm->state != VM_STATE_RUNNING && vm->state != VM_STATE_PAUSED) {
        precheck_add(precheck, step->vm, step->source, g_strdup_printf("is %s", vm_state_name(vm->state)),
                     g_strdup("bring it back to running first"));
    } else if (vm->unmovable_why) {
        precheck_add(precheck, step->vm, step->source, g_strdup_printf("cannot be moved: %s", vm->unmovable_why),
                     g_strdup("detach the device first, or leave the VM where it is"));
    }
}

static gboolean is_arriving(const HostFacts *facts, const char *vm)
{
    for (guint i = 0; i < facts->incoming_names->len; i++) {
        if (g_str_equal(g_ptr_array_index(facts->incoming_names, i), vm)) {
            return TRUE;
        }
    }
    return FALSE;
}

static void judge_absence(Precheck *precheck, const PlanStep *step, const HostCheck *destination)
{
    if (host_facts_find_vm(destination->facts, step->vm)) {
        precheck_add(precheck, step->vm, step->destination, g_strdup("a VM of that name runs there already"),
                     g_strdup("choose another destination, or rename one of the two"));
    } else if (is_arriving(destination->facts, step->vm)) {
        precheck_add(precheck, step->vm, step->destination, g_strdup("is arriving there already, or was left behind"),
                     g_strdup("wait for the other migration; remove a leftover with virsh destroy"));
    }
}

/* ---- post-copy ---- */

static void judge_postcopy_host(Precheck *precheck, const PlanStep *step, const HostCheck *host)
{
    if (host->facts && !host->facts->can_postcopy) {
        precheck_add(precheck, step->vm, host->name,
                     g_strdup_printf("%s is planned and not possible: %s", algorithm_name(step->choice->algorithm),
                                     host->facts->cannot_postcopy_why ? host->facts->cannot_postcopy_why
                                                                      : "the host does not say why"),
                     g_strdup("upgrade the host, or plan with --policy pre-copy"));
    }
}

static void judge_algorithm(Precheck *precheck, const PlanStep *step, const HostCheck *source,
                            const HostCheck *destination)
{
    if (step->choice->algorithm == ALGORITHM_PRE_COPY) {
        return;
    }
    judge_postcopy_host(precheck, step, source);
    judge_postcopy_host(precheck, step, destination);
    if (precheck->plan->options.parallel_connections > 1) {
        precheck_add(precheck, step->vm, NULL,
                     g_strdup_printf("%s does not go with --parallel", algorithm_name(step->choice->algorithm)),
                     g_strdup("leave out --parallel, or plan with --policy pre-copy"));
    }
}

static void judge_step(Precheck *precheck, const PlanStep *step)
{
    const HostCheck *source = precheck_host(precheck, step->source);
    const HostCheck *destination = precheck_host(precheck, step->destination);

    if (g_str_equal(step->source, step->destination)) {
        precheck_add(precheck, step->vm, step->source, g_strdup("is source and destination"),
                     g_strdup("name another destination"));
        return;
    }
    if (source->facts) {
        judge_identity(precheck, step, source);
    }
    if (destination->facts) {
        judge_absence(precheck, step, destination);
    }
    judge_algorithm(precheck, step, source, destination);
}

/* The same VM planned twice. */
static void judge_twins(Precheck *precheck)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < precheck->plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(precheck->plan, i);

        if (!g_hash_table_add(seen, step->uuid)) {
            precheck_add(precheck, step->vm, NULL, g_strdup("is in the plan more than once"),
                         g_strdup("leave one step for each VM"));
        }
    }
}

/* ---- room ---- */

static void judge_memory(Precheck *precheck, const HostCheck *host, guint64 arriving_bytes)
{
    const HostFacts *facts = host->facts;
    guint64 keep_bytes = host->config->keep_free_bytes;
    guint64 room_bytes = facts->memory_free_bytes > keep_bytes ? facts->memory_free_bytes - keep_bytes : 0;
    g_autofree char *arriving = size_format(arriving_bytes);
    g_autofree char *room = size_format(room_bytes);
    g_autofree char *kept = size_format(keep_bytes);

    if (arriving_bytes > room_bytes) {
        precheck_add(
            precheck, NULL, host->name,
            g_strdup_printf("%s of VMs would arrive and there is room for %s (%s are kept free)", arriving, room, kept),
            g_strdup("send fewer VMs there, or free memory on it"));
    }
}

static void judge_vcpus(Precheck *precheck, const HostCheck *host, guint arriving)
{
    guint taken = host_facts_vm_vcpus(host->facts);
    double most = precheck->vcpus_per_cpu * host->facts->cpus;

    if ((double)(taken + arriving) > most) {
        precheck_add(precheck, NULL, host->name,
                     g_strdup_printf("%u vCPUs would arrive at %u that run there, and %.0f is the most for its %u CPUs",
                                     arriving, taken, most, host->facts->cpus),
                     g_strdup("send fewer VMs there, or raise vcpus_per_cpu in the inventory"));
    }
}

static void judge_room(Precheck *precheck, const HostCheck *host)
{
    guint64 arriving_bytes = 0;
    guint arriving_vcpus = 0;
    guint arrivals = 0;

    for (guint i = 0; i < precheck->plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(precheck->plan, i);
        const Vm *vm = precheck_vm(precheck, step);

        if (g_str_equal(step->destination, host->name)) {
            arriving_bytes += vm ? vm->ram_bytes : step->ram_bytes; /* what it is now, not what it was when planned */
            arriving_vcpus += vm ? vm->vcpus : step->vcpus;
            arrivals++;
        }
    }
    if (arrivals) {
        judge_memory(precheck, host, arriving_bytes);
        judge_vcpus(precheck, host, arriving_vcpus);
    }
}

void precheck_judge_facts(Precheck *precheck)
{
    for (guint i = 0; i < precheck->hosts->len; i++) {
        const HostCheck *host = g_ptr_array_index(precheck->hosts, i);

        judge_host(precheck, host);
        if (host->facts) {
            judge_room(precheck, host);
        }
    }
    judge_twins(precheck);
    for (guint i = 0; i < precheck->plan->steps->len; i++) {
        judge_step(precheck, plan_step_at(precheck->plan, i));
    }
}
