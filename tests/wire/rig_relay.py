# SPDX-License-Identifier: Apache-2.0
"""What lies between two QEMUs: a slow link, and at its ends nothing, a pair of relays, or a pair of plain forwarders in
the relays' place (to know what of a result is the detour and what the relay).

        source QEMU --unix--> source relay --tcp--> slow link --tcp--> destination relay --unix--> destination QEMU

Path is the common shape: source_uri is where the source's QEMU migrates to, destination_uri where the destination's
QEMU listens (it must before open() is called), processes() what to measure and to kill."""
import json
import os
import secrets

from rig_process import SlowLink, Speaker


class Path:
    """Straight through the slow link."""

    kind = 'direct'

    def __init__(self, rig, serial, rate, rtt_ms):
        self.rig, self.serial = rig, serial
        self.rate, self.rtt_ms = rate, rtt_ms
        self.destination_socket = os.path.join(rig.workdir, f'dst-{serial}.sock')
        self.destination_uri = f'unix:{self.destination_socket}'
        self.link = None

    def link_open(self, to):
        self.link = SlowLink(self.rig.build, '127.0.0.1:0', to, self.rig.workdir, self.rig.inbox, self.rate,
                             self.rtt_ms, name=f'link-{self.serial}')

    def open(self):
        self.link_open(self.destination_socket)
        self.source_uri = f'tcp:127.0.0.1:{self.link.port}'

    def processes(self):
        """{name in results: process}, without the link."""
        return {}

    def close(self):
        for process in [*self.processes().values(), self.link]:
            if process:
                process.kill()
        for path in (self.destination_socket, getattr(self, 'source_socket', '')):
            if path and os.path.exists(path):
                os.unlink(path)


class ForwardPath(Path):
    """Two forwarders without rate or delay where the relays would be."""

    kind = 'forward'
    source_end = destination_end = None

    def open(self):
        self.source_socket = os.path.join(self.rig.workdir, f'src-{self.serial}.sock')
        self.source_uri = f'unix:{self.source_socket}'
        self.destination_end = SlowLink(self.rig.build, '127.0.0.1:0', self.destination_socket, self.rig.workdir,
                                        self.rig.inbox, name=f'destination-end-{self.serial}')
        self.link_open(f'127.0.0.1:{self.destination_end.port}')
        self.source_end = SlowLink(self.rig.build, self.source_socket, f'127.0.0.1:{self.link.port}',
                                   self.rig.workdir, self.rig.inbox, name=f'source-end-{self.serial}')

    def processes(self):
        return {'source_relay': self.source_end, 'destination_relay': self.destination_end}


class RelayPath(Path):
    """A pair of `godwit relay`."""

    kind = 'relay'
    source_end = destination_end = None

    def __init__(self, rig, serial, rate, rtt_ms, source_options, both_options, nice=0):
        super().__init__(rig, serial, rate, rtt_ms)
        self.source_options, self.both_options, self.nice = source_options, both_options, nice
        self.key = secrets.token_hex(32)
        self.source_socket = os.path.join(rig.workdir, f'src-{serial}.sock')
        self.source_uri = f'unix:{self.source_socket}'

    def relay(self, end, options):
        name = f'{end}-relay-{self.serial}'
        argv = [os.path.join(self.rig.build, 'godwit'), 'relay', end, *options, '--key-file', '-', *self.both_options]
        process = Speaker(name, argv, os.path.join(self.rig.workdir, name + '.log'), self.rig.inbox, self.nice)
        process.say(self.key)
        return process

    def open(self):
        self.destination_end = self.relay('destination', ['--socket', self.destination_socket, '--listen', '127.0.0.1:0'])
        port = self.destination_end.await_event('ready')['port']
        self.link_open(f'127.0.0.1:{port}')
        self.source_end = self.relay('source', ['--socket', self.source_socket, '--peer', f'127.0.0.1:{self.link.port}',
                                                *self.source_options])
        self.source_end.await_event('ready')

    def command(self, **body):
        self.source_end.say(json.dumps(body))

    def processes(self):
        return {'source_relay': self.source_end, 'destination_relay': self.destination_end}
