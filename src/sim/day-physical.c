/* SPDX-License-Identifier: Apache-2.0
 *
 * The day as it would be: ticks every interval, between them migrations that start, share links and end.
 *
 * At a tick all VMs take a sample and all hosts are updated.  At the end of a migration only its two hosts are: each
 * host has its own time up to which energy and work are counted, and its power is taken to change in a straight line
 * between two of its updates.  The day is counted from 0 to the limit.
 *
 * A host is on from the moment a migration to it is decided (it draws full power while it wakes, if it was off, and
 * the migration begins after that) until the last VM has left it. */
#include <string.h>

#include "base/error.h"
#include "sim/day-private.h"
#include "sim/day-view.h"

typedef struct Physical {
    Day *day;
    DayTransfers *transfers;
    double *since_s; /* by host: up to then its energy is counted */
    double joules;   /* since the last energy event */
    double counted_from_s;
} Physical;

/* Counts the host's energy up to 'time_s' given its power then. */
static void count_energy(Physical *physical, guint32 host, double watts_before, double time_s)
{
    double from_s = MAX(physical->since_s[host], physical->counted_from_s);

    if (time_s > from_s) {
        physical->joules += (watts_before + physical->day->watts[host]) / 2 * (time_s - from_s);
    }
    physical->since_s[host] = time_s;
}

static void update_host(Physical *physical, guint32 host, double time_s)
{
    Day *day = physical->day;
    double watts = day->watts[host];

    day_host_update(day, host);
    count_energy(physical, host, watts, time_s);
}

/* What the residents of 'host' ask for at 'time_s'. */
static void refresh_demand(Day *day, guint32 host, double time_s)
{
    const DayList *list = &day->lists[host];
    DaySlot slot = day_slot(day, time_s);

    for (guint32 i = 0; i < list->length; i++) {
        guint32 vm = list->vms[i];

        if (day->vm_host[vm] == host) {
            day->vm_asked[vm] = day_share_at(day, vm, &slot) * day_type_of_vm(day, vm)->mips;
        }
    }
}

static void update_all(Physical *physical, double time_s)
{
    Day *day = physical->day;

    for (guint32 i = 0; i < day->n_active; i++) {
        day_meter_host(day->meter, day, day->active[i], time_s);
    }
    day_move_clock(day, time_s);
    for (guint32 i = 0; i < day->n_active; i++) {
        update_host(physical, day->active[i], time_s);
    }
    day->result->totals.vm_events += day->fleet->vms - day->result->totals.vms_vanished;
}

/* The host's list has changed, at a moment up to which it is counted already. */
static void settle_host(Physical *physical, guint32 host)
{
    day_meter_host(physical->day->meter, physical->day, host, physical->day->now_s);
    day_host_update(physical->day, host);
    physical->since_s[host] = physical->day->now_s;
}

static void arrive(Physical *physical, const DayArrival *arrival)
{
    Day *day = physical->day;
    guint32 vm = arrival->vm, src = day->vm_host[vm], dst = arrival->dst;
    const DayVmType *type = day_type_of_vm(day, vm);
    DayMigration migration = {.time_s = arrival->start_s,
                              .duration_s = arrival->time_s - arrival->start_s,
                              .bytes = arrival->sent_mib * 1024 * 1024,
                              .vm = vm};

    day->now_s = arrival->time_s;
    for (guint i = 0; i < 2; i++) {
        guint32 host = i == 0 ? src : dst;

        day_meter_host(day->meter, day, host, day->now_s);
        refresh_demand(day, host, day->now_s);
        update_host(physical, host, day->now_s);
    }
    day_meter_end(day->meter, day, arrival->number, &migration, arrival->downtime_s);
    day_list_remove(day, src, vm);
    day_list_remove(day, dst, vm);
    day_list_add(day, dst, vm);
    day->vm_flags[vm] &= (guint8)~DAY_VM_MOVING;
    day->vm_host[vm] = dst;
    day->vm_held_until_s[vm] = (float)(day->now_s + day->config->settings.hold_s);
    day->ram_free[src] += (float)type->ram_mib;
    day->nic_free[src] += (float)type->nic_kbit_per_s;
    if (day->active_slot[src] == DAY_NONE) {
        day->plans[src].ram_free_mib = day->ram_free[src];
        day->plans[src].nic_free_kbit_per_s = day->nic_free[src];
    }
    settle_host(physical, src);
    settle_host(physical, dst);
}

/* How long the migration must wait for its destination, whose waking is paid for here. */
static double wake(Physical *physical, guint32 dst)
{
    Day *day = physical->day;
    const PowerCurve *power = day_type_of_host(day, dst)->power;
    double wake_s = day->config->settings.wake_s;

    if (day_has(day, DAY_DEFECT_FREE_WAKE_UP) || day->lists[dst].length > 0) {
        return 0;
    }
    physical->joules += (power_watts(power, 1) - power_watts(power, 0)) * wake_s;
    return wake_s;
}

static void start_moves(Physical *physical)
{
    Day *day = physical->day;
    const DayMove *moves = (const DayMove *)(gconstpointer)day->moves->data;
    guint length = day->moves->len;
    g_autofree double *delays_s = g_new(double, MAX(length, 1));

    for (guint i = 0; i < length; i++) {
        delays_s[i] = wake(physical, moves[i].dst);
    }
    for (guint i = 0; i < length; i++) {
        guint32 vm = moves[i].vm, dst = moves[i].dst;
        const DayVmType *type = day_type_of_vm(day, vm);

        day_transfers_add(physical->transfers, &moves[i], day_meter_start(day->meter, day, &moves[i]), delays_s[i]);
        day->vm_flags[vm] |= DAY_VM_MOVING;
        day->vm_dst[vm] = dst;
        day_list_add(day, dst, vm);
        day->ram_free[dst] -= (float)type->ram_mib;
        day->nic_free[dst] -= (float)type->nic_kbit_per_s;
    }
    for (guint i = 0; i < length; i++) {
        settle_host(physical, moves[i].dst);
        settle_host(physical, day->vm_host[moves[i].vm]);
    }
}

static gboolean decide(Day *day, DayTick *tick, GError **error)
{
    gboolean ok = TRUE;

    day->n_overloaded = 0;
    g_array_set_size(day->moves, 0);
    if (day->config->policy.detector == DAY_DETECTOR_NPA || day->config->policy.detector == DAY_DETECTOR_DVFS) {
        return TRUE;
    }
    day_plan_begin(day);
    day_detect_prepare(day);
    if (day->config->place != NULL) {
        ok = day_place_by_caller(day, error);
    } else {
        day_relieve(day);
    }
    if (ok) {
        day_empty_underused(day);
    }
    day_plan_end(day);
    tick->overloaded = day->n_overloaded;
    tick->started = day->moves->len;
    return ok;
}

static gboolean checked(const Day *day, GError **error)
{
    return !day->config->check || day_check(day, error);
}

static double take_energy(Physical *physical, double time_s)
{
    Day *day = physical->day;
    double joules = physical->joules;

    if (day->config->policy.detector == DAY_DETECTOR_NPA) {
        double from_s = day->result->ticks->len * day->config->interval_s;

        joules = 0;
        for (guint32 host = 0; host < day->fleet->hosts; host++) {
            joules += power_watts(day_type_of_host(day, host)->power, 1) *
                      MAX(0.0, time_s - MAX(from_s, physical->counted_from_s));
        }
    }
    physical->joules = 0;
    day_meter_energy(day->meter, day, time_s, joules);
    return joules;
}

static gboolean play_transfers(Physical *physical, double until_s, GError **error)
{
    DayArrival arrival;

    while (day_transfers_next(physical->transfers, until_s, &arrival)) {
        arrive(physical, &arrival);
        if (!checked(physical->day, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean play_tick(Physical *physical, double time_s, DayTick *tick, GError **error)
{
    Day *day = physical->day;

    tick->time_s = time_s;
    tick->running = day_transfers_running(physical->transfers);
    day_meter_settle(day->meter, day);
    update_all(physical, time_s);
    tick->energy_j = take_energy(physical, time_s);
    if (day_has(day, DAY_DEFECT_VANISHING_VMS)) {
        day_vanish(day);
    }
    day_take_samples(day);
    if (!decide(day, tick, error)) {
        return FALSE;
    }
    start_moves(physical);
    return checked(day, error);
}

static gboolean play(Physical *physical, DayProgressFunc progress, gpointer user_data, GError **error)
{
    Day *day = physical->day;
    const DayConfig *config = day->config;

    if (!day_place_first(day, error)) {
        return FALSE;
    }
    update_all(physical, 0);
    physical->joules = 0;
    for (guint i = 1; i * config->interval_s < config->limit_s; i++) {
        DayTick tick = {0};

        if (!play_transfers(physical, i * config->interval_s, error) ||
            !play_tick(physical, i * config->interval_s, &tick, error) ||
            !day_tick_done(day, &tick, progress, user_data, error)) {
            return FALSE;
        }
    }
    if (!play_transfers(physical, config->limit_s, error)) {
        return FALSE;
    }
    if (!day_has(day, DAY_DEFECT_FREE_LAST_INTERVAL)) {
        update_all(physical, config->limit_s);
        take_energy(physical, config->limit_s);
    }
    day_meter_settle(day->meter, day);
    return TRUE;
}

gboolean day_run_physical(Day *day, DayProgressFunc progress, gpointer user_data, GError **error)
{
    Physical physical = {.day = day, .transfers = day_transfers_new(day), .since_s = g_new0(double, day->fleet->hosts)};

    if (day_has(day, DAY_DEFECT_FREE_FIRST_INTERVAL)) {
        physical.counted_from_s = day->config->interval_s;
    }
    gboolean ok = play(&physical, progress, user_data, error);

    day_transfers_free(physical.transfers);
    g_free(physical.since_s);
    return ok;
}
