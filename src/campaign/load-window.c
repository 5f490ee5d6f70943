/* SPDX-License-Identifier: Apache-2.0
 *
 * How busy VMs are, over a window; see load-window.h.
 *
 * Answers may come after the window was freed: each question holds a reference. */
#include "campaign/load-window.h"
#include "base/stats.h"
#include "base/units.h"

#include <math.h>

typedef struct WindowVm {
    char *host; /* of the last answer */
    guint64 cpu_time_ns;
    gint64 when_ns;
    guint64 memory_bytes;
    GArray *cores; /* double */
} WindowVm;

typedef struct WindowHost {
    char *name;
    char *error;       /* of the last answer */
    gboolean is_asked; /* and has not answered: not asked again */
} WindowHost;

struct LoadWindow {
    guint refs;
    Driver *driver;
    Clock *clock;
    gint64 period_ns;
    GPtrArray *hosts; /* WindowHost */
    GHashTable *vms;  /* uuid -> WindowVm */
    guint waiting;    /* questions of this round without an answer */
    guint rounds;
    guint timer;
    gboolean is_running;
};

typedef struct Question {
    LoadWindow *window;
    WindowHost *host;
} Question;

static void vm_free_data(gpointer data)
{
    WindowVm *vm = data;

    g_free(vm->host);
    g_array_unref(vm->cores);
    g_free(vm);
}

static void host_free_data(gpointer data)
{
    WindowHost *host = data;

    g_free(host->name);
    g_free(host->error);
    g_free(host);
}

LoadWindow *load_window_new(Driver *driver, Clock *clock, gint64 period_ns)
{
    LoadWindow *window = g_new0(LoadWindow, 1);

    window->refs = 1;
    window->driver = driver;
    window->clock = clock;
    window->period_ns = period_ns;
    window->hosts = g_ptr_array_new_with_free_func(host_free_data);
    window->vms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, vm_free_data);
    return window;
}

static void unref(LoadWindow *window)
{
    if (--window->refs == 0) {
        g_ptr_array_unref(window->hosts);
        g_hash_table_unref(window->vms);
        g_free(window);
    }
}

void load_window_free(LoadWindow *window)
{
    if (window) {
        load_window_stop(window);
        unref(window);
    }
}

static WindowHost *find_host(const LoadWindow *window, const char *name)
{
    for (guint i = 0; i < window->hosts->len; i++) {
        WindowHost *host = g_ptr_array_index(window->hosts, i);

        if (g_str_equal(host->name, name)) {
            return host;
        }
    }
    return NULL;
}

void load_window_add_host(LoadWindow *window, const char *host)
{
    if (!find_host(window, host)) {
        WindowHost *added = g_new0(WindowHost, 1);

        added->name = g_strdup(host);
        g_ptr_array_add(window->hosts, added);
    }
}

/* A counter that went back, or another host's, is a new beginning. */
static void take_load(LoadWindow *window, const char *host, const VmLoad *load, gint64 when_ns)
{
    WindowVm *vm = g_hash_table_lookup(window->vms, load->uuid);

    if (!vm) {
        vm = g_new0(WindowVm, 1);
        vm->cores = g_array_new(FALSE, FALSE, sizeof(double));
        g_hash_table_insert(window->vms, g_strdup(load->uuid), vm);
    }
    if (g_strcmp0(vm->host, host) == 0 && load->cpu_time_ns >= vm->cpu_time_ns && when_ns > vm->when_ns) {
        double cores = (double)(load->cpu_time_ns - vm->cpu_time_ns) / (double)(when_ns - vm->when_ns);

        g_array_append_val(vm->cores, cores);
    }
    g_free(vm->host);
    vm->host = g_strdup(host);
    vm->cpu_time_ns = load->cpu_time_ns;
    vm->when_ns = when_ns;
    vm->memory_bytes = load->memory_used_bytes;
}

static void on_loads(const VmLoad *loads, guint loads_length, gint64 when_ns, const GError *error, gpointer user)
{
    g_autofree Question *question = user;
    LoadWindow *window = question->window;

    question->host->is_asked = FALSE;
    g_clear_pointer(&question->host->error, g_free);
    question->host->error = error ? g_strdup(error->message) : NULL;
    for (guint i = 0; !error && i < loads_length; i++) {
        take_load(window, question->host->name, &loads[i], when_ns);
    }
    if (--window->waiting == 0) {
        window->rounds++;
    }
    unref(window);
}

static void on_period(gpointer user);

static void ask_all(LoadWindow *window)
{
    for (guint i = 0; i < window->hosts->len; i++) {
        WindowHost *host = g_ptr_array_index(window->hosts, i);

        if (!host->is_asked) {
            Question *question = g_new0(Question, 1);

            *question = (Question){window, host};
            host->is_asked = TRUE;
            window->refs++;
            window->waiting++;
            window->driver->query_loads(window->driver, host->name, on_loads, question);
        }
    }
    window->timer =
        window->clock->at(window->clock, window->clock->now_ns(window->clock) + window->period_ns, on_period, window);
}

static void on_period(gpointer user)
{
    LoadWindow *window = user;

    window->timer = 0;
    ask_all(window);
}

void load_window_start(LoadWindow *window)
{
    if (!window->is_running) {
        window->is_running = TRUE;
        ask_all(window);
    }
}

void load_window_stop(LoadWindow *window)
{
    window->is_running = FALSE;
    window->clock->cancel(window->clock, window->timer);
    window->timer = 0;
}

guint load_window_rounds(const LoadWindow *window)
{
    return window->rounds;
}

const double *load_window_cores(const LoadWindow *window, const char *vm_uuid, guint *length)
{
    const WindowVm *vm = g_hash_table_lookup(window->vms, vm_uuid);

    *length = vm ? vm->cores->len : 0;
    return *length ? (const double *)vm->cores->data : NULL;
}

double load_window_mean_cores(const LoadWindow *window, const char *vm_uuid)
{
    guint length = 0;
    const double *cores = load_window_cores(window, vm_uuid, &length);

    return stats_mean(cores, length);
}

guint64 load_window_memory_bytes(const LoadWindow *window, const char *vm_uuid)
{
    const WindowVm *vm = g_hash_table_lookup(window->vms, vm_uuid);

    return vm ? vm->memory_bytes : 0;
}

const char *load_window_host_error(const LoadWindow *window, const char *host)
{
    const WindowHost *found = find_host(window, host);

    return found ? found->error : NULL;
}
