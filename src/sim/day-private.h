/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the day share: the state of the data centre as plain arrays, one index per host or VM.
 *
 * Theory of operation
 * -------------------
 * Hosts hold lists of VMs.  The peer adds up floating-point numbers in the order of such a list, so the order is part
 * of the state: arrivals go to the end, departures close the gap.  A VM on its way is in two lists, at its source and
 * at its destination ("incoming" there); vm_host is the source until it has arrived.
 *
 *     list of a host:   | runs here, or leaves, or comes in ... | planned by this tick ... |
 *                       0                                 length                    planned
 *
 * A tick decides on a plan beside the state: each host has a DayPlan whose sums include the VMs planned for it so far,
 * and an undo log takes plans back (day-plan.c).  Nothing of the state changes until the plan is complete; then its
 * moves are started in order and all plans are forgotten.
 *
 * Numbers that decide are computed by the same operations in the same order as in the peer, and these files are
 * compiled without contraction of a * b + c.  Where a shortcut gives the same answer except for rounding, it is taken
 * only if the answer is clear, else the long way is gone (day-detect.c, day-place.c). */
#pragma once

#include <math.h>

#include "base/rng.h"
#include "sim/day.h"

#define DAY_NONE    G_MAXUINT32
#define DAY_HISTORY 30 /* samples that the peer keeps of each VM */

typedef struct DayList {
    guint32 *vms;
    guint32 length;
    guint32 planned; /* >= length */
    guint32 room;
} DayList;

/* One host as the tick's plan sees it; 64 bytes, for it is what the search for hosts reads. */
typedef struct DayPlan {
    double used;  /* MIPS given to VMs, planned ones included */
    double free;  /* MIPS not given */
    double asked; /* MIPS asked for */
    double watts; /* that the power after a move is compared with */
    double mean;  /* of the host's last ten loads, for the regression; day-detect.c */
    double slope;
    float ram_max_mib; /* largest VM */
    guint8 excluded;   /* DAY_EXCLUDED_ bits */
    guint8 type;
    guint8 seasoned; /* has more than nine samples of load above 0 */
    guint8 history_valid;
    float ram_free_mib; /* not promised; not looked at with forgotten-ram */
    float nic_free_kbit_per_s;
} DayPlan;

enum {
    DAY_EXCLUDED_OVERLOADED = 1,
    DAY_EXCLUDED_OFF = 2,    /* may not be woken in this phase */
    DAY_EXCLUDED_TRIED = 4,  /* was to be emptied */
    DAY_EXCLUDED_TARGET = 8, /* is not to be emptied: it was chosen as a destination */
};

typedef struct DayUndo {
    guint32 host;
    DayPlan before;
} DayUndo;

enum {
    DAY_VM_GONE = 1,   /* defect vanishing-vms */
    DAY_VM_MOVING = 2, /* in migration */
};

/* Where a time lies among the samples of the trace: the two around it, and how far it is behind the first. */
typedef struct DaySlot {
    guint first;
    guint second;
    double offset_s;
} DaySlot;

typedef struct DayMeter DayMeter;

typedef struct Day {
    const DayConfig *config;
    const DayFleet *fleet;  /* in the order of 'order', as all numbers of VMs here */
    struct DayOrder *order; /* NULL: the caller's */
    const Trace *trace;
    guint32 defects;
    gboolean exact; /* the peer to the bit */
    double now_s;
    guint history; /* samples that VMs have */
    Rng rng;
    guint64 java_random; /* state of the peer's random numbers */

    double capacity[256]; /* MIPS, by host type */
    double core[256];     /* MIPS of one core */

    /* Hosts. */
    DayList *lists;
    DayPlan *plans;
    double *used;    /* MIPS given at the last update, a leaving VM counted in full */
    double *asked;   /* MIPS asked for then */
    double *load;    /* used / capacity */
    double *watts;   /* at load */
    float *ram_free; /* not promised to any VM here or on its way here */
    float *nic_free;
    guint8 *hash_bits; /* size of the peer's hash table; day-java.h */
    guint64 *off;      /* [types * off_words] bits: hosts of the type without any VM */
    guint off_words;
    guint off_from[256];  /* by type: no bit is set in the words below */
    guint32 *active;      /* hosts with a VM or a planned one, no order */
    guint32 *active_slot; /* place in 'active' or DAY_NONE */
    guint32 n_active;
    double *loads; /* [hosts * DAY_HISTORY] of mad and iqr: planned loads, newest first; NULL for others */

    /* VMs. */
    guint32 *vm_host;
    guint32 *vm_dst; /* of the last migration, while DAY_VM_MOVING */
    guint8 *vm_flags;
    float *vm_held_until_s; /* it has moved; physical mode only */
    double *vm_asked;       /* MIPS */
    double *vm_given;
    double *vm_mean; /* of its last ten shares, and how they rise per tick; lr and lrr only */
    double *vm_slope;
    guint8 *vm_seasoned;
    double *row_samples; /* [ticks * rows] the samples taken, when no VM is shifted */
    DaySlot *slots;      /* [ticks] where they were taken */
    guint n_ticks;       /* room in the two */
    double percent[101]; /* n / 100.0 */

    /* The plan of this tick. */
    struct DayIndex *index;  /* of the plans; NULL: scan */
    GArray *moves;           /* DayMove */
    GArray *undo;            /* DayUndo */
    gboolean may_wake;       /* hosts that are off may be chosen */
    gboolean promises_count; /* RAM and network limit the choice */
    double least_asked;      /* MIPS looked for at this tick so far */
    guint32 *overloaded;
    guint32 n_overloaded;

    DayMeter *meter;
    DayResult *result;
} Day;

/* -- day-state.c ----------------------------------------------------------------------------------------------------
 */

Day *day_new(const DayConfig *config);
void day_free(Day *day);

DaySlot day_slot(const Day *day, double time_s);

/* The VM's share of its CPU there; between samples in a straight line. */
double day_share_at(const Day *day, guint32 vm, const DaySlot *slot);

/* Moves to 'time_s': vm_asked of every VM that is there becomes what it asks for then. */
void day_move_clock(Day *day, double time_s);

/* Its share at its sample before the newest 'age' ones; age < day->history. */
double day_past_share(const Day *day, guint32 vm, guint age);

/* Notes that every VM takes a sample now: day->history grows by one. */
void day_take_samples(Day *day);

void day_list_add(Day *day, guint32 host, guint32 vm);
void day_list_remove(Day *day, guint32 host, guint32 vm);

/* A host has its first VM, planned or real; it has none any more: its plan is that of an idle host. */
void day_activate(Day *day, guint32 host);
void day_deactivate(Day *day, guint32 host);

/* The first host of 'type' without a VM, or DAY_NONE. */
guint32 day_first_off(Day *day, guint type);

static inline const DayHostType *day_type_of_host(const Day *day, guint32 host)
{
    return &day->fleet->host_types[day->plans[host].type];
}

static inline const DayVmType *day_type_of_vm(const Day *day, guint32 vm)
{
    return &day->fleet->vm_types[day->fleet->vm_type[vm]];
}

static inline gboolean day_has(const Day *day, DayDefect defect)
{
    return (day->defects & (guint32)defect) != 0;
}

/* -- day-allocate.c: who gets what of a host ------------------------------------------------------------------------
 */

/* Shares the host's MIPS among the VMs on its list by what they ask for now; sets used, asked, load, watts of the host
 * and vm_given of those that run here. */
void day_host_update(Day *day, guint32 host);

/* -- day-detect.c ---------------------------------------------------------------------------------------------------
 */

/* At a tick, after day_take_samples: the trends of VMs and the plans of all active hosts from the state. */
void day_detect_prepare(Day *day);

/* Is 'host' overloaded with the VMs vms[0..length)?  The long way. */
gboolean day_overloaded_list(Day *day, guint32 host, const guint32 *vms, guint length);

/* Is 'host' as planned?  With 'vm' added (DAY_NONE: as it is)? */
gboolean day_overloaded(Day *day, guint32 host, guint32 vm);

/* -- day-select.c ---------------------------------------------------------------------------------------------------
 */

/* Appends to 'out' (guint32) the VMs that leave the overloaded 'host', in the order of selection. */
void day_select(Day *day, guint32 host, GArray *out);

/* -- day-plan.c, day-place.c, day-underload.c -----------------------------------------------------------------------
 */

void day_plan_begin(Day *day); /* plans equal the state */
void day_plan_add(Day *day, guint32 vm, guint32 host);
void day_plan_undo(Day *day, guint mark); /* back to day->undo->len == mark */
void day_plan_end(Day *day);              /* lists without planned VMs */

/* Sets DAY_EXCLUDED_ bits that keep the host from being chosen. */
void day_plan_exclude(Day *day, guint32 host, guint8 why);

/* The host is about to change, or not to be a destination any more: what the searches so far did to it in the peer. */
void day_plan_note_trial(Day *day, guint32 host);

/* The host that takes 'vm' for the least power, or DAY_NONE. */
guint32 day_find_host(Day *day, guint32 vm);

/* The order of preference among hosts: least watts; in the physical mode, to the milliwatt, then the fullest; then the
 * lowest index. */
typedef struct DayBest {
    guint32 host; /* DAY_NONE: none yet */
    double watts_more;
    double load;
} DayBest;

static inline double day_milliwatts(double watts)
{
    return rint(watts * 1000) / 1000;
}

/* Takes 'host' into '*best' if 'vm' can go there and it is preferred. */
void day_consider(Day *day, guint32 host, guint32 vm, DayBest *best);

/* Orders VMs by falling demand; equal ones stay in order. */
void day_sort_by_demand(const Day *day, guint32 *vms, guint length);

/* Marks overloaded hosts in their plans and lists them in day->overloaded, ascending. */
void day_find_overloaded(Day *day);

/* Appends the moves that relieve overloaded hosts, and those that empty underused ones. */
void day_relieve(Day *day);
void day_empty_underused(Day *day);

/* -- day-meter.c ----------------------------------------------------------------------------------------------------
 */

DayMeter *day_meter_new(const Day *day);
void day_meter_free(DayMeter *meter);

/* What 'host' and the VMs that run there were given since the last call for it, until 'to_s'.  To be called before
 * day_host_update changes that. */
void day_meter_host(DayMeter *meter, const Day *day, guint32 host, double to_s);

/* All updates at this moment have been made: which hosts are on now? */
void day_meter_settle(DayMeter *meter, const Day *day);

/* The row of the series after a tick; the time, energy and migrations are the caller's. */
void day_meter_tick(const Day *day, DayTick *tick);

void day_meter_energy(DayMeter *meter, Day *day, double time_s, double joules);
/* A migration has started; one has ended: 'number' is what the start gave. */
guint day_meter_start(DayMeter *meter, Day *day, const DayMove *move);
void day_meter_end(DayMeter *meter, Day *day, guint number, const DayMigration *migration, double downtime_s);
void day_meter_finish(DayMeter *meter, Day *day);

/* -- day-transfer.c: the migrations of the physical mode -------------------------------------------------------------
 */

typedef struct DayTransfers DayTransfers;

/* A migration that has ended. */
typedef struct DayArrival {
    double time_s;
    double start_s;
    double sent_mib;
    double downtime_s;
    guint32 vm;
    guint32 dst;
    guint number; /* of day_meter_start */
} DayArrival;

/* What 'vm' writes now. */
double day_dirty_mib_per_s(const Day *day, guint32 vm);

DayTransfers *day_transfers_new(const Day *day);
void day_transfers_free(DayTransfers *transfers);
guint day_transfers_running(const DayTransfers *transfers);

/* Starts one now, or 'delay_s' later when the destination must wake first. */
void day_transfers_add(DayTransfers *transfers, const DayMove *move, guint number, double delay_s);

/* The next end before 'until_s', if any; time has moved to it then. */
gboolean day_transfers_next(DayTransfers *transfers, double until_s, DayArrival *arrival);

/* How long a migration takes that has both links to itself. */
double day_transfer_alone_s(const Day *day, guint32 vm, guint32 src, guint32 dst);

/* -- the loops ------------------------------------------------------------------------------------------------------
 */

/* day-first.c: first placement at time 0; FALSE with an error when a VM finds no host. */
gboolean day_place_first(Day *day, GError **error);

/* Takes VMs that ask for nothing and are not in migration off their hosts, for ever (defect vanishing-vms). */
void day_vanish(Day *day);

/* Tells the caller; FALSE with an error when it has had enough. */
gboolean day_tick_done(Day *day, DayTick *tick, DayProgressFunc progress, gpointer user_data, GError **error);

gboolean day_run_cloudsim(Day *day, DayProgressFunc progress, gpointer user_data, GError **error);
gboolean day_run_physical(Day *day, DayProgressFunc progress, gpointer user_data, GError **error);

/* Safety properties; FALSE with an error that names the first that is broken. */
gboolean day_check(const Day *day, GError **error);
