/* SPDX-License-Identifier: Apache-2.0
 *
 * The null provider's table: every call is put aside for NULL_ANSWER_NS (or longer, when the host is silent), takes its
 * effect on the world then, and is answered; or it is the call that was told to fail.  See driver-null.h. */
#include "migrate/driver-null-private.h"

#define NULL_SILENCE_NS (5 * NS_PER_S)

typedef enum AnswerKind {
    ANSWER_FACTS,
    ANSWER_LOADS,
    ANSWER_CPU,
    ANSWER_FILES,
    ANSWER_PEER,
    ANSWER_PROBE,
    ANSWER_TRUTH,
    ANSWER_RATE,
    ANSWER_BANDWIDTH,
    ANSWER_DOWNTIME,
    ANSWER_POSTCOPY,
    ANSWER_FORCE,
    ANSWER_CANCEL,
    ANSWER_BREAK,
    ANSWER_STATS,
    ANSWER_RESUME,
    ANSWER_REMOVE,
    ANSWER_START_FAILED,
} AnswerKind;

/* A call on its way. */
typedef struct NullAnswer {
    NullDriver *driver;
    AnswerKind kind;
    NullHost *host;   /* that is asked; NULL: none of this world */
    NullGuest *guest; /* may be NULL */
    guint64 value;
    char **paths;
    GError *error; /* decided when it was called */
    guint timer;
    union {
        DriverHostFunc facts;
        DriverLoadsFunc loads;
        DriverFilesFunc files;
        DriverTruthFunc truth;
        DriverRateFunc rate;
        DriverStatsFunc stats;
        DriverDoneFunc done;
        JobEventFunc event;
    } func;
    gpointer user;
} NullAnswer;

static void answer_free(gpointer data)
{
    NullAnswer *answer = data;

    answer->driver->clock->cancel(answer->driver->clock, answer->timer);
    g_clear_error(&answer->error);
    g_strfreev(answer->paths);
    g_free(answer);
}

/* ---- effects ---- */

static Vm *vm_of(const NullCopy *copy)
{
    Vm *vm = vm_new(copy->guest->name, copy->guest->uuid, copy->host->name);

    vm->state = copy->state;
    vm->ram_bytes = copy->guest->ram_bytes;
    vm->vcpus = copy->guest->vcpus;
    vm->is_persistent = TRUE;
    vm->domain_type = g_strdup("null");
    vm->cpu_xml = g_strdup("<cpu/>");
    if (copy->guest->disk_path) {
        g_ptr_array_add(vm->disks, vm_disk_new("vda", copy->guest->disk_path, GIB));
    }
    return vm;
}

static HostFacts *facts_of(NullDriver *driver, const NullHost *host)
{
    HostFacts *facts = host_facts_new(host->name);

    facts->hostname = g_strdup(host->name);
    facts->cpus = host->cpus;
    facts->memory_bytes = host->memory_bytes;
    facts->libvirt_version = 11003000;
    facts->qemu_version = 10000002;
    facts->can_postcopy = TRUE;
    facts->capabilities_xml = g_strdup("<host/>");
    for (guint i = 0; i < driver->copies->len; i++) {
        const NullCopy *copy = g_ptr_array_index(driver->copies, i);

        if (copy->host == host && copy->is_incoming) {
            g_ptr_array_add(facts->incoming_names, g_strdup(copy->guest->name));
        } else if (copy->host == host) {
            g_ptr_array_add(facts->vms, vm_of(copy));
        }
    }
    facts->memory_free_bytes = facts->memory_bytes - MIN(host_facts_vm_ram_bytes(facts), facts->memory_bytes);
    return facts;
}

static VmTruth truth_of(const NullAnswer *answer)
{
    const NullCopy *copy = answer->guest ? null_find_copy(answer->driver, answer->host, answer->guest) : NULL;
    const DriverJob *job = answer->guest ? null_find_job(answer->driver, answer->guest) : NULL;

    return (VmTruth){.state = copy ? copy->state : VM_STATE_ABSENT,
                     .is_incoming = copy && copy->is_incoming,
                     .is_defined = copy != NULL,
                     .is_migrating_out = copy && job && job->source == answer->host};
}

/* A shared file is one file with one time; a local one is there where its guest is, and elsewhere absent. */
static FileFacts *files_of(const NullAnswer *answer)
{
    NullDriver *driver = answer->driver;
    FileFacts *files = g_new0(FileFacts, g_strv_length(answer->paths) + 1);

    for (guint p = 0; answer->paths[p]; p++) {
        files[p] = (FileFacts){FILE_STATE_ABSENT, 0, answer->host->memory_bytes, 0};
        for (guint i = 0; i < driver->copies->len; i++) {
            const NullCopy *copy = g_ptr_array_index(driver->copies, i);
            const NullGuest *guest = copy->guest;

            if (g_strcmp0(guest->disk_path, answer->paths[p]) == 0 &&
                (copy->host == answer->host || !guest->is_disk_local)) {
                files[p] = (FileFacts){FILE_STATE_PRESENT, GIB, 0, 1};
            }
        }
    }
    return files;
}

static void resume(NullAnswer *answer)
{
    NullCopy *copy = null_find_copy(answer->driver, answer->host, answer->guest);

    if (!copy || copy->state != VM_STATE_PAUSED || copy->is_incoming) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_REFUSED, "nothing to resume");
        return;
    }
    copy->state = VM_STATE_RUNNING;
    copy->runs = TRUE;
}

static void remove_waiting(NullAnswer *answer)
{
    const NullCopy *copy = null_find_copy(answer->driver, answer->host, answer->guest);

    if (copy && !copy->is_incoming) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_REFUSED, "it ran here");
        return;
    }
    null_remove_copy(answer->driver, answer->host, answer->guest);
}

static void switch_job(NullAnswer *answer, DriverJob *job)
{
    if (job->stage != NULL_STAGE_PASS || !job->may_postcopy) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_REFUSED, "post-copy is not possible now");
        return;
    }
    null_job_postcopy(job);
}

static void cancel_job(NullAnswer *answer, DriverJob *job)
{
    if (job->stage == NULL_STAGE_POSTCOPY) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_REFUSED, "a post-copy cannot be cancelled");
        return;
    }
    null_job_fail(job, GODWIT_ERROR_CANCELLED, FAULT_UNKNOWN, "cancelled");
}

static void steer(NullAnswer *answer)
{
    DriverJob *job = null_find_job(answer->driver, answer->guest);

    if (!job) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no migration is running");
        return;
    }
    switch (answer->kind) {
    case ANSWER_BANDWIDTH:
        null_job_set_bandwidth(job, answer->value);
        break;
    case ANSWER_DOWNTIME:
        job->downtime_limit_ns = job->guest->downtime_limit_ns = (gint64)answer->value;
        break;
    case ANSWER_FORCE:
        job->downtime_limit_ns = G_MAXINT64;
        break;
    case ANSWER_POSTCOPY:
        switch_job(answer, job);
        break;
    case ANSWER_CANCEL:
        cancel_job(answer, job);
        break;
    case ANSWER_BREAK:
        null_job_fail(job, GODWIT_ERROR_FAILED, FAULT_LINK, "the stream broke");
        break;
    default:
        g_assert_not_reached();
    }
}

/* ---- answering ---- */

static void give_facts(NullAnswer *answer)
{
    answer->func.facts(answer->error ? NULL : facts_of(answer->driver, answer->host), answer->error, answer->user);
}

/* A guest is as busy as it was made, all its life. */
static void give_loads(NullAnswer *answer)
{
    NullDriver *driver = answer->driver;
    gint64 now_ns = driver->clock->now_ns(driver->clock);
    g_autoptr(GArray) loads = g_array_new(FALSE, TRUE, sizeof(VmLoad));

    for (guint i = 0; !answer->error && i < driver->copies->len; i++) {
        const NullCopy *copy = g_ptr_array_index(driver->copies, i);
        VmLoad load = {.memory_used_bytes = copy->guest->ram_bytes,
                       .cpu_time_ns = (guint64)(copy->guest->busy_cores * (double)now_ns)};

        if (copy->host == answer->host && copy->runs) {
            g_strlcpy(load.uuid, copy->guest->uuid, sizeof load.uuid);
            g_array_append_val(loads, load);
        }
    }
    answer->func.loads((const VmLoad *)loads->data, loads->len, now_ns, answer->error, answer->user);
}

static void give_files(NullAnswer *answer)
{
    g_autofree FileFacts *files = answer->error ? NULL : files_of(answer);

    answer->func.files(files, answer->error, answer->user);
}

static void give_truth(NullAnswer *answer)
{
    VmTruth truth = {VM_STATE_ABSENT, FALSE, FALSE, FALSE};

    if (!answer->error) {
        truth = truth_of(answer);
    }
    answer->func.truth(answer->error ? NULL : &truth, answer->error, answer->user);
}

static void give_stats(NullAnswer *answer)
{
    DriverJob *job = null_find_job(answer->driver, answer->guest);
    JobStats stats;

    if (!answer->error && !job) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no migration is running");
    }
    if (!answer->error) {
        null_job_stats(job, &stats);
    }
    answer->func.stats(answer->error ? NULL : &stats, answer->error, answer->user);
}

static void give_done(NullAnswer *answer)
{
    if (!answer->error && answer->kind == ANSWER_RESUME) {
        resume(answer);
    } else if (!answer->error && answer->kind == ANSWER_REMOVE) {
        remove_waiting(answer);
    } else if (!answer->error && answer->kind >= ANSWER_BANDWIDTH && answer->kind <= ANSWER_BREAK) {
        steer(answer);
    }
    null_check_promise(answer->driver);
    answer->func.done(answer->error, answer->user);
}

static void give_failed_start(NullAnswer *answer)
{
    JobEvent event = {.kind = JOB_EVENT_ENDED, .error = answer->error, .blame = FAULT_REFUSED};

    answer->func.event(&event, answer->user);
}

static void give(NullAnswer *answer)
{
    switch (answer->kind) {
    case ANSWER_FACTS:
        give_facts(answer);
        break;
    case ANSWER_LOADS:
        give_loads(answer);
        break;
    case ANSWER_FILES:
        give_files(answer);
        break;
    case ANSWER_TRUTH:
        give_truth(answer);
        break;
    case ANSWER_STATS:
        give_stats(answer);
        break;
    case ANSWER_RATE:
        answer->func.rate(answer->error ? 0 : (double)answer->guest->dirty_bytes_per_s / 4096, 4096, answer->error,
                          answer->user);
        break;
    case ANSWER_START_FAILED:
        give_failed_start(answer);
        break;
    default:
        give_done(answer);
    }
}

static void on_answer(gpointer data)
{
    NullAnswer *answer = data;

    answer->timer = 0;
    g_ptr_array_remove_fast(answer->driver->answers, answer);
    if (!answer->error && answer->host->state != NULL_HOST_UP && answer->kind != ANSWER_PROBE) {
        answer->error =
            g_error_new(GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "host %s does not answer", answer->host->name);
    } else if (!answer->error && answer->kind == ANSWER_PROBE && answer->host->state == NULL_HOST_DEAD) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "host %s is dead", answer->host->name);
    }
    give(answer);
    answer_free(answer);
}

/* Counts a call; NULL or the error that it was told to fail with. */
static GError *count_call(NullDriver *driver)
{
    if (++driver->calls != driver->failing_call) {
        return NULL;
    }
    return g_error_new(GODWIT_ERROR, (gint)driver->failing_code, "call %u was told to fail", driver->calls);
}

static NullAnswer *put_aside(NullDriver *driver, AnswerKind kind, const char *host, const char *vm, gpointer user)
{
    NullAnswer *answer = g_new0(NullAnswer, 1);
    Clock *clock = driver->clock;
    gboolean is_silent;

    answer->driver = driver;
    answer->kind = kind;
    answer->host = null_find_host(driver, host);
    answer->guest = vm ? null_find_guest(driver, vm) : NULL;
    answer->user = user;
    answer->error = count_call(driver);
    if (!answer->error && !answer->host) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no host %s", host);
    }
    if (!answer->error && vm && !answer->guest && kind != ANSWER_TRUTH) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no VM %s", vm);
    }
    is_silent = answer->host && answer->host->state != NULL_HOST_UP;
    answer->timer =
        clock->at(clock, clock->now_ns(clock) + (is_silent ? NULL_SILENCE_NS : NULL_ANSWER_NS), on_answer, answer);
    g_ptr_array_add(driver->answers, answer);
    return answer;
}

/* ---- the table ---- */

#define SELF ((NullDriver *)driver)

static void query_host(Driver *driver, const char *host, DriverHostFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_FACTS, host, NULL, user)->func.facts = done;
}

static void query_loads(Driver *driver, const char *host, DriverLoadsFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_LOADS, host, NULL, user)->func.loads = done;
}

static void check_cpu(Driver *driver, const char *host, const char *cpu_xml, const char *domain_type,
                      DriverDoneFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_CPU, host, NULL, user)->func.done = done;
}

static void check_files(Driver *driver, const char *host, const char *const *paths, DriverFilesFunc done, gpointer user)
{
    NullAnswer *answer = put_aside(SELF, ANSWER_FILES, host, NULL, user);

    answer->paths = g_strdupv((char **)paths);
    answer->func.files = done;
}

static void check_peer(Driver *driver, const char *source, const char *destination, DriverDoneFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_PEER, source, NULL, user)->func.done = done;
}

static void probe_host(Driver *driver, const char *host, DriverDoneFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_PROBE, host, NULL, user)->func.done = done;
}

static void ask_truth(Driver *driver, const char *host, const char *vm_uuid, DriverTruthFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_TRUTH, host, vm_uuid, user)->func.truth = done;
}

static void dirty_rate(Driver *driver, const char *host, const char *vm, gint64 window_ns, DriverRateFunc done,
                       gpointer user)
{
    put_aside(SELF, ANSWER_RATE, host, vm, user)->func.rate = done;
}

/* A job's handle must be valid until ENDED, also of a start that fails: then it is one that never does anything. */
static DriverJob *begin(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user,
                        DriverJob *(*make)(NullDriver *, const MigrationRequest *, JobEventFunc, gpointer))
{
    static DriverJob never;
    GError *error = count_call(SELF);
    NullAnswer *answer;

    if (!error) {
        return make(SELF, request, func, user);
    }
    SELF->calls--; /* counted once */
    answer = put_aside(SELF, ANSWER_START_FAILED, request->step->source, NULL, user);
    g_clear_error(&answer->error);
    answer->error = error;
    answer->func.event = func;
    never.driver = SELF;
    return &never;
}

static DriverJob *start(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    return begin(driver, request, func, user, null_job_start);
}

static DriverJob *recover_postcopy(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    return begin(driver, request, func, user, null_job_recover);
}

static NullAnswer *order(DriverJob *job, AnswerKind kind, DriverDoneFunc done, gpointer user)
{
    NullAnswer *answer = put_aside(job->driver, kind, job->source->name, job->guest->uuid, user);

    answer->func.done = done;
    return answer;
}

static void set_bandwidth(DriverJob *job, guint64 bytes_per_s, DriverDoneFunc done, gpointer user)
{
    order(job, ANSWER_BANDWIDTH, done, user)->value = bytes_per_s;
}

static void set_downtime_limit(DriverJob *job, gint64 limit_ns, DriverDoneFunc done, gpointer user)
{
    order(job, ANSWER_DOWNTIME, done, user)->value = (guint64)limit_ns;
}

static void switch_to_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order(job, ANSWER_POSTCOPY, done, user);
}

static void force(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order(job, ANSWER_FORCE, done, user);
}

static void cancel(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order(job, ANSWER_CANCEL, done, user);
}

static void break_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order(job, ANSWER_BREAK, done, user);
}

static void query_stats(DriverJob *job, DriverStatsFunc done, gpointer user)
{
    put_aside(job->driver, ANSWER_STATS, job->source->name, job->guest->uuid, user)->func.stats = done;
}

static void resume_vm(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_RESUME, host, vm_uuid, user)->func.done = done;
}

static void remove_incoming(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user)
{
    put_aside(SELF, ANSWER_REMOVE, host, vm_uuid, user)->func.done = done;
}

static void host_free(gpointer data)
{
    g_free(((NullHost *)data)->name);
    g_free(data);
}

static void guest_free(gpointer data)
{
    NullGuest *guest = data;

    g_free(guest->name);
    g_free(guest->uuid);
    g_free(guest->disk_path);
    g_free(guest->copied_disks);
    g_free(guest->relay_socket);
    g_free(guest);
}

static void close_world(Driver *driver)
{
    NullDriver *self = SELF;

    g_ptr_array_set_free_func(self->answers, answer_free);
    g_ptr_array_set_free_func(self->jobs, null_job_free);
    g_ptr_array_unref(self->answers);
    g_ptr_array_unref(self->jobs);
    g_ptr_array_unref(self->copies);
    g_ptr_array_unref(self->guests);
    g_ptr_array_unref(self->hosts);
    g_free(self->broken_promise);
    g_free(self);
}

static const Driver NULL_TABLE = {
    .name = "null",
    .query_host = query_host,
    .query_loads = query_loads,
    .check_cpu = check_cpu,
    .check_files = check_files,
    .check_peer = check_peer,
    .probe_host = probe_host,
    .ask_truth = ask_truth,
    .dirty_rate = dirty_rate,
    .start = start,
    .set_bandwidth = set_bandwidth,
    .set_downtime_limit = set_downtime_limit,
    .switch_to_postcopy = switch_to_postcopy,
    .force = force,
    .cancel = cancel,
    .break_postcopy = break_postcopy,
    .query_stats = query_stats,
    .resume_vm = resume_vm,
    .remove_incoming = remove_incoming,
    .recover_postcopy = recover_postcopy,
    .close = close_world,
};

Driver *driver_null_new(Clock *clock)
{
    NullDriver *driver = g_new0(NullDriver, 1);

    driver->table = NULL_TABLE;
    driver->clock = clock;
    driver->hosts = g_ptr_array_new_with_free_func(host_free);
    driver->guests = g_ptr_array_new_with_free_func(guest_free);
    driver->copies = g_ptr_array_new_with_free_func(g_free);
    driver->jobs = g_ptr_array_new();
    driver->answers = g_ptr_array_new();
    return &driver->table;
}
