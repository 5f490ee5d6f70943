/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the module through which the processes of a sweep talk; see sweep.h.
 *
 * MPI is a module and no library of the program: libmpi and what it brings along would be loaded at each start of
 * godwit, on every host, for a command that few use. */
#include "sim/sweep.h"

#include "base/error.h"

#include <gmodule.h>
#include <godwit-config.h>

#define MODULE "godwit-mpi.so"

/* Variables by which launchers tell a process how many they started: Open MPI; MPICH and Slurm's PMI. */
static const char *const SIZE_VARIABLES[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};

const char *sweep_launcher(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(SIZE_VARIABLES); i++) {
        if (g_getenv(SIZE_VARIABLES[i])) {
            return "mpirun";
        }
    }
    return NULL;
}

guint sweep_launched_rank(void)
{
    const char *text = g_getenv("OMPI_COMM_WORLD_RANK") ?: g_getenv("PMI_RANK");
    guint64 rank = 0;

    return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &rank, NULL) ? (guint)rank : 0;
}

/* Beside the program, as in the build, then where it was installed.  The caller frees. */
static char *find_module(void)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *directory = program ? g_path_get_dirname(program) : g_strdup(".");
    g_autofree char *beside = g_build_filename(directory, MODULE, NULL);

    return g_file_test(beside, G_FILE_TEST_EXISTS) ? g_steal_pointer(&beside)
                                                   : g_build_filename(GODWIT_MODULE_DIR, MODULE, NULL);
}

const SweepRanks *sweep_ranks_load(GError **error)
{
    g_autofree char *path = find_module();
    gpointer symbol = NULL;
    GModule *module = g_file_test(path, G_FILE_TEST_EXISTS) ? g_module_open(path, G_MODULE_BIND_LAZY) : NULL;

    if (!module || !g_module_symbol(module, SWEEP_RANKS_SYMBOL, &symbol)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "%s started this as one process of several, but the module that lets them share a sweep is not "
                    "there: %s; build godwit where Open MPI is (libopenmpi-dev), or start it without mpirun",
                    sweep_launcher() ?: "somebody", g_file_test(path, G_FILE_TEST_EXISTS) ? g_module_error() : path);
        return NULL;
    }
    const SweepRanks *ranks = symbol;
    if (ranks->version != SWEEP_RANKS_VERSION) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED, "%s is of another version of godwit", path);
        return NULL;
    }
    g_module_make_resident(module); /* MPI cannot be unloaded */
    return ranks;
}
