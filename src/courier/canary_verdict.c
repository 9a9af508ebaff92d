#include "courier/canary_verdict.h"

#include "store/bounce.h"

#include <jansson.h>
#include <stdio.h>

/* Folder and whether it is the one for junk, out of the evidence. */
static bool lies_in_junk(sv evidence, char *ret_folder, size_t cap)
{
    json_t *json = evidence.n ? json_loadb(evidence.p, evidence.n, 0, NULL) : NULL;
    bool junk = json_is_true(json_object_get(json, "junk"));
    sv_copy(ret_folder, cap, sv_of(json_string_value(json_object_get(json, "folder"))));
    json_decref(json);
    return junk;
}

static void tell_landed(const struct store_canary *canary, struct canary_verdict *ret)
{
    char folder[128], length[32];
    ret->landed = true;
    ret->junk = lies_in_junk(canary->evidence, folder, sizeof folder);
    ret->latency = canary->landed_at - canary->sent_at;
    time_length(ret->latency, length, sizeof length);
    if (ret->junk) {
        ret->cause = CAUSE_CONTENT;
        snprintf(ret->text, sizeof ret->text,
                 "The test message over %.*s landed after %s in the folder %s, where unwanted mail goes.",
                 SV_ARG(sv_first(canary->gateway, 72)), length, folder);
        snprintf(ret->advice, sizeof ret->advice,
                 "have the mailbox and the filters before it let mail from this sender through");
        return;
    }
    snprintf(ret->text, sizeof ret->text, "A test message over %.*s landed after %s.",
             SV_ARG(sv_first(canary->gateway, 72)), length);
}

static void tell_missed(const struct store_canary *canary, struct canary_verdict *ret)
{
    char length[32];
    ret->cause = cause_named(canary->cause);
    time_length(canary->due_at - canary->sent_at, length, sizeof length);
    if (canary->handed_over_at && ret->cause == CAUSE_UNKNOWN)
        snprintf(
            ret->advice, sizeof ret->advice,
            "look for it in the gateway's log and queue by what it answered: it is held there, filtered, or "
            "lost behind it");
    else
        snprintf(ret->advice, sizeof ret->advice, "%s", cause_tell(ret->cause, NULL).advice);
    const char *what = canary->handed_over_at ? "was taken by the gateway and had not landed after"
                                              : "was not taken by the gateway within";
    snprintf(ret->text, sizeof ret->text, "The test message over %.*s %s %s%s%.*s.",
             SV_ARG(sv_first(canary->gateway, 72)), what, length,
             canary->reply.n ? "; the last that was said of it: " : "", SV_ARG(sv_first(canary->reply, 250)));
}

void canary_verdict_read(const struct store_canary *canary, struct canary_verdict *ret)
{
    *ret = (struct canary_verdict){.id = canary->id, .cause = CAUSE_UNKNOWN};
    if (canary->state == STORE_CANARY_LANDED)
        tell_landed(canary, ret);
    else
        tell_missed(canary, ret);
}

static int miss(struct store *store, const struct store_canary *canary, struct arena *arena, struct err *err)
{
    struct store_message message = {.cause = SV_NONE};
    size_t count = 0;
    if (store_mail_messages(store, canary->mail_id, arena, &message, 1, &count, err) < 0)
        return -1;
    bool taken = message.state == STORE_HANDED_OVER || message.state == STORE_BOUNCED;
    sv cause = message.cause.n ? message.cause : sv_of(cause_name(CAUSE_UNKNOWN));
    return store_canary_missed(store, canary->id, taken ? message.handed_over_at : 0, cause, message.reply,
                               err);
}

int canary_verdict_miss_overdue(struct store *store, nanos now, struct arena *arena, struct err *err)
{
    struct store_canary canary;
    int got = 1;
    for (int i = 0; i < CANARY_MISSED_MAX && got > 0; i++) {
        arena_reset(arena);
        got = store_canary_overdue(store, now, arena, &canary, err);
        if (got > 0 && miss(store, &canary, arena, err) < 0)
            return -1;
    }
    return got < 0 ? -1 : 0;
}
