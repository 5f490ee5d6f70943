/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulated data centre's Driver: the table and its answers; see driver-sim.h.
 *
 * Theory of operation.  A call becomes an Answer with the function that will give it, put aside with a timer of the
 * rank of answers.  When its time has come, the host's state then decides whether there is an answer at all; the
 * function takes the effect on the world and calls back.  A caller may make new calls from inside its callback. */
#include "sim/driver-sim.h"
#include "sim/driver-sim-private.h"

static void answer_free(SimAnswer *answer)
{
    g_queue_unlink(&answer->driver->answers, &answer->link);
    g_clear_error(&answer->error);
    g_strfreev(answer->paths);
    g_free(answer);
}

/* ---- answering ---- */

/* The host is asked in vain, also when it went away meanwhile. */
static void look_at_host(SimAnswer *answer)
{
    WorldHostState state = answer->host->state;
    gboolean is_probe = answer->give == sim_give_done && answer->is_probe;

    if (answer->error || answer->give == sim_give_failed_start) {
        return;
    }
    if (is_probe ? state == WORLD_HOST_DEAD : state != WORLD_HOST_UP) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE,
                                    is_probe ? "host %s is dead" : "host %s does not answer", answer->host->name);
    }
}

static void on_answer(gpointer data)
{
    SimAnswer *answer = data;

    answer->timer = 0;
    world_note(answer->driver->world, "an answer", answer->host ? answer->host->name : NULL);
    look_at_host(answer);
    answer->give(answer);
    answer_free(answer);
}

/* Counts a call; NULL or the error that it was told to fail with. */
static GError *count_call(SimDriver *driver)
{
    if (++driver->calls != driver->failing_call) {
        return NULL;
    }
    return g_error_new(GODWIT_ERROR, (gint)driver->failing_code, "call %u was told to fail", driver->calls);
}

static SimAnswer *put_aside(Driver *table, AnswerFunc give, const char *host, gint64 wait_ns, gpointer user)
{
    SimDriver *driver = (SimDriver *)table;
    World *world = driver->world;
    SimAnswer *answer = g_new0(SimAnswer, 1);
    gboolean is_silent;

    answer->driver = driver;
    answer->give = give;
    answer->link.data = answer;
    answer->host = world_host_named(world, host);
    answer->user = user;
    answer->error = count_call(driver);
    if (!answer->error && !answer->host) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no host %s", host);
    }
    is_silent = answer->host && answer->host->state != WORLD_HOST_UP;
    wait_ns = is_silent ? world->rules.silence_ns : wait_ns + world->rules.answer_ns;
    answer->timer = clock_virtual_at(world->clock, world_now(world) + wait_ns, CLOCK_RANK_ANSWER, on_answer, answer);
    g_queue_push_tail_link(&driver->answers, &answer->link);
    return answer;
}

/* The same about a VM, which must be there unless 'may_lack' says otherwise. */
static SimAnswer *put_aside_vm(Driver *table, AnswerFunc give, const char *host, const char *vm, gboolean may_lack,
                               gpointer user)
{
    SimAnswer *answer = put_aside(table, give, host, 0, user);

    answer->vm = world_vm_named(answer->driver->world, vm);
    if (!answer->error && !answer->vm && !may_lack) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no VM %s", vm);
    }
    return answer;
}

static SimAnswer *order(DriverJob *job, AnswerFunc give, gpointer user)
{
    Driver *table = job->driver;
    SimAnswer *answer = put_aside(table, give, job->source->name, 0, user);

    answer->vm = job->vm;
    return answer;
}

/* ---- the table ---- */

static void query_host(Driver *driver, const char *host, DriverHostFunc done, gpointer user)
{
    put_aside(driver, sim_give_facts, host, 0, user)->func.facts = done;
}

static void query_loads(Driver *driver, const char *host, DriverLoadsFunc done, gpointer user)
{
    put_aside(driver, sim_give_loads, host, 0, user)->func.loads = done;
}

static void check_cpu(Driver *driver, const char *host, const char *cpu_xml, const char *domain_type,
                      DriverDoneFunc done, gpointer user)
{
    put_aside(driver, sim_give_done, host, 0, user)->func.done = done;
}

static void check_files(Driver *driver, const char *host, const char *const *paths, DriverFilesFunc done, gpointer user)
{
    SimAnswer *answer = put_aside(driver, sim_give_files, host, 0, user);

    answer->paths = g_strdupv((char **)paths);
    answer->func.files = done;
}

static void check_peer(Driver *driver, const char *source, const char *destination, DriverDoneFunc done, gpointer user)
{
    SimAnswer *answer = put_aside(driver, sim_give_peer, source, 0, user);

    answer->peer = world_host_named(answer->driver->world, destination);
    answer->func.done = done;
}

static void probe_host(Driver *driver, const char *host, DriverDoneFunc done, gpointer user)
{
    SimAnswer *answer = put_aside(driver, sim_give_done, host, 0, user);

    answer->is_probe = TRUE;
    answer->func.done = done;
}

static void ask_truth(Driver *driver, const char *host, const char *vm_uuid, DriverTruthFunc done, gpointer user)
{
    put_aside_vm(driver, sim_give_truth, host, vm_uuid, TRUE, user)->func.truth = done;
}

static void dirty_rate(Driver *driver, const char *host, const char *vm, gint64 window_ns, DriverRateFunc done,
                       gpointer user)
{
    SimAnswer *answer = put_aside(driver, sim_give_rate, host, window_ns, user);

    answer->vm = world_vm_named(answer->driver->world, vm);
    answer->value = (guint64)MAX(window_ns, NS_PER_MS);
    answer->func.rate = done;
    if (!answer->error && !answer->vm) {
        answer->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "no VM %s", vm);
    }
}

/* Why nothing can begin; NULL: it can. */
static GError *find_refusal(const SimDriver *driver, const PlanStep *step)
{
    const WorldVm *vm = world_vm_named(driver->world, step->uuid);

    if (!vm || !world_host_named(driver->world, step->destination) || !world_host_named(driver->world, step->source)) {
        return g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "VM %s or one of its hosts is not there", step->vm);
    }
    return vm->job ? g_error_new(GODWIT_ERROR, GODWIT_ERROR_REFUSED, "VM %s is migrating already", step->vm) : NULL;
}

/* A job's handle must be valid until ENDED, also of a start that fails: then it is one that never does anything. */
static DriverJob *begin(Driver *table, const MigrationRequest *request, JobEventFunc func, gpointer user,
                        DriverJob *(*make)(World *, const MigrationRequest *, JobEventFunc, gpointer))
{
    SimDriver *driver = (SimDriver *)table;
    GError *error = count_call(driver);
    SimAnswer *answer;
    DriverJob *job;

    if (!error) {
        error = find_refusal(driver, request->step);
    }
    if (!error) {
        job = make(driver->world, request, func, user);
        job->driver = table;
        return job;
    }
    driver->calls--; /* counted once */
    answer = put_aside(table, sim_give_failed_start, request->step->source, 0, user);
    g_clear_error(&answer->error);
    answer->error = error;
    answer->func.event = func;
    return &driver->never;
}

static DriverJob *start(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    return begin(driver, request, func, user, world_job_start);
}

static DriverJob *recover_postcopy(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    return begin(driver, request, func, user, world_job_recover);
}

static void set_bandwidth(DriverJob *job, guint64 bytes_per_s, DriverDoneFunc done, gpointer user)
{
    SimAnswer *answer = order(job, sim_give_bandwidth, user);

    answer->value = bytes_per_s;
    answer->func.done = done;
}

static void set_downtime_limit(DriverJob *job, gint64 limit_ns, DriverDoneFunc done, gpointer user)
{
    SimAnswer *answer = order(job, sim_give_downtime, user);

    answer->value = (guint64)limit_ns;
    answer->func.done = done;
}

static void switch_to_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order(job, sim_give_postcopy, user)->func.done = done;
}

static void force(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    set_downtime_limit(job, G_MAXINT64, done, user);
}

static void cancel(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order(job, sim_give_cancelled, user)->func.done = done;
}

static void break_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order(job, sim_give_broken, user)->func.done = done;
}

static void query_stats(DriverJob *job, DriverStatsFunc done, gpointer user)
{
    order(job, sim_give_stats, user)->func.stats = done;
}

static void resume_vm(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user)
{
    put_aside_vm(driver, sim_give_resumed, host, vm_uuid, FALSE, user)->func.done = done;
}

static void remove_incoming(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user)
{
    put_aside_vm(driver, sim_give_removed, host, vm_uuid, FALSE, user)->func.done = done;
}

/* Nobody watches any more; the migrations go on. */
static void close_driver(Driver *table)
{
    SimDriver *driver = (SimDriver *)table;
    Clock *clock = driver->world->clock;

    while (driver->answers.head) {
        SimAnswer *answer = driver->answers.head->data;

        clock->cancel(clock, answer->timer);
        answer_free(answer);
    }
    for (guint i = 0; i < driver->world->jobs->len; i++) {
        ((DriverJob *)g_ptr_array_index(driver->world->jobs, i))->func = NULL;
    }
    g_free(driver);
}

static const Driver SIM_TABLE = {
    .name = "sim",
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
    .close = close_driver,
};

Driver *driver_sim_new(World *world)
{
    SimDriver *driver = g_new0(SimDriver, 1);

    driver->table = SIM_TABLE;
    driver->world = world;
    driver->never.world = world;
    driver->never.driver = &driver->table;
    driver->never.source = g_ptr_array_index(world->hosts, 0);
    g_queue_init(&driver->answers);
    return &driver->table;
}

void driver_sim_fail_call(Driver *driver, guint number, GodwitError code)
{
    ((SimDriver *)driver)->failing_call = number;
    ((SimDriver *)driver)->failing_code = code;
}

guint driver_sim_calls(const Driver *driver)
{
    return ((const SimDriver *)driver)->calls;
}
