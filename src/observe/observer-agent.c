/* SPDX-License-Identifier: Apache-2.0
 *
 * The observer's hosts that have an agent: what is asked of it, and what it says. */
#include "observe/observer-private.h"

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

static void on_agent_error(const GError *error, gpointer user)
{
    Site *site = user;
    Observer *observer = site->observer;

    site_fail(site, error);
    observer_check_done(observer);
}

/* What an agent says must make sense, else it is not asked any more. */
static void distrust(Site *site, GError *error)
{
    g_autoptr(GError) cause = error;

    g_prefix_error(&cause, "agent on %s: ", site->config->name);
    on_agent_error(cause, site);
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
        subject_report(subject);
    }
    return TRUE;
}

static gboolean take_gone(Subject *subject, JsonObject *event, GError **error G_GNUC_UNUSED)
{
    const char *message = optional_string(event, "message");

    if (subject->state == SUBJECT_WAITING || subject->state == SUBJECT_SAMPLED) {
        subject->state = SUBJECT_FINISHED;
        subject->fate = PROFILE_FATE_STOPPED;
        subject_set_trouble(subject, message ? message : "its QEMU process ended");
        subject_report(subject);
    }
    return TRUE;
}

static gboolean take_unobserved(Subject *subject, JsonObject *event, GError **error G_GNUC_UNUSED)
{
    const char *message = optional_string(event, "message");

    if (subject->state == SUBJECT_WAITING || subject->state == SUBJECT_SAMPLED) {
        subject_set_trouble(subject, message ? message : "the agent cannot observe it");
        log_warning("VM %s on %s: %s; observed by libvirt's dirty-rate calculation instead, which sees writes only",
                    subject->vm->name, subject->site->config->name, subject->trouble);
        subject_ask_dirty_rate(subject);
    }
    return TRUE;
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
        site_end_window(site);
        agent_client_expect(site->client, 0);
        return TRUE;
    }
    if (!json_read_string(event, "vm", "event", &vm, error)) {
        return FALSE;
    }
    Subject *subject = site_find_subject(site, vm);
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
        observer_check_done(observer);
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

void site_start_agent(Site *site)
{
    static const AgentClientCallbacks CALLBACKS = {on_agent_hello, on_agent_message, on_agent_error};
    Observer *observer = site->observer;
    g_autoptr(GError) error = NULL;

    if (!observer->options.use_agent || !site->config->agent_command) {
        site_leave(site,
                   observer->options.use_agent ? "this host has no agent" : "observed without an agent, as asked");
        return;
    }
    site->client =
        agent_client_new(site->config->name, site->config->agent_command, observer->clock, &CALLBACKS, site, &error);
    if (!site->client) {
        site_fail(site, error);
        return;
    }
    agent_client_expect(site->client, observer->options.period_ns);
    agent_client_call(site->client, "observe", observe_params(site, NULL));
}

void site_add_to_agent(Site *site, const Subject *subject)
{
    agent_client_call(site->client, "add", observe_params(site, subject));
}
