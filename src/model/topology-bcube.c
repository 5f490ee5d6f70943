/* SPDX-License-Identifier: Apache-2.0
 *
 * BCube (Guo 2009): servers that forward; see topology.h.
 *
 * A host's address is its number written with l + 1 digits of base n.  At level i it is joined with the switch that is
 * numbered by the other digits, so hosts that differ in digit i only meet there, and a way mends one digit after the
 * other: 2 links each.  In which order is drawn from the flow: beginning at another digit gives a way that shares no
 * link with the others.  Cable: host * (l + 1) + level. */
#include "model/topology-private.h"
#include "base/error.h"

#define PLACES_MAX (1u << 24)

/* a = n ports, b = l + 1 levels. */

static guint bcube_distance(const Topology *topology, guint a, guint b)
{
    guint differing = 0;

    for (guint level = 0; level < topology->b; level++) {
        differing += a % topology->a != b % topology->a;
        a /= topology->a;
        b /= topology->a;
    }
    return 2 * differing;
}

static void bcube_route(const Topology *topology, guint a, guint b, guint64 flow, GArray *links)
{
    guint levels = topology->b, first = (guint)(topology_scramble(flow, 0) % levels);
    guint powers[32] = {1};

    for (guint i = 1; i < levels; i++) {
        powers[i] = powers[i - 1] * topology->a;
    }
    for (guint i = 0; i < levels; i++) {
        guint level = (first + i) % levels, power = powers[level];
        guint from = a / power % topology->a, to = b / power % topology->a;

        if (from != to) {
            guint next = a - from * power + to * power;

            topology_go_up(links, a * levels + level);
            topology_go_down(links, next * levels + level);
            a = next;
        }
    }
}

static void bcube_cable_ends(const Topology *topology, guint cable, guint *lower, guint *upper)
{
    guint level = cable % topology->b, host = cable / topology->b;
    guint per_level = topology->places / topology->a;
    guint power = 1;

    for (guint i = 0; i < level; i++) {
        power *= topology->a;
    }
    *lower = host;
    *upper = topology->places + level * per_level + host / (power * topology->a) * power + host % power;
}

static const TopologyKindOps BCUBE = {bcube_distance, bcube_route, bcube_cable_ends};

Topology *topology_bcube(guint ports, guint levels, GError **error)
{
    guint64 places = 1;

    for (guint i = 0; i <= levels && places <= PLACES_MAX; i++) {
        places *= ports;
    }
    if (ports < 2 || places > PLACES_MAX) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "BCube of %u ports and levels 0 to %u: 2 ports or more, and no more than %u hosts in all", ports,
                    levels, PLACES_MAX);
        return NULL;
    }
    Topology *topology = topology_alloc(TOPOLOGY_BCUBE, &BCUBE);
    topology->a = ports;
    topology->b = levels + 1;
    topology->places = (guint)places;
    topology->switches = topology->places / ports * topology->b;
    topology->host_cables = topology->places * topology->b;
    topology->cables = topology->host_cables;
    return topology;
}
