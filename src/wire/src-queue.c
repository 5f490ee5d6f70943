/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be on the way; see src-queue.h.
 *
 * Theory of operation
 *
 * Rate.  Each frame remembers, when it is sent, how much had been delivered by then; when its credit comes, the bytes that were delivered
 * meanwhile over the time that this took are a sample of the rate.  The time is the longer one of that between the two credits and
 * that between the sending of the two frames: credits that come in a bunch would otherwise look like a fast link (so do Cardwell et
 * al., BBR, 2016, and the IETF's draft on delivery rate estimation).  The highest sample of about a second counts: a second
 * in which the way was full.  A sample taken while QEMU, and not the way, was slow tells only a lower bound: it may raise the rate, but does
 * not push out older ones.
 *
 * Bound.  rate x (path + slack).  While less is on the way than fits, the samples grow with the bound: whatever is delivered in 'path' is
 * delivered again with the slack added, so each round trip multiplies it by (path + slack) / path until the way is full.  From there
 * on a larger queue brings no larger rate, and the queue stays at 'slack'.
 *
 * Path.  The time that a frame needs with nothing else on the way: the smallest that was ever seen.  A smaller value than the true one would be a
 * trap: less on the way, so less delivered, so a smaller rate, so less again.  The end of that spiral is a few small frames at a time, and then the
 * time that such a frame takes, less its time on the wire at the best rate of the last half minute, is the true one; it is kept in 'alone_ns'
 * and used when it is larger.
 *
 * Raw bytes.  Unchanged pages cost one byte on the wire and a page at the destination's QEMU.  So the bytes of the stream are bounded the same
 * way, by the rate at which the destination writes them, with a floor: QEMU writes 8 MiB in about 10 ms on anything.
 *
 * Not done: probing for a smaller path from time to time (BBR's PROBE_RTT).  A migration's hosts do not move. */
#include "wire/src-queue.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define RATE_KEPT_NS     UINT64_C(1000000000)
#define LIMITED_STEP_NS_MAX UINT64_C(50000000) /* one stall is not many samples */
#define SAMPLE_NS_MIN    UINT64_C(500000) /* shorter ones are noise */
#define FRAMES_ALWAYS    2u               /* may be on the way whatever the rate */
#define ALONE_WIRE_BYTES_MAX (4 * (SRC_QUEUE_FRAME_WIRE_BYTES_MIN + 2 * WIRE_HEADER_BYTES))
#define BEST_KEPT_NS     30e9             /* how long the best rate is remembered, about */
#define WIRE_PER_RAW_MIN 0.02

static void rate_forget(SrcQueueRate *rate, uint64_t now_ns)
{
    for (unsigned i = 0; i < SRC_QUEUE_RATES_KEPT; i++) {
        if (rate->at_ns[i] + RATE_KEPT_NS < now_ns) {
            rate->bytes_per_s[i] = 0;
        }
    }
}

/* The kept samples are the highest of each of 16 slices of the last second. */
static void rate_sample(SrcQueueRate *rate, double bytes_per_s, bool limited, uint64_t now_ns)
{
    unsigned slice = (unsigned)(now_ns / (RATE_KEPT_NS / SRC_QUEUE_RATES_KEPT) % SRC_QUEUE_RATES_KEPT);

    if (!limited && bytes_per_s <= rate->highest) {
        return;
    }
    rate_forget(rate, now_ns);
    if (rate->at_ns[slice] + RATE_KEPT_NS / 2 < now_ns || bytes_per_s > rate->bytes_per_s[slice]) {
        rate->bytes_per_s[slice] = bytes_per_s;
        rate->at_ns[slice] = now_ns;
    }
    rate->highest = 0;
    for (unsigned i = 0; i < SRC_QUEUE_RATES_KEPT; i++) {
        rate->highest = rate->bytes_per_s[i] > rate->highest ? rate->bytes_per_s[i] : rate->highest;
    }
}

void src_queue_init(SrcQueue *queue, uint64_t rate_bytes_per_s, uint64_t window_bytes, uint64_t now_ns)
{
    memset(queue, 0, sizeof(*queue));
    queue->slack_ns = SRC_QUEUE_SLACK_NS;
    queue->window_bytes = window_bytes;
    queue->wire_per_raw = 1;
    queue->limited_ns = now_ns;
    queue->credited_ns = queue->credited_sent_ns = now_ns;
    if (rate_bytes_per_s > 0) {
        rate_sample(&queue->wire_rate, (double)rate_bytes_per_s, true, queue->limited_ns);
    }
}

void src_queue_set_postcopy(SrcQueue *queue)
{
    queue->slack_ns = SRC_QUEUE_SLACK_POSTCOPY_NS;
}

uint64_t src_queue_wire_bytes(const SrcQueue *queue)
{
    return queue->sent_wire - queue->credited_wire +
           (uint64_t)((double)queue->inside_raw_bytes * queue->wire_per_raw) + queue->inside_frames * WIRE_HEADER_BYTES;
}

uint64_t src_queue_stream_bytes(const SrcQueue *queue)
{
    return queue->sent_stream - queue->credited_stream + queue->inside_stream_bytes;
}

bool src_queue_is_idle(const SrcQueue *queue)
{
    return queue->inside_frames == 0 && queue->sent_length == 0;
}

/* How long a byte may be on the way. */
static double allowed_s(const SrcQueue *queue)
{
    uint64_t path_ns = queue->path_ns > queue->alone_ns ? queue->path_ns : queue->alone_ns;

    return (double)(path_ns + queue->slack_ns) / 1e9;
}

uint64_t src_queue_wire_bytes_max(const SrcQueue *queue)
{
    if (queue->wire_rate.highest <= 0) {
        return SRC_QUEUE_WIRE_BYTES_START;
    }
    return (uint64_t)(queue->wire_rate.highest * allowed_s(queue));
}

static uint64_t stream_bytes_max(const SrcQueue *queue)
{
    uint64_t bytes = (uint64_t)(queue->stream_rate.highest * allowed_s(queue));

    if (bytes < SRC_QUEUE_STREAM_BYTES_FLOOR) {
        bytes = SRC_QUEUE_STREAM_BYTES_FLOOR;
    }
    return queue->window_bytes > 0 && bytes > queue->window_bytes ? queue->window_bytes : bytes;
}

bool src_queue_may_begin(SrcQueue *queue)
{
    uint64_t frames = queue->inside_frames + queue->sent_length;

    if (frames < FRAMES_ALWAYS) {
        return true;
    }
    if (frames < SRC_QUEUE_FRAMES_MAX && src_queue_wire_bytes(queue) < src_queue_wire_bytes_max(queue) &&
        src_queue_stream_bytes(queue) < stream_bytes_max(queue)) {
        return true;
    }
    queue->was_full = true;
    return false;
}

static uint32_t between(double value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : (uint32_t)value;
}

uint32_t src_queue_frame_raw_bytes(const SrcQueue *queue)
{
    double rate = queue->wire_rate.highest;
    double time_s = (double)SRC_QUEUE_FRAME_NS / 1e9 * (double)queue->slack_ns / (double)SRC_QUEUE_SLACK_NS;
    double wire_bytes = rate > 0 ? rate * time_s : SRC_QUEUE_FRAME_WIRE_BYTES_MAX;
    uint32_t fitted = between(wire_bytes, SRC_QUEUE_FRAME_WIRE_BYTES_MIN, SRC_QUEUE_FRAME_WIRE_BYTES_MAX);

    return between(fitted / queue->wire_per_raw, SRC_QUEUE_FRAME_WIRE_BYTES_MIN, WIRE_PAYLOAD_BYTES_MAX);
}

uint32_t src_queue_frame_stream_bytes(const SrcQueue *queue)
{
    uint32_t bytes = queue->slack_ns == SRC_QUEUE_SLACK_NS ? WIRE_STREAM_BYTES_MAX / 4 : WIRE_STREAM_BYTES_MAX / 16;

    return queue->window_bytes > 0 && queue->window_bytes / FRAMES_ALWAYS < bytes
               ? (uint32_t)(queue->window_bytes / FRAMES_ALWAYS)
               : bytes;
}

void src_queue_submitted(SrcQueue *queue, const WireHeader *header)
{
    queue->inside_frames++;
    queue->inside_raw_bytes += header->raw_bytes;
    queue->inside_stream_bytes += header->stream_bytes;
}

static void remember_ratio(SrcQueue *queue, const WireHeader *header)
{
    if (header->raw_bytes < SRC_QUEUE_FRAME_WIRE_BYTES_MIN) {
        return; /* a few operations say nothing */
    }
    double ratio = (double)header->wire_bytes / header->raw_bytes;

    queue->wire_per_raw += 0.25 * (ratio - queue->wire_per_raw);
    if (queue->wire_per_raw < WIRE_PER_RAW_MIN) {
        queue->wire_per_raw = WIRE_PER_RAW_MIN;
    }
}

void src_queue_sent(SrcQueue *queue, const WireHeader *header, uint64_t now_ns)
{
    queue->inside_frames--;
    queue->inside_raw_bytes -= header->raw_bytes;
    queue->inside_stream_bytes -= header->stream_bytes;
    if (header->type != WIRE_DATA) {
        return; /* has no credit */
    }
    remember_ratio(queue, header);
    bool alone = queue->sent_length == 0;

    if (alone) { /* the time before was QEMU's */
        queue->credited_ns = queue->credited_sent_ns = now_ns;
    }
    queue->sent_wire += WIRE_HEADER_BYTES + header->wire_bytes;
    queue->sent_stream += header->stream_bytes;
    SrcQueueSent *sent = &queue->sent[(queue->sent_first + queue->sent_length) % (SRC_QUEUE_FRAMES_MAX * 2)];

    queue->sent_length++;
    *sent = (SrcQueueSent){
        .sequence = header->sequence,
        .sent_ns = now_ns,
        .wire_total = queue->sent_wire,
        .stream_total = queue->sent_stream,
        .delivered_wire = queue->credited_wire,
        .delivered_stream = queue->credited_stream,
        .delivered_ns = queue->credited_ns,
        .first_sent_ns = queue->credited_sent_ns,
        .alone = queue->sent_wire - queue->credited_wire <= ALONE_WIRE_BYTES_MAX,
        .limited = queue->was_full,
    };
    queue->was_full = false;
}

static void learn_path(SrcQueue *queue, uint64_t took_ns, uint64_t alone_bytes)
{
    if (took_ns < queue->path_ns) { /* only a PING tells it at first: a frame takes its time on the wire */
        queue->path_ns = took_ns;
    }
    if (alone_bytes > 0) { /* weighted so that one late frame does not count for long */
        uint64_t wire_ns = queue->best_rate > 0 ? (uint64_t)((double)alone_bytes / queue->best_rate * 1e9) : took_ns;
        uint64_t rest_ns = took_ns > wire_ns ? took_ns - wire_ns : 0;

        queue->alone_ns = (queue->alone_ns * 3 + rest_ns) / 4;
    }
}

static void learn_rate(SrcQueue *queue, const SrcQueueSent *sent, uint64_t now_ns, uint64_t since_credit_ns)
{
    uint64_t credits_ns = now_ns - sent->delivered_ns;
    uint64_t sending_ns = sent->sent_ns - sent->first_sent_ns;
    uint64_t took_ns = credits_ns > sending_ns ? credits_ns : sending_ns;

    if (sent->limited) {
        queue->limited_ns += since_credit_ns < LIMITED_STEP_NS_MAX ? since_credit_ns : LIMITED_STEP_NS_MAX;
    }
    if (took_ns >= SAMPLE_NS_MIN) {
        double took_s = (double)took_ns / 1e9;

        rate_sample(&queue->wire_rate, (double)(sent->wire_total - sent->delivered_wire) / took_s, sent->limited,
                    queue->limited_ns);
        rate_sample(&queue->stream_rate, (double)(sent->stream_total - sent->delivered_stream) / took_s, sent->limited,
                    queue->limited_ns);
        if (queue->wire_rate.highest > queue->best_rate) {
            queue->best_rate = queue->wire_rate.highest;
        }
    }
}

int src_queue_credited(SrcQueue *queue, const WireCredit *credit, uint64_t now_ns)
{
    SrcQueueSent last = {0};
    bool any = false;

    while (queue->sent_length > 0 && queue->sent[queue->sent_first].sequence <= credit->sequence) {
        last = queue->sent[queue->sent_first];
        queue->sent_first = (queue->sent_first + 1) % (SRC_QUEUE_FRAMES_MAX * 2);
        queue->sent_length--;
        any = true;
    }
    if (!any || last.sequence != credit->sequence || last.wire_total != credit->wire_bytes ||
        last.stream_total != credit->stream_bytes) {
        return -EPROTO;
    }
    queue->credited_wire = credit->wire_bytes;
    queue->credited_stream = credit->stream_bytes;
    queue->credited_sequence = credit->sequence;
    uint64_t since_credit_ns = now_ns - queue->credited_ns;

    queue->best_rate *= exp(-(double)since_credit_ns / BEST_KEPT_NS);
    queue->credited_ns = now_ns;
    queue->credited_sent_ns = last.sent_ns;
    learn_path(queue, now_ns - last.sent_ns, last.alone ? last.wire_total - last.delivered_wire : 0);
    learn_rate(queue, &last, now_ns, since_credit_ns);
    return 0;
}

void src_queue_pinged(SrcQueue *queue, uint64_t rtt_ns)
{
    if (queue->path_ns == 0) {
        queue->path_ns = rtt_ns;
    }
    learn_path(queue, rtt_ns, 0);
}

uint64_t src_queue_ns(const SrcQueue *queue)
{
    double rate = queue->wire_rate.highest;

    return rate > 0 ? (uint64_t)((double)src_queue_wire_bytes(queue) / rate * 1e9) : 0;
}
