/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweep: many independent runs on all cores, and on several machines.
 *
 *     SweepConfig config = {.runs = 60, .values = 23, .run = play, .user = scenarios};
 *     g_autoptr(GPtrArray) outcomes = sweep_run(&config, &error);          SweepOutcome, in the order of the runs
 *
 * A run is a number; what it means is the caller's business.  It gives a row of doubles or fails with a message; a run
 * that fails stops no other.  Runs start in order and end in any; the outcomes are in order all the same, so that a
 * sweep gives the same result on one core and on many machines.
 *
 * Several processes share a sweep when they are started with the same arguments and given a SweepRanks: process
 * ('rank') r of n takes the runs r, r + n, r + 2n, ... so that neighbours, which take about as long, are spread evenly.
 * All but rank 0 send what they found there. */
#pragma once

#include <glib.h>

typedef struct SweepOutcome {
    guint run;
    char *error;    /* NULL: it did not fail */
    double *values; /* SweepConfig.values of them; NULL when it failed */
} SweepOutcome;

/* Plays 'run' into 'values'.  Called in several threads at a time. */
typedef gboolean (*SweepRunFunc)(guint run, double *values, gpointer user, GError **error);

/* Called in the caller's thread after each outcome that this process has. */
typedef void (*SweepProgressFunc)(guint done, guint runs, const SweepOutcome *latest, gpointer user);

/* How processes that share a sweep find each other and talk; provided by modules (sweep-mpi.c).  Everything is called
 * in the thread that called sweep_run. */
typedef struct SweepRanks {
    guint version; /* SWEEP_RANKS_VERSION: a module of another build is refused */

    /* Called first, once: who am I, and of how many?  A message in 'why' (static) and FALSE when that failed. */
    gboolean (*open)(guint *rank, guint *size, const char **why);

    /* To rank 0; returns when 'message' may be used again. */
    gboolean (*send)(const void *message, gsize size_bytes);

    /* At rank 0: a message of any rank, or NULL when none has come yet.  The caller unrefs. */
    GBytes *(*receive)(void);

    /* Called last, once, also when open failed: rank 0 lets the others go, they wait for that. */
    void (*close)(void);
} SweepRanks;

#define SWEEP_RANKS_VERSION 1u
#define SWEEP_RANKS_SYMBOL  "godwit_sweep_ranks"

typedef struct SweepConfig {
    guint runs;
    guint values;  /* per run */
    guint threads; /* 0: as many as there are processors for this process */
    SweepRunFunc run;
    SweepProgressFunc progress; /* or NULL */
    gpointer user;
    const SweepRanks *ranks; /* NULL: this process has all runs */
} SweepConfig;

/* All outcomes.  At ranks other than 0 those of this rank only, and '*rank' says so.  'rank' may be NULL without ranks.
 * NULL with an error when the ranks could not begin or a message makes no sense. */
GPtrArray *sweep_run(const SweepConfig *config, guint *rank, GError **error);

/* What started this process: "mpirun" when it is one of several that an MPI launcher started, or NULL. */
const char *sweep_launcher(void);

/* Which of these processes this is, by the launcher's word; 0 without one. */
guint sweep_launched_rank(void);

/* The ranks of the module that serves that launcher, looked for beside the program and in the directory of modules.
 * NULL with an error that says what to install.  Loaded once and kept. */
const SweepRanks *sweep_ranks_load(GError **error);

void sweep_outcome_free(SweepOutcome *outcome);
