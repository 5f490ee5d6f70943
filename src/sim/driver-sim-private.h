/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of driver-sim share: driver-sim.c (the table, calls on their way) and driver-sim-answers.c (what each
 * call does and says when its time has come). */
#pragma once

#include "sim/world-private.h"

typedef struct SimAnswer SimAnswer;
typedef void (*AnswerFunc)(SimAnswer *answer);

typedef struct SimDriver {
    Driver table;
    World *world;
    GQueue answers; /* SimAnswer that are on their way */
    guint calls;
    guint failing_call;
    GodwitError failing_code;
    DriverJob never; /* of starts that fail */
} SimDriver;

/* A call on its way. */
struct SimAnswer {
    SimDriver *driver;
    AnswerFunc give;
    GList link;
    WorldHost *host; /* that is asked; NULL: none of this world */
    WorldHost *peer;
    WorldVm *vm; /* may be NULL */
    gboolean is_probe;
    guint64 value;
    char **paths;
    GError *error; /* decided when it was called, or when the host did not answer */
    guint timer;
    union {
        DriverHostFunc facts;
        DriverLoadsFunc loads;
        DriverFilesFunc files;
        DriverTruthFunc truth;
        DriverRateFunc rate;
        DriverStatsFunc stats;
        DriverDoneFunc done;
        JobEventFunc event;
    } func;
    gpointer user;
};

/* Each calls back exactly once; with an error set before, it has no effect in the world. */
void sim_give_facts(SimAnswer *answer);
void sim_give_loads(SimAnswer *answer);
void sim_give_files(SimAnswer *answer);
void sim_give_truth(SimAnswer *answer);
void sim_give_rate(SimAnswer *answer);
void sim_give_peer(SimAnswer *answer);
void sim_give_done(SimAnswer *answer);
void sim_give_resumed(SimAnswer *answer);
void sim_give_removed(SimAnswer *answer);
void sim_give_bandwidth(SimAnswer *answer);
void sim_give_downtime(SimAnswer *answer);
void sim_give_postcopy(SimAnswer *answer);
void sim_give_cancelled(SimAnswer *answer);
void sim_give_broken(SimAnswer *answer);
void sim_give_stats(SimAnswer *answer);
void sim_give_failed_start(SimAnswer *answer);
