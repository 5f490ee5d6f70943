/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether some VMs can be placed at all; see feasible.h.
 *
 * Theory of operation.  Backtracking: the VM with the fewest hosts first, each host in turn, back when one has none
 * left.  Before that two bounds that find most impossible cases at once: a VM that no host can take, and more needed
 * than all hosts together have.  Of hosts that nothing tells apart (the same room, nobody there that a rule knows) only
 * the first is tried.
 *
 * Every host looked at is a step; the budget of steps is shared by all questions that are asked of one Feasible, so that
 * explaining never takes longer than about a second. */
#include "place/feasible-parts.h"

#include <string.h>

typedef struct Search {
    Feasible *feasible;
    const guint8 *facts;
    guint *host_of; /* [length] */
    guint *order;   /* those with facts */
    guint order_length;
    GArray **domains; /* [length] guint */
    double (*room)[RESOURCE_COUNT];
    double (*room_reserved)[RESOURCE_COUNT];
    guint *guests;    /* [hosts] placed by the search */
    double left[RESOURCE_COUNT];      /* relief: demand that left so far */
    double can_leave[RESOURCE_COUNT]; /* of those that are not decided */
} Search;

static void fill_domain(Search *search, guint i)
{
    Feasible *feasible = search->feasible;

    search->domains[i] = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint h = 0; h < feasible->problem->hosts_length && feasible->steps_left > 0; h++) {
        feasible->steps_left--;
        if (feasible_may(feasible, i, search->facts[i], h)) {
            g_array_append_val(search->domains[i], h);
        }
    }
}

static int compare_domains(gconstpointer a, gconstpointer b, gpointer user)
{
    const Search *search = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;
    const PlaceVm *vms = search->feasible->problem->vms;
    double left_mib = vms[search->feasible->vms[left]].reserved[RESOURCE_MEMORY];
    double right_mib = vms[search->feasible->vms[right]].reserved[RESOURCE_MEMORY];

    if (search->domains[left]->len != search->domains[right]->len) {
        return search->domains[left]->len < search->domains[right]->len ? -1 : 1;
    }
    if (left_mib != right_mib) {
        return left_mib > right_mib ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

/* VM i is decided (sign -1), or open again (1).  One that no host can take never was among those that can leave. */
static void open_vm(Search *search, guint i, double sign)
{
    const PlaceVm *vm = &search->feasible->problem->vms[search->feasible->vms[i]];

    for (int r = 0; r < RESOURCE_COUNT && search->domains[i]->len > 0; r++) {
        search->can_leave[r] += sign * vm->demand[r];
    }
}

static void search_init(Search *search, Feasible *feasible, const guint8 *facts)
{
    guint hosts = feasible->problem->hosts_length + 1;

    *search = (Search){.feasible = feasible, .facts = facts};
    search->host_of = g_new(guint, feasible->length + 1);
    search->order = g_new(guint, feasible->length + 1);
    search->domains = g_new0(GArray *, feasible->length + 1);
    search->guests = g_new0(guint, hosts);
    search->room = g_memdup2(feasible->room, hosts * sizeof *search->room);
    search->room_reserved = g_memdup2(feasible->room_reserved, hosts * sizeof *search->room_reserved);
    for (guint i = 0; i < feasible->length; i++) {
        const PlaceVm *vm = &feasible->problem->vms[feasible->vms[i]];

        search->host_of[i] = PLACE_NOWHERE;
        for (int r = 0; r < RESOURCE_COUNT && !facts[i]; r++) {
            search->left[r] += vm->demand[r];
        }
        if (facts[i]) {
            fill_domain(search, i);
            search->order[search->order_length++] = i;
            open_vm(search, i, 1);
        }
    }
    g_qsort_with_data(search->order, (int)search->order_length, sizeof *search->order, compare_domains, search);
}

static void search_clear(Search *search)
{
    for (guint i = 0; i < search->feasible->length; i++) {
        g_clear_pointer(&search->domains[i], g_array_unref);
    }
    g_free(search->host_of);
    g_free(search->order);
    g_free(search->domains);
    g_free(search->guests);
    g_free(search->room);
    g_free(search->room_reserved);
}

/* Rules among the VMs of the question; a rule binds two of them when it is a fact of both. */
static gboolean obeys_placed(const Search *search, guint i, guint host)
{
    const Feasible *feasible = search->feasible;

    for (guint n = feasible->rule_first[i]; (search->facts[i] & RULE_FACTS) && n < feasible->rule_first[i + 1]; n++) {
        const PlaceRule *rule = &feasible->problem->rules[feasible->rule_of[n]];
        guint8 fact = 1u << (rule->kind == PLACE_RULE_APART ? FACT_APART : FACT_TOGETHER);

        for (guint k = 0; (search->facts[i] & fact) && k < rule->vms_length; k++) {
            guint j = feasible->place_of[rule->vms[k]];

            if (j != PLACE_NOWHERE && j != i && (search->facts[j] & fact) && search->host_of[j] != PLACE_NOWHERE &&
                (search->host_of[j] == host) != (rule->kind == PLACE_RULE_TOGETHER)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

static void put(Search *search, guint i, guint host, double sign)
{
    const PlaceVm *vm = &search->feasible->problem->vms[search->feasible->vms[i]];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        search->room[host][r] -= sign * need_of(vm, search->facts[i], r, FALSE);
        search->room_reserved[host][r] -= sign * need_of(vm, search->facts[i], r, TRUE);
        search->left[r] += sign * vm->demand[r];
    }
    search->guests[host] += sign > 0 ? 1 : -1;
    search->host_of[i] = sign > 0 ? host : PLACE_NOWHERE;
}

/* Whether an earlier host of the domain is the same for VM i in every respect. */
static gboolean has_twin(const Search *search, guint i, guint at)
{
    const GArray *domain = search->domains[i];
    guint host = g_array_index(domain, guint, at);

    if (search->guests[host] > 0 || (search->facts[i] & RULE_FACTS)) {
        return FALSE;
    }
    for (guint n = at; n-- > 0 && at - n <= 8;) {
        guint other = g_array_index(domain, guint, n);

        if (search->guests[other] == 0 &&
            memcmp(search->room[host], search->room[other], sizeof search->room[host]) == 0 &&
            memcmp(search->room_reserved[host], search->room_reserved[other], sizeof search->room_reserved[host]) == 0 &&
            search->feasible->problem->hosts[host].cpu_classes == search->feasible->problem->hosts[other].cpu_classes) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean is_relieved(const Search *search)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (exceeds(search->feasible->to_leave[r], search->left[r])) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean can_be_relieved(const Search *search)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (exceeds(search->feasible->to_leave[r], search->left[r] + search->can_leave[r])) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Whether of the VMs that 'rule' binds some leave and others stay. */
static gboolean is_torn(const Search *search, const PlaceRule *rule)
{
    guint named = 0;
    guint gone = 0;

    for (guint k = 0; k < rule->vms_length; k++) {
        guint i = search->feasible->place_of[rule->vms[k]];

        if (i != PLACE_NOWHERE && (search->facts[i] & 1u << FACT_TOGETHER)) {
            named++;
            gone += search->host_of[i] != PLACE_NOWHERE;
        }
    }
    return gone > 0 && gone < named;
}

static gboolean is_any_torn(const Search *search)
{
    const Feasible *feasible = search->feasible;

    for (guint n = 0; n < feasible->rules->len; n++) {
        const PlaceRule *rule = &feasible->problem->rules[g_array_index(feasible->rules, guint, n)];

        if (rule->kind == PLACE_RULE_TOGETHER && is_torn(search, rule)) {
            return TRUE;
        }
    }
    return FALSE;
}

static Verdict descend(Search *search, guint depth);

static Verdict stay(Search *search, guint depth)
{
    guint i = search->order[depth];
    Verdict verdict;

    open_vm(search, i, -1);
    verdict = can_be_relieved(search) ? descend(search, depth + 1) : VERDICT_IMPOSSIBLE;
    open_vm(search, i, 1);
    return verdict;
}

static Verdict leave(Search *search, guint depth, guint host)
{
    guint i = search->order[depth];
    Verdict verdict;

    put(search, i, host, 1);
    open_vm(search, i, -1);
    verdict = descend(search, depth + 1);
    open_vm(search, i, 1);
    if (verdict != VERDICT_POSSIBLE) {
        put(search, i, host, -1);
    }
    return verdict;
}

/* order[depth ..] are still to be decided. */
static Verdict descend(Search *search, guint depth)
{
    Feasible *feasible = search->feasible;
    gboolean is_relief = feasible->relieved != PLACE_NOWHERE;

    if (is_relief ? is_relieved(search) && !is_any_torn(search) : depth == search->order_length) {
        return VERDICT_POSSIBLE; /* in relief: who is not decided yet stays */
    }
    if (depth == search->order_length) {
        return VERDICT_IMPOSSIBLE;
    }
    guint i = search->order[depth];

    for (guint n = 0; n < search->domains[i]->len; n++) {
        guint host = g_array_index(search->domains[i], guint, n);
        const PlaceVm *vm = &feasible->problem->vms[feasible->vms[i]];

        if (feasible->steps_left == 0) {
            return VERDICT_UNKNOWN;
        }
        feasible->steps_left--;
        if (has_room(search->room[host], search->room_reserved[host], vm, search->facts[i]) &&
            obeys_placed(search, i, host) && !has_twin(search, i, n)) {
            Verdict verdict = leave(search, depth, host);

            if (verdict != VERDICT_IMPOSSIBLE) {
                return verdict;
            }
        }
    }
    return is_relief ? stay(search, depth) : VERDICT_IMPOSSIBLE;
}

/* More is needed than all hosts that anybody may go to have together. */
static gboolean is_too_much(const Search *search)
{
    const Feasible *feasible = search->feasible;
    g_autofree gboolean *is_open = g_new0(gboolean, feasible->problem->hosts_length + 1);

    for (guint n = 0; n < search->order_length; n++) {
        const GArray *domain = search->domains[search->order[n]];

        for (guint d = 0; d < domain->len; d++) {
            is_open[g_array_index(domain, guint, d)] = TRUE;
        }
    }
    for (int k = 0; k < 2 * RESOURCE_COUNT; k++) {
        double need = 0;
        double room = 0;

        for (guint n = 0; n < search->order_length; n++) {
            guint i = search->order[n];

            need += need_of(&feasible->problem->vms[feasible->vms[i]], search->facts[i], k / 2, k % 2);
        }
        for (guint h = 0; h < feasible->problem->hosts_length; h++) {
            room += is_open[h] ? MAX(0, k % 2 ? search->room_reserved[h][k / 2] : search->room[h][k / 2]) : 0;
        }
        if (exceeds(need, room)) {
            return TRUE;
        }
    }
    return FALSE;
}

static Verdict quick_verdict(const Search *search)
{
    if (search->feasible->steps_left == 0) {
        return VERDICT_UNKNOWN;
    }
    if (search->feasible->relieved != PLACE_NOWHERE) {
        return can_be_relieved(search) ? VERDICT_POSSIBLE : VERDICT_IMPOSSIBLE;
    }
    for (guint n = 0; n < search->order_length; n++) {
        if (search->domains[search->order[n]]->len == 0) {
            return VERDICT_IMPOSSIBLE;
        }
    }
    return is_too_much(search) ? VERDICT_IMPOSSIBLE : VERDICT_POSSIBLE;
}

Verdict feasible_ask(Feasible *feasible, const guint8 *facts, guint *hosts)
{
    Verdict verdict;
    Search search;

    search_init(&search, feasible, facts);
    verdict = quick_verdict(&search); /* possible: as far as that can tell */
    if (verdict == VERDICT_POSSIBLE) {
        verdict = descend(&search, 0);
    }
    if (hosts && verdict == VERDICT_POSSIBLE) {
        memcpy(hosts, search.host_of, feasible->length * sizeof *hosts);
    }
    search_clear(&search);
    return verdict;
}
