/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile; see profile.h. */
#include "model/profile.h"
#include "base/stats.h"

#include <math.h>

NAMED_ENUM_DEFINE(ProfileFate, profile_fate, PROFILE_FATES)

Profile *profile_new(const char *vm, gsize periods)
{
    Profile *profile = g_new0(Profile, 1);

    profile->vm = g_strdup(vm);
    profile->periods = periods;
    profile->read_pages_per_s = g_new0(double, MAX(periods, 1));
    profile->written_pages_per_s = g_new0(double, MAX(periods, 1));
    profile->page_bytes = profile->access_grain_bytes = profile->write_grain_bytes = 4096;
    profile->dirty_bytes_per_page = NAN;
    profile->write_set_bytes = profile->used_share = profile->compressed_share = NAN;
    profile->working_set_bytes = NAN;
    return profile;
}

Profile *profile_copy(const Profile *profile)
{
    Profile *copy = g_memdup2(profile, sizeof *profile);
    gsize series_bytes = MAX(profile->periods, 1) * sizeof(double);

    copy->vm = g_strdup(profile->vm);
    copy->note = g_strdup(profile->note);
    copy->read_pages_per_s = g_memdup2(profile->read_pages_per_s, series_bytes);
    copy->written_pages_per_s = g_memdup2(profile->written_pages_per_s, series_bytes);
    copy->access_tracker = g_strdup(profile->access_tracker);
    copy->write_tracker = g_strdup(profile->write_tracker);
    return copy;
}

void profile_free(Profile *profile)
{
    if (profile) {
        g_free(profile->vm);
        g_free(profile->note);
        g_free(profile->read_pages_per_s);
        g_free(profile->written_pages_per_s);
        g_free(profile->access_tracker);
        g_free(profile->write_tracker);
        g_free(profile);
    }
}

void profile_update_means(Profile *profile)
{
    profile->mean_read_pages_per_s = profile->periods ? stats_mean(profile->read_pages_per_s, profile->periods) : 0;
    profile->mean_written_pages_per_s =
        profile->periods ? stats_mean(profile->written_pages_per_s, profile->periods) : 0;
}
