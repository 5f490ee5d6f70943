# SPDX-License-Identifier: Apache-2.0
"""The rig's method "auto": the way that a plan with --relay auto would take, found as a plan finds it.

The guest's QEMU is observed by `godwit agent`, once after it has booted; then `godwit relay choose` is asked with the
link of the cell.  What a plan knows from hosts is the rig's to say: source and destination share this machine's cores,
so each has half of those that the guest leaves."""
import json
import os
import subprocess
import time

from rig_process import RigError, Speaker, new_inbox

OBSERVED_S = 6                  # a plan takes 10, with a third of the budget
SCAN_NS, PERIOD_NS = 50_000_000, 1_000_000_000
CPU_BUDGET = 0.03
METHOD_OF_WAY = {'plain': 'plain', 'relay': 'relay', 'multifd': 'multifd-zstd'}
LATEST = {                      # what is known better with each period: the option of `godwit relay choose` that takes it
    'write_set_bytes': '--working-set',
    'used_share': '--used-share',
    'compressed_share': '--compressed-share',
}


def periods_of(agent):
    """What the agent says until it is done."""
    periods, deadline = [], time.monotonic() + OBSERVED_S + 20
    while True:
        body = agent.inbox.get(timeout=max(0.1, deadline - time.monotonic())).body
        if body.get('event') == 'period':
            periods.append(body)
        elif body.get('event') == 'done':
            return periods
        elif body.get('event') in ('gone', 'unobserved', 'exit') or 'error' in body:
            raise RigError(f'the guest was not observed: {body.get("message") or body.get("error") or agent.log_text()}')


def figures_of(periods):
    """{option: value}, as a Profile is made of periods: rates are means over windows."""
    told = {option: values[-1] for name, option in LATEST.items()
            if (values := [period[name] for period in periods if period.get(name) is not None])}
    windows = [(period['write_windows'], period['written_pages_per_s'], period['dirty_bytes_per_page'])
               for period in periods if period.get('written_pages_per_s') is not None]
    if not windows:
        return {}               # a busy machine left no CPU time for it
    told['--dirty-pages'] = sum(count * pages for count, pages, _ in windows) / sum(count for count, _, _ in windows)
    weights = [(count * pages, dirty) for count, pages, dirty in windows if dirty is not None]
    if weights:
        told['--dirty-bytes'] = sum(weight * dirty for weight, dirty in weights) / sum(weight for weight, _ in weights)
    return told


def observe(rig):
    """{option: value} of the guest that runs."""
    qemu = rig.source
    agent = Speaker('agent', [os.path.join(rig.build, 'godwit'), 'agent'], os.path.join(rig.workdir, 'agent.log'),
                    new_inbox())
    began, guest_s = time.monotonic(), qemu.vcpu_cpu_s()
    try:
        agent.say(json.dumps({'id': 1, 'method': 'observe', 'params': {
            'scan_ns': SCAN_NS, 'period_ns': PERIOD_NS, 'window_ns': OBSERVED_S * PERIOD_NS, 'cpu_budget': CPU_BUDGET,
            'seed': 1, 'endless': False,
            'vms': [{'name': rig.guest.name, 'uuid': '', 'pid': qemu.pid, 'ram_bytes': rig.guest.ram_bytes}]}}))
        periods = periods_of(agent)
    finally:
        agent.kill()
    if not (told := figures_of(periods)):
        return {}
    guest_cpus = (qemu.vcpu_cpu_s() - guest_s) / (time.monotonic() - began)
    told['--source-cpus'] = told['--destination-cpus'] = max(0.0, (os.cpu_count() - guest_cpus) / 2)
    return told


def choose(rig, cell):
    """What `godwit relay choose` says of this cell, and what it was told."""
    options = dict(rig.observation()) | {'--ram': rig.guest.ram_bytes, '--link': int(cell.rate) or 10**11, '--downtime-limit': f'{cell.downtime_ms}ms',
                '--algorithm': 'hybrid' if cell.postcopy else 'pre-copy'}
    if '--working-set' in options:
        options['--working-set'] = int(options['--working-set'])
    argv = [os.path.join(rig.build, 'godwit'), 'relay', 'choose', '--json']
    for option, value in options.items():
        argv += [option, f'{value:.4g}' if isinstance(value, float) else str(value)]
    asked = subprocess.run(argv, capture_output=True, text=True)
    if asked.returncode != 0:
        raise RigError(f'godwit relay choose: {asked.stderr.strip()}')
    return json.loads(asked.stdout) | {'told': options}
