/* SPDX-License-Identifier: Apache-2.0
 *
 * Tracker: the provider table through which memory accesses of a VM are seen.
 *
 *     open                              the VM's process is looked at for the first time
 *     arm  ... S passes ...  scan       a window: what was touched between the two
 *     arm  ... S passes ...  scan       the next one, at once or, to save CPU time, much later
 *     close
 *
 * A window counts each page once, however often it was touched.  Windows are as long as the paper's S, but need not
 * follow each other without a gap: when the budget allows few of them, S stays and the gaps grow, so that a count
 * always means "pages touched within S".  The sampler opens and closes windows; a tracker holds no time of its own.
 *
 * A VM may use one tracker for accesses and another for writes (TrackerOps says what it can give).  Reading guest
 * memory marks it as accessed, so at any moment a tracker of writes goes between the scan and the arm of a tracker of
 * accesses; sampler.h keeps that order.
 *
 * Trackers run in the agent on the host.  One thread. */
#pragma once

#include <glib.h>

#include "observe/ram-map.h"

typedef struct Tracker Tracker;

typedef struct TrackerScan {
    double accessed_pages;         /* of 4 KiB, touched in any way in this window; NAN: this tracker cannot tell */
    double written_pages;          /* NAN: cannot tell */
    double written_pages_variance; /* of the estimate above; 0 when exact */
    double dirty_bytes;            /* bytes changed inside the written pages, all together; NAN: cannot tell */
    double write_set_pages;        /* written at least once over many windows; NAN: cannot tell, or not yet */
    double used_share;             /* of the memory that is not zero; likewise */
    double compressed_share;       /* what zstd leaves of that; likewise */
    gint64 extra_ns;               /* CPU time since the last scan for what not every window needs */
    gboolean is_learning;          /* of a tracker that does not know yet where to look: true on average, but noisy */
    guint64 grain_bytes;           /* smallest piece of memory that this scan told apart */
    gint64 disturbance_ns;         /* vCPU time that this window probably cost the guest (page faults); charged to the
                                    * budget as if it were ours */
} TrackerScan;

/* All NAN and 0, grain 4096: where a scan starts from. */
void tracker_scan_init(TrackerScan *scan);

typedef struct TrackerOps {
    const char *name;
    gboolean tells_accesses;
    gboolean tells_writes;

    /* Whether this tracker works on this machine; if not, 'why' (caller frees) says what is missing.  Called once per
     * agent, before any open. */
    gboolean (*probe)(char **why);

    /* Begins to track.  'map' outlives the tracker.  NULL with an error when this VM cannot be tracked this way. */
    Tracker *(*open)(RamMap *map, guint64 seed, GError **error);

    /* Begins a window.  'budget_ns' is the CPU time that the window, its scan included, may take; a tracker that can
     * look at less does so.  FALSE with GODWIT_ERROR_LOST when the VM's process is gone. */
    gboolean (*arm)(Tracker *tracker, gint64 budget_ns, GError **error);

    /* Fills 'scan', made ready by tracker_scan_init, with what happened since the last arm.  A tracker of accesses may
     * be asked again without an arm between: the window then goes on.  FALSE with GODWIT_ERROR_LOST when the process is
     * gone. */
    gboolean (*scan)(Tracker *tracker, TrackerScan *scan, GError **error);

    /* What one window will probably cost before any was measured, from the size of the memory. */
    gint64 (*expected_ns)(const RamMap *map);

    /* Called exactly once, whatever happened. */
    void (*close)(Tracker *tracker);
} TrackerOps;

struct Tracker {
    const TrackerOps *ops;
};

/* All trackers, best first within their kind, NULL at the end; the last is the null tracker, which sees nothing and
 * never fails. */
extern const TrackerOps *const TRACKERS[];

extern const TrackerOps TRACKER_CLEAR_REFS; /* accessed pages: clear_refs and smaps */
extern const TrackerOps TRACKER_CONTENT;    /* written pages: content sampling */
extern const TrackerOps TRACKER_SCRIPTED;   /* says what a script says; tests and demonstrations; not in TRACKERS */
extern const TrackerOps TRACKER_NULL;

#define LEARNING_WINDOWS 2 /* the first ones of a tracker that learns where to look */

/* The tracker called 'name', TRACKER_SCRIPTED included; NULL when there is none. */
const TrackerOps *tracker_find(const char *name);

/* The script that every TRACKER_SCRIPTED opened afterwards follows: one line per window, "ACCESSED WRITTEN DIRTY_BYTES"
 * or "gone" for a process that ended; after the last line it starts again.  'text' may have comments (#).  FALSE with
 * GODWIT_ERROR_INPUT and the line that is wrong. */
gboolean tracker_script_set(const char *text, GError **error);
