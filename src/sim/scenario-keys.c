/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of keys; see scenario-keys.h.  A row says where a key belongs, what it is, its default as it would be
 * written in the file, and what the manual says about it. */
#include "sim/scenario-keys.h"

#include "base/error.h"
#include "base/units.h"

#include <math.h>
#include <string.h>

typedef enum KeyKind {
    KEY_TEXT,     /* char * */
    KEY_COUNT,    /* guint */
    KEY_SEED,     /* guint64 */
    KEY_NUMBER,   /* double, 0 or more */
    KEY_POSITIVE, /* double above 0 */
    KEY_SHARE,    /* double in 0..1, or as a percentage */
    KEY_SIZE,     /* guint64, bytes */
    KEY_RATE,     /* guint64, bytes per second */
    KEY_DURATION, /* gint64, ns */
    KEY_FLAG,     /* gboolean */
    KEY_WORD,     /* an enum with names */
} KeyKind;

typedef gboolean (*WordFunc)(const char *text, gpointer member, GError **error);

typedef struct Key {
    ScenarioSection section;
    const char *name;
    KeyKind kind;
    gsize offset;
    const char *initial; /* NULL: it must be there */
    const char *help;
    guint64 low; /* KEY_COUNT: from .. to */
    guint64 high;
    WordFunc word;
} Key;

NAMED_ENUM_DEFINE(ScenarioSpread, scenario_spread, SCENARIO_SPREADS)

/* An enum's parser as a WordFunc. */
#define WORD_FUNC(Type, prefix)                                                                                        \
    static gboolean prefix##_word(const char *text, gpointer member, GError **error)                                   \
    {                                                                                                                  \
        return prefix##_parse(text, (Type *)member, error);                                                            \
    }
WORD_FUNC(ScenarioMode, scenario_mode)
WORD_FUNC(TopologyKind, topology_kind)
WORD_FUNC(ScenarioPlacement, scenario_placement)
WORD_FUNC(ScenarioSpread, scenario_spread)
WORD_FUNC(ScenarioRuleKind, scenario_rule_kind)
WORD_FUNC(ScenarioFaultKind, scenario_fault_kind)

#define SCENARIO(member)  G_STRUCT_OFFSET(Scenario, member)
#define TOPOLOGY(member)  G_STRUCT_OFFSET(ScenarioTopology, member)
#define HOST_TYPE(member) G_STRUCT_OFFSET(ScenarioHostTypeRecord, member)
#define HOSTS(member)     G_STRUCT_OFFSET(ScenarioHostsRecord, member)
#define VM_TYPE(member)   G_STRUCT_OFFSET(ScenarioVmTypeRecord, member)
#define VMS(member)       G_STRUCT_OFFSET(ScenarioVmsRecord, member)
#define TRAFFIC(member)   G_STRUCT_OFFSET(ScenarioTrafficRecord, member)
#define RULE(member)      G_STRUCT_OFFSET(ScenarioRuleRecord, member)
#define FAULT(member)     G_STRUCT_OFFSET(ScenarioFaultRecord, member)
#define POLICY(member)    G_STRUCT_OFFSET(ScenarioPolicyRecord, member)

#define COUNT(from, to) .low = (from), .high = (to)

#define KEY(section_, name_, kind_, offset_, initial_, help_, ...)                                                     \
    {                                                                                                                  \
        .section = (section_), .name = (name_), .kind = (kind_), .offset = (offset_), .initial = (initial_),           \
        .help = (help_), __VA_ARGS__                                                                                   \
    }

/* The keys of [physics] are the settings of the day; see day.h. */
#define PHYSICS_KEY(member, value, unit, help)                                                                         \
    KEY(SECTION_PHYSICS, #member, KEY_NUMBER, G_STRUCT_OFFSET(DaySettings, member), #value, help),

/* The keys of [vms NAME], which but for 'count' and 'blocks' are also those of [vm NAME]. */
#define VM_KEYS(section)                                                                                               \
    KEY(section, "placement", KEY_WORD, VMS(placement), "power",                                                       \
        "where they are at the beginning: power (where they increase power least, in the order of the file), "         \
        "first-fit, round-robin, or named, which 'hosts' implies",                                                     \
        .word = scenario_placement_word),                                                                              \
        KEY(section, "hosts", KEY_TEXT, VMS(hosts), "", "names of hosts, separated by commas, taken in turn"),         \
        KEY(section, "workload", KEY_TEXT, VMS(workload), "constant 50%", "what the CPU does, see WORKLOADS"),         \
        KEY(section, "noise", KEY_SHARE, VMS(noise_share), "0",                                                        \
            "standard deviation of what the seed adds to each sample"),                                                \
        KEY(section, "first_row", KEY_COUNT, VMS(first_row), "1",                                                      \
            "the row of the trace for the first VM; the next VM has the next row, and after the last comes the first", \
            COUNT(1, G_MAXINT32)),                                                                                     \
        KEY(section, "paused", KEY_FLAG, VMS(is_paused), "no", "they do not run")

static const Key KEYS[] = {
    KEY(SECTION_SCENARIO, "name", KEY_TEXT, SCENARIO(name), "", "for reports; the default is the name of the file"),
    KEY(SECTION_SCENARIO, "description", KEY_TEXT, SCENARIO(description), "", "a sentence for reports"),
    KEY(SECTION_SCENARIO, "seed", KEY_SEED, SCENARIO(seed), "1", "of all chance: the same seed gives the same run"),
    KEY(SECTION_SCENARIO, "duration", KEY_DURATION, SCENARIO(duration_ns), "24h", "how long it lasts, in virtual time"),
    KEY(SECTION_SCENARIO, "interval", KEY_DURATION, SCENARIO(interval_ns), "300s",
        "between two decisions, and between two samples of a workload"),
    KEY(SECTION_SCENARIO, "mode", KEY_WORD, SCENARIO(mode), "physical",
        "physical, or cloudsim: as CloudSim 3.0.3 does it, its defects included", .word = scenario_mode_word),

    KEY(SECTION_TOPOLOGY, "kind", KEY_WORD, TOPOLOGY(kind), "flat", "flat, fat-tree, three-tier, vl2, bcube or graph",
        .word = topology_kind_word),
    KEY(SECTION_TOPOLOGY, "ports", KEY_COUNT, TOPOLOGY(ports), "0",
        "fat-tree: k, even, for k^3/4 hosts; bcube: n, for n^(levels+1) hosts", COUNT(0, 1024)),
    KEY(SECTION_TOPOLOGY, "levels", KEY_COUNT, TOPOLOGY(levels), "0", "bcube: l, levels beside the first",
        COUNT(0, 16)),
    KEY(SECTION_TOPOLOGY, "hosts_per_rack", KEY_COUNT, TOPOLOGY(hosts_per_rack), "0", "three-tier: hosts in a rack",
        COUNT(0, 65535)),
    KEY(SECTION_TOPOLOGY, "racks_per_pod", KEY_COUNT, TOPOLOGY(racks_per_pod), "0", "three-tier: racks in a pod",
        COUNT(0, 65535)),
    KEY(SECTION_TOPOLOGY, "pods", KEY_COUNT, TOPOLOGY(pods), "0", "three-tier: pods", COUNT(0, 65535)),
    KEY(SECTION_TOPOLOGY, "aggregation_ports", KEY_COUNT, TOPOLOGY(aggregation_ports), "0",
        "vl2: D_A, ports of an aggregation switch", COUNT(0, 1024)),
    KEY(SECTION_TOPOLOGY, "intermediate_ports", KEY_COUNT, TOPOLOGY(intermediate_ports), "0",
        "vl2: D_I, ports of an intermediate switch", COUNT(0, 1024)),
    KEY(SECTION_TOPOLOGY, "file", KEY_TEXT, TOPOLOGY(path), "",
        "graph: a network in SNDlib's native format; its nodes are switches"),
    KEY(SECTION_TOPOLOGY, "hosts_per_node", KEY_COUNT, TOPOLOGY(hosts_per_node), "1", "graph: hosts on each node",
        COUNT(1, 65535)),
    KEY(SECTION_TOPOLOGY, "host_link", KEY_RATE, TOPOLOGY(host_link_bytes_per_s), "128MiB/s",
        "each way between a host and its switch"),
    KEY(SECTION_TOPOLOGY, "switch_link", KEY_RATE, TOPOLOGY(switch_link_bytes_per_s), "128MiB/s",
        "each way between two switches, except where a graph has its own"),
    KEY(SECTION_TOPOLOGY, "round_trip", KEY_DURATION, TOPOLOGY(round_trip_ns), "200us",
        "between two hosts; what a page fetched in post-copy waits for"),

    KEY(SECTION_HOST_TYPE, "cores", KEY_COUNT, HOST_TYPE(type.cores), NULL, "CPU cores", COUNT(1, 65535)),
    KEY(SECTION_HOST_TYPE, "mips", KEY_POSITIVE, HOST_TYPE(type.mips_per_core), "1000", "speed of one core, in MIPS"),
    KEY(SECTION_HOST_TYPE, "memory", KEY_SIZE, HOST_TYPE(type.memory_bytes), NULL, "memory"),
    KEY(SECTION_HOST_TYPE, "keep_free", KEY_SIZE, HOST_TYPE(type.keep_free_bytes), "0",
        "of the memory: what no plan may promise"),
    KEY(SECTION_HOST_TYPE, "nic", KEY_RATE, HOST_TYPE(type.nic_bytes_per_s), "0",
        "rate of its network card; 0: the topology's host_link"),
    KEY(SECTION_HOST_TYPE, "power", KEY_TEXT, HOST_TYPE(power), "G4",
        "a server of SPECpower (G3, G4, G5, X3470, X3480, X5670, X5675), or 11 numbers, separated by blanks: watts at "
        "0, "
        "10, .. 100 % load"),
    KEY(SECTION_HOST_TYPE, "max_incoming", KEY_COUNT, HOST_TYPE(type.max_incoming), "0",
        "migrations that may enter at a time; 0: any number", COUNT(0, 65535)),
    KEY(SECTION_HOST_TYPE, "max_outgoing", KEY_COUNT, HOST_TYPE(type.max_outgoing), "0",
        "migrations that may leave at a time; 0: any number", COUNT(0, 65535)),
    KEY(SECTION_HOST_TYPE, "agent", KEY_FLAG, HOST_TYPE(type.has_agent), "yes",
        "an agent observes how its VMs touch memory"),
    KEY(SECTION_HOST_TYPE, "postcopy", KEY_FLAG, HOST_TYPE(type.has_postcopy), "yes", "post-copy is possible there"),

    KEY(SECTION_HOSTS, "type", KEY_TEXT, HOSTS(types), NULL,
        "a host type, or several separated by commas, which are then taken in turn"),
    KEY(SECTION_HOSTS, "count", KEY_COUNT, HOSTS(count), NULL, "how many", COUNT(1, SCENARIO_HOSTS_MAX)),
    KEY(SECTION_HOST, "type", KEY_TEXT, HOSTS(types), NULL, "a host type"),

    KEY(SECTION_VM_TYPE, "vcpus", KEY_COUNT, VM_TYPE(type.vcpus), "1", "virtual CPUs", COUNT(1, 65535)),
    KEY(SECTION_VM_TYPE, "mips", KEY_POSITIVE, VM_TYPE(type.mips_per_vcpu), "1000",
        "what each may use at most, in MIPS"),
    KEY(SECTION_VM_TYPE, "nic", KEY_RATE, VM_TYPE(type.nic_bytes_per_s), "0", "network rate promised to it"),
    KEY(SECTION_VM_TYPE, "memory", KEY_SIZE, VM_TYPE(type.memory_bytes), NULL, "memory"),
    KEY(SECTION_VM_TYPE, "load", KEY_TEXT, VM_TYPE(load), "none",
        "one of the paper's loads, which sets dirty, working_set, read and read_set where these are not given: read (8 "
        "MiB "
        "read), write (8 MiB written), mixed (2 MiB, half reads), mostly-write (2 MiB, a quarter reads), none"),
    KEY(SECTION_VM_TYPE, "dirty", KEY_TEXT, VM_TYPE(dirty), "",
        "how much memory is written to in a second; of several rates, separated by commas, the seed draws one for each "
        "VM (0)"),
    KEY(SECTION_VM_TYPE, "working_set", KEY_SIZE, VM_TYPE(type.working_set_bytes), "0",
        "the memory that is written over and over: no pass finds more; 0: a quarter of the memory"),
    KEY(SECTION_VM_TYPE, "read", KEY_RATE, VM_TYPE(type.read_bytes_per_s), "0",
        "how much memory is read and not written in a second"),
    KEY(SECTION_VM_TYPE, "read_set", KEY_SIZE, VM_TYPE(type.read_set_bytes), "0",
        "the memory that is read over and over; 0: a quarter of the memory"),
    KEY(SECTION_VM_TYPE, "overwritten", KEY_SHARE, VM_TYPE(type.overwritten_share), "0",
        "of the pages written, those written as a whole before they are read: post-copy need not fetch them"),
    KEY(SECTION_VM_TYPE, "dirty_bytes_per_page", KEY_COUNT, VM_TYPE(type.dirty_bytes_per_page), "4096",
        "how many bytes differ inside a page that was written: what a relay sends again of it", COUNT(1, 4096)),

    KEY(SECTION_VMS, "type", KEY_TEXT, VMS(types), NULL, "a VM type, or several separated by commas"),
    KEY(SECTION_VMS, "spread", KEY_WORD, VMS(spread), "turn",
        "of several types: turn (one after the other) or blocks (all VMs of the first type, then those of the second)",
        .word = scenario_spread_word),
    KEY(SECTION_VMS, "count", KEY_COUNT, VMS(count), NULL, "how many", COUNT(1, SCENARIO_VMS_MAX)),
    KEY(SECTION_VMS, "shuffle", KEY_FLAG, VMS(is_shuffled), "no", "the seed says which VM has which row of the trace"),
    VM_KEYS(SECTION_VMS),
    KEY(SECTION_VM, "type", KEY_TEXT, VMS(types), NULL, "a VM type"),
    VM_KEYS(SECTION_VM),

    KEY(SECTION_TRAFFIC, "file", KEY_TEXT, TRAFFIC(path), "",
        "lines of two VMs and a rate, like 'web1 db1 10MiB/s'; without it the keys below draw it by the seed"),
    KEY(SECTION_TRAFFIC, "group_min", KEY_COUNT, TRAFFIC(model.group_min), "2", "VMs of an application: at least",
        COUNT(1, 65535)),
    KEY(SECTION_TRAFFIC, "group_max", KEY_COUNT, TRAFFIC(model.group_max), "6", "VMs of an application: at most",
        COUNT(1, 65535)),
    KEY(SECTION_TRAFFIC, "edge_share", KEY_SHARE, TRAFFIC(model.edge_share), "0.75",
        "of the pairs in an application, those that talk"),
    KEY(SECTION_TRAFFIC, "stray_per_vm", KEY_NUMBER, TRAFFIC(model.stray_edges_per_vm), "0.01",
        "others outside its application that a VM talks to, on average"),
    KEY(SECTION_TRAFFIC, "mean", KEY_RATE, TRAFFIC(mean_bytes_per_s), "10MiB/s", "mean rate of two that talk"),
    KEY(SECTION_TRAFFIC, "deviation", KEY_RATE, TRAFFIC(deviation_bytes_per_s), "1MiB/s", "its standard deviation"),

    KEY(SECTION_RULE, "kind", KEY_WORD, RULE(kind), NULL,
        "apart (no two on one host), together (all on the same host) or pinned (only on 'hosts')",
        .word = scenario_rule_kind_word),
    KEY(SECTION_RULE, "vms", KEY_TEXT, RULE(vms), NULL, "names of VMs, separated by commas; web* is all that begin so"),
    KEY(SECTION_RULE, "hosts", KEY_TEXT, RULE(hosts), "", "pinned: names of hosts, likewise"),

    KEY(SECTION_FAULT, "kind", KEY_WORD, FAULT(fault.kind), NULL,
        "host (it is gone with its VMs), link (of a host: nothing passes), slow-link (only 'rate' passes), agent (of a "
        "host: it ends) or vm (it crashes)",
        .word = scenario_fault_kind_word),
    KEY(SECTION_FAULT, "target", KEY_TEXT, FAULT(target), NULL, "the host, or the VM, that it strikes"),
    KEY(SECTION_FAULT, "at", KEY_DURATION, FAULT(fault.at_ns), NULL, "when, counted from the beginning"),
    KEY(SECTION_FAULT, "until", KEY_TEXT, FAULT(until), "", "when it is mended; never, if this is missing"),
    KEY(SECTION_FAULT, "rate", KEY_RATE, FAULT(fault.rate_bytes_per_s), "0", "slow-link: what still passes"),

    KEY(SECTION_POLICY, "policy", KEY_TEXT, POLICY(policy.policy), "lr_mmt_1.2",
        "detector of overload, selector of VMs and parameter; see POLICIES in godwit-simulate(1)"),
    KEY(SECTION_POLICY, "placer", KEY_TEXT, POLICY(policy.placer), "power", "who finds the hosts to move to"),
    KEY(SECTION_POLICY, "range", KEY_TEXT, POLICY(range), "0.5-0.8", "safe range of a host's use"),
    KEY(SECTION_POLICY, "theta", KEY_SHARE, POLICY(policy.theta), "0.4",
        "least degree of connection among the VMs that stay"),
    KEY(SECTION_POLICY, "gamma", KEY_SHARE, POLICY(policy.gamma), "0.5", "weight of migration time against heat"),
    KEY(SECTION_POLICY, "defects", KEY_TEXT, POLICY(policy.defects), "",
        "defects of CloudSim to be switched on in physical mode, separated by commas; see DEFECTS in "
        "godwit-simulate(1)"),

    DAY_SETTINGS(PHYSICS_KEY)};

#define SECTION_WORD(symbol, word, named, help)  word,
#define SECTION_HELP(symbol, word, named, help)  help,
#define SECTION_NAMED(symbol, word, named, help) named,
static const char *const SECTION_WORDS[] = {SCENARIO_SECTIONS(SECTION_WORD)};
static const char *const SECTION_HELPS[] = {SCENARIO_SECTIONS(SECTION_HELP)};
static const gboolean SECTIONS_NAMED[] = {SCENARIO_SECTIONS(SECTION_NAMED)};

const char *scenario_section_word(ScenarioSection section)
{
    return SECTION_WORDS[section];
}

const char *scenario_section_help(ScenarioSection section)
{
    return SECTION_HELPS[section];
}

gboolean scenario_section_has_name(ScenarioSection section)
{
    return SECTIONS_NAMED[section];
}

static gboolean fail(GError **error, const char *text, const char *wanted)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is not %s", text, wanted);
    return FALSE;
}

static gboolean set_count(const Key *key, guint *member, const char *text, GError **error)
{
    guint64 count = 0;

    if (!g_ascii_string_to_unsigned(text, 10, key->low, key->high, &count, NULL)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "'%s' is not a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, text, key->low,
                    key->high);
        return FALSE;
    }
    *member = (guint)count;
    return TRUE;
}

static gboolean set_number(const Key *key, double *member, const char *text, GError **error)
{
    char *end = NULL;
    double number = g_ascii_strtod(text, &end);

    if (end == text || *end || !isfinite(number) || number < 0 || (key->kind == KEY_POSITIVE && number <= 0)) {
        return fail(error, text, key->kind == KEY_POSITIVE ? "a number above 0" : "a number, 0 or more");
    }
    *member = number;
    return TRUE;
}

gboolean scenario_share_parse(const char *text, double *share, GError **error)
{
    char *end = NULL;
    double number = g_ascii_strtod(text, &end);
    gboolean is_percent = end != text && g_str_equal(end, "%");

    if (end == text || (*end && !is_percent) || !(number >= 0) || number > (is_percent ? 100 : 1)) {
        return fail(error, text, "a share, like 0.4 or 40%");
    }
    *share = is_percent ? number / 100 : number;
    return TRUE;
}

static gboolean set_flag(gboolean *member, const char *text, GError **error)
{
    if (!g_str_equal(text, "yes") && !g_str_equal(text, "no")) {
        return fail(error, text, "yes or no");
    }
    *member = g_str_equal(text, "yes");
    return TRUE;
}

static gboolean set_key(const Key *key, gpointer record, const char *text, GError **error)
{
    gpointer member = G_STRUCT_MEMBER_P(record, key->offset);

    switch (key->kind) {
    case KEY_COUNT:
        return set_count(key, member, text, error);
    case KEY_SEED:
        return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, member, NULL) ||
               fail(error, text, "a whole number, 0 or more");
    case KEY_NUMBER:
    case KEY_POSITIVE:
        return set_number(key, member, text, error);
    case KEY_SHARE:
        return scenario_share_parse(text, member, error);
    case KEY_SIZE:
        return size_parse(text, member, error);
    case KEY_RATE:
        return rate_parse(text, member, error);
    case KEY_DURATION:
        return duration_parse(text, member, error);
    case KEY_FLAG:
        return set_flag(member, text, error);
    case KEY_WORD:
        return key->word(text, member, error);
    case KEY_TEXT:
        break;
    }
    g_free(*(char **)member);
    *(char **)member = g_strdup(text);
    return TRUE;
}

void scenario_record_init(ScenarioSection section, gpointer record)
{
    for (gsize i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (KEYS[i].section == section && KEYS[i].initial) {
            gboolean is_set = set_key(&KEYS[i], record, KEYS[i].initial, NULL);
            g_assert(is_set);
        }
    }
}

gboolean scenario_record_set(ScenarioSection section, gpointer record, const char *key, const char *text,
                             GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (KEYS[i].section == section && g_str_equal(KEYS[i].name, key)) {
            return set_key(&KEYS[i], record, text, error);
        }
        if (KEYS[i].section == section) {
            g_string_append_printf(known, "%s%s", known->len ? ", " : "", KEYS[i].name);
        }
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "there is no such key; there are %s", known->str);
    return FALSE;
}

void scenario_record_clear(ScenarioSection section, gpointer record)
{
    for (gsize i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (KEYS[i].section == section && KEYS[i].kind == KEY_TEXT) {
            g_clear_pointer((char **)G_STRUCT_MEMBER_P(record, KEYS[i].offset), g_free);
        }
    }
}

void scenario_keys_each(ScenarioSection section, ScenarioKeyFunc func, gpointer user)
{
    for (gsize i = 0; i < G_N_ELEMENTS(KEYS); i++) {
        if (KEYS[i].section == section) {
            ScenarioKeyDoc doc = {KEYS[i].name, KEYS[i].initial, KEYS[i].help};

            func(&doc, user);
        }
    }
}
