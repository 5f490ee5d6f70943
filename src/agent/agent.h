/* SPDX-License-Identifier: Apache-2.0
 *
 * `godwit agent`: the helper that a controller starts on each host, as root, and speaks to over standard input and
 * output; godwit-agent(1) is the protocol.  It never outlives its controller: when its input closes, it ends.  The relays
 * that it has started do, once QEMU has connected to them. */
#pragma once

typedef struct AgentOptions {
    const char *relay_program; /* run as `PROGRAM relay ...`; NULL: this one */
    const char *run_directory; /* for the private folders of relays; NULL: /run/godwit */
} AgentOptions;

/* The verb.  Returns the exit status. */
int agent_main(const AgentOptions *options);
