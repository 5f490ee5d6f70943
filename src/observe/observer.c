/* SPDX-License-Identifier: Apache-2.0
 *
 * Observer; see observe.h.
 *
 * Each VM is a Subject in one of the states below, each host with an agent a Site.  An observation is over when every
 * subject is FINISHED.
 *
 *     WAITING ----------> SAMPLED -----------> FINISHED
 *        |  agent has it     |  T is over, or its process ended
 *        |                   |
 *        +---- no agent -----+---> ASKED ----> FINISHED
 *              agent failed        the hypervisor's own calculation
 *
 * An agent that dies takes its subjects to ASKED, whatever they have by then: half a window is no window, and the
 * reports of two different methods cannot be mixed. */
#include "observe/observe.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"
#include "observe/agent-client.h"
#include "observe/profile-builder.h"

#include <math.h>

typedef enum SubjectState {
    SUBJECT_WAITING,  /* the agent was not asked yet, or has not answered */
    SUBJECT_SAMPLED,  /* the agent sends periods */
    SUBJECT_ASKED,    /* DirtyRate is at work */
    SUBJECT_FINISHED, /* its profile can be made; never left, but in an endless observation */
} SubjectState;

typedef struct Site Site;

typedef struct Subject {
    Observer *observer;
    Site *site;
    Vm *vm;
    SubjectState state;
    ProfileFate fate; /* STOPPED, STARTED_LATE; COMPLETE: as the builder says */
    char *trouble;    /* why the agent does not measure it; NULL: it does */
    ProfileBuilder *builder;
    struct Ask *ask;
} Subject;

/* One question to DirtyRate on its way; outlives the observer when need be. */
typedef struct Ask {
    Subject *subject; /* NULL: nobody wants to know any more */
} Ask;

struct Site {
    Observer *observer;
    HostConfig *config;
    AgentClient *client; /* NULL: none, or it failed */
    GPtrArray *subjects; /* borrowed */
    char *trouble;       /* why there is no agent */
};

struct Observer {
    Clock *clock;
    ObserveOptions options;
    DirtyRateFunc dirty_rate;
    gpointer dirty_rate_user;
    ObserverPeriodFunc on_period;
    gpointer on_period_user;
    ObserverDoneFunc on_done;
    gpointer on_done_user;

    GPtrArray *subjects; /* Subject, in the order they were added */
    GPtrArray *sites;    /* Site */
    gboolean is_started;
    gboolean is_endless;
    guint timer; /* deferred work: see observer_start and ask_again */
};

static void subject_free(gpointer data)
{
    Subject *subject = data;

    if (subject->ask) {
        subject->ask->subject = NULL;
    }
    profile_builder_free(subject->builder);
    vm_free(subject->vm);
    g_free(subject->trouble);
    g_free(subject);
}

static void site_free(gpointer data)
{
    Site *site = data;

    agent_client_free(site->client);
    host_config_free(site->config);
    g_ptr_array_unref(site->subjects);
    g_free(site->trouble);
    g_free(site);
}

Observer *observer_new(Clock *clock, const ObserveOptions *options, DirtyRateFunc dirty_rate, gpointer user)
{
    Observer *observer = g_new0(Observer, 1);

    observer->clock = clock;
    observer->options = *options;
    observer->dirty_rate = dirty_rate;
    observer->dirty_rate_user = user;
    observer->subjects = g_ptr_array_new_with_free_func(subject_free);
    observer->sites = g_ptr_array_new_with_free_func(site_free);
    return observer;
}

void observer_free(Observer *observer)
{
    if (observer) {
        observer->clock->cancel(observer->clock, observer->timer);
        g_ptr_array_unref(observer->sites);
        g_ptr_array_unref(observer->subjects);
        g_free(observer);
    }
}

void observer_set_period_func(Observer *observer, ObserverPeriodFunc func, gpointer user)
{
    observer->on_period = func;
    observer->on_period_user = user;
}

/* --- profiles ---------------------------------------------------------------------------------------------------- */

static Profile *subject_profile(const Subject *subject)
{
    Profile *profile = profile_builder_make(subject->builder);

    if (subject->fate != PROFILE_FATE_COMPLETE) {
        profile->fate = subject->fate;
    }
    if (subject->trouble) {
        char *note =
            profile->note ? g_strconcat(subject->trouble, "; ", profile->note, NULL) : g_strdup(subject->trouble);
        g_free(profile->note);
        profile->note = note;
    }
    return profile;
}

static void report_period(const Subject *subject)
{
    const Observer *observer = subject->observer;

    if (observer->on_period) {
        g_autoptr(Profile) profile = subject_profile(subject);
        observer->on_period(subject->site->config->name, profile, observer->on_period_user);
    }
}

/* Last action of whoever calls it: the observer may be freed inside. */
static void check_done(Observer *observer)
{
    if (observer->is_endless || !observer->on_done) {
        return;
    }
    for (guint i = 0; i < observer->subjects->len; i++) {
        if (((Subject *)g_ptr_array_index(observer->subjects, i))->state != SUBJECT_FINISHED) {
            return;
        }
    }
    ObserverDoneFunc done = g_steal_pointer(&observer->on_done);
    g_autoptr(GPtrArray) profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);
    for (guint i = 0; i < observer->subjects->len; i++) {
        g_ptr_array_add(profiles, subject_profile(g_ptr_array_index(observer->subjects, i)));
    }
    done(profiles, observer->on_done_user);
}

/* --- without an agent -------------------------------------------------------------------------------------------- */

static void set_trouble(Subject *subject, const char *text)
{
    char *trouble = g_strdup(text);

    g_free(subject->trouble);
    subject->trouble = trouble;
}

static void ask_again(gpointer user);

static void on_dirty_rate(double written_pages_per_s, guint64 page_bytes, const GError *error, gpointer user)
{
    Ask *ask = user;
    Subject *subject = ask->subject;

    g_free(ask);
    if (!subject) {
        return;
    }
    Observer *observer = subject->observer;
    subject->ask = NULL;
    subject->state = SUBJECT_FINISHED;
    if (error) {
        g_autofree char *both =
            subject->trouble ? g_strdup_printf("%s; %s", subject->trouble, error->message) : g_strdup(error->message);
        set_trouble(subject, both);
        profile_builder_clear(subject->builder);
        subject->fate = PROFILE_FATE_UNOBSERVED;
    } else {
        profile_builder_set_dirty_rate(subject->builder, written_pages_per_s, page_bytes);
    }
    if (observer->is_endless && !observer->timer) {
        observer->timer =
            observer->clock->at(observer->clock, observer->clock->now_ns(observer->clock) + observer->options.period_ns,
                                ask_again, observer);
    }
    report_period(subject);
    check_done(observer);
}

/* Lets the hypervisor itself measure.  The answer may come at once, and with it the end. */
static void ask_dirty_rate(Subject *subject)
{
    Observer *observer = subject->observer;
    gint64 window_ns = observer->is_endless ? observer->options.period_ns : observer->options.window_ns;

    profile_builder_clear(subject->builder);
    if (!observer->dirty_rate) {
        subject->state = SUBJECT_FINISHED;
        subject->fate = PROFILE_FATE_UNOBSERVED;
        return;
    }
    subject->state = SUBJECT_ASKED;
    subject->ask = g_new0(Ask, 1);
    subject->ask->subject = subject;
    observer->dirty_rate(subject->site->config->name, subject->vm->name, window_ns, on_dirty_rate, subject->ask,
                         observer->dirty_rate_user);
}

/* Endless observation: those without an agent are measured again and again. */
static void ask_again(gpointer user)
{
    Observer *observer = user;

    observer->timer = 0;
    for (guint i = 0; i < observer->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(observer->subjects, i);
        if (subject->state == SUBJECT_FINISHED && subject->trouble && subject->fate != PROFILE_FATE_STOPPED) {
            subject->fate = PROFILE_FATE_COMPLETE;
            ask_dirty_rate(subject);
        }
    }
}

/* The host has no agent (any more): all its subjects that are not finished go the other way. */
static void leave_agent(Site *site, const char *why)
{
    g_free(site->trouble);
    site->trouble = g_strdup(why);
    for (guint i = 0; i < site->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(site->subjects, i);
        if (subject->state == SUBJECT_WAITING || subject->state == SUBJECT_SAMPLED) {
            set_trouble(subject, why);
            ask_dirty_rate(subject);
        }
    }
}

/* --- with an agent ----------------------------------------------------------------------------------------------- */

static void fail_site(Site *site, const GError *error)
{
    g_autofree char *why = g_strdup(error->message);

    log_warning("%s; its VMs are observed by libvirt's dirty-rate calculation instead, which sees writes only", why);
    g_clear_pointer(&site->client, agent_client_free);
    leave_agent(site, why);
}

static void on_agent_error(const GError *error, gpointer user)
{
    Site *site = user;
    Observer *observer = site->observer;

    fail_site(site, error);
    check_done(observer);
}

/* What an agent says must make sense, else it is not asked any more. */
static void distrust(Site *site, GError *error)
{
    g_autoptr(GError) cause = error;

    g_prefix_error(&cause, "agent on %s: ", site->config->name);
    on_agent_error(cause, site);
}

static Subject *find_subject(const Site *site, const char *vm)
{
    for (guint i = 0; i < site->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(site->subjects, i);
        if (g_str_equal(subject->vm->name, vm)) {
            return subject;
        }
    }
    return NULL;
}

/* The string of a member that may be null or absent. */
static const char *optional_string(JsonObject *object, const char *member)
{
    const char *text = NULL;

    return json_read_string(object, member, "event", &text, NULL) ? text : NULL;
}

typedef gboolean (*EventFunc)(Subject *subject, JsonObject *event, GError **error);

static gboolean take_opened(Subject *subject, JsonObject *event, GError **error G_GNUC_UNUSED)
{
    subject->state = SUBJECT_SAMPLED;
    profile_builder_set_trackers(subject->builder, optional_string(event, "access_tracker"),
                                 optional_string(event, "write_tracker"));
    profile_builder_set_note(subject->builder, optional_string(event, "note"));
    return TRUE;
}

static gboolean take_period(Subject *subject, JsonObject *event, GError **error)
{
    PeriodRecord record;

    if (!period_record_read(&record, event, "period", error)) {
        return FALSE;
    }
    if (subject->state == SUBJECT_SAMPLED) {
        profile_builder_add(subject->builder, &record);
        report_period(subject);
    }
    return TRUE;
}

static gboolean take_gone(Subject *subject, JsonObject *event, GError **error G_GNUC_UNUSED)
{
    const char *message = optional_string(event, "message");

    if (subject->state == SUBJECT_WAITING || subject->state == SUBJECT_SAMPLED) {
        subject->state = SUBJECT_FINISHED;
        subject->fate = PROFILE_FATE_STOPPED;
        set_trouble(subject, message ? message : "its QEMU process ended");
        report_period(subject);
    }
    return TRUE;
}

static gboolean take_unobserved(Subject *subject, JsonObject *event, GError **error G_GNUC_UNUSED)
{
    const char *message = optional_string(event, "message");

    if (subject->state == SUBJECT_WAITING || subject->state == SUBJECT_SAMPLED) {
        set_trouble(subject, message ? message : "the agent cannot observe it");
        log_warning("VM %s on %s: %s; observed by libvirt's dirty-rate calculation instead, which sees writes only",
                    subject->vm->name, subject->site->config->name, subject->trouble);
        ask_dirty_rate(subject);
    }
    return TRUE;
}

static void take_done(Site *site)
{
    for (guint i = 0; i < site->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(site->subjects, i);
        if (subject->state == SUBJECT_SAMPLED) {
            subject->state = SUBJECT_FINISHED;
        } else if (subject->state == SUBJECT_WAITING) {
            set_trouble(subject, "the agent did not mention it");
            ask_dirty_rate(subject);
        }
    }
    agent_client_expect(site->client, 0);
}

static gboolean take_event(Site *site, JsonObject *event, const char *name, GError **error)
{
    static const struct {
        const char *name;
        EventFunc take;
    } EVENTS[] = {
        {"opened", take_opened}, {"period", take_period}, {"gone", take_gone}, {"unobserved", take_unobserved}};
    const char *vm = NULL;

    if (g_str_equal(name, "period-end")) {
        return TRUE;
    }
    if (g_str_equal(name, "done")) {
        take_done(site);
        return TRUE;
    }
    if (!json_read_string(event, "vm", "event", &vm, error)) {
        return FALSE;
    }
    Subject *subject = find_subject(site, vm);
    for (gsize i = 0; subject && i < G_N_ELEMENTS(EVENTS); i++) {
        if (g_str_equal(name, EVENTS[i].name)) {
            return EVENTS[i].take(subject, event, error);
        }
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_PROTOCOL, "event '%s' of VM '%s', which nobody asked for", name, vm);
    return FALSE;
}

static void on_agent_message(JsonObject *message, gpointer user)
{
    Site *site = user;
    Observer *observer = site->observer;
    const char *name = optional_string(message, "event");
    const char *refusal = optional_string(message, "error");
    g_autoptr(GError) error = NULL;

    if (refusal) {
        distrust(site, g_error_new(GODWIT_ERROR, GODWIT_ERROR_FAILED, "%s", refusal));
    } else if (!name) {
        return; /* the answer to a request: nothing new */
    } else if (!take_event(site, message, name, &error)) {
        distrust(site, g_steal_pointer(&error));
    } else {
        check_done(observer);
    }
}

static void add_vm(JsonBuilder *builder, const Vm *vm)
{
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "name", vm->name);
    json_add_string_or_null(builder, "uuid", vm->uuid);
    json_builder_set_member_name(builder, "pid");
    json_builder_add_int_value(builder, vm->qemu_pid);
    json_builder_set_member_name(builder, "ram_bytes");
    json_builder_add_int_value(builder, (gint64)vm->ram_bytes);
    json_builder_end_object(builder);
}

static void add_int(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

/* {"scan_ns":...,"vms":[...]}: all waiting subjects of the site, or 'only' one that came later. */
static JsonNode *observe_params(const Site *site, const Subject *only)
{
    const Observer *observer = site->observer;
    const ObserveOptions *options = &observer->options;
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    if (!only) {
        add_int(builder, "scan_ns", options->scan_ns);
        add_int(builder, "period_ns", options->period_ns);
        add_int(builder, "window_ns", options->window_ns);
        add_int(builder, "seed", (gint64)(options->seed & G_MAXINT64));
        json_builder_set_member_name(builder, "cpu_budget");
        json_builder_add_double_value(builder, options->cpu_budget);
        json_builder_set_member_name(builder, "endless");
        json_builder_add_boolean_value(builder, observer->is_endless);
    }
    json_builder_set_member_name(builder, "vms");
    json_builder_begin_array(builder);
    for (guint i = 0; i < site->subjects->len; i++) {
        const Subject *subject = g_ptr_array_index(site->subjects, i);
        if (only ? subject == only : subject->state == SUBJECT_WAITING) {
            add_vm(builder, subject->vm);
        }
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

static void on_agent_hello(JsonObject *hello, gpointer user)
{
    const Site *site = user;
    const char *version = optional_string(hello, "version");

    log_info("agent on %s: godwit %s", site->config->name, version ? version : "of unknown version");
}

static void start_site(Site *site)
{
    static const AgentClientCallbacks CALLBACKS = {on_agent_hello, on_agent_message, on_agent_error};
    Observer *observer = site->observer;
    g_autoptr(GError) error = NULL;

    if (!observer->options.use_agent || !site->config->agent_command) {
        leave_agent(site,
                    observer->options.use_agent ? "this host has no agent" : "observed without an agent, as asked");
        return;
    }
    site->client =
        agent_client_new(site->config->name, site->config->agent_command, observer->clock, &CALLBACKS, site, &error);
    if (!site->client) {
        fail_site(site, error);
        return;
    }
    agent_client_expect(site->client, observer->options.period_ns);
    agent_client_call(site->client, "observe", observe_params(site, NULL));
}

/* --- the observation --------------------------------------------------------------------------------------------- */

static Site *find_site(Observer *observer, const HostConfig *host)
{
    for (guint i = 0; i < observer->sites->len; i++) {
        Site *site = g_ptr_array_index(observer->sites, i);
        if (g_str_equal(site->config->name, host->name)) {
            return site;
        }
    }
    Site *site = g_new0(Site, 1);
    site->observer = observer;
    site->config = host_config_copy(host);
    site->subjects = g_ptr_array_new();
    g_ptr_array_add(observer->sites, site);
    return site;
}

/* A VM that turned up during the observation joins it. */
static void join_late(Subject *subject)
{
    Site *site = subject->site;

    subject->fate = PROFILE_FATE_STARTED_LATE;
    if (site->client) {
        agent_client_call(site->client, "add", observe_params(site, subject));
    } else if (site->trouble) {
        set_trouble(subject, site->trouble);
        ask_dirty_rate(subject);
    } else {
        start_site(site);
    }
}

void observer_add(Observer *observer, const HostConfig *host, const Vm *vm)
{
    Subject *subject = g_new0(Subject, 1);
    gsize periods = (gsize)(observer->options.window_ns / observer->options.period_ns);

    subject->observer = observer;
    subject->site = find_site(observer, host);
    subject->vm = vm_copy(vm);
    subject->builder = profile_builder_new(vm->name, periods);
    g_ptr_array_add(observer->subjects, subject);
    g_ptr_array_add(subject->site->subjects, subject);
    if (observer->is_started) {
        join_late(subject);
    }
}

/* The first turn of the loop: agents are started from here, so that nothing is called back inside observer_start. */
static void start_sites(gpointer user)
{
    Observer *observer = user;

    observer->timer = 0;
    observer->is_started = TRUE;
    for (guint i = 0; i < observer->sites->len; i++) {
        start_site(g_ptr_array_index(observer->sites, i));
    }
    check_done(observer);
}

void observer_start(Observer *observer, gboolean endless, ObserverDoneFunc done, gpointer user)
{
    observer->is_endless = endless;
    observer->on_done = done;
    observer->on_done_user = user;
    observer->timer =
        observer->clock->at(observer->clock, observer->clock->now_ns(observer->clock), start_sites, observer);
}
