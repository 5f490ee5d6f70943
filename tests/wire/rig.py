# SPDX-License-Identifier: Apache-2.0
"""The rig: one guest, migrated from one real QEMU to another over a slow link, as often as you like, without libvirt.

    with Rig(build, source_dir) as rig:
        rig.start(LabGuest(build, source_dir, rig.workdir, 'sparse'))
        result = rig.migrate(Cell(method='relay', rate=12.5e6))

The destination of one migration is the source of the next; a migration that failed or did not converge leaves the guest
where it was.  Everything the rig starts dies with it, even when it is killed.  One rig at a time for a build directory:
its figures would mean nothing otherwise.

Times are the host's.  'pause_ms' is from the last heartbeat of the source to the first of the destination, which
is what a user of the guest sees; QEMU's own 'downtime_ms' knows nothing of queues and faults after it.

Migration is the same in steps, for tests that do something in between."""
import fcntl
import os
import queue
import shutil
import tempfile
import time
from dataclasses import dataclass, field, replace

import rig_auto
from rig_guest import Beats
from rig_process import RigError, machine_busy_s, new_inbox
from rig_qemu import Qemu, QmpError
from rig_relay import ForwardPath, Path, RelayPath

MIB = 1 << 20
ENDED = ('completed', 'failed', 'cancelled')
AFTER_BEATS = 30                # heard of the guest after a migration before its gaps are counted
CHANGE_WORTH_TELLING = 0.05     # of the relay's wish for avail-switchover-bandwidth
STUCK_FACTOR = 1.5              # of what fits into the downtime: a pass that leaves less may be the last by chance


@dataclass(frozen=True)
class Method:
    """How to migrate: capabilities and parameters of both QEMUs, and what lies between them."""
    capabilities: tuple = ()
    parameters: dict = field(default_factory=dict)
    path: str = 'direct'
    relay_options: tuple = ()
    both_options: tuple = ()

    def __hash__(self):
        return id(self)


def relay(*options, capabilities=(), parameters=None, both=()):
    return Method(capabilities, parameters or {}, 'relay', options, both)


MULTIFD_ZSTD = {'multifd-channels': 2, 'multifd-compression': 'zstd', 'multifd-zstd-level': 1}
METHODS = {
    'plain': Method(),
    'xbzrle-64M': Method(('xbzrle',), {'xbzrle-cache-size': 64 * MIB}),
    'xbzrle-ram': Method(('xbzrle',), {'xbzrle-cache-size': 512 * MIB}),
    'multifd-zstd': Method(('multifd',), MULTIFD_ZSTD),
    'forward': Method(path='forward'),
    'relay': relay(),
    'auto': Method(),                   # one of the others: rig_auto.py
    # one filter each, nothing else
    'relay-none': relay('--filters', 'none', '--codec', 'none'),
    'relay-zero': relay('--filters', 'zero', '--codec', 'none'),
    'relay-same': relay('--filters', 'same', '--codec', 'none'),
    'relay-segments': relay('--filters', 'segments', '--codec', 'none'),
    'relay-duplicate': relay('--filters', 'duplicate', '--codec', 'none'),
    'relay-lz4': relay('--filters', 'none', '--codec', 'lz4'),
    'relay-zstd-1': relay('--filters', 'none', '--codec', 'zstd-1'),
    # all, with one thing different
    'relay-hash': relay('--page-memory', 'hash'),
    'relay-no-codec': relay('--codec', 'none'),
    'relay-xbzrle': relay(capabilities=('xbzrle',), parameters={'xbzrle-cache-size': 64 * MIB}),
    'relay-multifd': relay(capabilities=('multifd',), parameters={'multifd-channels': 2}),
}


@dataclass(frozen=True)
class Cell:
    """One migration: what is wished for."""
    method: str = 'plain'
    rate: float = 100e6                 # bytes/s of the link, each way; 0: no limit
    rtt_ms: float = 0
    downtime_ms: int = 300
    postcopy: str = ''                  # '': never; 'early': as soon as pages move; 'late': after the first pass
    limit_s: float = 30                 # then it is cancelled: "dnf"
    stuck_passes: int = 0               # cancelled, too, when so many passes have left not less to send; 0: never
    on_cannot_converge: str = 'abort'   # 'abort', 'postcopy' or 'ignore': what to do on the relay's word
    verify: bool = False
    options: tuple = ()                 # more options of the source relay


class Migration:
    """One migration, step by step.  start(), then step() or until() as long as you like, then finish()."""

    def __init__(self, rig, cell):
        self.way = None                 # of the method auto: which, and why
        if cell.method == 'auto':
            self.way = rig_auto.choose(rig, cell)
            cell = replace(cell, method=rig_auto.METHOD_OF_WAY[self.way['way']])
        self.rig, self.cell = rig, cell
        self.method = METHODS[cell.method]
        self.source, self.destination = rig.source, None
        self.serial = rig.next_serial()
        self.path = self.path_new(self.serial)
        self.status, self.destination_status = 'none', 'none'
        self.passes = 0
        self.remaining = []             # bytes to send, at the begin of each pass
        self.destination_runs = False
        self.relay_status, self.relay_ended, self.cannot_converge = {}, None, None
        self.relay_states = []          # of the source relay, as it went through them
        self.relay_passes = []
        self.switchover_bytes_per_s = 0.0
        self.times = {}                 # of each status: when it was first reported
        self.wants_postcopy = self.cell.postcopy == 'early'
        self.postcopy_begun = False
        self.notes = []
        self.on_path_open = lambda path: None

    def path_new(self, serial):
        cell, method = self.cell, self.method
        if method.path == 'relay':
            both_options = ['--capabilities', ','.join(self.capabilities()), *method.both_options]
            source_options = ['--vm', self.rig.guest.name, '--ram', str(self.rig.guest.ram_bytes), '--downtime-limit', f'{cell.downtime_ms}ms',
                              *(['--link', str(int(cell.rate))] if cell.rate else []), *method.relay_options, *cell.options]
            return RelayPath(self.rig, serial, cell.rate, cell.rtt_ms, source_options, both_options)
        return (ForwardPath if method.path == 'forward' else Path)(self.rig, serial, cell.rate, cell.rtt_ms)

    def capabilities(self):
        postcopy = ('postcopy-ram',) if self.cell.postcopy or self.cell.on_cannot_converge == 'postcopy' else ()
        return ('return-path', *self.method.capabilities, *postcopy)

    # --- from the beginning

    def start(self):
        """Returns when the source has been told to migrate."""
        rig = self.rig
        self.destination = Qemu(rig.guest, rig.beats, 'b' if self.source.side == 'a' else 'a', self.serial, rig.workdir,
                                rig.inbox, incoming=True)
        rig.others.append(self.destination)
        self.parameters_set()
        self.destination.command('migrate-incoming', uri=self.path.destination_uri)
        rig.paths.append(self.path)
        self.path.open()
        self.on_path_open(self.path)
        self.cpu_before = {'source_qemu': self.source.own_cpu_s(), 'machine': machine_busy_s(),
                           'guest': self.source.vcpu_cpu_s()}
        self.cpu_ready = {name: process.cpu_s() for name, process in self.path.processes().items()}
        self.begun = time.time()
        self.source.command('migrate', uri=self.path.source_uri)

    def parameters_set(self):
        cell = self.cell
        for qemu in (self.source, self.destination):
            qemu.capabilities_set(self.capabilities())
            if self.method.parameters:
                qemu.command('migrate-set-parameters', **self.method.parameters)
        self.switchover_bytes_per_s = cell.rate if self.method.path == 'relay' else 0
        self.source.command('migrate-set-parameters', max_bandwidth=0, max_postcopy_bandwidth=0,
                            downtime_limit=cell.downtime_ms,
                            avail_switchover_bandwidth=int(self.switchover_bytes_per_s))

    # --- what happens meanwhile

    def step(self, seconds=0.2):
        """Takes the next message, acts on it, returns it; None if there was none in time."""
        try:
            message = self.rig.inbox.get(timeout=max(0.001, seconds))
        except queue.Empty:
            return None
        event = message.body.get('event')
        if message.who == self.source.name:
            self.on_source(event, message)
        elif self.destination and message.who == self.destination.name:
            self.on_destination(event, message)
        elif self.path.kind == 'relay' and self.path.source_end and message.who == self.path.source_end.name:
            self.on_relay(event, message)
        return message

    def on_source(self, event, message):
        if event == 'MIGRATION':
            self.status = message.body['data']['status']
            self.times.setdefault(self.status, message.at)
            if self.status in ('completed', 'postcopy-active'):
                self.let_destination_run()
        elif event == 'MIGRATION_PASS':
            self.passes = message.body['data']['pass']
            if self.cell.postcopy == 'late' and self.passes >= 2:
                self.wants_postcopy = True
            elif self.cell.stuck_passes and self.status == 'active':
                self.remaining_note()
        elif event == 'GONE':
            self.status = 'gone'
        if self.wants_postcopy and not self.postcopy_begun and self.status == 'active':
            self.postcopy_start()

    def remaining_note(self):
        """A QEMU that does not answer at once is in its switchover: then it is not stuck."""
        try:
            ram = self.source.command('query-migrate', seconds=5).get('ram', {})
        except RigError as error:
            self.notes.append(str(error))
            return
        self.remaining.append(ram.get('remaining', 0))

    def is_stuck(self):
        """The latest passes have each left not less than some pass before them, and far more than the link carries in
        the downtime: a guest that writes always the same will not let it get better."""
        n = self.cell.stuck_passes
        if not n or len(self.remaining) <= n or self.postcopy_begun or self.status != 'active':
            return False
        fits = self.cell.rate * self.cell.downtime_ms / 1e3
        least_lately = min(self.remaining[-n:])
        return least_lately >= min(self.remaining[:-n]) and least_lately > STUCK_FACTOR * fits

    def on_destination(self, event, message):
        if event == 'MIGRATION':
            self.destination_status = message.body['data']['status']
            self.times.setdefault('destination ' + self.destination_status, message.at)
        elif event == 'RESUME':
            self.destination_runs = True
            self.times.setdefault('destination runs', message.at)
        elif event == 'GONE':
            self.destination_status = 'gone'

    def on_relay(self, event, message):
        if event == 'status':
            self.relay_status = message.body
            self.relay_wishes(message.body.get('switchover_bytes_per_s') or 0)
        elif event == 'state':
            self.relay_states.append(message.body['state'])
            self.times.setdefault('relay ' + message.body['state'], message.at)
        elif event == 'pass':
            self.relay_passes.append(message.body)
        elif event == 'ended':
            self.relay_ended = message.body
        elif event == 'cannot-converge':
            self.cannot_converge = message.body
            self.times.setdefault('cannot-converge', message.at)
            if self.cell.on_cannot_converge == 'postcopy':
                self.postcopy_start()
            elif self.cell.on_cannot_converge == 'abort':
                self.cancel()

    def relay_wishes(self, bytes_per_s):
        """The relay knows better than QEMU what the link will carry while the guest stands still."""
        before = self.switchover_bytes_per_s
        if bytes_per_s <= 0 or self.status != 'active' or abs(bytes_per_s - before) <= CHANGE_WORTH_TELLING * before:
            return
        try:
            self.source.command('migrate-set-parameters', avail_switchover_bandwidth=int(bytes_per_s))
            self.switchover_bytes_per_s = bytes_per_s
        except QmpError as error:
            self.notes.append(str(error))

    def postcopy_start(self):
        if self.postcopy_begun:
            return
        self.postcopy_begun = True
        try:
            self.source.command('migrate-start-postcopy')
        except QmpError as error:
            self.notes.append(str(error))

    def let_destination_run(self):
        """The source says that it will never go on by itself: management's word, as libvirt gives it."""
        try:
            self.destination.command('cont')
        except RigError as error:
            self.notes.append(str(error))

    def recover(self):
        """A post-copy that was interrupted, at both ends, goes on over a path of its own."""
        self.path.close()
        self.path = self.path_new(self.rig.next_serial())
        self.rig.paths.append(self.path)
        self.destination.command('migrate-recover', uri=self.path.destination_uri)
        self.path.open()
        self.source.command('migrate', uri=self.path.source_uri, resume=True)
        self.status = 'postcopy-recover'

    def cancel(self):
        try:
            self.source.command('migrate_cancel')
        except QmpError as error:
            self.notes.append(str(error))

    def until(self, what, condition, seconds=60):
        """Steps until condition() holds; RigError if it does not in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise RigError(f'waited {seconds} s in vain until {what}: migration {self.status}, '
                               f'relay {" ".join(self.relay_states)}')
            self.step(min(left, 0.2))

    # --- to the end

    def run(self):
        """Steps until it has ended, or its time is up and it is cancelled.  Returns 'completed', 'failed',
        'cancelled', 'cannot-converge', 'dnf' or 'postcopy-paused'."""
        deadline = time.monotonic() + self.cell.limit_s
        is_late = False
        while self.status not in ENDED and self.status not in ('postcopy-paused', 'gone'):
            self.step(min(0.1, max(0.0, deadline - time.monotonic())))
            for process in self.path.processes().values():
                process.look()
            if not is_late and self.is_stuck():
                self.notes.append(f'not less to send over {self.cell.stuck_passes} passes: '
                                  f'{", ".join(f"{left / 1e6:.1f}" for left in self.remaining)} MB')
                deadline = 0.0
            if time.monotonic() > deadline and not is_late:
                is_late = True
                deadline = time.monotonic()
                deadline += 60          # for the cancelling; a post-copy is let through
                if not self.postcopy_begun:
                    self.cancel()
            elif time.monotonic() > deadline:
                raise RigError(f'the migration neither ends nor can be cancelled: it is {self.status}')
        if self.status == 'completed' or self.status in ('postcopy-paused', 'gone'):
            return self.status
        # a migration that is cancelled may as well say that its channel failed
        if is_late:
            return 'dnf'
        return 'cannot-converge' if self.cannot_converge else self.status

    def finish(self):
        """Runs to the end, takes the figures, leaves one QEMU with the guest.  Returns the result."""
        rig = self.rig
        outcome = self.run()
        ended = time.time()
        result = {'outcome': outcome, 'way': self.way, 'total_ms': round((self.times.get(self.status, ended) - self.begun) * 1e3, 1)}
        self.figures_add(result)
        has_moved = outcome == 'completed'
        runs = self.destination if has_moved else self.source
        if outcome in ('postcopy-paused', 'gone'):
            result['notes'] = self.notes
            return result               # for whoever knows what to do with it; the rig is not whole now
        try:
            rig.beats.await_beat_from(runs.beat_host, 60)
            work = rig.beats.work
            rig.beats.await_more(AFTER_BEATS, 60)
            if wrong := rig.guest.check(rig.beats, work):
                self.notes.append(wrong)
                result['outcome'] = 'broken'
        except RigError as error:
            self.notes.append(str(error))
            result['outcome'] = 'lost'
        longest_ms, change_ms = rig.beats.gaps(self.begun, time.time())
        floor_ms, _ = rig.beats.gaps(max(self.begun - 5, rig.quiet_since), self.begun)
        result |= {'pause_ms': change_ms if has_moved else 0.0, 'longest_gap_ms': longest_ms, 'gap_before_ms': floor_ms}
        self.relays_end(result)
        if self.cell.verify and result['outcome'] != 'lost':
            result['verify'] = rig.guest.verify(rig.beats)
        if self.notes:
            result['notes'] = self.notes
        rig.settle(self, runs)
        return result

    def figures_add(self, result):
        """While everything still lives."""
        counts = self.path.link.counts()
        result |= {'wire_bytes': counts['forward_bytes'], 'back_bytes': counts['backward_bytes'], 'passes': self.passes,
                   'postcopy': self.postcopy_begun}
        try:
            told = self.source.migration()
            ram = told.get('ram', {})
            result |= {'downtime_ms': told.get('downtime'), 'setup_ms': told.get('setup-time'),
                       'qemu_total_ms': told.get('total-time'), 'ram_transferred_bytes': ram.get('transferred'),
                       'dirty_sync_count': ram.get('dirty-sync-count'), 'error': told.get('error-desc')}
        except RigError as error:
            self.notes.append(str(error))
        machine_s = machine_busy_s() - self.cpu_before['machine']
        guest_s = self.source.vcpu_cpu_s() - self.cpu_before['guest'] + self.destination.vcpu_cpu_s()
        cpu_s = {'source_qemu': self.source.own_cpu_s() - self.cpu_before['source_qemu'],
                 'destination_qemu': self.destination.own_cpu_s()}
        for name, process in self.path.processes().items():
            cpu_s[name] = process.cpu_s()
        result['cpu_s'] = cpu_s
        result['cpu_ready_s'] = self.cpu_ready      # of which was spent before the migration began
        result['cpu_others_s'] = max(0.0, machine_s - sum(cpu_s.values()) - guest_s - self.path.link.cpu_s())

    def relays_end(self, result):
        """A relay that had nothing more to do has ended by itself, with the right status."""
        for name, process in self.path.processes().items():
            if self.path.kind == 'relay':
                try:
                    status = process.wait(10)
                    result[name + '_status'] = status
                    if result['outcome'] == 'completed' and status != 0:
                        self.notes.append(f'{name} ended with {status}: {process.log_text()}')
                except RigError as error:
                    self.notes.append(str(error))
            process.look()
            result['cpu_s'][name] = max(result['cpu_s'][name], process.cpu_s())
            result.setdefault('peak_bytes', {})[name] = process.peak_bytes
        result.setdefault('peak_bytes', {})
        for name, qemu in (('source_qemu', self.source), ('destination_qemu', self.destination)):
            qemu.look()
            result['peak_bytes'][name] = qemu.peak_bytes
        if self.path.kind == 'relay':
            self.drain_inbox()
            result |= {'relay': self.relay_ended, 'relay_status': self.relay_status, 'relay_passes': self.relay_passes,
                       'cannot_converge': self.cannot_converge}
            if result['outcome'] == 'failed' and 'longer than its limit' in (self.relay_ended or {}).get('reason', ''):
                result['outcome'] = 'overrun'   # the relay kept the limit by giving up

    def drain_inbox(self):
        """Takes what has been said and not been looked at; a last look for late words of the relay."""
        while self.step(0.02):
            pass


class Rig:
    """Owns the working directory, the guest's beats, and every process."""

    def __init__(self, build, source_dir):
        self.build, self.source_dir = os.path.abspath(build), os.path.abspath(source_dir)
        self.lock = open(os.path.join(self.build, 'wire-rig.lock'), 'w', encoding='ascii')
        self.inbox = new_inbox()
        self.guest = self.beats = self.source = None
        self.observed = None            # of the guest that runs, for the method auto
        self.others, self.paths = [], []
        self.serial = 0
        self.quiet_since = 0.0          # since when no migration has disturbed the guest
        self.workdir = None

    def __enter__(self):
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RigError(f'another rig is at work on {self.build}: wait for its end') from error
        self.workdir = tempfile.mkdtemp(prefix='godwit-rig-')
        try:
            os.setpriority(os.PRIO_PROCESS, 0, -5)
        except OSError:
            pass                        # only root may; gaps are stamped by the kernel anyway
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.workdir, ignore_errors=True)
        self.lock.close()

    def next_serial(self):
        self.serial += 1
        return self.serial

    def start(self, guest):
        """Boots the guest; returns when it is ready.  One that ran before is stopped."""
        self.stop()
        self.guest, self.beats = guest, Beats(guest.name)
        self.source = Qemu(guest, self.beats, 'a', f'{self.next_serial()}', self.workdir, self.inbox)
        guest.await_ready(self.beats)
        self.observed = None
        self.quiet_since = time.time()

    def observation(self):
        """What the guest does to its memory, measured when it is first asked for; a guest keeps it as it moves."""
        self.observed = self.observed or rig_auto.observe(self) or rig_auto.observe(self)
        if not self.observed:
            raise RigError('the guest was observed twice, but nothing of what it writes: the machine is too busy')
        return self.observed

    def migrate(self, cell):
        """One migration from beginning to end: the result as a dict."""
        migration = Migration(self, cell)
        migration.start()
        return {'cell': cell.__dict__.copy()} | migration.finish()

    def settle(self, migration, runs):
        """After a migration: 'runs' has the guest; all else of it goes."""
        for qemu in (migration.source, migration.destination):
            if qemu is not runs:
                qemu.kill()
        migration.path.close()
        self.paths = [path for path in self.paths if path is not migration.path]
        self.others = [qemu for qemu in self.others if qemu.is_alive() and qemu is not runs]
        self.source = runs
        self.quiet_since = time.time()
        while not self.inbox.empty():
            self.inbox.get_nowait()

    def stop(self):
        """Kills everything."""
        for path in self.paths:
            path.close()
        for qemu in [self.source, *self.others]:
            if qemu:
                qemu.kill()
        if self.beats:
            self.beats.socket.close()
        self.paths, self.others, self.source, self.beats = [], [], None, None
