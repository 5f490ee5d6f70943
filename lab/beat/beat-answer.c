/* SPDX-License-Identifier: Apache-2.0
 *
 * `lab guest`: what the beats say about a window of time.
 *
 * The window is what was asked for, else the last migration and one second more, else the guest's
 * whole life since it was ready.  "before" is the 5 s before it, "after" up to 5 s after it.
 * The longest gap of those 5 s tells what a gap is worth: on a machine with too little CPU a guest
 * stands still now and then without being moved.
 *
 * Work lost is what the guest would have done in the window at its rate from before, less what it
 * did, in seconds of that rate: one number for stopping and for slowing down. */
#include "beat-answer.h"

#define SIDE_NS  (5 * G_GINT64_CONSTANT(1000000000))
#define TAIL_NS  G_GINT64_CONSTANT(1000000000)

typedef struct Figures {
    gint64 since_ns, until_ns;
    gboolean has_gap, has_before, has_during, has_after, has_now, has_lost;
    gboolean has_floor;
    gint64 gap_begin_ns, gap_ns;
    gint64 floor_ns;            /* the longest gap before the window */
    double before, during, after, now, lost_s;
} Figures;

static const VmMove *last_move(const Vm *vm)
{
    return vm->moves->len ? &g_array_index(vm->moves, VmMove, vm->moves->len - 1) : NULL;
}

static gint64 ready_since(const Vm *vm, gint64 now_ns)
{
    guint64 first = MAX(vm->ring.first_ready, beat_ring_oldest(&vm->ring));

    return first < vm->ring.n_seen ? beat_ring_at(&vm->ring, first)->at_ns : now_ns;
}

static void choose_window(const Vm *vm, Figures *figures, gint64 since_ns, gint64 until_ns, gint64 now_ns)
{
    const VmMove *move = last_move(vm);

    figures->since_ns = since_ns >= 0 ? since_ns : move ? move->begin_ns : ready_since(vm, now_ns);
    figures->until_ns = until_ns >= 0 ? until_ns : since_ns < 0 && move && move->end_ns ? move->end_ns + TAIL_NS : now_ns;
    figures->until_ns = MIN(figures->until_ns, now_ns);
}

static void figures_make(Figures *figures, const Vm *vm, gint64 now_ns)
{
    const BeatRing *ring = &vm->ring;
    gint64 since_ns = figures->since_ns, until_ns = figures->until_ns;

    figures->has_gap = beat_ring_longest_gap(ring, since_ns, until_ns, now_ns, &figures->gap_begin_ns, &figures->gap_ns);
    gint64 unused_ns = 0;
    figures->has_floor = ready_since(vm, now_ns) < since_ns
                         && beat_ring_longest_gap(ring, since_ns - SIDE_NS, since_ns, since_ns, &unused_ns,
                                                  &figures->floor_ns);
    figures->has_before = beat_ring_rate(ring, since_ns - SIDE_NS, since_ns, &figures->before);
    figures->has_during = beat_ring_rate(ring, since_ns, until_ns, &figures->during);
    figures->has_after = now_ns - until_ns > TAIL_NS / 2
                         && beat_ring_rate(ring, until_ns, MIN(until_ns + SIDE_NS, now_ns), &figures->after);
    figures->has_now = beat_ring_rate(ring, now_ns - SIDE_NS, now_ns, &figures->now);
    figures->has_lost = figures->has_before && figures->has_during && figures->before > 0;
    if (figures->has_lost) {
        figures->lost_s = (1.0 - figures->during / figures->before) * (double)(until_ns - since_ns) / 1e9;
    }
}

static const char *number_or_null(char *text, gsize size, gboolean known, double value)
{
    if (!known) {
        return "null";
    }
    /* not printf: the decimal point is a point wherever we are */
    return g_ascii_formatd(text, (int)size, "%.3f", value);
}

static void append_number(GString *out, const char *key, gboolean known, double value)
{
    char text[64];

    g_string_append_printf(out, "\"%s\":%s", key, number_or_null(text, sizeof(text), known, value));
}

static void append_move_json(GString *out, const VmMove *move)
{
    if (!move) {
        g_string_append(out, ",\"migration\":null");
        return;
    }
    g_string_append_printf(out, ",\"migration\":{\"begin_ns\":%" G_GINT64_FORMAT ",\"end_ns\":", move->begin_ns);
    if (move->end_ns) {
        g_string_append_printf(out, "%" G_GINT64_FORMAT, move->end_ns);
    } else {
        g_string_append(out, "null");
    }
    g_string_append_printf(out, ",\"from\":\"h%u\",\"to\":\"h%u\",\"completed\":%s}", move->from, move->to,
                           move->end_ns && move->stayed == move->to ? "true" : "false");
}

/* Names of VMs hold nothing that JSON would want escaped; `lab vm` sees to that. */
static char *as_json_text(const Vms *vms, const Vm *vm, const Figures *figures)
{
    const BeatRing *ring = &vm->ring;
    const BeatRecord *last = ring->n_seen ? beat_ring_at(ring, ring->n_seen - 1) : NULL;
    GString *out = g_string_new(NULL);
    guint host = vms_host_of(vms, &vm->source);

    g_string_append_printf(out, "{\"name\":\"%s\",", vm->name);
    g_string_append_printf(out, host ? "\"host\":\"h%u\"" : "\"host\":null", host);
    g_string_append_printf(out, ",\"ready\":%s,\"beats\":%" G_GUINT64_FORMAT ",\"boots\":%u,\"repeated_beats\":%"
                           G_GUINT64_FORMAT ",", last && (last->flags & BEAT_READY) ? "true" : "false", ring->n_seen,
                           vm->n_boots, vm->n_repeated);
    append_number(out, "longest_gap_ms", figures->has_gap, (double)figures->gap_ns / 1e6);
    g_string_append_c(out, ',');
    append_number(out, "gap_before_ms", figures->has_floor, (double)figures->floor_ns / 1e6);
    g_string_append_printf(out, ",\"gap_begin_ns\":%" G_GINT64_FORMAT, figures->has_gap ? figures->gap_begin_ns : 0);
    append_move_json(out, last_move(vm));
    g_string_append(out, ",\"work_per_s\":{");
    append_number(out, "before", figures->has_before, figures->before);
    g_string_append_c(out, ',');
    append_number(out, "during", figures->has_during, figures->during);
    g_string_append_c(out, ',');
    append_number(out, "after", figures->has_after, figures->after);
    g_string_append_c(out, ',');
    append_number(out, "now", figures->has_now, figures->now);
    g_string_append(out, "},");
    append_number(out, "work_lost_s", figures->has_lost, figures->lost_s);
    if (last && (last->flags & BEAT_WORK_KNOWN)) {
        g_string_append_printf(out, ",\"work_bytes\":%" G_GUINT64_FORMAT, last->work_bytes);
    } else {
        g_string_append(out, ",\"work_bytes\":null");
    }
    g_string_append_printf(out, ",\"passes\":%" G_GUINT64_FORMAT ",\"wrong_sum\":%s,\"command_ended\":%s", vm->passes,
                           last && (last->flags & BEAT_WRONG_SUM) ? "true" : "false",
                           last && (last->flags & BEAT_EXEC_ENDED) ? "true" : "false");
    g_string_append_printf(out, ",\"window\":{\"since_ns\":%" G_GINT64_FORMAT ",\"until_ns\":%" G_GINT64_FORMAT "}}\n",
                           figures->since_ns, figures->until_ns);
    return g_string_free(out, FALSE);
}

static void append_rate(GString *out, const char *label, gboolean known, double bytes_per_s)
{
    if (known) {
        g_string_append_printf(out, "  %s %.1f MiB/s", label, bytes_per_s / 1048576.0);
    } else {
        g_string_append_printf(out, "  %s -", label);
    }
}

static char *as_table(const Vms *vms, const Vm *vm, const Figures *figures)
{
    const BeatRing *ring = &vm->ring;
    const VmMove *move = last_move(vm);
    const BeatRecord *last = ring->n_seen ? beat_ring_at(ring, ring->n_seen - 1) : NULL;
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "VM          %s on h%u, %s, %" G_GUINT64_FORMAT " beats\n", vm->name,
                           vms_host_of(vms, &vm->source), last && (last->flags & BEAT_READY) ? "ready" : "not ready",
                           ring->n_seen);
    if (move) {
        g_string_append_printf(out, "migration   h%u to h%u, %s", move->from, move->to,
                               !move->end_ns ? "under way" : move->stayed == move->to ? "done" : "failed");
        if (move->end_ns) {
            g_string_append_printf(out, " in %.2f s", (double)(move->end_ns - move->begin_ns) / 1e9);
        }
        g_string_append_c(out, '\n');
    }
    g_string_append_printf(out, "window      %.2f s\n", (double)(figures->until_ns - figures->since_ns) / 1e9);
    g_string_append_printf(out, "longest gap %.1f ms", figures->has_gap ? (double)figures->gap_ns / 1e6 : 0.0);
    if (figures->has_floor) {
        g_string_append_printf(out, "  (%.1f ms in the 5 s before)", (double)figures->floor_ns / 1e6);
    }
    g_string_append_c(out, '\n');
    g_string_append(out, "work      ");
    append_rate(out, "before", figures->has_before, figures->before);
    append_rate(out, "during", figures->has_during, figures->during);
    append_rate(out, "after", figures->has_after, figures->after);
    append_rate(out, "now", figures->has_now, figures->now);
    if (figures->has_lost) {
        g_string_append_printf(out, "\nwork lost   %.2f s", figures->lost_s);
    }
    g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}

char *answer_guest(const Vms *vms, const Vm *vm, gboolean as_json, gint64 since_ns, gint64 until_ns, gint64 now_ns)
{
    Figures figures = { 0 };

    choose_window(vm, &figures, since_ns, until_ns, now_ns);
    figures_make(&figures, vm, now_ns);
    return as_json ? as_json_text(vms, vm, &figures) : as_table(vms, vm, &figures);
}
