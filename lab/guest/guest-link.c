/* SPDX-License-Identifier: Apache-2.0
 *
 * The heartbeat, and orders from the collector (format: beat-wire.h).
 *
 * Two threads.  The beating one runs SCHED_FIFO above every load, wakes at absolute times, sends
 * and sleeps again; it allocates nothing and takes no lock, so a beat that is missing means that
 * the VM stood still.  Beats that fell due while it did are not sent late.  The listening one
 * carries out one order at a time and remembers its answer: the collector repeats an order until
 * it is answered, because a datagram may be lost when the VM moves. */
#include "guest.h"
#include "../beat/beat-wire.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int link_fd = -1;
static struct BeatHead head;            /* constant after link_start() */
static bool is_exec;
static atomic_bool is_ready;

static void head_init(const char *name, const struct ifreq *card)
{
    memset(head.dst, 0xff, sizeof(head.dst));
    memcpy(head.src, card->ifr_hwaddr.sa_data, sizeof(head.src));
    head.ethertype = htons(BEAT_ETHERTYPE);
    head.magic = BEAT_MAGIC;
    head.version = BEAT_VERSION;
    memcpy(head.name, name, strnlen(name, sizeof(head.name) - 1));
}

static void card_open(const char *name)
{
    struct ifreq card = { 0 };

    strcpy(card.ifr_name, "eth0");
    link_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(BEAT_ETHERTYPE));
    if (link_fd < 0 || ioctl(link_fd, SIOCGIFFLAGS, &card) != 0) {
        die("the network card for the heartbeat is missing: %m");
    }
    card.ifr_flags |= IFF_UP;
    if (ioctl(link_fd, SIOCSIFFLAGS, &card) != 0 || ioctl(link_fd, SIOCGIFHWADDR, &card) != 0) {
        die("the network card for the heartbeat does not come up: %m");
    }
    head_init(name, &card);
    if (ioctl(link_fd, SIOCGIFINDEX, &card) != 0) {
        die("the network card for the heartbeat has no number: %m");
    }
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(BEAT_ETHERTYPE), .sll_ifindex = card.ifr_ifindex,
    };
    if (bind(link_fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        die("the heartbeat cannot use its network card: %m");
    }
}

static uint32_t work_flags(uint64_t *work, uint64_t *passes)
{
    int status = 0;
    uint32_t flags = 0;

    if (!is_exec) {
        *work = area_work_bytes() + loads_work_bytes();
        *passes = area_passes() + loads_steps();
        return BEAT_WORK_KNOWN | (area_is_paused() || loads_are_paused() ? BEAT_PAUSED : 0) | (area_met_wrong_sum() ? BEAT_WRONG_SUM : 0);
    }
    flags |= exec_work(work) ? BEAT_WORK_KNOWN : 0;
    flags |= exec_has_ended(&status) ? BEAT_EXEC_ENDED : 0;
    return flags;
}

static void beat_send(struct Beat *beat)
{
    struct timespec now;
    uint64_t work = 0, passes = 0;

    clock_gettime(CLOCK_MONOTONIC, &now);
    beat->guest_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
    beat->flags = work_flags(&work, &passes) | (atomic_load(&is_ready) ? BEAT_READY : 0);
    beat->work_bytes = work;
    beat->passes = passes;
    /* A full queue loses this beat: it would be a lie if it came late. */
    (void)send(link_fd, beat, sizeof(*beat), MSG_DONTWAIT);
    beat->seq++;
}

static void *beat_run(void *unused)
{
    const long period_ns = BEAT_PERIOD_MS * 1000000l;
    struct Beat beat = { .head = head };
    struct timespec due, now;

    (void)unused;
    beat.head.kind = BEAT_KIND_BEAT;
    if (getrandom(&beat.boot_id, sizeof(beat.boot_id), GRND_INSECURE) < 0) {
        die("no random number for this boot: %m");
    }
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        beat_send(&beat);
        due.tv_nsec += period_ns;
        if (due.tv_nsec >= 1000000000l) {
            due.tv_nsec -= 1000000000l;
            due.tv_sec++;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > due.tv_sec || (now.tv_sec == due.tv_sec && now.tv_nsec > due.tv_nsec)) {
            due = now;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    return NULL;
}

static void verdict_make(struct BeatVerdict *answer, uint32_t id)
{
    Verdict verdict = { 0 };

    guest_verify(&verdict);
    answer->head = head;
    answer->head.kind = BEAT_KIND_VERDICT;
    answer->id = id;
    answer->wrong = verdict.wrong;
    memcpy(answer->text, verdict.text, sizeof(answer->text));
}

static void *orders_run(void *unused)
{
    static struct BeatVerdict answer;
    struct BeatVerify order;

    (void)unused;
    for (;;) {
        ssize_t length = recv(link_fd, &order, sizeof(order), 0);

        if (length < (ssize_t)sizeof(order) || order.head.magic != BEAT_MAGIC || order.head.kind != BEAT_KIND_VERIFY
            || strncmp(order.head.name, head.name, sizeof(head.name)) != 0) {
            continue;
        }
        if (answer.head.magic == 0 || answer.id != order.id) {
            verdict_make(&answer, order.id);
        }
        (void)send(link_fd, &answer, sizeof(answer), 0);
    }
    return NULL;
}

void link_start(const Settings *settings)
{
    pthread_t beating, listening;
    struct sched_param urgent = { .sched_priority = 50 };

    is_exec = settings->exec;
    card_open(settings->name);
    if (pthread_create(&beating, NULL, beat_run, NULL) != 0
        || pthread_create(&listening, NULL, orders_run, NULL) != 0) {
        die("cannot start the heartbeat");
    }
    if (pthread_setschedparam(beating, SCHED_FIFO, &urgent) != 0) {
        die("the heartbeat cannot run before the load");
    }
}

void link_set_ready(void)
{
    atomic_store(&is_ready, true);
}
