/* SPDX-License-Identifier: Apache-2.0
 *
 * Classification -> Choice; see decide.h.
 *
 * Policy `paper` is seed 000 section 3.2 with its figure 3:
 *
 *     read, idle, unknown ---------------------------------> pre-copy
 *     mixed --- R_p >= W_p (smoothed rates) ---------------> pre-copy
 *           `-- R_p <  W_p --------------------------------> post-copy
 *     write -----------------------------------------------> post-copy
 *
 * The paper leaves R_p = W_p open.  Pre-copy is taken, as for everything that is not known: a pre-copy that fails
 * leaves the source running, a post-copy that fails does not.  For the same reason every sentence that chooses
 * post-copy says what it means for the VM. */
#include "decide/decide.h"

#include <math.h>

#define POST_COPY_MEANS "once the guest has switched it cannot go back"

/* "write-intensive (membership 0.98)"; without a number when the VM was not clustered. */
static char *describe_class(const Classification *classification)
{
    static const char *const ADJECTIVES[] = {
        [VM_CLASS_READ] = "read-intensive", [VM_CLASS_WRITE] = "write-intensive", [VM_CLASS_MIXED] = "mixed",
        [VM_CLASS_IDLE] = "idle",           [VM_CLASS_UNKNOWN] = "not measured",
    };
    VmClass vm_class = classification->vm_class;

    if ((int)vm_class >= CLUSTERS || isnan(classification->membership[vm_class])) {
        return g_strdup(ADJECTIVES[vm_class]);
    }
    return g_strdup_printf("%s (membership %.2f)", ADJECTIVES[vm_class], classification->membership[vm_class]);
}

static char *read_reason(const Classification *classification, const char *who)
{
    return g_strdup_printf("%s: reads %.0f pages/s against %.0f written, so pre-copy has little to send again, and "
                           "post-copy would make it wait for pages",
                           who, classification->mean_read_pages_per_s, classification->mean_written_pages_per_s);
}

static char *write_reason(const Classification *classification, const char *who)
{
    if (isnan(classification->mean_read_pages_per_s)) {
        return g_strdup_printf("%s: writes %.0f pages/s (its reads were not measured), so pre-copy would send the same "
                               "pages again and again; post-copy sends each once, but " POST_COPY_MEANS,
                               who, classification->mean_written_pages_per_s);
    }
    return g_strdup_printf("%s: writes %.0f pages/s against %.0f read, so pre-copy would send the same pages again and "
                           "again; post-copy sends each once, but " POST_COPY_MEANS,
                           who, classification->mean_written_pages_per_s, classification->mean_read_pages_per_s);
}

/* Both smoothed rates are known. */
static char *mixed_reason(const Classification *classification, const char *who, Algorithm algorithm)
{
    double read = classification->smoothed_read_pages_per_s;
    double written = classification->smoothed_written_pages_per_s;

    if (algorithm == ALGORITHM_POST_COPY) {
        return g_strdup_printf("%s: smoothed, it will write %.0f pages/s against %.0f read, so post-copy, which sends "
                               "each page once, but " POST_COPY_MEANS,
                               who, written, read);
    }
    return g_strdup_printf("%s: smoothed, it will read %.0f pages/s against %.0f written, so pre-copy%s", who, read,
                           written, read == written ? ", the safer of two that promise the same" : "");
}

static Choice *choose_for_mixed(Classification *classification, const char *who)
{
    double read = classification->smoothed_read_pages_per_s;
    double written = classification->smoothed_written_pages_per_s;

    if (isnan(read) || isnan(written)) {
        return choice_new(classification, ALGORITHM_PRE_COPY,
                          g_strdup_printf("%s: without a series of rates nothing can be predicted, so pre-copy, which "
                                          "leaves the source running when it fails",
                                          who));
    }
    Algorithm algorithm = written > read ? ALGORITHM_POST_COPY : ALGORITHM_PRE_COPY;

    return choice_new(classification, algorithm, mixed_reason(classification, who, algorithm));
}

static Choice *choose_by_class(Classification *classification)
{
    g_autofree char *who = describe_class(classification);

    switch (classification->vm_class) {
    case VM_CLASS_READ:
        return choice_new(classification, ALGORITHM_PRE_COPY, read_reason(classification, who));
    case VM_CLASS_WRITE:
        return choice_new(classification, ALGORITHM_POST_COPY, write_reason(classification, who));
    case VM_CLASS_MIXED:
        return choose_for_mixed(classification, who);
    case VM_CLASS_IDLE:
        return choice_new(classification, ALGORITHM_PRE_COPY,
                          g_strdup("idle: touched 0 pages/s, so pre-copy has nothing to send again"));
    case VM_CLASS_UNKNOWN:
        break;
    }
    return choice_new(classification, ALGORITHM_PRE_COPY,
                      g_strdup("not measured: pre-copy leaves the source running when it fails, post-copy would not"));
}

/* What was measured is told, though it did not count. */
static Choice *choose_fixed(Policy policy, Algorithm algorithm, Classification *classification)
{
    g_autofree char *who = describe_class(classification);
    g_autoptr(GString) reason = g_string_new(NULL);

    g_string_append_printf(reason, "policy %s for every VM", policy_name(policy));
    if (!isnan(classification->mean_read_pages_per_s)) {
        g_string_append_printf(reason, "; measured: %s, reads %.0f and writes %.0f pages/s", who,
                               classification->mean_read_pages_per_s, classification->mean_written_pages_per_s);
    }
    if (algorithm != ALGORITHM_PRE_COPY) {
        g_string_append(reason, "; " POST_COPY_MEANS);
    }
    return choice_new(classification, algorithm, g_string_free(g_steal_pointer(&reason), FALSE));
}

static Choice *choose(Policy policy, const Classification *given)
{
    Classification *classification = classification_copy(given);

    switch (policy) {
    case POLICY_PRE_COPY:
        return choose_fixed(policy, ALGORITHM_PRE_COPY, classification);
    case POLICY_POST_COPY:
        return choose_fixed(policy, ALGORITHM_POST_COPY, classification);
    case POLICY_HYBRID:
        return choose_fixed(policy, ALGORITHM_HYBRID, classification);
    case POLICY_PAPER:
        break;
    }
    return choose_by_class(classification);
}

GPtrArray *decide(Policy policy, GPtrArray *classifications)
{
    GPtrArray *choices = g_ptr_array_new_with_free_func((GDestroyNotify)choice_free);

    for (guint i = 0; i < classifications->len; i++) {
        g_ptr_array_add(choices, choose(policy, g_ptr_array_index(classifications, i)));
    }
    return choices;
}
