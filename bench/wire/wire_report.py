# SPDX-License-Identifier: Apache-2.0
"""The report of the bench: medians with the least and the most, for people (Markdown) and for programs (CSV, JSON).

summary_of() makes of the runs one dict of figures for each cell, which is also what the targets are judged by."""
import collections
import csv
import json
import statistics

from wire_plan import ALONE, LOADS, METHODS_OF_ALL

FIGURES = ('total_ms', 'wire_mb', 'pause_ms', 'longest_gap_ms', 'downtime_ms', 'source_cpu_s', 'destination_cpu_s',
           'source_peak_mb', 'destination_peak_mb', 'relay_source_peak_mb', 'relay_destination_peak_mb', 'cpu_others_s')


def summary_of(runs):
    """{cell: figures}: medians of what completed, and its least and most; a cell is DNF when most of its runs are."""
    cells = collections.defaultdict(list)
    for run in runs:
        cells[(run['load'], run['link'], run['rtt'], run['method'])].append(run)
    summary = {}
    for key, of_cell in cells.items():
        done = [run for run in of_cell if run['outcome'] == 'completed']
        others = collections.Counter(run['outcome'] for run in of_cell if run['outcome'] != 'completed')
        figures = {'runs': len(of_cell), 'completed': len(done), 'others': dict(others)}
        figures['outcome'] = 'completed' if len(done) * 2 > len(of_cell) else others.most_common(1)[0][0]
        figures['ways'] = sorted({run['way']['way'] for run in of_cell if run.get('way')})
        for name in FIGURES:
            values = [run[name] for run in (done or of_cell) if run.get(name) is not None]
            if values:
                figures[name] = statistics.median(values)
                figures[name + '_least'], figures[name + '_most'] = min(values), max(values)
        figures['of'] = of_cell
        summary[key] = figures
    return summary


# --- a cell's text, by what a table shows

def spread(figures, name):
    """Median (least-most), without the brackets when there was but one run."""
    least, most = figures[name + '_least'], figures[name + '_most']
    return f'{figures[name]:.0f}' + (f' ({least:.0f}-{most:.0f})' if figures['completed'] > 1 else '')


def total_text(figures):
    ways = ', '.join(figures['ways'])
    if figures['outcome'] != 'completed':
        return (f'{ways} ' if ways else '') + f'{figures["outcome"].upper()} ({count_text(figures)})'
    few = f', {count_text(figures)}' if figures['others'] else ''
    return (f'{ways} ' if ways else '') + spread(figures, 'total_ms') + few


def count_text(figures):
    """How many runs, and how those went that did not complete."""
    runs = f'{figures["runs"]} run' + ('s' if figures['runs'] > 1 else '')
    others = '' if figures['outcome'] != 'completed' else ''.join(
        f', {count} {name}' for name, count in figures['others'].items())
    return runs + others


def pause_text(figures):
    return spread(figures, 'pause_ms') if figures['completed'] else '-'


def bytes_text(figures):
    return f'{figures["wire_mb"]:.0f}' if figures['completed'] else f'> {figures["wire_mb"]:.0f}'


def cpu_text(figures):
    return f'{figures["source_cpu_s"]:.1f} + {figures["destination_cpu_s"]:.1f}'


def memory_text(figures):
    return f'{figures["source_peak_mb"]:.0f} + {figures["destination_peak_mb"]:.0f}'


TABLES = (
    ('Total time, ms', total_text, 'total_ms'),
    ('Pause by heartbeat, ms', pause_text, 'pause_ms'),
    ('Bytes on the wire, MB', bytes_text, 'wire_mb'),
    ('CPU seconds, source + destination (QEMU without the guest, and relay)', cpu_text, None),
    ('Peak memory, MB, source + destination (QEMU and relay)', memory_text, None),
)


# --- Markdown

def head_write(out, host, downtime_ms):
    print('# Migrations through the relay and without\n', file=out)
    print(f'{host["cpu"]}, {host["cores"]} cores, {host["memory_bytes"] / 2**30:.0f} GiB, Linux {host["kernel"]}, {host["qemu"]}; guests '
          f'under {host.get("accelerator", "emulation where there is no KVM")}, of 384 MiB, those with a Debian of 768 MiB; downtime limit '
          f'{downtime_ms} ms. Links in MB/s, round-trip times in ms.\n', file=out)
    if host.get('first_touch_gb_per_s'):
        print(f'First touch of huge page memory, 256 MiB three times: {", ".join(f"{rate:.1f}" for rate in host["first_touch_gb_per_s"])}'
              ' GB/s, measured at the start. Where the first is far below the others, this machine takes free memory from its own host '
              'and gives it back when it was free for two seconds: whoever touches such memory waits for it. '
              + ('At 100 MB/s and more the bench held 1 GiB and let go of it just before each migration, for all methods alike.'
                 if host.get('pool') else 'Nothing was done about that.') + '\n', file=out)
    print('Medians (least-most) of the runs that completed. DNF: cancelled, since QEMU\'s passes left not less to send or at the '
          'limit of the link; such a cell is run once. The least of a row is in bold.\n', file=out)


def row_write(out, summary, row, methods, text_of, figure):
    cells = [summary.get((*row, method)) for method in methods]
    done = [cell[figure] for cell in cells if figure and cell and cell['outcome'] == 'completed']
    texts = []
    for cell in cells:
        text = text_of(cell) if cell else ''
        is_least = cell and done and cell['outcome'] == 'completed' and cell[figure] == min(done)
        texts.append(f'**{text}**' if is_least else text)
    print(f'| {row[0]} | {row[1]:g} |', ' | '.join(texts), '|', file=out)


def tables_write(out, summary, rtt):
    rows = sorted({key[:3] for key in summary if key[2] == rtt and key[3] in METHODS_OF_ALL},
                  key=lambda key: (LOADS.index(key[0]), key[1]))
    methods = [method for method in METHODS_OF_ALL if any(key[2] == rtt and key[3] == method for key in summary)]
    if not rows:
        return
    print(f'\n## Round-trip time {rtt:g} ms', file=out)
    for title, text_of, figure in TABLES:
        print(f'\n{title}\n\n| load | link |', ' | '.join(methods), '|', file=out)
        print('|' + '---|' * (2 + len(methods)), file=out)
        for row in rows:
            row_write(out, summary, row, methods, text_of, figure)


def resent_text(figures):
    """Of what was sent again: bytes on the wire over those of QEMU's stream."""
    rows = [row for run in figures['of'] for row in run.get('relay_passes') or []]
    stream = sum(row.get('resent_stream_bytes', 0) for row in rows)
    return f'{sum(row.get("resent_wire_bytes", 0) for row in rows) / stream:.3f}' if stream else ''


def stream_text(figures):
    """All bytes on the wire over those of QEMU's stream."""
    streams = [(run['wire_bytes'] / total, run) for run in figures['of']
               if (total := ((run.get('relay') or {}).get('totals') or {}).get('stream_bytes'))]
    return f'{statistics.median(ratio for ratio, _ in streams):.2f}' if streams else ''


def alone_write(out, summary):
    rows = sorted({key[:3] for key in summary if key[3] in ALONE}, key=lambda key: (LOADS.index(key[0]), key[1]))
    if not rows:
        return
    print('\n## Each filter measured alone\n\nWire bytes over those of QEMU\'s stream, of all pages and of those sent again. "relay" has '
          'all filters and picks its codec; "none" and "forward" are what the detour costs.\n', file=out)
    print('| load | link | method | total ms | MB | of the stream | of what is sent again | pause ms | CPU s | memory MB |', file=out)
    print('|' + '---|' * 10, file=out)
    for row in rows:
        for method in ('plain', 'forward', *(name for name in ALONE if name != 'forward'), 'relay'):
            if figures := summary.get((*row, method)):
                texts = [text_of(figures) for text_of in (total_text, bytes_text, stream_text, resent_text, pause_text, cpu_text,
                                                          memory_text)]
                print(f'| {row[0]} | {row[1]:g} | {method.removeprefix("relay-")} |', ' | '.join(texts), '|', file=out)


def markdown_write(path, summary, host, downtime_ms, targets, left_out):
    with open(path, 'w', encoding='utf-8') as out:
        head_write(out, host, downtime_ms)
        print('## Targets\n', file=out)
        for held, text in targets:
            print(f'- **{"held" if held else "not held" if held is not None else "not measured"}**: {text}', file=out)
        for rtt in sorted({key[2] for key in summary}):
            tables_write(out, summary, rtt)
        alone_write(out, summary)
        if left_out:
            print('\n## Left out\n', file=out)
            for (name, why), count in collections.Counter(left_out).items():
                print(f'- {name} ({count} runs): {why}', file=out)


# --- for programs

def csv_write(path, summary):
    with open(path, 'w', encoding='utf-8', newline='') as file:
        columns = [column for name in FIGURES for column in (name, name + '_least', name + '_most')]
        writer = csv.writer(file)
        writer.writerow(['load', 'link_mb_per_s', 'rtt_ms', 'method', 'ways', 'runs', 'completed', 'outcome', *columns])
        for key, figures in sorted(summary.items()):
            writer.writerow([*key, ' '.join(figures['ways']), figures['runs'], figures['completed'], figures['outcome'],
                             *(figures.get(column, '') for column in columns)])


def json_write(path, summary, host, downtime_ms, targets, left_out):
    cells = [dict(zip(('load', 'link', 'rtt', 'method'), key)) | {name: value for name, value in figures.items() if name != 'of'}
             for key, figures in sorted(summary.items())]
    with open(path, 'w', encoding='utf-8') as file:
        json.dump({'machine': host, 'downtime_limit_ms': downtime_ms, 'cells': cells,
                   'targets': [{'held': held, 'text': text} for held, text in targets], 'left_out': left_out}, file, indent=1)
