/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of indices; see indices.h. */
#include "base/indices.h"

#include <stdlib.h>

int index_compare(gconstpointer a, gconstpointer b)
{
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    return left < right ? -1 : left > right;
}

void indices_sort(guint *indices, guint length)
{
    qsort(indices, length, sizeof *indices, index_compare);
}
