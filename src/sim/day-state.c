/* SPDX-License-Identifier: Apache-2.0
 *
 * The arrays of the day: making and freeing them, lists of VMs, and what VMs ask for at a time.  day-private.h has the
 * theory. */
#include <math.h>
#include <string.h>

#include "sim/day-index.h"
#include "sim/day-java.h"
#include "sim/day-order.h"
#include "sim/day-private.h"

static gboolean no_vm_is_shifted(const DayFleet *fleet)
{
    if (fleet->vm_shift != NULL) {
        for (guint vm = 0; vm < fleet->vms; vm++) {
            if (fleet->vm_shift[vm] != 0) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

static void new_hosts(Day *day)
{
    const DayFleet *fleet = day->fleet;
    guint hosts = fleet->hosts;

    day->lists = g_new0(DayList, hosts);
    day->plans = g_aligned_alloc0(hosts, sizeof *day->plans, 64);
    day->used = g_new0(double, hosts);
    day->asked = g_new0(double, hosts);
    day->load = g_new0(double, hosts);
    day->watts = g_new0(double, hosts);
    day->ram_free = g_new(float, hosts);
    day->nic_free = g_new(float, hosts);
    day->off_words = (hosts + 63) / 64;
    day->off = g_new0(guint64, (gsize)day->off_words * fleet->n_host_types);
    day->hash_bits = g_malloc(hosts);
    day->active = g_new(guint32, hosts);
    day->active_slot = g_new(guint32, hosts);
    day->overloaded = g_new(guint32, hosts);
    if (day->config->policy.detector == DAY_DETECTOR_MAD || day->config->policy.detector == DAY_DETECTOR_IQR) {
        day->loads = g_new0(double, (gsize)hosts *DAY_HISTORY);
    }
    for (guint host = 0; host < hosts; host++) {
        const DayHostType *type = &fleet->host_types[fleet->host_type[host]];

        day->plans[host].type = fleet->host_type[host];
        day->ram_free[host] = (float)type->ram_mib;
        day->nic_free[host] = (float)type->nic_kbit_per_s;
        day->hash_bits[host] = JAVA_HASH_BITS;
        day->active_slot[host] = 0;
        day->active[0] = host;
        day->n_active = 1;
        day_deactivate(day, host);
    }
}

static void new_vms(Day *day)
{
    const DayFleet *fleet = day->fleet;
    DayDetector detector = day->config->policy.detector;

    day->vm_host = g_new(guint32, fleet->vms);
    day->vm_dst = g_new(guint32, fleet->vms);
    day->vm_flags = g_new0(guint8, fleet->vms);
    day->vm_held_until_s = g_new0(float, fleet->vms);
    day->vm_asked = g_new0(double, fleet->vms);
    day->vm_given = g_new0(double, fleet->vms);
    if (detector == DAY_DETECTOR_LR || detector == DAY_DETECTOR_LRR) {
        day->vm_mean = g_new0(double, fleet->vms);
        day->vm_slope = g_new0(double, fleet->vms);
        day->vm_seasoned = g_new0(guint8, fleet->vms);
    }
    memset(day->vm_host, 0xff, fleet->vms * sizeof *day->vm_host);
    memset(day->vm_dst, 0xff, fleet->vms * sizeof *day->vm_dst);
}

Day *day_new(const DayConfig *config)
{
    Day *day = g_new0(Day, 1);
    day->config = config;
    day->exact = config->mode == DAY_MODE_CLOUDSIM;
    day->defects = day->exact ? (guint32)DAY_DEFECT_ALL : config->defects;
    day->order = day_has(day, DAY_DEFECT_FILE_ORDER) ? NULL : day_order_new(config->fleet);
    day->fleet = day->order != NULL ? day_order_fleet(day->order) : config->fleet;
    const DayFleet *fleet = day->fleet;

    day->trace = fleet->trace;
    day->rng = rng_new(config->seed);
    day->java_random = java_random_seed(config->seed);
    for (guint i = 0; i < fleet->n_host_types; i++) {
        day->core[i] = fleet->host_types[i].mips_per_core;
        day->capacity[i] = fleet->host_types[i].cores * fleet->host_types[i].mips_per_core;
    }
    for (guint i = 0; i <= 100; i++) {
        day->percent[i] = i / 100.0;
    }
    new_hosts(day);
    new_vms(day);
    day->n_ticks = (guint)(config->limit_s / config->interval_s) + 2;
    day->slots = g_new0(DaySlot, day->n_ticks);
    if (no_vm_is_shifted(fleet)) {
        day->row_samples = g_new0(double, (gsize)day->n_ticks * day->trace->vms);
    }
    day->moves = g_array_new(FALSE, FALSE, sizeof(DayMove));
    day->undo = g_array_new(FALSE, FALSE, sizeof(DayUndo));
    return day;
}

void day_free(Day *day)
{
    if (day == NULL) {
        return;
    }
    for (guint host = 0; host < day->fleet->hosts; host++) {
        g_free(day->lists[host].vms);
    }
    g_aligned_free(day->plans);
    gpointer arrays[] = {
        day->lists,      day->used,     day->asked,       day->load,     day->watts,           day->ram_free,
        day->nic_free,   day->off,      day->hash_bits,   day->active,   day->active_slot,     day->loads,
        day->overloaded, day->vm_host,  day->vm_dst,      day->vm_flags, day->vm_asked,        day->vm_given,
        day->vm_mean,    day->vm_slope, day->vm_seasoned, day->slots,    day->vm_held_until_s, day->row_samples};

    for (gsize i = 0; i < G_N_ELEMENTS(arrays); i++) {
        g_free(arrays[i]);
    }
    day_order_free(day->order);
    day_index_end(day);
    g_array_unref(day->moves);
    g_array_unref(day->undo);
    day_result_free(day->result);
    g_free(day);
}

DaySlot day_slot(const Day *day, double time_s)
{
    double interval_s = day->trace->interval_s;

    if (fmod(time_s, interval_s) == 0) {
        guint at = (guint)time_s / (guint)interval_s;
        return (DaySlot){at, at, 0};
    }
    double first = floor(time_s / interval_s);

    return (DaySlot){(guint)first, (guint)ceil(time_s / interval_s), time_s - first * interval_s};
}

static inline double sample_of(const Day *day, guint row, guint shift, guint sample)
{
    const Trace *trace = day->trace;
    guint at = sample + shift;

    if (at >= trace->samples) {
        at = shift > 0 ? at % trace->samples : trace->samples - 1;
    }
    gsize place = (gsize)row * trace->samples + at;

    return trace->percent != NULL ? day->percent[trace->percent[place]] : (double)trace->share[place];
}

static inline double share_of_row(const Day *day, guint row, guint shift, const DaySlot *slot)
{
    double first = sample_of(day, row, shift, slot->first);

    if (slot->first == slot->second) {
        return first;
    }
    double second = sample_of(day, row, shift, slot->second);
    double rise_per_s = (second - first) / day->trace->interval_s;

    return first + rise_per_s * slot->offset_s;
}

double day_share_at(const Day *day, guint32 vm, const DaySlot *slot)
{
    const DayFleet *fleet = day->fleet;

    return share_of_row(day, fleet->vm_row != NULL ? fleet->vm_row[vm] : vm,
                        fleet->vm_shift != NULL ? fleet->vm_shift[vm] : 0, slot);
}

void day_take_samples(Day *day)
{
    DaySlot slot = day_slot(day, day->now_s);
    guint rows = day->trace->vms;

    day->slots[day->history] = slot;
    for (guint row = 0; day->row_samples != NULL && row < rows; row++) {
        day->row_samples[(gsize)day->history * rows + row] = share_of_row(day, row, 0, &slot);
    }
    day->history++;
}

double day_past_share(const Day *day, guint32 vm, guint age)
{
    guint tick = day->history - 1 - age;

    if (day->row_samples != NULL) {
        guint row = day->fleet->vm_row != NULL ? day->fleet->vm_row[vm] : vm;
        return day->row_samples[(gsize)tick * day->trace->vms + row];
    }
    return day_share_at(day, vm, &day->slots[tick]);
}

void day_move_clock(Day *day, double time_s)
{
    DaySlot slot = day_slot(day, time_s);

    day->now_s = time_s;
    for (guint32 vm = 0; vm < day->fleet->vms; vm++) {
        if ((day->vm_flags[vm] & DAY_VM_GONE) == 0) {
            day->vm_asked[vm] = day_share_at(day, vm, &slot) * day_type_of_vm(day, vm)->mips;
        }
    }
}

void day_activate(Day *day, guint32 host)
{
    guint type = day->plans[host].type;

    if (day->active_slot[host] == DAY_NONE) {
        day->active_slot[host] = day->n_active;
        day->active[day->n_active++] = host;
        day->off[(gsize)type * day->off_words + host / 64] &= ~(1ULL << host % 64);
    }
}

static DayPlan idle_plan(const Day *day, guint32 host)
{
    guint8 type = day->plans[host].type;
    const PowerCurve *power = day->fleet->host_types[type].power;

    return (DayPlan){.type = type,
                     .free = day->capacity[type],
                     .watts = day_has(day, DAY_DEFECT_FREE_IDLE_POWER) ? power_watts(power, 0) : 0,
                     .ram_free_mib = day->ram_free[host],
                     .nic_free_kbit_per_s = day->nic_free[host]};
}

void day_deactivate(Day *day, guint32 host)
{
    guint type = day->plans[host].type;
    guint32 slot = day->active_slot[host];

    if (slot != DAY_NONE) {
        guint32 last = day->active[--day->n_active];

        day->active[slot] = last;
        day->active_slot[last] = slot;
        day->active_slot[host] = DAY_NONE;
        day->off[(gsize)type * day->off_words + host / 64] |= 1ULL << host % 64;
        day->off_from[type] = MIN(day->off_from[type], host / 64);
        day->plans[host] = idle_plan(day, host);
    }
}

guint32 day_first_off(Day *day, guint type)
{
    const guint64 *words = day->off + (gsize)type * day->off_words;
    guint at = day->off_from[type];

    while (at < day->off_words && words[at] == 0) {
        at++;
    }
    day->off_from[type] = at;
    return at < day->off_words ? at * 64 + (guint32)__builtin_ctzll(words[at]) : DAY_NONE;
}

void day_list_add(Day *day, guint32 host, guint32 vm)
{
    DayList *list = &day->lists[host];

    if (list->planned == list->room) {
        list->room = MAX(8, list->room * 2);
        list->vms = g_renew(guint32, list->vms, list->room);
    }
    memmove(&list->vms[list->length + 1], &list->vms[list->length], (list->planned - list->length) * sizeof *list->vms);
    list->vms[list->length++] = vm;
    list->planned++;
    day_activate(day, host);
    day->hash_bits[host] = java_hash_bits(day->hash_bits[host], list->planned);
}

void day_list_remove(Day *day, guint32 host, guint32 vm)
{
    DayList *list = &day->lists[host];
    guint32 at = 0;

    while (list->vms[at] != vm) {
        at++;
        g_assert(at < list->length);
    }
    memmove(&list->vms[at], &list->vms[at + 1], (list->planned - at - 1) * sizeof *list->vms);
    list->length--;
    list->planned--;
    if (list->planned == 0) {
        day_deactivate(day, host);
    }
}
