/* SPDX-License-Identifier: Apache-2.0
 *
 * Sampler; see sampler.h. */
#include "observe/sampler.h"
#include "base/error.h"
#include "base/units.h"

#include <math.h>
#include <time.h>

#define LATE_SHARE      0.25 /* a window that is longer than S by more counts only where no better one does */
#define VERY_LATE_SHARE 1.0  /* up to so much it is then taken for S */
#define COST_WEIGHT     0.3  /* of the newest window in the expected cost */

/* How good a window is.  Of the windows of a period only the best sort counts. */
typedef enum WindowWorth { WORTH_LEARNING, WORTH_LATE, WORTH_TIMELY } WindowWorth;

typedef struct Window {
    Tracker *tracker; /* NULL: none */
    gboolean is_open;
    gint64 armed_ns; /* middle of the arming */
    gint64 arm_cost_ns;
    gint64 expected_ns;
    gint64 spent_ns;
    guint windows_in_all;

    /* Since the period began. */
    guint windows;
    WindowWorth worth; /* of those that count */
    gint64 length_ns;  /* really passed */
    double counted_ns; /* what counts are divided by */
    double pages;
    double variance;
    double dirty_bytes;
    guint64 grain_bytes;
} Window;

struct Sampler {
    char *vm;
    char *note;
    RamMap *map;
    gint64 scan_ns;
    Clock *clock;
    CpuTimeFunc cpu_time;
    Window windows[WINDOW_KINDS];
    double working_set_pages; /* NAN: not measured in this period */
    double write_set_pages;   /* the latest; NAN: not told yet.  Both shares likewise */
    double used_share;
    double compressed_share;
    gint64 period_began_ns;
    gint64 spent_before_ns; /* when the period began */
};

gint64 sampler_thread_cpu_ns(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gint64)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void add_note(Sampler *sampler, const char *text)
{
    char *joined = sampler->note ? g_strconcat(sampler->note, "; ", text, NULL) : g_strdup(text);

    g_free(sampler->note);
    sampler->note = joined;
}

static const char *kind_noun(WindowKind kind)
{
    return kind == WINDOW_ACCESS ? "reads" : "writes";
}

void sampler_drop_tracker(Sampler *sampler, WindowKind kind, const char *why)
{
    Window *window = &sampler->windows[kind];
    g_autofree char *text = g_strdup_printf("%s not measured: %s", kind_noun(kind), why);

    if (window->tracker) {
        window->tracker->ops->close(window->tracker);
    }
    *window = (Window){.expected_ns = G_MAXINT64, .spent_ns = window->spent_ns};
    add_note(sampler, text);
}

static void open_tracker(Sampler *sampler, WindowKind kind, const TrackerOps *ops, guint64 seed)
{
    g_autoptr(GError) error = NULL;
    Window *window = &sampler->windows[kind];

    if (!ops) {
        sampler_drop_tracker(sampler, kind, "no tracker works on this host");
        return;
    }
    window->tracker = ops->open(sampler->map, seed, &error);
    if (window->tracker) {
        window->expected_ns = ops->expected_ns(sampler->map);
    } else {
        sampler_drop_tracker(sampler, kind, error->message);
    }
}

Sampler *sampler_new(const char *vm, RamMap *map, const TrackerOps *const ops[WINDOW_KINDS], guint64 seed,
                     gint64 scan_ns, Clock *clock, CpuTimeFunc cpu_time, GError **error)
{
    g_autoptr(Sampler) sampler = g_new0(Sampler, 1);

    sampler->vm = g_strdup(vm);
    sampler->map = map;
    sampler->scan_ns = scan_ns;
    sampler->clock = clock;
    sampler->cpu_time = cpu_time;
    sampler->working_set_pages = sampler->write_set_pages = NAN;
    sampler->used_share = sampler->compressed_share = NAN;
    sampler->period_began_ns = clock->now_ns(clock);
    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        open_tracker(sampler, (WindowKind)kind, ops[kind], seed);
    }
    if (!sampler->windows[WINDOW_ACCESS].tracker && !sampler->windows[WINDOW_WRITE].tracker) {
        g_set_error_literal(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED, sampler->note);
        return NULL;
    }
    return g_steal_pointer(&sampler);
}

void sampler_free(Sampler *sampler)
{
    if (!sampler) {
        return;
    }
    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        Tracker *tracker = sampler->windows[kind].tracker;
        if (tracker) {
            tracker->ops->close(tracker);
        }
    }
    ram_map_free(sampler->map);
    g_free(sampler->vm);
    g_free(sampler->note);
    g_free(sampler);
}

const char *sampler_vm(const Sampler *sampler)
{
    return sampler->vm;
}

const char *sampler_tracker_name(const Sampler *sampler, WindowKind kind)
{
    const Tracker *tracker = sampler->windows[kind].tracker;

    return tracker ? tracker->ops->name : NULL;
}

const char *sampler_note(const Sampler *sampler)
{
    return sampler->note;
}

gint64 sampler_expected_ns(const Sampler *sampler, WindowKind kind)
{
    return sampler->windows[kind].expected_ns;
}

gint64 sampler_spent_ns(const Sampler *sampler, WindowKind kind)
{
    return sampler->windows[kind].spent_ns;
}

guint sampler_windows(const Sampler *sampler, WindowKind kind)
{
    return sampler->windows[kind].windows_in_all;
}

gboolean sampler_is_open(const Sampler *sampler, WindowKind kind)
{
    return sampler->windows[kind].is_open;
}

gint64 sampler_due_ns(const Sampler *sampler)
{
    gint64 due_ns = 0;

    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        const Window *window = &sampler->windows[kind];
        if (window->is_open) {
            due_ns = MAX(due_ns, window->armed_ns + sampler->scan_ns);
        }
    }
    return due_ns;
}

gint64 sampler_access_opened_ns(const Sampler *sampler)
{
    return sampler->windows[WINDOW_ACCESS].armed_ns;
}

gboolean sampler_open_window(Sampler *sampler, WindowKind kind, gint64 budget_ns, GError **error)
{
    Window *window = &sampler->windows[kind];
    gint64 began_ns = sampler->clock->now_ns(sampler->clock);
    gint64 cpu_began_ns = sampler->cpu_time();

    g_assert(window->tracker && !window->is_open);
    g_assert(kind == WINDOW_ACCESS || !sampler->windows[WINDOW_ACCESS].is_open);
    if (!window->tracker->ops->arm(window->tracker, budget_ns, error)) {
        return FALSE;
    }
    window->is_open = TRUE;
    window->armed_ns = began_ns + (sampler->clock->now_ns(sampler->clock) - began_ns) / 2;
    window->arm_cost_ns = sampler->cpu_time() - cpu_began_ns;
    window->spent_ns += window->arm_cost_ns;
    return TRUE;
}

static void begin_period(Window *window)
{
    window->windows = 0;
    window->worth = WORTH_LEARNING;
    window->length_ns = 0;
    window->counted_ns = 0;
    window->pages = window->variance = window->dirty_bytes = 0;
    window->grain_bytes = 0;
}

static double lateness(gint64 length_ns, gint64 scan_ns)
{
    return (double)length_ns / (double)scan_ns - 1;
}

static WindowWorth window_worth(const TrackerScan *scan, double late_share)
{
    if (scan->is_learning) {
        return WORTH_LEARNING;
    }
    return late_share > LATE_SHARE ? WORTH_LATE : WORTH_TIMELY;
}

/* Adds what 'scan' says to the period. */
static void count_window(Window *window, WindowKind kind, const TrackerScan *scan, gint64 length_ns, gint64 scan_ns)
{
    double late_share = lateness(length_ns, scan_ns);
    WindowWorth worth = window_worth(scan, late_share);

    if (worth < window->worth) {
        return;
    }
    if (worth > window->worth) {
        begin_period(window);
        window->worth = worth;
    }
    window->windows++;
    window->length_ns += length_ns;
    window->counted_ns += (double)(late_share > VERY_LATE_SHARE ? length_ns : scan_ns);
    window->pages += kind == WINDOW_ACCESS ? scan->accessed_pages : scan->written_pages;
    window->variance += scan->written_pages_variance;
    window->dirty_bytes += scan->dirty_bytes;
    window->grain_bytes = MAX(window->grain_bytes, scan->grain_bytes);
}

static void keep_if_told(double *kept, double told)
{
    *kept = isnan(told) ? *kept : told;
}

static gboolean close_window(Sampler *sampler, WindowKind kind, GError **error)
{
    Window *window = &sampler->windows[kind];
    gint64 began_ns = sampler->clock->now_ns(sampler->clock);
    gint64 cpu_began_ns = sampler->cpu_time();
    TrackerScan scan;

    if (!window->is_open) {
        return TRUE;
    }
    window->is_open = FALSE;
    window->windows_in_all++;
    tracker_scan_init(&scan);
    if (!window->tracker->ops->scan(window->tracker, &scan, error)) {
        return FALSE;
    }
    gint64 scanned_ns = began_ns + (sampler->clock->now_ns(sampler->clock) - began_ns) / 2;
    gint64 cost_ns = sampler->cpu_time() - cpu_began_ns + scan.disturbance_ns;
    double total_ns = (double)MAX(window->arm_cost_ns + cost_ns - scan.extra_ns, 0);

    window->spent_ns += cost_ns;
    window->expected_ns = (gint64)((1 - COST_WEIGHT) * (double)window->expected_ns + COST_WEIGHT * total_ns);
    keep_if_told(&sampler->write_set_pages, scan.write_set_pages);
    keep_if_told(&sampler->used_share, scan.used_share);
    keep_if_told(&sampler->compressed_share, scan.compressed_share);
    count_window(window, kind, &scan, scanned_ns - window->armed_ns, sampler->scan_ns);
    return TRUE;
}

gboolean sampler_close_windows(Sampler *sampler, GError **error)
{
    return close_window(sampler, WINDOW_ACCESS, error) && close_window(sampler, WINDOW_WRITE, error);
}

gboolean sampler_measure_working_set(Sampler *sampler, GError **error)
{
    Window *window = &sampler->windows[WINDOW_ACCESS];
    gint64 cpu_began_ns = sampler->cpu_time();
    TrackerScan scan;

    g_assert(window->tracker && !window->is_open);
    tracker_scan_init(&scan);
    if (!window->tracker->ops->scan(window->tracker, &scan, error)) {
        return FALSE;
    }
    window->spent_ns += sampler->cpu_time() - cpu_began_ns;
    sampler->working_set_pages = scan.accessed_pages;
    return TRUE;
}

/* Rates of one kind: pages per second, or NAN without a window. */
static double window_rate(const Window *window)
{
    return window->windows > 0 ? window->pages * (double)NS_PER_S / window->counted_ns : NAN;
}

static void fill_writes(const Window *window, PeriodRecord *record)
{
    double seconds = window->counted_ns / (double)NS_PER_S;

    record->written_pages_per_s = window_rate(window);
    record->write_windows = window->windows;
    if (window->windows > 0) {
        record->written_pages_variance = window->variance / (seconds * seconds);
        record->dirty_bytes_per_page = window->pages > 0 ? window->dirty_bytes / window->pages : NAN;
        record->write_grain_bytes = (double)window->grain_bytes;
    }
}

void sampler_end_period(Sampler *sampler, PeriodRecord *record)
{
    const Window *access = &sampler->windows[WINDOW_ACCESS];
    const Window *write = &sampler->windows[WINDOW_WRITE];
    guint windows = access->windows + write->windows;
    gint64 now_ns = sampler->clock->now_ns(sampler->clock);
    gint64 spent_ns = access->spent_ns + write->spent_ns;

    period_record_init(record);
    record->accessed_pages_per_s = window_rate(access);
    record->access_windows = access->windows;
    if (access->windows > 0) {
        record->access_grain_bytes = (double)access->grain_bytes;
    }
    fill_writes(write, record);
    record->working_set_bytes = sampler->working_set_pages * (double)PAGE_BYTES;
    record->write_set_bytes = sampler->write_set_pages * (double)PAGE_BYTES;
    record->used_share = sampler->used_share;
    record->compressed_share = sampler->compressed_share;
    if (windows > 0) {
        record->lateness = lateness(access->length_ns + write->length_ns, windows * sampler->scan_ns);
    }
    if (sampler->map && sampler->map->resident_bytes > 0) {
        record->huge_share = (double)sampler->map->huge_mapped_bytes / (double)sampler->map->resident_bytes;
    }
    record->cost_cpu_share =
        (double)(spent_ns - sampler->spent_before_ns) / (double)MAX(now_ns - sampler->period_began_ns, 1);
    sampler->spent_before_ns = spent_ns;
    sampler->period_began_ns = now_ns;
    sampler->working_set_pages = NAN;
    begin_period(&sampler->windows[WINDOW_ACCESS]);
    begin_period(&sampler->windows[WINDOW_WRITE]);
}
