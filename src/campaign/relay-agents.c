/* SPDX-License-Identifier: Apache-2.0
 *
 * The agents that relays are started by; see relay-agents.h.
 *
 * Theory of operation.  Answers and events carry the id of the relay-start that they belong to, so a host's agent has one
 * list of the ends that wait for its word.  An agent that dies takes nothing down: ends that are not ready yet cannot be
 * had, those that carry a migration go on unwatched; the next pair gets a new agent. */
#include "campaign/relay-agents-private.h"

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

static RelayEnd *find_end(const RelayHost *host, guint64 id)
{
    for (guint i = 0; i < host->ends->len; i++) {
        RelayEnd *end = g_ptr_array_index(host->ends, i);

        if (end->id == id) {
            return end;
        }
    }
    return NULL;
}

static void on_hello(JsonObject *hello G_GNUC_UNUSED, gpointer user G_GNUC_UNUSED)
{
}

static void on_message(JsonObject *message, gpointer user)
{
    RelayHost *host = user;
    guint64 id = 0;
    RelayEnd *end = json_read_uint(message, "id", "message", &id, NULL) ? find_end(host, id) : NULL;

    if (end) {
        relay_end_message(end, message);
    }
}

/* Each call may take ends out of the list, also those of other pairs. */
static void on_error(const GError *error, gpointer user)
{
    RelayHost *host = user;

    g_clear_pointer(&host->client, agent_client_free);
    while (host->ends->len > 0) {
        RelayEnd *end = g_ptr_array_index(host->ends, 0);

        g_ptr_array_remove_index(host->ends, 0);
        relay_end_lost(end, error);
    }
}

static AgentClient *start_agent(RelayHost *host, GError **error)
{
    static const AgentClientCallbacks CALLBACKS = {on_hello, on_message, on_error};
    g_autofree char *command = inventory_agent_command(host->config);

    if (!command) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "there is no agent on %s: its inventory entry needs a key 'agent'", host->config->name);
        return NULL;
    }
    return agent_client_new(host->config->name, command, host->agents->clock, &CALLBACKS, host, error);
}

RelayHost *relay_host_take(RelayAgents *agents, const char *name, GError **error)
{
    RelayHost *host = g_hash_table_lookup(agents->hosts, name);

    if (!host) {
        const HostConfig *config = inventory_resolve(agents->inventory, name, error);

        if (!config) {
            return NULL;
        }
        host = g_new0(RelayHost, 1);
        host->agents = agents;
        host->config = config;
        host->ends = g_ptr_array_new();
        g_hash_table_insert(agents->hosts, config->name, host);
    }
    if (!host->client) {
        host->client = start_agent(host, error);
    }
    return host->client ? host : NULL;
}

void relay_end_call(RelayEnd *end, const char *method, JsonBuilder *params)
{
    g_autoptr(JsonBuilder) builder = params;
    guint64 id;

    if (!end->host || !end->host->client) {
        return;
    }
    id = agent_client_call(end->host->client, method, json_builder_get_root(builder));
    if (end->id == 0) {
        end->id = id;
        g_ptr_array_add(end->host->ends, end);
    }
}

static void host_free(gpointer data)
{
    RelayHost *host = data;

    agent_client_free(host->client);
    g_ptr_array_unref(host->ends);
    g_free(host);
}

static RelayPair *agents_start(RelayProvider *provider, const RelayRequest *request, RelayEventFunc func,
                               gpointer user)
{
    return relay_pair_start((RelayAgents *)provider, request, func, user);
}

static void agents_close(RelayProvider *provider)
{
    RelayAgents *agents = (RelayAgents *)provider;

    g_hash_table_unref(agents->hosts);
    g_hash_table_unref(agents->gangs);
    g_free(agents);
}

RelayProvider *relay_agents_new(Inventory *inventory, Clock *clock)
{
    RelayAgents *agents = g_new0(RelayAgents, 1);

    agents->table = (RelayProvider){.name = "agents",
                                    .start = agents_start,
                                    .set_rate = relay_pair_set_rate,
                                    .set_downtime_limit = relay_pair_set_downtime_limit,
                                    .forget = relay_pair_forget,
                                    .close = agents_close};
    agents->inventory = inventory;
    agents->clock = clock;
    agents->gangs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    agents->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
    return &agents->table;
}
