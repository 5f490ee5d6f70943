/* SPDX-License-Identifier: Apache-2.0
 *
 * ScenarioPlacer: a placer of src/place in charge of overloaded hosts of a simulated day.
 *
 *     g_autoptr(ScenarioPlacer) placer = scenario_placer_new("gbm", scenario, &config, &error);
 *     result = day_run(&config, ...);                    config.place is set; the placer must outlive the run
 *
 * Which hosts are overloaded is the policy's word; how they are brought back into the safe range is the placer's. */
#pragma once

#include "sim/day.h"
#include "sim/scenario.h"

/* The name of what is no placer of src/place: the policy's selector, then least increase of power. */
#define SCENARIO_PLACER_POWER "power"

typedef struct ScenarioPlacer ScenarioPlacer;

/* Whether there is one of that name. */
gboolean scenario_placer_check(const char *name, GError **error);

/* Sets config->place.  'scenario' gives safe range, traffic and topology; NULL: the defaults, and nobody talks.  For
 * "power" it sets nothing and gives a placer that does nothing. */
ScenarioPlacer *scenario_placer_new(const char *name, const Scenario *scenario, DayConfig *config, GError **error);
void scenario_placer_free(ScenarioPlacer *placer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScenarioPlacer, scenario_placer_free)
