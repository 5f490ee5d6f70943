/* SPDX-License-Identifier: Apache-2.0
 *
 * A rival's answer, written down; see rival.h.
 *
 * A search ends with where everybody should be.  The moves that lead there are done one after the other on a second
 * state that begins as the fleet is now: whatever fits is done, again and again, until nothing is left or nothing fits
 * any more (VMs that would have to change places with each other; they stay).  So the answer can be carried out in its
 * order, and rounding errors of a million tentative moves are left behind. */
#include "place/rival.h"

typedef struct Writer {
    Rival *rival;
    PlaceState *now; /* after the moves written so far */
    PlaceResult *result;
    guint *group_of; /* [hosts] number of the group of moves from there */
    guint groups;
} Writer;

static Resource fullest(const PlaceState *state, guint host)
{
    return place_state_utilisation(state, host, RESOURCE_CPU) >= place_state_utilisation(state, host, RESOURCE_MEMORY)
               ? RESOURCE_CPU
               : RESOURCE_MEMORY;
}

/* "h3 cpu 0.91 > 0.80" */
static void say_cause(const Writer *writer, GString *text, guint source)
{
    const PlaceProblem *problem = writer->rival->problem;
    Resource resource = fullest(writer->now, source);
    double load = place_state_utilisation(writer->now, source, resource);

    switch (writer->rival->task->kind) {
    case PLACE_EVACUATE:
        g_string_append_printf(text, "must leave %s", problem->hosts[source].name);
        break;
    case PLACE_CONSOLIDATE:
        g_string_append_printf(text, "%s is at %s %.2f and can be emptied or filled better",
                               problem->hosts[source].name, resource_name(resource), load);
        break;
    case PLACE_RELIEVE:
        g_string_append_printf(
            text, "%s %s %.2f %s %.2f", problem->hosts[source].name, resource_name(resource), load,
            load > writer->rival->options->safe_high ? ">" : "<=", writer->rival->options->safe_high);
        break;
    }
}

/* "h3 cpu 0.91 > 0.80, least migration time there; to h7, 2 links away, cpu 0.55 -> 0.63" */
static char *why(const Writer *writer, guint unit, guint vm, guint destination)
{
    const PlaceProblem *problem = writer->rival->problem;
    guint source = problem->vms[vm].host;
    GString *text = g_string_new(NULL);
    Resource resource = fullest(writer->now, destination);
    double load = place_state_utilisation(writer->now, destination, resource);
    double added = problem->vms[vm].demand[resource] / problem->hosts[destination].capacity[resource];

    say_cause(writer, text, source);
    if (writer->rival->notes[unit]) {
        g_string_append_printf(text, ", %s", writer->rival->notes[unit]);
    }
    g_string_append_printf(text, "; %s is %u links away, %s %.2f -> %.2f", problem->hosts[destination].name,
                           place_distance(problem, source, destination), resource_name(resource), load, load + added);
    if (problem->traffic && problem->traffic->first[vm] < problem->traffic->first[vm + 1]) {
        g_string_append_printf(text, ", communication %.1f MiB/s x links",
                               place_state_communication(writer->now, vm, destination));
    }
    return g_string_free(text, FALSE);
}

static void write_unit(Writer *writer, guint unit, guint destination)
{
    Rival *rival = writer->rival;
    guint home = rival->units->home[unit];

    if (writer->group_of[home] == PLACE_NOWHERE) {
        writer->group_of[home] = writer->groups++;
    }
    for (guint i = rival->units->first[unit]; i < rival->units->first[unit + 1]; i++) {
        guint vm = rival->units->vm[i];

        place_result_add_move(writer->result, rival->problem, vm, destination, writer->group_of[home],
                              rival->block_of[unit], why(writer, unit, vm, destination));
        place_state_move(writer->now, vm, destination);
    }
}

/* As rival_fits, in what is true after the moves so far. */
static gboolean fits_now(const Writer *writer, guint unit, guint destination)
{
    const MoveUnits *units = writer->rival->units;

    return place_state_fits_all(writer->now, units->vm + units->first[unit],
                                units->first[unit + 1] - units->first[unit], destination);
}

/* The units that are to move, source by source in the order of sources; CONSOLIDATE: in the order of units. */
static guint pending_units(const Rival *rival, guint *pending)
{
    guint length = 0;

    if (rival->task->kind == PLACE_CONSOLIDATE) {
        for (guint u = 0; u < rival->units->length; u++) {
            pending[length++] = u;
        }
        return length;
    }
    for (guint s = 0; s < rival->sources_length; s++) {
        for (guint i = rival->unit_first[rival->sources[s]]; i < rival->unit_first[rival->sources[s] + 1]; i++) {
            pending[length++] = rival->unit_at[i];
        }
    }
    return length;
}

static void write_moves(Writer *writer)
{
    Rival *rival = writer->rival;
    g_autofree guint *pending = g_new(guint, rival->units->length + 1);
    guint length = pending_units(rival, pending);
    gboolean is_progress = TRUE;

    while (is_progress) {
        guint kept = 0;

        is_progress = FALSE;
        for (guint i = 0; i < length; i++) {
            guint unit = pending[i];
            guint there = rival_where(rival, unit);

            if (there == PLACE_NOWHERE || there == rival->units->home[unit]) {
                continue;
            }
            if (fits_now(writer, unit, there)) {
                write_unit(writer, unit, there);
                is_progress = TRUE;
            } else {
                pending[kept++] = unit;
            }
        }
        length = kept;
    }
}

void rival_finish(Rival *rival, PlaceResult *result)
{
    g_autoptr(PlaceState) now = place_state_new(rival->problem, rival->options);
    g_autofree guint *group_of = g_new(guint, rival->problem->hosts_length + 1);
    Writer writer = {.rival = rival, .now = now, .result = result, .group_of = group_of};

    for (guint h = 0; h < rival->problem->hosts_length; h++) {
        group_of[h] = PLACE_NOWHERE;
    }
    write_moves(&writer);
}
