/* What the files of the relay share: relay.c (letters and their errands), run.c (one attempt), destination.c
 * (next hops), carrier.c (one session with one of them), maildrop.c, intake.c, notification.c. */
#ifndef VEDETTE_GATEWAY_RELAY_PRIVATE_H
#define VEDETTE_GATEWAY_RELAY_PRIVATE_H

#include "courier/session.h"
#include "gateway/envelope.h"
#include "gateway/next_hop.h"
#include "gateway/relay.h"
#include "gateway/route_table.h"
#include "gateway/signer.h"
#include "store/spool.h"

enum {
    CARRIER_MESSAGES_MAX = 500, /* over one session; then it ends, as some servers want */
    CARRIERS_MAX = 1000,        /* sessions with next hops at once */
    DESTINATIONS_MAX = 4096,    /* past that, those of MX are forgotten as soon as they are idle */
    DESTINATION_BUCKETS = 1024,
    RUN_BYTES_MAX = 512 * 1024, /* the envelope of the message under way, and what was answered */
    SAID_MAX = 512,
};

struct destination;

/* A message in the queue. */
struct letter {
    struct letter *next, *previous;
    uint64_t number; /* larger than those before it in the list, which is no order of serials */
    struct relay *relay;
    struct spool_message *message;
    struct errand *errands; /* by next_of_letter; one for most */
    size_t recipients;
    struct recipient_set finished; /* they have it, or it was told that they do not get it */
    nanos arrived;
    unsigned attempts;
    unsigned reports; /* about it, on their way into the queue */
    bool held, warned, deleted;
    bool left_out;         /* some of its recipients may be in no errand */
    bool lost;             /* no route takes some of its recipients: perhaps after a reload */
    char *trouble, *route; /* NULL: none */
    char id[INTAKE_ID_MAX];
};

enum errand_state {
    ERRAND_NEW,
    ERRAND_WAITING, /* in its destination's line */
    ERRAND_ACTIVE,  /* a carrier has it */
    ERRAND_RESTING, /* until its timer goes off */
};

/* Some recipients of a letter that go the same way. */
struct errand {
    struct errand *next_of_letter;
    struct errand *next, *previous; /* in the destination's line */
    struct letter *letter;
    struct destination *destination;
    struct recipient_set recipients;
    struct loop_timer *rest;    /* NULL until it is needed */
    const struct next_hop *hop; /* that a carrier has it for */
    enum errand_state state;
};

/* What became of one recipient. */
enum outcome_kind { OUTCOME_OPEN, OUTCOME_SENT, OUTCOME_LATER, OUTCOME_FAILED };

struct outcome {
    enum outcome_kind kind;
    char status[12]; /* "5.1.1" (RFC 3463) */
    sv said;         /* in the run's arena */
};

/* One attempt. Made once for each carrier and used again. */
struct run {
    struct errand *errand; /* NULL: idle */
    struct spool_look look;
    struct arena *arena;
    struct envelope envelope;
    size_t count;                         /* of the errand's recipients */
    uint8_t indexes[SMTP_RECIPIENTS_MAX]; /* into the envelope */
    struct smtp_recipient recipients[SMTP_RECIPIENTS_MAX];
    struct outcome outcomes[SMTP_RECIPIENTS_MAX];
    struct recipient_set accepted; /* by RCPT, as indexes of this run */
    const struct next_hop *hop;    /* NULL: it does not leave this machine */
    char tls[48];                  /* of the session with it, for the log: "TLSv1.3, dane" */
    sv signature;                  /* goes in front of the content; in the arena */
    nanos began;
    bool reports_itself; /* the next hop takes DSN over (RFC 3461 §5.2) */
    bool final;          /* this is the last system */
    bool touched;        /* the attempt counts: the server has seen it */
};

struct relay {
    struct loop *loop;
    struct keeper_client *keeper;
    struct spool *spool;
    struct intake *intake;
    struct route_table *routes, *next_routes; /* next: prepared, or NULL */
    struct signer *signer;
    struct asker *asker;
    struct sts *sts; /* NULL: no route keeps to MTA-STS */
    struct ourselves *ourselves;
    char *hostname, *postmaster; /* postmaster: an address, or NULL */
    struct notice *notices;      /* reports on their way into the queue */
    struct letter *first, *last; /* oldest first */
    size_t letters;
    uint64_t numbered; /* letters that there have been */
    struct destination *destinations;
    struct destination *buckets[DESTINATION_BUCKETS]; /* those that are not retired, by route and domain */
    size_t destination_count, carriers;
    struct destination *anteroom, *anteroom_last; /* they wait until there are fewer than CARRIERS_MAX */
    struct loop_timer *housekeeping;
    struct run *spare;     /* for what no carrier has */
    struct arena *scratch; /* an envelope, while a letter is sorted */
    bool draining;
    struct loop_timer *patience, *report;
    loop_fn *done;
    void *done_arg;
    uint64_t outcomes[OUTCOME_FAILED + 1]; /* of attempts, one for each recipient */
};

/* --- relay.c --- */

/* A message is on disk: deliver it. */
void relay_take(struct relay *relay, struct spool_message *message);

/* Drops errands that no carrier has. Whoever does so sees to what becomes of the letter. */
void letter_drop_idle(struct letter *letter);

/* New errands, by the routes of now, for all recipients that are not finished and that no carrier has.
 * Nothing if it is held. The letter may be gone afterwards. */
void letter_renew(struct letter *letter);

bool letter_is_active(const struct letter *letter); /* a carrier has an errand of it */

/* Writes down what changed. */
void letter_note(struct letter *letter);

void letter_set_trouble(struct letter *letter, sv why);

void errand_free(struct errand *errand);
void errand_rest(struct errand *errand, nanos after);

/* Removes it once all its recipients are finished, or it was deleted; sends what was left out of its errands.
 * The letter may be gone afterwards. */
void letter_settle(struct letter *letter);

void relay_check_drained(struct relay *relay);

/* --- run.c --- */

struct run *run_new(void);
void run_free(struct run *run);

/* Whether its time on that route is over, so that what may pass later fails now. */
bool letter_is_expired(const struct letter *letter, const struct route *route);

/* Reads the envelope for a carrier, with the errand's recipients. False: it cannot be read; the errand is at
 * an end, and run idle. */
bool run_begin(struct run *run, struct errand *errand, const struct next_hop *hop);

/* Right after run_begin, where the message leaves this machine: signs it if relay.dkim says so. False: the
 * key is not there yet; the errand rests, and run is idle. */
bool run_sign(struct run *run);

/* Every recipient has an outcome: delivered, to be tried again, or failed and to be told. The run is idle
 * afterwards; the errand is gone, or waits. */
void run_end(struct run *run);

/* Undone: the errand goes back to the front of its line. */
void run_return(struct run *run);

/* For recipients that have no outcome yet. said is copied, control bytes replaced. */
void run_set(struct run *run, size_t index, enum outcome_kind kind, const char *status, sv said);
void run_set_open(struct run *run, enum outcome_kind kind, const char *status, sv said);

/* --- destination.c --- */

/* Where errands of one route (and, for MX, one domain) go whose senders ask for the same of TLS. */
struct destination *destination_for(struct relay *relay, const struct route *route, sv domain,
                                    enum tls_wish wish);
void destination_put(struct errand *errand, bool front);
void destination_take_out(struct errand *errand);
const struct route *destination_route(const struct destination *destination);
enum tls_wish destination_wish(const struct destination *destination);
const char *destination_domain(const struct destination *destination); /* of MX, else NULL */
void destination_hurry(struct destination *destination);               /* forget what was down: try now */
void destination_drain(struct destination *destination);
struct destination *destination_next(const struct destination *destination);
const char *destination_trouble(const struct destination *destination); /* why its line stands still, or "" */
bool destination_is_busy(const struct destination *destination);
void destination_free(struct destination *destination);
void destination_keep(struct destination *destination); /* counts errands */
void destination_let_go(struct destination *destination);
bool destination_is_retired(const struct destination *destination);
void destinations_sweep(struct relay *relay);  /* forgets those that nobody needs */
void destinations_retire(struct relay *relay); /* nobody finds them; what they had asked is forgotten */

/* --- maildrop.c --- */

/* A thread that delivers into one Maildir. */
struct maildrop;
typedef void maildrop_fn(void *arg);
int maildrop_new(struct loop *loop, const char *path, const char *hostname, struct maildrop **ret,
                 struct err *err);
size_t maildrop_room(const struct maildrop *maildrop);
struct run *maildrop_run(struct maildrop *maildrop); /* an idle one */
void maildrop_deliver(struct maildrop *maildrop, struct run *run, maildrop_fn *done, void *arg);
bool maildrop_is_busy(const struct maildrop *maildrop);
void maildrop_free(struct maildrop *maildrop);

/* --- intake.c --- */

struct intake *intake_new(struct relay *relay);
void intake_free(struct intake *intake);

#endif
