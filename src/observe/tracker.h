/* SPDX-License-Identifier: Apache-2.0
 *
 * Tracker: the provider table through which memory accesses of a VM are seen.
 *
 * A tracker is opened for one VM and then scanned by the sampler, every S.  Each scan tells what happened since the
 * scan before (or since open).  A VM may use one tracker for accesses and another for writes (struct TrackerScan
 * says which numbers a tracker can give).  Trackers run in the agent on the host, or, for dirty-rate, in the
 * controller.  One thread. */
#pragma once

#include <glib.h>

typedef struct Tracker Tracker;

/* What a tracker knows about one VM's process and memory; made by ram-map.c. */
typedef struct RamMap RamMap;

typedef struct TrackerScan {
    double accessed_pages;       /* touched in any way since the last scan; NAN: this tracker cannot tell */
    double written_pages;        /* NAN: cannot tell */
    double written_pages_variance; /* of the estimate above; 0 when exact */
    double dirty_bytes;          /* bytes changed inside the written pages, all together; NAN: cannot tell */
    guint64 grain_bytes;         /* smallest piece of memory that this scan told apart */
} TrackerScan;

typedef struct TrackerOps {
    const char *name;

    /* Whether this tracker works on this machine; if not, 'why' (caller frees) says what is missing.  Called once per
     * agent, before any open. */
    gboolean (*probe)(char **why);

    /* Begins to track; the first scan counts from here.  NULL with an error when this VM cannot be tracked. */
    Tracker *(*open)(const RamMap *map, guint64 seed, GError **error);

    /* Fills 'scan' with what happened since the last one.  FALSE with GODWIT_ERROR_LOST when the VM's process is
     * gone.  'budget_ns' is the CPU time this scan may take; a tracker that needs more looks at less. */
    gboolean (*scan)(Tracker *tracker, gint64 budget_ns, TrackerScan *scan, GError **error);

    /* Called exactly once, whatever happened; undoes what open did to the process. */
    void (*close)(Tracker *tracker);
} TrackerOps;

struct Tracker {
    const TrackerOps *ops;
};

/* All trackers, best first within their kind; the last is the null tracker, which sees nothing and never fails. */
extern const TrackerOps *const TRACKERS[];

extern const TrackerOps TRACKER_CLEAR_REFS; /* accessed pages: clear_refs and smaps */
extern const TrackerOps TRACKER_CONTENT;    /* written pages: content sampling */
extern const TrackerOps TRACKER_SCRIPTED;   /* says what a script says; tests and demonstrations */
extern const TrackerOps TRACKER_NULL;
