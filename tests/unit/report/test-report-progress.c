/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-progress.c. */
#include "base/units.h"
#include "report/report.h"
#include "report/text.h"
#include "samples.h"

static ReportProgress moving(const char *vm, Phase phase)
{
    return (ReportProgress){.vm = vm,
                            .phase = phase,
                            .done_share = 0.42,
                            .ram_bytes = 512 * MIB,
                            .bytes_remaining = 210 * MIB,
                            .bytes_per_s = (guint64)(117.2 * (double)MIB),
                            .eta_ns = 2 * NS_PER_S + 1};
}

static void plain_line_has_phase_rate_rest_and_eta(void)
{
    ReportProgress progress = moving("vm1", PHASE_PERFORM);
    g_autofree char *line = report_progress_plain(&progress);

    g_assert_cmpstr(line, ==, "vm1: perform 42 % 117.2 MiB/s, 210 MiB left, about 3 s");
}

static void what_is_unknown_is_left_out(void)
{
    ReportProgress progress = moving("vm1", PHASE_POSTCOPY);

    progress.bytes_per_s = 0;
    progress.eta_ns = -1;
    progress.remark = "switched to post-copy";
    g_autofree char *line = report_progress_plain(&progress);
    g_assert_cmpstr(line, ==, "vm1: post-copy 42 % 210 MiB left; switched to post-copy");
}

static void relays_tell_what_is_really_sent(void)
{
    ReportProgress progress = moving("vm1", PHASE_PERFORM);
    RelayFigures relay;

    relay_figures_init(&relay);
    progress.relay = &relay; /* it has said nothing yet */
    g_autofree char *silent = report_progress_plain(&progress);
    g_assert_null(strstr(silent, "relay"));
    relay.is_known = TRUE;
    relay.stream_bytes = 148 * MIB;
    relay.wire_bytes = 61 * MIB;
    relay.working_set_bytes = 2.0 * MIB;
    relay.expected_downtime_ms = 40;
    g_autofree char *line = report_progress_plain(&progress);
    g_assert_cmpstr(line, ==,
                    "vm1: perform 42 % 117.2 MiB/s, 210 MiB left, about 3 s; relay: 61 MiB of 148 MiB on the wire, "
                    "working set 2 MiB, expected pause 40 ms");
}

static void phases_without_memory_are_just_named(void)
{
    ReportProgress progress = moving("vm1", PHASE_PREPARE);
    g_autofree char *line = report_progress_plain(&progress);

    g_assert_cmpstr(line, ==, "vm1: prepare");
    progress.phase = PHASE_PERFORM;
    progress.bytes_remaining = 0;
    progress.done_share = 0;
    g_autofree char *early = report_progress_plain(&progress);
    g_assert_cmpstr(early, ==, "vm1: perform");
}

static void endings_are_told_with_their_figures(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    ReportProgress progress = moving("vm1", PHASE_DONE);

    progress.outcome = g_ptr_array_index(gang->outcomes, 0);
    g_autofree char *good = report_progress_plain(&progress);
    g_assert_cmpstr(good, ==, "vm1: migrated in 12.5 s, downtime 33 ms, 600 MiB moved");
    progress.outcome = g_ptr_array_index(gang->outcomes, 2);
    g_autofree char *bad = report_progress_plain(&progress);
    g_assert_cmpstr(bad, ==, "vm1: failed: the link to h2 broke in pass 3");
}

static void remarks_cannot_break_the_line(void)
{
    ReportProgress progress = moving("vm1", PHASE_PERFORM);

    progress.remark = "first\nsecond\033[2J";
    g_autofree char *line = report_progress_plain(&progress);
    g_assert_null(strchr(line, '\n'));
    g_assert_null(strchr(line, '\033'));
}

static void each_vm_has_a_line_and_all_have_one(void)
{
    ReportProgress all[] = {moving("vm1", PHASE_PERFORM), moving("a-rather-long-name", PHASE_POSTCOPY),
                            moving("vm3", PHASE_WAITING)};

    all[2].done_share = 0;
    for (guint columns = 40; columns <= 200; columns += 20) {
        ReportStyle style = {TRUE, TRUE, columns};
        g_autoptr(GPtrArray) lines = report_progress_lines(all, 3, 24, &style);

        g_assert_cmpuint(lines->len, ==, 4);
        for (guint i = 0; i < lines->len; i++) {
            g_assert_cmpuint(text_width(g_ptr_array_index(lines, i)), <=, columns);
        }
    }
    g_autoptr(GPtrArray) lines = report_progress_lines(all, 3, 24, &PLAIN);
    const char *total = g_ptr_array_index(lines, 3);
    g_assert_true(g_str_has_prefix(total, "all VMs"));
    g_assert_nonnull(strstr(total, " 28 %  0/3"));
    g_assert_nonnull(strstr(total, "234.4 MiB/s"));
    g_assert_nonnull(strstr(total, "420 MiB left, 3 s"));
}

static void too_many_vms_are_counted(void)
{
    ReportProgress all[20];

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        all[i] = moving(i < 10   ? "waits"
                        : i < 13 ? "moves"
                                 : "is-done",
                        i < 10   ? PHASE_WAITING
                        : i < 13 ? PHASE_PERFORM
                                 : PHASE_DONE);
    }
    for (guint rows = 2; rows < 21; rows++) {
        g_autoptr(GPtrArray) lines = report_progress_lines(all, 20, rows, &COLOURED);
        g_assert_cmpuint(lines->len, <=, rows);
    }
    g_autoptr(GPtrArray) lines = report_progress_lines(all, 20, 6, &PLAIN);
    g_assert_cmpuint(lines->len, ==, 6);
    g_assert_true(g_str_has_prefix(g_ptr_array_index(lines, 0), "waits")); /* lines keep the order of the plan */
    for (guint i = 1; i < 4; i++) {
        g_assert_true(g_str_has_prefix(g_ptr_array_index(lines, i), "moves"));
    }
    g_assert_cmpstr(g_ptr_array_index(lines, 4), ==, "... and 16 more: 9 waiting, 7 done");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-progress/plain-line-has-phase-rate-rest-and-eta", plain_line_has_phase_rate_rest_and_eta);
    g_test_add_func("/report-progress/what-is-unknown-is-left-out", what_is_unknown_is_left_out);
    g_test_add_func("/report-progress/relays-tell-what-is-really-sent", relays_tell_what_is_really_sent);
    g_test_add_func("/report-progress/phases-without-memory-are-just-named", phases_without_memory_are_just_named);
    g_test_add_func("/report-progress/endings-are-told-with-their-figures", endings_are_told_with_their_figures);
    g_test_add_func("/report-progress/remarks-cannot-break-the-line", remarks_cannot_break_the_line);
    g_test_add_func("/report-progress/each-vm-has-a-line-and-all-have-one", each_vm_has_a_line_and_all_have_one);
    g_test_add_func("/report-progress/too-many-vms-are-counted", too_many_vms_are_counted);
    return g_test_run();
}
