/* SPDX-License-Identifier: Apache-2.0
 *
 * Plan <-> JSON, as godwit-plan(5) describes it.
 *
 * A plan comes back from a person's editor: everything is checked, unknown members are errors, and each message names
 * the step and the member. */
#include "model/plan.h"
#include "base/error.h"
#include "base/json.h"

#include <math.h>

static void add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void add_uint(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, (gint64)value);
}

static void add_classification(JsonBuilder *builder, const Classification *classification)
{
    add_string(builder, "class", vm_class_name(classification->vm_class));
    json_builder_set_member_name(builder, "memberships");
    if (isnan(classification->membership[0])) {
        json_builder_add_null_value(builder);
    } else {
        json_builder_begin_object(builder);
        for (int i = 0; i < CLUSTERS; i++) {
            json_add_double_or_null(builder, vm_class_name((VmClass)i), classification->membership[i]);
        }
        json_builder_end_object(builder);
    }
    json_add_double_or_null(builder, "read_pages_per_s", classification->mean_read_pages_per_s);
    json_add_double_or_null(builder, "written_pages_per_s", classification->mean_written_pages_per_s);
    json_add_double_or_null(builder, "smoothed_read_pages_per_s", classification->smoothed_read_pages_per_s);
    json_add_double_or_null(builder, "smoothed_written_pages_per_s", classification->smoothed_written_pages_per_s);
    json_add_double_or_null(builder, "dirty_bytes_per_page", classification->dirty_bytes_per_page);
    json_add_double_or_null(builder, "working_set_bytes", classification->working_set_bytes);
    json_add_double_or_null(builder, "write_set_bytes", classification->write_set_bytes);
    json_add_double_or_null(builder, "used_share", classification->used_share);
    json_add_double_or_null(builder, "compressed_share", classification->compressed_share);
}

static void add_step(JsonBuilder *builder, const PlanStep *step)
{
    json_builder_begin_object(builder);
    add_string(builder, "vm", step->vm);
    add_string(builder, "uuid", step->uuid);
    add_string(builder, "source", step->source);
    add_string(builder, "destination", step->destination);
    add_string(builder, "algorithm", algorithm_name(step->choice->algorithm));
    add_string(builder, "reason", step->choice->reason);
    json_add_string_or_null(builder, "placement", step->placement);
    add_string(builder, "way", way_name(step->choice->way));
    json_add_string_or_null(builder, "way_reason", step->choice->way_reason);
    add_uint(builder, "connections", step->choice->connections);
    add_uint(builder, "relay_memory_bytes", step->choice->relay_memory_bytes);
    add_classification(builder, step->choice->classification);
    add_uint(builder, "wave", step->wave);
    add_uint(builder, "bandwidth_bytes_per_s", step->bandwidth_bytes_per_s);
    add_uint(builder, "ram_bytes", step->ram_bytes);
    add_uint(builder, "vcpus", step->vcpus);
    json_builder_end_object(builder);
}

JsonNode *plan_to_json(const Plan *plan)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    add_uint(builder, "godwit_plan", PLAN_FORMAT_VERSION);
    add_string(builder, "id", plan->id);
    add_string(builder, "created", plan->created);
    add_string(builder, "policy", policy_name(plan->policy));
    json_builder_set_member_name(builder, "options");
    json_builder_begin_object(builder);
    migrate_options_add_json(&plan->options, builder);
    json_builder_end_object(builder);
    json_builder_set_member_name(builder, "steps");
    json_builder_begin_array(builder);
    for (guint i = 0; i < plan->steps->len; i++) {
        add_step(builder, plan_step_at(plan, i));
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

/* Fails on a member of 'object' that is not in the list 'known'. */
static gboolean only_known(JsonObject *object, const char *const *known, const char *what, GError **error)
{
    g_autoptr(GList) members = json_object_get_members(object);

    for (GList *member = members; member; member = member->next) {
        if (!g_strv_contains(known, member->data)) {
            g_autofree char *list = g_strjoinv(", ", (gchar **)known);
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: unknown member '%s'; known are: %s", what,
                        (char *)member->data, list);
            return FALSE;
        }
    }
    return TRUE;
}

/* A number or null (NAN), or nothing at all: measurements may be missing. */
static gboolean read_measure(JsonObject *object, const char *member, const char *what, double *value, GError **error)
{
    if (!json_object_has_member(object, member) || json_object_get_null_member(object, member)) {
        *value = NAN;
        return TRUE;
    }
    return json_read_double(object, member, what, value, error);
}

static gboolean read_memberships(JsonObject *step, const char *what, double *membership, GError **error)
{
    JsonObject *object = NULL;

    if (!json_object_has_member(step, "memberships") || json_object_get_null_member(step, "memberships")) {
        return TRUE;
    }
    if (!json_read_object(step, "memberships", what, &object, error)) {
        return FALSE;
    }
    for (int i = 0; i < CLUSTERS; i++) {
        if (!json_read_double(object, vm_class_name((VmClass)i), what, &membership[i], error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static Classification *read_classification(JsonObject *object, const char *vm, const char *what, GError **error)
{
    g_autoptr(Classification) classification = classification_new(vm);
    const char *class_text = NULL;

    if (!json_read_string(object, "class", what, &class_text, error) ||
        !vm_class_parse(class_text, &classification->vm_class, error) ||
        !read_memberships(object, what, classification->membership, error) ||
        !read_measure(object, "read_pages_per_s", what, &classification->mean_read_pages_per_s, error) ||
        !read_measure(object, "written_pages_per_s", what, &classification->mean_written_pages_per_s, error) ||
        !read_measure(object, "smoothed_read_pages_per_s", what, &classification->smoothed_read_pages_per_s, error) ||
        !read_measure(object, "smoothed_written_pages_per_s", what, &classification->smoothed_written_pages_per_s,
                      error) ||
        !read_measure(object, "dirty_bytes_per_page", what, &classification->dirty_bytes_per_page, error) ||
        !read_measure(object, "working_set_bytes", what, &classification->working_set_bytes, error) ||
        !read_measure(object, "write_set_bytes", what, &classification->write_set_bytes, error) ||
        !read_measure(object, "used_share", what, &classification->used_share, error) ||
        !read_measure(object, "compressed_share", what, &classification->compressed_share, error)) {
        return NULL;
    }
    return g_steal_pointer(&classification);
}

static Choice *read_choice(JsonObject *object, const char *vm, const char *what, GError **error)
{
    g_autoptr(Classification) classification = read_classification(object, vm, what, error);
    const char *algorithm_text = NULL;
    const char *reason = NULL;
    Algorithm algorithm = ALGORITHM_PRE_COPY;

    if (!classification || !json_read_string(object, "algorithm", what, &algorithm_text, error) ||
        !algorithm_parse(algorithm_text, &algorithm, error) ||
        !json_read_string(object, "reason", what, &reason, error)) {
        return NULL;
    }
    return choice_new(g_steal_pointer(&classification), algorithm, g_strdup(reason));
}

/* The four names of a step; each must say something. */
static gboolean read_names(JsonObject *object, const char *what, const char **names, GError **error)
{
    static const char *const MEMBERS[] = {"vm", "uuid", "source", "destination"};

    for (int i = 0; i < 4; i++) {
        if (!json_read_string(object, MEMBERS[i], what, &names[i], error)) {
            return FALSE;
        }
        if (!names[i][0]) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: '%s' must not be empty", what, MEMBERS[i]);
            return FALSE;
        }
    }
    if (g_str_equal(names[2], names[3])) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: source and destination are both '%s'", what,
                    names[2]);
        return FALSE;
    }
    return TRUE;
}

/* A sentence, or null, or nothing at all: a plan that was written by hand has no story. */
static gboolean read_story(JsonObject *object, const char *member, const char *what, const char **story, GError **error)
{
    return !json_object_has_member(object, member) || json_object_get_null_member(object, member) ||
           json_read_string(object, member, what, story, error);
}

/* A number that may be missing: then '*value' stays as it is. */
static gboolean read_count(JsonObject *object, const char *member, const char *what, guint64 *value, GError **error)
{
    return !json_object_has_member(object, member) || json_read_uint(object, member, what, value, error);
}

/* The members about the way; a step without them goes the plain one. */
static gboolean read_way(JsonObject *object, const char *what, Choice *choice, GError **error)
{
    const char *text = way_name(WAY_PLAIN);
    const char *reason = NULL;
    guint64 connections = 0;
    Way way = WAY_PLAIN;

    if ((json_object_has_member(object, "way") && !json_read_string(object, "way", what, &text, error)) ||
        !way_parse(text, &way, error) || !read_story(object, "way_reason", what, &reason, error) ||
        !read_count(object, "relay_memory_bytes", what, &choice->relay_memory_bytes, error) ||
        !read_count(object, "connections", what, &connections, error)) {
        return FALSE;
    }
    choice_set_way(choice, way, g_strdup(reason));
    choice->connections = (guint)MIN(connections, G_MAXUINT8);
    return TRUE;
}

static gboolean read_step(Plan *plan, JsonObject *object, const char *what, GError **error)
{
    static const char *const KNOWN[] = {
        "vm", "uuid", "source", "destination", "algorithm", "reason", "placement", "way", "way_reason",
        "connections", "relay_memory_bytes", "class", "memberships", "read_pages_per_s",
        "written_pages_per_s", "smoothed_read_pages_per_s", "smoothed_written_pages_per_s", "dirty_bytes_per_page",
        "working_set_bytes", "write_set_bytes", "used_share", "compressed_share", "wave",
        "bandwidth_bytes_per_s", "ram_bytes", "vcpus", NULL};
    const char *names[4] = {NULL};
    const char *placement = NULL;
    guint64 wave = 0;
    guint64 bandwidth_bytes_per_s = 0;
    guint64 ram_bytes = 0;
    guint64 vcpus = 0;

    if (!only_known(object, KNOWN, what, error) || !read_names(object, what, names, error) ||
        !json_read_uint(object, "wave", what, &wave, error) ||
        !json_read_uint(object, "bandwidth_bytes_per_s", what, &bandwidth_bytes_per_s, error) ||
        !json_read_uint(object, "ram_bytes", what, &ram_bytes, error) ||
        !json_read_uint(object, "vcpus", what, &vcpus, error)) {
        return FALSE;
    }
    g_autoptr(Choice) choice =
        read_story(object, "placement", what, &placement, error) ? read_choice(object, names[0], what, error) : NULL;
    if (!choice || !read_way(object, what, choice, error)) {
        return FALSE;
    }
    PlanStep *step = plan_add_step(plan, names[0], names[1], names[2], names[3], g_steal_pointer(&choice));
    step->placement = g_strdup(placement);
    step->wave = (guint)MIN(wave, G_MAXUINT16);
    step->bandwidth_bytes_per_s = bandwidth_bytes_per_s;
    step->ram_bytes = ram_bytes;
    step->vcpus = (guint)vcpus;
    return TRUE;
}

static gboolean read_steps(Plan *plan, JsonObject *root, const char *what, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    JsonArray *array = NULL;

    if (!json_read_array(root, "steps", what, &array, error)) {
        return FALSE;
    }
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *where = g_strdup_printf("%s, step %u", what, i + 1);
        JsonNode *node = json_array_get_element(array, i);

        if (!JSON_NODE_HOLDS_OBJECT(node)) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s must be an object", where);
            return FALSE;
        }
        if (!read_step(plan, json_node_get_object(node), where, error)) {
            return FALSE;
        }
        if (!g_hash_table_add(seen, g_strdup(plan_step_at(plan, i)->uuid))) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: VM '%s' has a step already", where,
                        plan_step_at(plan, i)->vm);
            return FALSE;
        }
    }
    return TRUE;
}

/* Everything above the steps: version, id, policy, options. */
static Plan *read_head(JsonObject *root, const char *what, GError **error)
{
    static const char *const KNOWN[] = {"godwit_plan", "id",         "created", "policy", "options", "steps",
                                        "problems",    "prediction", "hosts",   "note",   NULL};
    MigrateOptions options;
    JsonObject *options_object = NULL;
    const char *id = NULL;
    const char *created = NULL;
    const char *policy_text = NULL;
    Policy policy = POLICY_PAPER;
    guint64 version = 0;

    migrate_options_init(&options);
    if (!json_read_uint(root, "godwit_plan", what, &version, error)) {
        return NULL;
    }
    if (version != PLAN_FORMAT_VERSION) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "%s has format %" G_GUINT64_FORMAT ", this godwit knows %d: plan anew", what, version,
                    PLAN_FORMAT_VERSION);
        return NULL;
    }
    if (!only_known(root, KNOWN, what, error) || !json_read_string(root, "id", what, &id, error) ||
        !json_read_string(root, "created", what, &created, error) ||
        !json_read_string(root, "policy", what, &policy_text, error) || !policy_parse(policy_text, &policy, error) ||
        !json_read_object(root, "options", what, &options_object, error) ||
        !migrate_options_read_json(&options, options_object, what, error)) {
        return NULL;
    }
    Plan *plan = plan_new(policy, &options);
    g_free(plan->id);
    g_free(plan->created);
    plan->id = g_strdup(id);
    plan->created = g_strdup(created);
    return plan;
}

Plan *plan_from_json(const char *text, gssize text_bytes, const char *what, GError **error)
{
    g_autoptr(JsonObject) root = json_parse_object(text, text_bytes, what, error);
    g_autoptr(Plan) plan = root ? read_head(root, what, error) : NULL;

    if (!plan || !read_steps(plan, root, what, error)) {
        return NULL;
    }
    return g_steal_pointer(&plan);
}

gboolean plan_save(const Plan *plan, const char *path, GError **error)
{
    g_autoptr(JsonNode) node = plan_to_json(plan);
    g_autofree char *text = json_to_text(node, TRUE);
    g_autofree char *with_newline = g_strconcat(text, "\n", NULL);

    if (!g_file_set_contents(path, with_newline, -1, error)) {
        g_prefix_error(error, "saving the plan: ");
        return FALSE;
    }
    return TRUE;
}

Plan *plan_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize text_bytes = 0;

    if (!g_file_get_contents(path, &text, &text_bytes, error)) {
        g_prefix_error(error, "loading the plan: ");
        return NULL;
    }
    return plan_from_json(text, (gssize)text_bytes, path, error);
}
