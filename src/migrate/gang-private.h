/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the gang share.
 *
 *     gang.c          the gang as a whole: the tick, the end
 *     gang-places.c   who may begin: waves, places on hosts
 *     gang-member.c   one VM: checks before its start, the events of its job, the truth, its outcome
 *     gang-relay.c    the relays that carry a member's memory
 *     gang-steer.c    what is said to running migrations: shares of bandwidth, post-copy, stuck, stalled, stopped
 *
 * Lifetime: the driver's answers come back with a Member as 'user'; gang->pending counts them, and a gang that is freed
 * meanwhile only goes with the last of them. */
#pragma once

#include "migrate/gang.h"
#include "migrate/machine.h"
#include "migrate/storage.h"
#include "migrate/truth.h"

#define TICK_NS (500 * NS_PER_MS)

/* No byte for so long while memory should move: the link is dead. */
#define STALL_LIMIT_NS (30 * NS_PER_S)

/* A broken post-copy is tried to be taken up again so often, RECOVER_PAUSE_NS apart at first, then twice as far each
 * time. */
#define RECOVERIES_MAX   5
#define RECOVER_PAUSE_NS (2 * NS_PER_S)

/* on_done waits so long for answers that are still to come. */
#define LAST_ANSWERS_NS (5 * NS_PER_S)

typedef struct Member Member;

/* What the gang has to do with one host. */
typedef struct GangHost {
    const HostConfig *config; /* NULL: of no inventory */
    guint outgoing;           /* members that run and leave it */
    guint incoming;
    GPtrArray *running;       /* Member, either way */
    GPtrArray *leaving;       /* Member, all that ever leave it, in the order of the plan */
    guint leaving_front;      /* none before waits */
    GPtrArray *arriving;
    guint arriving_front;
    gboolean is_changed;      /* who runs there is another since links were divided */
} GangHost;

struct Member {
    Gang *gang;
    guint index;
    const PlanStep *step;
    GangHost *source;
    GangHost *destination;
    Machine machine;
    GangProgress progress;
    DriverJob *job; /* NULL: none runs */
    Truth *truth;
    Outcome *outcome; /* owned until the gang is done */

    /* before the start */
    guint checks_waiting;
    char *refusal;
    Fault refusal_fault;
    gboolean was_paused;
    StorageSurvey *survey;
    GPtrArray *copy_disks;

    /* what was asked of the job */
    gboolean may_postcopy;
    gboolean is_postcopy_asked; /* under way or accepted */
    gboolean wants_postcopy;    /* was refused or is not possible yet; asked again at the next pass or tick */
    guint postcopy_refusals;
    gboolean is_forced;
    gboolean wants_cancel;
    gboolean is_cancel_asked; /* under way */
    Fault cancel_reason;
    gboolean is_broken_asked;
    gint64 stalled_ns; /* since when nothing moves that should; 0: it moves */
    guint64 applied_bytes_per_s;
    gboolean is_bandwidth_asked;
    gboolean is_stats_asked;

    /* the relays that carry its memory; gang-relay.c */
    RelayPair *relay;    /* NULL: none, or they have ended */
    gboolean goes_plain; /* without, whatever was planned; nor over several compressed connections */
    gboolean is_multifd; /* the job sends over several connections, compressed by QEMU */
    gboolean is_relayed; /* the pair was ready: the job goes through it */
    gboolean relay_broke;
    gboolean relay_gave_up; /* to keep the downtime limit */
    gboolean is_hopeless; /* the relay has said that it cannot converge */
    char *relay_socket;
    char *relay_words; /* for the outcome */
    char *why_postcopy; /* of one that was planned as pre-copy; for the outcome, whatever is remarked later */
    guint64 switchover_bytes_per_s; /* that QEMU was told at the start */
    gint64 applied_limit_ns;
    gboolean is_limit_asked;
    RelayFigures relay_figures;
    guint last_word_timer;
    guint attempts_before; /* those that a relay has broken, or given up */
    guint64 bytes_before;

    /* what came of it */
    gint64 first_pass_ns;
    gint64 switched_ns;
    gint64 ended_ns;
    gint64 moved_ns; /* when a byte was last seen moving */
    double smoothed_bytes_per_s; /* for people */
    guint64 moved_bytes;
    guint64 most_left_bytes;
    guint recoveries;
    gboolean is_beyond_recovery;
    guint timer; /* of a recovery */
    gboolean job_succeeded;
    Fault blame;
    char *job_error;
    char *remark;
};

struct Gang {
    const Plan *plan;
    GHashTable *hosts; /* name -> HostConfig, borrowed */
    Driver *driver;
    RelayProvider *relays; /* NULL: none */
    Clock *clock;
    GangProgressFunc on_progress;
    GangDoneFunc on_done;
    gpointer user;
    Member *members; /* [length] */
    guint length;
    GHashTable *places;   /* name -> GangHost */
    GPtrArray *running;   /* Member, in the order in which they began */
    GPtrArray *changed;   /* GangHost */
    GArray *waves;        /* by number; gang-places.c */
    guint wave;           /* index of the present one */
    gboolean is_wave_new; /* nobody of it was looked at yet */
    guint pending; /* answers of the driver that are still to come */
    guint stats_waiting;
    guint tick_timer;
    guint end_timer;
    gboolean is_stopping;
    gboolean is_finished; /* on_done was called */
    gboolean is_freed;    /* by its owner */
};

gint64 gang_now(const Gang *gang);
const HostConfig *gang_host(const Gang *gang, const char *name);

/* The owner is told that 'member' has news. */
void gang_tell(Member *member);

/* An answer of the driver has come; FALSE: the gang is freed and must not be touched. */
gboolean gang_took(Gang *gang);

/* Starts what may start, ends what is over. */
void gang_go_on(Gang *gang);

/* ---- gang-places.c ---- */
void places_init(Gang *gang);
void places_clear(Gang *gang);

/* Keeps count after the phase of 'member' was 'before'. */
void places_follow(Member *member, Phase before);

/* Begins whoever may. */
void places_begin_next(Gang *gang);
gboolean places_all_done(Gang *gang);

/* ---- gang-member.c ---- */

/* A place is free: checks both hosts, then starts. */
void member_begin(Member *member);

/* Everything is ready: the driver migrates, or takes up a broken post-copy again. */
void member_start_job(Member *member);

/* What carries the job that ran last. */
Way member_way(const Member *member);
void member_recover_job(Member *member);

/* FALSE: it was refused meanwhile, and is done. */
gboolean member_is_still_wanted(Member *member);

/* The job has ended and nobody else will say anything about it. */
void member_ask_truth(Member *member);

/* Done without a truth to ask for. */
void member_refuse(Member *member, Fault fault, char *message /* taken */);
void member_remark(Member *member, char *remark /* taken */);
gboolean member_runs(const Member *member); /* holds its places */
gboolean member_is_done(const Member *member);
void member_clear(Member *member);
void member_on_event(const JobEvent *event, gpointer user);

/* ---- gang-relay.c ---- */

gboolean relay_is_wanted(const Member *member);

/* Pages move between the relays; also when there are none.  A post-copy that is begun before lies in a socket's buffer with its
 * device state, and a link that is dead then takes the guest along. */
gboolean relay_carries(const Member *member);

/* Asks for a pair; the member's job is started or recovered when there is an answer. */
void relay_begin(Member *member);
void relay_fill_request(Member *member, MigrationRequest *request);
void relay_set_rate(Member *member, guint64 bytes_per_s);
void relay_lift_limit(Member *member); /* the guest is stopped above its limit, on the operator's word */

/* The job has ended.  TRUE: its relays may have a last word, and member_ask_truth is called after it. */
gboolean relay_hear_out(Member *member);
void relay_forget(Member *member);

/* ---- gang-steer.c ---- */

/* The share of the links that 'member' has now. */
guint64 steer_share(Gang *gang, const Member *member);

/* Divides the links anew among those that run; or only the links of hosts where somebody began or ended since. */
void steer_divide(Gang *gang);
void steer_divide_changed(Gang *gang);

/* A pass began. */
void steer_on_pass(Member *member);

/* Asks for post-copy, if that was put off. */
void steer_wanted_postcopy(Member *member);

/* Twice a second. */
void steer_on_tick(Member *member);
void steer_cancel(Member *member, Fault reason);

/* Its relay gave up at the switchover: whether what is done about that is a post-copy from the beginning. */
gboolean steer_may_postcopy_instead(const Member *member);

/* Its relay says, with numbers, that no pre-copy can keep the downtime limit. */
void steer_hopeless(Member *member, const char *reason);

/* Bytes move (again). */
void steer_note_moved(Member *member);
