/* SPDX-License-Identifier: Apache-2.0
 *
 * What reasons.c and reasons-words.c share. */
#pragma once

#include "place/reasons.h"

/* Fills 'facts' with the smallest set that is impossible, or 'hosts' with a way that is possible.  is_placed: [length]
 * VMs about which one would rather not hear. */
Verdict place_reasons_find(Feasible *feasible, const gboolean *is_placed, guint8 *facts, guint *hosts);

/* Append reasons to 'result'. */
void reasons_put_into_words(const Feasible *feasible, const guint8 *facts, PlaceResult *result);
void reasons_tell_way(const Feasible *feasible, const char *placer, const guint *hosts, PlaceResult *result);
void reasons_tell_unknown(const Feasible *feasible, const char *placer, PlaceResult *result);
