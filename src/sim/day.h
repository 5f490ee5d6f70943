/* SPDX-License-Identifier: Apache-2.0
 *
 * A day in a data centre, driven by a trace: VMs follow their recorded CPU use, and every interval a policy looks for
 * overloaded and underused hosts and moves VMs; energy, violations and migrations are counted.
 *
 *     DayConfig config;
 *     g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 800);
 *     day_config_init(&config, DAY_MODE_PHYSICAL, fleet);
 *     if (!day_policy_parse("lr_mmt_1.2", &config.policy, &error)) ...
 *     g_autoptr(DayResult) result = day_run(&config, NULL, NULL, &error);
 *     printf("%.2f kWh, %" G_GUINT64_FORMAT " migrations\n", result->totals.energy_kwh, result->totals.migrations);
 *
 * Two modes.  `cloudsim` does what CloudSim 3.0.3's power package does (Beloglazov and Buyya 2012), including what is
 * wrong in it, so that its results are reproduced to the last migration.  `physical`, the default, has these defects
 * corrected.  Each has a name in DAY_DEFECTS and can be switched back on alone.
 * docs/decisions/0006-cloudsim-and-beyond.md measures what each is worth.
 *
 * Units: MIPS are MHz of one core.  Time is seconds of the simulated day, from 0.  One host or VM is one index from 0,
 * in the caller's order.  Same config, same seed: same result, to the bit.  No clock, file or thread is touched; a run
 * may go in any thread, and several runs may share a fleet and a trace. */
#pragma once

#include <glib.h>

#include "base/named.h"
#include "sim/power.h"
#include "sim/trace.h"

/* -- The policy -----------------------------------------------------------------------------------------------------
 */

/* When is a host overloaded?  (Beloglazov and Buyya 2012, section 4.) */
#define DAY_DETECTORS(X)                                                                                               \
    X(DAY_DETECTOR_NPA, "npa")   /* no power management: nothing moves, every host draws its most */                   \
    X(DAY_DETECTOR_DVFS, "dvfs") /* nothing moves; empty hosts are off */                                              \
    X(DAY_DETECTOR_THR, "thr")   /* demand above parameter * capacity */                                               \
    X(DAY_DETECTOR_MAD, "mad")   /* threshold 1 - parameter * median absolute deviation of the history */              \
    X(DAY_DETECTOR_IQR, "iqr")   /* threshold 1 - parameter * interquartile range of the history */                    \
    X(DAY_DETECTOR_LR, "lr")     /* parameter * use predicted by local regression reaches 1 */                         \
    X(DAY_DETECTOR_LRR, "lrr")   /* the same, robust: outliers weigh less */
NAMED_ENUM_DECLARE(DayDetector, day_detector, DAY_DETECTORS)

/* Which VM leaves an overloaded host first? */
#define DAY_SELECTORS(X)                                                                                               \
    X(DAY_SELECTOR_MMT, "mmt") /* minimum migration time: the least RAM */                                             \
    X(DAY_SELECTOR_MU, "mu")   /* minimum utilisation of its own CPU */                                                \
    X(DAY_SELECTOR_MC, "mc")   /* maximum correlation with the host's other VMs */                                     \
    X(DAY_SELECTOR_RS, "rs")   /* random selection, from the seed */
NAMED_ENUM_DECLARE(DaySelector, day_selector, DAY_SELECTORS)

typedef struct DayPolicy {
    DayDetector detector;
    DaySelector selector; /* of no meaning for npa and dvfs */
    double parameter;     /* the threshold, or the safety parameter */
} DayPolicy;

/* "dvfs", "npa", or DETECTOR_SELECTOR[_PARAMETER] as in "lr_mmt_1.2"; a missing parameter is 0.8 for thr, 2.5 for mad,
 * 1.5 for iqr, 1.2 for lr and lrr. */
gboolean day_policy_parse(const char *text, DayPolicy *policy, GError **error);

/* The text that gives 'policy' again.  The caller owns it. */
char *day_policy_name(const DayPolicy *policy);

/* -- The fleet ------------------------------------------------------------------------------------------------------
 */

typedef struct DayHostType {
    const char *name;
    guint cores;
    double mips_per_core;
    double ram_mib;
    double nic_kbit_per_s;
    const PowerCurve *power;
} DayHostType;

typedef struct DayVmType {
    const char *name;
    double mips; /* of its one CPU */
    double ram_mib;
    double nic_kbit_per_s;  /* promised to it */
    double working_set_mib; /* that one pass can find dirty at most; 0: setting working_set */
} DayVmType;

/* Hosts and VMs; all arrays are borrowed except in a fleet made by one of the functions below, which owns its own.
 *
 * A million VMs need no million rows: several VMs may follow one row of the trace, each from its own sample on
 * ('vm_shift'), wrapping round at the end of the day. */
typedef struct DayFleet {
    const DayHostType *host_types;
    guint n_host_types; /* at most 255 */
    guint hosts;
    const guint8 *host_type; /* [hosts] */

    const DayVmType *vm_types;
    guint n_vm_types; /* at most 255 */
    guint vms;
    const guint8 *vm_type;           /* [vms] */
    const guint32 *vm_row;           /* [vms] row of the trace; NULL: VM i follows row i */
    const guint16 *vm_shift;         /* [vms] first sample; NULL: 0 */
    const float *vm_dirty_mib_per_s; /* [vms] that it writes at full CPU; below 0, or NULL: setting dirty_mib_per_s */
    const Trace *trace;

    gpointer owned; /* what day_fleet_free frees; NULL in a fleet of the caller's own */
} DayFleet;

/* CloudSim's fleet: HP ProLiant ML110 G4 and G5 in turn, 4 GiB, 1 Gbit/s; four VM types (2500, 2000, 1000, 500 MIPS),
 * a quarter of the trace's rows each, in order.  Borrows 'trace'. */
DayFleet *day_fleet_cloudsim(const Trace *trace, guint hosts);

/* A large fleet: 'hosts' IBM x3550 M3 (X5670 and X5675 in turn, 12 cores, 10 Gbit/s) and 'vms' VMs of CloudSim's four
 * types, whose rows and first samples are drawn from 'seed'.  Borrows 'trace'. */
DayFleet *day_fleet_large(const Trace *trace, guint hosts, guint vms, guint64 seed);

void day_fleet_free(DayFleet *fleet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DayFleet, day_fleet_free)

/* -- Modes and defects ----------------------------------------------------------------------------------------------
 */

#define DAY_MODES(X) X(DAY_MODE_PHYSICAL, "physical") X(DAY_MODE_CLOUDSIM, "cloudsim")
NAMED_ENUM_DECLARE(DayMode, day_mode, DAY_MODES)

/* What is wrong in the peer, one row each: symbol, name, what the peer does; after "->" what `physical` does. */
#define DAY_DEFECTS(X)                                                                                                 \
    X(DAY_DEFECT_UNWEIGHTED_REGRESSION, "unweighted-regression",                                                       \
      "lr and lrr are both ordinary least squares -> weighted, tricube and bisquare")                                  \
    X(DAY_DEFECT_FREE_FIRST_INTERVAL, "free-first-interval", "energy before the first tick is not counted -> counted") \
    X(DAY_DEFECT_FREE_LAST_INTERVAL, "free-last-interval",                                                             \
      "energy after the last tick is not counted -> counted up to the limit")                                          \
    X(DAY_DEFECT_FREE_WAKE_UP, "free-wake-up", "a host is on at once and for nothing -> waking takes time and energy") \
    X(DAY_DEFECT_FREE_IDLE_POWER, "free-idle-power",                                                                   \
      "placement does not count the idle power of a host that it opens -> counted")                                    \
    X(DAY_DEFECT_NO_HOLD, "no-hold", "a VM may move at every tick -> it stays for the hold time unless overloaded")    \
    X(DAY_DEFECT_FREE_MIGRATION, "free-migration",                                                                     \
      "a host is emptied whatever that costs -> only if it saves more than its migrations cost")                       \
    X(DAY_DEFECT_FIXED_DURATION, "fixed-duration",                                                                     \
      "a migration takes RAM over half the link, alone on it -> passes over dirty memory, links shared")               \
    X(DAY_DEFECT_STALE_POWER, "stale-power",                                                                           \
      "a host already given VMs at this tick is compared with its power before them -> with them")                     \
    X(DAY_DEFECT_ROUNDING_DECIDES, "rounding-decides",                                                                 \
      "of hosts that cost the same power, rounding and the index choose -> the fullest is taken")                      \
    X(DAY_DEFECT_FORGOTTEN_RAM, "forgotten-ram",                                                                       \
      "RAM and network are promised at the first placement only -> at every move")                                     \
    X(DAY_DEFECT_VANISHING_VMS, "vanishing-vms", "a VM that asks for no CPU is removed for ever -> it stays")          \
    X(DAY_DEFECT_STALE_TARGETS, "stale-targets",                                                                       \
      "a host just chosen as a target may be emptied in the same tick -> not")                                         \
    X(DAY_DEFECT_FLOORED_SHARES, "floored-shares",                                                                     \
      "what an overcommitted host gives a VM is cut to whole MIPS -> not cut")                                         \
    X(DAY_DEFECT_DURATION_AS_TIME, "duration-as-time",                                                                 \
      "mean time before a migration is the mean duration -> mean time between a VM's migrations")                      \
    X(DAY_DEFECT_FILE_ORDER, "file-order", "equal VMs go in file order -> in the order of their names")

#define DAY_DEFECT_MEMBER(symbol, name, help) symbol##_BIT,
enum { DAY_DEFECTS(DAY_DEFECT_MEMBER) DAY_DEFECT_COUNT };
#undef DAY_DEFECT_MEMBER
#define DAY_DEFECT_MEMBER(symbol, name, help) symbol = 1 << symbol##_BIT,
typedef enum DayDefect { DAY_DEFECTS(DAY_DEFECT_MEMBER) DAY_DEFECT_ALL = (1 << DAY_DEFECT_COUNT) - 1 } DayDefect;
#undef DAY_DEFECT_MEMBER

/* Name and help of the defect at 'index' below DAY_DEFECT_COUNT; its bit is 1 << index. */
const char *day_defect_name(guint index);
const char *day_defect_help(guint index);

/* "a,b", "none" or "all" -> bits. */
gboolean day_defects_parse(const char *text, guint32 *defects, GError **error);

/* Numbers of the physical mode: member, default, unit, meaning. */
#define DAY_SETTINGS(X)                                                                                                \
    X(hold_s, 1800.0, "s", "a VM that has moved stays this long unless its host is overloaded")                        \
    X(payback_s, 300.0, "s", "emptying a host must save its migrations' energy within this time")                      \
    X(empty_failures, 20.0, "hosts", "in a row that could not be emptied before the fuller ones are left alone")       \
    X(wake_s, 60.0, "s", "a host that wakes draws full power this long before it is of use")                           \
    X(dirty_mib_per_s, 20.0, "MiB/s", "memory that a VM at full CPU writes; in proportion to its CPU use")             \
    X(working_set, 0.25, "share", "of a VM's RAM that one pass can find dirty at most")                                \
    X(stop_mib, 100.0, "MiB", "dirty memory below which the VM is stopped and the rest copied")                        \
    X(resume_s, 0.02, "s", "from the last byte to the VM running at the destination")                                  \
    X(link_share, 0.5, "share", "of a host's NIC that migrations may use together")                                    \
    X(migration_load, 0.1, "share", "of a VM's CPU that migrating it costs at either end")                             \
    X(service_ms, 60.0, "ms", "response time on an idle host; at load r it is this over 1 - min(r, 0.99)")

#define DAY_SETTING_MEMBER(member, value, unit, help) double member;
typedef struct DaySettings {
    DAY_SETTINGS(DAY_SETTING_MEMBER)
} DaySettings;
#undef DAY_SETTING_MEMBER

void day_settings_init(DaySettings *settings);

/* Sets the setting called 'name'; refuses unknown names and values that make no sense. */
gboolean day_settings_set(DaySettings *settings, const char *name, double value, GError **error);

/* -- What a placer sees and says ------------------------------------------------------------------------------------
 */

/* The data centre in the middle of a tick.  Valid during the call only. */
typedef struct DayView DayView;

typedef struct DayMove {
    guint32 vm;
    guint32 dst; /* host */
} DayMove;

/* Relieves overloaded hosts in the place of selector and PABFD; physical mode only.
 *
 * Called once per tick that has at least one overloaded host.  Appends its moves, in the order in which they are to
 * start, to 'moves' (DayMove).  A move must be of a movable VM of one of the overloaded hosts to a host that is not
 * overloaded and has the RAM and network for all VMs moved to it; the run stops with an error on any other.  A host
 * that cannot be relieved is left alone.  Returns FALSE with an error to stop the run.  Must be a plain function of
 * what it sees and of its own seed. */
typedef gboolean (*DayPlaceFunc)(const DayView *view, const guint32 *overloaded, guint n_overloaded, GArray *moves,
                                 gpointer user_data, GError **error);

double day_view_time_s(const DayView *view);
const DayFleet *day_view_fleet(const DayView *view);
/* VMs that run on 'host', those leaving it included; '*n_vms' items, valid until the call returns. */
const guint32 *day_view_host_vms(const DayView *view, guint host, guint *n_vms);
double day_view_host_demand_mips(const DayView *view, guint host); /* asked for by its VMs now */
double day_view_host_capacity_mips(const DayView *view, guint host);
double day_view_host_free_ram_mib(const DayView *view, guint host); /* not promised to any VM, incoming ones included */
double day_view_host_free_nic_kbit_per_s(const DayView *view, guint host);
gboolean day_view_host_is_on(const DayView *view, guint host);
gboolean day_view_host_is_overloaded(const DayView *view, guint host);
double day_view_vm_demand_mips(const DayView *view, guint vm);
gboolean day_view_vm_is_movable(const DayView *view, guint vm); /* not in migration */
double day_view_vm_dirty_mib_per_s(const DayView *view, guint vm);
/* Shares of its CPU at the last ticks, newest first, at most 'limit'; returns how many. */
guint day_view_vm_history(const DayView *view, guint vm, double *shares, guint limit);

/* -- The run --------------------------------------------------------------------------------------------------------
 */

#define DAY_SEARCHES(X)                                                                                                \
    X(DAY_SEARCH_AUTO, "auto") /* the faster for the number of hosts that are on */                                    \
    X(DAY_SEARCH_SCAN, "scan") /* look at every host that is on */                                                     \
    X(DAY_SEARCH_INDEX, "index")
NAMED_ENUM_DECLARE(DaySearch, day_search, DAY_SEARCHES)

typedef struct DayConfig {
    DayMode mode; /* cloudsim has all defects and the peer's order of events: every load is read at every event */
    const DayFleet *fleet; /* borrowed */
    DayPolicy policy;
    double interval_s; /* between ticks */
    double limit_s;    /* length of the day; the trace must reach it */
    guint32 defects;   /* DayDefect bits that the physical mode has all the same; cloudsim takes no notice */
    DaySettings settings;
    guint64 seed; /* for the selector rs */

    const guint32 *initial; /* [vms] host of each VM at the start, borrowed; NULL: the policy finds one */

    DayPlaceFunc place; /* NULL: the policy's selector, then PABFD */
    gpointer place_data;

    gboolean keep_migrations; /* fill DayResult.migrations */
    gboolean keep_events;     /* fill DayResult.energy_events */
    gboolean check;           /* safety properties after every event; costs about as much as the run */
    DaySearch search;         /* how hosts are found; the answer is the same */
} DayConfig;

/* Defaults: 300 s, 86400 s, lr_mmt_1.2, migrations and events kept, no check. */
void day_config_init(DayConfig *config, DayMode mode, const DayFleet *fleet);

/* Totals: kind (REAL double, COUNT guint64), member, decimals as printed in summaries, meaning. */
#define DAY_TOTALS(X)                                                                                                  \
    X(REAL, energy_kwh, 2, "energy")                                                                                   \
    X(COUNT, migrations, 0, "migrations started")                                                                      \
    X(REAL, slav_pct, 5, "SLATAH * PDM")                                                                               \
    X(REAL, pdm_pct, 2, "work lost through migrations, of the work asked for")                                         \
    X(REAL, slatah_pct, 2, "time in which a host gave less than was asked for, of its time on; pooled over hosts")     \
    X(REAL, overall_sla_pct, 2, "work not done, of the work asked for")                                                \
    X(REAL, avg_sla_pct, 2, "mean share not given, over the intervals in which it was not")                            \
    X(COUNT, host_shutdowns, 0, "times a host was switched off (or never on)")                                         \
    X(REAL, esv, 5, "energy_kwh * slav_pct")                                                                           \
    X(REAL, moved_gib, 2, "bytes moved by migrations")                                                                 \
    X(REAL, downtime_s, 2, "sum of the pauses of migrated VMs")                                                        \
    X(REAL, migration_s_mean, 2, "mean duration of a migration")                                                       \
    X(REAL, time_before_migration_s, 2, "mean time before a VM's migration")                                           \
    X(REAL, hosts_on_mean, 2, "hosts on, mean over the ticks")                                                         \
    X(COUNT, hosts_on_max, 0, "hosts on, most at a tick")                                                              \
    X(REAL, response_ms_mean, 2, "response time, mean over VMs and ticks")                                             \
    X(REAL, response_ms_max, 2, "response time, mean over VMs at the worst tick")                                      \
    X(COUNT, vms_vanished, 0, "VMs removed because they asked for no CPU (defect vanishing-vms)")                      \
    X(COUNT, clamped_power, 0, "times a load above 1 was met where the peer would have stopped")                       \
    X(COUNT, ticks, 0, "times the policy was asked")                                                                   \
    X(COUNT, events, 0, "times energy was counted")                                                                    \
    X(COUNT, vm_events, 0, "samples of VMs taken and migrations started and ended")                                    \
    X(COUNT, placements, 0, "times a host was looked for")

#define DAY_TYPE_REAL                                  double
#define DAY_TYPE_COUNT                                 guint64
#define DAY_TOTAL_MEMBER(kind, member, decimals, help) DAY_TYPE_##kind member;
typedef struct DayTotals {
    DAY_TOTALS(DAY_TOTAL_MEMBER)
} DayTotals;
#undef DAY_TOTAL_MEMBER

/* One row per tick, for plots: member, unit, meaning. */
#define DAY_SERIES(X)                                                                                                  \
    X(time_s, "s", "time of the tick")                                                                                 \
    X(energy_j, "J", "energy since the tick before")                                                                   \
    X(load, "share", "CPU asked for, of the CPU of the hosts that are on")                                             \
    X(hosts_on, "hosts", "hosts on after the tick")                                                                    \
    X(overloaded, "hosts", "hosts found overloaded")                                                                   \
    X(started, "migrations", "migrations started at the tick")                                                         \
    X(running, "migrations", "migrations running just before the tick")                                                \
    X(response_ms, "ms", "response time, mean over VMs")                                                               \
    X(violations, "share", "of the hosts that are on: gave less than was asked for")

#define DAY_SERIES_MEMBER(member, unit, help) double member;
typedef struct DayTick {
    DAY_SERIES(DAY_SERIES_MEMBER)
} DayTick;
#undef DAY_SERIES_MEMBER

typedef struct DayMigration {
    double time_s; /* start */
    double duration_s;
    double bytes;
    guint32 vm;
    guint32 src; /* hosts */
    guint32 dst;
} DayMigration;

typedef struct DayEnergyEvent {
    double time_s;
    double joules; /* since the event before */
} DayEnergyEvent;

typedef struct DayResult {
    DayTotals totals;
    guint32 *initial; /* [vms] host after the first placement */
    guint vms;
    GArray *ticks;         /* DayTick */
    GArray *migrations;    /* DayMigration in the order of starting; empty unless kept */
    GArray *energy_events; /* DayEnergyEvent; empty unless kept */
} DayResult;

/* Called after every tick with the time reached; returning FALSE ends the run with GODWIT_ERROR_CANCELLED. */
typedef gboolean (*DayProgressFunc)(double time_s, double limit_s, const DayTick *tick, gpointer user_data);

/* Plays the day.  NULL with an error when the config makes no sense, a VM finds no host at the start, the placer made a
 * wrong move or the caller cancelled.  The caller owns the result. */
DayResult *day_run(const DayConfig *config, DayProgressFunc progress, gpointer user_data, GError **error);

/* Calls 'func' for each total: member's name, its decimals and value; counts have decimals 0. */
typedef void (*DayTotalFunc)(const char *name, guint decimals, double value, const char *help, gpointer user_data);
void day_totals_each(const DayTotals *totals, DayTotalFunc func, gpointer user_data);

void day_result_free(DayResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DayResult, day_result_free)
