/* SPDX-License-Identifier: Apache-2.0
 *
 * How the reports of simulations write one value; used inside report/ only.  JsonBuilder is not used there: it writes
 * 163.48 as 163.47999999999999, and files of results are read by people, too. */
#pragma once

#include <glib.h>

/* With that many decimals; null where nobody knows. */
void simulate_json_number(GString *text, double value, guint decimals);
void simulate_json_string(GString *text, const char *value);

/* A cell of RFC 4180: quoted where it must be; an unknown number is empty. */
void simulate_csv_string(GString *text, const char *value);
void simulate_csv_number(GString *text, double value, guint decimals);

/* As short as it can be said with nine figures. */
void simulate_csv_double(GString *text, double value);
