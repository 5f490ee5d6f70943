/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of hosts by load.
 *
 * Theory of operation
 * -------------------
 * The watts that a VM adds to a host depend on the host's type, its load and the VM's demand only: P(load + d) -
 * P(load), with d the demand over the type's capacity.  P is straight between tenths, so over an interval of loads that
 * crosses no tenth this difference has its least value at an end, or where load + d crosses a tenth.
 *
 * Hosts are kept in buckets: by type, by how much RAM they have left (in steps of the VM types' sizes; where promises
 * do not count there is one step), and by load, 64 buckets a tenth.
 *
 *     type 0 | RAM for none of the VM types | load 0 ... 1/640 ... 2/640 ... 1
 *            | RAM for the smallest         | ...
 *            | RAM for the two smallest     | ...
 *
 * A search computes the least value of every bucket that has hosts, looks at all hosts of the lowest first and then at
 * those of the others that could still win.  All of a bucket's hosts are judged by the same function as in the scan,
 * and a bucket is passed over only if its bound, less a margin for rounding, is worse than the best found: so the
 * answer is the scan's, ties included.  In the peer's mode straight stretches make many buckets equal to within
 * rounding, and all of them are looked at; in the physical mode the fullest wins there, so the emptier ones are passed
 * over.
 *
 * When the stale-power defect compares with a lower power than P(load), the difference is only larger: the bound holds.
 */
#include "sim/day-index.h"

#include <string.h>

#define PER_TENTH  64
#define BUCKETS    (10 * PER_TENTH)
#define WORDS      (BUCKETS / 64)
#define STEPS_MAX  8
#define WORTH      128 /* active hosts; fewer are scanned as fast */
#define WORTH_PEER 640
#define MARGIN_W   1e-6
#define MARGIN     1e-9
#define NO_LIST    G_MAXUINT32

typedef struct Bound {
    double watts;
    guint32 first_list; /* of the bucket at the least RAM step that will do */
    guint16 bucket;
} Bound;

struct DayIndex {
    Day *day;
    guint n_steps; /* lists per type and bucket */
    float steps_mib[STEPS_MAX];
    guint32 *heads;  /* by list: (type * n_steps + step) * BUCKETS + bucket */
    guint64 *filled; /* [types * n_steps * WORDS] bits */
    guint32 *next;   /* by host */
    guint32 *before;
    guint32 *list;
    GArray *bounds; /* Bound */
};

static void set_steps(DayIndex *index)
{
    const DayFleet *fleet = index->day->fleet;

    index->n_steps = 1;
    if (!index->day->promises_count) {
        return;
    }
    /* the sizes in rising order, the smallest eight of them */
    for (float above = 0; index->n_steps <= STEPS_MAX; index->n_steps++) {
        float least = G_MAXFLOAT;

        for (guint i = 0; i < fleet->n_vm_types; i++) {
            float ram_mib = (float)fleet->vm_types[i].ram_mib;
            least = ram_mib > above ? MIN(least, ram_mib) : least;
        }
        if (least == G_MAXFLOAT || index->n_steps - 1 == STEPS_MAX) {
            break;
        }
        index->steps_mib[index->n_steps - 1] = above = least;
    }
}

static guint step_of(const DayIndex *index, float ram_mib)
{
    guint step = 0;

    while (step < index->n_steps - 1 && index->steps_mib[step] <= ram_mib) {
        step++;
    }
    return step;
}

static DayIndex *index_new(Day *day)
{
    DayIndex *index = g_new0(DayIndex, 1);
    guint hosts = day->fleet->hosts;

    index->day = day;
    set_steps(index);
    gsize columns = (gsize)day->fleet->n_host_types * index->n_steps;

    index->heads = g_new(guint32, columns * BUCKETS);
    index->filled = g_new0(guint64, columns * WORDS);
    index->next = g_new(guint32, hosts);
    index->before = g_new(guint32, hosts);
    index->list = g_new(guint32, hosts);
    index->bounds = g_array_new(FALSE, FALSE, sizeof(Bound));
    memset(index->heads, 0xff, columns * BUCKETS * sizeof *index->heads);
    memset(index->list, 0xff, hosts * sizeof *index->list);
    return index;
}

static void fill(DayIndex *index)
{
    for (guint32 i = 0; i < index->day->n_active; i++) {
        day_index_place(index, index->day->active[i]);
    }
}

static gboolean is_wanted(const Day *day)
{
    return day->config->search == DAY_SEARCH_INDEX ||
           (day->config->search == DAY_SEARCH_AUTO && day->n_active >= (day->exact ? WORTH_PEER : WORTH));
}

void day_index_begin(Day *day)
{
    day_index_end(day);
    if (is_wanted(day)) {
        day->index = index_new(day);
        fill(day->index);
    }
}

void day_index_end(Day *day)
{
    DayIndex *index = day->index;

    if (index != NULL) {
        g_free(index->heads);
        g_free(index->filled);
        g_free(index->next);
        g_free(index->before);
        g_free(index->list);
        g_array_unref(index->bounds);
        g_free(index);
        day->index = NULL;
    }
}

void day_index_grow(Day *day, guint32 host)
{
    if (day->index != NULL) {
        day_index_place(day->index, host);
    } else if (is_wanted(day)) {
        day->index = index_new(day);
        fill(day->index);
    }
}

static void take_out(DayIndex *index, guint32 host)
{
    guint32 list = index->list[host];
    guint32 next = index->next[host], before = index->before[host];

    if (next != DAY_NONE) {
        index->before[next] = before;
    }
    if (before != DAY_NONE) {
        index->next[before] = next;
    } else {
        index->heads[list] = next;
        if (next == DAY_NONE) {
            guint bucket = list % BUCKETS;
            index->filled[(gsize)(list / BUCKETS) * WORDS + bucket / 64] &= ~(1ULL << bucket % 64);
        }
    }
    index->list[host] = NO_LIST;
}

static void put_in(DayIndex *index, guint32 host, guint32 list)
{
    guint bucket = list % BUCKETS;
    guint32 head = index->heads[list];

    index->next[host] = head;
    index->before[host] = DAY_NONE;
    if (head != DAY_NONE) {
        index->before[head] = host;
    }
    index->heads[list] = host;
    index->list[host] = list;
    index->filled[(gsize)(list / BUCKETS) * WORDS + bucket / 64] |= 1ULL << bucket % 64;
}

static guint32 list_of(const DayIndex *index, guint32 host)
{
    const Day *day = index->day;
    const DayPlan *plan = &day->plans[host];
    double load = plan->used / day->capacity[plan->type];

    if ((plan->excluded & ~DAY_EXCLUDED_TARGET) != 0 || day->active_slot[host] == DAY_NONE || load >= 1) {
        return NO_LIST;
    }
    guint step = day->promises_count ? step_of(index, plan->ram_free_mib) : 0;

    return (plan->type * index->n_steps + step) * BUCKETS + (guint)(load * BUCKETS);
}

void day_index_place(DayIndex *index, guint32 host)
{
    guint32 list = list_of(index, host);

    if (list != index->list[host]) {
        if (index->list[host] != NO_LIST) {
            take_out(index, host);
        }
        if (list != NO_LIST) {
            put_in(index, host, list);
        }
    }
}

/* The least that a VM of 'rise' (its demand over the capacity) adds to a host of the bucket. */
static double least_watts(const PowerCurve *power, guint bucket, double rise)
{
    double low = (double)bucket / BUCKETS;
    double high = (double)(bucket + 1) / BUCKETS;
    double crossing = ceil((low + rise) * 10) / 10 - rise;
    double least = MIN(power_watts(power, low + rise) - power_watts(power, low),
                       power_watts(power, high + rise) - power_watts(power, high));

    if (crossing > low && crossing < high) {
        least = MIN(least, power_watts(power, crossing + rise) - power_watts(power, crossing));
    }
    return least;
}

/* The buckets of 'type' that hold hosts with RAM enough and perhaps MIPS, from the fullest down. */
static void gather(DayIndex *index, guint type, guint step, double asked)
{
    const Day *day = index->day;
    const PowerCurve *power = day->fleet->host_types[type].power;
    double rise = asked / day->capacity[type];
    double room = (1 - rise) * BUCKETS + 1e-6;
    guint top = room >= BUCKETS - 1 ? BUCKETS - 1 : (guint)MAX(room, 0.0);

    if (rise > 1 + MARGIN || asked > day->core[type]) {
        return;
    }
    for (guint word = top / 64 + 1; word-- > 0;) {
        guint64 bits = 0;

        for (guint i = step; i < index->n_steps; i++) {
            bits |= index->filled[((gsize)type * index->n_steps + i) * WORDS + word];
        }
        while (bits != 0) {
            guint bit = 63 - (guint)__builtin_clzll(bits);
            guint bucket = word * 64 + bit;

            bits &= ~(1ULL << bit);
            if (bucket <= top) {
                Bound bound = {.watts = least_watts(power, bucket, rise),
                               .first_list = (type * index->n_steps + step) * BUCKETS + bucket,
                               .bucket = (guint16)bucket};
                g_array_append_val(index->bounds, bound);
            }
        }
    }
}

static gboolean can_win(const Day *day, const Bound *bound, const DayBest *best)
{
    double least = bound->watts - MARGIN_W;

    if (day_has(day, DAY_DEFECT_ROUNDING_DECIDES) || best->host == DAY_NONE) {
        return least <= best->watts_more;
    }
    least = day_milliwatts(least);
    return least < best->watts_more ||
           (least == best->watts_more && (double)(bound->bucket + 1) / BUCKETS + MARGIN >= best->load);
}

static void look_at(DayIndex *index, const Bound *bound, guint step, guint32 vm, DayBest *best)
{
    for (guint i = step; i < index->n_steps; i++) {
        guint32 host = index->heads[bound->first_list + (i - step) * BUCKETS];

        for (; host != DAY_NONE; host = index->next[host]) {
            day_consider(index->day, host, vm, best);
        }
    }
}

void day_index_search(DayIndex *index, guint32 vm, DayBest *best)
{
    const Day *day = index->day;
    guint step = day->promises_count ? step_of(index, (float)day_type_of_vm(day, vm)->ram_mib) : 0;
    guint first = 0;

    g_array_set_size(index->bounds, 0);
    for (guint type = 0; type < day->fleet->n_host_types; type++) {
        gather(index, type, step, day->vm_asked[vm]);
    }
    const Bound *bounds = (const Bound *)(gconstpointer)index->bounds->data;

    for (guint i = 1; i < index->bounds->len; i++) {
        first = bounds[i].watts < bounds[first].watts - MARGIN_W ? i : first;
    }
    if (index->bounds->len > 0) {
        look_at(index, &bounds[first], step, vm, best);
    }
    for (guint i = 0; i < index->bounds->len; i++) {
        if (i != first && can_win(day, &bounds[i], best)) {
            look_at(index, &bounds[i], step, vm, best);
        }
    }
}
