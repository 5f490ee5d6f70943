/* SPDX-License-Identifier: Apache-2.0
 *
 * Equal shares; see share.h. */
#include "model/share.h"

static guint64 part_of(guint64 rate, guint users, guint64 limit)
{
    rate = limit ? limit : (guint64)((double)rate * SHARE_PAYLOAD);
    return rate ? MAX(rate / MAX(users, 1), 1) : 0;
}

guint64 equal_share(guint64 source_rate, guint source_users, guint64 destination_rate, guint destination_users,
                    guint64 limit)
{
    guint64 source_part = part_of(source_rate, source_users, limit);
    guint64 destination_part = part_of(destination_rate, destination_users, limit);

    if (!source_part || !destination_part) {
        return MAX(source_part, destination_part);
    }
    return MIN(source_part, destination_part);
}
