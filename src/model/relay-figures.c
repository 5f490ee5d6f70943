/* SPDX-License-Identifier: Apache-2.0
 *
 * RelayFigures; see relay-figures.h. */
#include "model/relay-figures.h"

#include <math.h>

void relay_figures_init(RelayFigures *figures)
{
    *figures = (RelayFigures){.working_set_bytes = NAN,
                              .expected_downtime_ms = NAN,
                              .link_bytes_per_s = NAN,
                              .switchover_bytes_per_s = NAN,
                              .queue_ms = NAN};
}
