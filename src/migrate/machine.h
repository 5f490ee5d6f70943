/* SPDX-License-Identifier: Apache-2.0
 *
 * The state machine of one VM's migration: which phase it is in, and what may be done to it there.
 *
 * The phases are libvirt's, in order (model/outcome.h).  Each lists what may be done in it, what leaves it and what
 * must not be touched:
 *
 *     phase      may be done                        leaves by                          hands off
 *     waiting    refuse, drop                       a free place on both hosts         both hosts
 *     begin      drop                               the hosts' word that all is well   the source VM
 *     prepare    cancel                             the first pass                     bandwidth (QEMU is not there
 * yet) perform    cancel, steer, force, post-copy    last pass, or post-copy            - post-copy  steer the last
 * page                      cancel: memory is on both sides finish     -                                  the
 * destination runs               everything confirm    ask, clean up, resume a lone copy  the truth a copy that may not
 * be alone done       -                                  -                                  everything
 *
 * A machine only goes forward; going back is an error that is reported and not followed.
 *
 * Policies are small functions of values: what is done about a pre-copy that does not converge (stuck_decide), how many
 * may run at once (place_is_free).  Pure; no clock, no callbacks. */
#pragma once

#include <glib.h>

#include "model/outcome.h"

typedef enum MachineAct {
    ACT_DROP = 1 << 0,     /* forget it: nothing has happened to the VM */
    ACT_CANCEL = 1 << 1,   /* stop the migration; the VM runs on at the source */
    ACT_STEER = 1 << 2,    /* bandwidth, downtime limit */
    ACT_FORCE = 1 << 3,    /* stop the guest and copy the rest */
    ACT_POSTCOPY = 1 << 4, /* let the destination run it now */
    ACT_CLEAN_UP = 1 << 5, /* remove leftovers, resume a lone copy */
    ACT_RESCUE = 1 << 6,   /* cancel because its link is dead: in finish the guest stands still meanwhile */
} MachineAct;

typedef struct Machine {
    const char *vm; /* borrowed, for messages */
    Phase phase;
} Machine;

/* Whether one of 'acts' (MachineAct, or'ed) may be done now. */
gboolean machine_may(const Machine *machine, guint acts);

/* A migration that has failed is begun again: the one way back, from CONFIRM to BEGIN, once both hosts have said that the
 * VM runs at the source as before. */
void machine_begin_again(Machine *machine);

/* Goes to 'phase'; phases may be skipped.  Staying is fine.  Going back is refused. */
gboolean machine_advance(Machine *machine, Phase phase, GError **error);

/* ---- a pre-copy that does not converge ---- */

/* All that the decision depends on. */
typedef struct StuckView {
    StuckAction on_stuck;
    gboolean policy_permits_postcopy;
    gboolean can_postcopy; /* the migration was started with the capability and has not been refused it */
    gint64 stuck_after_ns; /* 0: never */
    guint64 stuck_passes;  /* 0: any number */
    gint64 running_ns;     /* since the first pass began */
    guint64 passes;
} StuckView;

typedef enum StuckStep { STUCK_GO_ON, STUCK_FORCE, STUCK_SWITCH, STUCK_CANCEL } StuckStep;

/* What to do now. */
StuckStep stuck_decide(StuckView view);

/* What to do once it is known that it does not converge; never STUCK_GO_ON. */
StuckStep stuck_answer(StuckView view);

/* In words: what was reached, what is done, and on whose word.  The caller frees. */
char *stuck_words(StuckView view, StuckStep step);

/* The same where 'reason' says why it does not converge. */
char *stuck_words_because(const char *reason, StuckView view, StuckStep step);

/* ---- places ---- */

/* Of two limits on concurrent migrations the stricter; 0 is none. */
guint place_limit(guint64 one, guint64 other);

/* Whether one more may run beside 'running' others. */
gboolean place_is_free(guint running, guint limit);
