/* SPDX-License-Identifier: Apache-2.0
 *
 * N+k; see spare.h.
 *
 * With k = 1 every host is tried: a fleet of 10,000 hosts and 100,000 VMs places each VM once.  With more, every set of
 * k hosts, which is why their number is limited. */
#include "place/spare.h"
#include "base/error.h"

#include <math.h>

typedef struct Spare {
    const PlaceProblem *problem;
    guint *first;    /* [hosts + 1] rows of vm_at */
    guint *vm_at;    /* VMs by host, the largest first */
    guint *order;    /* hosts that may receive, most free memory first */
    guint order_length;
    double (*left)[RESOURCE_COUNT]; /* [hosts] that may still be reserved */
    gboolean *is_down;
    guint *down; /* the set that is tried */
    guint down_length;
    guint stuck; /* the VM that found no room */
} Spare;

static double sets_of(guint hosts, guint k)
{
    double sets = 1;

    for (guint i = 0; i < k; i++) {
        sets *= (double)(hosts - MIN(i, hosts)) / (i + 1);
    }
    return sets;
}

gboolean place_spare_check(const PlaceProblem *problem, guint spare_hosts, GError **error)
{
    double sets = sets_of(problem->hosts_length, spare_hosts);

    if (spare_hosts > 1 && sets > SPARE_SETS_MAX) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "spare hosts: any %u of %u hosts are %.0f sets, more than the %u that are tried; ask for 1, or for "
                    "fewer hosts at a time",
                    spare_hosts, problem->hosts_length, sets, SPARE_SETS_MAX);
        return FALSE;
    }
    return TRUE;
}

static int compare_sizes(gconstpointer a, gconstpointer b, gpointer user)
{
    const PlaceProblem *problem = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    for (int r = RESOURCE_COUNT - 1; r >= 0; r--) {
        double difference = problem->vms[left].reserved[r] - problem->vms[right].reserved[r];

        if (difference != 0) {
            return difference > 0 ? -1 : 1;
        }
    }
    return left < right ? -1 : left > right;
}

static int compare_room(gconstpointer a, gconstpointer b, gpointer user)
{
    const Spare *spare = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;
    double difference = spare->left[left][RESOURCE_MEMORY] - spare->left[right][RESOURCE_MEMORY];

    if (difference != 0) {
        return difference > 0 ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

static void list_vms(Spare *spare, const guint *host_of)
{
    const PlaceProblem *problem = spare->problem;
    g_autofree guint *filled = g_new0(guint, problem->hosts_length + 1);

    for (guint v = 0; v < problem->vms_length; v++) {
        spare->first[host_of[v] + 1]++;
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        spare->first[h + 1] += spare->first[h];
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        spare->vm_at[spare->first[host_of[v]] + filled[host_of[v]]++] = v;
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        g_qsort_with_data(spare->vm_at + spare->first[h], (int)(spare->first[h + 1] - spare->first[h]), sizeof(guint),
                          compare_sizes, (gpointer)problem);
    }
}

static void spare_init(Spare *spare, const PlaceProblem *problem, const guint *host_of, guint k)
{
    *spare = (Spare){.problem = problem, .stuck = PLACE_NOWHERE};
    spare->first = g_new0(guint, problem->hosts_length + 2);
    spare->vm_at = g_new(guint, problem->vms_length + 1);
    spare->order = g_new(guint, problem->hosts_length + 1);
    spare->left = g_malloc0_n(problem->hosts_length + 1, sizeof *spare->left);
    spare->is_down = g_new0(gboolean, problem->hosts_length + 1);
    spare->down = g_new0(guint, k + 1);
    list_vms(spare, host_of);
    for (guint h = 0; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            spare->left[h][r] = problem->hosts[h].reservable[r] - problem->hosts[h].base_reserved[r];
            for (guint i = spare->first[h]; i < spare->first[h + 1]; i++) {
                spare->left[h][r] -= problem->vms[spare->vm_at[i]].reserved[r];
            }
        }
        if (problem->hosts[h].may_receive) {
            spare->order[spare->order_length++] = h;
        }
    }
    g_qsort_with_data(spare->order, (int)spare->order_length, sizeof *spare->order, compare_room, spare);
}

static void spare_clear(Spare *spare)
{
    g_free(spare->first);
    g_free(spare->vm_at);
    g_free(spare->order);
    g_free(spare->left);
    g_free(spare->is_down);
    g_free(spare->down);
}

static guint find_room(const Spare *spare, guint vm)
{
    const PlaceVm *row = &spare->problem->vms[vm];

    for (guint n = 0; n < spare->order_length; n++) {
        guint host = spare->order[n];
        gboolean fits = !spare->is_down[host] &&
                        (!row->cpu_class || (spare->problem->hosts[host].cpu_classes & row->cpu_class));

        for (int r = 0; r < RESOURCE_COUNT; r++) {
            fits = fits && row->reserved[r] <= spare->left[host][r] + 1e-9 * MAX(1, fabs(spare->left[host][r]));
        }
        if (fits) {
            return host;
        }
    }
    return PLACE_NOWHERE;
}

static void take(Spare *spare, guint vm, guint host, double sign)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        spare->left[host][r] -= sign * spare->problem->vms[vm].reserved[r];
    }
}

/* Whether the VMs of the hosts in 'down' find room; leaves everything as it was. */
static gboolean survives(Spare *spare)
{
    g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, 2 * sizeof(guint));

    for (guint d = 0; d < spare->down_length && spare->stuck == PLACE_NOWHERE; d++) {
        guint host = spare->down[d];

        for (guint i = spare->first[host]; i < spare->first[host + 1] && spare->stuck == PLACE_NOWHERE; i++) {
            guint pair[2] = {spare->vm_at[i], find_room(spare, spare->vm_at[i])};

            if (pair[1] == PLACE_NOWHERE) {
                spare->stuck = pair[0];
            } else {
                take(spare, pair[0], pair[1], 1);
                g_array_append_val(taken, pair);
            }
        }
    }
    for (guint n = 0; n < taken->len; n++) {
        const guint *pair = (const guint *)(void *)(taken->data + n * 2 * sizeof(guint));

        take(spare, pair[0], pair[1], -1);
    }
    return spare->stuck == PLACE_NOWHERE;
}

/* Every set of 'wanted' more hosts from 'from' on. */
static gboolean survives_all(Spare *spare, guint from, guint wanted)
{
    if (wanted == 0) {
        return survives(spare);
    }
    for (guint h = from; h + wanted <= spare->problem->hosts_length; h++) {
        spare->down[spare->down_length++] = h;
        spare->is_down[h] = TRUE;
        if (!survives_all(spare, h + 1, wanted - 1)) {
            return FALSE; /* 'down' is the set that fails */
        }
        spare->is_down[h] = FALSE;
        spare->down_length--;
    }
    return TRUE;
}

static char *describe(const Spare *spare)
{
    const PlaceVm *vm = &spare->problem->vms[spare->stuck];
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint d = 0; d < spare->down_length; d++) {
        g_string_append_printf(names, "%s%s", d ? " and " : "", spare->problem->hosts[spare->down[d]].name);
    }
    return g_strdup_printf("when %s fail%s, VM %s (%.0f MiB, %.2f cores reserved) finds no room on the others",
                           names->str, spare->down_length == 1 ? "s" : "", vm->name, vm->reserved[RESOURCE_MEMORY],
                           vm->reserved[RESOURCE_CPU]);
}

gboolean place_spare_holds(const PlaceProblem *problem, const guint *host_of, guint spare_hosts, char **what)
{
    gboolean holds;
    Spare spare;

    if (spare_hosts == 0) {
        return TRUE;
    }
    spare_init(&spare, problem, host_of, MIN(spare_hosts, problem->hosts_length));
    holds = survives_all(&spare, 0, MIN(spare_hosts, problem->hosts_length));
    if (!holds && what) {
        *what = describe(&spare);
    }
    spare_clear(&spare);
    return holds;
}
