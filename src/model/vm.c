/* SPDX-License-Identifier: Apache-2.0
 *
 * Vm; see vm.h. */
#include "model/vm.h"

NAMED_ENUM_DEFINE(VmState, vm_state, VM_STATES)

VmDisk *vm_disk_new(const char *target, const char *path, guint64 size_bytes)
{
    VmDisk *disk = g_new0(VmDisk, 1);

    disk->target = g_strdup(target);
    disk->path = g_strdup(path);
    disk->size_bytes = size_bytes;
    return disk;
}

void vm_disk_free(VmDisk *disk)
{
    if (disk) {
        g_free(disk->target);
        g_free(disk->path);
        g_free(disk);
    }
}

static gpointer vm_disk_copy(gconstpointer data, gpointer unused G_GNUC_UNUSED)
{
    const VmDisk *disk = data;
    VmDisk *copy = vm_disk_new(disk->target, disk->path, disk->size_bytes);

    copy->is_readonly = disk->is_readonly;
    copy->is_shareable = disk->is_shareable;
    return copy;
}

Vm *vm_new(const char *name, const char *uuid, const char *host)
{
    Vm *vm = g_new0(Vm, 1);

    vm->name = g_strdup(name);
    vm->uuid = g_strdup(uuid);
    vm->host = g_strdup(host);
    vm->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vm_disk_free);
    return vm;
}

Vm *vm_copy(const Vm *vm)
{
    Vm *copy = g_memdup2(vm, sizeof *vm);

    copy->name = g_strdup(vm->name);
    copy->uuid = g_strdup(vm->uuid);
    copy->host = g_strdup(vm->host);
    copy->cpu_xml = g_strdup(vm->cpu_xml);
    copy->domain_type = g_strdup(vm->domain_type);
    copy->unmovable_why = g_strdup(vm->unmovable_why);
    copy->disks = g_ptr_array_copy(vm->disks, vm_disk_copy, NULL);
    g_ptr_array_set_free_func(copy->disks, (GDestroyNotify)vm_disk_free);
    return copy;
}

void vm_free(Vm *vm)
{
    if (vm) {
        g_free(vm->name);
        g_free(vm->uuid);
        g_free(vm->host);
        g_free(vm->cpu_xml);
        g_free(vm->domain_type);
        g_free(vm->unmovable_why);
        g_ptr_array_unref(vm->disks);
        g_free(vm);
    }
}
