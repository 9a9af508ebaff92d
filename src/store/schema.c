#include "store/sql.h"

#include <stdio.h>

/* Step n brings version n to n + 1. Steps that were ever released stay as they are.
 *
 * An alert's state follows from how many of its messages are in which state; triggers keep these numbers and
 * the tally, so that no list has to count, and no code path can forget to. Nanoseconds everywhere; ids by
 * AUTOINCREMENT, for an id that was told to a person must never come to mean another alert. */
static const char *const schema_steps[] = {
    "CREATE TABLE alert ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint BLOB NOT NULL, severity INTEGER NOT NULL,"
    " rule_id TEXT NOT NULL, rule_title TEXT NOT NULL, count INTEGER NOT NULL, suppressed INTEGER NOT NULL,"
    " mails INTEGER NOT NULL, raised_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
    " mailed_at INTEGER NOT NULL,"
    " queued INTEGER NOT NULL DEFAULT 0, handed_over INTEGER NOT NULL DEFAULT 0,"
    " landed INTEGER NOT NULL DEFAULT 0, bounced INTEGER NOT NULL DEFAULT 0,"
    " failed INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0,"
    " state INTEGER AS (CASE WHEN queued THEN 1 WHEN expired THEN 6 WHEN failed THEN 5 WHEN bounced THEN 4"
    "  WHEN handed_over THEN 2 WHEN landed THEN 3 ELSE 0 END) VIRTUAL);"
    "CREATE INDEX alert_fingerprint ON alert (fingerprint);"
    "CREATE INDEX alert_untold ON alert (mailed_at) WHERE suppressed > 0;"

    "CREATE TABLE mail ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, alert_id INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " message_id TEXT NOT NULL, sender TEXT NOT NULL, count INTEGER NOT NULL, suppressed INTEGER NOT NULL,"
    " raised_at INTEGER NOT NULL, created_at INTEGER NOT NULL, severity INTEGER NOT NULL,"
    " only_gateway TEXT NOT NULL, expires_at INTEGER NOT NULL, test INTEGER NOT NULL,"
    " finding BLOB NOT NULL, content BLOB NOT NULL);"
    "CREATE INDEX mail_alert ON mail (alert_id) WHERE alert_id > 0;"
    "CREATE INDEX mail_message_id ON mail (message_id);"

    "CREATE TABLE message ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, mail_id INTEGER NOT NULL, alert_id INTEGER NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 1, severity INTEGER NOT NULL, recipient TEXT NOT NULL,"
    " gateway TEXT NOT NULL DEFAULT '', queue_id TEXT NOT NULL DEFAULT '', reply TEXT NOT NULL DEFAULT '',"
    " cause TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,"
    " next_attempt_at INTEGER NOT NULL, handed_over_at INTEGER NOT NULL DEFAULT 0,"
    " landed_at INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL,"
    " possible_duplicate INTEGER NOT NULL DEFAULT 0, test INTEGER NOT NULL);"
    "CREATE INDEX message_mail ON message (mail_id);"
    "CREATE INDEX message_due ON message (severity, next_attempt_at) WHERE state = 1;"
    "CREATE INDEX message_expiry ON message (expires_at) WHERE state = 1;"

    "CREATE TABLE attempt ("
    " message_id INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, gateway TEXT NOT NULL,"
    " state INTEGER NOT NULL, queue_id TEXT NOT NULL, reply TEXT NOT NULL, cause TEXT NOT NULL,"
    " uncertain INTEGER NOT NULL, hops TEXT NOT NULL, PRIMARY KEY (message_id, number)) WITHOUT ROWID;"

    "CREATE TABLE cursor (input TEXT PRIMARY KEY, cursor BLOB NOT NULL) WITHOUT ROWID;"

    /* Messages by state; at 0 stands the number of alerts. Test messages are in nobody's statistics. */
    "CREATE TABLE tally (state INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
    "INSERT INTO tally VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0);"

    "CREATE TRIGGER alert_raised AFTER INSERT ON alert BEGIN"
    " UPDATE tally SET n = n + 1 WHERE state = 0; END;"
    "CREATE TRIGGER message_queued AFTER INSERT ON message BEGIN"
    " UPDATE alert SET queued = queued + 1 WHERE id = new.alert_id;"
    " UPDATE tally SET n = n + 1 WHERE state = 1 AND NOT new.test; END;"
    "CREATE TRIGGER message_moved AFTER UPDATE OF state ON message WHEN new.state <> old.state BEGIN"
    " UPDATE alert SET queued = queued - (old.state = 1) + (new.state = 1),"
    "  handed_over = handed_over - (old.state = 2) + (new.state = 2),"
    "  landed = landed - (old.state = 3) + (new.state = 3),"
    "  bounced = bounced - (old.state = 4) + (new.state = 4),"
    "  failed = failed - (old.state = 5) + (new.state = 5),"
    "  expired = expired - (old.state = 6) + (new.state = 6) WHERE id = new.alert_id;"
    " UPDATE tally SET n = n - 1 WHERE state = old.state AND NOT new.test;"
    " UPDATE tally SET n = n + 1 WHERE state = new.state AND NOT new.test; END;",

    /* The path: canaries, what is known of each gateway, troubles, and notices over other ways out. */
    "CREATE TABLE key (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE canary ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, gateway TEXT NOT NULL, token TEXT NOT NULL,"
    " message_id TEXT NOT NULL, mail_id INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
    " sent_at INTEGER NOT NULL, due_at INTEGER NOT NULL, handed_over_at INTEGER NOT NULL DEFAULT 0,"
    " landed_at INTEGER NOT NULL DEFAULT 0, evidence TEXT NOT NULL DEFAULT '',"
    " cause TEXT NOT NULL DEFAULT '', reply TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX canary_gateway ON canary (gateway, sent_at);"
    "CREATE UNIQUE INDEX canary_token ON canary (token);"
    "CREATE INDEX canary_message_id ON canary (message_id);"
    "CREATE INDEX canary_waiting ON canary (due_at) WHERE state = 0;"

    "CREATE TABLE fact ("
    " gateway TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, since INTEGER NOT NULL,"
    " seen_at INTEGER NOT NULL, PRIMARY KEY (gateway, name)) WITHOUT ROWID;"

    "CREATE TABLE trouble ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, gateway TEXT NOT NULL, kind TEXT NOT NULL,"
    " severity INTEGER NOT NULL, cause TEXT NOT NULL, text TEXT NOT NULL, advice TEXT NOT NULL,"
    " since INTEGER NOT NULL, until INTEGER NOT NULL DEFAULT 0, alert_id INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX trouble_open ON trouble (gateway, kind) WHERE until = 0;"

    "CREATE TABLE notice ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, way TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,"
    " attempts INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, next_attempt_at INTEGER NOT NULL,"
    " done_at INTEGER NOT NULL DEFAULT 0, reply TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX notice_due ON notice (next_attempt_at) WHERE done_at = 0;"

    /* A mail about trouble with a gateway does not go over it while there is another one. */
    "ALTER TABLE mail ADD COLUMN avoid_gateway TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN evidence TEXT NOT NULL DEFAULT '';",

    /* What the correlator remembers: windows and habits. */
    "CREATE TABLE correlation (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;",

    "ALTER TABLE alert ADD COLUMN risk INTEGER NOT NULL DEFAULT 0;",

    /* What the correlator changed and is not yet in its table, packed. */
    "CREATE TABLE correlation_log (id INTEGER PRIMARY KEY, changes BLOB NOT NULL);",

    /* Alerts that never owed a mail are not looked for. */
    ("DROP INDEX alert_untold;"
     "CREATE INDEX alert_untold ON alert (mailed_at) WHERE suppressed > 0 AND mailed_at > 0;"),
};

enum { SCHEMA_VERSION = sizeof schema_steps / sizeof *schema_steps };

_Static_assert(STORE_QUEUED == 1 && STORE_HANDED_OVER == 2 && STORE_LANDED == 3 && STORE_BOUNCED == 4 &&
                   STORE_FAILED == 5 && STORE_EXPIRED == 6,
               "the numbers of states are on disk, and in the SQL");

static int version_get(struct store *store, int *ret, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL);
    if (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW)
        *ret = sqlite3_column_int(statement, 0);
    int extended = sqlite3_extended_errcode(store->db);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? 0 : sql_fail(store, extended, err);
}

static int refuse_newer(const struct store *store, int version, struct err *err)
{
    if (version <= (int)SCHEMA_VERSION)
        return 0;
    return err_set(err, ERR_CONFIG, "use the vedette that wrote it, or a newer one",
                   "%s is of version %d and this vedette knows up to %d", store->path, version,
                   (int)SCHEMA_VERSION);
}

static int step_run(struct store *store, int version, struct err *err)
{
    char set_version[64];
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", version + 1);
    if (sql_exec(store, "BEGIN IMMEDIATE", err) < 0)
        return -1;
    if (sql_exec(store, schema_steps[version], err) < 0 || sql_exec(store, set_version, err) < 0 ||
        sql_exec(store, "COMMIT", err) < 0) {
        store_rollback(store);
        return err_prefix(err, "bring the store to version %d", version + 1);
    }
    return 0;
}

int schema_migrate(struct store *store, struct err *err)
{
    int version = 0;
    if (version_get(store, &version, err) < 0 || refuse_newer(store, version, err) < 0)
        return -1;
    for (; version < (int)SCHEMA_VERSION; version++)
        if (step_run(store, version, err) < 0)
            return -1;
    return 0;
}

int schema_check(struct store *store, struct err *err)
{
    int version = 0;
    if (version_get(store, &version, err) < 0 || refuse_newer(store, version, err) < 0)
        return -1;
    if (version < (int)SCHEMA_VERSION)
        return err_set(err, ERR_CONFIG, "start `vedette run` once: it brings the store up to date",
                       "%s is of version %d, older than this vedette's %d", store->path, version,
                       (int)SCHEMA_VERSION);
    return 0;
}
