/* Private to store/: the connection, its statements, and how values go in and come out. */
#ifndef VEDETTE_STORE_SQL_H
#define VEDETTE_STORE_SQL_H

#include "base/buf.h"
#include "store/store.h"

#include <sqlite3.h>

#define SQL_ALERT_COLUMNS                                                                          \
    "id, fingerprint, state, severity, rule_id, rule_title, count, suppressed, mails, raised_at, " \
    "updated_at, mailed_at, risk"

#define SQL_MAIL_COLUMNS                                                                               \
    "id, alert_id, sequence, message_id, sender, count, suppressed, raised_at, created_at, severity, " \
    "only_gateway, expires_at, test, finding, content, avoid_gateway"

#define SQL_MESSAGE_COLUMNS                                                                          \
    "id, mail_id, alert_id, state, severity, recipient, gateway, queue_id, reply, cause, attempts, " \
    "created_at, next_attempt_at, handed_over_at, landed_at, expires_at, possible_duplicate, "       \
    "EXISTS (SELECT 1 FROM temp.lease WHERE lease.id = message.id), evidence"

#define SQL_CANARY_COLUMNS                                                                         \
    "id, gateway, token, message_id, mail_id, state, sent_at, due_at, handed_over_at, landed_at, " \
    "evidence, cause, reply"

#define SQL_TROUBLE_COLUMNS "id, gateway, kind, severity, cause, text, advice, since, until, alert_id"

/* Every statement there is. Partial indexes are named, so that a statement which could not use its index
 * fails in the first test instead of scanning in production. */
#define SQL_STATEMENTS(X)                                                                                    \
    X(BEGIN, "BEGIN")                                                                                        \
    X(COMMIT, "COMMIT")                                                                                      \
    X(ROLLBACK, "ROLLBACK")                                                                                  \
    X(SAVEPOINT, "SAVEPOINT job")                                                                            \
    X(RELEASE, "RELEASE job")                                                                                \
    X(ROLLBACK_TO, "ROLLBACK TO job")                                                                        \
    X(ALERT_FIND, "SELECT " SQL_ALERT_COLUMNS " FROM alert WHERE fingerprint = ? ORDER BY id DESC LIMIT 1")  \
    X(ALERT_UNTOLD, "SELECT " SQL_ALERT_COLUMNS " FROM alert INDEXED BY alert_untold WHERE suppressed > 0 "  \
                    "AND mailed_at > 0 AND mailed_at <= ? ORDER BY mailed_at LIMIT 1")                       \
    X(LAST_MAIL, "SELECT id FROM mail INDEXED BY mail_alert WHERE alert_id = ? AND alert_id > 0 "            \
                 "ORDER BY id DESC LIMIT 1")                                                                 \
    X(ALERT_INSERT,                                                                                          \
      "INSERT INTO alert (fingerprint, severity, rule_id, rule_title, count, suppressed, mails, "            \
      "raised_at, updated_at, mailed_at, risk) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                    \
    X(ALERT_UPDATE, "UPDATE alert SET severity = ?, count = ?, suppressed = ?, mails = ?, updated_at = ?, "  \
                    "mailed_at = ?, risk = ? WHERE id = ?")                                                  \
    X(MAIL_INSERT,                                                                                           \
      "INSERT INTO mail (alert_id, sequence, message_id, sender, count, suppressed, raised_at, "             \
      "created_at, severity, only_gateway, expires_at, test, finding, content, avoid_gateway) "              \
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                                \
    X(MESSAGE_INSERT, "INSERT INTO message (mail_id, alert_id, severity, recipient, created_at, "            \
                      "next_attempt_at, expires_at, test) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")                  \
    X(DUE, "SELECT id, mail_id FROM message INDEXED BY message_due WHERE state = 1 AND severity = ? "        \
           "AND next_attempt_at <= ? ORDER BY next_attempt_at, id")                                          \
    X(MAIL, "SELECT " SQL_MAIL_COLUMNS " FROM mail WHERE id = ?")                                            \
    X(MAIL_MESSAGES, "SELECT " SQL_MESSAGE_COLUMNS " FROM message WHERE mail_id = ? AND state = 1 "          \
                     "AND next_attempt_at <= ? ORDER BY id")                                                 \
    X(LEASED, "SELECT 1 FROM temp.lease WHERE id = ?")                                                       \
    X(LEASE_PUT, "INSERT INTO temp.lease (id) VALUES (?)")                                                   \
    X(LEASE_END, "DELETE FROM temp.lease WHERE id = ?")                                                      \
    X(NEXT_DUE, "SELECT next_attempt_at FROM message INDEXED BY message_due WHERE state = 1 "                \
                "AND severity = ? AND id NOT IN (SELECT id FROM temp.lease) ORDER BY next_attempt_at "       \
                "LIMIT 1")                                                                                   \
    X(ATTEMPT_INSERT,                                                                                        \
      "INSERT INTO attempt (message_id, number, at, gateway, state, queue_id, reply, cause, uncertain, "     \
      "hops) SELECT id, attempts + 1, ?, ?, ?, ?, ?, ?, ?, ? FROM message WHERE id = ?")                     \
    X(MESSAGE_ATTEMPTED, "UPDATE message SET state = ?, gateway = ?, queue_id = ?, reply = ?, cause = ?, "   \
                         "attempts = attempts + 1, next_attempt_at = ?, handed_over_at = ?, "                \
                         "possible_duplicate = possible_duplicate OR ? WHERE id = ? AND state = 1")          \
    X(EXPIRABLE, "SELECT id FROM message INDEXED BY message_expiry WHERE state = 1 AND expires_at <= ? "     \
                 "AND id NOT IN (SELECT id FROM temp.lease) ORDER BY expires_at, id LIMIT ?")                \
    X(EXPIRE, "UPDATE message SET state = 6, gateway = CASE attempts WHEN 0 THEN ? ELSE gateway END, "       \
              "reply = CASE attempts WHEN 0 THEN ? ELSE reply END, "                                         \
              "cause = CASE attempts WHEN 0 THEN ? ELSE cause END WHERE id = ?")                             \
    X(CURSOR_PUT, "INSERT INTO cursor (input, cursor) VALUES (?, ?) "                                        \
                  "ON CONFLICT (input) DO UPDATE SET cursor = excluded.cursor")                              \
    X(CURSOR, "SELECT cursor FROM cursor WHERE input = ?")                                                   \
    X(CURSORS, "SELECT input, cursor FROM cursor ORDER BY input")                                            \
    X(ALERTS, "SELECT " SQL_ALERT_COLUMNS " FROM alert WHERE id >= ? ORDER BY id")                           \
    X(ALERTS_NEWEST, "SELECT " SQL_ALERT_COLUMNS " FROM alert WHERE id IN (SELECT id FROM alert "            \
                     "WHERE id >= ? ORDER BY id DESC LIMIT ?) ORDER BY id")                                  \
    X(ALERT_MESSAGES, "SELECT " SQL_MESSAGE_COLUMNS " FROM message WHERE id IN (SELECT message.id "          \
                      "FROM mail INDEXED BY mail_alert CROSS JOIN message ON message.mail_id = mail.id "     \
                      "WHERE mail.alert_id = ? AND mail.alert_id > 0 ORDER BY message.id DESC LIMIT ?) "     \
                      "ORDER BY id")                                                                         \
    X(MESSAGE, "SELECT " SQL_MESSAGE_COLUMNS " FROM message WHERE id = ?")                                   \
    X(MESSAGES, "SELECT " SQL_MESSAGE_COLUMNS " FROM message WHERE id >= ? ORDER BY id")                     \
    X(MESSAGES_QUEUED,                                                                                       \
      "SELECT " SQL_MESSAGE_COLUMNS " FROM message WHERE state = 1 AND id >= ? ORDER BY id")                 \
    X(ATTEMPTS, "SELECT at, gateway, state, queue_id, reply, cause, uncertain, hops FROM attempt "           \
                "WHERE message_id = ? ORDER BY number")                                                      \
    X(COUNTS, "SELECT state, n FROM tally")                                                                  \
    X(KEY, "SELECT value FROM key WHERE name = ?")                                                           \
    X(KEY_PUT, "INSERT INTO key (name, value) VALUES (?, ?) "                                                \
               "ON CONFLICT (name) DO UPDATE SET value = excluded.value")                                    \
    X(BOUNCE, "UPDATE message SET state = 4, reply = ?, cause = ?, attempts = attempts + 1 WHERE id = ? "    \
              "AND state IN (2, 3)")                                                                         \
    X(BOUNCE_ATTEMPT,                                                                                        \
      "INSERT INTO attempt (message_id, number, at, gateway, state, queue_id, reply, cause, uncertain, "     \
      "hops) SELECT id, attempts + 1, ?, gateway, 4, queue_id, ?, ?, 0, '[]' FROM message WHERE id = ?")     \
    X(MESSAGES_OF_MAIL, "SELECT " SQL_MESSAGE_COLUMNS " FROM message INDEXED BY message_mail "               \
                        "WHERE mail_id = ? ORDER BY id LIMIT ?")                                             \
    X(GATEWAYS_TRIED,                                                                                        \
      "SELECT gateway FROM (SELECT attempt.gateway AS gateway FROM mail INDEXED BY mail_message_id "         \
      "CROSS JOIN message ON message.mail_id = mail.id JOIN attempt ON attempt.message_id = message.id "     \
      "WHERE mail.message_id = ?1 AND message.recipient = ?2 AND attempt.state IN (2, 4) "                   \
      "UNION SELECT mail.only_gateway FROM mail INDEXED BY mail_message_id CROSS JOIN message "              \
      "ON message.mail_id = mail.id WHERE mail.message_id = ?1 AND message.recipient = ?2) "                 \
      "WHERE gateway <> '' ORDER BY gateway LIMIT ?3")                                                       \
    X(MAIL_COPY,                                                                                             \
      "INSERT INTO mail (alert_id, sequence, message_id, sender, count, suppressed, raised_at, created_at, " \
      "severity, only_gateway, expires_at, test, finding, content) SELECT alert_id, sequence, message_id, "  \
      "sender, count, suppressed, raised_at, ?, severity, ?, ?, test, finding, content FROM mail WHERE "     \
      "id = (SELECT mail_id FROM message WHERE id = ?)")                                                     \
    X(MESSAGE_COPY,                                                                                          \
      "INSERT INTO message (mail_id, alert_id, severity, recipient, created_at, next_attempt_at, "           \
      "expires_at, test) SELECT ?, alert_id, severity, recipient, ?, ?, ?, test FROM message WHERE id = ?")  \
    X(BOUNCE_FOLLOWED, "UPDATE alert SET bounced = bounced - 1 WHERE id = (SELECT alert_id FROM message "    \
                       "WHERE id = ? AND state = 4)")                                                        \
    X(CORRELATION_PUT, "INSERT INTO correlation (key, value) VALUES (?, ?) "                                 \
                       "ON CONFLICT (key) DO UPDATE SET value = excluded.value")                             \
    X(CORRELATION_DROP, "DELETE FROM correlation WHERE key = ?")                                             \
    X(CORRELATION_LOG, "INSERT INTO correlation_log (changes) VALUES (?)")                                   \
    X(CORRELATION_LOG_BYTES, "SELECT coalesce(sum(length(changes)), 0) FROM correlation_log")                \
    X(CORRELATION_LOG_READ, "SELECT id, changes FROM correlation_log ORDER BY id")                           \
    X(CORRELATION_LOG_CUT, "DELETE FROM correlation_log WHERE id <= ?")                                      \
    X(CORRELATIONS, "SELECT key, value FROM correlation WHERE key > ? ORDER BY key")                         \
    X(FACT, "SELECT gateway, name, value, since, seen_at FROM fact WHERE gateway = ? AND name = ?")          \
    X(FACTS, "SELECT gateway, name, value, since, seen_at FROM fact ORDER BY gateway, name")                 \
    X(FACT_PUT, "INSERT INTO fact (gateway, name, value, since, seen_at) VALUES (?1, ?2, ?3, ?4, ?4) "       \
                "ON CONFLICT (gateway, name) DO UPDATE SET since = CASE WHEN value = excluded.value THEN "   \
                "since ELSE excluded.since END, value = excluded.value, seen_at = excluded.seen_at")         \
    X(TROUBLE_LAST, "SELECT " SQL_TROUBLE_COLUMNS " FROM trouble WHERE gateway = ? AND kind = ? "            \
                    "ORDER BY until = 0 DESC, id DESC LIMIT 1")                                              \
    X(TROUBLES, "SELECT " SQL_TROUBLE_COLUMNS " FROM trouble WHERE until = 0 OR until >= ? ORDER BY id")     \
    X(TROUBLE_OPEN, "INSERT INTO trouble (gateway, kind, severity, cause, text, advice, since, alert_id) "   \
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)")                                                       \
    X(TROUBLE_UPDATE, "UPDATE trouble SET cause = ?, text = ?, advice = ?, until = ?, alert_id = ? "         \
                      "WHERE id = ?")                                                                        \
    X(NOTICE_INSERT,                                                                                         \
      "INSERT INTO notice (way, kind, body, created_at, next_attempt_at) VALUES (?, ?, ?, ?, ?)")            \
    X(NOTICES_DUE, "SELECT id, way, kind, body, attempts, created_at, next_attempt_at FROM notice "          \
                   "INDEXED BY notice_due WHERE done_at = 0 AND next_attempt_at <= ? AND id > ? "            \
                   "ORDER BY id LIMIT ?")                                                                    \
    X(NOTICE_ATTEMPTED, "UPDATE notice SET attempts = attempts + 1, done_at = ?, next_attempt_at = ?, "      \
                        "reply = ? WHERE id = ?")                                                            \
    X(NOTICE_NEXT_DUE, "SELECT next_attempt_at FROM notice INDEXED BY notice_due WHERE done_at = 0 "         \
                       "ORDER BY next_attempt_at LIMIT 1")

/* Landings and canaries: store/canary.c. */
#define SQL_CANARY_STATEMENTS(X)                                                                            \
    X(LANDED,                                                                                               \
      "UPDATE message SET state = 3, landed_at = max(?1, created_at), evidence = ?2 WHERE state = 2 "       \
      "AND mail_id IN (SELECT id FROM mail WHERE message_id = ?3) AND (recipient = ?4 COLLATE NOCASE OR "   \
      "NOT EXISTS (SELECT 1 FROM message AS other WHERE other.mail_id = message.mail_id "                   \
      "AND other.recipient = ?4 COLLATE NOCASE)) RETURNING id, mail_id, alert_id, gateway, created_at")     \
    X(MESSAGE_LANDED, "UPDATE message SET state = 3, landed_at = max(?1, created_at), evidence = ?2 "       \
                      "WHERE state = 2 AND id = ?3")                                                        \
    X(MAIL_LANDED,                                                                                          \
      "UPDATE message SET state = 3, landed_at = max(?1, created_at), evidence = ?2 WHERE state = 2 "       \
      "AND mail_id = ?3 RETURNING id, mail_id, alert_id, gateway, created_at")                              \
    X(CANARY_INSERT, "INSERT INTO canary (gateway, token, message_id, mail_id, state, sent_at, due_at) "    \
                     "VALUES (?, ?, ?, ?, ?, ?, ?)")                                                        \
    X(CANARY_SEEN, "UPDATE canary SET state = CASE state WHEN 3 THEN 3 ELSE 1 END, "                        \
                   "landed_at = max(?1, sent_at), evidence = ?2 WHERE message_id = ?3 AND landed_at = 0")   \
    X(CANARY_MAIL_LANDED,                                                                                   \
      "UPDATE canary SET state = CASE state WHEN 3 THEN 3 ELSE 1 END, landed_at = max(?1, sent_at), "       \
      "evidence = ?2 WHERE message_id = (SELECT mail.message_id FROM mail WHERE mail.id = ?3) "             \
      "AND landed_at = 0")                                                                                  \
    X(CANARY_MESSAGE_LANDED,                                                                                \
      "UPDATE canary SET state = CASE state WHEN 3 THEN 3 ELSE 1 END, landed_at = max(?1, sent_at), "       \
      "evidence = ?2 WHERE message_id = (SELECT mail.message_id FROM mail JOIN message "                    \
      "ON message.mail_id = mail.id WHERE message.id = ?3) AND landed_at = 0")                              \
    X(CANARY_TOKEN, "SELECT mail_id FROM canary WHERE token = ?")                                           \
    X(CANARY_MISSED, "UPDATE canary SET state = 2, handed_over_at = ?, cause = ?, reply = ? WHERE id = ? "  \
                     "AND state = 0")                                                                       \
    X(CANARY_LAST, "SELECT " SQL_CANARY_COLUMNS " FROM canary INDEXED BY canary_gateway "                   \
                   "WHERE gateway = ? AND (state <> 0 OR ? = 0) ORDER BY sent_at DESC LIMIT 1")             \
    X(CANARY_OVERDUE, "SELECT " SQL_CANARY_COLUMNS " FROM canary INDEXED BY canary_waiting "                \
                      "WHERE state = 0 AND due_at <= ? ORDER BY due_at LIMIT 1")                            \
    X(CANARY_WAITING, "SELECT count(*), min(due_at) FROM canary INDEXED BY canary_waiting WHERE state = 0") \
    X(CANARY_COUNT,                                                                                         \
      "SELECT count(*), count(*) FILTER (WHERE state = 1 AND landed_at <= due_at) FROM canary "             \
      "INDEXED BY canary_gateway WHERE gateway = ? AND sent_at >= ? AND state <> 0")                        \
    X(CANARY_LATENCY, "SELECT landed_at - sent_at FROM canary INDEXED BY canary_gateway WHERE gateway = ? " \
                      "AND sent_at >= ? AND state = 1 AND landed_at <= due_at ORDER BY 1 LIMIT 1 OFFSET ?") \
    X(CANARY_PRUNE, "DELETE FROM canary WHERE sent_at < ?")

enum sql {
#define X(name, text) SQL_##name,
    SQL_STATEMENTS(X) SQL_CANARY_STATEMENTS(X)
#undef X
        SQL_COUNT
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT]; /* prepared when first used, then kept */
    int lock_fd;                         /* holds the flock(2) of the one writer; -1 for a reader */
    bool live;                           /* open and writing: an I/O error ends the process */
    bool spoiled; /* the disk was full, or the file busy: the transaction can only be rolled back */
    struct err why_spoiled;
    int64_t wal_pages;
    struct buf changed;    /* what correlations changed in this transaction, packed */
    size_t changed_before; /* of it came before this job */
    bool in_job;
    int64_t log_bytes;              /* of the correlations' log; -1: not known */
    struct correlation_fold *fold;  /* the part of it that is being folded; NULL: none is */
    struct arena *scratch;          /* of one row's messages while a list is read */
    struct store_message *messages; /* of one alert while a list is read */
    size_t message_cap;
    char path[512];
};

struct sql_value {
    enum { SQL_INTEGER, SQL_TEXT, SQL_BLOB } kind;
    int64_t integer;
    sv bytes;
};

#define INTEGER(v) ((struct sql_value){.kind = SQL_INTEGER, .integer = (int64_t)(v)})
#define TEXT(s)    ((struct sql_value){.kind = SQL_TEXT, .bytes = (s)})
#define BLOB(s)    ((struct sql_value){.kind = SQL_BLOB, .bytes = (s)})

/* The values of one statement, in the order of its question marks. Bytes are borrowed until its end. */
#define VALUES(...)                            \
    ((const struct sql_value[]){__VA_ARGS__}), \
        (sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value))
#define NO_VALUES NULL, 0

/* The statement with its values, ready for sql_step; NULL on failure. End it by sql_end, or by stepping to
 * its last row. */
sqlite3_stmt *sql_start(struct store *store, enum sql which, const struct sql_value *values, size_t n,
                        struct err *err);

/* 1: there is a row; 0: no further row; -1: failed. The statement is ended unless there is a row. */
int sql_step(struct store *store, sqlite3_stmt *statement, struct err *err);
void sql_end(sqlite3_stmt *statement);

/* Runs a statement that gives no rows. */
int sql_run(struct store *store, enum sql which, const struct sql_value *values, size_t n, struct err *err);

/* Runs SQL text as it is: for schema and settings. */
int sql_exec(struct store *store, const char *text, struct err *err);

/* Turns a SQLite result code into an error. Ends the process where memory and disk may have parted. */
int sql_fail(struct store *store, int code, struct err *err);

/* A column of the present row; borrowed until the next step. */
sv sql_text(sqlite3_stmt *statement, int column);

/* Reads SQL_MESSAGE_COLUMNS; texts are copied into arena. -1 when they do not fit. */
int sql_message(sqlite3_stmt *row, struct arena *arena, struct store_message *ret);

/* For what correlations changed in this transaction: it goes to their log, before the commit; a job begins,
 * or ends and is perhaps undone; all is undone. */
int correlation_flush(struct store *store, struct err *err);
int correlation_job(struct store *store, struct err *err);
void correlation_job_end(struct store *store, bool undone);
void correlation_undo(struct store *store);

/* Forgets how far their log was folded: what was done may have been undone. */
void correlation_fold_drop(struct store *store);

/* Brings the schema to the version of this program; refuses a newer one. */
int schema_migrate(struct store *store, struct err *err);

/* For a reader: an error unless the schema is of this program's version. */
int schema_check(struct store *store, struct err *err);

#endif
