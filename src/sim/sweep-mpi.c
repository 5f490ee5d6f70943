/* SPDX-License-Identifier: Apache-2.0
 *
 * The module godwit-mpi.so: ranks of a sweep that talk by MPI; see sweep.h.
 *
 * Whoever waits in MPI takes a whole core, and the runs need it.  So nobody waits there: rank 0 looks whether something
 * has come and goes on, and ranks that are done sleep between looks for rank 0's word that all are. */
#include "sim/sweep.h"

#include <mpi.h>

#define TAG_OUTCOME 1
#define TAG_END     2
#define SLEEP_US    2000

extern const SweepRanks godwit_sweep_ranks;

static int own_rank;
static int ranks_length;

static gboolean ranks_open(guint *rank, guint *size, const char **why)
{
    int level = 0;

    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS || level < MPI_THREAD_FUNNELED) {
        *why = "MPI does not start";
        return FALSE;
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &own_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks_length);
    *rank = (guint)own_rank;
    *size = (guint)ranks_length;
    return TRUE;
}

static gboolean ranks_send(const void *message, gsize size_bytes)
{
    return size_bytes <= G_MAXINT &&
           MPI_Send(message, (int)size_bytes, MPI_BYTE, 0, TAG_OUTCOME, MPI_COMM_WORLD) == MPI_SUCCESS;
}

static gboolean has_come(int source, int tag, MPI_Status *status)
{
    int is_there = 0;

    return MPI_Iprobe(source, tag, MPI_COMM_WORLD, &is_there, status) == MPI_SUCCESS && is_there;
}

static GBytes *ranks_receive(void)
{
    MPI_Status status;
    int size_bytes = 0;

    if (!has_come(MPI_ANY_SOURCE, TAG_OUTCOME, &status)) {
        return NULL;
    }
    MPI_Get_count(&status, MPI_BYTE, &size_bytes);
    guint8 *message = g_malloc((gsize)size_bytes + 1);
    MPI_Recv(message, size_bytes, MPI_BYTE, status.MPI_SOURCE, TAG_OUTCOME, MPI_COMM_WORLD, &status);
    return g_bytes_new_take(message, (gsize)size_bytes);
}

static void ranks_close(void)
{
    int is_initialised = 0;
    MPI_Status status;

    MPI_Initialized(&is_initialised);
    if (!is_initialised) {
        return;
    }
    for (int rank = 1; own_rank == 0 && rank < ranks_length; rank++) {
        MPI_Send(NULL, 0, MPI_BYTE, rank, TAG_END, MPI_COMM_WORLD);
    }
    if (own_rank != 0) {
        while (!has_come(0, TAG_END, &status)) {
            g_usleep(SLEEP_US);
        }
        MPI_Recv(NULL, 0, MPI_BYTE, 0, TAG_END, MPI_COMM_WORLD, &status);
    }
    MPI_Finalize();
}

const SweepRanks godwit_sweep_ranks = {
    .version = SWEEP_RANKS_VERSION,
    .open = ranks_open,
    .send = ranks_send,
    .receive = ranks_receive,
    .close = ranks_close,
};
