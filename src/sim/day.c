/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame of a run: the config is checked, the mode's loop is played, the result is put together.  See day.h. */
#include "sim/day.h"

#include <math.h>

#include "base/error.h"
#include "sim/day-order.h"
#include "sim/day-private.h"

void day_config_init(DayConfig *config, DayMode mode, const DayFleet *fleet)
{
    *config = (DayConfig){.mode = mode,
                          .fleet = fleet,
                          .policy = {DAY_DETECTOR_LR, DAY_SELECTOR_MMT, 1.2},
                          .interval_s = 300,
                          .limit_s = 86400,
                          .keep_migrations = TRUE,
                          .keep_events = TRUE};
    day_settings_init(&config->settings);
}

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "simulated day: %s", what);
    return FALSE;
}

static gboolean types_make_sense(const DayFleet *fleet, GError **error)
{
    for (guint i = 0; i < fleet->n_host_types; i++) {
        const DayHostType *type = &fleet->host_types[i];

        if (type->cores == 0 || !(type->mips_per_core > 0) || !(type->ram_mib > 0) || !(type->nic_kbit_per_s > 0) ||
            type->power == NULL) {
            return refuse(error, "host type %s needs cores, MIPS, RAM, network and a power curve", type->name);
        }
    }
    for (guint i = 0; i < fleet->n_vm_types; i++) {
        const DayVmType *type = &fleet->vm_types[i];

        if (!(type->mips > 0) || !(type->ram_mib > 0) || !(type->nic_kbit_per_s >= 0)) {
            return refuse(error, "VM type %s needs MIPS and RAM", type->name);
        }
    }
    return TRUE;
}

static gboolean fleet_makes_sense(const DayFleet *fleet, GError **error)
{
    if (fleet->hosts == 0 || fleet->vms == 0 || fleet->trace == NULL) {
        return refuse(error, "%u hosts, %u VMs%s: there must be some of each", fleet->hosts, fleet->vms,
                      fleet->trace == NULL ? ", no trace" : "");
    }
    if (fleet->n_host_types == 0 || fleet->n_host_types > 255 || fleet->n_vm_types == 0 || fleet->n_vm_types > 255) {
        return refuse(error, "%u host types and %u VM types: expected 1 to 255", fleet->n_host_types,
                      fleet->n_vm_types);
    }
    for (guint host = 0; host < fleet->hosts; host++) {
        if (fleet->host_type[host] >= fleet->n_host_types) {
            return refuse(error, "host %u is of type %u, there are %u", host, fleet->host_type[host],
                          fleet->n_host_types);
        }
    }
    for (guint vm = 0; vm < fleet->vms; vm++) {
        guint row = fleet->vm_row != NULL ? fleet->vm_row[vm] : vm;

        if (fleet->vm_type[vm] >= fleet->n_vm_types || row >= fleet->trace->vms) {
            return refuse(error, "VM %u is of type %u of %u and follows row %u of %u", vm, fleet->vm_type[vm],
                          fleet->n_vm_types, row, fleet->trace->vms);
        }
    }
    return types_make_sense(fleet, error);
}

static gboolean config_makes_sense(const DayConfig *config, GError **error)
{
    const Trace *trace = config->fleet->trace;

    if (!fleet_makes_sense(config->fleet, error)) {
        return FALSE;
    }
    if (!isfinite(config->interval_s) || config->interval_s < 1 || !isfinite(config->limit_s) ||
        config->limit_s <= config->interval_s || config->limit_s / config->interval_s > 1e6) {
        return refuse(error,
                      "an interval of %g s in %g s: expected 1 s or more, and at least two and at most a million",
                      config->interval_s, config->limit_s);
    }
    if (config->limit_s > trace->samples * trace->interval_s + 1e-6) {
        return refuse(error, "%g s asked for, the trace has %u samples of %g s", config->limit_s, trace->samples,
                      trace->interval_s);
    }
    if (config->settings.migration_load < 0 || config->settings.migration_load >= 1) {
        return refuse(error, "migration_load is %g; expected 0 up to, but not, 1", config->settings.migration_load);
    }
    if (config->place != NULL && config->mode == DAY_MODE_CLOUDSIM) {
        return refuse(error, "a placer goes with mode physical, not with cloudsim");
    }
    return TRUE;
}

static DayResult *result_new(guint vms)
{
    DayResult *result = g_new0(DayResult, 1);

    result->initial = g_new(guint32, vms);
    result->vms = vms;
    result->ticks = g_array_new(FALSE, FALSE, sizeof(DayTick));
    result->migrations = g_array_new(FALSE, FALSE, sizeof(DayMigration));
    result->energy_events = g_array_new(FALSE, FALSE, sizeof(DayEnergyEvent));
    return result;
}

void day_result_free(DayResult *result)
{
    if (result != NULL) {
        g_free(result->initial);
        g_array_unref(result->ticks);
        g_array_unref(result->migrations);
        g_array_unref(result->energy_events);
        g_free(result);
    }
}

gboolean day_tick_done(Day *day, DayTick *tick, DayProgressFunc progress, gpointer user_data, GError **error)
{
    day_meter_tick(day, tick);
    g_array_append_val(day->result->ticks, *tick);
    if (progress != NULL && !progress(tick->time_s, day->config->limit_s, tick, user_data)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_CANCELLED, "the simulation was stopped at %.0f s", tick->time_s);
        return FALSE;
    }
    return TRUE;
}

DayResult *day_run(const DayConfig *config, DayProgressFunc progress, gpointer user_data, GError **error)
{
    if (!config_makes_sense(config, error)) {
        return NULL;
    }
    Day *day = day_new(config);

    day->result = result_new(config->fleet->vms);
    day->meter = day_meter_new(day);
    gboolean ok = day->exact ? day_run_cloudsim(day, progress, user_data, error)
                             : day_run_physical(day, progress, user_data, error);
    DayResult *result = NULL;

    if (ok) {
        day_meter_finish(day->meter, day);
        day_order_restore(day->order, day->result);
        result = g_steal_pointer(&day->result);
    }
    day_meter_free(day->meter);
    day_free(day);
    return result;
}
