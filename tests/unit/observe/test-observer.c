/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/observer.c: with the real agent (this program called with --as-agent), with agents that fail, and
 * without any. */
#include "agent/agent.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "memory-child.h"
#include "observe/observe.h"

#include <math.h>

#define HELLO "echo '{\\\"godwit-agent\\\":1}'; read line; "

static char *self_path;

typedef struct Watch {
    GMainLoop *loop;
    Clock *clock;
    Observer *observer;
    ObserveOptions options;
    GPtrArray *profiles; /* NULL: not done yet */
    guint periods;
    guint asked;         /* dirty rates */
    guint warnings;
    double rate;         /* what is answered; NAN: an error */
    pid_t kill_at_period;
} Watch;

typedef struct Answer {
    DirtyRateDone done;
    gpointer user;
    double rate;
} Answer;

static gboolean answer_later(gpointer user)
{
    g_autofree Answer *answer = user;
    g_autoptr(GError) error = NULL;

    if (isnan(answer->rate)) {
        g_set_error(&error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "no dirty rate today");
    }
    answer->done(answer->rate, 4096, error, answer->user);
    return G_SOURCE_REMOVE;
}

static void dirty_rate(const char *host, const char *vm G_GNUC_UNUSED, gint64 window_ns, DirtyRateDone done,
                       gpointer done_user, gpointer user)
{
    Watch *watch = user;
    Answer *answer = g_new0(Answer, 1);

    g_assert_cmpstr(host, ==, "h1");
    g_assert_cmpint(window_ns, >=, NS_PER_S / 2);
    watch->asked++;
    *answer = (Answer){done, done_user, watch->rate};
    g_idle_add(answer_later, answer);
}

static void on_warning(const char *line, gpointer user)
{
    Watch *watch = user;

    g_test_message("%s", line);
    watch->warnings++;
}

static void on_period(const char *host, const Profile *profile, gpointer user)
{
    Watch *watch = user;

    g_assert_cmpstr(host, ==, "h1");
    g_assert_nonnull(profile->vm);
    watch->periods++;
    if (watch->kill_at_period) {
        kill(watch->kill_at_period, SIGKILL);
        waitpid(watch->kill_at_period, NULL, 0);
        watch->kill_at_period = 0;
    }
}

static void on_done(GPtrArray *profiles, gpointer user)
{
    Watch *watch = user;

    g_assert_null(watch->profiles);
    watch->profiles = g_ptr_array_ref(profiles);
    g_clear_pointer(&watch->observer, observer_free); /* allowed here */
    g_main_loop_quit(watch->loop);
}

static void watch_init(Watch *watch)
{
    *watch = (Watch){.loop = g_main_loop_new(NULL, FALSE), .clock = clock_main_new(), .rate = 5120};
    observe_options_init(&watch->options);
    watch->options.scan_ns = 100 * NS_PER_MS; /* long enough for a process to get its turn on a busy machine */
    watch->options.period_ns = NS_PER_S / 2;
    watch->options.window_ns = 2 * NS_PER_S;
    watch->options.cpu_budget = 0.2;
    watch->observer = observer_new(watch->clock, &watch->options, dirty_rate, watch);
    observer_set_period_func(watch->observer, on_period, watch);
    log_set_sink(on_warning, watch);
}

static void watch_clear(Watch *watch)
{
    log_set_sink(NULL, NULL);
    observer_free(watch->observer);
    g_clear_pointer(&watch->profiles, g_ptr_array_unref);
    watch->clock->close(watch->clock);
    g_main_loop_unref(watch->loop);
}

static void add(Watch *watch, const char *agent_command, const char *name, pid_t pid)
{
    g_autoptr(HostConfig) host = host_config_new("h1", "qemu:///system");
    g_autoptr(Vm) vm = vm_new(name, "", "h1");

    host->agent_command = g_strdup(agent_command);
    vm->qemu_pid = pid;
    vm->ram_bytes = 16384 * PAGE_BYTES;
    observer_add(watch->observer, host, vm);
}

static const Profile *run(Watch *watch)
{
    observer_start(watch->observer, FALSE, on_done, watch);
    g_main_loop_run(watch->loop);
    return g_ptr_array_index(watch->profiles, 0);
}

static char *real_agent(void)
{
    return g_strdup_printf("'%s' --as-agent", self_path);
}

static gboolean can_run(void)
{
    if (geteuid() != 0) {
        g_test_skip("needs root");
        return FALSE;
    }
    return TRUE;
}

/* The order of the profiles is that of the VMs, whatever happened to them. */
static void test_real_agent(void)
{
    g_autofree char *agent = real_agent();
    Watch watch;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) reader = memory_child_new(&(MemoryChildPlan){.pages = 16384, .read_pages = 2000});
    g_autoptr(MemoryChild) writer =
        memory_child_new(&(MemoryChildPlan){.pages = 16384, .written_pages = 1000, .dirty_bytes = 32});
    watch_init(&watch);
    add(&watch, agent, "reader", reader->pid);
    add(&watch, agent, "writer", writer->pid);
    run(&watch);

    const Profile *reads = g_ptr_array_index(watch.profiles, 0);
    const Profile *writes = g_ptr_array_index(watch.profiles, 1);
    g_assert_cmpuint(watch.profiles->len, ==, 2);
    g_assert_cmpstr(reads->vm, ==, "reader");
    g_assert_cmpstr(writes->vm, ==, "writer");
    g_assert_cmpint(reads->fate, ==, PROFILE_FATE_COMPLETE);
    g_assert_cmpuint(reads->periods, ==, 4);
    g_assert_cmpstr(reads->access_tracker, ==, "clear-refs");
    g_assert_cmpstr(reads->write_tracker, ==, "content");
    g_assert_cmpfloat(reads->mean_read_pages_per_s, >, 10 * reads->mean_written_pages_per_s);
    g_assert_cmpfloat(writes->mean_written_pages_per_s, >, writes->mean_read_pages_per_s);
    g_assert_cmpfloat_with_epsilon(writes->dirty_bytes_per_page, 32, 1);
    g_assert_cmpfloat(writes->cost_cpu_share, >, 0);
    g_assert_cmpuint(watch.periods, ==, 8);
    g_assert_cmpuint(watch.asked, ==, 0);
    g_assert_cmpuint(watch.warnings, ==, 0);
    watch_clear(&watch);
}

static void test_vm_that_stops(void)
{
    g_autofree char *agent = real_agent();
    Watch watch;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) ending = memory_child_new(&(MemoryChildPlan){.pages = 16384});
    g_autoptr(MemoryChild) staying = memory_child_new(&(MemoryChildPlan){.pages = 16384});
    watch_init(&watch);
    watch.kill_at_period = ending->pid;
    ending->pid = 0; /* on_period takes care of it */
    add(&watch, agent, "ending", watch.kill_at_period);
    add(&watch, agent, "staying", staying->pid);
    const Profile *ended = run(&watch);

    g_assert_cmpint(ended->fate, ==, PROFILE_FATE_STOPPED);
    g_assert_cmpuint(ended->periods, >=, 1);
    g_assert_cmpuint(ended->periods, <, 4);
    g_assert_nonnull(strstr(ended->note, "ended"));
    g_assert_cmpint(((Profile *)g_ptr_array_index(watch.profiles, 1))->fate, ==, PROFILE_FATE_COMPLETE);
    g_assert_cmpuint(watch.asked, ==, 0);
    watch_clear(&watch);
}

/* Whatever an agent does wrong, there is one warning, and both VMs are measured the other way. */
static void expect_fallback(const char *agent, const char *words)
{
    Watch watch;

    watch_init(&watch);
    add(&watch, agent, "vm1", 1);
    add(&watch, agent, "vm2", 1);
    const Profile *profile = run(&watch);

    g_assert_cmpuint(watch.asked, ==, 2);
    g_assert_cmpuint(watch.warnings, ==, 1);
    g_assert_cmpint(profile->fate, ==, PROFILE_FATE_COMPLETE);
    g_assert_cmpfloat(profile->mean_written_pages_per_s, ==, 5120);
    g_assert_null(profile->access_tracker);
    g_assert_cmpstr(profile->write_tracker, ==, "dirty-rate");
    g_assert_nonnull(strstr(profile->note, words));
    g_assert_nonnull(strstr(profile->note, "reads not measured"));
    watch_clear(&watch);
}

static void test_failing_agents(void)
{
    expect_fallback("/no/such/program", "cannot be started");
    expect_fallback("sh -c 'echo hello'", "not one of ours");
    expect_fallback("sh -c 'exit 3'", "exit status 3");
    expect_fallback("sh -c \"" HELLO "echo '{\\\"id\\\":1,\\\"error\\\":\\\"too tired\\\"}'; sleep 100\"", "too tired");
    expect_fallback("sh -c \"" HELLO "echo '{\\\"id\\\":1,\\\"event\\\":\\\"period\\\",\\\"vm\\\":\\\"vm9\\\"}'; sleep 100\"",
                    "nobody asked for");
    expect_fallback("sh -c \"" HELLO "echo '{\\\"id\\\":1,\\\"event\\\":\\\"period\\\",\\\"vm\\\":\\\"vm1\\\"}'; sleep 100\"",
                    "is missing");
    expect_fallback("sh -c \"" HELLO "kill -9 \\$\\$\"", "signal 9");
}

/* The agent mentions no VM and says that it is done. */
static void test_forgetful_agent(void)
{
    Watch watch;

    watch_init(&watch);
    add(&watch, "sh -c \"" HELLO "echo '{\\\"id\\\":1,\\\"event\\\":\\\"done\\\"}'; sleep 100\"", "vm1", 1);
    g_assert_nonnull(strstr(run(&watch)->note, "did not mention it"));
    g_assert_cmpuint(watch.asked, ==, 1);
    watch_clear(&watch);
}

static void test_no_agent(void)
{
    Watch watch;

    watch_init(&watch);
    add(&watch, NULL, "vm1", 1);
    g_assert_nonnull(strstr(run(&watch)->note, "this host has no agent"));
    g_assert_cmpuint(watch.warnings, ==, 0); /* it was never promised one */
    watch_clear(&watch);
}

static void test_nothing_works(void)
{
    Watch watch;

    watch_init(&watch);
    watch.rate = NAN;
    add(&watch, "sh -c 'exit 3'", "vm1", 1);
    const Profile *profile = run(&watch);
    g_assert_cmpint(profile->fate, ==, PROFILE_FATE_UNOBSERVED);
    g_assert_nonnull(strstr(profile->note, "exit status 3"));
    g_assert_nonnull(strstr(profile->note, "no dirty rate today"));
    watch_clear(&watch);
}

static void test_nobody(void)
{
    Watch watch;

    watch_init(&watch);
    observer_start(watch.observer, FALSE, on_done, &watch);
    g_main_loop_run(watch.loop);
    g_assert_cmpuint(watch.profiles->len, ==, 0);
    watch_clear(&watch);
}

/* Freed with answers on their way: nothing may come back. */
static void test_freed_early(void)
{
    Watch watch;

    watch_init(&watch);
    add(&watch, NULL, "vm1", 1);
    observer_start(watch.observer, FALSE, on_done, &watch);
    while (watch.asked == 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_clear_pointer(&watch.observer, observer_free);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_null(watch.profiles);
    watch_clear(&watch);
}

/* A VM that turns up later joins and is told apart. */
static void test_joins_late(void)
{
    g_autofree char *agent = real_agent();
    Watch watch;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) first = memory_child_new(&(MemoryChildPlan){.pages = 16384});
    g_autoptr(MemoryChild) second = memory_child_new(&(MemoryChildPlan){.pages = 16384});
    watch_init(&watch);
    add(&watch, agent, "first", first->pid);
    observer_start(watch.observer, FALSE, on_done, &watch);
    while (watch.periods < 1) {
        g_main_context_iteration(NULL, TRUE);
    }
    add(&watch, agent, "second", second->pid);
    g_main_loop_run(watch.loop);
    const Profile *late = g_ptr_array_index(watch.profiles, 1);
    g_assert_cmpint(late->fate, ==, PROFILE_FATE_STARTED_LATE);
    g_assert_cmpuint(late->periods, >=, 1);
    g_assert_cmpuint(late->periods, <, 4);
    g_assert_cmpuint(watch.warnings, ==, 0);
    watch_clear(&watch);
}

static void test_options(void)
{
    ObserveOptions options;
    g_autoptr(GError) error = NULL;

    observe_options_init(&options);
    g_assert_true(observe_options_check(&options, &error));
    options.period_ns = options.scan_ns - 1;
    g_assert_false(observe_options_check(&options, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE);
    observe_options_init(&options);
    options.cpu_budget = NAN;
    g_assert_false(observe_options_check(&options, NULL));
    options.cpu_budget = 1.01;
    g_assert_false(observe_options_check(&options, NULL));
}

int main(int argc, char **argv)
{
    if (argc > 1 && g_str_equal(argv[1], "--as-agent")) {
        return agent_main(&(AgentOptions){.run_directory = "/nonexistent"});
    }
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    self_path = g_file_read_link("/proc/self/exe", NULL);
    g_test_add_func("/observer/checks-its-options", test_options);
    g_test_add_func("/observer/observes-with-an-agent", test_real_agent);
    g_test_add_func("/observer/tells-that-a-vm-stopped", test_vm_that_stops);
    g_test_add_func("/observer/falls-back-when-an-agent-fails", test_failing_agents);
    g_test_add_func("/observer/falls-back-when-an-agent-forgets-a-vm", test_forgetful_agent);
    g_test_add_func("/observer/does-without-an-agent", test_no_agent);
    g_test_add_func("/observer/says-when-nothing-works", test_nothing_works);
    g_test_add_func("/observer/observes-nobody", test_nobody);
    g_test_add_func("/observer/may-be-freed-early", test_freed_early);
    g_test_add_func("/observer/lets-a-vm-join-late", test_joins_late);
    int result = g_test_run();
    g_free(self_path);
    return result;
}
