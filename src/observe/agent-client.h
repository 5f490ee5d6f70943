/* SPDX-License-Identifier: Apache-2.0
 *
 * AgentClient: the controller's end of the line to `godwit agent` on one host.
 *
 *     client = agent_client_new("h1", command, clock, &callbacks, user, &error);
 *     agent_client_call(client, "observe", params);       may be called at once; sent after the hello
 *
 * The protocol is in godwit-agent(1): JSON lines.  Whatever goes wrong (it cannot be started, speaks another version,
 * sends garbage, is silent for too long, ends) is reported once, in one sentence that names the host; after that the
 * client is dead and only waits to be freed.
 *
 * Main loop only. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "base/clock.h"

#define AGENT_PROTOCOL 1

#define AGENT_HELLO_NS   ((gint64)20 * 1000000000) /* ssh may take long */
#define AGENT_SILENCE_NS ((gint64)10 * 1000000000) /* added to what agent_client_expect says */

typedef struct AgentClient AgentClient;

typedef struct AgentClientCallbacks {
    /* The hello came and its version is right. */
    void (*on_hello)(JsonObject *hello, gpointer user);
    /* An answer or event: an object that has "id" and "event", "result" or "error".  Borrowed. */
    void (*on_message)(JsonObject *message, gpointer user);
    /* Last call. */
    void (*on_error)(const GError *error, gpointer user);
} AgentClientCallbacks;

/* Starts 'command' (split as a shell would, but no shell runs).  The client may be freed in any callback. */
AgentClient *agent_client_new(const char *host, const char *command, Clock *clock,
                              const AgentClientCallbacks *callbacks, gpointer user, GError **error);

/* Sends a request and returns its id.  Takes 'params'; NULL: none. */
guint64 agent_client_call(AgentClient *client, const char *method, JsonNode *params);

/* From now on something must come every 'interval_ns' or so; 0: silence is fine. */
void agent_client_expect(AgentClient *client, gint64 interval_ns);

/* Ends the agent, which sees its standard input close; nothing is called any more. */
void agent_client_free(AgentClient *client);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AgentClient, agent_client_free)
