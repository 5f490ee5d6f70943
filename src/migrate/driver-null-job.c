/* SPDX-License-Identifier: Apache-2.0
 *
 * How memory moves in the null world.
 *
 *     BEGIN --answer--> PREPARE --NULL_PREPARE_NS--> PASS 1 --> PASS 2 --> .. --> SWITCH --> the destination runs it
 *                                                      '--- asked for post-copy ---> POSTCOPY ----^
 *
 * A stage that sends has 'left_bytes' as of 'since_ns'; whenever the bandwidth changes or the link comes and goes, what
 * was sent meanwhile is taken off and the timer of its end is set anew. */
#include "migrate/driver-null-private.h"

#include <math.h>

#define WATCH_LOST_NS (3 * NS_PER_S) /* until a controller notices that a libvirtd is gone */

static void on_stage_end(gpointer data);

static gint64 now_of(const DriverJob *job)
{
    return job->driver->clock->now_ns(job->driver->clock);
}

static double rate_of(const DriverJob *job)
{
    gboolean is_joined = job->source->is_link_up && job->destination->is_link_up;

    return !is_joined ? 0 : (double)(job->bandwidth_bytes_per_s ? job->bandwidth_bytes_per_s : NULL_RATE_BYTES_PER_S);
}

static gboolean sends(const DriverJob *job)
{
    return job->stage >= NULL_STAGE_PASS;
}

static void report(DriverJob *job, JobEvent event)
{
    if (job->func) {
        event.passes = job->passes;
        job->func(&event, job->user);
    }
}

static void set_timer(DriverJob *job, gint64 after_ns)
{
    Clock *clock = job->driver->clock;

    clock->cancel(clock, job->timer);
    job->timer = clock->at(clock, now_of(job) + after_ns, on_stage_end, job);
}

/* Takes off what was sent since the last look, at 'rate' that was valid meanwhile. */
static void settle(DriverJob *job, double rate)
{
    guint64 sent = (guint64)((double)(now_of(job) - job->since_ns) / (double)NS_PER_S * rate);

    job->left_bytes -= MIN(sent, job->left_bytes);
    job->since_ns = now_of(job);
}

static void set_end_of_sending(DriverJob *job)
{
    double rate = rate_of(job);

    job->driver->clock->cancel(job->driver->clock, job->timer);
    job->timer = 0;
    if (rate > 0) {
        set_timer(job, (gint64)ceil((double)job->left_bytes / rate * (double)NS_PER_S));
    }
}

static void begin_sending(DriverJob *job, NullStage stage, guint64 bytes)
{
    job->stage = stage;
    job->pass_bytes = job->left_bytes = bytes;
    job->since_ns = job->pass_began_ns = now_of(job);
    set_end_of_sending(job);
}

void null_job_set_bandwidth(DriverJob *job, guint64 bytes_per_s)
{
    double rate_before = rate_of(job);

    job->bandwidth_bytes_per_s = bytes_per_s;
    if (sends(job)) {
        settle(job, rate_before);
        set_end_of_sending(job);
    }
}

static guint64 sent_now(const DriverJob *job)
{
    guint64 sent = (guint64)((double)(now_of(job) - job->since_ns) / (double)NS_PER_S * rate_of(job));

    return sends(job) ? job->sent_bytes + job->pass_bytes - job->left_bytes + MIN(sent, job->left_bytes) : 0;
}

/* ---- the end ---- */

void null_job_free(gpointer data)
{
    DriverJob *job = data;

    job->driver->clock->cancel(job->driver->clock, job->timer);
    job->driver->clock->cancel(job->driver->clock, job->watch_timer);
    g_free(job);
}

void null_job_stats(DriverJob *job, JobStats *stats)
{
    guint64 sent_bytes = sent_now(job);
    guint64 pass_left = sends(job) ? job->sent_bytes + job->pass_bytes - sent_bytes : job->guest->ram_bytes;

    *stats = (JobStats){.bytes_sent = sent_bytes,
                        .bytes_remaining = pass_left,
                        .passes = job->passes,
                        .bytes_total = sent_bytes + pass_left,
                        .bytes_per_s = (guint64)(sends(job) ? rate_of(job) : 0),
                        .dirty_pages_per_s = job->guest->dirty_bytes_per_s / 4096,
                        .page_bytes = 4096,
                        .downtime_ms = NAN,
                        .is_postcopy = job->is_postcopy,
                        .total_time_s = (double)(now_of(job) - job->begun_ns) / (double)NS_PER_S};
}

/* The last event, when anybody watches; the job is gone. */
static void end(DriverJob *job, const GError *error, Fault blame)
{
    NullDriver *driver = job->driver;
    JobStats stats;
    JobEvent event = {.kind = JOB_EVENT_ENDED, .stats = &stats, .error = error, .blame = error ? blame : FAULT_NONE};

    null_job_stats(job, &stats);
    stats.bytes_remaining = 0;
    if (!error && !job->is_postcopy) {
        stats.downtime_ms = (double)(now_of(job) - job->stopped_ns) / (double)NS_PER_MS;
    }
    g_ptr_array_remove_fast(driver->jobs, job);
    null_check_promise(driver);
    report(job, event);
    null_job_free(job);
}

/* The destination has everything. */
static void complete(DriverJob *job)
{
    NullGuest *guest = job->guest;
    NullCopy *copy = null_find_copy(job->driver, job->destination, guest);

    null_remove_copy(job->driver, job->source, guest);
    copy->is_incoming = FALSE;
    copy->runs = !guest->was_paused;
    copy->state = guest->was_paused ? VM_STATE_PAUSED : VM_STATE_RUNNING;
    guest->is_switching = FALSE;
    null_check_promise(job->driver);
    if (!job->is_postcopy) {
        report(job, (JobEvent){.kind = JOB_EVENT_SWITCHED, .phase = PHASE_FINISH});
    }
    report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_CONFIRM});
    end(job, NULL, FAULT_NONE);
}

static void set_copy(NullCopy *copy, VmState state, gboolean runs)
{
    if (copy) {
        copy->state = state;
        copy->runs = runs;
    }
}

/* Both copies stand still and lack something. */
static void break_stream(DriverJob *job)
{
    NullCopy *destination = null_find_copy(job->driver, job->destination, job->guest);

    settle(job, 0);
    job->guest->is_switching = TRUE;
    job->guest->lacking_bytes = job->left_bytes;
    set_copy(null_find_copy(job->driver, job->source, job->guest), VM_STATE_POSTCOPY_FAILED, FALSE);
    set_copy(destination, VM_STATE_POSTCOPY_FAILED, FALSE);
    report(job, (JobEvent){.kind = JOB_EVENT_POSTCOPY_FAILED, .phase = PHASE_POSTCOPY});
}

/* As libvirt does: the source's copy runs on, the destination's is ended. */
static void roll_back(DriverJob *job)
{
    NullGuest *guest = job->guest;
    NullCopy *destination = null_find_copy(job->driver, job->destination, guest);

    if (destination && !job->driver->leaves_leftovers && job->destination->state == NULL_HOST_UP) {
        null_remove_copy(job->driver, job->destination, guest);
    }
    if (!guest->was_paused) {
        set_copy(null_find_copy(job->driver, job->source, guest), VM_STATE_RUNNING, TRUE);
    }
    guest->is_switching = FALSE;
}

void null_job_fail(DriverJob *job, GodwitError code, Fault blame, const char *why)
{
    g_autoptr(GError) error = g_error_new(GODWIT_ERROR, code, "VM %s: %s", job->guest->name, why);

    if (job->stage == NULL_STAGE_POSTCOPY) {
        break_stream(job);
    } else {
        roll_back(job);
    }
    end(job, error, blame);
}

/* ---- stages ---- */

static void begin_pass(DriverJob *job, guint64 bytes)
{
    job->passes++;
    begin_sending(job, NULL_STAGE_PASS, bytes);
    if (job->passes == 1) {
        report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_PERFORM});
    }
    report(job, (JobEvent){.kind = JOB_EVENT_PASS, .phase = PHASE_PERFORM});
}

static guint64 dirtied_in_pass(const DriverJob *job)
{
    double seconds = (double)(now_of(job) - job->pass_began_ns) / (double)NS_PER_S;

    return (guint64)MIN((double)job->guest->dirty_bytes_per_s * seconds, (double)job->guest->working_set_bytes);
}

static void begin_switch(DriverJob *job, guint64 rest_bytes)
{
    job->guest->is_switching = TRUE;
    job->stopped_ns = now_of(job);
    set_copy(null_find_copy(job->driver, job->source, job->guest), VM_STATE_PAUSED, FALSE);
    begin_sending(job, NULL_STAGE_SWITCH, rest_bytes);
    report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_FINISH});
}

static void end_pass(DriverJob *job)
{
    guint64 rest_bytes = dirtied_in_pass(job);
    double rest_ns = (double)rest_bytes / rate_of(job) * (double)NS_PER_S;

    job->sent_bytes += job->pass_bytes;
    if (rest_ns <= (double)job->downtime_limit_ns) {
        begin_switch(job, rest_bytes);
    } else {
        begin_pass(job, rest_bytes);
    }
}

static void begin_prepare(DriverJob *job)
{
    NullCopy *copy;

    if (!null_find_copy(job->driver, job->source, job->guest)) {
        null_job_fail(job, GODWIT_ERROR_NOT_FOUND, FAULT_UNKNOWN, "does not run at the source");
        return;
    }
    if (job->guest->was_paused && job->may_postcopy) { /* as libvirt */
        null_job_fail(job, GODWIT_ERROR_UNSUPPORTED, FAULT_REFUSED, "post-copy is not possible while paused");
        return;
    }
    copy = null_add_copy(job->driver, job->destination, job->guest, VM_STATE_PAUSED);
    copy->is_incoming = TRUE;
    job->stage = NULL_STAGE_PREPARE;
    set_timer(job, NULL_PREPARE_NS);
    report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_PREPARE});
}

static void on_stage_end(gpointer data)
{
    DriverJob *job = data;
    NullDriver *driver = job->driver;

    job->timer = 0;
    if (sends(job)) {
        settle(job, rate_of(job));
        job->left_bytes = 0;
    }
    switch (job->stage) {
    case NULL_STAGE_BEGIN:
        begin_prepare(job);
        break;
    case NULL_STAGE_PREPARE:
        begin_pass(job, job->guest->ram_bytes);
        break;
    case NULL_STAGE_PASS:
        end_pass(job);
        break;
    case NULL_STAGE_SWITCH:
    case NULL_STAGE_POSTCOPY:
        complete(job);
        break;
    }
    null_check_promise(driver);
}

void null_job_postcopy(DriverJob *job)
{
    NullCopy *destination = null_find_copy(job->driver, job->destination, job->guest);
    guint64 dirty_bytes = dirtied_in_pass(job);

    settle(job, rate_of(job));
    job->sent_bytes += job->pass_bytes - job->left_bytes;
    job->is_postcopy = TRUE;
    set_copy(null_find_copy(job->driver, job->source, job->guest), VM_STATE_POSTCOPY, FALSE);
    destination->is_incoming = FALSE;
    set_copy(destination, VM_STATE_POSTCOPY, !job->guest->was_paused);
    begin_sending(job, NULL_STAGE_POSTCOPY, MIN(job->left_bytes + dirty_bytes, job->guest->ram_bytes));
    report(job, (JobEvent){.kind = JOB_EVENT_PHASE, .phase = PHASE_POSTCOPY});
    report(job, (JobEvent){.kind = JOB_EVENT_SWITCHED, .phase = PHASE_POSTCOPY});
}

/* ---- hosts and links that change ---- */

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
    gboolean in_postcopy = job->stage == NULL_STAGE_POSTCOPY;

    if (sends(job)) {
        set_end_of_sending(job);
    }
    if (job->source->state == NULL_HOST_DEAD) {
        job->guest->is_ended = TRUE;
        null_job_fail(job, GODWIT_ERROR_LOST, FAULT_SOURCE_LIBVIRTD, "the source does not answer any more");
    } else if (job->destination->state == NULL_HOST_DEAD ||
               (job->destination->state == NULL_HOST_NO_LIBVIRTD && !in_postcopy)) {
        null_job_fail(job, GODWIT_ERROR_FAILED, FAULT_DESTINATION_LIBVIRTD, "the destination does not answer any more");
    } else if (job->source->state == NULL_HOST_NO_LIBVIRTD && !job->watch_timer) {
        job->watch_timer = job->driver->clock->at(job->driver->clock, now_of(job) + WATCH_LOST_NS, on_watch_lost, job);
    }
}

void null_jobs_settle(NullDriver *driver)
{
    for (guint i = 0; i < driver->jobs->len; i++) {
        DriverJob *job = g_ptr_array_index(driver->jobs, i);

        if (sends(job)) {
            settle(job, rate_of(job));
        }
    }
}

void null_jobs_look(NullDriver *driver)
{
    for (guint i = driver->jobs->len; i-- > 0;) {
        look_at_job(g_ptr_array_index(driver->jobs, i));
    }
}

/* ---- the beginning ---- */

static void count_jobs(NullDriver *driver, NullHost *source, NullHost *destination)
{
    guint out = 0;
    guint in = 0;

    for (guint i = 0; i < driver->jobs->len; i++) {
        const DriverJob *job = g_ptr_array_index(driver->jobs, i);

        out += job->source == source;
        in += job->destination == destination;
    }
    source->most_out = MAX(source->most_out, out);
    destination->most_in = MAX(destination->most_in, in);
}

static DriverJob *job_new(NullDriver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    DriverJob *job = g_new0(DriverJob, 1);

    job->driver = driver;
    job->guest = null_find_guest(driver, request->step->uuid);
    job->source = null_find_host(driver, request->step->source);
    job->destination = null_find_host(driver, request->step->destination);
    job->func = func;
    job->user = user;
    job->bandwidth_bytes_per_s = request->relay_socket ? 0 : request->bandwidth_bytes_per_s; /* the relay paces */
    job->downtime_limit_ns = request->options->downtime_limit_ns;
    job->may_postcopy = request->may_postcopy;
    job->begun_ns = now_of(job);
    job->guest->downtime_limit_ns = job->downtime_limit_ns;
    g_free(job->guest->relay_socket);
    job->guest->relay_socket = g_strdup(request->relay_socket);
    g_ptr_array_add(driver->jobs, job);
    count_jobs(driver, job->source, job->destination);
    return job;
}

static void note_copied_disks(NullGuest *guest, GPtrArray *disks)
{
    GString *targets = g_string_new(NULL);

    for (guint i = 0; disks && i < disks->len; i++) {
        g_string_append_printf(targets, "%s%s", i ? "," : "", (const char *)g_ptr_array_index(disks, i));
    }
    g_free(guest->copied_disks);
    guest->copied_disks = g_string_free(targets, FALSE);
}

DriverJob *null_job_start(NullDriver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    DriverJob *job = job_new(driver, request, func, user);

    note_copied_disks(job->guest, request->copy_disks);
    set_timer(job, NULL_ANSWER_NS);
    return job;
}

DriverJob *null_job_recover(NullDriver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    DriverJob *job = job_new(driver, request, func, user);
    NullGuest *guest = job->guest;

    job->is_postcopy = TRUE;
    set_copy(null_find_copy(driver, job->source, guest), VM_STATE_POSTCOPY, FALSE);
    set_copy(null_find_copy(driver, job->destination, guest), VM_STATE_POSTCOPY, !guest->was_paused);
    begin_sending(job, NULL_STAGE_POSTCOPY, guest->lacking_bytes);
    return job;
}
