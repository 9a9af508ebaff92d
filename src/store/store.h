/* The one durable store: alerts, their mails and messages, attempts, input cursors. SQLite stays behind this
 * header. Everything here runs on one thread (store/thread.h gives it one), inside the transaction of the
 * current batch. */
#ifndef VEDETTE_STORE_STORE_H
#define VEDETTE_STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "wire/finding.h"

struct store;

/* States of an alert and of a message, in the words of `vedette alerts --json`. An alert's state follows from
 * its messages: queued while any is, else the worst of what became of them (expired, failed, bounced,
 * handed-over, landed, in this order), so that one refused recipient is not hidden behind a reached one. */
#define STORE_STATES(X)                                                        \
    X(RAISED, "raised") /* an alert that owes no mail (below minimum_level) */ \
    X(QUEUED, "queued")                                                        \
    X(HANDED_OVER, "handed-over")                                              \
    X(LANDED, "landed")                                                        \
    X(BOUNCED, "bounced")                                                      \
    X(FAILED, "failed") /* refused for good */                                 \
    X(EXPIRED, "expired")

enum store_state {
#define X(name, text) STORE_##name,
    STORE_STATES(X)
#undef X
};

const char *store_state_name(enum store_state state);

/* Opens or creates the store in directory: vedette.db (WAL, synchronous=FULL, one connection), and
 * vedette.lock, locked as long as the store is open. A store of a newer version, or one that another process
 * holds, is an error with advice. Leases of an earlier run are void. The last folder of the path is made if
 * need be, mode 0700. */
int store_open(const char *directory, struct store **ret, struct err *err);

/* For commands while no daemon runs: reads only, also what a writer that died left behind; harmless beside a
 * running one, whose leases it does not see. ERR_NO_INPUT when there is no store. */
int store_open_reader(const char *directory, struct store **ret, struct err *err);
void store_close(struct store *store);

/* The batch's transaction. commit returns -1 with ERR_TEMPORARY when the disk is full or the quota reached
 * (all is rolled back and may be tried again); an fsync or I/O error ends the process (SQLite's pages in
 * memory can no longer be trusted). A batch that only read, leased or returned leases writes nothing. */
int store_begin(struct store *store, struct err *err);
int store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);

/* True once something in this transaction met a full disk: it can only be rolled back and tried again. */
bool store_spoiled(const struct store *store);

/* Within a batch: undoes one job's changes and keeps the others'. */
int store_savepoint(struct store *store, struct err *err);
int store_release(struct store *store, struct err *err);
void store_rollback_to(struct store *store);

/* Pages that wait in the WAL, and moving them into the database (outside a transaction, with two fsyncs). A
 * reader in the way, or a full disk (-1), only means that some stay for the next time. */
int64_t store_wal_pages(const struct store *store);
int store_checkpoint(struct store *store, struct err *err);

/* --- Alerts --- */

enum { STORE_FINGERPRINT_BYTES = 16 };

struct store_alert {
    int64_t id;
    unsigned char fingerprint[STORE_FINGERPRINT_BYTES];
    enum store_state state;
    enum severity severity;
    sv rule_id, rule_title;
    int64_t count;               /* findings so far */
    int64_t suppressed;          /* findings since the last mail that no mail told of */
    int64_t mails;               /* mails so far */
    nanos raised_at, updated_at; /* first and last finding */
    nanos mailed_at;             /* when the last mail was owed; 0 for never */
    int risk;                    /* 0 to 100, the highest it had; see alert/risk.h */
};

/* The newest alert of that fingerprint whose last finding is no older than `since`: 1 found, 0 none, −1
 * error. Views are copied into arena. */
int store_alert_find(struct store *store, const unsigned char fingerprint[static STORE_FINGERPRINT_BYTES],
                     nanos since, struct arena *arena, struct store_alert *ret, struct err *err);

/* The longest waiting alert that was mailed about no later than mailed_before and has had findings since that
 * no mail told of: 1 found, 0 none, -1 error. */
int store_alert_untold(struct store *store, nanos mailed_before, struct arena *arena, struct store_alert *ret,
                       struct err *err);

/* Inserts and gives it its id (alert->id is set). Ids count from 1 and are never used twice. */
int store_alert_insert(struct store *store, struct store_alert *alert, struct err *err);

/* Writes count, suppressed, mails, severity, updated_at, mailed_at, risk. The state follows from the
 * messages. */
int store_alert_update(struct store *store, const struct store_alert *alert, struct err *err);

/* --- Mails and messages --- */

/* A mail is what is said; a message is that mail to one recipient, with its own delivery history. */
struct store_mail {
    int64_t id;                /* set by store_mail_insert */
    int64_t first_message_id;  /* set by store_mail_insert, not read back: the ids of its messages follow each
                                  other from here, in the order of the recipients */
    int64_t alert_id;          /* 0: not about an alert (vedette send) */
    int64_t sequence;          /* 1 for an alert's first mail, then 2, 3 … */
    sv message_id;             /* "<…@host>", stable over every retry */
    sv sender;                 /* envelope sender; empty: the path's configured sender */
    sv finding;                /* packed finding that the mail tells of; empty for a raw mail */
    int64_t count, suppressed; /* of the alert at that moment; suppressed: findings since the mail before that
                                  no mail told of */
    nanos raised_at, created_at;
    sv content; /* a raw mail's bytes (CRLF lines); empty: composed from the finding when it is sent */
    enum severity severity;
    sv only_gateway;  /* non-empty: over this gateway and no other (vedette test --gateway) */
    sv avoid_gateway; /* non-empty: not over this one while another is up: it is about its trouble */
    nanos expires_at;
    bool test; /* a test message: no part of anybody's statistics */
};

/* Inserts the mail and one message per recipient, all due at once. */
int store_mail_insert(struct store *store, struct store_mail *mail, const sv *recipients,
                      size_t recipient_count, struct err *err);

/* The newest mail about an alert: 1 found, 0 none, -1 error. Views are copied into arena. */
int store_mail_last(struct store *store, int64_t alert_id, struct arena *arena, struct store_mail *ret,
                    struct err *err);

struct store_message {
    int64_t id, mail_id, alert_id;
    enum store_state state;
    sv recipient, gateway, queue_id, reply, cause;
    int attempts;
    nanos created_at, next_attempt_at, handed_over_at, landed_at, expires_at;
    enum severity severity;
    bool possible_duplicate; /* an attempt was lost past the final dot */
    bool leased;
    sv evidence; /* of its landing, a JSON object; empty: none */
};

/* One mail with those of its messages that are due, leased together: one SMTP transaction. Borrowed from
 * arena. */
struct store_delivery {
    struct store_mail mail;
    struct store_message *messages;
    size_t message_count; /* at most SMTP_RECIPIENTS_MAX */
};

/* Leases up to `max` deliveries that are due at `now`, most severe first, then the longest due. The lease
 * holds until store_message_attempted, store_lease_return or the end of the process. Needs no disk write.
 * Fewer when the arena is full; ERR_LIMIT when not even one fits. */
int store_lease(struct store *store, nanos now, size_t max, struct arena *arena, struct store_delivery *ret,
                size_t *ret_count, struct err *err);
int store_lease_return(struct store *store, const int64_t *message_ids, size_t count, struct err *err);

/* When the next message that is not leased comes due; 0 if there is none. */
int store_next_due(struct store *store, nanos *ret, struct err *err);

/* The outcome of one attempt for one message. Ends its lease and writes the attempt down. It is our own
 * mistake (ERR_INTERNAL) if the message is not queued. */
struct store_attempt {
    int64_t message_id;
    nanos at;
    sv gateway;
    enum store_state state; /* QUEUED: try again at next_attempt_at; HANDED_OVER, FAILED */
    nanos next_attempt_at;
    sv queue_id, reply; /* the server's own words, secrets masked */
    sv cause;           /* a class of courier/cause.h, empty on success */
    sv hops;            /* JSON array of {"hop","ms","said"} */
    bool uncertain;     /* lost past the final dot */
};

int store_message_attempted(struct store *store, const struct store_attempt *attempt, struct err *err);

struct store_why {
    sv gateway, reply, cause;
};

/* Messages past expires_at and not leased become EXPIRED; their ids (at most max) go to ret_ids. why: what is
 * said of those that no gateway was tried for. */
int store_expire(struct store *store, nanos now, const struct store_why *why, int64_t *ret_ids, size_t max,
                 size_t *ret_count, struct err *err);

/* --- Cursors --- */

int store_cursor_put(struct store *store, sv input, sv cursor, struct err *err);

/* 1 found, 0 none, -1 error. */
int store_cursor_get(struct store *store, sv input, struct arena *arena, sv *ret, struct err *err);

typedef int store_cursor_fn(void *arg, sv input, sv cursor);
int store_cursors(struct store *store, store_cursor_fn *fn, void *arg, struct err *err);

/* --- Reading --- */

/* One message, and the mail that it is part of: 1 found, 0 none, -1 error. Views are copied into arena. */
int store_message_find(struct store *store, int64_t message_id, struct arena *arena,
                       struct store_message *ret_message, struct store_mail *ret_mail, struct err *err);

/* Each calls fn in order of id until it returns non-zero. limit 0: all from first_id on. Newest `limit`
 * otherwise, still in order. With each alert come its newest STORE_ALERT_MESSAGES_MAX messages. Views hold
 * until fn returns. Long lists keep the store's thread from its commits: read them in pieces. */
enum { STORE_ALERT_MESSAGES_MAX = 1000 };

typedef int store_alert_fn(void *arg, const struct store_alert *alert, const struct store_message *messages,
                           size_t message_count);
int store_alerts(struct store *store, int64_t first_id, size_t limit, store_alert_fn *fn, void *arg,
                 struct err *err);

/* With all false only messages that are still owed (queued). */
typedef int store_message_fn(void *arg, const struct store_message *message);
int store_messages(struct store *store, int64_t first_id, bool all, store_message_fn *fn, void *arg,
                   struct err *err);

/* Every attempt for one message, in their order. */
typedef int store_attempt_fn(void *arg, const struct store_attempt *attempt);
int store_attempts(struct store *store, int64_t message_id, store_attempt_fn *fn, void *arg, struct err *err);

/* Messages by state, without test messages. Costs nothing, whatever the store holds. */
struct store_counts {
    int64_t alerts, queued, handed_over, landed, bounced, failed, expired;
};
int store_counts(struct store *store, struct store_counts *ret, struct err *err);

#endif
