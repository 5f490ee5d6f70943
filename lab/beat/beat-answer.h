/* SPDX-License-Identifier: Apache-2.0
 *
 * What the collector answers about a VM, as text for people or as JSON. */
#ifndef LAB_BEAT_ANSWER_H
#define LAB_BEAT_ANSWER_H

#include "beat-vms.h"

/* 'since_ns' < 0 and 'until_ns' < 0 stand for "by the last migration seen, else the guest's whole
 * life".  The caller frees the result. */
char *answer_guest(const Vms *vms, const Vm *vm, gboolean as_json, gint64 since_ns, gint64 until_ns, gint64 now_ns);

#endif
