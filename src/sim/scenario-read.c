/* SPDX-License-Identifier: Apache-2.0
 *
 * From the groups of a scenario file to a Scenario; see scenario.h.
 *
 * In four rounds, so that the order of groups in the file does not matter: what stands alone, types, hosts and VMs, and
 * what names hosts and VMs.  Each section is read into its record by the table of keys (scenario-keys.c) and from there
 * into the Scenario by one function of this file.  What was read when a mistake is found belongs to the Scenario
 * already, which frees it. */
#include "sim/scenario-private.h"

#include "base/error.h"
#include "base/units.h"

#include <string.h>

typedef struct Reader {
    Scenario *scenario;
    GKeyFile *file;
    char *directory;
    GArray *host_types; /* the arrays of the Scenario while they grow */
    GArray *host_groups;
    GArray *hosts;
    GArray *vm_types;
    GArray *vm_groups;
    GArray *vms;
    GArray *rules;
    GArray *faults;
} Reader;

/* Group and key of the file that are being read. */
typedef struct Place {
    Reader *reader;
    const char *group;
    GError **error;
    gboolean is_fine;
} Place;

static void check_required(const ScenarioKeyDoc *key, gpointer user)
{
    Place *place = user;

    if (place->is_fine && !key->initial && !g_key_file_has_key(place->reader->file, place->group, key->name, NULL)) {
        place->is_fine = scenario_wrong(place->error, "[%s] needs a key '%s': %s", place->group, key->name, key->help);
    }
}

/* Fills 'record', all zeros before, from the keys of 'group'. */
static gboolean read_record(Reader *reader, ScenarioSection section, const char *group, gpointer record, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(reader->file, group, NULL, NULL);
    Place place = {reader, group, error, TRUE};

    scenario_record_init(section, record);
    for (char **key = keys; keys && *key; key++) {
        g_autofree char *text = g_key_file_get_string(reader->file, group, *key, error);

        if (!text || !scenario_record_set(section, record, *key, g_strchomp(text), error)) {
            g_prefix_error(error, "[%s] %s: ", group, *key);
            return FALSE;
        }
    }
    scenario_keys_each(section, check_required, &place);
    return place.is_fine;
}

static gboolean read_scenario(Reader *reader, GError **error)
{
    Scenario *scenario = reader->scenario;

    if (!read_record(reader, SECTION_SCENARIO, "scenario", scenario, error)) {
        return FALSE;
    }
    if (!scenario->name[0]) {
        g_autofree char *base = g_path_get_basename(scenario->path);
        char *end = strrchr(base, '.');

        g_free(scenario->name);
        scenario->name = end && end > base ? g_strndup(base, (gsize)(end - base)) : g_strdup(base);
    }
    if (scenario->interval_ns < NS_PER_S || scenario->duration_ns < scenario->interval_ns) {
        return scenario_wrong(error, "[scenario] %s",
                              scenario->interval_ns < NS_PER_S ? "interval: less than 1 s"
                                                               : "duration: shorter than one interval");
    }
    return TRUE;
}

static gboolean read_topology(Reader *reader, GError **error)
{
    ScenarioTopology *topology = &reader->scenario->topology;

    if (!read_record(reader, SECTION_TOPOLOGY, "topology", topology, error)) {
        return FALSE;
    }
    if ((topology->kind == TOPOLOGY_GRAPH) != (topology->path[0] != '\0')) {
        return scenario_wrong(error, "[topology] file: %s",
                              topology->path[0] ? "only a graph is read from a file"
                                                : "a graph is read from an SNDlib file");
    }
    if (topology->host_link_bytes_per_s == 0 || topology->switch_link_bytes_per_s == 0) {
        return scenario_wrong(error, "[topology] %s: a link that carries nothing",
                              topology->host_link_bytes_per_s == 0 ? "host_link" : "switch_link");
    }
    g_autofree char *name = g_steal_pointer(&topology->path);
    topology->path = name[0] ? scenario_path(reader->directory, name) : NULL;
    return TRUE;
}

static gboolean read_policy(Reader *reader, GError **error)
{
    ScenarioPolicyRecord record = {0};
    gboolean is_read = read_record(reader, SECTION_POLICY, "policy", &record, error);

    if (is_read && !scenario_range_parse(record.range, &record.policy.range_low, &record.policy.range_high, error)) {
        g_prefix_error(error, "[policy] range: ");
        is_read = FALSE;
    }
    g_clear_pointer(&record.range, g_free);
    reader->scenario->policy = record.policy; /* with its strings, whatever happened */
    return is_read;
}

static gboolean read_physics(Reader *reader, GError **error)
{
    DaySettings checked;
    DaySettings *physics = &reader->scenario->physics;

    day_settings_init(&checked);
    if (!read_record(reader, SECTION_PHYSICS, "physics", physics, error)) {
        return FALSE;
    }
#define CHECK_SETTING(member, initial, unit, help)                                                                     \
    if (!day_settings_set(&checked, #member, physics->member, error)) {                                                \
        g_prefix_error(error, "[physics] ");                                                                           \
        return FALSE;                                                                                                  \
    }
    DAY_SETTINGS(CHECK_SETTING)
    return TRUE;
}

static gboolean read_traffic(Reader *reader, GError **error)
{
    ScenarioTrafficRecord record = {0};
    Scenario *scenario = reader->scenario;
    gboolean is_read = read_record(reader, SECTION_TRAFFIC, "traffic", &record, error);

    scenario->has_traffic = g_key_file_has_group(reader->file, "traffic");
    record.model.mean_mib_per_s = (double)record.mean_bytes_per_s / (double)MIB;
    record.model.deviation_mib_per_s = (double)record.deviation_bytes_per_s / (double)MIB;
    scenario->traffic_model = record.model;
    scenario->traffic_path = record.path && record.path[0] ? scenario_path(reader->directory, record.path) : NULL;
    g_free(record.path);
    if (is_read && record.model.group_max < record.model.group_min) {
        return scenario_wrong(error, "[traffic] group_max: less than group_min");
    }
    return is_read;
}

static gboolean read_host_type(Reader *reader, const char *group, const char *name, GError **error)
{
    ScenarioHostTypeRecord record = {0};
    gboolean is_read = read_record(reader, SECTION_HOST_TYPE, group, &record, error);

    if (is_read && !scenario_power_parse(record.power, &record.type, error)) {
        g_prefix_error(error, "[%s] power: ", group);
        is_read = FALSE;
    }
    g_clear_pointer(&record.power, g_free);
    record.type.name = g_strdup(name);
    g_array_append_val(reader->host_types, record.type);
    return is_read;
}

static gboolean read_vm_type(Reader *reader, const char *group, const char *name, GError **error)
{
    ScenarioVmTypeRecord record = {0};
    gboolean is_read = read_record(reader, SECTION_VM_TYPE, group, &record, error);

    if (is_read && !scenario_vm_type_complete(&record, error)) {
        g_prefix_error(error, "[%s] ", group);
        is_read = FALSE;
    }
    scenario_record_clear(SECTION_VM_TYPE, &record);
    record.type.name = g_strdup(name);
    g_array_append_val(reader->vm_types, record.type);
    return is_read;
}

/* The indices of the types that 'text' names; 'types' are of 'type_size' bytes and begin with their name. */
static GArray *find_types(const GArray *types, const char *text, const char *what, GError **error)
{
    g_auto(GStrv) names = scenario_list_parse(text, error);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(guint));
    guint size_bytes = g_array_get_element_size((GArray *)types);

    for (guint i = 0; names && names[i]; i++) {
        guint index = 0;

        while (index < types->len &&
               !g_str_equal(*(char **)(void *)(types->data + (gsize)index * size_bytes), names[i])) {
            index++;
        }
        if (index == types->len) {
            scenario_wrong(error, "there is no group [%s %s]", what, names[i]);
            return NULL;
        }
        g_array_append_val(found, index);
    }
    return names ? g_steal_pointer(&found) : NULL;
}

static gboolean add_hosts(Reader *reader, const ScenarioHostsRecord *record, const char *name, gboolean is_single,
                          GError **error)
{
    g_autoptr(GArray) types = find_types(reader->host_types, record->types, "host-type", error);
    ScenarioGroup group = {g_strdup(name), reader->hosts->len, record->count, is_single};

    g_array_append_val(reader->host_groups, group); /* it owns the name */
    if (!types) {
        g_prefix_error(error, "type: ");
        return FALSE;
    }
    for (guint i = 0; i + 1 < reader->host_groups->len; i++) {
        const ScenarioGroup *other = &g_array_index(reader->host_groups, ScenarioGroup, i);

        if (scenario_groups_clash(other, &group)) {
            return scenario_wrong(error, "it has hosts of the same name as [%s %s]",
                                  other->is_single ? "host" : "hosts", other->name);
        }
    }
    if (record->count > SCENARIO_HOSTS_MAX - reader->hosts->len) {
        return scenario_wrong(error, "count: more than %u hosts in all", SCENARIO_HOSTS_MAX);
    }
    for (guint i = 0; i < record->count; i++) {
        ScenarioHost host = {reader->host_groups->len - 1, g_array_index(types, guint, i % types->len)};
        g_array_append_val(reader->hosts, host);
    }
    return TRUE;
}

static gboolean read_hosts(Reader *reader, const char *group, const char *name, gboolean is_single, GError **error)
{
    ScenarioHostsRecord record = {.count = 1};
    ScenarioSection section = is_single ? SECTION_HOST : SECTION_HOSTS;
    gboolean is_read = read_record(reader, section, group, &record, error);

    if (is_read && !add_hosts(reader, &record, name, is_single, error)) {
        g_prefix_error(error, "[%s] ", group);
        is_read = FALSE;
    }
    scenario_record_clear(section, &record);
    return is_read;
}

/* Which of 'types' VM 'member' of 'count' has. */
static guint spread_type(const GArray *types, ScenarioSpread spread, guint member, guint count)
{
    guint block = (count + types->len - 1) / types->len;

    return g_array_index(types, guint, spread == SPREAD_TURN ? member % types->len : member / block);
}

static gboolean fill_vm_group(Reader *reader, const ScenarioVmsRecord *record, ScenarioVmGroup *vms, GArray **hosts,
                              GError **error)
{
    if (!scenario_workload_parse(record->workload, reader->directory, &vms->workload, error)) {
        g_prefix_error(error, "workload: ");
        return FALSE;
    }
    vms->workload.noise_share = record->noise_share;
    vms->workload.first_row = record->first_row - 1;
    vms->workload.is_shuffled = record->is_shuffled;
    vms->placement = record->hosts[0] ? PLACEMENT_NAMED : record->placement;
    vms->is_paused = record->is_paused;
    if (vms->placement == PLACEMENT_NAMED) {
        *hosts = scenario_find_hosts(reader->scenario, record->hosts, error);
        g_prefix_error(error, "hosts: ");
        return *hosts != NULL;
    }
    return TRUE;
}

static gboolean add_vms(Reader *reader, const ScenarioVmsRecord *record, const char *name, gboolean is_single,
                        GError **error)
{
    g_autoptr(GArray) types = find_types(reader->vm_types, record->types, "vm-type", error);
    g_autoptr(GArray) hosts = NULL;
    ScenarioVmGroup vms = {.group = {g_strdup(name), reader->vms->len, record->count, is_single}};

    if (!types) {
        g_prefix_error(error, "type: ");
    }
    gboolean is_filled = types && fill_vm_group(reader, record, &vms, &hosts, error);
    g_array_append_val(reader->vm_groups, vms); /* it owns name and workload */
    if (!is_filled) {
        return FALSE;
    }
    for (guint i = 0; i + 1 < reader->vm_groups->len; i++) {
        const ScenarioGroup *other = &g_array_index(reader->vm_groups, ScenarioVmGroup, i).group;

        if (scenario_groups_clash(other, &vms.group)) {
            return scenario_wrong(error, "it has VMs of the same name as [%s %s]", other->is_single ? "vm" : "vms",
                                  other->name);
        }
    }
    if (record->count > SCENARIO_VMS_MAX - reader->vms->len) {
        return scenario_wrong(error, "count: more than %u VMs in all", SCENARIO_VMS_MAX);
    }
    for (guint i = 0; i < record->count; i++) {
        ScenarioVm vm = {.group = reader->vm_groups->len - 1,
                         .type = spread_type(types, record->spread, i, record->count),
                         .host = hosts ? (int)g_array_index(hosts, guint, i % hosts->len) : -1};
        g_array_append_val(reader->vms, vm);
    }
    return TRUE;
}

static gboolean read_vms(Reader *reader, const char *group, const char *name, gboolean is_single, GError **error)
{
    ScenarioVmsRecord record = {.count = 1};
    ScenarioSection section = is_single ? SECTION_VM : SECTION_VMS;
    gboolean is_read = read_record(reader, section, group, &record, error);

    if (is_read && !add_vms(reader, &record, name, is_single, error)) {
        g_prefix_error(error, "[%s] ", group);
        is_read = FALSE;
    }
    scenario_record_clear(section, &record);
    return is_read;
}

static gboolean read_rule(Reader *reader, const char *group, const char *name, GError **error)
{
    ScenarioRuleRecord record = {0};
    gboolean is_read = read_record(reader, SECTION_RULE, group, &record, error);
    ScenarioRule rule = {.name = g_strdup(name), .kind = record.kind};

    if (is_read && !scenario_rule_fill(reader->scenario, &record, &rule, error)) {
        g_prefix_error(error, "[%s] ", group);
        is_read = FALSE;
    }
    g_array_append_val(reader->rules, rule);
    scenario_record_clear(SECTION_RULE, &record);
    return is_read;
}

static gboolean read_fault(Reader *reader, const char *group, const char *name, GError **error)
{
    ScenarioFaultRecord record = {0};
    gboolean is_read = read_record(reader, SECTION_FAULT, group, &record, error);

    if (is_read && !scenario_fault_fill(reader->scenario, &record, &record.fault, error)) {
        g_prefix_error(error, "[%s] ", group);
        is_read = FALSE;
    }
    scenario_record_clear(SECTION_FAULT, &record);
    record.fault.name = g_strdup(name);
    g_array_append_val(reader->faults, record.fault);
    return is_read;
}

static gboolean read_named(Reader *reader, ScenarioSection section, const char *group, const char *name, GError **error)
{
    switch (section) {
    case SECTION_HOST_TYPE:
        return read_host_type(reader, group, name, error);
    case SECTION_VM_TYPE:
        return read_vm_type(reader, group, name, error);
    case SECTION_HOSTS:
    case SECTION_HOST:
        return read_hosts(reader, group, name, section == SECTION_HOST, error);
    case SECTION_VMS:
    case SECTION_VM:
        return read_vms(reader, group, name, section == SECTION_VM, error);
    case SECTION_RULE:
        return read_rule(reader, group, name, error);
    case SECTION_FAULT:
        return read_fault(reader, group, name, error);
    default:
        g_assert_not_reached();
    }
}

/* Which section 'group' is, and its name, NULL when it has none. */
static gboolean section_of(const char *group, ScenarioSection *section, char **name, GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);
    gsize length = strcspn(group, " ");

    for (guint i = 0; i < SECTIONS_LENGTH; i++) {
        const char *word = scenario_section_word((ScenarioSection)i);
        gboolean has_name = scenario_section_has_name((ScenarioSection)i);

        g_string_append_printf(known, "%s[%s%s]", i ? ", " : "", word, has_name ? " NAME" : "");
        if (strlen(word) != length || strncmp(word, group, length) != 0) {
            continue;
        }
        *section = (ScenarioSection)i;
        g_autofree char *rest = g_strstrip(g_strdup(group + length));
        if (!has_name && rest[0]) {
            return scenario_wrong(error, "[%s]: a group [%s] has no name", group, word);
        }
        if (has_name && !scenario_name_check(rest, error)) {
            g_prefix_error(error, "[%s]: ", group);
            return FALSE;
        }
        *name = has_name ? g_steal_pointer(&rest) : NULL;
        return TRUE;
    }
    return scenario_wrong(error, "unknown group [%s]; there are %s", group, known->str);
}

/* Reads the groups of the sections in 'wanted', a bit for each. */
static gboolean read_round(Reader *reader, guint wanted, GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(reader->file, NULL);

    for (char **group = groups; *group; group++) {
        ScenarioSection section = SECTION_SCENARIO;
        g_autofree char *name = NULL;

        if (!section_of(*group, &section, &name, error)) {
            return FALSE;
        }
        if ((wanted & (1u << section)) && !read_named(reader, section, *group, name, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Gives what has grown so far to the Scenario; it grows no more. */
#define HAND_OVER(reader, member)                                                                                      \
    do {                                                                                                               \
        (reader)->scenario->member##_length = (reader)->member->len;                                                   \
        (reader)->scenario->member = (void *)g_array_free(g_steal_pointer(&(reader)->member), FALSE);                  \
    } while (0)

static int compare_faults(gconstpointer a, gconstpointer b)
{
    const ScenarioFault *x = a;
    const ScenarioFault *y = b;

    return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

static gboolean read_parts(Reader *reader, GError **error)
{
    return read_round(reader, 0, error) && /* unknown groups are told before what they lack */
           read_scenario(reader, error) && read_topology(reader, error) && read_policy(reader, error) &&
           read_traffic(reader, error) && read_physics(reader, error) &&
           read_round(reader, 1u << SECTION_HOST_TYPE | 1u << SECTION_VM_TYPE, error) &&
           read_round(reader, 1u << SECTION_HOSTS | 1u << SECTION_HOST, error);
}

/* What is only seen when all of it is there. */
static gboolean check_whole(const Scenario *scenario, GError **error)
{
    if (scenario->hosts_length == 0 || scenario->vms_length == 0) {
        return scenario_wrong(error, "there is no %s; add a group [%s NAME]",
                              scenario->hosts_length == 0 ? "host" : "VM",
                              scenario->hosts_length == 0 ? "hosts" : "vms");
    }
    g_autoptr(Topology) topology = scenario_topology(scenario, error);
    return topology != NULL;
}

static gboolean read_all(Reader *reader, GError **error)
{
    gboolean is_fine = read_parts(reader, error);

    HAND_OVER(reader, host_types);
    HAND_OVER(reader, host_groups);
    HAND_OVER(reader, hosts);
    is_fine = is_fine && read_round(reader, 1u << SECTION_VMS | 1u << SECTION_VM, error);
    HAND_OVER(reader, vm_types);
    HAND_OVER(reader, vm_groups);
    HAND_OVER(reader, vms);
    is_fine = is_fine && read_round(reader, 1u << SECTION_RULE | 1u << SECTION_FAULT, error);
    g_array_sort(reader->faults, compare_faults); /* stable */
    HAND_OVER(reader, rules);
    HAND_OVER(reader, faults);
    return is_fine && check_whole(reader->scenario, error);
}

static void reader_init(Reader *reader, Scenario *scenario, GKeyFile *file)
{
    *reader = (Reader){
        .scenario = scenario,
        .file = file,
        .directory = g_path_get_dirname(scenario->path),
        .host_types = g_array_new(FALSE, FALSE, sizeof(ScenarioHostType)),
        .host_groups = g_array_new(FALSE, FALSE, sizeof(ScenarioGroup)),
        .hosts = g_array_new(FALSE, FALSE, sizeof(ScenarioHost)),
        .vm_types = g_array_new(FALSE, FALSE, sizeof(ScenarioVmType)),
        .vm_groups = g_array_new(FALSE, FALSE, sizeof(ScenarioVmGroup)),
        .vms = g_array_new(FALSE, FALSE, sizeof(ScenarioVm)),
        .rules = g_array_new(FALSE, FALSE, sizeof(ScenarioRule)),
        .faults = g_array_new(FALSE, FALSE, sizeof(ScenarioFault)),
    };
}

gboolean scenario_read(Scenario *scenario, GKeyFile *file, GError **error)
{
    Reader reader;

    reader_init(&reader, scenario, file);
    gboolean is_read = read_all(&reader, error);
    g_free(reader.directory);
    return is_read;
}
