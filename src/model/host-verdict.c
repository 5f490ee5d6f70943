/* SPDX-License-Identifier: Apache-2.0
 *
 * HostVerdict; see host-verdict.h. */
#include "model/host-verdict.h"

void host_verdict_free(HostVerdict *verdict)
{
    if (verdict) {
        g_free(verdict->host);
        g_free(verdict->why);
        g_free(verdict);
    }
}
