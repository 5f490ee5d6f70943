/* SPDX-License-Identifier: Apache-2.0
 *
 * The method "facts": what this host has left, as the kernel tells it. */
#include "agent/agent-private.h"
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number behind 'key' in a file of "key: value kB" lines, in bytes; NAN when it is not there. */
static double meminfo_bytes(const char *meminfo, const char *key)
{
    const char *found = strstr(meminfo, key);

    return found ? (double)g_ascii_strtoull(found + strlen(key), NULL, 10) * (double)KIB : NAN;
}

double agent_memory_available_bytes(void)
{
    g_autofree char *meminfo = NULL;

    return g_file_get_contents("/proc/meminfo", &meminfo, NULL, NULL) ? meminfo_bytes(meminfo, "MemAvailable:") : NAN;
}

gboolean agent_facts(Agent *agent, guint64 id, JsonObject *params G_GNUC_UNUSED, GError **error)
{
    g_autofree char *meminfo = NULL;
    double load[3] = {NAN, NAN, NAN};
    JsonBuilder *builder = NULL;

    if (!g_file_get_contents("/proc/meminfo", &meminfo, NULL, error)) {
        return FALSE;
    }
    if (getloadavg(load, 3) < 1) {
        load[0] = NAN;
    }
    builder = agent_message(id);
    json_builder_set_member_name(builder, "result");
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "cpus");
    json_builder_add_int_value(builder, sysconf(_SC_NPROCESSORS_ONLN));
    json_add_double_or_null(builder, "memory_bytes", meminfo_bytes(meminfo, "MemTotal:"));
    json_add_double_or_null(builder, "memory_available_bytes", meminfo_bytes(meminfo, "MemAvailable:"));
    json_add_double_or_null(builder, "load_1min", load[0]);
    json_builder_end_object(builder);
    agent_send(agent, builder);
    return TRUE;
}
