#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Migrations through relays after each of which the guest verifies all its memory: loads x links x modes in turn.

    tests/wire/verified.py [--count 100] [--loads A,B] [--links 12.5,100,1000] [--modes A,B] [--rtts 0,5]

One guest for each load; it goes to and fro.  Mode "recovered" is a post-copy whose link is cut as soon as the guest runs at
the destination, and which is recovered through fresh relays.  A migration that the relay itself refuses to end by pre-copy (it says
that it cannot converge, or gives up since the pause would exceed its limit) leaves the guest where it was; it verifies there, and does not count."""
import argparse
import collections
import itertools
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rig import Cell, Migration, Rig, RigError  # noqa: E402
from rig_guest import guest_of_load             # noqa: E402

SOURCE_DIR = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('GODWIT_BUILD', os.path.join(SOURCE_DIR, 'build'))
LOADS = ('idle', 'sparse', 'mixed', 'rewrite', 'random64', 'text')
MODES = {
    'pre-copy': {'method': 'relay'},
    'hybrid': {'method': 'relay', 'postcopy': 'late'},
    'post-copy': {'method': 'relay', 'postcopy': 'early'},
    'xbzrle': {'method': 'relay-xbzrle'},
    'recovered': {'method': 'relay', 'postcopy': 'early'},
    'multifd': {'method': 'relay-multifd', 'limit_s': 15},      # ends within that or not at all
    'hash': {'method': 'relay-hash'},
    'no-filters': {'method': 'relay-none'},
}
REFUSED = ('cannot-converge', 'overrun', 'dnf', 'unbroken')


def cells(options):
    """For each load as many as there are to be: modes fastest, then links, then round-trip times."""
    combinations = list(itertools.product(options.rtts.split(','), options.links.split(','), options.modes.split(',')))
    for i in itertools.count():
        rtt, link, mode = combinations[i % len(combinations)]
        wishes = {'limit_s': 60} | MODES[mode]
        yield mode, Cell(**wishes, rate=float(link) * 1e6, rtt_ms=float(rtt), verify=True)


def migrate_recovered(rig, cell):
    """As Rig.migrate; the link is cut on the way.  'outcome' is 'unbroken' where the migration was faster."""
    migration = Migration(rig, cell)
    migration.start()
    migration.until('the guest runs at the destination', lambda: migration.destination_runs)
    migration.path.link.say('cut')
    migration.until('both sides notice', lambda: migration.status == 'completed' or (
        migration.status == migration.destination_status == 'postcopy-paused'))
    is_broken = migration.status != 'completed'
    if is_broken:
        migration.recover()
    result = migration.finish()
    if not is_broken and result['outcome'] == 'completed':
        result['outcome'] = 'unbroken'
    return result


def run_load(rig, load, cells_of_load, wanted, counts, modes):
    """Until 'wanted' migrations of this load have been verified; a few more tries than that are allowed."""
    rig.start(guest_of_load(BUILD, SOURCE_DIR, rig.workdir, load))
    verified = 0
    for _ in range(2 * wanted):
        if verified == wanted:
            return
        mode, cell = next(cells_of_load)
        result = migrate_recovered(rig, cell) if mode == 'recovered' else rig.migrate(cell)
        outcome, verdict = result['outcome'], result.get('verify')
        print(f'{load}, {cell.rate / 1e6:g} MB/s, rtt {cell.rtt_ms:g} ms, {mode}: {outcome}, '
              f'{result["total_ms"]:.0f} ms, pause {result.get("pause_ms") or 0:.0f} ms, {verdict}', flush=True)
        if verdict != 'OK' or (outcome != 'completed' and outcome not in REFUSED):
            raise RigError(f'{load}, {mode}: {outcome}, the guest says: {verdict}; {result.get("notes")} '
                           f'{(result.get("relay") or {}).get("reason")}')
        if rig.beats.wrong_sum or len(rig.beats.boots) != 1:
            raise RigError(f'{load}, {mode}: the guest has met a wrong sum or booted again')
        counts[outcome] += 1
        modes[mode] += outcome == 'completed'
        verified += outcome == 'completed'
    raise RigError(f'{load}: only {verified} of {2 * wanted} migrations have completed')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=100)
    parser.add_argument('--loads', default=','.join(LOADS))
    parser.add_argument('--links', default='100,1000,12.5')
    parser.add_argument('--rtts', default='0,5')
    parser.add_argument('--modes', default=','.join(MODES))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    loads, in_turn = options.loads.split(','), cells(options)
    counts, modes, begun = collections.Counter(), collections.Counter(), time.monotonic()
    with Rig(BUILD, SOURCE_DIR) as rig:
        try:
            for i, load in enumerate(loads):
                wanted = options.count // len(loads) + (i < options.count % len(loads))
                run_load(rig, load, in_turn, wanted, counts, modes)
        except RigError as error:
            sys.exit(f'verified: {error}')
    others = {key: value for key, value in counts.items() if key != 'completed'}
    print(f'{counts["completed"]} migrations completed and verified in {time.monotonic() - begun:.0f} s, by mode: '
          f'{dict(modes)}; of others: {others or "none"}')


if __name__ == '__main__':
    main()
