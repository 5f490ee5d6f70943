/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs, one file each (cmd-VERB.c).  argv[0] is the verb; each returns the exit status: 0, 1 for a failure that
 * was told on standard error, 2 for a wrong command line. */
#pragma once

int cmd_hosts(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_evacuate(int argc, char **argv);
int cmd_rebalance(int argc, char **argv);
int cmd_consolidate(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_relay(int argc, char **argv);
int cmd_relay_choose(int argc, char **argv); /* `godwit relay choose` */
int cmd_agent(int argc, char **argv);
