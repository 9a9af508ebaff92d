#include "alert/alert.h"

#include "alert/risk.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TEXTS_BYTES_MAX = 64 * 1024, /* of the alert that was found */
    RECIPIENTS_MAX = 1000,
    UNTOLD_BYTES_MAX = 2 * 1024 * 1024, /* an alert and its last mail */
    FINDING_BYTES_USUAL = 4 * 1024,
};

static void hash_sized(crypto_generichash_state *hash, sv s)
{
    unsigned char size[8];
    for (size_t i = 0; i < sizeof size; i++)
        size[i] = (unsigned char)((uint64_t)s.n >> (8 * i));
    crypto_generichash_update(hash, size, sizeof size);
    if (s.n)
        crypto_generichash_update(hash, (const unsigned char *)s.p, s.n);
}

/* Adds every field of that name; true if there was one. */
static bool hash_field(crypto_generichash_state *hash, const struct finding *finding, sv name)
{
    bool found = false;
    for (size_t i = 0; i < finding->field_count; i++) {
        if (!sv_eq(finding->fields[i].name, name))
            continue;
        hash_sized(hash, name);
        hash_sized(hash, finding->fields[i].value);
        found = true;
    }
    return found;
}

void alert_fingerprint(const struct finding *finding, const struct config_strings *group_by,
                       unsigned char ret[static STORE_FINGERPRINT_BYTES])
{
    crypto_generichash_state hash;
    unsigned char digest[crypto_generichash_BYTES_MAX];
    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    hash_sized(&hash, finding->rule_id);
    bool names_somebody = false;
    for (size_t i = 0; i < group_by->count; i++) {
        sv name = sv_of(group_by->items[i]);
        names_somebody |= hash_field(&hash, finding, name) && !sv_eq(name, SV("host.name"));
    }
    if (!names_somebody)
        hash_sized(&hash, finding->message.n ? finding->message : finding->raw);
    crypto_generichash_final(&hash, digest, sizeof digest);
    memcpy(ret, digest, STORE_FINGERPRINT_BYTES);
}

const char *alert_message_id(int64_t alert_id, int64_t sequence, nanos raised_at, const char *hostname,
                             char text[static ALERT_MESSAGE_ID_BYTES])
{
    snprintf(text, ALERT_MESSAGE_ID_BYTES, "<vedette.%" PRId64 ".%" PRId64 ".%" PRIx64 "@%s>", alert_id,
             sequence, (uint64_t)raised_at, hostname);
    return text;
}

/* A clock that was set back must not silence an alert for as long as it was wrong. */
static bool owes_mail(const struct config *config, const struct finding *finding,
                      const struct store_alert *alert, const struct alert_terms *terms, enum severity least,
                      nanos now)
{
    if (finding->severity < least)
        return false;
    return terms->unthrottled || alert->mailed_at == 0 || now < alert->mailed_at ||
           now - alert->mailed_at >= config->alerts.throttle;
}

/* A mail that is owed: how many findings none told of, and which gateway it does not go over. */
struct owed {
    int64_t untold;
    sv avoid_gateway;
    nanos now;
};

static int queue_mail(struct store *store, const struct config *config, const struct finding *finding,
                      const struct store_alert *alert, const struct owed *owed, struct alert_outcome *outcome,
                      struct err *err)
{
    char message_id[ALERT_MESSAGE_ID_BYTES];
    sv recipients[RECIPIENTS_MAX];
    size_t count = config->recipients.count < RECIPIENTS_MAX ? config->recipients.count : RECIPIENTS_MAX;
    for (size_t i = 0; i < count; i++)
        recipients[i] = config_mailbox_address(config->recipients.items[i]);
    struct buf packed = BUF_INIT(FINDING_BYTES_MAX);
    struct pack pack = PACK_INTO(&packed);
    buf_reserve(&packed, FINDING_BYTES_USUAL);
    finding_pack(&pack, finding);
    struct store_mail mail = {
        .alert_id = alert->id,
        .sequence = alert->mails,
        .message_id =
            sv_of(alert_message_id(alert->id, alert->mails, alert->raised_at, config->hostname, message_id)),
        .finding = buf_view(&packed),
        .count = alert->count,
        .suppressed = owed->untold,
        .raised_at = alert->raised_at,
        .created_at = owed->now,
        .severity = finding->severity,
        .avoid_gateway = owed->avoid_gateway,
        .expires_at = owed->now + config->delivery.expire,
    };
    int queued = pack.ok ? store_mail_insert(store, &mail, recipients, count, err)
                         : err_set(err, ERR_LIMIT, NULL, "a finding of rule %.*s is too large",
                                   SV_ARG(finding->rule_id));
    buf_free(&packed);
    outcome->mail_id = mail.id;
    outcome->first_message_id = mail.first_message_id;
    outcome->message_count = count;
    return queued;
}

/* Finds the open alert that the finding belongs to and counts it there, or raises a new one. The change is
 * not written yet unless the alert is new: its id is needed for its mail. */
static int find_or_raise(struct store *store, const struct config *config, const struct finding *finding,
                         nanos now, struct arena *arena, struct store_alert *alert, struct err *err)
{
    unsigned char fingerprint[STORE_FINGERPRINT_BYTES];
    alert_fingerprint(finding, &config->alerts.group_by, fingerprint);
    int found = store_alert_find(store, fingerprint, now - config->alerts.quiet, arena, alert, err);
    if (found < 0)
        return -1;
    if (found == 0) {
        *alert = (struct store_alert){.severity = finding->severity,
                                      .rule_id = finding->rule_id,
                                      .rule_title = finding->rule_title,
                                      .raised_at = now,
                                      .updated_at = now};
        memcpy(alert->fingerprint, fingerprint, sizeof fingerprint);
    }
    alert->count++;
    alert->updated_at = now;
    if (finding->severity > alert->severity)
        alert->severity = finding->severity;
    return found;
}

static int take(struct store *store, const struct config *config, const struct finding *finding,
                const struct alert_terms *terms, nanos now, struct arena *arena, struct alert_outcome *ret,
                struct err *err)
{
    enum severity least = SEVERITY_LOW;
    struct store_alert alert;
    struct alert_outcome outcome = {0};
    bool known = severity_parse(sv_of(config->alerts.minimum_level), &least);
    assert(known); /* the configuration was checked */
    int found = find_or_raise(store, config, finding, now, arena, &alert, err);
    if (found < 0)
        return -1;
    bool owed = owes_mail(config, finding, &alert, terms, least, now);
    const struct owed mail = {alert.suppressed, terms->avoid_gateway, now};
    alert.suppressed = owed ? 0 : alert.suppressed + 1;
    alert.mails += owed;
    alert.mailed_at = owed ? now : alert.mailed_at;
    int risk = terms->scored ? risk_score(finding->severity, terms->context, alert.count) : 0;
    alert.risk = risk > alert.risk ? risk : alert.risk;
    if ((found ? store_alert_update(store, &alert, err) : store_alert_insert(store, &alert, err)) < 0 ||
        (owed && queue_mail(store, config, finding, &alert, &mail, &outcome, err) < 0))
        return -1;
    outcome.alert_id = alert.id;
    outcome.count = alert.count;
    outcome.raised = !found;
    outcome.mailed = owed;
    *ret = outcome;
    return 0;
}

int alert_take(struct store *store, const struct config *config, const struct finding *finding,
               const struct alert_terms *terms, nanos now, struct alert_outcome *ret, struct err *err)
{
    struct arena *arena = arena_new(TEXTS_BYTES_MAX);
    int taken = take(store, config, finding, terms, now, arena, ret, err);
    arena_free(arena);
    return taken;
}

/* Queues the mail about one alert's untold findings: 1 queued, 0 nothing to tell, −1 error. */
static int tell_one(struct store *store, const struct config *config, nanos now, struct arena *arena,
                    struct alert_outcome *ret, struct err *err)
{
    struct store_alert alert;
    struct store_mail last;
    struct finding finding;
    int found = store_alert_untold(store, now - config->alerts.throttle, arena, &alert, err);
    if (found > 0)
        found = store_mail_last(store, alert.id, arena, &last, err);
    if (found <= 0)
        return found;
    struct unpack unpack = UNPACK_FROM(last.finding);
    if (!finding_unpack(&unpack, &finding, arena))
        return err_set(err, ERR_INTERNAL, NULL, "the finding of mail %" PRId64 " is damaged", last.id);
    const struct owed mail = {alert.suppressed, last.avoid_gateway, now};
    *ret = (struct alert_outcome){.alert_id = alert.id, .mailed = true};
    alert.suppressed = 0;
    alert.mails++;
    alert.mailed_at = now;
    if (store_alert_update(store, &alert, err) < 0 ||
        queue_mail(store, config, &finding, &alert, &mail, ret, err) < 0)
        return -1;
    return 1;
}

int alert_tell_untold(struct store *store, const struct config *config, nanos now, struct alert_outcome *ret,
                      size_t max, size_t *ret_count, struct err *err)
{
    struct arena *arena = arena_new(UNTOLD_BYTES_MAX);
    size_t n = 0;
    int told = 1;
    while (told > 0 && n < max) {
        arena_reset(arena);
        told = tell_one(store, config, now, arena, &ret[n], err);
        n += told > 0;
    }
    arena_free(arena);
    *ret_count = n;
    return told < 0 ? -1 : 0;
}
