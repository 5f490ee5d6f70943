/* SPDX-License-Identifier: Apache-2.0
 *
 * SamplerGroup; see sampler-group.h.
 *
 * Theory of operation.  At each step, in this order: windows that have lasted S are closed; at the end of a period
 * every VM's record is given out; purses are filled; windows are opened.  The next step comes when the next window is
 * due, the period ends, or S has passed.
 *
 * There are two purses of CPU time, one for each kind of window, so that dear access windows cannot starve the cheap
 * write windows.  A purse receives its half of the budget all the time, holds what one period brings at most, and what
 * does not fit flows into the other.  A part of a period is paid in advance and the end brings nothing, so that
 * an observation costs T * budget and not more.  A window dearer than a purse can hold is opened when the purse is full
 * and leaves a debt, which has to be earned back first.
 *
 * Windows at even distances would see a load that comes and goes nearly in step with them at the same moment again and
 * again, and call it its mean.  So the purse must hold a reserve besides what the next window costs, which is drawn
 * anew for each: windows come earlier or later by chance, and not fewer of them.
 *
 * A write window looks at as many pages as the purse allows when it pays for WRITE_WINDOWS per VM and period: fewer and
 * larger windows would leave more of the time unseen.  Only the first ones are larger, to find out where to look.
 *
 * A VM's two windows may be open together, if they were opened together (sampler.h says why).  The write window is then
 * the longer one, by what arming and scanning the access window take; so a VM for which that is much (SOLO_SHARE) has
 * its windows one after the other.
 *
 * The working set, what a VM touches in a whole period, needs an access window that is not opened again for a period,
 * in which nobody else reads the VM's memory.  So with its first one, and then every WORKING_SET_PERIODS, a VM's
 * windows pause for a period. */
#include "observe/sampler-group.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/units.h"

#define WRITE_WINDOWS       4.0
#define LEARNING_TIMES      4.0 /* what a learning window may cost, in others */
#define WORKING_SET_PERIODS 10
#define WINDOWS_BEFORE      2    /* rates are worth more than the working set */
#define SOLO_SHARE          0.1  /* of S */
#define ADVANCE_SHARE       0.25 /* of a period, paid in advance */
#define RESERVE_SHARE       0.25 /* of what a purse holds: about a round of write windows */
#define DEAR_SHARE          0.95 /* of what a purse holds: enough for a window that is dearer */
#define ENDLESS_WINDOW_NS                                                                                              \
    (60 * NS_PER_S) /* what T is to an endless observation when it is asked what it can afford                         \
                     */

typedef struct Member {
    Sampler *sampler;
    gint64 opened_ns[WINDOW_KINDS]; /* the last window; -1: none yet */
    guint access_windows;
    gint64 working_set_at_ns;   /* when the pause ends; 0: there is none */
    gint64 working_set_next_ns; /* no pause before */
} Member;

struct SamplerGroup {
    Clock *clock;
    CpuTimeFunc cpu_time;
    SamplerGroupOptions options;
    SamplerGroupCallbacks callbacks;
    gpointer user;

    GPtrArray *members; /* Member */
    guint timer;
    gint64 start_ns;
    guint period; /* being measured */

    double purse_ns[WINDOW_KINDS];
    double reserve_ns[WINDOW_KINDS]; /* what has to stay in it when the next window is opened */
    Rng rng;
    gint64 paid_until_ns;  /* purses were filled for the time up to here */
    gint64 cpu_seen_ns;    /* of the thread, already charged */
    gint64 windows_cpu_ns; /* of that, since the last charge, by windows */
};

static void step(gpointer user);

static void member_free(gpointer data)
{
    Member *member = data;

    sampler_free(member->sampler);
    g_free(member);
}

SamplerGroup *sampler_group_new(Clock *clock, CpuTimeFunc cpu_time, const SamplerGroupOptions *options,
                                const SamplerGroupCallbacks *callbacks, gpointer user)
{
    SamplerGroup *group = g_new0(SamplerGroup, 1);

    group->clock = clock;
    group->cpu_time = cpu_time;
    group->options = *options;
    group->callbacks = *callbacks;
    group->user = user;
    group->members = g_ptr_array_new_with_free_func(member_free);
    group->start_ns = -1;
    group->rng = rng_new(options->seed);
    return group;
}

void sampler_group_free(SamplerGroup *group)
{
    if (group) {
        group->clock->cancel(group->clock, group->timer);
        g_ptr_array_unref(group->members);
        g_free(group);
    }
}

/* What one purse holds at most: its half of a period. */
static double purse_limit_ns(const SamplerGroup *group)
{
    return group->options.cpu_budget * (double)group->options.period_ns / WINDOW_KINDS;
}

/* A window that costs more than its half of the whole observation's budget is never affordable. */
static void refuse_too_dear(SamplerGroup *group, Sampler *sampler)
{
    gint64 window_ns = group->options.is_endless ? ENDLESS_WINDOW_NS : group->options.window_ns;
    double allowed_ns = group->options.cpu_budget * (double)window_ns / WINDOW_KINDS;
    gint64 expected_ns = sampler_expected_ns(sampler, WINDOW_ACCESS);

    if (expected_ns != G_MAXINT64 && (double)expected_ns > allowed_ns) {
        g_autofree char *expected = duration_format(expected_ns);
        g_autofree char *allowed = duration_format((gint64)allowed_ns);
        g_autofree char *why =
            g_strdup_printf("one scan of this guest takes about %s of CPU time, the budget of %g %% of a "
                            "core allows %s in all; raise the budget",
                            expected, group->options.cpu_budget * 100, allowed);
        sampler_drop_tracker(sampler, WINDOW_ACCESS, why);
    }
}

void sampler_group_add(SamplerGroup *group, Sampler *sampler)
{
    Member *member = g_new0(Member, 1);

    refuse_too_dear(group, sampler);
    *member = (Member){.sampler = sampler, .opened_ns = {-1, -1}};
    g_ptr_array_add(group->members, member);
}

void sampler_group_start(SamplerGroup *group)
{
    group->start_ns = group->clock->now_ns(group->clock);
    group->paid_until_ns = group->start_ns;
    group->cpu_seen_ns = group->cpu_time();
    group->timer = group->clock->at(group->clock, group->start_ns, step, group);
}

static gint64 end_ns(const SamplerGroup *group)
{
    return group->options.is_endless ? G_MAXINT64 : group->start_ns + group->options.window_ns;
}

/* Pays both purses for the time up to now and a little more. */
static void fill_purses(SamplerGroup *group, gint64 now_ns)
{
    gint64 advance_ns = (gint64)(ADVANCE_SHARE * (double)group->options.period_ns);
    gint64 until_ns = MIN(now_ns + advance_ns, end_ns(group));
    double pay_ns = group->options.cpu_budget * (double)MAX(until_ns - group->paid_until_ns, 0) / WINDOW_KINDS;
    double limit_ns = purse_limit_ns(group);

    group->paid_until_ns = MAX(group->paid_until_ns, until_ns);
    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        group->purse_ns[kind] += pay_ns;
    }
    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        double rest_ns = MAX(group->purse_ns[kind] - limit_ns, 0);
        group->purse_ns[kind] -= rest_ns;
        group->purse_ns[!kind] = MIN(group->purse_ns[!kind] + rest_ns, limit_ns);
    }
}

/* Charges what this thread did besides windows: both purses pay a half. */
static void charge_overhead(SamplerGroup *group)
{
    gint64 cpu_ns = group->cpu_time();
    double overhead_ns = (double)MAX(cpu_ns - group->cpu_seen_ns - group->windows_cpu_ns, 0);

    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        group->purse_ns[kind] -= overhead_ns / WINDOW_KINDS;
    }
    group->cpu_seen_ns = cpu_ns;
    group->windows_cpu_ns = 0;
}

typedef gboolean (*WindowAction)(SamplerGroup *group, Sampler *sampler, GError **error);

static gboolean act_close(SamplerGroup *group G_GNUC_UNUSED, Sampler *sampler, GError **error)
{
    return sampler_close_windows(sampler, error);
}

static gboolean act_measure(SamplerGroup *group G_GNUC_UNUSED, Sampler *sampler, GError **error)
{
    return sampler_measure_working_set(sampler, error);
}

static gboolean act_open_access(SamplerGroup *group G_GNUC_UNUSED, Sampler *sampler, GError **error)
{
    return sampler_open_window(sampler, WINDOW_ACCESS, 0, error);
}

static gboolean act_open_write(SamplerGroup *group, Sampler *sampler, GError **error)
{
    double budget_ns = purse_limit_ns(group) / WRITE_WINDOWS / group->members->len;
    double times = sampler_windows(sampler, WINDOW_WRITE) < LEARNING_WINDOWS ? LEARNING_TIMES : 1;

    return sampler_open_window(sampler, WINDOW_WRITE, (gint64)(times * budget_ns), error);
}

/* Does something with a sampler and charges what it cost.  When the VM is gone, so is the member, and FALSE comes back.
 */
static gboolean act(SamplerGroup *group, guint index, WindowAction action)
{
    Member *member = g_ptr_array_index(group->members, index);
    gint64 cpu_ns = group->cpu_time();
    gint64 before_ns[WINDOW_KINDS];
    g_autoptr(GError) error = NULL;

    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        before_ns[kind] = sampler_spent_ns(member->sampler, (WindowKind)kind);
    }
    gboolean is_alive = action(group, member->sampler, &error);
    for (int kind = 0; kind < WINDOW_KINDS; kind++) {
        group->purse_ns[kind] -= (double)(sampler_spent_ns(member->sampler, (WindowKind)kind) - before_ns[kind]);
    }
    group->windows_cpu_ns += group->cpu_time() - cpu_ns;
    if (!is_alive) {
        group->callbacks.on_gone(member->sampler, error, group->user);
        g_ptr_array_remove_index(group->members, index);
    }
    return is_alive;
}

/* Closes what is due, working sets included. */
static void close_due(SamplerGroup *group, gint64 now_ns)
{
    for (guint i = 0; i < group->members->len; i++) {
        Member *member = g_ptr_array_index(group->members, i);
        gint64 due_ns = sampler_due_ns(member->sampler);

        if (due_ns > 0 && due_ns <= now_ns && !act(group, i, act_close)) {
            i--;
            continue;
        }
        if (member->working_set_at_ns > 0 && member->working_set_at_ns <= now_ns &&
            sampler_due_ns(member->sampler) == 0) {
            member->working_set_at_ns = 0;
            member->working_set_next_ns = now_ns + WORKING_SET_PERIODS * group->options.period_ns;
            if (!act(group, i, act_measure)) {
                i--;
            }
        }
    }
}

/* Which windows are opened together: see the head of this file. */
typedef enum OpeningPass { PASS_SOLO_ACCESS, PASS_WRITE, PASS_PAIRED_ACCESS } OpeningPass;

static WindowKind pass_kind(OpeningPass pass)
{
    return pass == PASS_WRITE ? WINDOW_WRITE : WINDOW_ACCESS;
}

static gboolean wants_working_set(const Member *member, gint64 now_ns)
{
    return member->access_windows >= WINDOWS_BEFORE && now_ns >= member->working_set_next_ns;
}

static gboolean is_solo(const SamplerGroup *group, const Member *member, gint64 now_ns)
{
    double expected_ns = (double)sampler_expected_ns(member->sampler, WINDOW_ACCESS);

    return wants_working_set(member, now_ns) || expected_ns > SOLO_SHARE * (double)group->options.scan_ns;
}

/* May a window be opened on 'member' in this pass? */
static gboolean is_ready(const SamplerGroup *group, const Member *member, OpeningPass pass, gint64 now_ns)
{
    const Sampler *sampler = member->sampler;
    gboolean has_write = sampler_is_open(sampler, WINDOW_WRITE);

    if (member->working_set_at_ns > 0 || sampler_is_open(sampler, WINDOW_ACCESS) ||
        sampler_expected_ns(sampler, pass_kind(pass)) == G_MAXINT64) {
        return FALSE;
    }
    switch (pass) {
    case PASS_SOLO_ACCESS: /* by turns with write windows, so that neither starves */
        return !has_write && is_solo(group, member, now_ns) &&
               member->opened_ns[WINDOW_ACCESS] <= member->opened_ns[WINDOW_WRITE];
    case PASS_WRITE:
        return !has_write;
    case PASS_PAIRED_ACCESS:
        return (!has_write || member->opened_ns[WINDOW_WRITE] == now_ns) && !is_solo(group, member, now_ns);
    }
    return FALSE;
}

/* The member that has waited longest among those that are ready, or -1. */
static int neediest(const SamplerGroup *group, OpeningPass pass, gint64 now_ns)
{
    WindowKind kind = pass_kind(pass);
    int found = -1;

    for (guint i = 0; i < group->members->len; i++) {
        const Member *member = g_ptr_array_index(group->members, i);
        const Member *best = found < 0 ? NULL : g_ptr_array_index(group->members, (guint)found);

        if (is_ready(group, member, pass, now_ns) && (!best || member->opened_ns[kind] < best->opened_ns[kind])) {
            found = (int)i;
        }
    }
    return found;
}

/* What the purse must hold before a window that costs so much is opened, without the reserve. */
static double price_ns(const SamplerGroup *group, double expected_ns)
{
    return MIN(expected_ns, DEAR_SHARE * purse_limit_ns(group));
}

static void draw_reserve(SamplerGroup *group, WindowKind kind, double expected_ns)
{
    double limit_ns = purse_limit_ns(group);
    double most_ns = MIN(RESERVE_SHARE * limit_ns, limit_ns - price_ns(group, expected_ns));

    group->reserve_ns[kind] = rng_unit(&group->rng) * most_ns;
}

/* Opens windows as long as the purse pays for them.  What they will cost when they are closed is set aside here, so
 * that many windows open at once do not share the same money. */
static void open_windows(SamplerGroup *group, OpeningPass pass, gint64 now_ns)
{
    WindowKind kind = pass_kind(pass);
    double set_aside_ns = 0;

    for (int i = neediest(group, pass, now_ns); i >= 0; i = neediest(group, pass, now_ns)) {
        Member *member = g_ptr_array_index(group->members, (guint)i);
        double expected_ns = (double)sampler_expected_ns(member->sampler, kind);
        double spent_before_ns = (double)sampler_spent_ns(member->sampler, kind);

        if (group->purse_ns[kind] - set_aside_ns < price_ns(group, expected_ns) + group->reserve_ns[kind]) {
            break;
        }
        draw_reserve(group, kind, expected_ns);
        gboolean is_for_working_set = pass == PASS_SOLO_ACCESS && wants_working_set(member, now_ns);

        member->opened_ns[kind] = now_ns;
        if (!act(group, (guint)i, kind == WINDOW_ACCESS ? act_open_access : act_open_write)) {
            continue;
        }
        set_aside_ns += MAX(expected_ns - ((double)sampler_spent_ns(member->sampler, kind) - spent_before_ns), 0);
        member->access_windows += kind == WINDOW_ACCESS ? 1 : 0;
        if (is_for_working_set) {
            member->working_set_at_ns = sampler_access_opened_ns(member->sampler) + group->options.period_ns;
        }
    }
}

static gint64 period_end_ns(const SamplerGroup *group)
{
    return group->start_ns + (group->period + 1) * group->options.period_ns;
}

static void end_period(SamplerGroup *group)
{
    for (guint i = 0; i < group->members->len; i++) {
        const Member *member = g_ptr_array_index(group->members, i);
        PeriodRecord record;

        sampler_end_period(member->sampler, &record);
        group->callbacks.on_period(member->sampler, group->period, &record, group->user);
    }
    group->callbacks.on_period_end(group->period, group->user);
    group->period++;
}

/* When something has to be done next. */
static gint64 next_step_ns(const SamplerGroup *group, gint64 now_ns)
{
    gint64 next_ns = MIN(period_end_ns(group), now_ns + group->options.scan_ns);

    for (guint i = 0; i < group->members->len; i++) {
        gint64 due_ns = sampler_due_ns(((Member *)g_ptr_array_index(group->members, i))->sampler);
        if (due_ns > 0) {
            next_ns = MIN(next_ns, due_ns);
        }
    }
    return MAX(next_ns, now_ns);
}

static void step(gpointer user)
{
    SamplerGroup *group = user;
    gint64 now_ns = group->clock->now_ns(group->clock);

    group->timer = 0;
    close_due(group, now_ns);
    while (now_ns >= period_end_ns(group) && period_end_ns(group) <= end_ns(group)) {
        end_period(group);
    }
    if (now_ns >= end_ns(group)) {
        group->callbacks.on_done(group->user);
        return;
    }
    charge_overhead(group);
    fill_purses(group, now_ns);
    open_windows(group, PASS_SOLO_ACCESS, now_ns);
    open_windows(group, PASS_WRITE, now_ns);
    open_windows(group, PASS_PAIRED_ACCESS, now_ns);
    group->timer = group->clock->at(group->clock, next_step_ns(group, now_ns), step, group);
}
