# SPDX-License-Identifier: Apache-2.0
"""Memory that costs the same in every run.

A virtual machine may give its free huge pages back to its host (free page reporting, some two seconds after they became free).
Who takes them then waits until the host has found and cleared other ones: measured 0.2 to 0.5 GB/s instead of 9.  On
such a machine a migration is slower when the one before it ended long ago, which has nothing to do with its method.

So the bench holds memory (Pool) and lets go of it just before a migration: what QEMU and relays then take is what a
host's free memory usually is, all methods alike.  On the slowest link that would be in vain: the pages were given back long
before the migration wants them, and it has the time."""
import mmap
import time

MADV_POPULATE_WRITE = 23
PROBE_BYTES = 256 << 20
POOL_BYTES = 1 << 30            # a destination's QEMU and the page memory of two relays
POOL_SHARE = 8                  # at most this part of what is available


def memory_new(size):
    """A private mapping, in huge pages where there are any; nothing of it is there yet."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def populate(memory):
    try:
        memory.madvise(MADV_POPULATE_WRITE)
    except OSError:
        for at in range(0, len(memory), mmap.PAGESIZE):
            memory[at] = 1


def first_touch_gb_per_s():
    """How fast memory comes that nobody here has had for a while, and, twice, that was let go of a moment ago."""
    rates = []
    for _ in range(3):
        memory, began = memory_new(PROBE_BYTES), time.monotonic()
        populate(memory)
        rates.append(round(PROBE_BYTES / (time.monotonic() - began) / 1e9, 2))
        memory.close()
    return rates


def available_bytes():
    with open('/proc/meminfo', encoding='ascii') as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith('MemAvailable'))


class Pool:
    """Memory that is held between two migrations and free while one runs."""

    def __init__(self):
        self.memory = memory_new(min(POOL_BYTES, available_bytes() // POOL_SHARE) & -(2 << 20))

    def hold(self):
        populate(self.memory)

    def give(self):
        self.memory.madvise(mmap.MADV_DONTNEED)
