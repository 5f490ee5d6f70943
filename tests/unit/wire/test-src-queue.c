/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/src-queue.c and src/wire/src-pace.c on a simulated link: a rate, a propagation time each way, a destination that takes its
 * time, all in virtual time. */
#include "wire/src-queue.h"

#include "wire/src-pace.h"

#include <errno.h>
#include <glib.h>

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

typedef struct Link {
    double bytes_per_s;
    uint64_t way_ns;         /* one way */
    uint64_t write_ns;       /* the destination's time for a frame */
    double wire_per_raw;
    double stream_per_raw;
} Link;

typedef struct Arrival {
    uint64_t credit_ns;
    WireCredit credit;
} Arrival;

typedef struct World {
    SrcQueue queue;
    Link link;
    uint64_t now_ns;
    uint64_t link_free_ns, destination_free_ns;
    uint64_t sequence;
    WireCredit credit;
    Arrival arrivals[1024];
    unsigned first, length;
    uint64_t delivered_wire, delay_ns_max; /* since world_reset */
} World;

static World *world_new(Link link, uint64_t told)
{
    World *world = g_new0(World, 1);

    world->now_ns = 100 * S;
    world->link = link;
    src_queue_init(&world->queue, told, 0, world->now_ns);
    src_queue_pinged(&world->queue, 2 * link.way_ns + 1);
    return world;
}

static void world_send(World *world, uint32_t raw_bytes)
{
    WireHeader header = {.type = WIRE_DATA,
                         .raw_bytes = raw_bytes,
                         .wire_bytes = (uint32_t)(raw_bytes * world->link.wire_per_raw),
                         .stream_bytes = (uint32_t)(raw_bytes * world->link.stream_per_raw),
                         .sequence = ++world->sequence};
    uint64_t wire_bytes = header.wire_bytes + WIRE_HEADER_BYTES;

    src_queue_submitted(&world->queue, &header);
    src_queue_sent(&world->queue, &header, world->now_ns);
    world->link_free_ns = MAX(world->link_free_ns, world->now_ns) + (uint64_t)((double)wire_bytes / world->link.bytes_per_s * 1e9);
    world->destination_free_ns = MAX(world->destination_free_ns, world->link_free_ns + world->link.way_ns) + world->link.write_ns;
    world->credit.sequence = header.sequence;
    world->credit.wire_bytes += wire_bytes;
    world->credit.stream_bytes += header.stream_bytes;
    world->delay_ns_max = MAX(world->delay_ns_max, world->destination_free_ns - world->now_ns);
    world->arrivals[(world->first + world->length++) % G_N_ELEMENTS(world->arrivals)] =
        (Arrival){.credit_ns = world->destination_free_ns + world->link.way_ns, .credit = world->credit};
}

static void world_credit(World *world)
{
    Arrival arrival = world->arrivals[world->first];

    world->first = (world->first + 1) % G_N_ELEMENTS(world->arrivals);
    world->length--;
    world->now_ns = MAX(world->now_ns, arrival.credit_ns);
    world->delivered_wire += arrival.credit.wire_bytes - world->queue.credited_wire;
    g_assert_cmpint(src_queue_credited(&world->queue, &arrival.credit, world->now_ns), ==, 0);
}

/* Sends whatever may be sent for 'ns', as QEMU with endless work does. */
static void world_run(World *world, uint64_t ns)
{
    uint64_t until_ns = world->now_ns + ns;

    world->delivered_wire = world->delay_ns_max = 0;
    while (world->now_ns < until_ns) {
        while (src_queue_may_begin(&world->queue)) {
            world_send(world, src_queue_frame_raw_bytes(&world->queue));
        }
        world_credit(world);
    }
}

/* The link is filled, and no frame is on the way for longer than it must. */
static void check_fills(Link link, double share, uint64_t slack_ns)
{
    World *world = world_new(link, 0);

    world_run(world, 2 * S);
    world_run(world, 2 * S);
    g_assert_cmpfloat((double)world->delivered_wire / 2, >=, share * link.bytes_per_s);
    g_assert_cmpuint(world->delay_ns_max, <=, 2 * link.way_ns + link.write_ns + slack_ns);
    g_free(world);
}

static void test_fills_links_and_stays_short(void)
{
    static const double rates[] = {12.5e6, 100e6, 1000e6};
    static const uint64_t ways_ms[] = {0, 3, 10};

    for (unsigned r = 0; r < G_N_ELEMENTS(rates); r++) {
        for (unsigned w = 0; w < G_N_ELEMENTS(ways_ms); w++) {
            check_fills((Link){.bytes_per_s = rates[r], .way_ns = ways_ms[w] * MS + 50000, .write_ns = 30000,
                               .wire_per_raw = 0.5, .stream_per_raw = 1},
                        0.9, 18 * MS);
        }
    }
}

/* The trap that src-queue.c describes: a destination that always needs longer than the smallest time ever seen, plus slack. */
static void test_leaves_the_spiral(void)
{
    World *world = world_new((Link){.bytes_per_s = 100e6, .way_ns = 100000, .write_ns = 10000, .wire_per_raw = 1, .stream_per_raw = 1}, 0);

    world_run(world, 1 * S);
    world->link.way_ns = 30 * MS; /* the path has become longer by six times the slack */
    world_run(world, 10 * S);
    world_run(world, 2 * S);
    g_assert_cmpfloat((double)world->delivered_wire / 2, >=, 0.2 * world->link.bytes_per_s);
    g_free(world);
}

static void test_postcopy_halves_the_slack(void)
{
    World *world = world_new((Link){.bytes_per_s = 12.5e6, .way_ns = 100000, .write_ns = 10000, .wire_per_raw = 1, .stream_per_raw = 1}, 0);

    world_run(world, 2 * S);
    src_queue_set_postcopy(&world->queue);
    world_run(world, 1 * S);
    world_run(world, 1 * S);
    g_assert_cmpuint(world->delay_ns_max, <=, 9 * MS);
    g_assert_cmpfloat((double)world->delivered_wire, >=, 0.85 * world->link.bytes_per_s);
    g_free(world);
}

/* Unchanged pages: 500 bytes of stream for each on the wire. */
static void test_bounds_raw_bytes(void)
{
    World *world = world_new((Link){.bytes_per_s = 1000e6, .way_ns = 50000, .write_ns = 2 * MS, .wire_per_raw = 1, .stream_per_raw = 128}, 0);

    while (src_queue_may_begin(&world->queue)) {
        world_send(world, 8192);
    }
    g_assert_cmpuint(src_queue_stream_bytes(&world->queue), <=, SRC_QUEUE_STREAM_BYTES_FLOOR + WIRE_STREAM_BYTES_MAX);
    g_assert_cmpuint(src_queue_stream_bytes(&world->queue), >=, SRC_QUEUE_STREAM_BYTES_FLOOR);
    g_free(world);
}

static void test_window_of_the_destination_holds(void)
{
    World *world = world_new((Link){.bytes_per_s = 1000e6, .way_ns = 50000, .wire_per_raw = 1, .stream_per_raw = 1}, 0);

    world->queue.window_bytes = 100 * 1024;
    while (src_queue_may_begin(&world->queue)) {
        world_send(world, 16 * 1024);
    }
    g_assert_cmpuint(src_queue_stream_bytes(&world->queue), <=, 112 * 1024 + 16);
    g_assert_cmpuint(src_queue_frame_stream_bytes(&world->queue), <=, 50 * 1024);
    g_free(world);
}

static void test_frames_fit_the_rate(void)
{
    SrcQueue *queue = g_new0(SrcQueue, 1);

    src_queue_init(queue, 12500000, 0, S);
    g_assert_cmpuint(src_queue_frame_raw_bytes(queue), ==, 31250);
    src_queue_set_postcopy(queue);
    g_assert_cmpuint(src_queue_frame_raw_bytes(queue), ==, 15625);
    src_queue_init(queue, 1000000000, 0, S);
    g_assert_cmpuint(src_queue_frame_raw_bytes(queue), ==, SRC_QUEUE_FRAME_WIRE_BYTES_MAX);
    src_queue_init(queue, 1000, 0, S);
    g_assert_cmpuint(src_queue_frame_raw_bytes(queue), ==, SRC_QUEUE_FRAME_WIRE_BYTES_MIN);
    g_free(queue);
}

static void test_refuses_wrong_credits(void)
{
    World *world = world_new((Link){.bytes_per_s = 1e6, .wire_per_raw = 1, .stream_per_raw = 1}, 0);

    world_send(world, 1000);
    world_send(world, 1000);
    WireCredit right = {.sequence = 1, .wire_bytes = 1000 + WIRE_HEADER_BYTES, .stream_bytes = 1000};
    WireCredit early = {.sequence = 3, .wire_bytes = right.wire_bytes, .stream_bytes = 1000};
    WireCredit much = {.sequence = 2, .wire_bytes = right.wire_bytes * 3, .stream_bytes = 2000};
    SrcQueue before = world->queue;

    g_assert_cmpint(src_queue_credited(&world->queue, &early, world->now_ns + 1), ==, -EPROTO);
    world->queue = before;
    g_assert_cmpint(src_queue_credited(&world->queue, &much, world->now_ns + 1), ==, -EPROTO);
    world->queue = before;
    g_assert_cmpint(src_queue_credited(&world->queue, &right, world->now_ns + 1), ==, 0);
    g_assert_cmpint(src_queue_credited(&world->queue, &right, world->now_ns + 2), ==, -EPROTO);
    g_assert_false(src_queue_is_idle(&world->queue));
    g_free(world);
}

static void test_pace_is_kept(void)
{
    SrcPace pace = {.bytes_per_s = 10000000};
    uint64_t now = 5 * S;
    uint64_t sent = 0;

    while (now < 6 * S) {
        now += src_pace_wait_ns(&pace, now);
        src_pace_take(&pace, 20000, now);
        sent += 20000;
    }
    g_assert_cmpuint(sent, >=, 9900000);
    g_assert_cmpuint(sent, <=, 10100000);
    src_pace_set(&pace, 0);
    g_assert_cmpuint(src_pace_wait_ns(&pace, now), ==, 0);
}

static void test_pace_may_be_overdrawn(void)
{
    SrcPace pace = {.bytes_per_s = 1000000};

    src_pace_take(&pace, 100000, S);
    g_assert_cmpuint(src_pace_wait_ns(&pace, S), ==, 98 * MS);
    g_assert_cmpuint(src_pace_wait_ns(&pace, S + 98 * MS), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/src-queue/fills-links-and-stays-short", test_fills_links_and_stays_short);
    g_test_add_func("/src-queue/leaves-the-spiral", test_leaves_the_spiral);
    g_test_add_func("/src-queue/post-copy-halves-the-slack", test_postcopy_halves_the_slack);
    g_test_add_func("/src-queue/bounds-raw-bytes", test_bounds_raw_bytes);
    g_test_add_func("/src-queue/window-of-the-destination-holds", test_window_of_the_destination_holds);
    g_test_add_func("/src-queue/frames-fit-the-rate", test_frames_fit_the_rate);
    g_test_add_func("/src-queue/refuses-wrong-credits", test_refuses_wrong_credits);
    g_test_add_func("/src-pace/is-kept", test_pace_is_kept);
    g_test_add_func("/src-pace/may-be-overdrawn", test_pace_may_be_overdrawn);
    return g_test_run();
}
