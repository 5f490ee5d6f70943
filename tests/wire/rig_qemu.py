# SPDX-License-Identifier: Apache-2.0
"""One QEMU of the rig, spoken to over QMP.

Commands that must be heard while the main loop stands still go out of band: the destination of a post-copy may itself
wait for a page that only a recovered migration brings.

GODWIT_QEMU in the environment names another program than qemu-system-x86_64.

Answers are waited for by whoever asks; events go into the rig's inbox.  While QEMU is in its switchover it may not
answer for as long as the guest stands still, so command() has a generous limit and the caller a choice."""
import json
import os
import queue
import socket
import threading
import time

from rig_process import Message, Process, RigError, cpu_of_stat

MIB = 1 << 20
OUT_OF_BAND = ('migrate-recover', 'migrate-pause')
HOST_OF_SIDE = {'a': '127.0.0.2', 'b': '127.0.0.3'}     # where beats of alternating QEMUs come from


class QmpError(RigError):
    """QEMU refused a command."""


class Qmp:
    """A connection: a thread sorts what comes into answers and events."""

    def __init__(self, path, name, inbox):
        self.name, self.inbox = name, inbox
        self.answers, self.next_id = queue.Queue(), 0
        self.is_closed = False
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise RigError(f'{name} does not listen on {path}') from error
                time.sleep(0.01)
        self.file = self.socket.makefile('rb')
        self.file.readline()
        threading.Thread(target=self.listen, daemon=True).start()
        self.command('qmp_capabilities', enable=['oob'])

    def listen(self):
        try:
            for line in self.file:
                body = json.loads(line)
                if 'event' in body:
                    self.inbox.put(Message(self.name, body))
                else:
                    self.answers.put(body)
        except (OSError, ValueError):
            pass
        self.answers.put({'error': {'desc': 'QEMU has gone'}})
        if not self.is_closed:
            self.inbox.put(Message(self.name, {'event': 'GONE'}))

    def answer_of(self, ident, seconds):
        """The answer to this request; one that comes too late for its own is dropped."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.answers.get(timeout=max(0.0, deadline - time.monotonic()))
            if answer.get('id', ident) == ident:
                return answer

    def command(self, name, seconds=60, **arguments):
        self.next_id += 1
        request = {'exec-oob' if name in OUT_OF_BAND else 'execute': name, 'id': self.next_id}
        if arguments:
            request['arguments'] = {key.replace('_', '-'): value for key, value in arguments.items()}
        try:
            self.socket.sendall(json.dumps(request).encode() + b'\n')
            answer = self.answer_of(self.next_id, seconds)
        except OSError as error:
            raise QmpError(f'{self.name}: {name}: {error}') from error
        except queue.Empty as error:
            raise RigError(f'{self.name} did not answer {name} in {seconds} s') from error
        if 'error' in answer:
            raise QmpError(f'{self.name}: {name}: {answer["error"]["desc"]}')
        return answer['return']

    def close(self):
        self.is_closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Qemu(Process):
    """A QEMU with the rig's guest.  'side' is a or b: it alternates along a chain of migrations, and says where beats
    come from.  With 'incoming' it waits for a migration and does not run before it is told to (-S)."""

    def __init__(self, guest, beats, side, serial, workdir, inbox, incoming=False):
        self.side, self.beat_host = side, HOST_OF_SIDE[side]
        name = f'qemu-{serial}'
        self.qmp_path = os.path.join(workdir, name + '.qmp')
        argv = [os.environ.get('GODWIT_QEMU', 'qemu-system-x86_64'), '-name', f'{name},debug-threads=on',
                '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-machine', 'pc', '-m', str(guest.ram_bytes // MIB),
                *guest.qemu_arguments(),
                '-netdev', f'dgram,id=n0,local.type=inet,local.host={self.beat_host},local.port=0,remote.type=inet,'
                           f'remote.host=127.0.0.1,remote.port={beats.port}',
                '-device', 'virtio-net-pci,netdev=n0,mac=52:54:00:77:00:01,romfile=',
                '-chardev', f'file,id=s0,path={os.path.join(workdir, "console")},append={"on" if incoming else "off"}',
                '-serial', 'chardev:s0',
                '-qmp', f'unix:{self.qmp_path},server=on,wait=off']
        if incoming:
            argv += ['-incoming', 'defer', '-S']
        super().__init__(name, argv, os.path.join(workdir, name + '.log'))
        try:
            self.qmp = Qmp(self.qmp_path, name, inbox)
        except BaseException:
            self.kill()
            raise

    def command(self, name, seconds=60, **arguments):
        return self.qmp.command(name, seconds, **arguments)

    def reconnect(self):
        """As a controller does that comes after one that was killed."""
        self.qmp.close()
        self.qmp = Qmp(self.qmp_path, self.name, self.qmp.inbox)

    def capabilities_set(self, names):
        """Those named on, with events; all others off."""
        known = [row['capability'] for row in self.command('query-migrate-capabilities')]
        wanted = set(names) | {'events'}
        self.command('migrate-set-capabilities', capabilities=[
            {'capability': name, 'state': name in wanted} for name in known if name in wanted or name in (
                'xbzrle', 'multifd', 'postcopy-ram', 'postcopy-preempt', 'return-path')])

    def status(self):
        return self.command('query-status')['status']

    def migration(self):
        return self.command('query-migrate')

    def vcpu_cpu_s(self):
        """CPU seconds of the threads that run the guest, so that what the migration costs can be told from it."""
        total = 0.0
        base = f'/proc/{self.pid}/task'
        try:
            for task in os.listdir(base):
                with open(f'{base}/{task}/comm', encoding='ascii', errors='replace') as comm:
                    if comm.read().startswith('CPU '):
                        total += cpu_of_stat(f'{base}/{task}/stat')
        except OSError:
            pass
        return total

    def own_cpu_s(self):
        """CPU seconds that are not the guest's."""
        return self.cpu_s() - self.vcpu_cpu_s()

    def kill(self):
        if hasattr(self, 'qmp'):
            self.qmp.close()
        super().kill()
