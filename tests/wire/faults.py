#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is left of a migration through relays when something breaks: states x faults, on the rig.

    tests/wire/faults.py [--states A,B] [--faults A,B] [--load sparse] [--list]

After each fault exactly one copy runs and verifies its memory; or, where the guest had begun to run at the destination
(post-copy), the migration is paused at both ends, is recovered through a fresh pair of relays, and the guest verifies.

States are reached by facts: what the relay or QEMU says, or a number of bytes on the link; never by time.  Around the
switchover, where a state lasts milliseconds, the link is stopped as soon as the state is told and has a long round-trip
time, so that nothing has been answered by then.

The part of management is played as an agent and a controller would: a relay that has been silent for 2 s is killed; a
migration that then still hangs is cancelled, or paused if it is a post-copy; the destination runs on the source's
word that it never will again."""
import argparse
import json
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from rig import ENDED, Cell, Migration, Rig, RigError       # noqa: E402
from rig_guest import LabGuest                              # noqa: E402

SOURCE_DIR = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('GODWIT_BUILD', os.path.join(SOURCE_DIR, 'build'))
SILENCE_S = 2.0                 # of a relay: then its agent kills it
PATIENCE_S = 4.0                # with a migration that has not ended after a fault: then the controller cancels it
RATE = 25e6
LATE_BYTES = 20e6               # of a post-copy, on the link
FAULTS = ('kill-source-relay', 'kill-destination-relay', 'stop-source-relay', 'stop-destination-relay', 'cut-link',
          'stop-link', 'kill-controller')


def link_bytes(migration):
    return migration.path.link.counts()['forward_bytes']


def await_bytes(migration, count):
    migration.until(f'{count / 1e6:.0f} MB have been carried', lambda: link_bytes(migration) >= count)


def await_relay(migration, *states):
    migration.until(f'the relay says "{states[0]}"', lambda: set(states) & set(migration.relay_states))
    migration.path.link.say('stop')


def reach_hello(migration):
    """The relays have a connection over which nothing comes."""
    migration.until('the relays are connected', lambda: migration.path.link.counts()['connections'] > 0)


def reach_postcopy(migration):
    """The guest runs at the destination.  (Between the source's "postcopy-active" and this the destination still loads
    the device state, for which it needs pages of the guest.  If the connection breaks then, QEMU 10.0 has no copy that
    can go on, with relays or without: the source only pauses, the destination ends.)"""
    migration.until('the guest runs at the destination', lambda: migration.destination_runs)


def reach_postcopy_late(migration):
    reach_postcopy(migration)
    await_bytes(migration, link_bytes(migration) + LATE_BYTES)


def reach_later_pass(migration):
    migration.until('a second pass has begun', lambda: migration.passes >= 2)


PRECOPY = Cell(method='relay', rate=RATE, rtt_ms=2, limit_s=60, on_cannot_converge='ignore')
SHORT = Cell(method='relay', rate=RATE, rtt_ms=60, limit_s=60, on_cannot_converge='ignore')
POSTCOPY = Cell(method='relay', rate=RATE, rtt_ms=2, limit_s=60, postcopy='early')
STATES = {
    'hello': (PRECOPY, reach_hello),
    'live-first-pass': (PRECOPY, lambda migration: await_bytes(migration, 3e6)),
    'live-later-pass': (PRECOPY, reach_later_pass),
    'switchover': (SHORT, lambda migration: await_relay(migration, 'switchover')),
    'device': (SHORT, lambda migration: await_relay(migration, 'device')),
    'drain': (SHORT, lambda migration: await_relay(migration, 'drain', 'done')),
    'postcopy-early': (POSTCOPY, reach_postcopy),
    'postcopy-late': (POSTCOPY, reach_postcopy_late),
}


def break_it(migration, fault):
    """Does the fault; what the link holds back for the state's sake is let go where the link itself is not the fault."""
    path = migration.path
    if fault == 'stop-link':
        path.link.say('stop')
        return
    if fault == 'cut-link':
        path.link.say('cut')
        return
    if fault == 'kill-controller':
        for process in path.processes().values():
            process.desert()
    else:
        end = path.source_end if 'source' in fault else path.destination_end
        end.signal(signal.SIGKILL if fault.startswith('kill') else signal.SIGSTOP)
    path.link.say('go')


def kill_silent_relays(migration, fault):
    """What an agent does for its relay.  (Here we know which one is silent; an agent counts the time since its last
    status line, which comes five times a second.)"""
    for end in ('source', 'destination'):
        if fault == f'stop-{end}-relay':
            migration.path.processes()[f'{end}_relay'].kill()


def new_controller(migration):
    """One that knows nothing but where the QEMUs are: asks both, and follows what goes on."""
    for qemu in (migration.source, migration.destination):
        if qemu.is_alive():
            qemu.reconnect()


def status_look(migration):
    """Asks the source, for events that nobody heard."""
    before = migration.status
    try:
        migration.status = migration.source.migration().get('status', 'none')
    except RigError:
        return
    if migration.status != before and migration.status in ('completed', 'postcopy-active'):
        migration.let_destination_run()


def await_end(migration, fault, ended, stop_it):
    """Steps until the source's migration is in one of the states 'ended', as management would."""
    begun = time.monotonic()
    was_silent = is_stopped = False
    while migration.status not in ended:
        migration.step(0.1)
        took = time.monotonic() - begun
        if fault == 'kill-controller':
            status_look(migration)
        if took > SILENCE_S and not was_silent:
            was_silent = True
            kill_silent_relays(migration, fault)
        if took > PATIENCE_S and not is_stopped and fault != 'kill-controller':
            is_stopped = True
            status_look(migration)
            if migration.status not in ended:
                stop_it(migration)
        if took > 60:
            raise RigError(f'the migration is still {migration.status} a minute after {fault}')


def runs(qemu):
    """Does the guest run there?"""
    try:
        return qemu.is_alive() and qemu.status() == 'running'
    except RigError:
        return False


def exactly_one(migration):
    """The QEMU with the one running copy; RigError if there is none or two."""
    running = [qemu for qemu in (migration.source, migration.destination) if runs(qemu)]
    if len(running) != 1:
        states = [qemu.status() if qemu.is_alive() else 'gone' for qemu in (migration.source, migration.destination)]
        raise RigError(f'{len(running)} copies run: source {states[0]}, destination {states[1]}')
    beats, qemu = migration.rig.beats, running[0]
    beats.await_beat_from(qemu.beat_host, 20)
    heard = len(beats.sides)
    beats.await_more(50, 30)
    if set(beats.sides[heard:]) != {qemu.beat_host}:
        raise RigError('both copies beat')
    return qemu


def judge_precopy(migration, fault):
    await_end(migration, fault, ENDED, lambda one: one.cancel())
    if migration.status != 'completed':
        migration.path.link.say('go')       # whatever still comes must not wake a second copy
    where = exactly_one(migration)
    if (where is migration.destination) != (migration.status == 'completed'):
        raise RigError(f'the migration is {migration.status}, but the other side runs')
    return where, 'moved' if where is migration.destination else 'stayed'


def pause_both(migration):
    """What is left of a post-copy is paused, so that it can be recovered."""
    try:
        migration.source.command('migrate-pause')
    except RigError as error:
        migration.notes.append(str(error))


def pause_destination(migration, fault):
    """The destination notices by itself, or when its relay is killed for being deserted, or is told."""
    deadline = time.monotonic() + 3
    relay_is_killed = is_told = False
    while migration.destination_status != 'postcopy-paused':
        if time.monotonic() > deadline and not relay_is_killed:
            relay_is_killed = True
            deadline = time.monotonic() + 3
            migration.path.processes()['destination_relay'].kill()
        elif time.monotonic() > deadline and not is_told:
            is_told = True
            migration.notes.append(f'{fault}: the destination had to be paused')
            migration.destination.command('migrate-pause')
        elif time.monotonic() > deadline + 20:
            raise RigError(f'the destination is {migration.destination_status} and cannot be paused')
        migration.step(0.1)


def judge_postcopy(migration, fault):
    await_end(migration, fault, ('postcopy-paused', 'completed', 'failed'), pause_both)
    if migration.status == 'failed':
        raise RigError('a post-copy has failed: no copy is whole')
    if migration.status == 'completed':
        return exactly_one(migration), 'moved'
    if runs(migration.source):
        raise RigError('the source runs although the post-copy has begun')
    pause_destination(migration, fault)
    migration.recover()
    migration.until('the recovered migration ends', lambda: migration.status in ('completed', 'failed', 'postcopy-paused'))
    if migration.status != 'completed':
        raise RigError(f'the recovered migration is {migration.status}')
    return exactly_one(migration), 'recovered'


def one(rig, state, fault):
    """One cell of the table: what became of the guest."""
    cell, reach = STATES[state]
    migration = Migration(rig, cell)
    if state == 'hello':
        migration.on_path_open = lambda path: path.link.say('stop-at 0')
    migration.start()
    reach(migration)
    break_it(migration, fault)
    if fault == 'kill-controller':
        new_controller(migration)
    where, what = (judge_postcopy if state.startswith('postcopy') else judge_precopy)(migration, fault)
    verdict = rig.guest.verify(rig.beats)
    if verdict != 'OK':
        raise RigError(f'the guest is damaged: {verdict}')
    states = ' '.join(migration.relay_states)
    rig.settle(migration, where)
    return what, states, migration.notes


def choice(text, known, what):
    chosen = [item for item in text.split(',') if item]
    for item in chosen:
        if item not in known:
            sys.exit(f'faults: {what} "{item}" is not known: there are {", ".join(known)}')
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--states', default=','.join(STATES))
    parser.add_argument('--faults', default=','.join(FAULTS))
    parser.add_argument('--cells', default='', help='STATE/FAULT,... instead of all states with all faults')
    parser.add_argument('--load', default='sparse')
    parser.add_argument('--json', action='store_true')
    options = parser.parse_args()
    cells = [cell.split('/') for cell in options.cells.split(',') if cell] or [
        (state, fault) for state in choice(options.states, STATES, 'state') for fault in choice(options.faults, FAULTS, 'fault')]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bad, is_booted = 0, False
    with Rig(BUILD, SOURCE_DIR) as rig:
        guest = LabGuest(BUILD, SOURCE_DIR, rig.workdir, options.load)
        for state, fault in cells:
            begun = time.monotonic()
            try:
                if not is_booted:
                    rig.start(guest)
                    is_booted = True
                what, states, notes = one(rig, state, fault)
                row = {'state': state, 'fault': fault, 'ok': True, 'guest': what, 'relay': states, 'notes': notes}
            except RigError as error:
                row, is_booted = {'state': state, 'fault': fault, 'ok': False, 'error': str(error)}, False
                bad += 1
            row['seconds'] = round(time.monotonic() - begun, 1)
            print(json.dumps(row) if options.json else f'{"ok  " if row["ok"] else "FAIL"} {state:16} {fault:24} '
                  f'{row.get("guest") or row.get("error")} ({row["seconds"]} s) {"; ".join(row.get("notes", []))}', flush=True)
    print(f'{len(cells) - bad} of {len(cells)} as they should be')
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
