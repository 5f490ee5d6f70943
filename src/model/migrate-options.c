/* SPDX-License-Identifier: Apache-2.0
 *
 * MigrateOptions: one table, five uses; see migrate-options.h.
 *
 * The kinds of a row are dispatched by pasting its kind onto a prefix (SET_BOOL, ADD_RATE, ...), so a row with an
 * unknown kind does not compile, and a new row needs no code here. */
#include "model/migrate-options.h"
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"

NAMED_ENUM_DEFINE(StuckAction, stuck_action, STUCK_ACTIONS)
NAMED_ENUM_DEFINE(CopyStorage, copy_storage, COPY_STORAGES)
NAMED_ENUM_DEFINE(RelayMode, relay_mode, RELAY_MODES)

void migrate_options_init(MigrateOptions *options)
{
#define OPTION_DEFAULT(kind, member, value, name, argument, help) .member = (value),
    *options = (MigrateOptions){MIGRATE_OPTIONS(OPTION_DEFAULT)};
}

static gboolean set_bool(const char *text, gboolean *value, GError **error)
{
    if (!g_str_equal(text, "yes") && !g_str_equal(text, "no")) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is neither yes nor no", text);
        return FALSE;
    }
    *value = g_str_equal(text, "yes");
    return TRUE;
}

static gboolean set_count(const char *text, guint64 *value, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, value, &cause)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is not a whole number, 0 or more", text);
        return FALSE;
    }
    return TRUE;
}

#define SET_BOOL set_bool
#define SET_COUNT set_count
#define SET_SIZE size_parse
#define SET_RATE rate_parse
#define SET_DURATION duration_parse
#define SET_STUCK stuck_action_parse
#define SET_STORAGE copy_storage_parse
#define SET_RELAY relay_mode_parse

gboolean migrate_options_set(MigrateOptions *options, const char *name, const char *text, GError **error)
{
    gboolean is_set = FALSE;

#define OPTION_SET(kind, member, value, option_name, argument, help)                                                   \
    if (g_str_equal(name, option_name)) {                                                                              \
        is_set = SET_##kind(text, &options->member, error);                                                            \
    } else
    MIGRATE_OPTIONS(OPTION_SET)
    {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "there is no option '%s'", name);
        return FALSE;
    }
    if (!is_set) {
        g_prefix_error(error, "--%s: ", name);
        if (error && *error) {
            (*error)->code = GODWIT_ERROR_USAGE;
        }
    }
    return is_set;
}

void migrate_options_each(MigrateOptionsFunc func, gpointer user)
{
#define OPTION_TELL(kind, member, value, name, argument, help) func(name, argument, help, user);
    MIGRATE_OPTIONS(OPTION_TELL)
}

#define ADD_BOOL(builder, value) json_builder_add_boolean_value(builder, value)
#define ADD_COUNT(builder, value) json_builder_add_int_value(builder, (gint64)(value))
#define ADD_SIZE ADD_COUNT
#define ADD_RATE ADD_COUNT
#define ADD_DURATION ADD_COUNT
#define ADD_STUCK(builder, value) json_builder_add_string_value(builder, stuck_action_name(value))
#define ADD_STORAGE(builder, value) json_builder_add_string_value(builder, copy_storage_name(value))
#define ADD_RELAY(builder, value) json_builder_add_string_value(builder, relay_mode_name(value))

void migrate_options_add_json(const MigrateOptions *options, JsonBuilder *builder)
{
#define OPTION_ADD(kind, member, value, name, argument, help)                                                          \
    json_builder_set_member_name(builder, #member);                                                                    \
    ADD_##kind(builder, options->member);
    MIGRATE_OPTIONS(OPTION_ADD)
}

static gboolean read_stuck(JsonObject *object, const char *member, const char *what, StuckAction *value,
                           GError **error)
{
    const char *text = NULL;

    return json_read_string(object, member, what, &text, error) && stuck_action_parse(text, value, error);
}

static gboolean read_storage(JsonObject *object, const char *member, const char *what, CopyStorage *value,
                             GError **error)
{
    const char *text = NULL;

    return json_read_string(object, member, what, &text, error) && copy_storage_parse(text, value, error);
}

static gboolean read_relay(JsonObject *object, const char *member, const char *what, RelayMode *value, GError **error)
{
    const char *text = NULL;

    return json_read_string(object, member, what, &text, error) && relay_mode_parse(text, value, error);
}

static gboolean read_duration(JsonObject *object, const char *member, const char *what, gint64 *value, GError **error)
{
    guint64 duration_ns = 0;

    if (!json_read_uint(object, member, what, &duration_ns, error)) {
        return FALSE;
    }
    *value = (gint64)duration_ns;
    return TRUE;
}

#define READ_BOOL json_read_bool
#define READ_COUNT json_read_uint
#define READ_SIZE json_read_uint
#define READ_RATE json_read_uint
#define READ_DURATION read_duration
#define READ_STUCK read_stuck
#define READ_STORAGE read_storage
#define READ_RELAY read_relay

static gboolean read_member(MigrateOptions *options, JsonObject *object, const char *key, const char *what,
                            GError **error)
{
#define OPTION_READ(kind, member, value, name, argument, help)                                                         \
    if (g_str_equal(key, #member)) {                                                                                   \
        return READ_##kind(object, #member, what, &options->member, error);                                            \
    }
    MIGRATE_OPTIONS(OPTION_READ)
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: there is no option '%s'", what, key);
    return FALSE;
}

gboolean migrate_options_read_json(MigrateOptions *options, JsonObject *object, const char *what, GError **error)
{
    g_autoptr(GList) keys = json_object_get_members(object);

    for (GList *key = keys; key; key = key->next) {
        if (!read_member(options, object, key->data, what, error)) {
            return FALSE;
        }
    }
    return TRUE;
}
