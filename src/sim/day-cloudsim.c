/* SPDX-License-Identifier: Apache-2.0
 *
 * The peer's day: CloudSim 3.0.3, power package, PlanetLab example.
 *
 * Two kinds of events: ticks, every interval from 0.1 s on (VMs are made at 0 and get their work at 0.1), and ends of
 * migrations.  At each event, first every host is brought up to now and the energy since the event before is counted
 * from its load then and now; then VMs that ask for nothing vanish; then the event itself happens:
 *
 *   a tick    VMs take a sample, the policy decides, its migrations start and the hosts of both ends are updated;
 *   an end    the VM leaves its source's list and goes to the end of its destination's.  Ends at the same moment, as of
 *             VMs with as much RAM, are one event; after the last all is updated once more, and VMs vanish again.
 *
 * A migration takes RAM over half of the destination's network and shares it with nobody, so all end before the next
 * tick: a fleet where they would not is refused.  One VM may be moved twice at one tick (defect stale-targets): both
 * migrations run and end together, in order. */
#include <string.h>

#include "base/error.h"
#include "sim/day-private.h"

#define FIRST_WORK_S 0.1

typedef struct Arrival {
    double time_s;
    guint32 vm;
    guint32 dst;
} Arrival;

static double seconds_of_move(const Day *day, const DayMove *move)
{
    double mib_per_s = day_type_of_host(day, move->dst)->nic_kbit_per_s / (2 * 8000);

    return day_type_of_vm(day, move->vm)->ram_mib / mib_per_s;
}

static double joules_between(double watts_then, double watts_now, double seconds)
{
    return (watts_then + (watts_now - watts_then) / 2) * seconds;
}

/* Every host up to 'time_s'. */
static void update_all(Day *day, double time_s, double seconds, double *joules)
{
    for (guint32 i = 0; i < day->n_active; i++) {
        day_meter_host(day->meter, day, day->active[i], time_s);
    }
    if (day->history > 0) {
        day_meter_settle(day->meter, day);
    }
    day_move_clock(day, time_s);
    for (guint32 i = 0; i < day->n_active; i++) {
        guint32 host = day->active[i];
        gboolean counts = day->load[host] != 0;
        double watts = day->watts[host];

        day_host_update(day, host);
        joules[host] = counts ? joules_between(watts, day->watts[host], seconds) : 0;
    }
}

static double all_at_full_power(const Day *day, double seconds)
{
    double sum = 0;

    for (guint32 host = 0; host < day->fleet->hosts; host++) {
        sum += power_watts(day_type_of_host(day, host)->power, 1) * seconds;
    }
    return sum;
}

static double advance(Day *day, double time_s, double *joules)
{
    double seconds = time_s - day->now_s;
    double sum = 0;

    update_all(day, time_s, seconds, joules);
    for (guint32 host = 0; host < day->fleet->hosts; host++) {
        sum += day->active_slot[host] != DAY_NONE ? joules[host] : 0;
    }
    if (day->config->policy.detector == DAY_DETECTOR_NPA) {
        sum = all_at_full_power(day, seconds);
    }
    day_meter_energy(day->meter, day, time_s, sum);
    day->result->totals.vm_events += day->fleet->vms - day->result->totals.vms_vanished;
    day_vanish(day);
    return sum;
}

static void touch(Day *day, guint32 host)
{
    day_meter_host(day->meter, day, host, day->now_s);
    day_host_update(day, host);
}

static void decide(Day *day, DayTick *tick)
{
    day_plan_begin(day);
    day_detect_prepare(day);
    day_relieve(day);
    day_empty_underused(day);
    day_plan_end(day);
    tick->overloaded = day->n_overloaded;
    tick->started = day->moves->len;
}

/* Starts the moves; their ends are put in 'arrivals', which is in order of time. */
static void start_moves(Day *day, GArray *arrivals)
{
    for (guint i = 0; i < day->moves->len; i++) {
        const DayMove *move = &g_array_index(day->moves, DayMove, i);
        double seconds = seconds_of_move(day, move);
        Arrival arrival = {day->now_s + seconds, move->vm, move->dst};
        DayMigration migration = {.time_s = day->now_s,
                                  .duration_s = seconds,
                                  .bytes = day_type_of_vm(day, move->vm)->ram_mib * 1024 * 1024,
                                  .vm = move->vm};
        guint at = arrivals->len;

        while (at > 0 && g_array_index(arrivals, Arrival, at - 1).time_s > arrival.time_s) {
            at--;
        }
        g_array_insert_val(arrivals, at, arrival);
        day_meter_end(day->meter, day, day_meter_start(day->meter, day, move), &migration, 0);
        day->vm_flags[move->vm] |= DAY_VM_MOVING;
        day_list_add(day, move->dst, move->vm);
    }
    for (guint i = 0; i < day->moves->len; i++) {
        const DayMove *move = &g_array_index(day->moves, DayMove, i);

        touch(day, move->dst);
        touch(day, day->vm_host[move->vm]);
    }
}

static void arrive(Day *day, const Arrival *arrival)
{
    day_list_remove(day, day->vm_host[arrival->vm], arrival->vm);
    day_list_remove(day, arrival->dst, arrival->vm);
    day_list_add(day, arrival->dst, arrival->vm);
    day->vm_flags[arrival->vm] &= (guint8)~DAY_VM_MOVING;
    day->vm_host[arrival->vm] = arrival->dst;
}

/* The ends from 'first' on that come together; returns the one behind them. */
static guint arrive_together(Day *day, const GArray *arrivals, guint first)
{
    const Arrival *all = (const Arrival *)(gconstpointer)arrivals->data;
    g_autofree guint32 *sources = g_new(guint32, arrivals->len - first);
    guint next = first;

    while (next < arrivals->len && all[next].time_s == all[first].time_s) {
        sources[next - first] = day->vm_host[all[next].vm];
        arrive(day, &all[next]);
        next++;
    }
    for (guint i = first; i < next; i++) {
        touch(day, sources[i - first]);
        touch(day, all[i].dst);
    }
    day_vanish(day);
    return next;
}

static gboolean moves_are_short(const Day *day, GError **error)
{
    const DayFleet *fleet = day->fleet;

    for (guint i = 0; i < fleet->n_vm_types; i++) {
        for (guint j = 0; j < fleet->n_host_types; j++) {
            double seconds = fleet->vm_types[i].ram_mib / (fleet->host_types[j].nic_kbit_per_s / (2 * 8000));

            if (seconds >= day->config->interval_s) {
                g_set_error(
                    error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "mode cloudsim: a VM of type %s takes %.0f s to a host of type %s, longer than the interval "
                    "of %.0f s: use mode physical",
                    fleet->vm_types[i].name, seconds, fleet->host_types[j].name, day->config->interval_s);
                return FALSE;
            }
        }
    }
    return TRUE;
}

static gboolean migrates(const Day *day)
{
    return day->config->policy.detector != DAY_DETECTOR_NPA && day->config->policy.detector != DAY_DETECTOR_DVFS;
}

static gboolean checked(const Day *day, GError **error)
{
    return !day->config->check || day_check(day, error);
}

gboolean day_run_cloudsim(Day *day, DayProgressFunc progress, gpointer user_data, GError **error)
{
    g_autoptr(GArray) arrivals = g_array_new(FALSE, FALSE, sizeof(Arrival));
    g_autofree double *joules = g_new0(double, day->fleet->hosts);
    double since_tick_j = 0;

    if (!moves_are_short(day, error) || !day_place_first(day, error)) {
        return FALSE;
    }
    for (double time_s = FIRST_WORK_S + day->config->interval_s; time_s < day->config->limit_s;
         time_s += day->config->interval_s) {
        DayTick tick = {.time_s = time_s};

        tick.energy_j = since_tick_j + advance(day, time_s, joules);
        since_tick_j = 0;
        day_take_samples(day);
        g_array_set_size(arrivals, 0);
        if (migrates(day)) {
            decide(day, &tick);
            start_moves(day, arrivals);
        }
        if (!checked(day, error) || !day_tick_done(day, &tick, progress, user_data, error)) {
            return FALSE;
        }
        for (guint next = 0;
             next < arrivals->len && g_array_index(arrivals, Arrival, next).time_s < day->config->limit_s;) {
            since_tick_j += advance(day, g_array_index(arrivals, Arrival, next).time_s, joules);
            next = arrive_together(day, arrivals, next);
            if (!checked(day, error)) {
                return FALSE;
            }
        }
    }
    day_meter_settle(day->meter, day);
    return TRUE;
}
