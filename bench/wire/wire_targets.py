# SPDX-License-Identifier: Apache-2.0
"""What the relay promises, held against a summary of the bench: a list of (held or not or None, text with numbers)."""

from rig_auto import METHOD_OF_WAY

PAUSE_MARGIN_MS = 20
OTHERS = ('plain', 'xbzrle-64M', 'xbzrle-ram', 'multifd-zstd')


def name_of(key):
    return f'{key[0]} {key[1]:g} MB/s rtt {key[2]:g}'


def best(summary, key, methods, figure):
    """The least of a figure among methods that completed in this cell; None if none did."""
    values = [summary[(*key, method)][figure] for method in methods
              if (*key, method) in summary and summary[(*key, method)]['outcome'] == 'completed']
    return min(values) if values else None


def rows_with(summary, method, loads=None, links=None):
    return sorted(key[:3] for key in summary if key[3] == method and (not loads or key[0] in loads)
                  and (not links or key[1] in links))


def verdict(failures, checked, promise):
    if not checked:
        return None, promise
    if failures:
        return False, f'{promise}; of {checked} cells not in: ' + '; '.join(failures)
    return True, f'{promise}; {checked} cells'


def pause_kept(summary, method, limit_ms):
    """Every run that ended by pre-copy stood still for no longer than it may."""
    failures, checked, worst = [], 0, 0.0
    for key in rows_with(summary, method):
        done = [run for run in summary[(*key, method)]['of'] if run['outcome'] == 'completed']
        late = [run for run in done if run['pause_ms'] > limit_ms + PAUSE_MARGIN_MS]
        checked += bool(done)
        worst = max([worst, *(run['pause_ms'] for run in done)])
        if late:
            longest = max(late, key=lambda run: run['pause_ms'])
            failures.append(f'{name_of(key)} ({longest["pause_ms"]:.0f} ms, QEMU says {longest["downtime_ms"]}; '
                            f'{len(late)} of {len(done)} runs)')
    held, text = verdict(failures, checked, f'{method}: pause at most {limit_ms} + {PAUSE_MARGIN_MS} ms in every run that ends by '
                                            'pre-copy')
    return held, f'{text}; worst {worst:.0f} ms' if checked else text


def converges(summary, method, limit_ms):
    """Every cell that can converge does: one may only not if the relay said that it cannot, and then no other method may
    have got there within the limit."""
    failures, checked = [], 0
    for key in rows_with(summary, method):
        checked += 1
        within = [other for other in OTHERS if (cell := summary.get((*key, other))) and cell['outcome'] == 'completed'
                  and cell['pause_ms'] <= limit_ms + PAUSE_MARGIN_MS]
        bad = [run for run in summary[(*key, method)]['of']
               if run['outcome'] != 'completed' and (within or not run.get('cannot_converge'))]
        if bad:
            words = ('said so' if all(run.get('cannot_converge') for run in bad) else 'gave up to keep the limit'
                     if all(run['outcome'] == 'overrun' for run in bad) else 'without a word')
            failures.append(f'{name_of(key)} ({bad[0]["outcome"]} in {len(bad)} of {summary[(*key, method)]["runs"]} runs, {words}'
                            + (f'; {", ".join(within)} can)' if within else ')'))
    return verdict(failures, checked, f'{method}: every cell that can converge does; of one that cannot the relay says it')


def against(summary, loads, links, figure, methods, limit, promise):
    """The relay's figure over the best of the methods, in each of these cells."""
    failures, checked, worst = [], 0, 0.0
    for key in rows_with(summary, 'relay', loads, links):
        cell, other = summary[(*key, 'relay')], best(summary, key, methods, figure)
        if other is None:
            continue                    # nobody else got there
        checked += 1
        if cell['outcome'] != 'completed':
            failures.append(f'{name_of(key)} (relay: {cell["outcome"]})')
            continue
        ratio = cell[figure] / other
        worst = max(worst, ratio)
        if ratio > limit:
            failures.append(f'{name_of(key)} ({ratio:.2f})')
    held, text = verdict(failures, checked, promise)
    return held, f'{text}; worst ratio {worst:.2f}' if checked else text


def chosen(summary, methods, limit, promise):
    """Total time of the method auto over the best of the methods, in every cell.  Where it took what is the best there, the
    two are the same thing measured twice: a ratio above the limit is then told as noise, not held against it."""
    failures, noise, checked, worst = [], [], 0, 0.0
    for key in rows_with(summary, 'auto'):
        cell, other = summary[(*key, 'auto')], best(summary, key, methods, 'total_ms')
        if other is None:
            continue
        ways = ', '.join(cell['ways'])
        checked += 1
        if cell['outcome'] != 'completed':
            failures.append(f'{name_of(key)} ({ways}: {cell["outcome"]})')
            continue
        ratio = cell['total_ms'] / other
        taken = [summary.get((*key, METHOD_OF_WAY[way])) for way in cell['ways']]
        is_best = all(of_way and of_way['outcome'] == 'completed' and of_way['total_ms'] == other for of_way in taken)
        if not is_best:
            worst = max(worst, ratio)
        if ratio > limit:
            (noise if is_best else failures).append(f'{name_of(key)} ({ways}: {ratio:.2f})')
    held, text = verdict(failures, checked, promise)
    if checked and worst:
        text += f'; worst ratio {worst:.2f}'
    return held, text + (f'; took the best itself, so that the ratio is noise: {"; ".join(noise)}' if noise else '')


def segments_alone(summary):
    """Bytes of what was sent again, of the segments filter with nothing else, over what the stream had for it."""
    failures, checked, worst = [], 0, 0.0
    for key in rows_with(summary, 'relay-segments', ('sparse',)):
        for run in summary[(*key, 'relay-segments')]['of']:
            rows = run.get('relay_passes') or []
            stream = sum(row.get('resent_stream_bytes', 0) for row in rows)
            if stream == 0:
                continue
            checked += 1
            ratio = sum(row.get('resent_wire_bytes', 0) for row in rows) / stream
            worst = max(worst, ratio)
            if ratio > 0.15:
                failures.append(f'{name_of(key)} ({ratio:.3f})')
    held, text = verdict(failures, checked, 'segments alone: at most 0.15 of the bytes that plain sends again, on sparse')
    return held, f'{text.replace("cells", "runs")}; worst ratio {worst:.3f}' if checked else text


def judge(summary, limit_ms):
    xbzrle = ('xbzrle-64M', 'xbzrle-ram')
    return [
        pause_kept(summary, 'relay', limit_ms),
        pause_kept(summary, 'auto', limit_ms),
        converges(summary, 'relay', limit_ms),
        converges(summary, 'auto', limit_ms),
        against(summary, ('sparse', 'mixed'), None, 'wire_mb', xbzrle, 0.5, 'relay: bytes at most 0.5 of the better xbzrle on '
                'sparse and mixed'),
        chosen(summary, (*OTHERS, 'relay'), 1.1, 'auto: total time at most 1.1 of the best other method in any cell'),
        chosen(summary, ('plain', 'relay'), 1.05, 'auto: total time at most 1.05 of the better of relay always on and off'),
        against(summary, ('sparse', 'mixed'), (12.5,), 'total_ms', OTHERS, 0.5, 'relay: total time at most 0.5 of the best other '
                'method on sparse and mixed at 12.5 MB/s'),
        segments_alone(summary),
    ]
