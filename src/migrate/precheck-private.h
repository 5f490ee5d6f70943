/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the pre-checks share: precheck.c asks the hosts, precheck-facts.c judges what they are and have,
 * precheck-storage.c judges disks.  The judges are pure. */
#pragma once

#include "migrate/precheck.h"
#include "migrate/storage.h"

/* One host of the plan and its answer. */
typedef struct HostCheck {
    const HostConfig *config; /* NULL: the plan names a host that nobody knows */
    const char *name;
    HostFacts *facts; /* owned; NULL: no answer */
    char *error;      /* owned; why not */
} HostCheck;

typedef struct Precheck {
    const Plan *plan;
    Driver *driver;
    double vcpus_per_cpu;
    GPtrArray *hosts;    /* HostCheck */
    GPtrArray *problems; /* PlanProblem */
    PrecheckFunc done;
    gpointer user;
    guint waiting; /* answers that are still to come */
    gboolean has_asked_peers;
} Precheck;

/* The host called 'name', or NULL. */
HostCheck *precheck_host(const Precheck *precheck, const char *name);

/* The planned VM on its source as the source reported it, or NULL. */
const Vm *precheck_vm(const Precheck *precheck, const PlanStep *step);

/* Adds a problem; 'what' and 'cure' are taken. */
void precheck_add(Precheck *precheck, const char *vm, const char *host, char *what, char *cure);

/* Hosts that do not answer, VMs that are not what was planned, what does not fit, algorithms that are not possible. */
void precheck_judge_facts(Precheck *precheck);

/* One VM's disks. */
void precheck_judge_disks(Precheck *precheck, const PlanStep *step, const DiskSurvey *disks, guint length);
