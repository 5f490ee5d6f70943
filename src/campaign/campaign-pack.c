/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing the instances of a file; see campaign-pack.h. */
#include "campaign/campaign-pack.h"
#include "base/error.h"
#include "place/vmp-file.h"

#include <string.h>

static Packing *pack_one(const VmpInstance *instance, const PackOptions *options, GError **error)
{
    gint64 begun_us = g_get_monotonic_time();
    g_autoptr(PackResult) result = pack(&instance->problem, options, error);

    if (!result) {
        g_prefix_error(error, "instance %s: ", instance->name);
        return NULL;
    }
    Packing *packing = g_new0(Packing, 1);
    *packing = (Packing){.name = g_strdup(instance->name),
                         .vms = instance->problem.vms_length,
                         .hosts = instance->problem.hosts_length,
                         .hosts_used = result->hosts_used,
                         .hosts_constructed = result->hosts_constructed,
                         .lower_bound = result->lower_bound,
                         .moves = result->moves,
                         .seconds = (double)(g_get_monotonic_time() - begun_us) / G_USEC_PER_SEC,
                         .host_of = g_steal_pointer(&result->host_of)};
    return packing;
}

static GPtrArray *read_instances(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;

    if (!g_file_get_contents(path, &text, &length, error)) {
        return NULL;
    }
    if (strlen(text) != length) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s is no text: it has a byte 0", path);
        return NULL;
    }
    return vmp_parse(text, path, error);
}

GPtrArray *campaign_pack(const char *path, guint64 seed, guint effort, CampaignPackFunc func, gpointer user,
                         GError **error)
{
    PackOptions options = {.seed = seed, .effort = effort};
    g_autoptr(GPtrArray) instances = read_instances(path, error);
    g_autoptr(GPtrArray) packings = g_ptr_array_new_with_free_func((GDestroyNotify)packing_free);

    for (guint i = 0; instances && i < instances->len; i++) {
        Packing *packing = pack_one(g_ptr_array_index(instances, i), &options, error);

        if (!packing) {
            g_prefix_error(error, "%s: ", path);
            return NULL;
        }
        g_ptr_array_add(packings, packing);
        if (func) {
            func(i + 1, instances->len, user);
        }
    }
    return instances ? g_steal_pointer(&packings) : NULL;
}
