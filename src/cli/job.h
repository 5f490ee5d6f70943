/* SPDX-License-Identifier: Apache-2.0
 *
 * Job: what the verbs that plan and migrate have in common, from the inventory to the exit status.
 *
 *     Job *job = job_open(options, &error);
 *     int status = job ? job_do(job, &what) : cli_failure(...);
 *     job_close(job);
 *
 * Steps and progress go to standard error, the plan and the report to standard output; with --json standard output has
 * one document, the last. */
#pragma once

#include "cli/cli-options.h"

typedef struct Job Job;

/* 'options' is borrowed. */
Job *job_open(const CliOptions *options, GError **error);
void job_close(Job *job);

/* Plans 'what', checks it and, unless 'is_dry' says otherwise, runs it.  Returns the exit status; everything was
 * told. */
int job_do(Job *job, const CampaignJob *what, gboolean is_dry);

/* The same for a consolidation of 'hosts' (names or URIs, null-terminated). */
int job_do_consolidation(Job *job, const char *const *hosts, gboolean is_dry);

/* The same for a plan that was saved.  'hosts' (names or URIs, null-terminated) are made known first, for plans whose
 * hosts are in no inventory. */
int job_do_saved(Job *job, const char *path, const char *const *hosts, gboolean is_dry);

/* Rebalances as the options say, once or in rounds. */
int job_rebalance(Job *job, gboolean is_dry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_close)
