/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of trackers; see tracker.h. */
#include "observe/tracker.h"

#include <math.h>

const TrackerOps *const TRACKERS[] = {&TRACKER_CLEAR_REFS, &TRACKER_CONTENT, &TRACKER_NULL, NULL};

void tracker_scan_init(TrackerScan *scan)
{
    *scan = (TrackerScan){.accessed_pages = NAN, .written_pages = NAN, .dirty_bytes = NAN, .write_set_pages = NAN,
                           .used_share = NAN, .compressed_share = NAN, .grain_bytes = PAGE_BYTES};
}

const TrackerOps *tracker_find(const char *name)
{
    for (gsize i = 0; TRACKERS[i]; i++) {
        if (g_str_equal(TRACKERS[i]->name, name)) {
            return TRACKERS[i];
        }
    }
    return g_str_equal(TRACKER_SCRIPTED.name, name) ? &TRACKER_SCRIPTED : NULL;
}
