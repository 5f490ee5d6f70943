/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may begin: waves, and places on hosts.
 *
 * Theory of operation.  A step waits until its wave has come and both its hosts have a place.  A wave comes when every
 * member of the waves before is done; then all of its members are looked at, in the order of the plan.  After that a
 * place can only become free on a host where somebody has ended, so only those who wait for such a host are looked at,
 * again in the order of the plan.  Hosts count who runs on them and keep who waits for them, so that what happens to
 * one VM costs what its two hosts have to do with, not the size of the plan. */
#include "migrate/gang-private.h"

typedef struct Wave {
    guint number;
    guint left; /* members that are not done */
} Wave;

static gint compare_waves(gconstpointer a, gconstpointer b)
{
    const Wave *left = a;
    const Wave *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

static void host_free(gpointer data)
{
    GangHost *host = data;

    g_ptr_array_unref(host->leaving);
    g_ptr_array_unref(host->arriving);
    g_ptr_array_unref(host->running);
    g_free(host);
}

static GangHost *host_of(Gang *gang, const char *name)
{
    GangHost *host = g_hash_table_lookup(gang->places, name);

    if (!host) {
        host = g_new0(GangHost, 1);
        host->config = gang_host(gang, name);
        host->leaving = g_ptr_array_new();
        host->arriving = g_ptr_array_new();
        host->running = g_ptr_array_new();
        g_hash_table_insert(gang->places, (gpointer)name, host);
    }
    return host;
}

static void count_waves(Gang *gang)
{
    GArray *waves = gang->waves;
    guint kept = 0;

    for (guint i = 0; i < gang->length; i++) {
        Wave wave = {gang->members[i].step->wave, 1};

        g_array_append_val(waves, wave);
    }
    g_array_sort(waves, compare_waves);
    for (guint i = 0; i < waves->len; i++) {
        Wave *wave = &g_array_index(waves, Wave, i);

        if (kept > 0 && g_array_index(waves, Wave, kept - 1).number == wave->number) {
            g_array_index(waves, Wave, kept - 1).left++;
        } else {
            g_array_index(waves, Wave, kept++) = *wave;
        }
    }
    g_array_set_size(waves, kept);
}

void places_init(Gang *gang)
{
    gang->places = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
    gang->waves = g_array_new(FALSE, FALSE, sizeof(Wave));
    gang->running = g_ptr_array_new();
    gang->changed = g_ptr_array_new();
    gang->is_wave_new = TRUE;
    for (guint i = 0; i < gang->length; i++) {
        Member *member = &gang->members[i];

        member->source = host_of(gang, member->step->source);
        member->destination = host_of(gang, member->step->destination);
        g_ptr_array_add(member->source->leaving, member);
        g_ptr_array_add(member->destination->arriving, member);
    }
    count_waves(gang);
}

void places_clear(Gang *gang)
{
    g_hash_table_unref(gang->places);
    g_array_unref(gang->waves);
    g_ptr_array_unref(gang->running);
    g_ptr_array_unref(gang->changed);
}

/* ---- who runs ---- */

static void note_changed(Gang *gang, GangHost *host)
{
    if (!host->is_changed) {
        host->is_changed = TRUE;
        g_ptr_array_add(gang->changed, host);
    }
}

static void count_member(Member *member, gboolean begins)
{
    Gang *gang = member->gang;
    GangHost *hosts[] = {member->source, member->destination};

    for (guint i = 0; i < 2; i++) {
        note_changed(gang, hosts[i]);
        if (begins) {
            g_ptr_array_add(hosts[i]->running, member);
        } else {
            g_ptr_array_remove(hosts[i]->running, member);
        }
    }
    if (begins) {
        member->source->outgoing++;
        member->destination->incoming++;
        g_ptr_array_add(gang->running, member);
    } else {
        member->source->outgoing--;
        member->destination->incoming--;
        g_ptr_array_remove(gang->running, member);
    }
}

static void leave_wave(const Member *member)
{
    GArray *waves = member->gang->waves;

    for (guint i = member->gang->wave; i < waves->len; i++) {
        Wave *wave = &g_array_index(waves, Wave, i);

        if (wave->number == member->step->wave) {
            wave->left--;
            return;
        }
    }
}

void places_follow(Member *member, Phase before)
{
    gboolean ran = before > PHASE_WAITING && before < PHASE_DONE;

    if (ran != member_runs(member)) {
        count_member(member, member_runs(member));
    }
    if (before != PHASE_DONE && member_is_done(member)) {
        leave_wave(member);
    }
}

/* ---- who may begin ---- */

static gboolean may_leave(const Gang *gang, const GangHost *host)
{
    guint limit = place_limit(host->config ? host->config->max_outgoing : 0, gang->plan->options.max_outgoing);

    return place_is_free(host->outgoing, limit);
}

static gboolean may_arrive(const Gang *gang, const GangHost *host)
{
    guint limit = place_limit(host->config ? host->config->max_incoming : 0, gang->plan->options.max_incoming);

    return place_is_free(host->incoming, limit);
}

/* Its turn has come, and there are places for it. */
static gboolean may_begin(const Member *member)
{
    const Gang *gang = member->gang;

    return member->machine.phase == PHASE_WAITING &&
           member->step->wave == g_array_index(gang->waves, Wave, gang->wave).number &&
           may_leave(gang, member->source) && may_arrive(gang, member->destination);
}

/* The first of 'waiting' that may begin; who is past waiting at its front is forgotten. */
static Member *first_of(const GPtrArray *waiting, guint *front)
{
    while (*front < waiting->len &&
           ((const Member *)g_ptr_array_index(waiting, *front))->machine.phase != PHASE_WAITING) {
        (*front)++;
    }
    for (guint i = *front; i < waiting->len; i++) {
        Member *member = g_ptr_array_index(waiting, i);

        if (may_begin(member)) {
            return member;
        }
    }
    return NULL;
}

static Member *earlier(Member *a, Member *b)
{
    if (!a || !b) {
        return a ? a : b;
    }
    return a->index < b->index ? a : b;
}

/* Of those who wait for a host where something has changed, the first in the plan. */
static Member *next_of_changed(const Gang *gang)
{
    Member *found = NULL;

    for (guint i = 0; i < gang->changed->len; i++) {
        GangHost *host = g_ptr_array_index(gang->changed, i);

        if (may_leave(gang, host)) {
            found = earlier(found, first_of(host->leaving, &host->leaving_front));
        }
        if (may_arrive(gang, host)) {
            found = earlier(found, first_of(host->arriving, &host->arriving_front));
        }
    }
    return found;
}

static void look_at_wave(Gang *gang)
{
    while (gang->wave < gang->waves->len && g_array_index(gang->waves, Wave, gang->wave).left == 0) {
        gang->wave++;
        gang->is_wave_new = TRUE;
    }
}

void places_begin_next(Gang *gang)
{
    look_at_wave(gang);
    if (gang->is_stopping || places_all_done(gang)) {
        return;
    }
    for (guint i = 0; i < gang->length && gang->is_wave_new; i++) {
        if (may_begin(&gang->members[i])) {
            member_begin(&gang->members[i]);
        }
    }
    gang->is_wave_new = FALSE;
    for (Member *member = next_of_changed(gang); member; member = next_of_changed(gang)) {
        member_begin(member);
    }
}

gboolean places_all_done(Gang *gang)
{
    look_at_wave(gang);
    return gang->wave >= gang->waves->len;
}
