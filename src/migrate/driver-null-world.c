/* SPDX-License-Identifier: Apache-2.0
 *
 * The null world: hosts, copies of VMs, faults, and the promise that it checks after everything that happens. */
#include "migrate/driver-null-private.h"

NullHost *null_find_host(NullDriver *driver, const char *name)
{
    for (guint i = 0; i < driver->hosts->len; i++) {
        NullHost *host = g_ptr_array_index(driver->hosts, i);

        if (g_str_equal(host->name, name)) {
            return host;
        }
    }
    return NULL;
}

NullGuest *null_find_guest(NullDriver *driver, const char *uuid_or_name)
{
    for (guint i = 0; i < driver->guests->len; i++) {
        NullGuest *guest = g_ptr_array_index(driver->guests, i);

        if (g_str_equal(guest->uuid, uuid_or_name) || g_str_equal(guest->name, uuid_or_name)) {
            return guest;
        }
    }
    return NULL;
}

NullCopy *null_find_copy(NullDriver *driver, const NullHost *host, const NullGuest *guest)
{
    for (guint i = 0; i < driver->copies->len; i++) {
        NullCopy *copy = g_ptr_array_index(driver->copies, i);

        if (copy->host == host && copy->guest == guest) {
            return copy;
        }
    }
    return NULL;
}

NullCopy *null_add_copy(NullDriver *driver, NullHost *host, NullGuest *guest, VmState state)
{
    NullCopy *copy = g_new0(NullCopy, 1);

    *copy = (NullCopy){guest, host, state, FALSE, state == VM_STATE_RUNNING};
    g_ptr_array_add(driver->copies, copy);
    return copy;
}

void null_remove_copy(NullDriver *driver, const NullHost *host, const NullGuest *guest)
{
    NullCopy *copy = null_find_copy(driver, host, guest);

    if (copy) {
        g_ptr_array_remove_fast(driver->copies, copy);
    }
}

DriverJob *null_find_job(NullDriver *driver, const NullGuest *guest)
{
    for (guint i = 0; i < driver->jobs->len; i++) {
        DriverJob *job = g_ptr_array_index(driver->jobs, i);

        if (job->guest == guest) {
            return job;
        }
    }
    return NULL;
}

/* ---- the promise ---- */

static void break_promise(NullDriver *driver, const NullGuest *guest, const char *what)
{
    if (!driver->broken_promise) {
        driver->broken_promise = g_strdup_printf("%s: %s at %.3f s", guest->name, what,
                                                 (double)driver->clock->now_ns(driver->clock) / (double)NS_PER_S);
    }
}

void null_check_promise(NullDriver *driver)
{
    for (guint g = 0; g < driver->guests->len; g++) {
        NullGuest *guest = g_ptr_array_index(driver->guests, g);
        guint running = 0;

        for (guint i = 0; i < driver->copies->len; i++) {
            const NullCopy *copy = g_ptr_array_index(driver->copies, i);

            running += copy->guest == guest && copy->runs;
        }
        if (running > 1) {
            break_promise(driver, guest, "two running copies");
        }
        if (running == 0 && !guest->is_ended && !guest->was_paused && !guest->is_switching) {
            break_promise(driver, guest, "no running copy");
        }
    }
}

const char *driver_null_broken_promise(Driver *driver)
{
    return ((NullDriver *)driver)->broken_promise;
}

/* ---- making the world ---- */

void driver_null_add_host(Driver *driver, const char *name, guint cpus, guint64 memory_bytes)
{
    NullHost *host = g_new0(NullHost, 1);

    *host = (NullHost){g_strdup(name), cpus, memory_bytes, NULL_HOST_UP, TRUE, 0, 0};
    g_ptr_array_add(((NullDriver *)driver)->hosts, host);
}

void driver_null_add_vm(Driver *driver, const char *host, const NullVm *vm)
{
    NullDriver *self = (NullDriver *)driver;
    NullGuest *guest = g_new0(NullGuest, 1);

    guest->name = g_strdup(vm->name);
    guest->uuid = g_strdup(vm->uuid);
    guest->disk_path = g_strdup(vm->disk_path);
    guest->is_disk_local = vm->is_disk_local;
    guest->ram_bytes = vm->ram_bytes;
    guest->vcpus = MAX(vm->vcpus, 1);
    guest->dirty_bytes_per_s = vm->dirty_bytes_per_s;
    guest->working_set_bytes = vm->working_set_bytes ? vm->working_set_bytes : vm->ram_bytes;
    guest->busy_cores = vm->busy_cores;
    guest->was_paused = vm->is_paused;
    g_ptr_array_add(self->guests, guest);
    null_add_copy(self, null_find_host(self, host), guest, vm->is_paused ? VM_STATE_PAUSED : VM_STATE_RUNNING);
}

/* ---- faults ---- */

void driver_null_fail_call(Driver *driver, guint number, GodwitError code)
{
    NullDriver *self = (NullDriver *)driver;

    self->failing_call = number;
    self->failing_code = code;
}

guint driver_null_calls(Driver *driver)
{
    return ((NullDriver *)driver)->calls;
}

/* Its copies go; a guest whose only whole copy was here is gone, and that is the host's fault. */
static void kill_copies(NullDriver *driver, const NullHost *host)
{
    for (guint i = driver->copies->len; i-- > 0;) {
        NullCopy *copy = g_ptr_array_index(driver->copies, i);

        if (copy->host == host) {
            copy->guest->is_ended |= !copy->is_incoming;
            g_ptr_array_remove_index_fast(driver->copies, i);
        }
    }
}

void driver_null_set_host(Driver *driver, const char *name, NullHostState state)
{
    NullDriver *self = (NullDriver *)driver;
    NullHost *host = null_find_host(self, name);

    null_jobs_settle(self);
    host->state = state;
    if (state == NULL_HOST_DEAD) {
        kill_copies(self, host);
    }
    null_jobs_look(self);
    null_check_promise(self);
}

void driver_null_set_link(Driver *driver, const char *name, gboolean is_up)
{
    NullDriver *self = (NullDriver *)driver;

    null_jobs_settle(self);
    null_find_host(self, name)->is_link_up = is_up;
    null_jobs_look(self);
}

void driver_null_stop_vm(Driver *driver, const char *vm)
{
    NullDriver *self = (NullDriver *)driver;
    NullGuest *guest = null_find_guest(self, vm);
    DriverJob *job = null_find_job(self, guest);

    guest->is_ended = TRUE;
    for (guint i = self->copies->len; i-- > 0;) {
        NullCopy *copy = g_ptr_array_index(self->copies, i);

        if (copy->guest == guest && !copy->is_incoming) {
            g_ptr_array_remove_index_fast(self->copies, i);
        }
    }
    if (job) {
        null_job_fail(job, GODWIT_ERROR_FAILED, FAULT_GUEST, "the guest has shut down");
    }
    null_check_promise(self);
}

void driver_null_leave_leftovers(Driver *driver, gboolean leaves)
{
    ((NullDriver *)driver)->leaves_leftovers = leaves;
}

/* ---- looking at it ---- */

static NullCopy *copy_named(Driver *driver, const char *host, const char *vm)
{
    NullDriver *self = (NullDriver *)driver;

    return null_find_copy(self, null_find_host(self, host), null_find_guest(self, vm));
}

VmState driver_null_vm_state(Driver *driver, const char *host, const char *vm)
{
    const NullCopy *copy = copy_named(driver, host, vm);

    return copy ? copy->state : VM_STATE_ABSENT;
}

gboolean driver_null_is_incoming(Driver *driver, const char *host, const char *vm)
{
    const NullCopy *copy = copy_named(driver, host, vm);

    return copy && copy->is_incoming;
}

guint driver_null_most_jobs(Driver *driver, const char *host, gboolean is_source)
{
    const NullHost *found = null_find_host((NullDriver *)driver, host);

    return is_source ? found->most_out : found->most_in;
}

const char *driver_null_copied_disks(Driver *driver, const char *vm)
{
    return null_find_guest((NullDriver *)driver, vm)->copied_disks;
}

const char *driver_null_relay_socket(Driver *driver, const char *vm)
{
    return null_find_guest((NullDriver *)driver, vm)->relay_socket;
}

gint64 driver_null_downtime_limit_ns(Driver *driver, const char *vm)
{
    return null_find_guest((NullDriver *)driver, vm)->downtime_limit_ns;
}
