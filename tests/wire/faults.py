#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is left of a migration through relays when something breaks: states x faults, on the rig.

    tests/wire/faults.py [--states A,B] [--faults A,B] [--cells STATE/FAULT,...] [--load sparse] [--qemu PROGRAM]
                         [--method plain] [--json]

After each fault exactly one copy runs and verifies its memory; or, where the guest had begun to run at the destination
(post-copy), the migration is paused at both ends, is recovered through a fresh pair of relays, and the guest verifies.

One state has no good end with QEMU before 10.2, with relays or without ("--method plain" is without): postcopy-device,
between the source's QEMU having sent the device state of a post-copy and the destination's having loaded it.  When the
connection breaks there, the source is paused for good, and the destination ends: the guest is lost.  What is checked
then is that it is just so; with a newer QEMU ("--qemu PROGRAM") that the guest runs on at the source; and that a link
which comes back within a minute loses nothing.

States are reached by facts: what the relay or QEMU says, or a number of bytes on the link; never by time.  Around the
switchover, where a state lasts milliseconds, the link is stopped as soon as the state is told and has a long round-trip
time, so that nothing has been answered by then.

The part of management is played as an agent and a controller would: a relay that has been silent for 2 s is killed; a
migration that then still hangs is cancelled, or paused if it is a post-copy; the destination runs on the source's
word that it never will again."""
import argparse
import dataclasses
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
RUN_ON_S = 10                   # for the source's QEMU to let the guest run after a migration has failed
RATE = 25e6
SHORT_RATE = 50e6
LATE_BYTES = 20e6               # of a post-copy, on the link
STILL_S = 15.0                  # a link stands still: longer than relays wait elsewhere
GOES_BACK = (10, 2)             # QEMU since then can go back from postcopy-device
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


def reach_postcopy_device(migration):
    """The source has sent the device state, and it has not arrived.  Post-copy is not asked for before something is carried:
    all that QEMU says until then would fit into the kernel's buffers, before the relays have even met."""
    await_bytes(migration, 3e6)
    migration.postcopy_start()
    migration.until('the source says that it is post-copy', lambda: migration.status.startswith('postcopy'))
    migration.path.link.say('stop')
    migration.step(0.05)
    if migration.destination_runs:
        raise RigError('the guest runs at the destination already: this machine was too slow to stop the link')


def reach_postcopy(migration):
    migration.until('the guest runs at the destination', lambda: migration.destination_runs)


def reach_postcopy_late(migration):
    reach_postcopy(migration)
    await_bytes(migration, link_bytes(migration) + LATE_BYTES)


def reach_later_pass(migration):
    migration.until('a second pass has begun', lambda: migration.passes >= 2)


PRECOPY = Cell(method='relay', rate=RATE, rtt_ms=2, limit_s=60, on_cannot_converge='ignore')
SHORT = Cell(method='relay', rate=SHORT_RATE, rtt_ms=60, limit_s=60, on_cannot_converge='ignore')
POSTCOPY_SHORT = Cell(method='relay', rate=RATE, rtt_ms=60, limit_s=60, postcopy='early', on_cannot_converge='ignore')
POSTCOPY = Cell(method='relay', rate=RATE, rtt_ms=2, limit_s=60, postcopy='early', on_cannot_converge='ignore')
STATES = {
    'hello': (PRECOPY, reach_hello),
    'live-first-pass': (PRECOPY, lambda migration: await_bytes(migration, 3e6)),
    'live-later-pass': (PRECOPY, reach_later_pass),
    'switchover': (SHORT, lambda migration: await_relay(migration, 'switchover')),
    'device': (SHORT, lambda migration: await_relay(migration, 'device')),
    'drain': (SHORT, lambda migration: await_relay(migration, 'drain', 'done')),
    'postcopy-device': (POSTCOPY_SHORT, reach_postcopy_device),
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
    for name, process in migration.path.processes().items():
        if fault == f'stop-{name.replace("_", "-")}':
            process.kill()


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
    """The QEMU with the one running copy; RigError if there is none or two.  QEMU says that a migration has failed a moment
    before it lets the guest run on, so none may be seen for a while; two never."""
    deadline = time.monotonic() + RUN_ON_S
    while len(running := [qemu for qemu in (migration.source, migration.destination) if runs(qemu)]) != 1:
        if running or time.monotonic() > deadline:
            states = [qemu.status() if qemu.is_alive() else 'gone' for qemu in (migration.source, migration.destination)]
            raise RigError(f'{len(running)} copies run: source {states[0]}, destination {states[1]}')
        time.sleep(0.01)
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
            for name, process in migration.path.processes().items():
                if name == 'destination_relay':
                    process.kill()
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


def goes_back(qemu):
    version = qemu.command('query-version')['qemu']
    return (version['major'], version['minor']) >= GOES_BACK


def await_nobody(migration):
    """The source is paused and cannot go on, the destination is gone: nothing runs, and nothing will."""
    migration.until('the destination ends', lambda: not migration.destination.is_alive(), 20)
    if runs(migration.source):
        raise RigError('the source runs although it says that its post-copy is paused')
    for command in ('migrate_cancel', 'cont'):
        try:
            migration.source.command(command)
        except RigError:
            continue
        raise RigError(f'the source, {migration.status}, accepts {command}: is the guest not lost?')


def judge_postcopy_device(migration, fault):
    """The link is stopped.  Management does not give up while it may come back."""
    if fault == 'stop-link':
        deadline = time.monotonic() + STILL_S
        while time.monotonic() < deadline:
            migration.step(0.1)
        migration.path.link.say('go')
        fault = 'kill-controller'           # from here on nobody interferes
    await_end(migration, fault, ('postcopy-paused', *ENDED), lambda one: None)
    if migration.status == 'postcopy-paused' and not goes_back(migration.source):
        kill_silent_relays(migration, fault)
        await_nobody(migration)
        migration.notes.append((migration.relay_ended or {}).get('reason', 'its relay said nothing'))
        return None, 'lost'
    if migration.status == 'postcopy-paused':
        raise RigError('this QEMU should go back to the source, and is paused')
    where = exactly_one(migration)
    if (where is migration.destination) != (migration.status == 'completed'):
        raise RigError(f'the migration is {migration.status}, but the other side runs')
    return where, 'moved' if where is migration.destination else 'stayed'


def judge_of(state):
    return {'postcopy-device': judge_postcopy_device, 'postcopy-early': judge_postcopy,
            'postcopy-late': judge_postcopy}.get(state, judge_precopy)


def one(rig, state, fault, method):
    """One cell of the table: what became of the guest."""
    cell, reach = STATES[state]
    migration = Migration(rig, dataclasses.replace(cell, method=method))
    if state == 'postcopy-device':
        migration.wants_postcopy = False    # until it is reached
    if state == 'hello':
        migration.on_path_open = lambda path: path.link.say('stop-at 0')
    migration.start()
    reach(migration)
    break_it(migration, fault)
    if fault == 'kill-controller':
        new_controller(migration)
    where, what = judge_of(state)(migration, fault)
    states = ' '.join(migration.relay_states)
    if where:
        verdict = rig.guest.verify(rig.beats)
        if verdict != 'OK':
            raise RigError(f'the guest is damaged: {verdict}')
        rig.settle(migration, where)
    return what, states, migration.notes


def choice(text, known, what):
    chosen = [item for item in text.split(',') if item]
    for item in chosen:
        if item not in known:
            sys.exit(f'faults: {what} "{item}" is not known: there are {", ".join(known)}')
    return chosen


def fits_plain(state, fault):
    """Without relays nobody says which state it is."""
    return state.startswith(('live', 'postcopy')) and 'relay' not in fault


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--states', default=','.join(STATES))
    parser.add_argument('--faults', default=','.join(FAULTS))
    parser.add_argument('--cells', default='', help='STATE/FAULT,... instead of all states with all faults')
    parser.add_argument('--load', default='sparse')
    parser.add_argument('--qemu', help='the program, instead of qemu-system-x86_64')
    parser.add_argument('--method', default='relay', choices=('relay', 'plain'))
    parser.add_argument('--json', action='store_true')
    options = parser.parse_args()
    cells = [cell.split('/') for cell in options.cells.split(',') if cell] or [
        (state, fault) for state in choice(options.states, STATES, 'state') for fault in choice(options.faults, FAULTS, 'fault')]
    if options.method == 'plain':
        cells = [cell for cell in cells if fits_plain(*cell)]
    if options.qemu:
        os.environ['GODWIT_QEMU'] = options.qemu
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun_all, bad, is_booted, lost = time.monotonic(), 0, False, 0
    with Rig(BUILD, SOURCE_DIR) as rig:
        guest = LabGuest(BUILD, SOURCE_DIR, rig.workdir, options.load)
        for state, fault in cells:
            begun = time.monotonic()
            try:
                if not is_booted:
                    rig.start(guest)
                    is_booted = True
                what, states, notes = one(rig, state, fault, options.method)
                is_booted = what != 'lost'
                lost += what == 'lost'
                row = {'state': state, 'fault': fault, 'ok': True, 'guest': what, 'relay': states, 'notes': notes}
            except RigError as error:
                row, is_booted = {'state': state, 'fault': fault, 'ok': False, 'error': str(error)}, False
                bad += 1
            row['seconds'] = round(time.monotonic() - begun, 1)
            print(json.dumps(row) if options.json else f'{"ok  " if row["ok"] else "FAIL"} {state:16} {fault:24} '
                  f'{row.get("guest") or row.get("error")} ({row["seconds"]} s) {"; ".join(row.get("notes", []))}', flush=True)
    print(f'{len(cells) - bad} of {len(cells)} as they should be, in {time.monotonic() - begun_all:.0f} s'
          + (f'; in {lost} of them, in state postcopy-device, this QEMU loses the guest' if lost else ''))
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
