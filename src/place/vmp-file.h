/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading packing instances as they are published: the text format of the VM placement benchmark of Peake et al. (2022).
 *
 *     g_autoptr(GPtrArray) instances = vmp_parse(text, "C100.txt", &error);
 *     const VmpInstance *first = g_ptr_array_index(instances, 0);
 *     pack(&first->problem, ...)
 *
 * An instance is
 *
 *     NAME
 *     hosts            one number, or one per kind of host: "90,10"
 *     CPU capacity     as many numbers: "16,32"
 *     RAM capacity     as many numbers: "32,128"
 *     n                number of VMs
 *     n lines          cpu ram third      (the third number has no meaning in this problem and may be missing)
 *
 * and a file holds one or more, one after the other; empty lines are skipped.  Pure: the caller reads the file. */
#pragma once

#include "place/pack.h"

typedef struct VmpInstance {
    char *name;
    PackVm *vms;
    PackHost *hosts;
    PackProblem problem; /* of the two arrays */
} VmpInstance;

/* At most so many VMs, and so many hosts, in one instance: a bound for files that are none. */
#define VMP_MOST 1000000u

/* VmpInstance, at least one.  GODWIT_ERROR_INPUT: "FILE:LINE: what is wrong". */
GPtrArray *vmp_parse(const char *text, const char *file, GError **error);
void vmp_instance_free(VmpInstance *instance);
