/* SPDX-License-Identifier: Apache-2.0
 *
 * The tracker that sees nothing and never fails: for machines without any other. */
#include "observe/tracker.h"

static gboolean null_probe(char **why G_GNUC_UNUSED)
{
    return TRUE;
}

static Tracker *null_open(RamMap *map G_GNUC_UNUSED, guint64 seed G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    Tracker *tracker = g_new0(Tracker, 1);

    tracker->ops = &TRACKER_NULL;
    return tracker;
}

static gboolean null_arm(Tracker *tracker G_GNUC_UNUSED, gint64 budget_ns G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
    return TRUE;
}

static gboolean null_scan(Tracker *tracker G_GNUC_UNUSED, TrackerScan *scan, GError **error G_GNUC_UNUSED)
{
    tracker_scan_init(scan);
    return TRUE;
}

static gint64 null_expected_ns(const RamMap *map G_GNUC_UNUSED)
{
    return 0;
}

const TrackerOps TRACKER_NULL = {
    "null", FALSE, FALSE, null_probe, null_open, null_arm, null_scan, null_expected_ns, (void (*)(Tracker *))g_free};
