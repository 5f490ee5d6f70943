/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/cli/progress.c with a gang that is only played: this file has its own gang_length and gang_progress,
 * which are all that progress.c asks a gang. */
#include "base/log.h"
#include "base/units.h"
#include "cli/progress.h"
#include "samples.h"

#include <stdio.h>
#include <unistd.h>

#define VMS 3

struct Gang {
    GangProgress states[VMS];
};

guint gang_length(const Gang *gang)
{
    return VMS;
}

const GangProgress *gang_progress(Gang *gang, guint index)
{
    return &gang->states[index];
}

static Gang new_gang(const Plan *plan)
{
    Gang gang = {0};

    for (guint i = 0; i < VMS; i++) {
        gang.states[i] = (GangProgress){.step = plan_step_at(plan, i), .phase = PHASE_WAITING, .eta_ns = -1};
    }
    return gang;
}

/* Standard error as a file, from capture_begin to capture_end. */
typedef struct Capture {
    int saved;
    char *path;
} Capture;

static Capture capture_begin(void)
{
    Capture capture = {.path = g_strdup_printf("%s/godwit-progress-XXXXXX", g_get_tmp_dir())};
    int file = g_mkstemp(capture.path);

    g_assert_cmpint(file, >=, 0);
    fflush(stderr);
    capture.saved = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
    close(file);
    return capture;
}

static char *capture_end(Capture *capture)
{
    char *text = NULL;

    fflush(stderr);
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    g_assert_true(g_file_get_contents(capture->path, &text, NULL, NULL));
    unlink(capture->path);
    g_free(capture->path);
    return text;
}

static void lines_come_at_changes_only(void)
{
    g_autoptr(Plan) plan = sample_plan();
    Gang gang = new_gang(plan);
    CliOptions options = {0};
    Capture capture = capture_begin();
    Progress *progress = progress_new(&options);

    progress_step(progress, "asking hosts");
    progress_gang(progress, &gang, -1); /* all wait: nothing to tell */
    gang.states[0].phase = PHASE_BEGIN;
    progress_gang(progress, &gang, 0);
    progress_gang(progress, &gang, -1);
    gang.states[0].phase = PHASE_PERFORM;
    gang.states[0].stats.bytes_remaining = 100 * MIB;
    progress_gang(progress, &gang, 0);
    gang.states[0].stats.bytes_remaining = 50 * MIB;
    progress_gang(progress, &gang, -1); /* too soon for numbers alone */
    gang.states[0].remark = "has not converged";
    progress_gang(progress, &gang, 0);
    progress_free(progress);
    g_autofree char *text = capture_end(&capture);
    g_assert_cmpstr(text, ==,
                    "asking hosts\n"
                    "vm1: begin\n"
                    "vm1: perform 0 % 100 MiB left\n"
                    "vm1: perform 0 % 50 MiB left; has not converged\n");
}

static void json_without_a_terminal_is_silent(void)
{
    g_autoptr(Plan) plan = sample_plan();
    Gang gang = new_gang(plan);
    CliOptions options = {.is_json = TRUE};
    Capture capture = capture_begin();
    Progress *progress = progress_new(&options);

    progress_step(progress, "asking hosts");
    gang.states[0].phase = PHASE_BEGIN;
    progress_gang(progress, &gang, 0);
    progress_say(progress, "stopping");
    progress_free(progress);
    g_autofree char *quiet = capture_end(&capture);
    g_assert_cmpstr(quiet, ==, "stopping\n");

    options.verbosity = 1;
    capture = capture_begin();
    progress = progress_new(&options);
    progress_step(progress, "asking hosts");
    progress_free(progress);
    g_autofree char *told = capture_end(&capture);
    g_assert_cmpstr(told, ==, "asking hosts\n");
}

static void log_lines_take_the_same_way(void)
{
    CliOptions options = {0};
    Capture capture = capture_begin();
    Progress *progress = progress_new(&options);

    log_warning("the agent on %s ended", "h1");
    progress_free(progress);
    log_warning("after it");
    g_autofree char *text = capture_end(&capture);
    g_assert_cmpstr(text, ==, "godwit: warning: the agent on h1 ended\ngodwit: warning: after it\n");
}

static void stopping_says_what_becomes_of_each(void)
{
    g_autoptr(Plan) plan = sample_plan();
    Gang gang = new_gang(plan);

    gang.states[0].phase = PHASE_PERFORM;
    gang.states[1].phase = PHASE_POSTCOPY;
    g_autofree char *all = progress_stop_text(&gang);
    g_assert_cmpstr(all, ==,
                    "stopping: 1 cancelled (running on at the source), 1 finished (past the switchover), 1 not "
                    "started; the report follows");
    gang.states[0].phase = gang.states[2].phase = PHASE_DONE;
    g_autofree char *one = progress_stop_text(&gang);
    g_assert_cmpstr(one, ==, "stopping: 1 finished (past the switchover); the report follows");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/progress/lines-come-at-changes-only", lines_come_at_changes_only);
    g_test_add_func("/progress/json-without-a-terminal-is-silent", json_without_a_terminal_is_silent);
    g_test_add_func("/progress/log-lines-take-the-same-way", log_lines_take_the_same_way);
    g_test_add_func("/progress/stopping-says-what-becomes-of-each", stopping_says_what_becomes_of_each);
    return g_test_run();
}
