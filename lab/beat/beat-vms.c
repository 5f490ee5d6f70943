/* SPDX-License-Identifier: Apache-2.0
 *
 * VMs as the collector sees them: from beats and from libvirt's pid files. */
#include "beat-vms.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_NETWORK  0x0a4e0000u       /* 10.78.0.n is the management address of host n */

static void vm_free(gpointer data)
{
    Vm *vm = data;

    beat_ring_clear(&vm->ring);
    g_array_unref(vm->moves);
    g_free(vm);
}

void vms_init(Vms *vms, const char *state_dir, guint n_hosts)
{
    vms->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, vm_free);
    vms->state_dir = g_strdup(state_dir);
    vms->n_hosts = MIN(n_hosts, VM_HOSTS_MAX - 1);
}

void vms_clear(Vms *vms)
{
    g_clear_pointer(&vms->by_name, g_hash_table_unref);
    g_clear_pointer(&vms->state_dir, g_free);
}

Vm *vms_find(Vms *vms, const char *name)
{
    return g_hash_table_lookup(vms->by_name, name);
}

void vms_forget(Vms *vms, const char *name)
{
    g_hash_table_remove(vms->by_name, name);
}

static Vm *vms_get(Vms *vms, const char *name)
{
    Vm *vm = vms_find(vms, name);

    if (!vm) {
        vm = g_new0(Vm, 1);
        g_strlcpy(vm->name, name, sizeof(vm->name));
        beat_ring_init(&vm->ring);
        vm->moves = g_array_new(FALSE, TRUE, sizeof(VmMove));
        g_hash_table_insert(vms->by_name, vm->name, vm);
    }
    return vm;
}

guint vms_host_of(const Vms *vms, const struct sockaddr_in *source)
{
    guint number = ntohl(source->sin_addr.s_addr) - HOST_NETWORK;

    return number <= vms->n_hosts ? number : 0;
}

void vms_beat(Vms *vms, const struct Beat *beat, const struct sockaddr_in *source, gint64 now_ns)
{
    char name[BEAT_NAME_BYTES];

    g_strlcpy(name, beat->head.name, sizeof(name));
    Vm *vm = vms_get(vms, name);
    if (vm->n_boots == 0 || vm->boot_id != beat->boot_id) {
        /* what an earlier boot did is no measure for this one */
        beat_ring_clear(&vm->ring);
        beat_ring_init(&vm->ring);
        vm->boot_id = beat->boot_id;
        vm->n_boots++;
    } else if (beat->seq <= vm->seq) {
        vm->n_repeated++;
        return;
    }
    BeatRecord record = {
        .at_ns = now_ns, .work_bytes = beat->work_bytes, .seq = (guint32)beat->seq,
        .host = (guint16)vms_host_of(vms, source), .flags = (guint16)beat->flags,
    };
    beat_ring_push(&vm->ring, &record);
    vm->seq = beat->seq;
    vm->passes = beat->passes;
    vm->source = *source;
}

static guint count_bits(guint set)
{
    return (guint)__builtin_popcount(set);
}

static guint lowest_bit(guint set)
{
    return set ? (guint)__builtin_ctz(set) : 0;
}

static VmMove *open_move(Vm *vm)
{
    VmMove *last = vm->moves->len ? &g_array_index(vm->moves, VmMove, vm->moves->len - 1) : NULL;

    return last && last->end_ns == 0 ? last : NULL;
}

static void vm_present(Vm *vm, guint present_on, gint64 now_ns)
{
    VmMove *move = open_move(vm);

    if (!move && count_bits(vm->present_on) == 1 && count_bits(present_on) == 2
        && (vm->present_on & present_on)) {
        VmMove begun = {
            .begin_ns = now_ns, .from = lowest_bit(vm->present_on), .to = lowest_bit(present_on & ~vm->present_on),
        };
        g_array_append_val(vm->moves, begun);
    } else if (move && count_bits(present_on) < 2) {
        move->end_ns = now_ns;
        move->stayed = lowest_bit(present_on);
    }
    vm->present_on = present_on;
}

/* Adds bit 'host' for every NAME.pid in its directory. */
static void look_at_host(Vms *vms, guint host, GHashTable *found)
{
    g_autofree char *path = g_strdup_printf("%s/h%u/run/libvirt/qemu", vms->state_dir, host);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *entry = NULL;

    while (dir && (entry = g_dir_read_name(dir))) {
        if (g_str_has_suffix(entry, ".pid")) {
            char *name = g_strndup(entry, strlen(entry) - 4);
            guint set = GPOINTER_TO_UINT(g_hash_table_lookup(found, name));

            g_hash_table_replace(found, name, GUINT_TO_POINTER(set | 1u << host));
        }
    }
}

void vms_look(Vms *vms, gint64 now_ns)
{
    g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer value = NULL;

    for (guint host = 1; host <= vms->n_hosts; host++) {
        look_at_host(vms, host, found);
    }
    g_hash_table_iter_init(&iter, vms->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Vm *vm = value;

        vm_present(vm, GPOINTER_TO_UINT(g_hash_table_lookup(found, vm->name)), now_ns);
    }
}
