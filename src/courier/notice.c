#include "courier/notice.h"

#include "store/notice.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

const char *notice_kind_word(enum notice_kind kind)
{
    switch (kind) {
#define X(name, word)   \
    case NOTICE_##name: \
        return word;
        NOTICE_KINDS(X)
#undef X
    }
    abort();
}

/* Servers' words may be any bytes. */
static void put_text(json_t *body, const char *key, sv text)
{
    if (text.n == 0)
        return;
    json_t *value = json_stringn(text.p, text.n);
    if (!value) {
        struct buf clean = BUF_INIT(text.n + 1);
        for (size_t i = 0; i < text.n; i++)
            buf_put_char(&clean, text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?');
        value = json_stringn(buf_view(&clean).p, buf_view(&clean).n);
        buf_free(&clean);
    }
    json_object_set_new(body, key, value);
}

static void put_number(json_t *body, const char *key, int64_t number)
{
    if (number)
        json_object_set_new(body, key, json_integer(number));
}

static char *generic_body(const struct notice *notice)
{
    char at[32];
    json_t *body = json_object();
    put_text(body, "kind", sv_of(notice_kind_word(notice->kind)));
    put_text(body, "severity", sv_of(severity_name(notice->severity)));
    put_text(body, "key", notice->key);
    put_text(body, "title", notice->title);
    put_text(body, "text", notice->text);
    put_text(body, "advice", notice->advice);
    put_text(body, "cause", notice->cause);
    put_text(body, "gateway", notice->gateway);
    put_text(body, "reply", notice->reply);
    put_text(body, "recipient", notice->recipient);
    put_text(body, "host", notice->hostname);
    put_number(body, "alert", notice->alert_id);
    put_number(body, "message", notice->message_id);
    put_text(body, "at", sv_of(time_rfc3339(notice->at, at, sizeof at)));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    assert(text);
    return text;
}

int notice_queue(struct store *store, const struct config *config, const struct notice *notice,
                 size_t *ret_count, struct err *err)
{
    int outcome = 0;
    char *body = generic_body(notice);
    for (size_t i = 0; outcome == 0 && i < config->way_count; i++) {
        struct store_notice owed = {
            .way = sv_of(config->ways[i].name),
            .kind = sv_of(notice_kind_word(notice->kind)),
            .body = sv_of(body),
            .created_at = notice->at,
            .next_attempt_at = notice->at,
        };
        outcome = store_notice_insert(store, &owed, err);
    }
    free(body);
    if (ret_count)
        *ret_count = config->way_count;
    return outcome;
}
