/* SPDX-License-Identifier: Apache-2.0
 *
 * HostConfig and HostFacts; see host.h. */
#include "model/host.h"

HostConfig *host_config_new(const char *name, const char *uri)
{
    HostConfig *config = g_new0(HostConfig, 1);

    config->name = g_strdup(name);
    config->uri = g_strdup(uri);
    return config;
}

HostConfig *host_config_copy(const HostConfig *config)
{
    HostConfig *copy = g_memdup2(config, sizeof *config);

    copy->name = g_strdup(config->name);
    copy->uri = g_strdup(config->uri);
    copy->peer_uri = g_strdup(config->peer_uri);
    copy->migration_address = g_strdup(config->migration_address);
    copy->agent_command = g_strdup(config->agent_command);
    copy->rack = g_strdup(config->rack);
    copy->pod = g_strdup(config->pod);
    copy->power = g_strdup(config->power);
    return copy;
}

void host_config_free(HostConfig *config)
{
    if (config) {
        g_free(config->name);
        g_free(config->uri);
        g_free(config->peer_uri);
        g_free(config->migration_address);
        g_free(config->agent_command);
        g_free(config->rack);
        g_free(config->pod);
        g_free(config->power);
        g_free(config);
    }
}

const char *host_config_peer_uri(const HostConfig *config)
{
    return config->peer_uri ? config->peer_uri : config->uri;
}

HostFacts *host_facts_new(const char *name)
{
    HostFacts *facts = g_new0(HostFacts, 1);

    facts->name = g_strdup(name);
    facts->vms = g_ptr_array_new_with_free_func((GDestroyNotify)vm_free);
    facts->incoming_names = g_ptr_array_new_with_free_func(g_free);
    return facts;
}

void host_facts_free(HostFacts *facts)
{
    if (facts) {
        g_free(facts->name);
        g_free(facts->hostname);
        g_free(facts->cannot_postcopy_why);
        g_free(facts->capabilities_xml);
        g_ptr_array_unref(facts->vms);
        g_ptr_array_unref(facts->incoming_names);
        g_free(facts);
    }
}

const Vm *host_facts_find_vm(const HostFacts *facts, const char *name)
{
    for (guint i = 0; i < facts->vms->len; i++) {
        const Vm *vm = g_ptr_array_index(facts->vms, i);

        if (g_str_equal(vm->name, name)) {
            return vm;
        }
    }
    return NULL;
}

guint64 host_facts_vm_ram_bytes(const HostFacts *facts)
{
    guint64 sum_bytes = 0;

    for (guint i = 0; i < facts->vms->len; i++) {
        sum_bytes += ((const Vm *)g_ptr_array_index(facts->vms, i))->ram_bytes;
    }
    return sum_bytes;
}

guint host_facts_vm_vcpus(const HostFacts *facts)
{
    guint sum = 0;

    for (guint i = 0; i < facts->vms->len; i++) {
        sum += ((const Vm *)g_ptr_array_index(facts->vms, i))->vcpus;
    }
    return sum;
}
