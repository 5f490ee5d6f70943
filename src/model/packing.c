/* SPDX-License-Identifier: Apache-2.0
 *
 * What came of packing one instance; see packing.h. */
#include "model/packing.h"

void packing_free(Packing *packing)
{
    if (packing) {
        g_free(packing->name);
        g_free(packing->host_of);
        g_free(packing);
    }
}

double packing_gap_percent(const Packing *packing)
{
    return packing->lower_bound == 0
               ? 0
               : 100.0 * (packing->hosts_used - packing->lower_bound) / packing->lower_bound;
}

gboolean packing_is_best(const Packing *packing)
{
    return packing->hosts_used == packing->lower_bound;
}
