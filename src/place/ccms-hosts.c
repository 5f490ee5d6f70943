/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a block of VMs may go, best first; part of Algorithm 1, see ccms.h.
 *
 * Theory of operation.  A block is met in many partitions of many groups, so the hosts that have room for it are listed
 * once and kept.  The list is ordered by what does not depend on the partition:
 *
 *     base       communication with VMs that are not in the Ccms     (dearer hosts later: the search stops early)
 *     distance   from the source
 *     slack      what would be left there of the fullest resource    (best fit first)
 *     index
 *
 * What a partition adds (members that stay, blocks placed before) only makes a host dearer.  So once a host was found
 * that costs c, none with a base above c is looked at; and within a run of equal base the first one that fits is the
 * best of its run when only the source matters, which is most of the time. */
#include "place/ccms-parts.h"

#include <math.h>

#define LISTED_MAX 2000000 /* entries kept; more are made again when needed */
#define ANCHORS_MAX (CCMS_VMS_MAX + 1)

typedef struct CcmsEntry {
    double base;
    double slack;
    guint host;
    guint distance;
    guint run_end; /* the next entry with another base */
} CcmsEntry;

typedef struct CcmsList {
    guint length;
    CcmsEntry entries[];
} CcmsList;

void ccms_lists_free(gpointer list)
{
    g_free(list);
}

static int compare_entries(gconstpointer a, gconstpointer b)
{
    const CcmsEntry *left = a;
    const CcmsEntry *right = b;

    if (left->base != right->base) {
        return left->base < right->base ? -1 : 1;
    }
    if (left->distance != right->distance) {
        return left->distance < right->distance ? -1 : 1;
    }
    if (left->slack != right->slack) {
        return left->slack < right->slack ? -1 : 1;
    }
    return left->host < right->host ? -1 : left->host > right->host;
}

static guint members_of(const Ccms *ccms, guint64 mask, guint *vms)
{
    guint length = 0;

    for (guint64 rest = mask; rest; rest &= rest - 1) {
        vms[length++] = ccms->vms[mask_lowest(rest)];
    }
    return length;
}

static gboolean fits(const Ccms *ccms, guint64 mask, guint host)
{
    guint vms[CCMS_VMS_MAX];
    guint length = members_of(ccms, mask, vms);

    for (guint i = 0; i < length; i++) {
        if (ccms->state->host_of[vms[i]] == host) {
            return FALSE;
        }
    }
    return place_state_fits_all(ccms->state, vms, length, host);
}

static double base_at(const Ccms *ccms, guint64 block, guint host)
{
    double sum = 0;

    for (guint64 rest = block; rest; rest &= rest - 1) {
        const GArray *anchors = ccms->anchors[mask_lowest(rest)];

        for (guint a = 0; a < anchors->len; a++) {
            const CcmsAnchor *anchor = &g_array_index(anchors, CcmsAnchor, a);

            sum += anchor->mib_per_s * place_distance(ccms->problem, host, anchor->host);
        }
    }
    return sum;
}

static CcmsList *make_list(const Ccms *ccms, guint64 block)
{
    CcmsList *list = g_malloc(sizeof *list + ccms->hosts_length * sizeof *list->entries);

    list->length = 0;
    for (guint i = 0; i < ccms->hosts_length; i++) {
        guint host = ccms->hosts[i];

        if (fits(ccms, block, host)) {
            list->entries[list->length++] = (CcmsEntry){
                .base = base_at(ccms, block, host),
                .slack = 1 - place_state_utilisation(ccms->state, host, ccms->bottleneck),
                .host = host,
                .distance = place_distance(ccms->problem, ccms->source, host),
            };
        }
    }
    qsort(list->entries, list->length, sizeof *list->entries, compare_entries);
    for (guint i = list->length, end = list->length; i-- > 0;) {
        end = i + 1 < list->length && list->entries[i + 1].base != list->entries[i].base ? i + 1 : end;
        list->entries[i].run_end = end;
    }
    return g_realloc(list, sizeof *list + list->length * sizeof *list->entries);
}

static const CcmsList *list_of(Ccms *ccms, guint64 block)
{
    CcmsList *list = g_hash_table_lookup(ccms->lists, &block);

    if (!list) {
        list = make_list(ccms, block);
        ccms->listed += list->length;
        if (ccms->listed > LISTED_MAX) {
            g_hash_table_remove_all(ccms->lists);
            ccms->listed = list->length;
        }
        g_hash_table_insert(ccms->lists, g_memdup2(&block, sizeof block), list);
    }
    return list;
}

double ccms_least_base(Ccms *ccms, guint i)
{
    if (isnan(ccms->least_base[i])) {
        const CcmsList *list = ccms->is_bound[i] ? NULL : list_of(ccms, (guint64)1 << i);

        ccms->least_base[i] = !list ? 0 : list->length ? list->entries[0].base : INFINITY;
    }
    return ccms->least_base[i];
}

/* Whom a block talks to among the VMs of the Ccms, by where they are for now. */
typedef struct Pull {
    double to_source;
    guint length;
    CcmsAnchor anchors[ANCHORS_MAX];
} Pull;

static void pull_add(Pull *pull, const Ccms *ccms, guint host, double mib_per_s)
{
    if (host == ccms->source) {
        pull->to_source += mib_per_s;
        return;
    }
    for (guint a = 0; a < pull->length; a++) {
        if (pull->anchors[a].host == host) {
            pull->anchors[a].mib_per_s += mib_per_s;
            return;
        }
    }
    pull->anchors[pull->length++] = (CcmsAnchor){host, mib_per_s};
}

static void pull_init(Pull *pull, const Ccms *ccms, const CcmsScheme *scheme, guint block)
{
    guint64 mask = scheme->blocks[block];
    guint64 unplaced = ~mask;

    pull->to_source = 0;
    pull->length = 0;
    for (guint b = 0; b < block; b++) {
        double mib_per_s = ccms_between(ccms, mask, scheme->blocks[b]);

        unplaced &= ~scheme->blocks[b];
        if (mib_per_s > 0) {
            pull_add(pull, ccms, scheme->hosts[b], mib_per_s);
        }
    }
    for (guint64 rest = mask; rest; rest &= rest - 1) {
        guint i = mask_lowest(rest);

        for (guint64 met = ccms->neighbours[i] & unplaced; met; met &= met - 1) {
            guint j = mask_lowest(met);

            pull_add(pull, ccms, ccms->state->host_of[ccms->vms[j]], ccms->mib_per_s[i * ccms->length + j]);
        }
    }
}

/* Blocks that share a host have to fit there all together. */
static gboolean fits_beside(const Ccms *ccms, const CcmsScheme *scheme, guint block, guint host)
{
    guint64 all = scheme->blocks[block];

    for (guint b = 0; b < block; b++) {
        all |= scheme->hosts[b] == host ? scheme->blocks[b] : 0;
    }
    return all == scheme->blocks[block] || fits(ccms, all, host);
}

static double value_of(const Ccms *ccms, const Pull *pull, const CcmsEntry *entry)
{
    double sum = entry->base + pull->to_source * entry->distance;

    for (guint a = 0; a < pull->length; a++) {
        sum += pull->anchors[a].mib_per_s * place_distance(ccms->problem, entry->host, pull->anchors[a].host);
    }
    return sum;
}

static gboolean is_better(double value, const CcmsEntry *entry, double best_value, const CcmsEntry *best)
{
    if (!best || value != best_value) {
        return !best || value < best_value;
    }
    if (entry->distance != best->distance) {
        return entry->distance < best->distance;
    }
    if (entry->slack != best->slack) {
        return entry->slack < best->slack;
    }
    return entry->host < best->host;
}

guint ccms_choose_host(Ccms *ccms, const CcmsScheme *scheme, guint block, double *base)
{
    const CcmsList *list = list_of(ccms, scheme->blocks[block]);
    const CcmsEntry *best = NULL;
    double best_value = INFINITY;
    Pull pull;

    pull_init(&pull, ccms, scheme, block);
    for (guint i = 0; i < list->length;) {
        const CcmsEntry *entry = &list->entries[i];
        double value = value_of(ccms, &pull, entry);

        if (entry->base > best_value) {
            break;
        }
        i++;
        if (is_better(value, entry, best_value, best) && fits_beside(ccms, scheme, block, entry->host)) {
            best = entry;
            best_value = value;
            i = pull.length == 0 ? entry->run_end : i;
        }
    }
    *base = best ? best->base : 0;
    return best ? best->host : PLACE_NOWHERE;
}
