/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast virtual time passes: the real gang in a simulated fleet, by size.
 *
 *     sim-bench [--json FILE] [VMS...]
 *
 * Every VM moves from its host to the next one but seven, ten VMs on each host, in a fat-tree; a third writes more than
 * it gets of the link and becomes post-copy.  Printed per size: CPU seconds of one thread, events, microseconds per
 * event and per event and VM (flat: the cost does not grow with the fleet), and how many times faster than the clock on
 * the wall.  The baseline is the smallest size.  The exit status is 1 when a property of the world was broken. */
#include "base/json.h"
#include "base/units.h"
#include "migrate/gang.h"
#include "sim/driver-sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define VMS_PER_HOST 10u
#define HOP          7u

typedef struct Fleet {
    Clock *clock;
    World *world;
    Driver *driver;
    GPtrArray *hosts;
    Plan *plan;
    GangOutcome *outcome;
} Fleet;

static double cpu_s(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static guint ports_for(guint hosts)
{
    guint ports = 4;

    while (ports * ports * ports / 4 < hosts) {
        ports += 2;
    }
    return ports;
}

static void add_hosts(Fleet *fleet, guint hosts)
{
    for (guint i = 0; i < hosts; i++) {
        g_autofree char *name = g_strdup_printf("h%u", i);
        HostConfig *config = host_config_new(name, "sim:///");

        config->link_bytes_per_s = 1250000000;
        config->max_outgoing = config->max_incoming = 2;
        g_ptr_array_add(fleet->hosts, config);
        world_add_host(fleet->world, &(WorldHostSpec){.name = name,
                                                      .cpus = 64,
                                                      .memory_bytes = 256 * GIB,
                                                      .link_bytes_per_s = config->link_bytes_per_s});
    }
}

static void add_vms(Fleet *fleet, guint vms, guint hosts)
{
    static const double written_mib_per_s[] = {5, 100, 900};

    for (guint i = 0; i < vms; i++) {
        g_autofree char *name = g_strdup_printf("vm%u", i);
        g_autofree char *uuid = g_strdup_printf("uuid-%u", i);
        guint source = i % hosts;
        WorldVmSpec spec = {.name = name,
                            .uuid = uuid,
                            .ram_bytes = (1 + i % 4) * GIB,
                            .load = {.written_mib_per_s = written_mib_per_s[i % 3], .write_set_mib = 512}};
        PlanStep *step;

        world_add_vm(fleet->world, source, &spec, NULL);
        step = plan_add_step(fleet->plan, name, uuid, world_host_name(fleet->world, source),
                             world_host_name(fleet->world, (source + HOP) % hosts),
                             choice_new(classification_new(name), ALGORITHM_PRE_COPY, g_strdup("the bench says so")));
        step->ram_bytes = spec.ram_bytes;
    }
}

static void on_done(GangOutcome *outcome, gpointer user)
{
    ((Fleet *)user)->outcome = outcome;
}

static void fleet_init(Fleet *fleet, guint vms)
{
    guint hosts = MAX(vms / VMS_PER_HOST, HOP + 1);
    WorldRules rules;
    MigrateOptions options;

    world_rules_init(&rules);
    migrate_options_init(&options);
    options.stuck_passes = 10;
    fleet->clock = clock_virtual_new();
    clock_virtual_run_until(fleet->clock, NS_PER_S);
    fleet->world = world_new(fleet->clock, topology_fat_tree(ports_for(hosts), NULL), &rules);
    fleet->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    fleet->plan = plan_new(POLICY_PAPER, &options);
    add_hosts(fleet, hosts);
    fleet->driver = driver_sim_new(fleet->world);
    add_vms(fleet, vms, hosts);
}

static void fleet_clear(Fleet *fleet)
{
    gang_outcome_free(fleet->outcome);
    fleet->driver->close(fleet->driver);
    world_free(fleet->world);
    fleet->clock->close(fleet->clock);
    plan_free(fleet->plan);
    g_ptr_array_unref(fleet->hosts);
}

static gboolean run(Fleet *fleet)
{
    g_autoptr(Gang) gang = gang_new(fleet->plan, fleet->hosts, fleet->driver, fleet->clock, NULL, on_done, fleet);

    gang_start(gang);
    while (!fleet->outcome && !world_broken(fleet->world) && clock_virtual_step(fleet->clock)) {
        world_check(fleet->world);
    }
    world_check_all(fleet->world);
    if (world_broken(fleet->world)) {
        fprintf(stderr, "sim-bench: %s\n", world_broken(fleet->world));
    }
    return fleet->outcome && !world_broken(fleet->world);
}

static void tell(JsonBuilder *builder, guint vms, double seconds, const Fleet *fleet, double *baseline_us)
{
    guint64 events = clock_virtual_fired(fleet->clock);
    double virtual_s = (double)fleet->clock->now_ns(fleet->clock) / (double)NS_PER_S;
    double event_us = seconds * 1e6 / (double)events;

    *baseline_us = *baseline_us > 0 ? *baseline_us : event_us;
    printf("%6u %9.3f %11" G_GUINT64_FORMAT " %9.2f %9.2f %9u %11.1f %10.0f\n", vms, seconds, events, event_us,
           event_us / *baseline_us, gang_outcome_count(fleet->outcome, OUTCOME_MIGRATED), virtual_s,
           virtual_s / seconds);
    fflush(stdout);
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "vms");
    json_builder_add_int_value(builder, vms);
    json_builder_set_member_name(builder, "cpu_s");
    json_builder_add_double_value(builder, seconds);
    json_builder_set_member_name(builder, "events");
    json_builder_add_int_value(builder, (gint64)events);
    json_builder_set_member_name(builder, "virtual_s");
    json_builder_add_double_value(builder, virtual_s);
    json_builder_end_object(builder);
}

static gboolean bench(guint vms, JsonBuilder *builder, double *baseline_us)
{
    Fleet fleet = {0};
    double before_s;
    gboolean is_fine;

    fleet_init(&fleet, vms);
    before_s = cpu_s();
    is_fine = run(&fleet);
    if (is_fine) {
        tell(builder, vms, cpu_s() - before_s, &fleet, baseline_us);
    }
    fleet_clear(&fleet);
    return is_fine;
}

static gboolean write_json(JsonBuilder *builder, const char *path)
{
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    g_autofree char *text = json_to_text(node, TRUE);

    return !path || g_file_set_contents(path, text, -1, NULL);
}

int main(int argc, char **argv)
{
    static const guint SIZES[] = {100, 300, 1000, 3000, 10000};
    g_autoptr(JsonBuilder) builder = json_builder_new();
    const char *path = argc > 2 && g_str_equal(argv[1], "--json") ? argv[2] : NULL;
    int first = path ? 3 : 1;
    double baseline_us = 0;
    gboolean is_fine = TRUE;

    printf("   VMs     CPU s      events  us/event     ratio  migrated   virtual s      times\n");
    json_builder_begin_array(builder);
    for (int i = first; i < argc; i++) {
        is_fine &= bench((guint)strtoul(argv[i], NULL, 10), builder, &baseline_us);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(SIZES) && first >= argc; i++) {
        is_fine &= bench(SIZES[i], builder, &baseline_us);
    }
    json_builder_end_array(builder);
    return is_fine && write_json(builder, path) ? EXIT_SUCCESS : EXIT_FAILURE;
}
