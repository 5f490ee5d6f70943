/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the agent share; for them alone.  Main loop only. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "base/clock.h"
#include "observe/sampler-group.h"

typedef struct Agent {
    GMainLoop *loop;
    Clock *clock;
    int exit_status;
    char *relay_program;
    const char *run_directory;
    GHashTable *relays; /* id -> AgentRelay; agent-relay.c */
    GHashTable *gangs;  /* name of a gang's folder -> a descriptor that keeps it */
    const TrackerOps *ops[WINDOW_KINDS]; /* those that work here, best ones; NULL: none */

    /* The observation that is running; NULL: none. */
    SamplerGroup *group;
    guint64 observe_id; /* of its request */
    guint64 seed;
    gint64 scan_ns;
    gboolean is_over; /* its last event was sent; freed at the next turn */
} Agent;

/* Begins an object that answers request 'id' (0: none).  The caller adds members and ends it with agent_send. */
JsonBuilder *agent_message(guint64 id);

/* Sends what 'builder' holds, which is freed.  A controller that cannot be written to ends the agent. */
void agent_send(Agent *agent, JsonBuilder *builder);

/* The methods: 'params' may be NULL.  FALSE: 'error' goes back to the controller. */
gboolean agent_observe(Agent *agent, guint64 id, JsonObject *params, GError **error);
gboolean agent_add(Agent *agent, guint64 id, JsonObject *params, GError **error);
gboolean agent_stop(Agent *agent, guint64 id, JsonObject *params, GError **error);
gboolean agent_relay_start(Agent *agent, guint64 id, JsonObject *params, GError **error);
gboolean agent_relay_command(Agent *agent, guint64 id, JsonObject *params, GError **error);
gboolean agent_relay_forget(Agent *agent, guint64 id, JsonObject *params, GError **error);
gboolean agent_facts(Agent *agent, guint64 id, JsonObject *params, GError **error);

/* Removes what dead relays of dead agents have left. */
void agent_relays_init(Agent *agent);

/* The agent ends: connected relays go on, the others end. */
void agent_relays_leave(Agent *agent);

/* What this host has left for new memory; NAN when nobody knows. */
double agent_memory_available_bytes(void);

/* The pid of the QEMU process that carries this VM: 'pid' itself when it does, else the one whose command line has
 * "-uuid UUID"; 0 when there is none.  An empty 'uuid' means that 'pid' is taken as it is. */
gint64 qemu_process_find(const char *uuid, gint64 pid);
