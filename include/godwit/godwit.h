/* SPDX-License-Identifier: Apache-2.0
 *
 * libgodwit: live-migrate many virtual machines at once, each the way that suits it.
 *
 *     g_autoptr(GodwitFleet) fleet = godwit_fleet_open("/etc/godwit/inventory.ini", &error);
 *     g_autofree char *plan = godwit_fleet_plan_evacuation(fleet, "h1", "h2,h3", "paper", &error);
 *     g_autofree char *problems = godwit_fleet_check(fleet, plan, &error);    "[]" when the plan may run
 *     g_autofree char *report = godwit_fleet_run(fleet, plan, NULL, NULL, &error);
 *
 * Plans, problems and reports are JSON texts, the same that the commands print (godwit-plan(5), godwit-report(5)).
 * Strings that are returned belong to the caller, who frees them with g_free.  Errors are in the domain
 * godwit_error_quark() with messages for people.
 *
 * Calls run the default GMainContext until they have their answer; use a fleet from one thread only.  Link with
 * `pkg-config --libs godwit`. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define GODWIT_API __attribute__((visibility("default")))

GODWIT_API const char *godwit_version(void);

/* ---- a fleet of hosts ---- */

typedef struct GodwitFleet GodwitFleet;

/* 'inventory_path' NULL: where the commands look for it (godwit-inventory(5)). */
GODWIT_API GodwitFleet *godwit_fleet_open(const char *inventory_path, GError **error);
GODWIT_API void godwit_fleet_close(GodwitFleet *fleet);

/* The hosts with their VMs, as `godwit hosts --json` prints them. */
GODWIT_API char *godwit_fleet_hosts(GodwitFleet *fleet, GError **error);

/* A plan that empties 'source' onto 'destinations' (names or URIs, separated by commas).  'policy': "paper",
 * "pre-copy", "post-copy" or "hybrid".  Observes memory for ten seconds when the policy needs it. */
GODWIT_API char *godwit_fleet_plan_evacuation(GodwitFleet *fleet, const char *source, const char *destinations,
                                              const char *policy, GError **error);

/* The same for some VMs (a NULL-terminated array of names). */
GODWIT_API char *godwit_fleet_plan_migration(GodwitFleet *fleet, const char *const *vms, const char *source,
                                             const char *destinations, const char *policy, GError **error);

/* Everything that stands against 'plan' now, as a JSON array of {vm, host, what, cure}.  Touches nothing. */
GODWIT_API char *godwit_fleet_check(GodwitFleet *fleet, const char *plan, GError **error);

/* How one VM's migration stands: its phase as godwit-report(5) names it, and the share that is done, 0 to 1. */
typedef void (*GodwitProgressFunc)(const char *vm, const char *phase, double done_share, gpointer user);

/* Checks 'plan', runs it to its end and returns the report.  Fails without touching anything when the check finds
 * problems; what became of each VM afterwards is in the report, not in 'error'.  'progress' may be NULL. */
GODWIT_API char *godwit_fleet_run(GodwitFleet *fleet, const char *plan, GodwitProgressFunc progress, gpointer user,
                                  GError **error);

/* Asks a running plan to end early, from 'progress': pre-copies are cancelled, post-copies finished. */
GODWIT_API void godwit_fleet_stop(GodwitFleet *fleet);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GodwitFleet, godwit_fleet_close)

/* ---- the classifier alone (fuzzy c-means over read and write rates) ---- */

typedef struct GodwitRates {
    double read_pages_per_s;
    double written_pages_per_s;
} GodwitRates;

typedef struct GodwitClass {
    const char *name;      /* "read", "write", "mixed" or "idle"; static */
    double memberships[3]; /* read, write, mixed; NAN for idle VMs and when there are fewer than three others */
} GodwitClass;

/* Classifies 'length' VMs together; 'classes' has room for as many. */
GODWIT_API gboolean godwit_classify(const GodwitRates *rates, gsize length, GodwitClass *classes, GError **error);

GODWIT_API GQuark godwit_error_quark(void);

G_END_DECLS
