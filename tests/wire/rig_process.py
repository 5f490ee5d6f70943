# SPDX-License-Identifier: Apache-2.0
"""Processes of the rig: started, measured, and gone with it.

A Process dies with the rig, even if the rig is killed (PR_SET_PDEATHSIG); what it used of CPU and memory is known also
after its end.  A Speaker is one that prints JSON lines and takes lines on its standard input.  All that any of them
says goes, stamped, into one queue of the rig, so that the rig has a single thing to wait for."""
import ctypes
import json
import os
import queue
import signal
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
TICKS_PER_S = os.sysconf('SC_CLK_TCK')
libc = ctypes.CDLL(None)


class RigError(Exception):
    """Something that should work did not: what, where, what to look at."""


class Message:
    """What 'who' said at 'at' (seconds, time.time()): a dict.  {'event': 'exit', 'status': N} is a process's last."""

    def __init__(self, who, body):
        self.who = who
        self.body = body
        self.at = time.time()

    def __repr__(self):
        return f'{self.who}: {self.body}'


def cpu_of_stat(path):
    """CPU seconds of a /proc/.../stat file, 0 when it is gone."""
    try:
        with open(path, encoding='ascii', errors='replace') as file:
            fields = file.read().rpartition(')')[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def status_field(pid, name):
    """A kB field of /proc/PID/status in bytes, 0 when it is gone."""
    try:
        with open(f'/proc/{pid}/status', encoding='ascii', errors='replace') as file:
            for line in file:
                if line.startswith(name + ':'):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class Process:
    """A child that is niced and dies with us.  Start it from the main thread: the kernel watches the thread, not us."""

    def __init__(self, name, argv, log_path, nice=0, **popen):
        def before_exec():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.setpriority(os.PRIO_PROCESS, 0, nice)

        self.name = name
        self.log_path = log_path
        self.peak_bytes = 0
        self.used_cpu_s = None          # known exactly once it has ended
        with open(log_path, 'ab') as log:
            self.child = subprocess.Popen(argv, stderr=log, preexec_fn=before_exec, **popen)
        self.pid = self.child.pid

    def cpu_s(self):
        """CPU seconds so far, of all its threads."""
        return self.used_cpu_s if self.used_cpu_s is not None else cpu_of_stat(f'/proc/{self.pid}/stat')

    def look(self):
        """Keeps the peak of its memory; call now and then, and before it ends."""
        self.peak_bytes = max(self.peak_bytes, status_field(self.pid, 'VmHWM'))

    def is_alive(self):
        return self.poll() is None

    def poll(self):
        """Exit status, None while it runs."""
        if self.used_cpu_s is None:
            self.reap(os.WNOHANG)
        return self.child.returncode

    def reap(self, flags):
        try:
            pid, status, usage = os.wait4(self.pid, flags)
        except ChildProcessError:
            pid, status, usage = self.pid, 0, None
        if pid == self.pid:
            self.used_cpu_s = usage.ru_utime + usage.ru_stime if usage else 0.0
            self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024 if usage else 0)
            self.child.returncode = os.waitstatus_to_exitcode(status)

    def wait(self, seconds):
        """Exit status; a RigError when it has not ended by then."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise RigError(f'{self.name} (process {self.pid}) does not end: see {self.log_path}')
            time.sleep(0.005)
        return self.child.returncode

    def signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """Kills it, unless it has ended, and waits until it is gone."""
        if self.poll() is None:
            self.look()
            os.kill(self.pid, signal.SIGKILL)
            self.reap(0)
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    pass

    def log_text(self):
        """The end of what it complained about."""
        try:
            with open(self.log_path, encoding='utf-8', errors='replace') as log:
                return log.read()[-600:].strip()
        except OSError:
            return ''


class Speaker(Process):
    """A process that prints JSON lines.  They are put into 'inbox' as Messages; the latest of each event is kept."""

    def __init__(self, name, argv, log_path, inbox, nice=0):
        super().__init__(name, argv, log_path, nice, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.inbox = inbox
        self.latest = {}
        self.arrived = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.child.stdout:
            try:
                body = json.loads(line)
            except ValueError:
                body = {'event': 'garbage', 'text': line.decode(errors='replace').strip()}
            with self.arrived:
                self.latest[body.get('event')] = body
                self.arrived.notify_all()
            self.inbox.put(Message(self.name, body))
        with self.arrived:
            self.latest['exit'] = {}
            self.arrived.notify_all()
        self.inbox.put(Message(self.name, {'event': 'exit'}))

    def say(self, line):
        try:
            self.child.stdin.write(line.encode() + b'\n')
            self.child.stdin.flush()
        except (OSError, ValueError):
            pass                        # it has gone: its exit is told by the inbox

    def desert(self):
        """As if we had been killed: nobody listens to it or speaks to it any more."""
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, self.child.stdout.fileno())
        os.close(nothing)
        self.child.stdin.close()

    def await_event(self, event, seconds=10):
        """The next message of this kind; RigError when it ends or time runs out."""
        deadline = time.monotonic() + seconds
        with self.arrived:
            while event not in self.latest:
                left = deadline - time.monotonic()
                if left <= 0 or 'exit' in self.latest:
                    raise RigError(f'{self.name} did not say "{event}": {self.log_text() or "nothing on stderr"}')
                self.arrived.wait(left)
            return self.latest[event]

    def ask(self, line, event, seconds=10):
        """Says 'line' and returns the answer."""
        with self.arrived:
            self.latest.pop(event, None)
        self.say(line)
        return self.await_event(event, seconds)


class SlowLink(Speaker):
    """lab/slow-link, see there for the commands."""

    def __init__(self, build, listen, to, workdir, inbox, rate=0, rtt_ms=0, name='link'):
        super().__init__(name, [os.path.join(build, 'lab/slow-link'), '--listen', listen, '--to', to, '--rate', str(rate),
                                '--rtt', str(rtt_ms)], os.path.join(workdir, name + '.log'), inbox, nice=-10)
        self.port = self.await_event('ready')['port']

    def counts(self):
        return self.ask('counts', 'counts')


def machine_busy_s():
    """CPU seconds that all processors together have been busy since boot."""
    with open('/proc/stat', encoding='ascii') as file:
        fields = [int(field) for field in file.readline().split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / TICKS_PER_S


def new_inbox():
    return queue.Queue()
