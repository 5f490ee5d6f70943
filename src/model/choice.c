/* SPDX-License-Identifier: Apache-2.0
 *
 * Classification and Choice; see choice.h. */
#include "model/choice.h"

#include <math.h>

NAMED_ENUM_DEFINE(VmClass, vm_class, VM_CLASSES)
NAMED_ENUM_DEFINE(Algorithm, algorithm, ALGORITHMS)
NAMED_ENUM_DEFINE(Policy, policy, POLICIES)
NAMED_ENUM_DEFINE(Way, way, WAYS)

gboolean policy_permits_postcopy(Policy policy)
{
    return policy != POLICY_PRE_COPY;
}

Classification *classification_new(const char *vm)
{
    Classification *classification = g_new0(Classification, 1);

    classification->vm = g_strdup(vm);
    classification->vm_class = VM_CLASS_UNKNOWN;
    for (int i = 0; i < CLUSTERS; i++) {
        classification->membership[i] = NAN;
    }
    classification->mean_read_pages_per_s = classification->mean_written_pages_per_s = NAN;
    classification->smoothed_read_pages_per_s = classification->smoothed_written_pages_per_s = NAN;
    classification->dirty_bytes_per_page = classification->working_set_bytes = classification->write_set_bytes = NAN;
    classification->used_share = classification->compressed_share = NAN;
    return classification;
}

Classification *classification_copy(const Classification *classification)
{
    Classification *copy = g_memdup2(classification, sizeof *classification);

    copy->vm = g_strdup(classification->vm);
    return copy;
}

void classification_free(Classification *classification)
{
    if (classification) {
        g_free(classification->vm);
        g_free(classification);
    }
}

Choice *choice_new(Classification *classification, Algorithm algorithm, char *reason)
{
    Choice *choice = g_new0(Choice, 1);

    *choice = (Choice){.classification = classification, .algorithm = algorithm, .reason = reason};
    return choice;
}

void choice_set_way(Choice *choice, Way way, char *reason)
{
    g_free(choice->way_reason);
    choice->way = way;
    choice->way_reason = reason;
}

Choice *choice_copy(const Choice *choice)
{
    Choice *copy = choice_new(classification_copy(choice->classification), choice->algorithm, g_strdup(choice->reason));

    choice_set_way(copy, choice->way, g_strdup(choice->way_reason));
    copy->relay_memory_bytes = choice->relay_memory_bytes;
    copy->connections = choice->connections;
    return copy;
}

void choice_free(Choice *choice)
{
    if (choice) {
        classification_free(choice->classification);
        g_free(choice->reason);
        g_free(choice->way_reason);
        g_free(choice);
    }
}
