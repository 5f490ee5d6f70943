/* SPDX-License-Identifier: Apache-2.0
 *
 * The step of a plan that says which way the memory of each VM takes: facts of both hosts and of the VM put together for
 * decide/way-choice.h.
 *
 * Memory for the relays is taken from what a host has free beyond what the VMs that arrive there will need, divided by
 * the migrations that may run there at once; never more than a relay can make use of. */
#include "campaign/campaign-private.h"
#include "base/units.h"
#include "decide/way-choice.h"
#include "model/relay-figures.h"

#include <math.h>

#define MEMORY_SHARE         0.25 /* of that, unless the operator says how much */
#define MEMORY_LEAST_BYTES   (16 * MIB)
#define LIBVIRT_LEAST        11001000 /* QEMU can be told the rate that counts for the switchover */
#define QEMU_LEAST           8002000
#define LIBVIRT_MULTIFD      9004000 /* zstd over several connections */
#define QEMU_MULTIFD         5000000
#define BESIDE_PAGES         1.125 /* what a relay that keeps all pages takes, of the memory */

typedef struct Relays {
    Campaign *campaign;
    Plan *plan;
    const LoadWindow *loads; /* NULL: nobody watched */
    GHashTable *facts;       /* name -> HostFacts, of hosts that answered */
} Relays;

static const HostFacts *facts_of(const Relays *relays, const char *host)
{
    return g_hash_table_lookup(relays->facts, host);
}

/* Hosts that do not answer are found by the checks; here they have no facts. */
static void ask_hosts(Relays *relays)
{
    for (guint i = 0; i < relays->plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(relays->plan, i);
        const char *const hosts[] = {step->source, step->destination};

        for (guint h = 0; h < G_N_ELEMENTS(hosts); h++) {
            HostFacts *facts = facts_of(relays, hosts[h]) ? NULL : campaign_ask_host(relays->campaign, hosts[h], NULL);

            if (facts) {
                g_hash_table_insert(relays->facts, facts->name, facts);
            }
        }
    }
}

/* Cores that its VMs leave; NAN when nobody watched them. */
static double free_cpus(const Relays *relays, const char *host)
{
    const HostFacts *facts = facts_of(relays, host);
    double used = 0;

    if (!facts || !relays->loads) {
        return NAN;
    }
    for (guint i = 0; i < facts->vms->len; i++) {
        double cores = load_window_mean_cores(relays->loads, ((const Vm *)g_ptr_array_index(facts->vms, i))->uuid);

        used += isnan(cores) ? 0 : cores;
    }
    return (double)facts->cpus - used;
}

static guint divide_by(guint steps, guint host_limit, guint64 option_limit)
{
    guint limit = host_limit ? host_limit : steps;

    limit = option_limit ? (guint)MIN(limit, option_limit) : limit;
    return MAX(MIN(limit, steps), 1);
}

/* What gangs share at 'host': a store for each host that VMs come from. */
static guint64 gang_stores_bytes(const Relays *relays, const char *host)
{
    g_autoptr(GHashTable) sources = g_hash_table_new(g_str_hash, g_str_equal);

    if (!relays->plan->options.relay_across_vms) {
        return 0;
    }
    for (guint i = 0; i < relays->plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(relays->plan, i);

        if (g_str_equal(step->destination, host)) {
            g_hash_table_add(sources, step->source);
        }
    }
    return g_hash_table_size(sources) * RELAY_GANG_STORE_BYTES;
}

/* What one relay on 'host' may keep. */
static double memory_at(const Relays *relays, const char *host)
{
    const HostFacts *facts = facts_of(relays, host);
    const HostConfig *config = inventory_resolve(relays->campaign->inventory, host, NULL);
    const MigrateOptions *options = &relays->plan->options;
    guint64 promised_bytes = (config ? config->keep_free_bytes : 0) + gang_stores_bytes(relays, host);
    guint leaving = 0;
    guint arriving = 0;
    double free_bytes;

    for (guint i = 0; i < relays->plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(relays->plan, i);
        gboolean arrives = g_str_equal(step->destination, host);

        leaving += g_str_equal(step->source, host);
        arriving += arrives;
        promised_bytes += arrives ? step->ram_bytes : 0;
    }
    if (!facts) {
        return 0;
    }
    free_bytes = fmax((double)facts->memory_free_bytes - (double)promised_bytes, 0);
    free_bytes /= (leaving ? divide_by(leaving, config ? config->max_outgoing : 0, options->max_outgoing) : 0) +
                  (arriving ? divide_by(arriving, config ? config->max_incoming : 0, options->max_incoming) : 0);
    return options->relay_memory_bytes ? fmin(free_bytes, (double)options->relay_memory_bytes)
                                       : MEMORY_SHARE * free_bytes;
}

static guint64 memory_for(const Relays *relays, const PlanStep *step)
{
    double least = fmin(memory_at(relays, step->source), memory_at(relays, step->destination));
    double most = BESIDE_PAGES * (double)step->ram_bytes;

    return (guint64)(fmin(least, most) / (double)MIB) * MIB;
}

/* Why these two hosts cannot have relays between them; NULL: they can. */
static char *hindrance(const Relays *relays, const PlanStep *step, guint64 memory_bytes)
{
    const HostFacts *source = facts_of(relays, step->source);
    const char *const hosts[] = {step->source, step->destination};

    if (relays->campaign->fleet) {
        return NULL; /* nothing is missing there */
    }
    if (!relays->campaign->options.observe.use_agent) {
        return g_strdup("agents start it, and --no-agent was given");
    }
    for (guint h = 0; h < G_N_ELEMENTS(hosts); h++) {
        const HostConfig *config = inventory_resolve(relays->campaign->inventory, hosts[h], NULL);
        g_autofree char *command = config ? inventory_agent_command(config) : NULL;

        if (!command) {
            return g_strdup_printf("there is no agent on %s", hosts[h]);
        }
    }
    if (relays->plan->options.copy_storage != COPY_STORAGE_NONE) {
        return g_strdup("disks are copied, which libvirt does not do beside a relay");
    }
    if (source && (source->libvirt_version < LIBVIRT_LEAST || source->qemu_version < QEMU_LEAST)) {
        return g_strdup_printf("%s needs libvirt 11.1 and QEMU 8.2, so that QEMU can be told what the link carries",
                               step->source);
    }
    if (memory_bytes < MEMORY_LEAST_BYTES) {
        return g_strdup_printf("%s and %s have too little memory left for it", step->source, step->destination);
    }
    return NULL;
}

static gboolean is_too_old(const HostFacts *facts)
{
    return facts && (facts->libvirt_version < LIBVIRT_MULTIFD || facts->qemu_version < QEMU_MULTIFD);
}

/* Why QEMU cannot compress over several connections here; NULL: it can. */
static const char *multifd_hindrance(const Relays *relays, const PlanStep *step)
{
    const MigrateOptions *options = &relays->plan->options;

    if (gang_may_postcopy(relays->plan, step)) {
        return "QEMU has no post-copy over several connections, and it may become one";
    }
    if (options->compressed || options->parallel_connections > 1) {
        return "--compressed and --parallel say how QEMU sends it";
    }
    if (is_too_old(facts_of(relays, step->source)) || is_too_old(facts_of(relays, step->destination))) {
        return "QEMU compresses over several connections from libvirt 9.4 and QEMU 5.0 on, at both ends";
    }
    return NULL;
}

static void choose(const Relays *relays, PlanStep *step)
{
    const MigrateOptions *options = &relays->plan->options;
    const Classification *measured = step->choice->classification;
    guint64 memory_bytes = memory_for(relays, step);
    g_autofree char *cannot = hindrance(relays, step, memory_bytes);
    WayView view = {.mode = options->relay,
                    .no_relay = cannot,
                    .no_multifd = multifd_hindrance(relays, step),
                    .algorithm = step->choice->algorithm,
                    .is_parallel = options->parallel_connections > 1,
                    .ram_bytes = step->ram_bytes,
                    .link_bytes_per_s = step->bandwidth_bytes_per_s,
                    .downtime_limit_ns = options->downtime_limit_ns,
                    .dirty_pages_per_s = measured->mean_written_pages_per_s,
                    .dirty_bytes_per_page = measured->dirty_bytes_per_page,
                    .working_set_bytes = isnan(measured->write_set_bytes) ? measured->working_set_bytes
                                                                          : measured->write_set_bytes,
                    .used_share = measured->used_share,
                    .compressed_share = measured->compressed_share,
                    .source_free_cpus = free_cpus(relays, step->source),
                    .destination_free_cpus = free_cpus(relays, step->destination),
                    .memory_bytes = memory_bytes};
    WayVerdict verdict = way_choose(&view, NULL);

    choice_set_way(step->choice, verdict.way, verdict.reason);
    step->choice->connections = verdict.connections;
    step->choice->relay_memory_bytes = verdict.way == WAY_RELAY ? memory_bytes : 0;
}

void campaign_choose_relays(Campaign *campaign, Plan *plan, const LoadWindow *loads)
{
    g_autoptr(GHashTable) facts =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)host_facts_free);
    Relays relays = {campaign, plan, loads, facts};

    /* Nothing is said about what nobody asked for; simulated guests have relays on the operator's word only. */
    if (plan->options.relay == RELAY_MODE_OFF || (campaign->fleet && plan->options.relay == RELAY_MODE_AUTO)) {
        return;
    }
    ask_hosts(&relays);
    for (guint i = 0; i < plan->steps->len; i++) {
        choose(&relays, plan_step_at(plan, i));
    }
}
