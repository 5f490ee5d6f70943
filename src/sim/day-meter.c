/* SPDX-License-Identifier: Apache-2.0
 *
 * What a day cost: energy, work not done, hosts switched on and off.
 *
 * Beloglazov and Buyya 2012, section 3: SLATAH is the share of a host's time on in which it gave less than was asked
 * for; PDM the work lost through migrations; SLAV their product.  As in the peer both are pooled (the paper averages
 * them over hosts and VMs).
 *
 * Between two updates everything is taken as it was at the first, so an interval is counted when it ends, before the
 * next update.  Sums are kept per host and per VM and added up once at the end, in their order. */
#include <string.h>

#include "sim/day-private.h"

typedef struct HostMeter {
    double since_s; /* below 0: no update yet */
    double on_s;
    double short_s; /* gave less than was asked for */
    gboolean on;    /* after the last settling */
} HostMeter;

typedef struct VmMeter {
    double given; /* MIPS * s */
    double asked;
    double lost; /* asked and not given during a migration */
    double shares_missing;
    guint32 intervals_missing;
    double migrated_s; /* end of the last migration */
} VmMeter;

struct DayMeter {
    HostMeter *hosts;
    VmMeter *vms;
    double duration_sum_s;
    double time_before_sum_s;
    double bytes;
    guint64 ended;
};

DayMeter *day_meter_new(const Day *day)
{
    DayMeter *meter = g_new0(DayMeter, 1);

    meter->hosts = g_new0(HostMeter, day->fleet->hosts);
    meter->vms = g_new0(VmMeter, day->fleet->vms);
    for (guint32 host = 0; host < day->fleet->hosts; host++) {
        meter->hosts[host].since_s = -1;
        meter->hosts[host].on = TRUE;
    }
    return meter;
}

void day_meter_free(DayMeter *meter)
{
    if (meter != NULL) {
        g_free(meter->hosts);
        g_free(meter->vms);
        g_free(meter);
    }
}

static void meter_vm(VmMeter *meter, const Day *day, guint32 vm, double seconds)
{
    double given = day->vm_given[vm];
    double asked = day->vm_asked[vm];

    meter->given += given * seconds;
    meter->asked += asked * seconds;
    if (given < asked) {
        meter->shares_missing += (asked - given) / asked;
        meter->intervals_missing++;
        if ((day->vm_flags[vm] & DAY_VM_MOVING) != 0) {
            meter->lost += (asked - given) * seconds;
        }
    }
}

void day_meter_host(DayMeter *meter, const Day *day, guint32 host, double to_s)
{
    HostMeter *mine = &meter->hosts[host];
    const DayList *list = &day->lists[host];
    double seconds = to_s - mine->since_s;

    if (mine->since_s >= 0 && seconds > 0) {
        if (day->used[host] > 0) {
            mine->on_s += seconds;
            mine->short_s += day->used[host] < day->asked[host] ? seconds : 0;
        }
        for (guint32 i = 0; i < list->length; i++) {
            guint32 vm = list->vms[i];

            if (day->vm_host[vm] == host) {
                meter_vm(&meter->vms[vm], day, vm, seconds);
            }
        }
    }
    mine->since_s = to_s;
}

void day_meter_settle(DayMeter *meter, const Day *day)
{
    for (guint32 host = 0; host < day->fleet->hosts; host++) {
        gboolean on = day->exact ? day->used[host] > 0 : day->lists[host].length > 0;

        if (meter->hosts[host].on && !on) {
            day->result->totals.host_shutdowns++;
        }
        meter->hosts[host].on = on;
    }
}

void day_meter_tick(const Day *day, DayTick *tick)
{
    double asked = 0, capacity = 0, response_ms = 0;
    guint32 n_short = 0, residents = 0, on = 0;
    double load_part = day->config->settings.migration_load;

    for (guint32 i = 0; i < day->n_active; i++) {
        guint32 host = day->active[i];
        const DayList *list = &day->lists[host];
        double mips = 0, surcharge = 0;
        guint32 here = 0;

        for (guint32 j = 0; j < list->length; j++) {
            guint32 vm = list->vms[j];
            gboolean resident = day->vm_host[vm] == host;

            mips += resident ? day->vm_asked[vm] : 0;
            here += resident;
            surcharge += (day->vm_flags[vm] & DAY_VM_MOVING) != 0 ? load_part * day->vm_asked[vm] : 0;
        }
        double host_capacity = day->capacity[day->plans[host].type];
        double load = MIN((mips + surcharge) / host_capacity, 0.99);

        on++;
        asked += mips;
        capacity += host_capacity;
        residents += here;
        response_ms += here * day->config->settings.service_ms / (1 - load);
        n_short += day->used[host] < day->asked[host];
    }
    tick->hosts_on = on;
    tick->load = capacity > 0 ? asked / capacity : 0;
    tick->response_ms = residents > 0 ? response_ms / residents : 0;
    tick->violations = on > 0 ? (double)n_short / on : 0;
}

void day_meter_energy(DayMeter *meter, Day *day, double time_s, double joules)
{
    DayEnergyEvent event = {time_s, joules};

    day->result->totals.energy_kwh += joules;
    day->result->totals.events++;
    if (day->config->keep_events) {
        g_array_append_val(day->result->energy_events, event);
    }
}

guint day_meter_start(DayMeter *meter, Day *day, const DayMove *move)
{
    VmMeter *mine = &meter->vms[move->vm];
    DayMigration migration = {.time_s = day->now_s, .vm = move->vm, .src = day->vm_host[move->vm], .dst = move->dst};

    day->result->totals.migrations++;
    day->result->totals.vm_events++;
    meter->time_before_sum_s += day->now_s - mine->migrated_s;
    if (day->config->keep_migrations) {
        g_array_append_val(day->result->migrations, migration);
    }
    return day->result->migrations->len - 1;
}

void day_meter_end(DayMeter *meter, Day *day, guint number, const DayMigration *migration, double downtime_s)
{
    DayTotals *totals = &day->result->totals;
    VmMeter *mine = &meter->vms[migration->vm];
    double unserved = day->vm_asked[migration->vm] * downtime_s;

    totals->vm_events++;
    totals->downtime_s += downtime_s;
    meter->ended++;
    meter->bytes += migration->bytes;
    meter->duration_sum_s += migration->duration_s;
    mine->migrated_s = migration->time_s + migration->duration_s;
    mine->lost += unserved;
    mine->given -= unserved;
    if (day->config->keep_migrations) {
        DayMigration *kept = &g_array_index(day->result->migrations, DayMigration, number);

        kept->duration_s = migration->duration_s;
        kept->bytes = migration->bytes;
    }
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void finish_ticks(DayResult *result)
{
    DayTotals *totals = &result->totals;
    double hosts = 0, response_ms = 0;

    for (guint i = 0; i < result->ticks->len; i++) {
        const DayTick *tick = &g_array_index(result->ticks, DayTick, i);

        hosts += tick->hosts_on;
        response_ms += tick->response_ms;
        totals->hosts_on_max = MAX(totals->hosts_on_max, (guint64)tick->hosts_on);
        totals->response_ms_max = MAX(totals->response_ms_max, tick->response_ms);
    }
    totals->ticks = result->ticks->len;
    totals->hosts_on_mean = ratio(hosts, result->ticks->len);
    totals->response_ms_mean = ratio(response_ms, result->ticks->len);
}

void day_meter_finish(DayMeter *meter, Day *day)
{
    DayTotals *totals = &day->result->totals;
    double on_s = 0, short_s = 0, given = 0, asked = 0, lost = 0, shares = 0;
    guint64 intervals = 0;

    for (guint32 host = 0; host < day->fleet->hosts; host++) {
        on_s += meter->hosts[host].on_s;
        short_s += meter->hosts[host].short_s;
    }
    for (guint32 vm = 0; vm < day->fleet->vms; vm++) {
        given += meter->vms[vm].given;
        asked += meter->vms[vm].asked;
        lost += meter->vms[vm].lost;
        shares += meter->vms[vm].shares_missing;
        intervals += meter->vms[vm].intervals_missing;
    }
    totals->energy_kwh /= 3600 * 1000;
    totals->slatah_pct = 100 * ratio(short_s, on_s);
    totals->pdm_pct = 100 * ratio(lost, asked);
    totals->slav_pct = 100 * ratio(short_s, on_s) * ratio(lost, asked);
    totals->overall_sla_pct = 100 * ratio(asked - given, asked);
    totals->avg_sla_pct = 100 * ratio(shares, (double)intervals);
    totals->esv = totals->energy_kwh * totals->slav_pct;
    totals->moved_gib = meter->bytes / (1024.0 * 1024 * 1024);
    totals->migration_s_mean = ratio(meter->duration_sum_s, (double)meter->ended);
    totals->time_before_migration_s = day_has(day, DAY_DEFECT_DURATION_AS_TIME)
                                          ? totals->migration_s_mean
                                          : ratio(meter->time_before_sum_s, (double)totals->migrations);
    finish_ticks(day->result);
}
