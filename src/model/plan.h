/* SPDX-License-Identifier: Apache-2.0
 *
 * Plan: what will be done, as data.  It can be printed, saved, edited by hand, checked, refused and executed.
 *
 * A plan holds steps, one per VM, in the order in which they may start.  Steps of one wave may run together; a wave
 * starts when the one before has ended.  Shares of bandwidth are those at the start of a wave; the gang divides anew
 * as migrations end. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "model/choice.h"
#include "model/migrate-options.h"

#define PLAN_FORMAT_VERSION 1

typedef struct PlanStep {
    char *vm;
    char *uuid;        /* of the VM that was planned: another VM of the same name is refused */
    char *source;      /* host names of the inventory */
    char *destination;
    char *placement; /* why there, in words; NULL: nobody said */
    Choice *choice;
    guint wave;                   /* 0 is the first */
    guint64 bandwidth_bytes_per_s; /* share at the start; 0: no limit */
    guint64 ram_bytes;
    guint vcpus;
} PlanStep;

typedef struct Plan {
    char *id; /* short, unique, fit for a file name */
    char *created; /* ISO 8601, UTC */
    Policy policy;
    MigrateOptions options;
    GPtrArray *steps; /* PlanStep */
} Plan;

Plan *plan_new(Policy policy, const MigrateOptions *options);
void plan_free(Plan *plan);

/* Takes 'choice'; the rest is copied.  Wave 0, no share yet.  The step is borrowed from the plan. */
PlanStep *plan_add_step(Plan *plan, const char *vm, const char *uuid, const char *source, const char *destination,
                        Choice *choice);
PlanStep *plan_step_at(const Plan *plan, guint index);
guint plan_waves(const Plan *plan);

/* The JSON of docs/man/godwit-plan.5.  plan_from_json checks everything and names the member that is wrong. */
JsonNode *plan_to_json(const Plan *plan);
Plan *plan_from_json(const char *text, gssize text_bytes, const char *what, GError **error);

gboolean plan_save(const Plan *plan, const char *path, GError **error);
Plan *plan_load(const char *path, GError **error);

/* One problem found before anything moved, with its cure.  vm or host may be NULL when it concerns all. */
typedef struct PlanProblem {
    char *vm;
    char *host;
    char *what;
    char *cure;
} PlanProblem;

PlanProblem *plan_problem_new(const char *vm, const char *host, const char *what, const char *cure);
void plan_problem_free(PlanProblem *problem);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
