/* SPDX-License-Identifier: Apache-2.0
 *
 * ObserveOptions; see observe.h. */
#include "observe/observe.h"
#include "base/error.h"
#include "base/units.h"

#define SHORTEST_SCAN_NS  (1 * NS_PER_MS)
#define LONGEST_WINDOW_NS (24 * 3600 * NS_PER_S)

void observe_options_init(ObserveOptions *options)
{
    *options = (ObserveOptions){
        .scan_ns = 50 * NS_PER_MS,
        .period_ns = NS_PER_S,
        .window_ns = 10 * NS_PER_S,
        .cpu_budget = 0.01,
        .seed = 1,
        .use_agent = TRUE,
    };
}

gboolean observe_options_check(const ObserveOptions *options, GError **error)
{
    const char *wrong = NULL;

    if (options->scan_ns < SHORTEST_SCAN_NS) {
        wrong = "the scan interval must be 1 ms or more";
    } else if (options->period_ns < options->scan_ns) {
        wrong = "the period must not be shorter than the scan interval";
    } else if (options->window_ns < options->period_ns) {
        wrong = "the window must not be shorter than the period";
    } else if (options->window_ns > LONGEST_WINDOW_NS) {
        wrong = "the window must not be longer than a day";
    } else if (!(options->cpu_budget > 0 && options->cpu_budget <= 1)) {
        wrong = "the CPU budget must be above 0 and at most 1 (a whole core)";
    }
    if (wrong) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "observation: %s", wrong);
    }
    return !wrong;
}
