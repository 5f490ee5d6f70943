/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of indices (guint) in ascending order. */
#pragma once

#include <glib.h>

/* For qsort, bsearch and g_array_sort. */
int index_compare(gconstpointer a, gconstpointer b);

void indices_sort(guint *indices, guint length);
