/* SPDX-License-Identifier: Apache-2.0
 *
 * The inventory file; see inventory.h.  Keys are rows of one table, so that reading and checking cannot drift apart. */
#include "campaign/inventory.h"
#include "base/error.h"
#include "base/units.h"

#include <string.h>

#define DEFAULT_VCPUS_PER_CPU 4.0

Inventory *inventory_new(void)
{
    Inventory *inventory = g_new0(Inventory, 1);

    inventory->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    inventory->rules = g_ptr_array_new_with_free_func((GDestroyNotify)fleet_rule_free);
    inventory->vcpus_per_cpu = DEFAULT_VCPUS_PER_CPU;
    return inventory;
}

void inventory_free(Inventory *inventory)
{
    if (inventory) {
        g_ptr_array_unref(inventory->hosts);
        g_ptr_array_unref(inventory->rules);
        g_free(inventory->traffic_path);
        g_free(inventory->guest_probe);
        g_free(inventory);
    }
}

static const HostConfig *find_host(const Inventory *inventory, const char *name)
{
    for (guint i = 0; i < inventory->hosts->len; i++) {
        const HostConfig *host = g_ptr_array_index(inventory->hosts, i);

        if (g_str_equal(host->name, name) || g_strcmp0(host->uri, name) == 0) {
            return host;
        }
    }
    return NULL;
}

typedef enum KeyKind { KEY_TEXT, KEY_RATE, KEY_SIZE, KEY_COUNT } KeyKind;

typedef struct HostKey {
    const char *name;
    KeyKind kind;
    gsize offset; /* of the member in HostConfig */
} HostKey;

static const HostKey HOST_KEYS[] = {
    {"uri", KEY_TEXT, G_STRUCT_OFFSET(HostConfig, uri)},
    {"peer_uri", KEY_TEXT, G_STRUCT_OFFSET(HostConfig, peer_uri)},
    {"migration_address", KEY_TEXT, G_STRUCT_OFFSET(HostConfig, migration_address)},
    {"agent", KEY_TEXT, G_STRUCT_OFFSET(HostConfig, agent_command)},
    {"link", KEY_RATE, G_STRUCT_OFFSET(HostConfig, link_bytes_per_s)},
    {"keep_free", KEY_SIZE, G_STRUCT_OFFSET(HostConfig, keep_free_bytes)},
    {"rack", KEY_TEXT, G_STRUCT_OFFSET(HostConfig, rack)},
    {"pod", KEY_TEXT, G_STRUCT_OFFSET(HostConfig, pod)},
    {"power", KEY_TEXT, G_STRUCT_OFFSET(HostConfig, power)},
    {"max_outgoing", KEY_COUNT, G_STRUCT_OFFSET(HostConfig, max_outgoing)},
    {"max_incoming", KEY_COUNT, G_STRUCT_OFFSET(HostConfig, max_incoming)},
};

static const HostKey *find_host_key(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(HOST_KEYS); i++) {
        if (g_str_equal(HOST_KEYS[i].name, name)) {
            return &HOST_KEYS[i];
        }
    }
    return NULL;
}

static gboolean set_count(const char *text, guint *value, GError **error)
{
    guint64 count = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &count, NULL)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is not a whole number, 0 or more", text);
        return FALSE;
    }
    *value = (guint)count;
    return TRUE;
}

static gboolean set_host_key(HostConfig *host, const HostKey *key, const char *text, GError **error)
{
    gpointer member = G_STRUCT_MEMBER_P(host, key->offset);

    switch (key->kind) {
    case KEY_RATE:
        return rate_parse(text, member, error);
    case KEY_SIZE:
        return size_parse(text, member, error);
    case KEY_COUNT:
        return set_count(text, member, error);
    case KEY_TEXT:
        break;
    }
    g_free(*(char **)member);
    *(char **)member = g_strdup(text);
    return TRUE;
}

static gboolean read_host(Inventory *inventory, GKeyFile *file, const char *group, GError **error)
{
    g_autofree char *name = g_strstrip(g_strdup(group + strlen("host ")));
    g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
    g_autoptr(HostConfig) host = host_config_new(name, NULL);

    for (char **key = keys; *key; key++) {
        const HostKey *known = find_host_key(*key);
        g_autofree char *text = g_key_file_get_string(file, group, *key, error);

        if (!text) {
            return FALSE;
        }
        if (!known) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "[%s] has an unknown key '%s'", group, *key);
            return FALSE;
        }
        if (!set_host_key(host, known, text, error)) {
            g_prefix_error(error, "[%s] %s: ", group, *key);
            return FALSE;
        }
    }
    if (!host->uri || !name[0]) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "[%s] needs a name and a key 'uri', for instance uri = qemu+ssh://root@%s/system", group,
                    name[0] ? name : "HOST");
        return FALSE;
    }
    if (find_host(inventory, name)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "host '%s' is there twice", name);
        return FALSE;
    }
    g_ptr_array_add(inventory->hosts, g_steal_pointer(&host));
    return TRUE;
}

static gboolean set_oversubscription(Inventory *inventory, const char *text, GError **error)
{
    char *end = NULL;

    inventory->vcpus_per_cpu = g_ascii_strtod(text, &end);
    if (*end || !(inventory->vcpus_per_cpu > 0)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is not a number above 0", text);
        return FALSE;
    }
    return TRUE;
}

/* A path in the inventory is relative to the inventory. */
static char *resolve_path(const char *base, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(base);

    return g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(folder, path, NULL);
}

static gboolean set_fleet_key(Inventory *inventory, const char *key, const char *text, const char *path,
                              GError **error)
{
    if (g_str_equal(key, "guest_probe")) {
        g_free(inventory->guest_probe);
        inventory->guest_probe = g_strdup(text);
        return TRUE;
    }
    if (g_str_equal(key, "traffic")) {
        g_free(inventory->traffic_path);
        inventory->traffic_path = resolve_path(path, text);
        return TRUE;
    }
    if (g_str_equal(key, "vcpus_per_cpu") || g_str_equal(key, "spare_hosts")) {
        if (key[0] == 'v' ? set_oversubscription(inventory, text, error)
                          : set_count(text, &inventory->spare_hosts, error)) {
            return TRUE;
        }
        g_prefix_error(error, "[fleet] %s: ", key);
        return FALSE;
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "[fleet] has an unknown key '%s'", key);
    return FALSE;
}

static gboolean read_fleet(Inventory *inventory, GKeyFile *file, const char *path, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(file, "fleet", NULL, NULL);

    for (char **key = keys; *key; key++) {
        g_autofree char *text = g_key_file_get_string(file, "fleet", *key, error);

        if (!text || !set_fleet_key(inventory, *key, text, path, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean read_groups(Inventory *inventory, GKeyFile *file, const char *path, GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

    for (char **group = groups; *group; group++) {
        if (g_str_equal(*group, "fleet")) {
            if (!read_fleet(inventory, file, path, error)) {
                return FALSE;
            }
        } else if (g_str_has_prefix(*group, "host ")) {
            if (!read_host(inventory, file, *group, error)) {
                return FALSE;
            }
        } else if (g_str_has_prefix(*group, "rule ")) {
            if (!inventory_read_rule(inventory, file, *group, error)) {
                return FALSE;
            }
        } else {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                        "unknown group [%s]; use [fleet], [host NAME] or [rule NAME]", *group);
            return FALSE;
        }
    }
    return TRUE;
}

/* Where the inventory is when nobody names it; NULL when there is none.  The caller frees. */
static char *default_path(void)
{
    const char *from_environment = g_getenv("GODWIT_INVENTORY");
    g_autofree char *of_user = g_build_filename(g_get_user_config_dir(), "godwit", "inventory.ini", NULL);

    if (from_environment && from_environment[0]) {
        return g_strdup(from_environment);
    }
    if (g_file_test(of_user, G_FILE_TEST_EXISTS)) {
        return g_steal_pointer(&of_user);
    }
    return g_file_test("/etc/godwit/inventory.ini", G_FILE_TEST_EXISTS) ? g_strdup("/etc/godwit/inventory.ini") : NULL;
}

Inventory *inventory_load(const char *path, GError **error)
{
    g_autofree char *file_path = path ? g_strdup(path) : default_path();
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(GError) cause = NULL;

    if (!file_path) {
        return g_steal_pointer(&inventory); /* URIs alone will do */
    }
    if (!g_key_file_load_from_file(file, file_path, G_KEY_FILE_NONE, &cause) || !read_groups(inventory, file, file_path, &cause)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "inventory %s: %s", file_path, cause->message);
        return NULL;
    }
    return g_steal_pointer(&inventory);
}

/* The host part of 'uri', or "localhost"; made unique among the names that are taken. */
static char *name_of_uri(const Inventory *inventory, const char *uri)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
    const char *host = parsed ? g_uri_get_host(parsed) : NULL;
    g_autofree char *base = g_strdup(host && host[0] ? host : "localhost");
    char *name = g_strdup(base);

    for (guint number = 2; find_host(inventory, name); number++) {
        g_free(name);
        name = g_strdup_printf("%s-%u", base, number);
    }
    return name;
}

const HostConfig *inventory_resolve(Inventory *inventory, const char *name_or_uri, GError **error)
{
    const HostConfig *known = find_host(inventory, name_or_uri);

    if (known) {
        return known;
    }
    if (strstr(name_or_uri, "://")) {
        g_autofree char *name = name_of_uri(inventory, name_or_uri);

        g_ptr_array_add(inventory->hosts, host_config_new(name, name_or_uri));
        return g_ptr_array_index(inventory->hosts, inventory->hosts->len - 1);
    }
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; i < inventory->hosts->len; i++) {
        const HostConfig *host = g_ptr_array_index(inventory->hosts, i);
        g_string_append_printf(names, "%s%s", i ? ", " : "", host->name);
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND,
                "there is no host '%s' in the inventory (it has: %s); name one of these, add it, or give a libvirt URI",
                name_or_uri, names->len ? names->str : "none");
    return NULL;
}

char *inventory_agent_command(const HostConfig *host)
{
    if (host->agent_command) {
        return host->agent_command[0] ? g_strdup(host->agent_command) : NULL;
    }
    g_autoptr(GUri) uri = g_uri_parse(host->uri, G_URI_FLAGS_HAS_PASSWORD, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";
    const char *name = uri ? g_uri_get_host(uri) : NULL;

    if (g_str_equal(scheme, "qemu") && (!name || !name[0])) {
        return g_strdup("godwit agent");
    }
    if (!g_str_equal(scheme, "qemu+ssh") || !name || !name[0]) {
        return NULL;
    }
    const char *user = g_uri_get_user(uri);
    g_autofree char *login = user ? g_strdup_printf("%s@%s", user, name) : g_strdup(name);
    g_autofree char *quoted = g_shell_quote(login);

    if (g_uri_get_port(uri) > 0) {
        return g_strdup_printf("ssh -o BatchMode=yes -p %d %s godwit agent", g_uri_get_port(uri), quoted);
    }
    return g_strdup_printf("ssh -o BatchMode=yes %s godwit agent", quoted);
}
