/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing the instances of a file: the packer of place/ given what the operator has, without any fleet.
 *
 *     GPtrArray *packings = campaign_pack("C100.txt", 1, 100, on_packed, user, &error);       Packing, one per instance
 *
 * The file is in the format of place/vmp-file.h.  Same file, seed and effort: same packings; only the seconds differ. */
#pragma once

#include "model/packing.h"

/* After each instance: 'done' of 'total' are packed. */
typedef void (*CampaignPackFunc)(guint done, guint total, gpointer user);

/* 'effort': see PackOptions.  'func' may be NULL.  NULL with an error when the file cannot be read or is wrong, or when
 * one of its instances cannot be packed (it is named). */
GPtrArray *campaign_pack(const char *path, guint64 seed, guint effort, CampaignPackFunc func, gpointer user,
                         GError **error);
