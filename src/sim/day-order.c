/* SPDX-License-Identifier: Apache-2.0
 *
 * See day-order.h. */
#include "sim/day-order.h"

#include <stdlib.h>
#include <string.h>

struct DayOrder {
    DayFleet fleet;
    guint32 *inner; /* by the caller's number */
    guint32 *outer;
    guint8 *vm_type;
    guint32 *vm_row;
    guint16 *vm_shift;
};

typedef struct Key {
    guint8 type_rank;
    guint16 shift;
    guint32 row_rank;
    guint32 vm;
} Key;

typedef struct Named {
    const char *name;
    guint32 index;
} Named;

static int compare_named(const void *a, const void *b)
{
    const Named *left = a;
    const Named *right = b;
    int order = g_strcmp0(left->name, right->name);

    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

static guint32 *ranks_of_rows(const Trace *trace)
{
    g_autofree Named *rows = g_new(Named, trace->vms);
    guint32 *ranks = g_new(guint32, trace->vms);

    for (guint32 row = 0; row < trace->vms; row++) {
        rows[row] = (Named){trace->names[row], row};
    }
    qsort(rows, trace->vms, sizeof *rows, compare_named);
    for (guint32 rank = 0; rank < trace->vms; rank++) {
        ranks[rows[rank].index] = rank;
    }
    return ranks;
}

static gboolean larger(const DayVmType *left, const DayVmType *right)
{
    return left->mips != right->mips ? left->mips > right->mips : left->ram_mib > right->ram_mib;
}

static void ranks_of_types(const DayFleet *fleet, guint8 *ranks)
{
    for (guint i = 0; i < fleet->n_vm_types; i++) {
        ranks[i] = 0;
        for (guint j = 0; j < fleet->n_vm_types; j++) {
            ranks[i] += larger(&fleet->vm_types[j], &fleet->vm_types[i]);
        }
    }
}

static int compare_keys(const void *a, const void *b)
{
    const Key *left = a;
    const Key *right = b;

    if (left->type_rank != right->type_rank) {
        return left->type_rank < right->type_rank ? -1 : 1;
    }
    if (left->row_rank != right->row_rank) {
        return left->row_rank < right->row_rank ? -1 : 1;
    }
    if (left->shift != right->shift) {
        return left->shift < right->shift ? -1 : 1;
    }
    return (left->vm > right->vm) - (left->vm < right->vm);
}

static Key *sorted_keys(const DayFleet *fleet)
{
    Key *keys = g_new(Key, fleet->vms);
    g_autofree guint32 *row_ranks = ranks_of_rows(fleet->trace);
    guint8 type_ranks[256];

    ranks_of_types(fleet, type_ranks);
    for (guint32 vm = 0; vm < fleet->vms; vm++) {
        keys[vm] = (Key){.type_rank = type_ranks[fleet->vm_type[vm]],
                         .shift = fleet->vm_shift != NULL ? fleet->vm_shift[vm] : 0,
                         .row_rank = row_ranks[fleet->vm_row != NULL ? fleet->vm_row[vm] : vm],
                         .vm = vm};
    }
    qsort(keys, fleet->vms, sizeof *keys, compare_keys);
    return keys;
}

DayOrder *day_order_new(const DayFleet *fleet)
{
    DayOrder *order = g_new0(DayOrder, 1);
    g_autofree Key *keys = sorted_keys(fleet);

    order->inner = g_new(guint32, fleet->vms);
    order->outer = g_new(guint32, fleet->vms);
    order->vm_type = g_malloc(fleet->vms);
    order->vm_row = g_new(guint32, fleet->vms);
    order->vm_shift = fleet->vm_shift != NULL ? g_new(guint16, fleet->vms) : NULL;
    for (guint32 i = 0; i < fleet->vms; i++) {
        guint32 vm = keys[i].vm;

        order->outer[i] = vm;
        order->inner[vm] = i;
        order->vm_type[i] = fleet->vm_type[vm];
        order->vm_row[i] = fleet->vm_row != NULL ? fleet->vm_row[vm] : vm;
        if (order->vm_shift != NULL) {
            order->vm_shift[i] = fleet->vm_shift[vm];
        }
    }
    order->fleet = *fleet;
    order->fleet.vm_type = order->vm_type;
    order->fleet.vm_row = order->vm_row;
    order->fleet.vm_shift = order->vm_shift;
    return order;
}

void day_order_free(DayOrder *order)
{
    if (order != NULL) {
        g_free(order->inner);
        g_free(order->outer);
        g_free(order->vm_type);
        g_free(order->vm_row);
        g_free(order->vm_shift);
        g_free(order);
    }
}

const DayFleet *day_order_fleet(const DayOrder *order)
{
    return &order->fleet;
}

guint32 day_order_inner(const DayOrder *order, guint32 vm)
{
    return order != NULL ? order->inner[vm] : vm;
}

guint32 day_order_outer(const DayOrder *order, guint32 vm)
{
    return order != NULL ? order->outer[vm] : vm;
}

void day_order_restore(const DayOrder *order, DayResult *result)
{
    if (order == NULL) {
        return;
    }
    g_autofree guint32 *initial = g_memdup2(result->initial, result->vms * sizeof *initial);

    for (guint32 vm = 0; vm < result->vms; vm++) {
        result->initial[vm] = initial[order->inner[vm]];
    }
    for (guint i = 0; i < result->migrations->len; i++) {
        DayMigration *migration = &g_array_index(result->migrations, DayMigration, i);

        migration->vm = order->outer[migration->vm];
    }
}
