/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the option table that are in files of their own; cli-table.c joins them. */
#pragma once

#include "cli/cli-options.h"

extern const CliOption CLI_PLACE_OPTIONS[];
extern const guint CLI_PLACE_OPTIONS_LENGTH;
extern const CliOption CLI_SIMULATE_OPTIONS[];
extern const guint CLI_SIMULATE_OPTIONS_LENGTH;
extern const CliOption CLI_REBALANCE_OPTIONS[];
extern const guint CLI_REBALANCE_OPTIONS_LENGTH;

extern const CliOption CLI_RELAY_OPTIONS[];
extern const guint CLI_RELAY_OPTIONS_LENGTH;
extern const CliOption CLI_WAY_OPTIONS[];
extern const guint CLI_WAY_OPTIONS_LENGTH;

/* ---- values, cli-value.c ---- */

/* "'TEXT' is not WANTED", GODWIT_ERROR_USAGE; always FALSE. */
gboolean cli_value_fail(GError **error, const char *text, const char *wanted);

/* A duration above 0. */
gboolean cli_value_duration(const char *text, gint64 *duration_ns, GError **error);
