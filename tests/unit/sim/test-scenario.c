/* SPDX-License-Identifier: Apache-2.0
 *
 * src/sim/scenario*.c: what a file may say, how groups become hosts and VMs, and what is refused in which words. */
#include "sim/scenario.h"

#include "base/error.h"
#include "base/units.h"

#include <glib/gstdio.h>
#include <string.h>

#define HOSTS "[host-type t]\ncores=4\nmemory=8G\n[hosts h]\ntype=t\ncount=3\n"
#define VMS   "[vm-type v]\nmemory=1G\n[vms web]\ntype=v\ncount=12\n"

static Scenario *parse(const char *text, GError **error)
{
    return scenario_parse(text, "/nowhere/day.ini", error);
}

static Scenario *parse_well(const char *text)
{
    g_autoptr(GError) error = NULL;
    Scenario *scenario = parse(text, &error);

    g_assert_no_error(error);
    return scenario;
}

static void test_small_file_has_defaults(void)
{
    g_autoptr(Scenario) scenario = parse_well(HOSTS VMS);

    g_assert_cmpstr(scenario->name, ==, "day");
    g_assert_cmpuint(scenario->seed, ==, 1);
    g_assert_cmpint(scenario->duration_ns, ==, 24 * 3600 * NS_PER_S);
    g_assert_cmpint(scenario->interval_ns, ==, 300 * NS_PER_S);
    g_assert_cmpint(scenario->mode, ==, SCENARIO_PHYSICAL);
    g_assert_cmpint(scenario->topology.kind, ==, TOPOLOGY_FLAT);
    g_assert_cmpuint(scenario->topology.host_link_bytes_per_s, ==, 128 * MIB);
    g_assert_cmpuint(scenario->hosts_length, ==, 3);
    g_assert_cmpuint(scenario->vms_length, ==, 12);
    g_assert_cmpuint(scenario->vm_types[0].working_set_bytes, ==, GIB / 4);
    g_assert_cmpfloat(scenario->host_types[0].power_watts[10], ==, 117); /* G4 */
    g_assert_cmpstr(scenario->policy.policy, ==, "lr_mmt_1.2");
    g_assert_cmpfloat(scenario->policy.range_high, ==, 0.8);
    g_assert_false(scenario->has_traffic);
    g_assert_cmpfloat(scenario->vm_groups[0].workload.mean_share, ==, 0.5);
}

static void test_reads_every_group(void)
{
    g_autoptr(Scenario) scenario = parse_well(
        "# types may come after what uses them\n"
        "[vms app]\ntype=small,big\ncount=5\nspread=blocks\nhosts=a,h2\nworkload=sine 40% 0.3 "
        "24h\nnoise=5%\npaused=yes\n"
        "[vm db]\ntype=big\nworkload=steps 0s:10%, 2h:80%,4h:0.2\nplacement=first-fit\n"
        "[vm-type small]\nmemory=512M\nload=mixed\n"
        "[vm-type big]\nvcpus=4\nmips=2500\nmemory=4G\nnic=100mbit\ndirty=5MiB/s,50MiB/s\nworking_set=1G\nread=1GiB/s\n"
        "read_set=2G\noverwritten=10%\ndirty_bytes_per_page=64\n"
        "[hosts h]\ntype=fat,thin\ncount=4\n[host a]\ntype=thin\n"
        "[host-type fat]\ncores=16\nmips=2660\nmemory=64G\nkeep_free=2G\nnic=10gbit\nmax_incoming=2\nmax_outgoing=1\n"
        "agent=no\npostcopy=no\npower=10 11 12 13 14 15 16 17 18 19 20.5\n"
        "[host-type thin]\ncores=2\nmemory=4G\npower=G5\n"
        "[scenario]\nname=all\ndescription=everything\nseed=7\nduration=6h\ninterval=60s\nmode=cloudsim\n"
        "[topology]\nkind=fat-tree\nports=4\nhost_link=1gbit\nswitch_link=10gbit\nround_trip=100us\n"
        "[traffic]\ngroup_min=3\ngroup_max=4\nedge_share=0.5\nstray_per_vm=0\nmean=1MiB/s\ndeviation=0\n"
        "[rule ha]\nkind=apart\nvms=db,app1\n[rule pin]\nkind=pinned\nvms=app*\nhosts=h*\n"
        "[fault late]\nkind=slow-link\ntarget=h3\nat=2h\nuntil=3h\nrate=10mbit\n[fault "
        "early]\nkind=vm\ntarget=db\nat=1h\n"
        "[policy]\npolicy=thr_mu_0.8\nplacer=gbm\nrange=0.5-0.6\ntheta=0.5\ngamma=0.25\ndefects=no-hold\n");
    const ScenarioVmType *big = &scenario->vm_types[1];
    const ScenarioWorkload *steps = &scenario->vm_groups[1].workload;

    g_assert_cmpuint(scenario->seed, ==, 7);
    g_assert_cmpint(scenario->mode, ==, SCENARIO_CLOUDSIM);
    g_assert_cmpuint(scenario->topology.ports, ==, 4);
    g_assert_cmpuint(scenario->hosts_length, ==, 5);
    g_assert_cmpuint(scenario->hosts[1].type, ==, 1); /* h2 is thin: in turn */
    g_assert_cmpuint(scenario->hosts[2].type, ==, 0);
    g_assert_cmpfloat(scenario->host_types[0].power_watts[10], ==, 20.5);
    g_assert_null(scenario->host_types[0].power_name);
    g_assert_false(scenario->host_types[0].has_agent);
    g_assert_cmpfloat(scenario->host_types[1].power_watts[0], ==, 93.7);
    g_assert_cmpuint(scenario->vms_length, ==, 6);
    for (guint i = 0; i < 5; i++) { /* ceil(5 / 2) = 3 small, then big */
        g_assert_cmpuint(scenario->vms[i].type, ==, i / 3);
        g_assert_cmpint(scenario->vms[i].host, ==, i % 2 ? 1 : 4);
    }
    g_assert_true(scenario->vm_groups[0].is_paused);
    g_assert_cmpint(scenario->vm_groups[0].placement, ==, PLACEMENT_NAMED);
    g_assert_cmpint(scenario->vms[5].host, ==, -1);
    g_assert_cmpuint(scenario->vm_types[0].working_set_bytes, ==, MIB);
    g_assert_cmpuint(scenario->vm_types[0].read_bytes_per_s, ==, GIB / 2);
    g_assert_cmpuint(scenario->vms[0].dirty_bytes_per_s, ==, GIB / 2);
    g_assert_cmpuint(big->dirty_length, ==, 2);
    g_assert_cmpuint(big->nic_bytes_per_s, ==, 12500000);
    g_assert_cmpuint(big->dirty_bytes_per_page, ==, 64);
    g_assert_cmpuint(steps->steps_length, ==, 3);
    g_assert_cmpint(steps->steps[2].at_ns, ==, 4 * 3600 * NS_PER_S);
    g_assert_cmpfloat(steps->steps[2].share, ==, 0.2);
    g_assert_true(scenario->has_traffic);
    g_assert_cmpfloat(scenario->traffic_model.mean_mib_per_s, ==, 1);
    g_assert_cmpuint(scenario->rules[0].vms_length, ==, 2);
    g_assert_cmpuint(scenario->rules[0].vms[1], ==, 5);
    g_assert_cmpuint(scenario->rules[1].vms_length, ==, 5);
    g_assert_cmpuint(scenario->rules[1].hosts_length, ==, 4);
    g_assert_cmpstr(scenario->faults[0].name, ==, "early"); /* by time */
    g_assert_cmpint(scenario->faults[0].until_ns, ==, G_MAXINT64);
    g_assert_cmpuint(scenario->faults[1].rate_bytes_per_s, ==, 1250000);
    g_assert_cmpfloat(scenario->policy.range_high, ==, 0.6);
    g_assert_cmpstr(scenario->policy.defects, ==, "no-hold");
}

static void test_names_are_made_and_found(void)
{
    g_autoptr(Scenario) scenario = parse_well(HOSTS VMS "[vm web13]\ntype=v\n");

    for (guint i = 0; i < scenario->vms_length; i++) {
        g_autofree char *name = scenario_vm_name(scenario, i);
        g_autofree char *wanted = g_strdup_printf("web%u", i + 1);

        g_assert_cmpstr(name, ==, wanted);
        g_assert_cmpint(scenario_find_vm(scenario, name), ==, (int)i);
    }
    g_assert_cmpint(scenario_find_host(scenario, "h3"), ==, 2);
    g_assert_cmpint(scenario_find_host(scenario, "h4"), ==, -1);
    g_assert_cmpint(scenario_find_host(scenario, "h0"), ==, -1);
    g_assert_cmpint(scenario_find_host(scenario, "h01"), ==, -1);
    g_assert_cmpint(scenario_find_host(scenario, "h"), ==, -1);
    g_assert_cmpint(scenario_find_vm(scenario, "web14"), ==, -1);
}

static void test_seed_draws_dirty_rates(void)
{
    g_autoptr(Scenario) a = parse_well(HOSTS "[vm-type v]\nmemory=1G\ndirty=1MiB/s,2MiB/s,3MiB/s\n"
                                             "[vms web]\ntype=v\ncount=200\n");
    g_autoptr(Scenario) b = parse_well(HOSTS "[vm-type v]\nmemory=1G\ndirty=1MiB/s,2MiB/s,3MiB/s\n"
                                             "[vms web]\ntype=v\ncount=200\n");
    guint counts[4] = {0};
    guint different = 0;

    scenario_set_seed(b, 2);
    for (guint i = 0; i < 200; i++) {
        counts[a->vms[i].dirty_bytes_per_s / MIB]++;
        different += a->vms[i].dirty_bytes_per_s != b->vms[i].dirty_bytes_per_s;
    }
    g_assert_cmpuint(different, >, 50);
    g_assert_cmpuint(MIN(counts[1], MIN(counts[2], counts[3])), >, 30);
    scenario_set_seed(b, 1);
    for (guint i = 0; i < 200; i++) {
        g_assert_cmpuint(a->vms[i].dirty_bytes_per_s, ==, b->vms[i].dirty_bytes_per_s);
    }
}

static void test_refuses_mistakes(void)
{
    static const char *const BAD[][2] = {
        {"", "there is no host; add a group [hosts NAME]"},
        {HOSTS, "there is no VM; add a group [vms NAME]"},
        {HOSTS VMS "[colour]\n", "unknown group [colour]; there are [scenario], [topology], [host-type NAME]"},
        {HOSTS VMS "[scenario x]\n", "a group [scenario] has no name"},
        {HOSTS VMS "[vms]\n", "[vms]: '' is no name"},
        {HOSTS VMS "[vms a b]\n", "'a b' is no name"},
        {HOSTS VMS "[scenario]\nsead=1\n", "[scenario] sead: there is no such key; there are name, description, seed"},
        {HOSTS VMS "[scenario]\nseed=-1\n", "[scenario] seed: '-1' is not a whole number"},
        {HOSTS VMS "[scenario]\nduration=soon\n", "[scenario] duration: 'soon' is not a duration"},
        {HOSTS VMS "[scenario]\nduration=10s\n", "[scenario] duration: shorter than one interval"},
        {HOSTS VMS "[scenario]\nmode=magic\n", "[scenario] mode: 'magic'"},
        {HOSTS VMS "[topology]\nkind=ring\n", "[topology] kind: 'ring'"},
        {HOSTS VMS "[topology]\nkind=graph\n", "[topology] file: a graph is read from an SNDlib file"},
        {HOSTS VMS "[topology]\nkind=fat-tree\nports=3\n", "[topology]"},
        {HOSTS VMS "[topology]\nkind=fat-tree\nports=2\n", "room for 2 hosts and there are 3"},
        {HOSTS VMS "[hosts h]\ntype=t\ncount=1\n", "line 12: [hosts h] is there twice"},
        {HOSTS VMS "[host x]\ntype=t\ntype=t\n", "line 14: [host x] type is there twice"},
        {HOSTS VMS "[host h2]\ntype=t\n", "[host h2] it has hosts of the same name as [hosts h]"},
        {HOSTS VMS "[vms web1]\ntype=v\ncount=2\n", "[vms web1] it has VMs of the same name as [vms web]"},
        {HOSTS VMS "[host x]\n", "[host x] needs a key 'type'"},
        {HOSTS VMS "[host x]\ntype=u\n", "[host x] type: there is no group [host-type u]"},
        {HOSTS VMS "[host x]\ntype=t,,t\n", "one is empty"},
        {HOSTS VMS "[hosts x]\ntype=t\ncount=0\n", "[hosts x] count: '0' is not a whole number from 1"},
        {HOSTS VMS "[host-type u]\ncores=1\nmemory=1G\npower=G9\n", "[host-type u] power: "},
        {HOSTS VMS "[host-type u]\ncores=1\nmemory=1G\npower=1 2 3\n", "neither a server of SPECpower nor 11 numbers"},
        {HOSTS VMS "[host-type u]\ncores=1\nmemory=1G\npower=1 2 3 4 5 6 7 8 9 10 9\n", "power falls from 10 to 9 W"},
        {HOSTS VMS "[host-type u]\nmemory=1G\n", "[host-type u] needs a key 'cores': CPU cores"},
        {HOSTS VMS "[vm-type u]\nmemory=0\n", "[vm-type u] memory: a VM without memory is none"},
        {HOSTS VMS "[vm-type u]\nmemory=1G\nworking_set=2G\n", "[vm-type u] working_set: more than the memory"},
        {HOSTS VMS "[vm-type u]\nmemory=1G\nload=heavy\n", "[vm-type u] load: 'heavy' is none of the loads"},
        {HOSTS VMS "[vm-type u]\nmemory=1G\ndirty=1MiB/s,fast\n", "[vm-type u] dirty: 'fast' is not a rate"},
        {HOSTS VMS "[vm u]\ntype=v\nworkload=constant\n", "[vm u] workload: 'constant' should be like 'constant 50%'"},
        {HOSTS VMS "[vm u]\ntype=v\nworkload=constant 120%\n", "'120%' is not a share, like 0.4 or 40%"},
        {HOSTS VMS "[vm u]\ntype=v\nworkload=sine 1 1 0\n", "a period of 0"},
        {HOSTS VMS "[vm u]\ntype=v\nworkload=steps 2h:1,1h:0\n", "step '1h:0' is not after the one before it"},
        {HOSTS VMS "[vm u]\ntype=v\nworkload=planetlab none.txt\n", "there is no file /nowhere/none.txt"},
        {HOSTS VMS "[vm u]\ntype=v\nworkload=dance\n", "'dance'"},
        {HOSTS VMS "[vm u]\ntype=v\nhosts=h9\n", "[vm u] hosts: there is no host 'h9'"},
        {HOSTS VMS "[vm u]\ntype=v\nplacement=named\n", "[vm u] hosts: "},
        {HOSTS VMS "[traffic]\ngroup_max=1\n", "[traffic] group_max: less than group_min"},
        {HOSTS VMS "[rule r]\nkind=apart\nvms=web1\n", "[rule r] vms: one VM alone is apart of what?"},
        {HOSTS VMS "[rule r]\nkind=apart\nvms=db*\n", "[rule r] vms: there is no VM 'db*'"},
        {HOSTS VMS "[rule r]\nkind=pinned\nvms=web1\n", "[rule r] hosts: pinned to which?"},
        {HOSTS VMS "[rule r]\nkind=apart\nvms=web*\nhosts=h1\n", "only a rule 'pinned' names hosts"},
        {HOSTS VMS "[fault f]\nkind=vm\ntarget=h1\nat=1h\n", "[fault f] target: there is no VM 'h1'"},
        {HOSTS VMS "[fault f]\nkind=host\ntarget=h1\nat=2h\nuntil=1h\n", "[fault f] until: not after 'at'"},
        {HOSTS VMS "[fault f]\nkind=slow-link\ntarget=h1\nat=2h\n", "[fault f] rate: how slow?"},
        {HOSTS VMS "[policy]\nrange=0.8-0.5\n", "[policy] range: '0.8-0.5' begins above its end"},
        {"no group\n", "day.ini: "},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Scenario) scenario = parse(BAD[i][0], &error);

        g_assert_null(scenario);
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_true(g_str_has_prefix(error->message, "scenario /nowhere/day.ini: "));
        if (!strstr(error->message, BAD[i][1])) {
            g_error("'%s' gives '%s', should have '%s'", BAD[i][0], error->message, BAD[i][1]);
        }
    }
}

static void test_file_names_are_relative_to_the_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("godwit-scenario-XXXXXX", NULL);
    g_autofree char *trace = g_build_filename(directory, "day.txt", NULL);
    g_autofree char *path = g_build_filename(directory, "x.ini", NULL);

    g_assert_true(g_file_set_contents(trace, "vm 1 2 3\n", -1, NULL));
    g_assert_true(g_file_set_contents(path, HOSTS VMS "[vm u]\ntype=v\nworkload=planetlab day.txt\n", -1, NULL));
    g_autoptr(Scenario) scenario = scenario_load(path, &error);
    g_unlink(trace);
    g_unlink(path);
    g_rmdir(directory);
    g_assert_no_error(error);
    g_assert_cmpstr(scenario->vm_groups[1].workload.path, ==, trace);
    g_assert_null(scenario_load(path, &error));
    g_assert_nonnull(strstr(error->message, path));
}

static void test_topology_is_made(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Scenario) scenario =
        parse_well(HOSTS VMS "[topology]\nkind=fat-tree\nports=4\nhost_link=64MiB/s\nswitch_link=256MiB/s\n");
    g_autoptr(Topology) topology = scenario_topology(scenario, &error);
    g_autoptr(GArray) links = g_array_new(FALSE, FALSE, sizeof(guint));

    g_assert_no_error(error);
    g_assert_cmpuint(topology_places(topology), ==, 16);
    g_assert_cmpuint(topology_distance(topology, 0, 2), ==, 4);
    topology_route(topology, 0, 2, 1, links);
    g_assert_cmpfloat(topology_link_mib_per_s(topology, g_array_index(links, guint, 0)), ==, 64);
    g_assert_cmpfloat(topology_link_mib_per_s(topology, g_array_index(links, guint, 1)), ==, 256);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scenario/small-file-has-defaults", test_small_file_has_defaults);
    g_test_add_func("/scenario/reads-every-group", test_reads_every_group);
    g_test_add_func("/scenario/names-are-made-and-found", test_names_are_made_and_found);
    g_test_add_func("/scenario/seed-draws-dirty-rates", test_seed_draws_dirty_rates);
    g_test_add_func("/scenario/refuses-mistakes", test_refuses_mistakes);
    g_test_add_func("/scenario/file-names-are-relative-to-the-file", test_file_names_are_relative_to_the_file);
    g_test_add_func("/scenario/topology-is-made", test_topology_is_made);
    return g_test_run();
}
