/* SPDX-License-Identifier: Apache-2.0
 *
 * Picks the codec's level for the next period.
 *
 * theory of operation
 *
 * A level i carries, in bytes of payload per second,
 *
 *     rate(i) = min(link x ratio(i), cores x speed(i), demand)        ratio(none) = 1, speed(none) = endless
 *
 * and is worth
 *
 *     worth(i) = rate(i) x (1 - CORES_WORTH x rate(i) / (cores x speed(i)))
 *
 * because the cores are shared with QEMU and with the guests of the host: using up all that is free must carry more than
 * a level that leaves them idle, by CORES_WORTH.  At 12.5 MB/s level 9 of zstd would carry 1 to 2 per cent more than
 * level 3, for four times the CPU.  The best is the one of the highest worth; of those within WITHIN of it, the one that
 * costs the least CPU, which is the one that comes first in the table.  In post-copy a page is waited for, and several cores do not make one frame
 * faster:
 *
 *     rate(i) = 1 / (1 / (link x ratio(i)) + 1 / speed(i))
 *
 * What is not known is learned.
 *
 * ratio, speed: measured for the level in use, smoothed.  A level that was never used is guessed from the nearest one
 * that was, by what levels usually are to each other (the table 'usual').  When the content changes, the ratio of the
 * level in use shows it, and what was learned of the others is moved along; when there is nothing left to compare by,
 * it is forgotten.
 *
 * link: what the wire carries is the link's rate only while the wire is waited for; else it is a lower bound ("at
 * least").  So the first period goes without compression: it shows the link's rate, and if the link is not even the
 * limit, nothing needs compressing.
 *
 * demand: while neither link nor codec is waited for, QEMU's own rate is the limit, and a cheaper level does as well.
 *
 * Trials: a guess that promises more is tried by using it; it is then measured, and the next period goes back if it was
 * wrong.  Beyond that, every trial_interval periods a level is used that seems worse but, at the best that its content
 * could be, would be better: after "nothing here can be compressed" somebody has to look again, and a lower bound of
 * the link's rate is only raised by using a faster level.  The one that was longest not seen comes first.  A trial that
 * did not pay doubles the interval, and a level whose trial may cost a part of a period waits for so many times
 * LOSS_PERIODS: in a steady world all trials together cost less than 2 per cent.
 *
 * So it is never much slower than no compression: rate(none) is known as soon as the link is waited for, and is among
 * the candidates of every period. */
#include "wire/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WITHIN             0.02 /* rates nearer than this are equal */
#define CORES_WORTH        0.18 /* of what is carried */
#define SMOOTHING          0.5
#define NEWS               0.2  /* a figure that differs more has changed */
#define TELLING            0.1  /* of what link or codec could carry: a period with less says nothing about a level */
#define RATIO_NONE         1.02 /* below: nothing was compressed that could be compared with */
#define RATIO_HOPED        2.5  /* of LZ4, where nothing is known or a trial is hoped to find it */
#define GUESS_HOPED        1.2  /* a ratio guessed from another level's may be that much too low, */
#define SPEED_HOPED        8    /* and a speed: nearly empty pages are compressed that much faster than text */
#define LINK_HOPED         1.5  /* a lower bound of the link's rate may be that much too low, for a trial */
#define TRIAL_INTERVAL_MIN 4u   /* periods between trials that cost nothing; doubled up to the next */
#define TRIAL_INTERVAL_MAX 16u
#define LOSS_PERIODS       200 /* a trial that is feared to cost a whole period waits that many; */
#define NEW_PERIODS        50 /* one of a level never seen, or that may raise the lower bound of the link's rate, that many \
                               */
#define DEMAND_SLACK 0.9      /* of what codec and link could carry: QEMU gave less */

/* What levels usually are: one core's speed, and the part of (ratio - 1) against LZ4's.  Only used to guess one level
 * from another. */
typedef struct Usual {
    double bytes_per_cpu_s;
    double gain;
} Usual;

static Usual usual_of(const CodecLevel *level)
{
    static const struct {
        int level;
        Usual usual;
    } zstd[] = {{1, {350e6, 1.6}}, {3, {220e6, 1.75}}, {6, {90e6, 1.95}}, {9, {60e6, 2.0}}};

    for (size_t i = 0; level->codec == WIRE_CODEC_ZSTD && i < sizeof zstd / sizeof zstd[0]; i++) {
        if (level->level <= zstd[i].level) {
            return zstd[i].usual;
        }
    }
    return level->codec == WIRE_CODEC_ZSTD ? zstd[3].usual : (Usual){700e6, 1};
}

/* The level next to 'index' whose figure is known; 0 ("none"): there is none. */
static size_t nearest_known(const double figures[CODEC_LEVELS_MAX], size_t index)
{
    for (size_t distance = 0; distance < codec_levels_length; distance++) {
        if (index > distance && figures[index - distance] > 0) {
            return index - distance;
        }
        if (index + distance < codec_levels_length && figures[index + distance] > 0) {
            return index + distance;
        }
    }
    return 0;
}

static double ratio_from_hope(size_t index)
{
    return 1 + (RATIO_HOPED - 1) * usual_of(&codec_levels[index]).gain;
}

static double ratio_of(const CodecPicker *picker, size_t index)
{
    size_t known = nearest_known(picker->ratio, index);

    if (index == 0) {
        return 1;
    }
    if (known == 0) {
        return ratio_from_hope(index);
    }
    return 1 + (picker->ratio[known] - 1) * usual_of(&codec_levels[index]).gain / usual_of(&codec_levels[known]).gain;
}

static double speed_of(const CodecPicker *picker, size_t index)
{
    size_t known = nearest_known(picker->bytes_per_cpu_s, index);
    double usual = usual_of(&codec_levels[index]).bytes_per_cpu_s;

    if (index == 0) {
        return HUGE_VAL;
    }
    return known == 0 ? usual : usual * picker->bytes_per_cpu_s[known] / usual_of(&codec_levels[known]).bytes_per_cpu_s;
}

/* worth(i) without the demand; in post-copy rate(i). */
static double rate_of(const CodecMeasure *measure, double link, double ratio, double speed)
{
    if (!measure->can_be_slow) {
        return 1 / (1 / (link * ratio) + 1 / speed);
    }
    double codec = speed < HUGE_VAL ? measure->cores_free * speed : HUGE_VAL;
    double rate = fmin(link * ratio, codec);

    return codec > 0 ? rate * (1 - CORES_WORTH * rate / codec) : 0;
}

static double expected_rate(const CodecPicker *picker, const CodecMeasure *measure, size_t index)
{
    return rate_of(measure, picker->link_bytes_per_s, ratio_of(picker, index), speed_of(picker, index));
}

/* A small difference is noise; a large one is news. */
static void learn(double *learned, double measured)
{
    bool is_news = fabs(measured - *learned) > NEWS * *learned;

    *learned = is_news ? measured : *learned + SMOOTHING * (measured - *learned);
}

/* What was learned of the other levels moves with the content.  Between what can be compressed and what cannot nothing
 * carries over: codecs run through noise many times faster, each in its own way. */
static void move_others(CodecPicker *picker, size_t index, double ratio_before, double speed_before)
{
    double ratio = picker->ratio[index];
    bool content_changed = ratio_before > 0 && fabs(ratio - ratio_before) > NEWS / 2 * ratio_before;
    bool is_other_kind = content_changed && (ratio < RATIO_NONE) != (ratio_before < RATIO_NONE);

    for (size_t i = 1; i < codec_levels_length; i++) {
        double *other_ratio = &picker->ratio[i];
        double *other_speed = &picker->bytes_per_cpu_s[i];

        if (i == index) {
            continue;
        }
        if (is_other_kind) {
            *other_ratio = ratio_before < RATIO_NONE && *other_ratio >= RATIO_NONE ? *other_ratio : 0;
            *other_speed = 0;
        } else if (content_changed && *other_ratio > 0) {
            *other_ratio = fmax(1, 1 + (*other_ratio - 1) * (ratio - 1) / fmax(ratio_before - 1, RATIO_NONE - 1));
        }
        if (speed_before > 0) {
            *other_speed *= picker->bytes_per_cpu_s[index] / speed_before;
        }
    }
}

/* Neither the link nor the codec had much to do: the few small frames of a pause say nothing about the content. */
static bool is_quiet(const CodecPicker *picker, const CodecMeasure *measure)
{
    double carried = picker->link_bytes_per_s;

    if (measure->codec_bytes_per_cpu_s > 0 && measure->cores_free > 0) {
        carried = fmin(carried, measure->cores_free * measure->codec_bytes_per_cpu_s);
    }
    return measure->raw_bytes_per_s <= 0 || measure->raw_bytes_per_s < TELLING * carried;
}

static void learn_level(CodecPicker *picker, const CodecMeasure *measure, size_t index)
{
    double ratio_before = picker->ratio[index];
    double speed_before = picker->bytes_per_cpu_s[index];

    for (size_t i = 0; i < codec_levels_length; i++) {
        picker->periods_unseen[i] = i == index ? 0 : picker->periods_unseen[i] + 1;
    }
    if (index == 0 || measure->wire_bytes_per_s <= 0 || is_quiet(picker, measure)) {
        return;
    }
    learn(&picker->ratio[index], measure->raw_bytes_per_s / measure->wire_bytes_per_s);
    if (measure->codec_bytes_per_cpu_s > 0) {
        learn(&picker->bytes_per_cpu_s[index], measure->codec_bytes_per_cpu_s);
    }
    move_others(picker, index, ratio_before, speed_before);
}

static void learn_link(CodecPicker *picker, const CodecMeasure *measure)
{
    if (measure->link_is_limit && measure->link_bytes_per_s > 0) {
        picker->link_bytes_per_s = measure->link_bytes_per_s;
        picker->link_is_certain = true;
        return;
    }
    picker->link_is_certain = false;
    picker->link_bytes_per_s =
        fmax(picker->link_bytes_per_s, fmax(measure->link_bytes_per_s, measure->wire_bytes_per_s));
    if (measure->level == &codec_levels[0]) {
        picker->link_bytes_per_s = fmax(picker->link_bytes_per_s, measure->raw_bytes_per_s);
    }
}

/* Neither link nor codec was waited for: what QEMU gave is what there is.  HUGE_VAL: it would have given more. */
static double demand_of(const CodecPicker *picker, const CodecMeasure *measure, size_t index)
{
    double cores_rate = measure->cores_free * speed_of(picker, index);
    bool is_starved = !measure->link_is_limit && measure->raw_bytes_per_s < DEMAND_SLACK * cores_rate;

    return is_starved && measure->raw_bytes_per_s > 0 ? measure->raw_bytes_per_s : HUGE_VAL;
}

/* The cheapest of the best ones.  The level in use stays unless another is clearly as good and cheaper, or better. */
static size_t best_level(const CodecPicker *picker, const CodecMeasure *measure, size_t now, double demand)
{
    double rates[CODEC_LEVELS_MAX];
    double rate_max = 0;
    double enough;

    for (size_t i = 0; i < codec_levels_length; i++) {
        rates[i] = fmin(demand, expected_rate(picker, measure, i));
        rate_max = fmax(rate_max, rates[i]);
    }
    enough = (1 - (rates[now] >= (1 - WITHIN) * rate_max ? WITHIN / 3 : WITHIN)) * rate_max;
    for (size_t i = 0; i < now; i++) {
        if (rates[i] >= enough) {
            return i;
        }
    }
    if (rates[now] >= (1 - WITHIN) * rate_max) {
        return now;
    }
    for (size_t i = now + 1; i < codec_levels_length; i++) {
        if (rates[i] >= enough) {
            return i;
        }
    }
    return 0;
}

/* The most that a level could carry, if what is guessed or long not seen were too low.  While nothing is compressed
 * nothing is seen of the content either, so that all may have changed. */
static double hoped_rate(const CodecPicker *picker, const CodecMeasure *measure, size_t index, size_t now)
{
    bool is_blind = ratio_of(picker, now) < RATIO_NONE;
    bool is_old = picker->periods_unseen[index] > LOSS_PERIODS;
    double link = picker->link_bytes_per_s * (picker->link_is_certain ? 1 : LINK_HOPED);
    double ratio = ratio_of(picker, index);
    double speed = speed_of(picker, index);

    if (index > now && is_blind) {
        ratio = fmax(ratio, ratio_from_hope(index));
    } else if (index > 0 && (is_old || picker->ratio[index] == 0)) {
        ratio *= GUESS_HOPED;
    }
    if (is_old || picker->bytes_per_cpu_s[index] == 0) {
        speed *= SPEED_HOPED;
    }
    return rate_of(measure, link, ratio, speed);
}

/* The part of a period that a trial would lose against 'rate', by what is known. */
static double feared_loss(const CodecPicker *picker, const CodecMeasure *measure, size_t index, double rate)
{
    return fmax(0, 1 - expected_rate(picker, measure, index) / rate);
}

/* The level to look at again: of those that might be better, and whose cost is due, the one that was longest not seen.
 */
static size_t level_to_try(const CodecPicker *picker, const CodecMeasure *measure, size_t now)
{
    double rate = expected_rate(picker, measure, now);
    size_t found = now;

    for (size_t i = 0; i < codec_levels_length; i++) {
        bool steps_back =
            !picker->link_is_certain && i + 1 == now; /* a lower bound hides what a faster level could do */
        bool might_be_better = steps_back || hoped_rate(picker, measure, i, now) > (1 + WITHIN) * rate;
        bool is_new = steps_back || (i > 0 && picker->ratio[i] == 0);
        bool is_due =
            picker->periods_unseen[i] >= (is_new ? NEW_PERIODS : LOSS_PERIODS) * feared_loss(picker, measure, i, rate);

        if (i != now && might_be_better && is_due &&
            (found == now || picker->periods_unseen[i] > picker->periods_unseen[found])) {
            found = i;
        }
    }
    return found;
}

/* A trial that did not find anything better makes the next one rarer. */
static void judge_trial(CodecPicker *picker, size_t best)
{
    if (picker->trial_interval == 0 || (picker->trial > 0 && best + 1 == picker->trial)) {
        picker->trial_interval = TRIAL_INTERVAL_MIN;
    } else if (picker->trial > 0 && picker->trial_interval < TRIAL_INTERVAL_MAX) {
        picker->trial_interval *= 2;
    }
    picker->trial = 0;
}

/* 'now', or another level when it is time to look around. */
static size_t maybe_try(CodecPicker *picker, const CodecMeasure *measure, size_t now)
{
    size_t other = now;

    picker->periods_since_trial++;
    if (picker->periods_since_trial >= picker->trial_interval) {
        other = level_to_try(picker, measure, now);
    }
    if (other != now) {
        picker->periods_since_trial = 0;
        picker->trial = (unsigned)other + 1;
    }
    return other;
}

static size_t index_of(const CodecLevel *level)
{
    size_t index = level ? (size_t)(level - codec_levels) : 0;

    return index < codec_levels_length ? index : 0;
}

static void explain(CodecChoice *choice, const CodecPicker *picker, const CodecMeasure *measure, size_t index,
                    const char *why)
{
    double link_mb = picker->link_bytes_per_s / 1e6;

    if (index == 0) {
        snprintf(choice->reason, sizeof choice->reason,
                 "%s: the link carries %s%.1f MB/s, no level carries more with %.1f cores", why,
                 picker->link_is_certain ? "" : "at least ", link_mb, measure->cores_free);
    } else {
        snprintf(choice->reason, sizeof choice->reason,
                 "%s: link %s%.1f MB/s x ratio %.2f, codec %.0f MB/s x %.1f cores; without it %.1f MB/s", why,
                 picker->link_is_certain ? "" : "at least ", link_mb, ratio_of(picker, index),
                 speed_of(picker, index) / 1e6, measure->can_be_slow ? measure->cores_free : 1.0, link_mb);
    }
}

CodecChoice codec_pick(CodecPicker *picker, const CodecMeasure *measure)
{
    CodecChoice choice = {.level = &codec_levels[0]};
    size_t now = index_of(measure->level);
    const char *why = "best";
    size_t picked;
    double demand;

    learn_level(picker, measure, now);
    learn_link(picker, measure);
    if (picker->link_bytes_per_s <= 0) {
        snprintf(choice.reason, sizeof choice.reason,
                 "nothing was sent yet: without compression the link's rate is seen soonest");
        return choice;
    }
    demand = demand_of(picker, measure, now);
    picked = best_level(picker, measure, now, demand);
    judge_trial(picker, picked);
    if (picked == now && measure->can_be_slow && demand == HUGE_VAL) {
        picked = maybe_try(picker, measure, now);
        why = picked != now ? "trial" : why;
    }
    choice.level = &codec_levels[picked];
    explain(&choice, picker, measure, picked, why);
    return choice;
}
