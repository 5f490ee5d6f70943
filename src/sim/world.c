/* SPDX-License-Identifier: Apache-2.0
 *
 * The world: hosts, VMs and their copies; see world.h.
 *
 * Theory of operation.  A VM is known by its copies: one where it runs, and a second one while it migrates, which
 * waits (is_incoming) until the switchover.  Everything that changes goes through the few functions below, which keep
 * each host's sum of promised memory and each guest's account of standing still, and note who must be checked after
 * the event (world-check.c). */
#include "sim/world-private.h"

NAMED_ENUM_DEFINE(WorldFaultKind, world_fault_kind, WORLD_FAULTS)

void world_rules_init(WorldRules *rules)
{
    *rules = (WorldRules){
        .seed = 1,
        .answer_ns = 2 * NS_PER_MS,
        .silence_ns = 5 * NS_PER_S,
        .prepare_ns = 200 * NS_PER_MS,
        .resume_ns = 20 * NS_PER_MS,
        .device_mib = 4,
        .round_trip_ns = 200000,
        .checks_memory = TRUE,
        .relay_index_share = 0.0625,
        .flaw_share = 0.02,
    };
    relay_costs_init(&rules->relay);
}

/* ---- copies ---- */

void world_touch_vm(World *world, WorldVm *vm)
{
    if (!vm->is_touched) {
        vm->is_touched = TRUE;
        g_ptr_array_add(world->touched_vms, vm);
    }
}

void world_touch_host(World *world, WorldHost *host)
{
    if (!host->is_touched) {
        host->is_touched = TRUE;
        g_ptr_array_add(world->touched_hosts, host);
    }
}

WorldCopy *world_copy_at(const WorldVm *vm, const WorldHost *host)
{
    for (guint i = 0; i < vm->copies->len; i++) {
        WorldCopy *copy = g_ptr_array_index(vm->copies, i);

        if (copy->host == host) {
            return copy;
        }
    }
    return NULL;
}

static gboolean vm_runs(const WorldVm *vm)
{
    for (guint i = 0; i < vm->copies->len; i++) {
        if (((const WorldCopy *)g_ptr_array_index(vm->copies, i))->runs) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The guest's own account: how long it stands still. */
static void look_whether_it_runs(World *world, WorldVm *vm)
{
    gboolean runs = vm_runs(vm);

    if (runs && vm->standing_ns >= 0) {
        double gap_ms = (double)(world_now(world) - vm->standing_ns) / (double)NS_PER_MS;

        vm->gap_ms = MAX(vm->gap_ms, gap_ms);
        vm->lost_s += gap_ms / 1000;
        vm->standing_ns = -1;
    } else if (!runs && vm->standing_ns < 0) {
        vm->standing_ns = world_now(world);
    }
    world_touch_vm(world, vm);
}

WorldCopy *world_add_copy(World *world, WorldHost *host, WorldVm *vm, VmState state)
{
    WorldCopy *copy = g_new0(WorldCopy, 1);

    *copy = (WorldCopy){vm, host, state, FALSE, state == VM_STATE_RUNNING};
    g_ptr_array_add(vm->copies, copy);
    g_ptr_array_add(host->copies, copy);
    host->promised_bytes += vm->ram_bytes;
    host->peak_bytes = MAX(host->peak_bytes, host->promised_bytes);
    world_touch_host(world, host);
    look_whether_it_runs(world, vm);
    return copy;
}

void world_remove_copy(World *world, WorldCopy *copy)
{
    WorldVm *vm = copy->vm;

    copy->host->promised_bytes -= vm->ram_bytes;
    world_touch_host(world, copy->host);
    g_ptr_array_remove_fast(copy->host->copies, copy);
    g_ptr_array_remove(vm->copies, copy);
    look_whether_it_runs(world, vm);
}

void world_set_copy(World *world, WorldCopy *copy, VmState state, gboolean runs)
{
    if (copy) {
        copy->state = state;
        copy->runs = runs;
        look_whether_it_runs(world, copy->vm);
    }
}

/* ---- making it ---- */

static void host_free(gpointer data)
{
    WorldHost *host = data;

    g_ptr_array_unref(host->copies);
    g_free(host->name);
    g_free(host);
}

static void vm_free_all(gpointer data)
{
    WorldVm *vm = data;

    g_ptr_array_unref(vm->copies);
    g_array_unref(vm->talks);
    g_free(vm->name);
    g_free(vm->uuid);
    g_free(vm->disk_path);
    g_free(vm);
}

World *world_new(Clock *clock, Topology *topology, const WorldRules *rules)
{
    World *world = g_new0(World, 1);
    guint links = topology_links(topology);

    world->clock = clock;
    world->rules = *rules;
    world->topology = topology;
    world->flows = flows_new_for(topology, 1);
    world->hosts = g_ptr_array_new_with_free_func(host_free);
    world->vms = g_ptr_array_new_with_free_func(vm_free_all);
    world->host_names = g_hash_table_new(g_str_hash, g_str_equal);
    world->vm_names = g_hash_table_new(g_str_hash, g_str_equal);
    world->talks = g_array_new(FALSE, TRUE, sizeof(WorldTalk));
    world->jobs = g_ptr_array_new();
    world->strikes = g_ptr_array_new_with_free_func(world_strike_free);
    world->by_flow = g_ptr_array_new();
    world->touched_hosts = g_ptr_array_new();
    world->touched_vms = g_ptr_array_new();
    world->carried_mib = g_new0(double, links);
    world->expected_mib = g_new0(double, links);
    world->carries_mib_per_s = g_new0(double, links);
    world->carried_since_ns = g_new0(gint64, links);
    world->checked_ns = world_now(world);
    for (guint i = 0; i < links; i++) {
        world->carried_since_ns[i] = world->checked_ns;
    }
    return world;
}

void world_free(World *world)
{
    if (!world) {
        return;
    }
    world->clock->cancel(world->clock, world->rates_timer);
    g_ptr_array_set_free_func(world->jobs, world_job_free);
    g_ptr_array_unref(world->jobs);
    g_ptr_array_unref(world->by_flow);
    g_ptr_array_unref(world->strikes);
    g_ptr_array_unref(world->touched_hosts);
    g_ptr_array_unref(world->touched_vms);
    g_ptr_array_unref(world->vms);
    g_ptr_array_unref(world->hosts);
    g_hash_table_unref(world->host_names);
    g_hash_table_unref(world->vm_names);
    g_array_unref(world->talks);
    flows_free(world->flows);
    topology_free(world->topology);
    g_free(world->carried_mib);
    g_free(world->expected_mib);
    g_free(world->carries_mib_per_s);
    g_free(world->carried_since_ns);
    g_free(world->event_whom);
    g_free(world->broken);
    g_free(world);
}

guint world_add_host(World *world, const WorldHostSpec *spec)
{
    WorldHost *host = g_new0(WorldHost, 1);

    g_assert(world->hosts->len < topology_places(world->topology));
    *host = (WorldHost){.index = world->hosts->len,
                        .name = g_strdup(spec->name),
                        .cpus = spec->cpus,
                        .memory_bytes = spec->memory_bytes,
                        .state = WORLD_HOST_UP,
                        .has_agent = !spec->has_no_agent,
                        .has_postcopy = !spec->has_no_postcopy,
                        .link_mib_per_s = (double)spec->link_bytes_per_s / (double)MIB,
                        .link_left = 1,
                        .copies = g_ptr_array_new()};
    g_ptr_array_add(world->hosts, host);
    g_hash_table_insert(world->host_names, host->name, host);
    if (spec->link_bytes_per_s) {
        world_net_set_host_link(world, host);
    }
    return host->index;
}

/* 128 bits that seed and name decide, in the form of a UUID of version 4. */
static char *make_uuid(guint64 seed, const char *name)
{
    Rng rng = rng_stream(seed, ((guint64)g_str_hash(name) << 32) + strlen(name) + 1);
    guint64 high = rng_u64(&rng);
    guint64 low = rng_u64(&rng);

    return g_strdup_printf("%08x-%04x-4%03x-%04x-%012" G_GINT64_MODIFIER "x", (guint)(high >> 32),
                           (guint)(high >> 16) & 0xffff, (guint)high & 0xfff, ((guint)(low >> 48) & 0x3fff) | 0x8000,
                           low & 0xffffffffffff);
}

static void fill_load(WorldVm *vm, const WorldLoad *load)
{
    vm->load = *load;
    vm->load.write_set_mib = load->write_set_mib > 0 ? MIN(load->write_set_mib, vm->used_mib) : vm->used_mib;
    vm->load.read_set_mib = load->read_set_mib > 0 ? MIN(load->read_set_mib, vm->used_mib) : vm->used_mib;
    vm->load.dirty_bytes_per_page = load->dirty_bytes_per_page > 0 ? load->dirty_bytes_per_page : 4096;
}

guint world_add_vm(World *world, guint host, const WorldVmSpec *spec, GError **error)
{
    WorldHost *at = world_host(world, host);
    g_autofree char *uuid = spec->uuid ? g_strdup(spec->uuid) : make_uuid(world->rules.seed, spec->name);

    if (world_vm_named(world, spec->name) || world_vm_named(world, uuid)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "VM '%s' is there twice", spec->name);
        return WORLD_NONE;
    }
    if (world->rules.checks_memory && at->promised_bytes + spec->ram_bytes > at->memory_bytes) {
        g_autofree char *wanted = size_format(spec->ram_bytes);
        g_autofree char *left = size_format(at->memory_bytes - at->promised_bytes);

        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "VM '%s' needs %s, host '%s' has %s left; give it more memory or put the VM elsewhere", spec->name,
                    wanted, at->name, left);
        return WORLD_NONE;
    }
    WorldVm *vm = g_new0(WorldVm, 1);

    *vm = (WorldVm){.index = world->vms->len,
                    .name = g_strdup(spec->name),
                    .uuid = g_steal_pointer(&uuid),
                    .disk_path = g_strdup(spec->disk_path),
                    .is_disk_local = spec->is_disk_local,
                    .ram_bytes = spec->ram_bytes,
                    .used_mib = (double)(spec->used_bytes ? MIN(spec->used_bytes, spec->ram_bytes) : spec->ram_bytes) /
                                (double)MIB,
                    .vcpus = MAX(spec->vcpus, 1),
                    .copies = g_ptr_array_new_with_free_func(g_free),
                    .talks = g_array_new(FALSE, FALSE, sizeof(guint)),
                    .was_paused = spec->is_paused,
                    .standing_ns = -1};
    fill_load(vm, &spec->load);
    g_ptr_array_add(world->vms, vm);
    g_hash_table_insert(world->vm_names, vm->name, vm);
    g_hash_table_insert(world->vm_names, vm->uuid, vm);
    world_add_copy(world, at, vm, spec->is_paused ? VM_STATE_PAUSED : VM_STATE_RUNNING);
    return vm->index;
}

void world_add_traffic(World *world, guint vm, guint peer, double mib_per_s)
{
    WorldTalk talk = {{vm, peer}, mib_per_s, {WORLD_NONE, WORLD_NONE}};
    guint index = world->talks->len;

    g_assert(vm != peer && mib_per_s >= 0);
    g_array_append_val(world->talks, talk);
    g_array_append_val(world_vm(world, vm)->talks, index);
    g_array_append_val(world_vm(world, peer)->talks, index);
    world_net_move_talks(world, world_vm(world, vm));
}

void world_leave_leftovers(World *world, gboolean leaves)
{
    world->leaves_leftovers = leaves;
}

void world_note(World *world, const char *event, const char *whom)
{
    world->event = event;
    if (g_strcmp0(world->event_whom, whom) != 0) {
        g_free(world->event_whom);
        world->event_whom = g_strdup(whom);
    }
}

/* ---- looking at it ---- */

WorldHost *world_host_named(const World *world, const char *name)
{
    return g_hash_table_lookup(world->host_names, name);
}

WorldVm *world_vm_named(const World *world, const char *name_or_uuid)
{
    return g_hash_table_lookup(world->vm_names, name_or_uuid);
}

guint world_hosts(const World *world)
{
    return world->hosts->len;
}

guint world_vms(const World *world)
{
    return world->vms->len;
}

const char *world_host_name(const World *world, guint host)
{
    return world_host(world, host)->name;
}

const char *world_vm_name(const World *world, guint vm)
{
    return world_vm(world, vm)->name;
}

guint world_find_host(const World *world, const char *name)
{
    const WorldHost *host = world_host_named(world, name);

    return host ? host->index : WORLD_NONE;
}

guint world_find_vm(const World *world, const char *name_or_uuid)
{
    const WorldVm *vm = world_vm_named(world, name_or_uuid);

    return vm ? vm->index : WORLD_NONE;
}

guint64 world_seed(const World *world)
{
    return world->rules.seed;
}

Clock *world_clock(const World *world)
{
    return world->clock;
}

VmState world_vm_state(const World *world, guint vm, guint host)
{
    const WorldCopy *copy = world_copy_at(world_vm(world, vm), world_host(world, host));

    return copy ? copy->state : VM_STATE_ABSENT;
}

gboolean world_vm_is_incoming(const World *world, guint vm, guint host)
{
    const WorldCopy *copy = world_copy_at(world_vm(world, vm), world_host(world, host));

    return copy && copy->is_incoming;
}

guint world_vm_host(const World *world, guint vm)
{
    const GPtrArray *copies = world_vm(world, vm)->copies;
    const WorldCopy *found = NULL;

    for (guint i = 0; i < copies->len; i++) {
        const WorldCopy *copy = g_ptr_array_index(copies, i);

        if (!copy->is_incoming && (!found || copy->runs)) {
            found = copy;
        }
    }
    return found ? found->host->index : WORLD_NONE;
}

guint64 world_host_promised_bytes(const World *world, guint host)
{
    return world_host(world, host)->promised_bytes;
}

guint64 world_host_peak_bytes(const World *world, guint host)
{
    return world_host(world, host)->peak_bytes;
}

guint64 world_host_memory_bytes(const World *world, guint host)
{
    return world_host(world, host)->memory_bytes;
}

void world_reset_peaks(World *world)
{
    for (guint i = 0; i < world->hosts->len; i++) {
        WorldHost *host = world_host(world, i);

        host->peak_bytes = host->promised_bytes;
    }
}

double world_vm_gap_ms(const World *world, guint vm)
{
    return world_vm(world, vm)->gap_ms;
}

double world_vm_lost_s(const World *world, guint vm)
{
    return world_vm(world, vm)->lost_s;
}

double world_sent_mib(const World *world)
{
    return world->sent_mib;
}
