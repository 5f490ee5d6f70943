/* SPDX-License-Identifier: Apache-2.0
 *
 * What relay-agents.c (the provider, its agents) and relay-agents-pair.c (one pair) share; for them alone. */
#pragma once

#include "campaign/relay-agents.h"
#include "observe/agent-client.h"

#define RELAY_KEY_BYTES  32
#define RELAY_NAME_BYTES 8

typedef struct RelayAgents RelayAgents;
typedef struct RelayEnd RelayEnd;

/* The agent of one host. */
typedef struct RelayHost {
    RelayAgents *agents;
    const HostConfig *config;
    AgentClient *client; /* NULL: none runs */
    GPtrArray *ends;     /* RelayEnd that wait for its word */
} RelayHost;

struct RelayAgents {
    RelayProvider table;
    Inventory *inventory;
    Clock *clock;
    GHashTable *hosts; /* name -> RelayHost */
    GHashTable *gangs; /* "source destination" -> name of the folder that relays between these two share */
};

/* One of the two relays of a pair. */
struct RelayEnd {
    RelayPair *pair;
    RelayHost *host;
    guint64 id;             /* of its relay-start; 0: not asked for */
    gboolean is_ready;
    gboolean is_ended;      /* it ended, or nobody will hear of it any more */
    gboolean is_unwatched;
    gboolean was_killed;
    char *outcome;          /* of its last event: "completed", "aborted", "failed"; NULL: it said none */
    char *cause;            /* likewise: "qemu", "asked", "hash", ... */
    char *reason;           /* in words; NULL */
};

struct RelayPair {
    RelayAgents *agents;
    RelayEventFunc func;
    gpointer user;
    const PlanStep *step;
    const MigrateOptions *options;
    guint64 rate_bytes_per_s;
    guint64 link_bytes_per_s;
    gboolean may_postcopy;
    char *name;                       /* of its folders */
    char key[2 * RELAY_KEY_BYTES + 1];
    RelayEnd source;
    RelayEnd destination;
    char *socket_path;
    gboolean is_ready;
    RelayFigures figures;
    guint timer; /* of the start */
};

/* The agent of 'host', started when there is none.  NULL with an error that says why there is none. */
RelayHost *relay_host_take(RelayAgents *agents, const char *host, GError **error);

/* An order to the relay of 'end', or about it; takes 'params'. */
void relay_end_call(RelayEnd *end, const char *method, JsonBuilder *params);

/* ---- relay-agents-pair.c ---- */
RelayPair *relay_pair_start(RelayAgents *agents, const RelayRequest *request, RelayEventFunc func, gpointer user);
void relay_pair_set_rate(RelayPair *pair, guint64 bytes_per_s);
void relay_pair_set_downtime_limit(RelayPair *pair, gint64 limit_ns);
void relay_pair_forget(RelayPair *pair);

/* What an agent says about 'end'; the pair may be gone afterwards. */
void relay_end_message(RelayEnd *end, JsonObject *message);
void relay_end_lost(RelayEnd *end, const GError *error);
