/* SPDX-License-Identifier: Apache-2.0
 *
 * One migration of the world: how memory moves.
 *
 *     BEGIN --> PREPARE --> PASS 1 --> PASS 2 --> .. --> SWITCH --> RESUME --> the destination runs it
 *                             '-- asked for post-copy --> POSTCOPY_SWITCH --> POSTCOPY_RESUME --> POSTCOPY --> done
 *
 * Theory of operation.  Pre-copy is the recurrence of model/passes.h, driven by this clock: a pass takes as long as the
 * network makes it take, what the guest wrote meanwhile is the next one.  QEMU's rules, not the seed's: the guest is
 * stopped as soon as what is left can be sent within the downtime limit at the rate of the pass before, and passes go
 * on for ever otherwise; whoever watches must decide.  auto-converge denies the guest a share of its speed when two
 * passes running left more than half of themselves dirty again: 20 %, then 10 % more each time, 99 % at most.
 *
 * Post-copy stops the guest for the state of its devices.  Then pages follow at the job's rate; what the guest waits
 * for pages that it touches first is reckoned at the end from the rate that there really was (postcopy_run).
 *
 * Deltas (xbzrle) make what is sent again smaller on the wire: a page costs its changed bytes and a header.  Relays do
 * that and more: world-relay.c. */
#include "sim/world-private.h"

#include <math.h>

#define BEGIN_NS       (2 * NS_PER_MS)
#define THROTTLE_FIRST 0.20
#define THROTTLE_STEP  0.10
#define THROTTLE_MOST  0.99
#define DIRTIER_SHARE  0.5
#define DIRTIER_PASSES 2
#define DELTA_HEADER   13.0 /* bytes of a page sent as a delta, besides what changed */

static void on_stage_end(gpointer data);

void world_job_report(DriverJob *job, JobEvent event)
{
    if (job->func) {
        event.passes = job->passes.passes_done + (job->stage == STAGE_PASS);
        job->func(&event, job->user);
    }
}

void world_job_free(gpointer data)
{
    DriverJob *job = data;
    Clock *clock = job->world->clock;

    clock->cancel(clock, job->timer);
    clock->cancel(clock, job->watch_timer);
    g_array_unref(job->route);
    g_free(job);
}

static void enter(DriverJob *job, WorldStage stage)
{
    job->stage = stage;
    job->stage_began_ns = world_now(job->world);
}

static void wait_in(DriverJob *job, WorldStage stage, gint64 wait_ns)
{
    World *world = job->world;

    enter(job, stage);
    job->timer = clock_virtual_at(world->clock, world_now(world) + wait_ns, CLOCK_RANK_WORLD, on_stage_end, job);
}

/* ---- pre-copy ---- */

static gboolean guest_runs(const DriverJob *job)
{
    const WorldCopy *copy = world_copy_at(job->vm, job->source);

    return copy && copy->runs;
}

/* All writes since the pass began, as pages, as slowly as a throttled guest writes. */
static double written_mib(const DriverJob *job)
{
    const WorldVm *vm = job->vm;
    double seconds = world_intensity_s(vm, job->stage_began_ns, world_now(job->world));

    return guest_runs(job) ? vm->load.written_mib_per_s * seconds * (1 - job->throttle) : 0;
}

/* The different pages among them. */
static double dirtied_mib(const DriverJob *job)
{
    return MIN(written_mib(job), job->vm->load.write_set_mib);
}

double world_job_wire_share(const DriverJob *job)
{
    if (job->relay.is_on) {
        return job->relay.share;
    }
    return job->passes.passes_done > 0 && !job->is_postcopy ? job->wire_ratio : 1;
}

/* Pages to which 'written' MiB of pages were written since they were sent. */
static void send_pages(DriverJob *job, double pages_mib, double written)
{
    world_relay_price(job, pages_mib, written);
    world_net_send(job, pages_mib * world_job_wire_share(job));
}

/* What may be left for the guest to be stopped, at a rate on the wire. */
static double threshold_mib(const DriverJob *job, double rate_mib_per_s)
{
    if (job->relay.is_on) {
        return world_relay_threshold_mib(job);
    }
    return rate_mib_per_s * ((double)job->downtime_limit_ns / (double)NS_PER_S) / job->wire_ratio;
}

static void begin_pass(DriverJob *job, double written)
{
    enter(job, STAGE_PASS);
    send_pages(job, job->passes.pass_mib, written);
    if (job->passes.passes_done == 0) {
        world_job_report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_PERFORM});
    }
    world_job_report(job, (JobEvent){.kind = JOB_EVENT_PASS, .phase = PHASE_PERFORM});
}

static void begin_switch(DriverJob *job, double rest_mib, double written)
{
    job->vm->is_switching = TRUE;
    world_set_copy(job->world, world_copy_at(job->vm, job->source), VM_STATE_PAUSED, FALSE);
    enter(job, STAGE_SWITCH);
    send_pages(job, rest_mib, written);
    world_job_report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_FINISH});
}

static void throttle(DriverJob *job, double left_dirty_mib)
{
    job->dirtier = left_dirty_mib > DIRTIER_SHARE * job->passes.pass_mib ? job->dirtier + 1 : 0;
    if (job->auto_converge && job->dirtier >= DIRTIER_PASSES) {
        job->throttle = job->throttle > 0 ? MIN(job->throttle + THROTTLE_STEP, THROTTLE_MOST) : THROTTLE_FIRST;
        job->dirtier = 0;
    }
}

static void end_pass(DriverJob *job)
{
    double seconds = (double)(world_now(job->world) - job->stage_began_ns) / (double)NS_PER_S;
    double wire_mib = job->passes.pass_mib * world_job_wire_share(job);
    double dirty_mib = dirtied_mib(job);
    double written = written_mib(job);

    job->vm->lost_s += job->throttle * seconds;
    job->rules.threshold_mib = threshold_mib(job, seconds > 0 ? wire_mib / seconds : job->rate_mib_per_s);
    job->passes.dirty_mib_per_s = seconds > 0 ? dirty_mib / seconds : 0;
    throttle(job, dirty_mib);
    world_relay_pass_ends(job, seconds);
    if (passes_next(&job->passes, seconds)) {
        begin_pass(job, written);
    } else {
        begin_switch(job, job->passes.pass_mib, written);
    }
}

/* The limit was raised in the middle of a pass: what is left may be little enough now. */
void world_job_look_at_limit(DriverJob *job)
{
    double left_mib;

    if (job->stage != STAGE_PASS || job->rate_mib_per_s <= 0) {
        return;
    }
    left_mib = MIN(world_net_left_mib(job) / world_job_wire_share(job) + dirtied_mib(job), job->vm->used_mib);
    if (left_mib <= threshold_mib(job, job->rate_mib_per_s)) {
        begin_switch(job, left_mib, written_mib(job));
    }
}

/* ---- post-copy ---- */

gboolean world_job_may_switch(const DriverJob *job)
{
    return job->stage == STAGE_PASS && job->may_postcopy;
}

void world_job_switch(DriverJob *job)
{
    WorldVm *vm = job->vm;

    vm->lacking_mib = MIN(world_net_left_mib(job) / world_job_wire_share(job) + dirtied_mib(job), vm->used_mib);
    job->is_postcopy = TRUE;
    vm->is_switching = TRUE;
    world_set_copy(job->world, world_copy_at(vm, job->source), VM_STATE_PAUSED, FALSE);
    enter(job, STAGE_POSTCOPY_SWITCH);
    world_net_send(job, job->world->rules.device_mib);
    world_job_report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_POSTCOPY});
}

static void push(DriverJob *job)
{
    const WorldLoad *load = &job->vm->load;
    double touched_mib_per_s = load->written_mib_per_s + load->read_mib_per_s;

    postcopy_vm_init(&job->postcopy, job->vm->lacking_mib, 1);
    job->postcopy.touched_pages_per_s = touched_mib_per_s / PAGE_MIB;
    job->postcopy.touched_mib =
        MIN(load->write_set_mib * (load->written_mib_per_s > 0) + load->read_set_mib * (load->read_mib_per_s > 0),
            job->vm->used_mib);
    job->postcopy.overwritten_share = load->overwritten_share;
    job->postcopy.round_trip_s = (double)job->world->rules.round_trip_ns / (double)NS_PER_S;
    enter(job, STAGE_POSTCOPY);
    job->pushed_ns = world_now(job->world);
    send_pages(job, job->vm->lacking_mib, 0);
}

/* The destination runs the guest; memory follows. */
static void begin_postcopy(DriverJob *job)
{
    WorldVm *vm = job->vm;
    WorldCopy *destination = world_copy_at(vm, job->destination);

    destination->is_incoming = FALSE;
    world_set_copy(job->world, world_copy_at(vm, job->source), VM_STATE_POSTCOPY, FALSE);
    world_set_copy(job->world, destination, VM_STATE_POSTCOPY, TRUE);
    vm->is_switching = FALSE;
    world_net_move_talks(job->world, vm);
    push(job);
    world_job_report(job, (JobEvent){.kind = JOB_EVENT_SWITCHED, .phase = PHASE_POSTCOPY});
}

static void end_postcopy(DriverJob *job)
{
    double seconds = (double)(world_now(job->world) - job->pushed_ns) / (double)NS_PER_S;

    if (seconds > 0 && job->postcopy.memory_mib > 0) {
        job->postcopy.bandwidth_mib_per_s = job->postcopy.memory_mib / seconds; /* of pages: what faults wait for */
        job->vm->lost_s += MIN(postcopy_run(&job->postcopy).stalled_s, seconds);
    }
    world_job_complete(job);
}

/* ---- stages ---- */

void world_job_on_sent(DriverJob *job)
{
    switch (job->stage) {
    case STAGE_PASS:
        end_pass(job);
        break;
    case STAGE_SWITCH:
        world_net_stop(job);
        wait_in(job, STAGE_RESUME, job->world->rules.resume_ns);
        break;
    case STAGE_POSTCOPY_SWITCH:
        world_net_stop(job);
        wait_in(job, STAGE_POSTCOPY_RESUME, job->world->rules.resume_ns);
        break;
    case STAGE_POSTCOPY:
        end_postcopy(job);
        break;
    default:
        g_assert_not_reached();
    }
}

/* Why the destination cannot take it, as libvirt would say; NULL: it can. */
static const char *refusal(const DriverJob *job, Fault *blame)
{
    const WorldCopy *copy = world_copy_at(job->vm, job->source);

    *blame = FAULT_UNKNOWN;
    if (!copy || copy->is_incoming) {
        return "does not run at the source";
    }
    *blame = FAULT_DESTINATION_LIBVIRTD;
    if (job->destination->state != WORLD_HOST_UP) {
        return "the destination does not answer";
    }
    *blame = FAULT_REFUSED;
    if (world_copy_at(job->vm, job->destination)) {
        return "the destination has a VM of this name already";
    }
    if (job->may_postcopy && job->vm->was_paused) {
        return "post-copy is not possible while paused";
    }
    if (job->may_postcopy && !(job->source->has_postcopy && job->destination->has_postcopy)) {
        return "post-copy is not possible between these hosts";
    }
    return NULL;
}

static void begin_prepare(DriverJob *job)
{
    Fault blame;
    const char *why = refusal(job, &blame);

    if (why) {
        world_job_fail(job, GODWIT_ERROR_FAILED, blame, why);
        return;
    }
    world_add_copy(job->world, job->destination, job->vm, VM_STATE_PAUSED)->is_incoming = TRUE;
    wait_in(job, STAGE_PREPARE, job->world->rules.prepare_ns);
    world_job_report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_PREPARE});
}

static void begin_recovery(DriverJob *job)
{
    WorldCopy *source = world_copy_at(job->vm, job->source);
    WorldCopy *destination = world_copy_at(job->vm, job->destination);
    gboolean is_broken = source && destination && source->state == VM_STATE_POSTCOPY_FAILED &&
                         destination->state == VM_STATE_POSTCOPY_FAILED;

    if (!is_broken) {
        world_job_fail(job, GODWIT_ERROR_UNSUPPORTED, FAULT_REFUSED, "has no post-copy to take up again");
        return;
    }
    begin_postcopy(job);
}

static void on_stage_end(gpointer data)
{
    DriverJob *job = data;

    job->timer = 0;
    world_note(job->world, "migration goes on", job->vm->name);
    switch (job->stage) {
    case STAGE_BEGIN:
        if (job->is_postcopy) {
            begin_recovery(job);
        } else {
            begin_prepare(job);
        }
        break;
    case STAGE_PREPARE:
        begin_pass(job, 0);
        break;
    case STAGE_RESUME:
        world_job_complete(job);
        break;
    case STAGE_POSTCOPY_RESUME:
        begin_postcopy(job);
        break;
    default:
        g_assert_not_reached();
    }
}

/* ---- the beginning ---- */

static double limit_of(guint64 bytes_per_s)
{
    return bytes_per_s ? (double)bytes_per_s / (double)MIB : INFINITY;
}

static void begin_recurrence(DriverJob *job)
{
    const WorldVm *vm = job->vm;
    PassesVm passes = {.memory_mib = vm->used_mib, .working_set_mib = vm->load.write_set_mib, .bandwidth_mib_per_s = 1};

    passes_rules_init(&job->rules);
    job->rules.threshold_mib = 0;
    job->rules.passes_max = G_MAXUINT;
    job->rules.traffic_max = INFINITY;
    job->rules.progress_min = INFINITY;
    job->rules.downtime = DOWNTIME_LAST;
    passes_begin(&job->passes, &passes, &job->rules);
}

static DriverJob *job_new(World *world, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    DriverJob *job = g_new0(DriverJob, 1);
    const MigrateOptions *options = request->options;

    job->world = world;
    job->vm = world_vm_named(world, request->step->uuid);
    job->source = world_host_named(world, request->step->source);
    job->destination = world_host_named(world, request->step->destination);
    job->func = func;
    job->user = user;
    job->number = ++world->last_job;
    job->limit_mib_per_s = limit_of(request->bandwidth_bytes_per_s);
    job->downtime_limit_ns = options->downtime_limit_ns;
    job->may_postcopy = request->may_postcopy;
    job->auto_converge = options->auto_converge;
    job->wire_ratio =
        options->compressed ? MIN(1, (job->vm->load.dirty_bytes_per_page + DELTA_HEADER) / (4096 + DELTA_HEADER)) : 1;
    job->begun_ns = job->since_ns = world_now(world);
    job->flow = WORLD_NONE;
    job->route = g_array_new(FALSE, FALSE, sizeof(guint));
    job->vm->job = job;
    job->source->outgoing++;
    job->destination->incoming++;
    g_ptr_array_add(world->jobs, job);
    begin_recurrence(job);
    world_relay_begin(job, request);
    wait_in(job, STAGE_BEGIN, BEGIN_NS);
    return job;
}

DriverJob *world_job_start(World *world, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    DriverJob *job = job_new(world, request, func, user);

    job->vm->gap_ms = job->vm->lost_s = 0;
    return job;
}

DriverJob *world_job_recover(World *world, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    DriverJob *job = job_new(world, request, func, user);

    job->is_postcopy = TRUE;
    return job;
}

/* ---- statistics ---- */

static guint64 bytes_of(double mib)
{
    return (guint64)(MAX(mib, 0) * (double)MIB);
}

void world_job_stats(DriverJob *job, JobStats *stats)
{
    const WorldVm *vm = job->vm;
    gint64 now_ns = world_now(job->world);
    gboolean is_begun = job->stage >= STAGE_PASS;
    double share = job->relay.is_on ? world_job_wire_share(job) : 1;
    double left_mib = !is_begun || job->stage == STAGE_POSTCOPY_SWITCH || job->stage == STAGE_POSTCOPY_RESUME
                          ? (job->is_postcopy ? vm->lacking_mib : vm->used_mib)
                          : world_net_left_mib(job) / share;
    double sent_mib = job->relay.is_on ? world_relay_stream_mib(job) : world_net_sent_mib(job);
    double pace = guest_runs(job) ? (1 - job->throttle) * world_intensity_s(vm, now_ns, now_ns + NS_PER_S) : 0;

    *stats = (JobStats){.bytes_sent = bytes_of(sent_mib),
                        .bytes_remaining = bytes_of(left_mib),
                        .bytes_total = bytes_of(sent_mib) + bytes_of(left_mib),
                        .bytes_per_s = bytes_of(job->rate_mib_per_s),
                        .passes = job->passes.passes_done + is_begun,
                        .dirty_pages_per_s = (guint64)(pace * vm->load.written_mib_per_s / PAGE_MIB),
                        .page_bytes = 4096,
                        .downtime_ms = NAN,
                        .is_postcopy = job->is_postcopy && job->stage == STAGE_POSTCOPY,
                        .total_time_s = (double)(now_ns - job->begun_ns) / (double)NS_PER_S};
}
