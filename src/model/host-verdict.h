/* SPDX-License-Identifier: Apache-2.0
 *
 * HostVerdict: what was decided about one host of a fleet that is being rebalanced, and why, in words. */
#pragma once

#include <glib.h>

typedef struct HostVerdict {
    char *host;
    const char *verdict;  /* "calm", "burst", "relieved", ...; "unreachable": it did not answer and was left out */
    const char *resource; /* the fullest by its average; NULL when it is not known */
    double now;           /* its last sample, share of the capacity; NAN: unknown */
    double mean;          /* of the window */
    double share_above;   /* of the samples, those above the safe range */
    gboolean is_danger;
    char *why;
} HostVerdict;

void host_verdict_free(HostVerdict *verdict);
