/* SPDX-License-Identifier: Apache-2.0
 *
 * Outcome: what became of one migration.  GangOutcome: of all of them together.
 *
 * After the work, both hosts are asked where the VM is; 'now_at' is their word, not our memory. */
#pragma once

#include <glib.h>

#include "model/plan.h"
#include "model/relay-figures.h"
#include "model/vm.h"

/* libvirt's phases, in order; stepping backwards is an error. */
#define PHASES(X)                                                                                                      \
    X(PHASE_WAITING, "waiting")     /* for its wave, or for a free place on a host */                                  \
    X(PHASE_BEGIN, "begin")         /* asked for; the source describes the VM */                                       \
    X(PHASE_PREPARE, "prepare")     /* the destination makes an empty QEMU */                                          \
    X(PHASE_PERFORM, "perform")     /* memory moves while the guest runs at the source */                              \
    X(PHASE_POSTCOPY, "post-copy")  /* the guest runs at the destination, the rest of its memory follows */            \
    X(PHASE_FINISH, "finish")       /* the destination takes over */                                                   \
    X(PHASE_CONFIRM, "confirm")     /* the source lets go; hosts are asked for the truth */                            \
    X(PHASE_DONE, "done")
NAMED_ENUM_DECLARE(Phase, phase, PHASES)

#define OUTCOME_KINDS(X)                                                                                               \
    X(OUTCOME_MIGRATED, "migrated")       /* runs at the destination only */                                           \
    X(OUTCOME_FAILED, "failed")           /* runs at the source as before */                                           \
    X(OUTCOME_CANCELLED, "cancelled")     /* by the operator; runs at the source */                                    \
    X(OUTCOME_NOT_STARTED, "not-started") /* refused or cancelled before anything happened to it */                    \
    X(OUTCOME_POSTCOPY_BROKEN, "post-copy-broken") /* paused, memory on both sides, recoverable */                     \
    X(OUTCOME_VM_STOPPED, "vm-stopped")   /* the guest itself ended or crashed; not our doing */                       \
    X(OUTCOME_HOST_LOST, "host-lost")     /* the host that held it does not answer; where it runs is not known */      \
    X(OUTCOME_LOST, "lost")               /* on neither host: a host died during post-copy */
NAMED_ENUM_DECLARE(OutcomeKind, outcome_kind, OUTCOME_KINDS)

/* Who is to blame when it did not go as planned. */
#define FAULTS(X)                                                                                                      \
    X(FAULT_NONE, "none")                                                                                              \
    X(FAULT_NOT_CONVERGED, "not-converged")                                                                            \
    X(FAULT_OPERATOR, "operator")                                                                                      \
    X(FAULT_SOURCE_HOST, "source-host")                                                                                \
    X(FAULT_DESTINATION_HOST, "destination-host")                                                                      \
    X(FAULT_SOURCE_LIBVIRTD, "source-libvirtd")                                                                        \
    X(FAULT_DESTINATION_LIBVIRTD, "destination-libvirtd")                                                              \
    X(FAULT_LINK, "link")                                                                                              \
    X(FAULT_RELAY, "relay")   /* one of the relays that carried it */                                                  \
    X(FAULT_GUEST, "guest")                                                                                            \
    X(FAULT_QEMU, "qemu")     /* a QEMU process ended */                                                               \
    X(FAULT_REFUSED, "refused") /* libvirt or QEMU said no */                                                          \
    X(FAULT_UNKNOWN, "unknown")
NAMED_ENUM_DECLARE(Fault, fault, FAULTS)

typedef struct Outcome {
    char *vm;
    char *source;
    char *destination;
    char *now_at;      /* host where it runs by the hosts' own word; NULL when nobody knows or it runs nowhere */
    VmState state;     /* there */
    Choice *choice;    /* as planned */
    Algorithm algorithm; /* as it went: a stuck pre-copy may have become post-copy */
    OutcomeKind kind;
    Fault fault;
    char *message;     /* for people; NULL when all is well */
    gboolean was_forced; /* stop-and-copy above the downtime limit, on the operator's word */
    gint64 begun_ns;   /* Clock */
    gint64 ended_ns;
    gint64 switched_ns; /* when the destination took over; 0: never */
    double total_time_s;
    double downtime_ms;  /* libvirt's; NAN when unknown */
    double guest_gap_ms; /* the guest's own longest gap; NAN when nobody measured it */
    double work_lost_s;  /* the guest's own account; NAN when nobody measured it */
    guint64 bytes; /* that the link carried for it, in all attempts; with a relay the wire bytes */
    guint64 passes;
    guint attempts;      /* 2: a relay broke or gave up, and it was begun again; 0: never begun */
    Way way;             /* of the last of them */
    RelayFigures relay;  /* the last of that attempt; nothing known without */
} Outcome;

typedef struct GangOutcome {
    char *id;
    Policy policy;
    GPtrArray *outcomes; /* Outcome, in the order of the plan */
    double total_time_s;      /* longest of the VMs (the paper's group migration time) */
    double total_downtime_ms; /* sum over the VMs; the guest's gap where libvirt knows none */
    double time_product;      /* seed 000, equation (7): s * ms */
    guint64 bytes;
    double elapsed_s;         /* from the first start to the last end */
} GangOutcome;

Outcome *outcome_new(const PlanStep *step);
void outcome_free(Outcome *outcome);

GangOutcome *gang_outcome_new(const char *id, Policy policy);
void gang_outcome_free(GangOutcome *gang);

/* Computes the sums from the VMs that migrated. */
void gang_outcome_update(GangOutcome *gang);

/* How many outcomes are of 'kind'. */
guint gang_outcome_count(const GangOutcome *gang, OutcomeKind kind);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outcome, outcome_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GangOutcome, gang_outcome_free)
