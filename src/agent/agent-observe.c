/* SPDX-License-Identifier: Apache-2.0
 *
 * The methods "observe", "add" and "stop": an observation and its events. */
#include "agent/agent-private.h"
#include "base/error.h"
#include "base/json.h"
#include "observe/observe.h"

/* What a request says about one VM. */
typedef struct VmRequest {
    const char *name;
    const char *uuid;
    gint64 pid;
    guint64 ram_bytes;
} VmRequest;

static JsonBuilder *event_message(const Agent *agent, const char *event, const char *vm)
{
    JsonBuilder *builder = agent_message(agent->observe_id);

    json_builder_set_member_name(builder, "event");
    json_builder_add_string_value(builder, event);
    if (vm) {
        json_add_string_or_null(builder, "vm", vm);
    }
    return builder;
}

static void send_trouble(Agent *agent, const char *vm, const GError *error)
{
    gboolean is_gone = g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_LOST);
    JsonBuilder *builder = event_message(agent, is_gone ? "gone" : "unobserved", vm);

    json_add_string_or_null(builder, "message", error->message);
    agent_send(agent, builder);
}

static void on_period(const Sampler *sampler, guint period, const PeriodRecord *record, gpointer user)
{
    Agent *agent = user;
    JsonBuilder *builder = event_message(agent, "period", sampler_vm(sampler));

    json_builder_set_member_name(builder, "period");
    json_builder_add_int_value(builder, period);
    period_record_write(record, builder);
    agent_send(agent, builder);
}

static void on_period_end(guint period, gpointer user)
{
    Agent *agent = user;
    JsonBuilder *builder = event_message(agent, "period-end", NULL);

    json_builder_set_member_name(builder, "period");
    json_builder_add_int_value(builder, period);
    agent_send(agent, builder);
}

static void on_gone(const Sampler *sampler, const GError *error, gpointer user)
{
    send_trouble(user, sampler_vm(sampler), error);
}

static void end_observation(Agent *agent)
{
    g_clear_pointer(&agent->group, sampler_group_free);
    agent->is_over = FALSE;
}

static void free_when_over(gpointer user)
{
    Agent *agent = user;

    if (agent->is_over) {
        end_observation(agent);
    }
}

/* The group must not be freed from its own callback. */
static void on_done(gpointer user)
{
    Agent *agent = user;

    agent_send(agent, event_message(agent, "done", NULL));
    agent->is_over = TRUE;
    agent->clock->at(agent->clock, 0, free_when_over, agent);
}

static gboolean read_vm(JsonArray *vms, guint index, VmRequest *vm, GError **error)
{
    JsonNode *node = json_array_get_element(vms, index);
    g_autofree char *what = g_strdup_printf("vms[%u]", index);

    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s must be an object", what);
        return FALSE;
    }
    JsonObject *object = json_node_get_object(node);
    return json_read_string(object, "name", what, &vm->name, error) &&
           json_read_string(object, "uuid", what, &vm->uuid, error) &&
           json_read_int(object, "pid", what, &vm->pid, error) &&
           json_read_uint(object, "ram_bytes", what, &vm->ram_bytes, error);
}

static Sampler *open_sampler(Agent *agent, const VmRequest *vm, GError **error)
{
    gint64 pid = qemu_process_find(vm->uuid, vm->pid);
    guint64 seed = agent->seed ^ g_str_hash(vm->name);

    if (pid <= 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "no QEMU process here has -uuid %s", vm->uuid);
        return NULL;
    }
    RamMap *map = ram_map_open(pid, vm->ram_bytes, error);
    return map ? sampler_new(vm->name, map, agent->ops, seed, agent->scan_ns, agent->clock, sampler_thread_cpu_ns,
                             error)
               : NULL;
}

static void send_opened(Agent *agent, const Sampler *sampler)
{
    JsonBuilder *builder = event_message(agent, "opened", sampler_vm(sampler));

    json_add_string_or_null(builder, "access_tracker", sampler_tracker_name(sampler, WINDOW_ACCESS));
    json_add_string_or_null(builder, "write_tracker", sampler_tracker_name(sampler, WINDOW_WRITE));
    json_add_string_or_null(builder, "note", sampler_note(sampler));
    agent_send(agent, builder);
}

/* One VM that cannot be observed never stops the others. */
static void add_vm(Agent *agent, const VmRequest *vm)
{
    g_autoptr(GError) error = NULL;
    Sampler *sampler = open_sampler(agent, vm, &error);

    if (!sampler) {
        send_trouble(agent, vm->name, error);
        return;
    }
    sampler_group_add(agent->group, sampler);
    send_opened(agent, sampler);
}

/* All or nothing is checked before the first VM is touched. */
static gboolean read_vms(JsonObject *params, GArray *requests, GError **error)
{
    JsonArray *vms = NULL;

    if (!json_read_array(params, "vms", "params", &vms, error)) {
        return FALSE;
    }
    for (guint i = 0; i < json_array_get_length(vms); i++) {
        VmRequest vm = {0};
        if (!read_vm(vms, i, &vm, error)) {
            return FALSE;
        }
        g_array_append_val(requests, vm);
    }
    return TRUE;
}

static gboolean read_options(JsonObject *params, ObserveOptions *options, gboolean *is_endless, GError **error)
{
    observe_options_init(options);
    return json_read_int(params, "scan_ns", "params", &options->scan_ns, error) &&
           json_read_int(params, "period_ns", "params", &options->period_ns, error) &&
           json_read_int(params, "window_ns", "params", &options->window_ns, error) &&
           json_read_double(params, "cpu_budget", "params", &options->cpu_budget, error) &&
           json_read_uint(params, "seed", "params", &options->seed, error) &&
           json_read_bool(params, "endless", "params", is_endless, error) && observe_options_check(options, error);
}

static void add_vms(Agent *agent, const GArray *requests)
{
    for (guint i = 0; i < requests->len; i++) {
        add_vm(agent, &g_array_index(requests, VmRequest, i));
    }
}

gboolean agent_observe(Agent *agent, guint64 id, JsonObject *params, GError **error)
{
    static const SamplerGroupCallbacks CALLBACKS = {on_period, on_period_end, on_gone, on_done};
    g_autoptr(GArray) requests = g_array_new(FALSE, FALSE, sizeof(VmRequest));
    ObserveOptions options;
    gboolean is_endless = FALSE;

    free_when_over(agent);
    if (agent->group) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "an observation is running; stop it first");
        return FALSE;
    }
    if (!read_options(params, &options, &is_endless, error) || !read_vms(params, requests, error)) {
        return FALSE;
    }
    SamplerGroupOptions group = {options.scan_ns,    options.period_ns, options.window_ns,
                                 options.cpu_budget, is_endless,        options.seed};
    agent->observe_id = id;
    agent->seed = options.seed;
    agent->scan_ns = options.scan_ns;
    agent->group = sampler_group_new(agent->clock, sampler_thread_cpu_ns, &group, &CALLBACKS, agent);
    add_vms(agent, requests);
    sampler_group_start(agent->group);
    return TRUE;
}

gboolean agent_add(Agent *agent, guint64 id G_GNUC_UNUSED, JsonObject *params, GError **error)
{
    g_autoptr(GArray) requests = g_array_new(FALSE, FALSE, sizeof(VmRequest));

    free_when_over(agent);
    if (!agent->group) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "no observation is running");
        return FALSE;
    }
    if (!read_vms(params, requests, error)) {
        return FALSE;
    }
    add_vms(agent, requests);
    return TRUE;
}

gboolean agent_stop(Agent *agent, guint64 id, JsonObject *params G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    JsonBuilder *builder = agent_message(id);

    end_observation(agent);
    json_builder_set_member_name(builder, "result");
    json_builder_begin_object(builder);
    json_builder_end_object(builder);
    agent_send(agent, builder);
    return TRUE;
}
