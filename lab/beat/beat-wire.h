/* SPDX-License-Identifier: Apache-2.0
 *
 * What a guest of the lab and the collector say to each other.
 *
 * The guest sends Ethernet frames with a private protocol number through its virtio network
 * card.  QEMU's "udp" network backend wraps each frame in one UDP datagram and sends it to the
 * collector, from the address of the host where that QEMU runs: so every beat says by itself
 * where the VM is, and nothing has to be connected again after a migration.  (A virtio-serial
 * port was the first idea.  QEMU never opens such a port on a udp character device, and a
 * virtio console makes the guest's vCPU spin until QEMU has taken each beat, which the load
 * would pay for.)  The collector answers to the address the latest beat came from.
 *
 * One message is one frame; both ends are little-endian x86, packed structs as they are. */
#ifndef LAB_BEAT_WIRE_H
#define LAB_BEAT_WIRE_H

#include <stdint.h>

#define BEAT_ETHERTYPE   0x88b5         /* IEEE 802: local experiment 1 */
#define BEAT_MAGIC       0x54574447u    /* "GDWT" */
#define BEAT_VERSION     1
#define BEAT_UDP_PORT    7777           /* the collector's */
#define BEAT_NAME_BYTES  32             /* with the closing zero */
#define BEAT_TEXT_BYTES  1200
#define BEAT_PERIOD_MS   10

enum BeatKind {
    BEAT_KIND_BEAT = 1,                 /* guest to collector, every BEAT_PERIOD_MS */
    BEAT_KIND_VERIFY = 2,               /* collector to guest, repeated until answered */
    BEAT_KIND_VERDICT = 3,              /* guest to collector, once for each VERIFY received */
};

enum BeatFlags {
    BEAT_READY = 1,                     /* memory is filled, disks are marked, the load runs */
    BEAT_WORK_KNOWN = 2,                /* work_bytes means something */
    BEAT_PAUSED = 4,                    /* the load stands still for a check */
    BEAT_EXEC_ENDED = 8,                /* --exec: the command has ended */
    BEAT_WRONG_SUM = 16,                /* a read pass of the load met a wrong sum */
};

struct BeatHead {
    uint8_t dst[6], src[6];
    uint16_t ethertype;                 /* big-endian, as on every Ethernet */
    uint32_t magic;
    uint16_t version;
    uint16_t kind;                      /* enum BeatKind */
    char name[BEAT_NAME_BYTES];
} __attribute__((packed));

struct Beat {
    struct BeatHead head;
    uint32_t boot_id;                   /* random for each boot: a reboot is no gap */
    uint32_t flags;                     /* enum BeatFlags */
    uint64_t seq;                       /* 0, 1, 2, ... since boot */
    uint64_t guest_ns;                  /* the guest's CLOCK_MONOTONIC */
    uint64_t work_bytes;                /* bytes of area the load has passed over (--exec: /run/work) */
    uint64_t passes;                    /* complete passes, of the slowest worker */
} __attribute__((packed));

struct BeatVerify {
    struct BeatHead head;
    uint32_t id;                        /* of the question; repeated in the verdict */
    uint32_t pad;
} __attribute__((packed));

struct BeatVerdict {
    struct BeatHead head;
    uint32_t id;
    uint32_t wrong;                     /* number of differences; 0 is "OK" */
    char text[BEAT_TEXT_BYTES];         /* lines, zero-terminated */
} __attribute__((packed));

_Static_assert(sizeof(struct BeatHead) == 54, "the head is part of the wire format");
_Static_assert(sizeof(struct Beat) == 94, "the beat is part of the wire format");
_Static_assert(sizeof(struct BeatVerdict) <= 1500, "a verdict fits an Ethernet frame");

#endif
