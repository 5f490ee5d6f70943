/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machine of one VM's migration and the small policies; see machine.h. */
#include "migrate/machine.h"

#include "base/error.h"
#include "base/units.h"

/* clang-format off: one row for each phase, as in machine.h */
static const guint ACTS_IN[] = {
    [PHASE_WAITING] = ACT_DROP,
    [PHASE_BEGIN] = ACT_DROP,
    [PHASE_PREPARE] = ACT_CANCEL | ACT_RESCUE,
    [PHASE_PERFORM] = ACT_CANCEL | ACT_RESCUE | ACT_STEER | ACT_FORCE | ACT_POSTCOPY,
    [PHASE_POSTCOPY] = ACT_STEER,
    [PHASE_FINISH] = ACT_RESCUE,
    [PHASE_CONFIRM] = ACT_CLEAN_UP,
    [PHASE_DONE] = 0,
};
/* clang-format on */

gboolean machine_may(const Machine *machine, guint acts)
{
    return (ACTS_IN[machine->phase] & acts) != 0;
}

void machine_begin_again(Machine *machine)
{
    g_assert(machine->phase == PHASE_CONFIRM);
    machine->phase = PHASE_BEGIN;
}

gboolean machine_advance(Machine *machine, Phase phase, GError **error)
{
    if (phase < machine->phase) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_PROTOCOL,
                    "VM %s: its migration was in phase %s and would go back to %s; ignored", machine->vm,
                    phase_name(machine->phase), phase_name(phase));
        return FALSE;
    }
    machine->phase = phase;
    return TRUE;
}

static gboolean is_over_time(StuckView view)
{
    return view.stuck_after_ns > 0 && view.running_ns >= view.stuck_after_ns;
}

static gboolean is_over_passes(StuckView view)
{
    return view.stuck_passes > 0 && view.passes > view.stuck_passes;
}

StuckStep stuck_answer(StuckView view)
{
    switch (view.on_stuck) {
    case STUCK_ACTION_FORCE:
        return STUCK_FORCE;
    case STUCK_ACTION_POST_COPY:
        return view.can_postcopy ? STUCK_SWITCH : STUCK_CANCEL;
    case STUCK_ACTION_POLICY:
        return view.policy_permits_postcopy && view.can_postcopy ? STUCK_SWITCH : STUCK_CANCEL;
    case STUCK_ACTION_ABORT:
        break;
    }
    return STUCK_CANCEL;
}

StuckStep stuck_decide(StuckView view)
{
    return is_over_time(view) || is_over_passes(view) ? stuck_answer(view) : STUCK_GO_ON;
}

/* Whose word it was. */
static const char *authority(StuckView view, StuckStep step)
{
    if (view.on_stuck == STUCK_ACTION_POLICY) {
        return step == STUCK_SWITCH            ? "as the policy permits"
               : !view.policy_permits_postcopy ? "since the policy does not permit post-copy"
                                               : "since the hosts cannot do post-copy";
    }
    if (view.on_stuck == STUCK_ACTION_POST_COPY && step == STUCK_CANCEL) {
        return "since the hosts cannot do the post-copy that --on-stuck asks for";
    }
    return "as --on-stuck says";
}

char *stuck_words_because(const char *reason, StuckView view, StuckStep step)
{
    static const char *const deeds[] = {
        [STUCK_GO_ON] = "going on",
        [STUCK_FORCE] = "the guest was stopped to copy the rest, above its downtime limit",
        [STUCK_SWITCH] = "switched to post-copy",
        [STUCK_CANCEL] = "cancelled, the VM runs on at the source",
    };

    return g_strdup_printf("%s: %s, %s", reason, deeds[step], authority(view, step));
}

char *stuck_words(StuckView view, StuckStep step)
{
    g_autofree char *limit = is_over_time(view) ? duration_format(view.stuck_after_ns)
                                                : g_strdup_printf("%" G_GUINT64_FORMAT " passes", view.stuck_passes);
    g_autofree char *reason = g_strdup_printf("did not converge within %s", limit);

    return stuck_words_because(reason, view, step);
}

guint place_limit(guint64 one, guint64 other)
{
    guint64 limit = one && other ? MIN(one, other) : MAX(one, other);

    return (guint)MIN(limit, G_MAXUINT);
}

gboolean place_is_free(guint running, guint limit)
{
    return limit == 0 || running < limit;
}
