/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory a guest touches in a span of time: the two processes of WorldLoad.
 *
 * Each walks round and round over its set at a pace that 'intensity' changes, so within one span it touches the
 * integral of its pace, and never more than its set.  No event is needed where the intensity changes: the integral is
 * taken when somebody asks. */
#include "sim/world-private.h"

double world_intensity_s(const WorldVm *vm, gint64 from_ns, gint64 until_ns)
{
    const WorldLoad *load = &vm->load;
    double sum_ns = 0;

    if (until_ns <= from_ns) {
        return 0;
    }
    if (!load->intensity) {
        return (double)(until_ns - from_ns) / (double)NS_PER_S;
    }
    for (gint64 at_ns = from_ns; at_ns < until_ns;) {
        gint64 step = at_ns / load->intensity_ns;
        gint64 end_ns = MIN((step + 1) * load->intensity_ns, until_ns);

        sum_ns += (double)load->intensity[step % load->intensity_length] * (double)(end_ns - at_ns);
        at_ns = end_ns;
    }
    return sum_ns / (double)NS_PER_S;
}

double world_written_mib(const WorldVm *vm, gint64 from_ns, gint64 until_ns)
{
    return MIN(vm->load.written_mib_per_s * world_intensity_s(vm, from_ns, until_ns), vm->load.write_set_mib);
}

double world_read_mib(const WorldVm *vm, gint64 from_ns, gint64 until_ns)
{
    return MIN(vm->load.read_mib_per_s * world_intensity_s(vm, from_ns, until_ns), vm->load.read_set_mib);
}
