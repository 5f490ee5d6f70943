# SPDX-License-Identifier: Apache-2.0
"""What the bench runs, in which order, and how long that will take.

A cell is (load, link in MB/s, round-trip time in ms, method); a run of it has a number on top.  A plan is a list of parts; a
part takes its loads one after the other (a boot for each), of a load its links and round-trip times, and there the runs
of all methods in turn: what changes on the machine meanwhile hits all methods alike.

Options take away from a plan, they add nothing to it: --loads text --rtts 5 needs a plan that has it (everything)."""
import sys
from dataclasses import dataclass

from rig import METHODS

LOADS = ('idle', 'sparse', 'mixed', 'rewrite', 'random64', 'text', 'install', 'database')
LIMITS_S = {12.5: 30, 100: 12, 1000: 8}         # MB/s: seconds until a run is given up
LINKS = tuple(LIMITS_S)
RTTS = (0, 5, 20)
PLAIN = ('plain', 'xbzrle-64M', 'xbzrle-ram', 'multifd-zstd')
METHODS_OF_ALL = tuple(method for method in (*PLAIN, 'relay', 'auto') if method in METHODS)
ALONE = ('relay-none', 'relay-zero', 'relay-same', 'relay-segments', 'relay-duplicate', 'relay-lz4', 'relay-zstd-1',
         'relay-no-codec', 'relay-hash', 'forward')
STUCK_KNOWN = ('plain', 'forward', 'multifd-zstd')       # send whole pages: passes that leave not less do not get shorter


@dataclass(frozen=True)
class Part:
    """Of a plan."""
    loads: tuple = LOADS
    links: tuple = LINKS
    rtts: tuple = RTTS
    runs: int = 3
    methods: tuple = METHODS_OF_ALL


# A filter alone is of interest where it has something to do; segments alone are a target on their own.
FILTERS = (Part(('sparse', 'mixed'), (100,), (0,), 1, ALONE),
           Part(('sparse',), (12.5,), (0,), 3, ('relay-segments',)))
# With a delay the smaller of QEMU's two caches is left out: it never was the better one.
WITH_DELAY = tuple(name for name in METHODS_OF_ALL if name != 'xbzrle-64M')
DELAYS = (Part(('idle', 'sparse', 'mixed'), rtts=(5, 20), methods=WITH_DELAY),)
FEWER_DELAYS = (Part(('idle', 'sparse', 'mixed'), (100, 1000), (5, 20), methods=WITH_DELAY),
                Part(('sparse', 'mixed'), (12.5,), (20,), methods=WITH_DELAY))
CORE = (Part(rtts=(0,)), *FILTERS)
PLANS = {
    'quick': (Part(('sparse', 'mixed', 'rewrite'), (12.5, 100), (0,), 1),),
    'core': CORE,
    'delays': DELAYS,
    'whole': (*CORE, *DELAYS),
    'hour': (*CORE, *FEWER_DELAYS),
    'filters': FILTERS,
    'everything': (Part(), *FILTERS, Part(('sparse', 'mixed'), rtts=(0,), methods=('relay-xbzrle', 'relay-multifd'))),
}

# Seconds of a run with all that belongs to it, on each link, a middle of the methods; measured on two cores.
NOMINAL_S = {'idle': (11, 3, 2), 'sparse': (17, 4.5, 3.5), 'mixed': (14, 3.5, 2.5), 'rewrite': (12, 3, 2.5), 'random64': (17, 4.5, 3),
             'text': (11, 3, 2), 'install': (14, 4, 3), 'database': (20, 5, 3.5)}
BOOT_S = {'install': 30, 'database': 60}
BOOT_OTHERS_S = 10


def name_of(key):
    """LOAD/LINK/rttRTT/METHOD of a cell."""
    return f'{key[0]}/{key[1]:g}/rtt{key[2]:g}/{key[3]}'


def taken(text, known, what):
    """Items of a list told by option, all of 'known' when none is told; one error."""
    by_text = {f'{item:g}' if isinstance(item, (int, float)) else item: item for item in known}
    for item in (wanted := [item for item in (text or '').split(',') if item]):
        if item not in by_text:
            sys.exit(f'bench-wire: {what} "{item}" is not known: there are {", ".join(by_text)}')
    return tuple(by_text[item] for item in wanted or by_text)


def keys_of(options):
    """[(load, link, rtt, method, run)] in the order they are run."""
    loads, links = taken(options.loads, LOADS, 'load'), taken(options.links, LINKS, 'link')
    rtts, chosen = taken(options.rtts, RTTS, 'round-trip time'), taken(options.methods, tuple(METHODS), 'method')
    texts, found = [text for text in options.cells.split(',') if text], []
    for part in PLANS[options.plan]:
        for load in (load for load in part.loads if load in loads):
            for link, rtt in ((link, rtt) for link in part.links if link in links for rtt in part.rtts if rtt in rtts):
                methods = tuple(method for method in part.methods if method in chosen)
                for run in range(options.runs or part.runs if methods else 0):
                    turned = methods[run % len(methods):] + methods[:run % len(methods)]
                    found += [(load, link, rtt, method, run) for method in turned
                              if not texts or any(text in name_of((load, link, rtt, method)) for text in texts)]
    if not found:
        sys.exit(f'bench-wire: the plan "{options.plan}" has no such cells: --plan everything has all')
    return found


def expected_s(keys, known_s):
    """Seconds that these runs will take; 'known_s': {cell: seconds of a run of it}, of those that were run before."""
    total, load_before = 0.0, None
    for key in keys:
        total += known_s.get(key[:4], NOMINAL_S[key[0]][LINKS.index(key[1])])
        if key[0] != load_before:
            load_before = key[0]
            total += BOOT_S.get(load_before, BOOT_OTHERS_S)
    return total
