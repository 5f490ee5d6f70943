/* SPDX-License-Identifier: Apache-2.0
 *
 * Progress: what a person sees on standard error while a job runs.
 *
 *     Progress *progress = progress_new(options);
 *     progress_step(progress, "asking h1 and 2 destinations");
 *     progress_observed(progress, 0.3);
 *     progress_gang(progress, gang, changed);        from the gang's callback
 *     progress_free(progress);
 *
 * On a terminal a block of bars is drawn in place and everything else scrolls by above it.  Where standard error is not
 * a terminal there are plain lines: each step, each change of phase, and each VM that moves at most every 2 s; with
 * --json not even these, unless -v asks for them.  Log lines take the same way.
 *
 * One at a time; main thread. */
#pragma once

#include "cli/cli-options.h"

typedef struct Progress Progress;

Progress *progress_new(const CliOptions *options);
void progress_step(Progress *progress, const char *text);
void progress_observed(Progress *progress, double done_share);
void progress_gang(Progress *progress, Gang *gang, int changed);

/* A line that must be seen, in whatever way. */
void progress_say(Progress *progress, const char *text);

/* What an operator who wants to stop is told: what becomes of the migrations that run now. */
char *progress_stop_text(Gang *gang);

/* Takes the bars away; steps may follow. */
void progress_end(Progress *progress);
void progress_free(Progress *progress);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)
