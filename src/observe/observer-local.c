/* SPDX-License-Identifier: Apache-2.0
 *
 * The observer's hosts that are sampled in this process (LocalSampling): a SamplerGroup per host, as an agent has one,
 * whose records go straight to the profiles. */
#include "observe/observer-private.h"

#include "base/error.h"
#include "base/log.h"

static void on_period(const Sampler *sampler, guint period G_GNUC_UNUSED, const PeriodRecord *record, gpointer user)
{
    Subject *subject = site_find_subject(user, sampler_vm(sampler));

    if (subject && subject->state == SUBJECT_SAMPLED) {
        profile_builder_add(subject->builder, record);
        subject_report(subject);
    }
}

/* A group must not be freed from its own callback. */
static void free_group(gpointer user)
{
    Site *site = user;
    Observer *observer = site->observer;

    site->group_timer = 0;
    g_clear_pointer(&site->group, sampler_group_free);
    if (site->is_over) {
        site_end_window(site);
        observer_check_done(observer);
        return;
    }
    g_autoptr(GError) error = NULL;

    if (observer->local.may_sample(site->config->name, observer->local.user, &error)) {
        g_set_error(&error, GODWIT_ERROR, GODWIT_ERROR_LOST, "sampling on %s ended", site->config->name);
    }
    site_fail(site, error);
    observer_check_done(observer);
}

static void free_soon(Site *site)
{
    Clock *clock = site->observer->clock;

    if (!site->group_timer) {
        site->group_timer = clock->at(clock, clock->now_ns(clock), free_group, site);
    }
}

static void on_period_end(guint period G_GNUC_UNUSED, gpointer user)
{
    Site *site = user;
    const LocalSampling *local = &site->observer->local;

    if (!local->may_sample(site->config->name, local->user, NULL)) {
        free_soon(site);
    }
}

static void finish_gone(Subject *subject, const GError *error)
{
    subject->state = SUBJECT_FINISHED;
    subject->fate = PROFILE_FATE_STOPPED;
    subject_set_trouble(subject, error->message);
    subject_report(subject);
}

static void on_gone(const Sampler *sampler, const GError *error, gpointer user)
{
    Subject *subject = site_find_subject(user, sampler_vm(sampler));

    if (subject && subject->state == SUBJECT_SAMPLED) {
        finish_gone(subject, error);
    }
}

static void on_done(gpointer user)
{
    ((Site *)user)->is_over = TRUE;
    free_soon(user);
}

void site_add_to_local(Site *site, Subject *subject)
{
    const Observer *observer = site->observer;
    g_autoptr(GError) error = NULL;
    Sampler *sampler =
        observer->local.open(site->config->name, subject->vm, &observer->options, observer->local.user, &error);

    if (sampler) {
        subject->state = SUBJECT_SAMPLED;
        profile_builder_set_trackers(subject->builder, sampler_tracker_name(sampler, WINDOW_ACCESS),
                                     sampler_tracker_name(sampler, WINDOW_WRITE));
        profile_builder_set_note(subject->builder, sampler_note(sampler));
        sampler_group_add(site->group, sampler);
    } else if (g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_LOST)) {
        finish_gone(subject, error);
    } else {
        subject_set_trouble(subject, error->message);
        log_warning("VM %s on %s: %s; observed by the hypervisor's dirty-rate calculation instead", subject->vm->name,
                    site->config->name, subject->trouble);
        subject_ask_dirty_rate(subject);
    }
}

void site_start_local(Site *site)
{
    static const SamplerGroupCallbacks CALLBACKS = {on_period, on_period_end, on_gone, on_done};
    const Observer *observer = site->observer;
    const ObserveOptions *options = &observer->options;
    SamplerGroupOptions group = {options->scan_ns,    options->period_ns,   options->window_ns,
                                 options->cpu_budget, observer->is_endless, options->seed};
    g_autoptr(GError) error = NULL;

    if (!options->use_agent) {
        site_leave(site, "observed without an agent, as asked");
        return;
    }
    if (!observer->local.may_sample(site->config->name, observer->local.user, &error)) {
        site_fail(site, error);
        return;
    }
    site->group = sampler_group_new(observer->clock, observer->local.cpu_time, &group, &CALLBACKS, site);
    for (guint i = 0; i < site->subjects->len; i++) {
        site_add_to_local(site, g_ptr_array_index(site->subjects, i));
    }
    sampler_group_start(site->group);
}

void site_end_local(Site *site)
{
    Clock *clock = site->observer->clock;

    clock->cancel(clock, site->group_timer);
    site->group_timer = 0;
    g_clear_pointer(&site->group, sampler_group_free);
}
