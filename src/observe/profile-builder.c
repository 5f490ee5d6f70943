/* SPDX-License-Identifier: Apache-2.0
 *
 * ProfileBuilder; see profile-builder.h. */
#include "observe/profile-builder.h"

#include <math.h>

#define MUCH_LATENESS 0.25
#define MUCH_HUGE     0.1

struct ProfileBuilder {
    char *vm;
    char *note;
    char *access_tracker;
    char *write_tracker;
    gsize periods_most;
    GArray *records;               /* PeriodRecord, oldest first */
    double dirty_rate_pages_per_s; /* NAN: the agent measures */
    guint64 dirty_rate_page_bytes;
};

ProfileBuilder *profile_builder_new(const char *vm, gsize periods_most)
{
    ProfileBuilder *builder = g_new0(ProfileBuilder, 1);

    builder->vm = g_strdup(vm);
    builder->periods_most = MAX(periods_most, 1);
    builder->records = g_array_new(FALSE, FALSE, sizeof(PeriodRecord));
    builder->dirty_rate_pages_per_s = NAN;
    return builder;
}

void profile_builder_free(ProfileBuilder *builder)
{
    if (builder) {
        g_free(builder->vm);
        g_free(builder->note);
        g_free(builder->access_tracker);
        g_free(builder->write_tracker);
        g_array_unref(builder->records);
        g_free(builder);
    }
}

void profile_builder_clear(ProfileBuilder *builder)
{
    g_array_set_size(builder->records, 0);
}

void profile_builder_set_trackers(ProfileBuilder *builder, const char *access_tracker, const char *write_tracker)
{
    g_free(builder->access_tracker);
    g_free(builder->write_tracker);
    builder->access_tracker = g_strdup(access_tracker);
    builder->write_tracker = g_strdup(write_tracker);
}

void profile_builder_set_note(ProfileBuilder *builder, const char *note)
{
    g_free(builder->note);
    builder->note = g_strdup(note);
}

void profile_builder_add(ProfileBuilder *builder, const PeriodRecord *record)
{
    if (builder->records->len == builder->periods_most) {
        g_array_remove_index(builder->records, 0);
    }
    g_array_append_val(builder->records, *record);
}

void profile_builder_set_dirty_rate(ProfileBuilder *builder, double written_pages_per_s, guint64 page_bytes)
{
    builder->dirty_rate_pages_per_s = written_pages_per_s;
    builder->dirty_rate_page_bytes = page_bytes;
    profile_builder_set_trackers(builder, NULL, "dirty-rate");
}

/* Puts the nearest known value into gaps: the one before, or at the beginning the one after.  FALSE when none is known.
 */
static gboolean fill_gaps(double *series, gsize length)
{
    gsize first = 0;

    while (first < length && isnan(series[first])) {
        first++;
    }
    for (gsize i = 0; first < length && i < length; i++) {
        if (isnan(series[i])) {
            series[i] = i < first ? series[first] : series[i - 1];
        }
    }
    return first < length;
}

static void clear_series(double *series, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        series[i] = 0;
    }
}

/* The windows of one kind, from the periods that have some.  How much one window differs from another is taken from
 * neighbouring periods, so that a load that changes slowly is not taken for one that was measured badly: half the mean
 * square successive difference (von Neumann, Kent, Bellinson and Hart 1941), where a period of n windows varies by 1/n
 * of what one window does. */
typedef struct WindowSums {
    double windows;
    double rates;     /* times windows */
    double variances; /* of what was not looked at; times windows squared */
    double squares;   /* of the differences */
    guint differences;
    double last_windows;
    double last_rate;
} WindowSums;

static void sums_add(WindowSums *sums, double windows, double rate, double variance)
{
    if (!(windows > 0) || isnan(rate)) {
        return;
    }
    if (sums->windows > 0) {
        double difference = rate - sums->last_rate;
        sums->squares += difference * difference / (1 / windows + 1 / sums->last_windows);
        sums->differences++;
    }
    sums->windows += windows;
    sums->rates += windows * rate;
    sums->variances += isnan(variance) ? 0 : windows * windows * variance;
    sums->last_rate = rate;
    sums->last_windows = windows;
}

static double sums_mean(const WindowSums *sums)
{
    return sums->windows > 0 ? sums->rates / sums->windows : 0;
}

/* One standard error of the mean.  What was not looked at makes windows differ, too, so the larger of the two is it. */
static double sums_error(const WindowSums *sums)
{
    if (!(sums->windows > 0)) {
        return 0;
    }
    double sampled = sums->variances / (sums->windows * sums->windows);
    double differing = sums->differences ? sums->squares / sums->differences / sums->windows : 0;

    return sqrt(fmax(sampled, differing));
}

/* What is known better with each period. */
static void keep_if_told(double *kept, double told)
{
    *kept = isnan(told) ? *kept : told;
}

/* Sums over the records that know: the means and the error of the profile. */
static void fill_means(const ProfileBuilder *builder, Profile *profile)
{
    WindowSums accesses = {0}, writes = {0};
    double cost = 0, written = 0, dirty = 0, working_set = 0;
    guint working_sets = 0;

    for (guint i = 0; i < builder->records->len; i++) {
        const PeriodRecord *record = &g_array_index(builder->records, PeriodRecord, i);
        sums_add(&accesses, record->access_windows, record->accessed_pages_per_s, 0);
        sums_add(&writes, record->write_windows, record->written_pages_per_s, record->written_pages_variance);
        if (!isnan(record->dirty_bytes_per_page) && !isnan(record->written_pages_per_s) && record->write_windows > 0) {
            dirty += record->dirty_bytes_per_page * record->written_pages_per_s * record->write_windows;
            written += record->written_pages_per_s * record->write_windows;
        }
        if (!isnan(record->working_set_bytes)) {
            working_set += record->working_set_bytes;
            working_sets++;
        }
        keep_if_told(&profile->write_set_bytes, record->write_set_bytes);
        keep_if_told(&profile->used_share, record->used_share);
        keep_if_told(&profile->compressed_share, record->compressed_share);
        if (record->access_grain_bytes >= 1) {
            profile->access_grain_bytes = (guint64)record->access_grain_bytes;
        }
        if (record->write_grain_bytes >= 1) {
            profile->write_grain_bytes = (guint64)record->write_grain_bytes;
        }
        cost += isnan(record->cost_cpu_share) ? 0 : record->cost_cpu_share;
    }
    profile->mean_written_pages_per_s = sums_mean(&writes);
    profile->mean_read_pages_per_s = fmax(sums_mean(&accesses) - profile->mean_written_pages_per_s, 0);
    profile->written_pages_error = sums_error(&writes);
    profile->dirty_bytes_per_page = written > 0 ? dirty / written : NAN;
    profile->working_set_bytes = working_sets ? working_set / working_sets : NAN;
    profile->cost_cpu_share = cost / MAX(builder->records->len, 1);
}

static void append_note(GString *notes, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void append_note(GString *notes, const char *format, ...)
{
    va_list arguments;

    g_string_append(notes, notes->len > 0 ? "; " : "");
    va_start(arguments, format);
    g_string_append_vprintf(notes, format, arguments);
    va_end(arguments);
}

/* What the records themselves say about their limits. */
static char *make_note(const ProfileBuilder *builder)
{
    g_autoptr(GString) notes = g_string_new(builder->note);
    double windows = 0, lateness = 0, huge = 0;
    guint records = builder->records->len;

    for (guint i = 0; i < records; i++) {
        const PeriodRecord *record = &g_array_index(builder->records, PeriodRecord, i);
        windows += isnan(record->access_windows) ? 0 : record->access_windows;
        lateness += isnan(record->lateness) ? 0 : record->lateness / records;
        huge += isnan(record->huge_share) ? 0 : record->huge_share / records;
    }
    if (builder->access_tracker && windows < records) {
        append_note(notes, "reads rest on %g scans in %u periods (what the CPU budget allows for a guest of this size)",
                    windows, records);
    }
    if (lateness > MUCH_LATENESS) {
        append_note(notes,
                    "scans came %.0f %% late (busy host): rates of pages touched rarely may be too high by as much",
                    lateness * 100);
    }
    if (huge > MUCH_HUGE) {
        append_note(notes, "%.0f %% of the memory is mapped by huge pages: accesses are counted in those", huge * 100);
    }
    return notes->len > 0 ? g_strdup(notes->str) : NULL;
}

static Profile *make_from_dirty_rate(const ProfileBuilder *builder)
{
    Profile *profile = profile_new(builder->vm, builder->periods_most);
    double pages =
        builder->dirty_rate_pages_per_s * (double)builder->dirty_rate_page_bytes / (double)profile->page_bytes;
    gboolean is_known = pages * (double)profile->page_bytes >= DIRTY_RATE_NOISE_BYTES_PER_S;

    for (gsize i = 0; i < profile->periods; i++) {
        profile->written_pages_per_s[i] = is_known ? pages : 0;
    }
    profile_update_means(profile);
    profile->reads_unknown = TRUE;
    profile->write_tracker = g_strdup("dirty-rate");
    profile->write_grain_bytes = builder->dirty_rate_page_bytes;
    profile->fate = is_known ? PROFILE_FATE_COMPLETE : PROFILE_FATE_UNOBSERVED;
    profile->note = g_strdup_printf(
        "%s%sreads not measured; %s", builder->note ? builder->note : "", builder->note ? "; " : "",
        is_known ? "writes by libvirt's dirty-rate calculation, in which a page counts once a second at most"
                 : "writes are below the 2 MiB/s that libvirt's dirty-rate calculation can tell");
    return profile;
}

Profile *profile_builder_make(const ProfileBuilder *builder)
{
    gsize length = builder->records->len;

    if (!isnan(builder->dirty_rate_pages_per_s)) {
        return make_from_dirty_rate(builder);
    }
    Profile *profile = profile_new(builder->vm, length);
    for (gsize i = 0; i < length; i++) {
        const PeriodRecord *record = &g_array_index(builder->records, PeriodRecord, i);
        profile->read_pages_per_s[i] = record->accessed_pages_per_s;
        profile->written_pages_per_s[i] = record->written_pages_per_s;
    }
    gboolean has_accesses = fill_gaps(profile->read_pages_per_s, length);
    gboolean has_writes = fill_gaps(profile->written_pages_per_s, length);
    if (!has_writes) {
        clear_series(profile->written_pages_per_s, length);
    }
    for (gsize i = 0; i < length; i++) {
        profile->read_pages_per_s[i] =
            has_accesses ? MAX(profile->read_pages_per_s[i] - profile->written_pages_per_s[i], 0) : 0;
    }
    fill_means(builder, profile);
    profile->reads_unknown = !has_accesses;
    profile->access_tracker = has_accesses ? g_strdup(builder->access_tracker) : NULL;
    profile->write_tracker = has_writes ? g_strdup(builder->write_tracker) : NULL;
    profile->note = make_note(builder);
    /* Without its writes nobody can say how a VM should be moved; without its reads one can. */
    profile->fate = has_writes ? PROFILE_FATE_COMPLETE : PROFILE_FATE_UNOBSERVED;
    return profile;
}
