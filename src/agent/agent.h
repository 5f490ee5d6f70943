/* SPDX-License-Identifier: Apache-2.0
 *
 * `godwit agent`: the helper that a controller starts on each host, as root, and speaks to over standard input and
 * output; godwit-agent(1) is the protocol.  It never outlives its controller: when its input closes, it ends. */
#pragma once

/* The verb.  Returns the exit status. */
int agent_main(int argc, char **argv);
