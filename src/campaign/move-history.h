/* SPDX-License-Identifier: Apache-2.0
 *
 * MoveHistory: which VM was moved when, from where and to where; so that rebalancing does not send it back a minute
 * later, also when another process moved it.
 *
 *     g_autoptr(MoveHistory) history = move_history_open(NULL, &error);     the file, or a new one
 *     move_history_add(history, &(PastMove){...}, &error);                  appended at once, in one write
 *
 * The file is $GODWIT_STATE/moves.jsonl, or ~/.local/state/godwit/moves.jsonl: a line of JSON per move.  Several
 * processes may append to it.  Moves older than MOVE_HISTORY_KEPT_NS are forgotten when it is opened.  Lines that
 * cannot be read (a disk that was full) are skipped with a warning: an old move is never worth a failure. */
#pragma once

#include <glib.h>

#include "base/units.h"

#define MOVE_HISTORY_KEPT_NS (7 * 24 * 3600 * NS_PER_S)

typedef struct PastMove {
    char *vm;
    char *uuid;
    char *source;
    char *destination;
    gint64 when_ns; /* since 1970, UTC; of a simulated fleet its own time */
} PastMove;

typedef struct MoveHistory {
    GArray *moves; /* PastMove, oldest first */
    char *path;    /* NULL: in memory only */
} MoveHistory;

/* In memory only, for simulated fleets. */
MoveHistory *move_history_new(void);

/* Reads 'path'; NULL: the default.  A file that is not there is an empty history. */
MoveHistory *move_history_open(const char *path, gint64 now_ns, GError **error);

/* Copies 'move'. */
gboolean move_history_add(MoveHistory *history, const PastMove *move, GError **error);
void move_history_free(MoveHistory *history);

/* The last move of the VM, or NULL. */
const PastMove *move_history_last(const MoveHistory *history, const char *uuid);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MoveHistory, move_history_free)
