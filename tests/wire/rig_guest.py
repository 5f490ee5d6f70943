# SPDX-License-Identifier: Apache-2.0
"""Guests of the rig, and how they are heard.

A guest is a parameter of the rig: it knows the QEMU arguments it needs, when it is ready, and how it is verified.
LabGuest is the lab's: loads by name, heartbeats every 10 ms, a check of all its memory.  Another one has to offer the
same members (see class Guest).

Beats stamps heartbeats in the kernel as they arrive, by the host's clock, so that a Python thread that runs late does
not make a gap.  A beat says by the address it comes from which side sent it: the source's QEMU uses one loopback
address, the destination's another."""
import abc
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from bisect import bisect_left

from rig_process import RigError

SO_TIMESTAMPNS = getattr(socket, 'SO_TIMESTAMPNS', 35)
MIB = 1 << 20
HEAD = struct.Struct('<6s6s2sIHH32s')   # beat-wire.h: struct BeatHead
BEAT = struct.Struct('<IIQQQQ')         # what follows it in a beat
VERDICT = struct.Struct('<II')
MAGIC, VERSION, ETHERTYPE = 0x54574447, 1, b'\x88\xb5'
KIND_BEAT, KIND_VERIFY, KIND_VERDICT = 1, 2, 3
FLAG_READY, FLAG_EXEC_ENDED, FLAG_WRONG_SUM = 1, 8, 16
WORK_SECONDS = 30               # after a migration the load must have done something by then


class Beats:
    """Hears one guest for as long as the rig lives; safe to ask from the main thread at any time."""

    def __init__(self, name):
        self.name = name.encode()
        self.lock = threading.Condition()
        self.times, self.sides = [], []         # seconds since the epoch, and the address the beat came from
        self.is_ready, self.wrong_sum, self.exec_ended, self.work, self.boots = False, False, False, 0, set()
        self.seqs_repeated, self.last_seq = 0, -1
        self.verdicts, self.source, self.next_id = {}, None, int(time.time()) & 0xffffff
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                frame, extra, _, source = self.socket.recvmsg(2048, 256)
            except OSError:
                return
            at = time.time()
            for _, kind, data in extra:
                if kind == SO_TIMESTAMPNS and len(data) >= 16:
                    seconds, nanoseconds = struct.unpack('qq', data[:16])
                    at = seconds + nanoseconds / 1e9
            if len(frame) < HEAD.size:
                continue
            _, _, _, magic, version, kind, name = HEAD.unpack_from(frame)
            if magic != MAGIC or version != VERSION or name.rstrip(b'\0') != self.name:
                continue                        # QEMU's own announcements after a migration
            with self.lock:
                if kind == KIND_BEAT:
                    self.take_beat(frame, at, source)
                elif kind == KIND_VERDICT:
                    self.take_verdict(frame)
                self.lock.notify_all()

    def take_beat(self, frame, at, source):
        boot, flags, seq, _, self.work, _ = BEAT.unpack_from(frame, HEAD.size)
        self.times.append(at)
        self.sides.append(source[0])
        self.source = source
        self.boots.add(boot)
        self.is_ready = bool(flags & FLAG_READY)
        self.wrong_sum = bool(flags & FLAG_WRONG_SUM)
        self.exec_ended = bool(flags & FLAG_EXEC_ENDED)
        self.seqs_repeated += seq <= self.last_seq
        self.last_seq = max(seq, self.last_seq)

    def take_verdict(self, frame):
        ident, wrong = VERDICT.unpack_from(frame, HEAD.size)
        self.verdicts[ident] = (wrong, frame[HEAD.size + VERDICT.size:].split(b'\0')[0].decode(errors='replace'))

    def wait_for(self, what, seconds, condition):
        with self.lock:
            if not self.lock.wait_for(condition, seconds):
                raise RigError(f'the guest is not {what} after {seconds} s')

    def await_beat_from(self, side, seconds):
        """Until the guest beats from there."""
        self.wait_for(f'heard from {side}', seconds, lambda: self.sides and self.sides[-1] == side)

    def await_more(self, count, seconds):
        """Until that many more beats have come: it runs."""
        target = len(self.times) + count
        self.wait_for('beating', seconds, lambda: len(self.times) >= target)

    def order_verify(self, seconds=60):
        """Asks the guest to check itself; returns (number of differences, text)."""
        self.next_id += 1
        ident = self.next_id
        head = HEAD.pack(b'\xff' * 6, b'\x52\x54\x00\x77\xff\xff', ETHERTYPE, MAGIC, VERSION, KIND_VERIFY, self.name)
        deadline = time.monotonic() + seconds
        with self.lock:
            while ident not in self.verdicts:
                if time.monotonic() > deadline:
                    raise RigError(f'the guest gave no verdict in {seconds} s')
                self.socket.sendto(head + VERDICT.pack(ident, 0), self.source)
                self.lock.wait_for(lambda: ident in self.verdicts, 0.5)
            return self.verdicts[ident]

    def gaps(self, since, until):
        """(longest gap, the gap at the change of sides or None) among beats since and until these times, in ms.  The
        gap that is under way at 'until' counts."""
        with self.lock:
            times, sides = self.times[:], self.sides[:]
        first = max(1, bisect_left(times, since))
        longest, change = 0.0, None
        for i in range(first, len(times)):
            gap = (times[i] - times[i - 1]) * 1e3
            if times[i - 1] > until:
                break
            longest = max(longest, gap)
            if sides[i] != sides[i - 1]:
                change = max(change or 0.0, gap)
        if times and times[-1] < until:
            longest = max(longest, (until - times[-1]) * 1e3)
        return longest, change


class Guest(abc.ABC):
    """What the rig asks of a guest."""

    name = 'guest'              # of its heartbeats
    ram_bytes = 0
    is_steady = True            # what it writes in a second is always the same

    @abc.abstractmethod
    def qemu_arguments(self):
        """What to boot: -kernel, -initrd, -drive ...; without network card, memory size and accelerator."""

    @abc.abstractmethod
    def await_ready(self, beats):
        """Returns when its load runs."""

    @abc.abstractmethod
    def check(self, beats, work):
        """After every migration, quickly, without stopping the load: None, or what is wrong with a guest whose work
        was at 'work' when it came."""

    @abc.abstractmethod
    def verify(self, beats):
        """'OK', or what is wrong.  The load goes on afterwards."""


def lab_loads(build):
    """The lab's loads by name: {name: bytes of the area}."""
    lines = subprocess.run([os.path.join(build, 'lab/lab-guest'), '--loads'], check=True, capture_output=True, text=True)
    return {line.split()[0]: int(line.split()[1]) for line in lines.stdout.splitlines()}


def lab_image(build, source_dir, workdir):
    """The lab's kernel and base archive, made if need be, in 'workdir'."""
    script = '. "$LAB_HOME/lib/lab-common.sh"; . "$LAB_HOME/lib/lab-image.sh"; image_make; domain_type'
    environment = dict(os.environ, LAB_HOME=os.path.join(source_dir, 'lab'), LAB_BUILD=build, LAB_SHARED=workdir,
                       PATH=os.environ['PATH'] + ':/usr/sbin:/sbin', LC_ALL='C')
    result = subprocess.run(['bash', '-euo', 'pipefail', '-c', script], env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        raise RigError(f'the guest\'s image cannot be made: {result.stderr.strip()}')
    return result.stdout.split()[-1]


class LabGuest(Guest):
    """A guest of the lab.  About 150 MB of its memory hold something that is never written: the system, 28 MiB that
    cannot be compressed, 8 MiB of them twice, and 28 MiB of text.  The load's area comes on top."""

    ram_bytes = 384 * MIB

    def __init__(self, build, source_dir, workdir, load, seed=4711):
        self.build, self.source_dir, self.workdir = build, source_dir, workdir
        self.name = f'rig-{load}'
        self.accelerator = 'kvm' if lab_image(build, source_dir, workdir) == 'kvm' else 'tcg'
        self.settings = {'name': self.name, 'seed': seed, 'vcpus': 1, 'fill': 28 * MIB, 'fill_text': 28 * MIB,
                         'fill_copies': 8 * MIB}
        self.has_work = load != 'idle'
        self.initrd_make(self.load_files(load))

    def load_files(self, load):
        """Tells the load: by a setting.  Returns more of the guest's files: {path: text}."""
        if load not in (areas := lab_loads(self.build)):
            raise RigError(f'there is no load "{load}": there are {", ".join(areas)}')
        self.settings['load'] = load
        return {}

    def initrd_parts(self):
        """Archives that come before the guest's own."""
        return [os.path.join(self.workdir, 'base.cpio')]

    def initrd_make(self, files):
        files['etc/lab.conf'] = ''.join(f'{key}={value}\n' for key, value in self.settings.items())
        with tempfile.TemporaryDirectory(dir=self.workdir) as root:
            os.mkdir(os.path.join(root, 'etc'))
            for path, text in files.items():
                with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
                    file.write(text)
            own = subprocess.run(['cpio', '--quiet', '-o', '-H', 'newc', '-R', '0:0'], cwd=root, check=True,
                                 input='\n'.join(['etc', *files]).encode(), capture_output=True).stdout
        self.initrd = os.path.join(self.workdir, 'initrd')
        with open(self.initrd, 'wb') as out:
            for part in self.initrd_parts():
                with open(part, 'rb') as archive:
                    shutil.copyfileobj(archive, out)
            out.write(own)

    def qemu_arguments(self):
        return ['-accel', self.accelerator, '-cpu', 'host' if self.accelerator == 'kvm' else 'qemu64',
                '-smp', '1', '-kernel', os.path.join(self.workdir, 'vmlinuz'), '-initrd', self.initrd,
                '-append', 'console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off tsc=reliable '
                           'random.trust_cpu=on audit=0']

    def await_ready(self, beats):
        beats.wait_for('ready', 120, lambda: beats.is_ready)

    def check(self, beats, work):
        if len(beats.boots) != 1:
            return 'the guest has booted again'
        if beats.wrong_sum:
            return 'a read pass of the load met a wrong sum'
        try:
            beats.wait_for('at work', WORK_SECONDS, lambda: beats.work > work or beats.exec_ended or not self.has_work)
        except RigError:
            return f'the guest has done nothing for {WORK_SECONDS} s: {self.said()}'
        return self.said() if beats.exec_ended else None

    def said(self):
        """The end of its console."""
        with open(os.path.join(self.workdir, 'console'), encoding='utf-8', errors='replace') as console:
            return ' / '.join(console.read().split('\n')[-4:]).strip(' /') or 'nothing on its console'

    def verify(self, beats):
        wrong, text = beats.order_verify()
        return 'OK' if wrong == 0 else f'{wrong} differences: {text}'


class DebianGuest(LabGuest):
    """A lab guest in which a Debian installs packages or writes a database (bench/wire/debian-guest).  It checks what is
    written once; what its programs do they notice themselves, and end."""

    ram_bytes = 768 * MIB
    is_steady = False
    loads = ('install', 'database')

    def load_files(self, load):
        script = os.path.join(self.source_dir, 'bench/wire/debian-guest')
        self.directory = os.path.join(self.build, 'bench/debian-guest')
        made = subprocess.run([script, 'make', self.directory], capture_output=True, text=True)
        if made.returncode != 0:
            raise RigError(f'no Debian guest: {made.stderr.strip()[-300:]}')
        told = subprocess.run([script, 'exec', load], check=True, capture_output=True, text=True)
        self.settings['exec'] = 1
        return {'etc/lab.exec': told.stdout}

    def initrd_parts(self):
        return [*super().initrd_parts(), os.path.join(self.directory, 'debian.cpio')]

    def qemu_arguments(self):
        image = os.path.join(self.directory, 'debian.img')
        return [*super().qemu_arguments(), '-drive', f'if=none,id=d0,format=raw,readonly=on,file.locking=off,file={image}',
                '-device', 'virtio-blk-pci,drive=d0']

    def await_ready(self, beats):
        super().await_ready(beats)
        beats.wait_for('at work', 300, lambda: beats.work > 0 or beats.exec_ended)
        if beats.exec_ended:
            raise RigError(self.said())

    def verify(self, beats):
        return self.check(beats, beats.work) or super().verify(beats)


def guest_of_load(build, source_dir, workdir, load):
    """The guest that runs this load."""
    return (DebianGuest if load in DebianGuest.loads else LabGuest)(build, source_dir, workdir, load)
