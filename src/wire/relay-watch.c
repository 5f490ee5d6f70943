/* SPDX-License-Identifier: Apache-2.0
 *
 * The main thread's rounds; see relay-watch.h.
 *
 * Theory of operation
 *
 * Whether a migration hangs is judged by progress: bytes from QEMU, credits or bytes of the return path.  Before the switchover a migration may stand
 * still as long as it likes: the guest runs, and management can cancel.  After it the guest stands still, and QEMU hears no command while it
 * waits for a socket.  The one thing that brings the guest back is that QEMU's connection closes, so after (downtime limit + watchdog) without
 * progress it is closed.  In post-copy the guest's pages are on both hosts, and a closed connection leaves QEMU in postcopy-paused, from where it
 * can be recovered: that is for the link's breaking, not for a slow moment, so there only a silent relay counts.
 *
 * Between the two lies postcopy-device: the source's QEMU has said all of the device state, and the destination's has not told yet that it
 * is loaded (PONG 3 on the return path).  QEMU before 10.2 can go on at neither host when the connection closes then: the source is paused for good,
 * the destination ends (decision 0016).  A closed connection helps nobody, a link that comes back does, so a silent relay is given a
 * minute instead of ten seconds.  It is so from the beginning if the migration may become a post-copy: the destination's relay
 * reads no stream, and the source's has not read what the link has no room for.
 *
 * Overrun: with abort_on_overrun the connection is closed as soon as the arithmetic says that the pause will be more than
 * limit + 20 ms, but only while the destination cannot have started: it has not yet got the beginning of the device state.
 *
 * What the link carries is measured where it was the limit: windows of 200 ms in which the way was full, the highest of the last few. */
#include "wire/relay-watch-private.h"

#include "wire/relay-net.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_BYTES_PER_CPU_S 700e6 /* the fastest codec, on text; on noise it is faster */
#define LOOK_TIMES 1.5 /* as fast as the link, or compression is not just for looking */
#define MULTIFD_PACKET_BYTES (512u * 1024) /* of pages */
#define OPAQUE_WINDOW_NS UINT64_C(250000000)
#define OVERRUN_S 0.020 /* a pause may exceed its limit by this */

int relay_watch_new(RelayWatch **watch, Relay *relay)
{
    RelayWatch *made = calloc(1, sizeof(*made));

    *watch = made;
    if (!made) {
        return -ENOMEM;
    }
    made->relay = relay;
    made->patience_s = RELAY_PATIENCE_S;
    made->level = relay->config->codec;
    if (!made->level) { /* before anything is measured */
        double cores = fmin(relay->config->threads, (double)sysconf(_SC_NPROCESSORS_ONLN) / 2); /* QEMU needs some, too */
        CodecMeasure nothing = {
            .link_bytes_per_s = relay->config->governor.link_bytes_per_s, .cores_free = cores, .can_be_slow = true};
        CodecChoice choice = codec_pick(&made->picker, &nothing);

        made->level = choice.level;
    }
    made->pause_s = NAN;
    made->window_ns = made->picked_ns = relay_now_ns();
    governor_init(&made->governor, &relay->config->governor);
    made->verdict = governor_judge(&made->governor);
    return 0;
}

void relay_watch_free(RelayWatch *watch)
{
    free(watch);
}

const CodecLevel *relay_watch_codec(const RelayWatch *watch)
{
    return watch->level;
}

bool relay_watch_is_connected(const RelayWatch *watch)
{
    return watch->sum.is_connected;
}

bool relay_watch_is_complete(const RelayWatch *watch)
{
    return watch->sum.is_complete;
}

bool relay_watch_is_quiet(const RelayWatch *watch)
{
    return watch->sum.is_quiet;
}

bool relay_watch_is_over(const RelayWatch *watch)
{
    return watch->sum.is_over;
}

static void add_src(RelaySum *sum, const SrcChannelView *view, uint64_t now)
{
    sum->is_connected |= view->is_open;
    sum->is_complete &= view->is_complete;
    sum->is_over &= view->is_over;
    sum->is_quiet &= view->is_quiet;
    sum->is_limited |= view->is_limited;
    sum->stream_bytes += view->stream_bytes;
    sum->return_bytes += view->return_bytes;
    sum->wire_bytes += view->wire_bytes;
    sum->credited_wire_bytes += view->credited_wire_bytes;
    sum->credited_stream_bytes += view->credited_stream_bytes;
    sum->out_wire_bytes += view->out_wire_bytes;
    sum->out_stream_bytes += view->out_stream_bytes;
    sum->out_ns += view->out_ns;
    if (view->progress_ns > sum->progress_ns) {
        sum->progress_ns = view->progress_ns;
    }
    if (view->asked_ns > 0 && !view->is_complete && now > view->asked_ns && now - view->asked_ns > sum->silent_ns) {
        sum->silent_ns = now - view->asked_ns;
    }
}

static void add_dst(RelaySum *sum, const DstChannelView *view, uint64_t now)
{
    sum->is_over &= view->is_over;
    sum->is_quiet &= view->is_quiet;
    if (!view->is_known) {
        return; /* may be a stranger */
    }
    sum->is_connected |= view->is_open;
    sum->is_complete &= view->is_complete;
    sum->stream_bytes += view->stream_bytes;
    sum->return_bytes += view->return_bytes;
    sum->wire_bytes += view->wire_bytes;
    if (view->progress_ns > sum->progress_ns) {
        sum->progress_ns = view->progress_ns;
    }
    if (view->is_open && !view->is_complete && now > view->heard_ns && now - view->heard_ns > sum->silent_ns) {
        sum->silent_ns = now - view->heard_ns;
    }
    if (view->number == 0) {
        sum->dst_main = *view;
    }
}

static void sum_up(RelayWatch *watch, uint64_t now)
{
    Relay *relay = watch->relay;
    RelaySum *sum = &watch->sum;

    *sum = (RelaySum){.is_complete = true, .is_quiet = true, .is_over = true};
    for (unsigned i = 0; i < relay->channels; i++) { /* only this thread changes the list */
        if (relay->config->side == RELAY_SOURCE) {
            SrcChannelView view;

            src_channel_view(relay->src[i], &view);
            add_src(sum, &view, now);
            if (i == 0) {
                sum->main = view;
            }
        } else {
            DstChannelView view;

            dst_channel_view(relay->dst[i], &view);
            add_dst(sum, &view, now);
        }
    }
    sum->is_complete &= sum->is_connected;
}

/* ---- what must not go on ---- */

static void use_patience(RelayWatch *watch, unsigned seconds)
{
    Relay *relay = watch->relay;

    if (seconds == watch->patience_s && seconds == RELAY_PATIENCE_S) {
        return; /* what connections begin with; another patience is said again and again, because they come one by one */
    }
    watch->patience_s = seconds;
    for (unsigned i = 0; i < relay->channels; i++) {
        if (relay->config->side == RELAY_SOURCE) {
            src_channel_set_patience(relay->src[i], seconds);
        } else {
            dst_channel_set_patience(relay->dst[i], seconds);
        }
    }
}

/* Whether it is postcopy-device, or may be: what would tell is held up by the link, also before the source's relay, which reads no more than
 * the link carries. */
static bool may_be_no_return(Relay *relay)
{
    bool may_postcopy = relay->config->parse.capabilities & SRC_CAPABILITY_POSTCOPY_RAM;

    pthread_mutex_lock(&relay->lock);
    bool is_past = relay->state >= RELAY_POSTCOPY || relay->return_watch.is_lost; /* a recovery begins with RECV_BITMAP */
    bool is_it = relay->state == RELAY_POSTCOPY_DEVICE;

    pthread_mutex_unlock(&relay->lock);
    return is_it || (may_postcopy && !is_past);
}

static void check_silence(RelayWatch *watch)
{
    use_patience(watch, may_be_no_return(watch->relay) ? RELAY_PATIENCE_DEVICE_S : RELAY_PATIENCE_S);
    if (watch->sum.silent_ns > watch->patience_s * UINT64_C(1000000000)) {
        relay_fail(watch->relay, WIRE_REASON_WATCHDOG, true, "the other relay has said nothing for %.0f s",
                   (double)watch->sum.silent_ns / 1e9);
    }
}

/* When the guest stopped, as far as the stream tells; 0: it runs. */
static uint64_t stopped_ns(const Relay *relay)
{
    uint64_t ns = relay->state_ns[RELAY_SWITCHOVER];

    return ns > 0 ? ns : relay->state_ns[RELAY_DEVICE];
}

static void check_progress(RelayWatch *watch, uint64_t now, uint64_t stop_ns, double limit_s)
{
    uint64_t last_ns = watch->sum.progress_ns > stop_ns ? watch->sum.progress_ns : stop_ns;
    double still_s = now > last_ns ? (double)(now - last_ns) / 1e9 : 0;

    if (still_s > limit_s + watch->relay->config->watchdog_s) {
        relay_fail(watch->relay, WIRE_REASON_WATCHDOG, true,
                   "nothing has moved for %.1f s while the guest stands still (downtime limit %.0f ms): QEMU's connection is "
                   "closed so that the guest runs on at the source",
                   still_s, limit_s * 1e3);
    }
}

/* How long what is on the way will take, at the best. */
static double left_s_of(const RelayWatch *watch)
{
    const RelaySum *sum = &watch->sum;
    double rate = fmax(watch->link_bytes_per_s, fmax(sum->main.wire_bytes_per_s, watch->governor.config.link_bytes_per_s));

    return rate > 0 ? (double)sum->out_wire_bytes / rate : 0;
}

static void check_overrun(RelayWatch *watch, uint64_t now, uint64_t stop_ns, double limit_s)
{
    const RelaySum *sum = &watch->sum;
    const SrcChannelView *main = &sum->main;
    bool may_run = main->device_stream_bytes > 0 && main->credited_stream_bytes >= main->device_stream_bytes;
    double pause_s = (double)(now - stop_ns) / 1e9;
    double left_s = left_s_of(watch);

    if (watch->relay->config->abort_on_overrun && !may_run && pause_s + left_s > limit_s + OVERRUN_S) {
        relay_fail(watch->relay, WIRE_REASON_ASKED, true,
                   "the pause would be longer than its limit: the guest stands still for %.0f ms already and %" PRIu64
                   " bytes (%.0f ms) are on the way, limit %.0f ms; QEMU's connection is closed so that the guest runs on at the source",
                   pause_s * 1e3, sum->out_wire_bytes, left_s * 1e3, limit_s * 1e3);
    }
}

static void follow_pause(RelayWatch *watch, uint64_t now, uint64_t stop_ns, bool is_loaded)
{
    if (!watch->is_stopped) {
        watch->pause_s = NAN;
    } else if (!watch->is_loaded) {
        watch->is_loaded = is_loaded;
        watch->pause_s = (double)(now - stop_ns) / 1e9 + (is_loaded ? 0 : left_s_of(watch));
    }
}

uint64_t relay_watch_tick_ns(const RelayWatch *watch)
{
    return watch->is_stopped && !watch->is_loaded ? RELAY_TICK_STOPPED_NS : RELAY_TICK_NS;
}

static void check_source(RelayWatch *watch, uint64_t now)
{
    Relay *relay = watch->relay;

    pthread_mutex_lock(&relay->lock);
    bool is_postcopy = relay->state_ns[RELAY_POSTCOPY_DEVICE] > 0 || relay->state_ns[RELAY_POSTCOPY] > 0;
    uint64_t stop_ns = stopped_ns(relay);
    double limit_s = relay->downtime_limit_s;
    bool is_loaded = relay->return_watch.has_shut;
    pthread_mutex_unlock(&relay->lock);
    watch->is_stopped = stop_ns > 0 && !is_postcopy;
    follow_pause(watch, now, stop_ns, is_loaded || watch->sum.is_complete);
    if (stop_ns > 0 && !is_postcopy && !watch->sum.is_complete) {
        check_progress(watch, now, stop_ns, limit_s);
        check_overrun(watch, now, stop_ns, limit_s);
    }
}

/* ---- what the link carries, and the governor ---- */

static void measure_link(RelayWatch *watch, uint64_t now)
{
    const RelaySum *sum = &watch->sum;

    watch->window_is_limited &= sum->is_limited;
    if (now - watch->window_ns < RELAY_STATUS_NS) {
        return;
    }
    if (watch->window_is_limited) {
        double rate = (double)(sum->credited_wire_bytes - watch->window_wire_bytes) / ((double)(now - watch->window_ns) / 1e9);

        watch->link_windows[watch->link_windows_length++ % LINK_WINDOWS] = rate;
        watch->link_bytes_per_s = 0;
        for (unsigned i = 0; i < LINK_WINDOWS; i++) {
            watch->link_bytes_per_s = fmax(watch->link_bytes_per_s, watch->link_windows[i]);
        }
    } else if (watch->link_windows_length == 0) {
        watch->link_bytes_per_s = sum->main.wire_bytes_per_s; /* at least this */
    }
    watch->window_ns = now;
    watch->window_wire_bytes = sum->credited_wire_bytes;
    watch->window_is_limited = true;
}

/* QEMU counts a page of multifd as sent when it is in a packet, and each connection may have one that is on its way into the socket. */
static double packets_s(const RelayWatch *watch)
{
    double link = watch->governor.config.link_bytes_per_s > 0 ? watch->governor.config.link_bytes_per_s : watch->link_bytes_per_s;
    double bytes = watch->relay->channels > 1 ? (watch->relay->channels - 1) * (double)MULTIFD_PACKET_BYTES : 0;

    return link > 0 ? fmin(bytes / link, watch->governor.config.downtime_limit_s / 2) : 0;
}

/* What goes through as it is tells nothing of pages, passes or what was sent before: no more can be promised than the link, and no more than
 * what went all the way lately. */
static const GovernorPass *opaque_progress(RelayWatch *watch, uint64_t now)
{
    const RelaySum *sum = &watch->sum;

    if (now - watch->opaque_ns >= OPAQUE_WINDOW_NS) {
        watch->opaque = (GovernorPass){.pages = 1,
                                       .stream_bytes = sum->credited_stream_bytes - watch->opaque_stream_bytes,
                                       .wire_bytes = sum->credited_wire_bytes - watch->opaque_wire_bytes,
                                       .seconds = (double)(now - watch->opaque_ns) / 1e9};
        watch->opaque_ns = now;
        watch->opaque_stream_bytes = sum->credited_stream_bytes;
        watch->opaque_wire_bytes = sum->credited_wire_bytes;
    }
    return &watch->opaque;
}

static void feed_governor(RelayWatch *watch)
{
    Relay *relay = watch->relay;
    const SrcChannelView *main = &watch->sum.main;

    pthread_mutex_lock(&relay->lock);
    uint64_t pace = relay->pace.bytes_per_s;

    watch->governor.config.downtime_limit_s = relay->downtime_limit_s;
    pthread_mutex_unlock(&relay->lock);
    double told = relay->config->governor.link_bytes_per_s; /* what the link carries; a command may have changed the pace */
    bool is_paced = pace > 0 && !(told > 0 && told < (double)pace);

    watch->governor.config.link_bytes_per_s = is_paced ? (double)pace : told;
    governor_link(&watch->governor, watch->link_bytes_per_s, (double)main->rtt_ns / 1e9);
    for (unsigned i = 0; i < main->passes_length; i++) {
        governor_pass(&watch->governor, &main->passes[i]);
        watch->passes_told++;
        relay_status_tell_pass(watch, &main->passes[i]);
    }
    bool is_opaque = relay->config->parse.capabilities & SRC_CAPABILITY_MULTIFD;

    if (is_opaque) {
        watch->governor.config.fixed_s = relay->config->governor.fixed_s + packets_s(watch);
    }
    governor_progress(&watch->governor, is_opaque ? opaque_progress(watch, relay_now_ns()) : &main->pass_now);
    watch->verdict = governor_judge(&watch->governor);
    if (watch->verdict.cannot_converge && !watch->told_cannot) {
        relay_status_tell_cannot(watch);
    }
    watch->told_cannot = watch->verdict.cannot_converge;
}

/* ---- the codec ---- */

/* What the host has left for the codec's threads, in cores: what was idle in the last 'seconds' and what they used; at least the share that
 * the scheduler would give them among all that want to run. */
static double cores_free(RelayWatch *watch, double threads, double busy_s, double seconds)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[1024];
    double cores = 0;
    unsigned long long running = 0;
    unsigned long long ticks[5] = {0};

    while (file && fgets(line, sizeof(line), file)) {
        double cpu = strncmp(line, "cpu", 3) == 0 && line[3] != ' ';

        cores += cpu;
        if (sscanf(line, "procs_running %llu", &running) != 1 && !cpu) {
            sscanf(line, "cpu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4]);
        }
    }
    if (file) {
        fclose(file);
    }
    uint64_t idle = ticks[3] + ticks[4];
    double idle_s = watch->cpu_idle > 0 && idle > watch->cpu_idle
                        ? (double)(idle - watch->cpu_idle) / (double)sysconf(_SC_CLK_TCK)
                        : 0;

    watch->cpu_idle = idle;
    watch->cpu_running += 0.25 * ((double)running - watch->cpu_running);
    double others = fmax(0, watch->cpu_running - 1 - busy_s / seconds); /* without who asks, and the codec's own threads */

    return fmin(threads, fmax((idle_s + busy_s) / seconds, cores * threads / (others + threads)));
}

static void use_choice(RelayWatch *watch, const CodecChoice *choice)
{
    Relay *relay = watch->relay;

    snprintf(watch->level_reason, sizeof(watch->level_reason), "%s", choice->reason);
    if (choice->level != watch->level) {
        watch->level = choice->level;
        for (unsigned i = 0; i < relay->channels; i++) {
            src_channel_set_codec(relay->src[i], choice->level);
        }
    }
}

/* What happened since the last choice, as far as channel 0 shows. */
static CodecMeasure measure_codec(RelayWatch *watch, double seconds)
{
    const RelaySum *sum = &watch->sum;
    const CodecPoolStats *codec = &sum->main.codec;
    const CodecPoolStats *before = &watch->picked_codec;
    double busy_s = (double)(codec->busy_ns - before->busy_ns) / 1e9;
    double raw_bytes = (double)(codec->raw_bytes - before->raw_bytes);
    double told = watch->governor.config.link_bytes_per_s;
    double threads = watch->relay->config->threads > 0 ? watch->relay->config->threads : 1;

    return (CodecMeasure){
        .level = watch->level,
        .link_bytes_per_s = told > 0 ? told : watch->link_bytes_per_s,
        .raw_bytes_per_s = raw_bytes / seconds,
        .wire_bytes_per_s = (double)(codec->wire_bytes - before->wire_bytes) / seconds,
        .codec_bytes_per_cpu_s = busy_s > 0 ? raw_bytes / busy_s : 0,
        .cores_free = cores_free(watch, threads, busy_s, seconds),
        .link_is_limit = watch->picked_limited * 2 > watch->picked_looks,
        .can_be_slow = sum->main.parse.state != SRC_STREAM_POSTCOPY,
    };
}

/* Without a codec nothing is seen of the content, and memory changes from noise to text within a pass.  Where the link is waited for and
 * the fastest codec is far from being the limit, it looks instead: what it cannot compress goes as it is. */
static void keep_eyes_open(const CodecMeasure *measure, CodecChoice *choice)
{
    const CodecLevel *fastest = codec_level_find("lz4");
    double carries = measure->cores_free * LOOK_BYTES_PER_CPU_S;

    if (fastest && choice->level->codec == WIRE_CODEC_NONE && measure->link_is_limit && measure->link_bytes_per_s > 0 &&
        carries > LOOK_TIMES * measure->link_bytes_per_s) {
        choice->level = fastest;
    }
}

static void pick_codec(RelayWatch *watch, uint64_t now)
{
    watch->picked_looks++;
    watch->picked_limited += watch->sum.is_limited;
    if (watch->relay->config->codec || now - watch->picked_ns < RELAY_STATUS_NS) {
        return;
    }
    CodecMeasure measure = measure_codec(watch, (double)(now - watch->picked_ns) / 1e9);
    CodecChoice choice = codec_pick(&watch->picker, &measure);

    keep_eyes_open(&measure, &choice);
    use_choice(watch, &choice);
    watch->picked_ns = now;
    watch->picked_codec = watch->sum.main.codec;
    watch->picked_looks = watch->picked_limited = 0;
}

static void tell_status(RelayWatch *watch, uint64_t now)
{
    Relay *relay = watch->relay;

    pthread_mutex_lock(&relay->lock);
    bool asked = relay->status_wanted;

    relay->status_wanted = false;
    pthread_mutex_unlock(&relay->lock);
    if (asked || (watch->sum.is_connected && now - watch->status_ns >= RELAY_STATUS_NS)) {
        watch->status_ns = now;
        relay_status_tell(watch);
    }
}

void relay_watch_look(RelayWatch *watch)
{
    uint64_t now = relay_now_ns();

    sum_up(watch, now);
    check_silence(watch);
    if (watch->relay->config->side == RELAY_SOURCE && watch->sum.is_connected) {
        check_source(watch, now);
        measure_link(watch, now);
        feed_governor(watch);
        pick_codec(watch, now);
    }
    tell_status(watch, now);
}
