/* SPDX-License-Identifier: Apache-2.0
 *
 * For each unit the few destinations that are worth a look; see candidates.h. */
#include "place/candidates.h"

typedef struct Priced {
    guint host;
    double change;
} Priced;

/* Keeps the 'limit' cheapest in ascending order; of equals the one that came first. */
static guint keep_cheapest(Priced *kept, guint length, guint limit, Priced next)
{
    guint i = length;

    if (length == limit) {
        if (next.change >= kept[length - 1].change) {
            return length;
        }
        i--;
    }
    for (; i > 0 && kept[i - 1].change > next.change; i--) {
        kept[i] = kept[i - 1];
    }
    kept[i] = next;
    return MIN(length + 1, limit);
}

static gboolean is_listed(const guint *hosts, guint length, guint host)
{
    for (guint i = 0; i < length; i++) {
        if (hosts[i] == host) {
            return TRUE;
        }
    }
    return FALSE;
}

static guint add_cheapest(Rival *rival, guint unit, guint limit, guint *hosts)
{
    guint here = rival_where(rival, unit);
    Priced kept[CANDIDATES_MAX];
    guint length = 0;

    for (guint i = 0; i < rival->destinations_length; i++) {
        guint host = rival->destinations[i];

        if (host != here && rival_fits(rival, unit, host)) {
            length = keep_cheapest(kept, length, limit, (Priced){host, rival_change(rival, unit, host)});
        }
    }
    for (guint i = 0; i < length; i++) {
        hosts[i] = kept[i].host;
    }
    return length;
}

static guint add_tightest(const Rival *rival, guint unit, guint length, guint *hosts)
{
    guint here = rival_where(rival, unit);

    for (guint i = 0; i < rival->destinations_length && length < CANDIDATES_MAX; i++) {
        guint host = rival->destinations[i];

        if (host != here && rival_fits(rival, unit, host) && !is_listed(hosts, length, host)) {
            hosts[length++] = host;
        }
    }
    return length;
}

Candidates *candidates_new(Rival *rival)
{
    Candidates *candidates = g_new0(Candidates, 1);
    gboolean is_few = rival->destinations_length <= CANDIDATES_MAX;

    candidates->host = g_new(guint, (gsize)CANDIDATES_MAX * rival->units->length + 1);
    candidates->length = g_new0(guint, rival->units->length + 1);
    for (guint u = 0; u < rival->units->length; u++) {
        guint *hosts = candidates->host + (gsize)CANDIDATES_MAX * u;
        guint length = 0;

        if (rival->fitness->has_traffic || is_few) {
            length = add_cheapest(rival, u, is_few ? CANDIDATES_MAX : CANDIDATES_MAX / 2, hosts);
        }
        candidates->length[u] = add_tightest(rival, u, length, hosts);
    }
    return candidates;
}

void candidates_free(Candidates *candidates)
{
    if (candidates) {
        g_free(candidates->host);
        g_free(candidates->length);
        g_free(candidates);
    }
}
