/* SPDX-License-Identifier: Apache-2.0
 *
 * The placers, in the order of --help; the first is the default.  Each is one file, placer-NAME.c, that defines the
 * symbol. */
#pragma once

#define GROUPING_LIST(X)                                                                                               \
    X(PLACER_GODWIT)                                                                                                   \
    X(PLACER_GBM)                                                                                                      \
    X(PLACER_FIT)                                                                                                      \
    X(PLACER_FPA)                                                                                                      \
    X(PLACER_EFPA)                                                                                                     \
    X(PLACER_ACO)                                                                                                      \
    X(PLACER_PABFD)                                                                                                    \
    X(PLACER_PABFD_FIXED)                                                                                              \
    X(PLACER_SERCON)                                                                                                   \
    X(PLACER_MINCUT)                                                                                                   \
    X(PLACER_LOCAL)                                                                                                    \
    X(PLACER_MIP)                                                                                                      \
    X(PLACER_EXACT)                                                                                                    \
    X(PLACER_PACK)
