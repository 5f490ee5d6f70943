/* SPDX-License-Identifier: Apache-2.0
 *
 * Observer; see observe.h.
 *
 * Each VM is a Subject in one of the states below, each host with an agent a Site.  An observation is over when every
 * subject is FINISHED.
 *
 *     WAITING ----------> SAMPLED -----------> FINISHED
 *        |  agent has it     |  T is over, or its process ended
 *        |                   |
 *        +---- no agent -----+---> ASKED ----> FINISHED
 *              agent failed        the hypervisor's own calculation
 *
 * An agent that dies takes its subjects to ASKED, whatever they have by then: half a window is no window, and the
 * reports of two different methods cannot be mixed. */
#include "observe/observer-private.h"

#include <math.h>

#include "base/log.h"

static void subject_free(gpointer data)
{
    Subject *subject = data;

    if (subject->ask) {
        subject->ask->subject = NULL;
    }
    profile_builder_free(subject->builder);
    vm_free(subject->vm);
    g_free(subject->trouble);
    g_free(subject);
}

static void site_free(gpointer data)
{
    Site *site = data;

    agent_client_free(site->client);
    site_end_local(site);
    host_config_free(site->config);
    g_ptr_array_unref(site->subjects);
    g_free(site->trouble);
    g_free(site);
}

Observer *observer_new(Clock *clock, const ObserveOptions *options, DirtyRateFunc dirty_rate, gpointer user)
{
    Observer *observer = g_new0(Observer, 1);

    observer->clock = clock;
    observer->options = *options;
    observer->dirty_rate = dirty_rate;
    observer->dirty_rate_user = user;
    observer->subjects = g_ptr_array_new_with_free_func(subject_free);
    observer->sites = g_ptr_array_new_with_free_func(site_free);
    return observer;
}

void observer_free(Observer *observer)
{
    if (observer) {
        observer->clock->cancel(observer->clock, observer->timer);
        g_ptr_array_unref(observer->sites);
        g_ptr_array_unref(observer->subjects);
        g_free(observer);
    }
}

void observer_set_period_func(Observer *observer, ObserverPeriodFunc func, gpointer user)
{
    observer->on_period = func;
    observer->on_period_user = user;
}

void observer_set_local(Observer *observer, const LocalSampling *local)
{
    observer->local = *local;
}

/* --- profiles ---------------------------------------------------------------------------------------------------- */

static Profile *subject_profile(const Subject *subject)
{
    Profile *profile = profile_builder_make(subject->builder);

    if (subject->fate != PROFILE_FATE_COMPLETE) {
        profile->fate = subject->fate;
    }
    if (subject->trouble) {
        char *note =
            profile->note ? g_strconcat(subject->trouble, "; ", profile->note, NULL) : g_strdup(subject->trouble);
        g_free(profile->note);
        profile->note = note;
    }
    return profile;
}

void subject_report(const Subject *subject)
{
    const Observer *observer = subject->observer;

    if (observer->on_period) {
        g_autoptr(Profile) profile = subject_profile(subject);
        observer->on_period(subject->site->config->name, profile, observer->on_period_user);
    }
}

void observer_check_done(Observer *observer)
{
    if (observer->is_endless || !observer->on_done) {
        return;
    }
    for (guint i = 0; i < observer->subjects->len; i++) {
        if (((Subject *)g_ptr_array_index(observer->subjects, i))->state != SUBJECT_FINISHED) {
            return;
        }
    }
    ObserverDoneFunc done = g_steal_pointer(&observer->on_done);
    g_autoptr(GPtrArray) profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);
    for (guint i = 0; i < observer->subjects->len; i++) {
        g_ptr_array_add(profiles, subject_profile(g_ptr_array_index(observer->subjects, i)));
    }
    done(profiles, observer->on_done_user);
}

/* --- without an agent -------------------------------------------------------------------------------------------- */

void subject_set_trouble(Subject *subject, const char *text)
{
    char *trouble = g_strdup(text);

    g_free(subject->trouble);
    subject->trouble = trouble;
}

static void ask_again(gpointer user);

static void on_dirty_rate(double written_pages_per_s, guint64 page_bytes, const GError *error, gpointer user)
{
    Ask *ask = user;
    Subject *subject = ask->subject;

    g_free(ask);
    if (!subject) {
        return;
    }
    Observer *observer = subject->observer;
    subject->ask = NULL;
    subject->state = SUBJECT_FINISHED;
    if (error) {
        g_autofree char *both =
            subject->trouble ? g_strdup_printf("%s; %s", subject->trouble, error->message) : g_strdup(error->message);
        subject_set_trouble(subject, both);
        profile_builder_clear(subject->builder);
        subject->fate = PROFILE_FATE_UNOBSERVED;
    } else {
        profile_builder_set_dirty_rate(subject->builder, written_pages_per_s, page_bytes);
    }
    if (observer->is_endless && !observer->timer) {
        observer->timer =
            observer->clock->at(observer->clock, observer->clock->now_ns(observer->clock) + observer->options.period_ns,
                                ask_again, observer);
    }
    subject_report(subject);
    observer_check_done(observer);
}

void subject_ask_dirty_rate(Subject *subject)
{
    Observer *observer = subject->observer;
    gint64 window_ns = observer->is_endless ? observer->options.period_ns : observer->options.window_ns;

    profile_builder_clear(subject->builder);
    if (!observer->dirty_rate) {
        subject->state = SUBJECT_FINISHED;
        subject->fate = PROFILE_FATE_UNOBSERVED;
        return;
    }
    subject->state = SUBJECT_ASKED;
    subject->ask = g_new0(Ask, 1);
    subject->ask->subject = subject;
    observer->dirty_rate(subject->site->config->name, subject->vm->name, window_ns, on_dirty_rate, subject->ask,
                         observer->dirty_rate_user);
}

/* Endless observation: those without an agent are measured again and again. */
static void ask_again(gpointer user)
{
    Observer *observer = user;

    observer->timer = 0;
    for (guint i = 0; i < observer->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(observer->subjects, i);
        if (subject->state == SUBJECT_FINISHED && subject->trouble && subject->fate != PROFILE_FATE_STOPPED) {
            subject->fate = PROFILE_FATE_COMPLETE;
            subject_ask_dirty_rate(subject);
        }
    }
}

void site_leave(Site *site, const char *why)
{
    g_free(site->trouble);
    site->trouble = g_strdup(why);
    for (guint i = 0; i < site->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(site->subjects, i);
        if (subject->state == SUBJECT_WAITING || subject->state == SUBJECT_SAMPLED) {
            subject_set_trouble(subject, why);
            subject_ask_dirty_rate(subject);
        }
    }
}

void site_fail(Site *site, const GError *error)
{
    g_autofree char *why = g_strdup(error->message);

    log_warning("%s; its VMs are observed by libvirt's dirty-rate calculation instead, which sees writes only", why);
    g_clear_pointer(&site->client, agent_client_free);
    site_end_local(site);
    site_leave(site, why);
}

Subject *site_find_subject(const Site *site, const char *vm)
{
    for (guint i = 0; i < site->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(site->subjects, i);
        if (g_str_equal(subject->vm->name, vm)) {
            return subject;
        }
    }
    return NULL;
}

void site_end_window(Site *site)
{
    for (guint i = 0; i < site->subjects->len; i++) {
        Subject *subject = g_ptr_array_index(site->subjects, i);
        if (subject->state == SUBJECT_SAMPLED) {
            subject->state = SUBJECT_FINISHED;
        } else if (subject->state == SUBJECT_WAITING) {
            subject_set_trouble(subject, "the agent did not mention it");
            subject_ask_dirty_rate(subject);
        }
    }
}

/* --- the observation --------------------------------------------------------------------------------------------- */

static Site *find_site(Observer *observer, const HostConfig *host)
{
    for (guint i = 0; i < observer->sites->len; i++) {
        Site *site = g_ptr_array_index(observer->sites, i);
        if (g_str_equal(site->config->name, host->name)) {
            return site;
        }
    }
    Site *site = g_new0(Site, 1);
    site->observer = observer;
    site->config = host_config_copy(host);
    site->subjects = g_ptr_array_new();
    g_ptr_array_add(observer->sites, site);
    return site;
}

static void start_site(Site *site)
{
    if (site->observer->local.open) {
        site_start_local(site);
    } else {
        site_start_agent(site);
    }
}

/* A VM that turned up during the observation joins it. */
static void join_late(Subject *subject)
{
    Site *site = subject->site;

    subject->fate = PROFILE_FATE_STARTED_LATE;
    if (site->client) {
        site_add_to_agent(site, subject);
    } else if (site->group) {
        site_add_to_local(site, subject);
    } else if (site->trouble) {
        subject_set_trouble(subject, site->trouble);
        subject_ask_dirty_rate(subject);
    } else {
        start_site(site);
    }
}

void observer_add(Observer *observer, const HostConfig *host, const Vm *vm)
{
    Subject *subject = g_new0(Subject, 1);
    gsize periods = (gsize)(observer->options.window_ns / observer->options.period_ns);

    subject->observer = observer;
    subject->site = find_site(observer, host);
    subject->vm = vm_copy(vm);
    subject->builder = profile_builder_new(vm->name, periods);
    g_ptr_array_add(observer->subjects, subject);
    g_ptr_array_add(subject->site->subjects, subject);
    if (observer->is_started) {
        join_late(subject);
    }
}

/* The first turn of the loop: agents are started from here, so that nothing is called back inside observer_start. */
static void start_sites(gpointer user)
{
    Observer *observer = user;

    observer->timer = 0;
    observer->is_started = TRUE;
    for (guint i = 0; i < observer->sites->len; i++) {
        start_site(g_ptr_array_index(observer->sites, i));
    }
    observer_check_done(observer);
}

void observer_start(Observer *observer, gboolean endless, ObserverDoneFunc done, gpointer user)
{
    observer->is_endless = endless;
    observer->on_done = done;
    observer->on_done_user = user;
    observer->timer =
        observer->clock->at(observer->clock, observer->clock->now_ns(observer->clock), start_sites, observer);
}
