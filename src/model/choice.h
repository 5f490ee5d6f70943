/* SPDX-License-Identifier: Apache-2.0
 *
 * Classification: what kind of memory user a VM is.  Choice: the algorithm that was picked for it, and why.
 *
 * Seed 000, sections 3.1 and 3.2. */
#pragma once

#include <glib.h>

#include "base/named.h"

#define VM_CLASSES(X)                                                                                                  \
    X(VM_CLASS_READ, "read")       /* read-intensive */                                                                \
    X(VM_CLASS_WRITE, "write")     /* write-intensive */                                                               \
    X(VM_CLASS_MIXED, "mixed")                                                                                         \
    X(VM_CLASS_IDLE, "idle")       /* touches nothing: not clustered */                                                \
    X(VM_CLASS_UNKNOWN, "unknown") /* not measured */
NAMED_ENUM_DECLARE(VmClass, vm_class, VM_CLASSES)

/* The clusters of the fuzzy c-means, in the order of the paper; equal to the first three classes. */
#define CLUSTERS 3

typedef struct Classification {
    char *vm;
    VmClass vm_class;
    double membership[CLUSTERS];      /* read, write, mixed; sums to 1, or all NAN when it was not clustered */
    double mean_read_pages_per_s;
    double mean_written_pages_per_s;
    double smoothed_read_pages_per_s; /* R_p of equation (4); NAN without a series */
    double smoothed_written_pages_per_s;
    double dirty_bytes_per_page;      /* from the Profile; NAN when unknown */
    double working_set_bytes;
    double write_set_bytes;           /* of it, what is written again and again */
    double used_share;                /* of its memory that is not zero */
    double compressed_share;          /* what zstd leaves of that */
} Classification;

#define ALGORITHMS(X)                                                                                                  \
    X(ALGORITHM_PRE_COPY, "pre-copy")                                                                                  \
    X(ALGORITHM_POST_COPY, "post-copy")                                                                                \
    X(ALGORITHM_HYBRID, "hybrid") /* one pass of pre-copy, then post-copy */
NAMED_ENUM_DECLARE(Algorithm, algorithm, ALGORITHMS)

#define POLICIES(X)                                                                                                    \
    X(POLICY_PAPER, "paper")         /* by class; seed 000 */                                                          \
    X(POLICY_PRE_COPY, "pre-copy")   /* all VMs alike */                                                               \
    X(POLICY_POST_COPY, "post-copy")                                                                                   \
    X(POLICY_HYBRID, "hybrid")
NAMED_ENUM_DECLARE(Policy, policy, POLICIES)

/* Whether a policy may ever move a VM by post-copy, also one that it wanted to move otherwise; decides what
 * STUCK_ACTION_POLICY means. */
gboolean policy_permits_postcopy(Policy policy);

/* What carries its memory from host to host; decide/way-choice.h picks it. */
#define WAYS(X)                                                                                                        \
    X(WAY_PLAIN, "plain")     /* QEMU's own stream on one connection */                                                \
    X(WAY_RELAY, "relay")     /* a pair of relays: pages once compressed, then what changed inside them */             \
    X(WAY_MULTIFD, "multifd") /* QEMU's own, over several connections, each page compressed whole (zstd) */
NAMED_ENUM_DECLARE(Way, way, WAYS)
#define WAYS_LENGTH 3

typedef struct Choice {
    Classification *classification; /* owned */
    Algorithm algorithm;
    char *reason; /* one sentence, with the numbers */
    Way way;
    char *way_reason;           /* why this way, with the numbers; NULL: nobody asked */
    guint64 relay_memory_bytes; /* what each relay may keep of pages it has sent; 0: nobody reckoned */
    guint connections;          /* of WAY_MULTIFD; else 0 */
} Choice;

Classification *classification_new(const char *vm);
Classification *classification_copy(const Classification *classification);
void classification_free(Classification *classification);

/* Takes 'classification'. */
Choice *choice_new(Classification *classification, Algorithm algorithm, char *reason);

/* Takes 'reason'.  The two figures of ways are their members above. */
void choice_set_way(Choice *choice, Way way, char *reason);
Choice *choice_copy(const Choice *choice);
void choice_free(Choice *choice);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Classification, classification_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Choice, choice_free)
