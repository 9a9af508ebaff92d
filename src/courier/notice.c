#include "courier/notice.h"

#include "store/notice.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

enum { LINE_BYTES_MAX = 300, TEXT_BYTES_MAX = 2000 };

static const char *const words[] = {
#define X(name, word) [NOTICE_##name] = (word),
    NOTICE_KINDS(X)
#undef X
};

const char *notice_kind_word(enum notice_kind kind)
{
    assert((size_t)kind < sizeof words / sizeof *words);
    return words[kind];
}

/* One line of UTF-8, whatever a server or an event had in it: each other receiver has its own idea of what a
 * line end in a value means, so none gets one. */
static json_t *clean(sv text, size_t max)
{
    struct buf out = BUF_INIT(max);
    bool utf8 = sv_utf8(text);
    for (size_t i = 0; i < text.n && i < max; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool control = c < 0x20 || c == 0x7f;
        buf_put_char(&out, control ? ' ' : c < 0x80 || utf8 ? (char)c : '?');
    }
    sv view = buf_view(&out);
    while (view.n && !sv_utf8(view)) /* cut inside a character */
        view.n--;
    json_t *json = json_stringn(view.n ? view.p : "", view.n);
    buf_free(&out);
    return json;
}

static json_t *clean_or_null(sv text, size_t max)
{
    return text.n ? clean(text, max) : json_null();
}

static json_t *id_or_null(int64_t id)
{
    return id ? json_integer(id) : json_null();
}

char *notice_body(const struct notice *notice)
{
    char at[40];
    json_t *json = json_object();
    json_object_set_new(json, "kind", json_string(notice_kind_word(notice->kind)));
    json_object_set_new(json, "severity", json_string(severity_name(notice->severity)));
    json_object_set_new(json, "key", clean(notice->key, LINE_BYTES_MAX));
    json_object_set_new(json, "title", clean(notice->title, LINE_BYTES_MAX));
    json_object_set_new(json, "text", clean(notice->text, TEXT_BYTES_MAX));
    json_object_set_new(json, "advice", clean_or_null(notice->advice, TEXT_BYTES_MAX));
    json_object_set_new(json, "cause", clean_or_null(notice->cause, LINE_BYTES_MAX));
    json_object_set_new(json, "gateway", clean_or_null(notice->gateway, LINE_BYTES_MAX));
    json_object_set_new(json, "reply", clean_or_null(notice->reply, TEXT_BYTES_MAX));
    json_object_set_new(json, "recipient", clean_or_null(notice->recipient, LINE_BYTES_MAX));
    json_object_set_new(json, "host", clean(notice->hostname, LINE_BYTES_MAX));
    json_object_set_new(json, "alert", id_or_null(notice->alert_id));
    json_object_set_new(json, "message", id_or_null(notice->message_id));
    json_object_set_new(json, "at", json_string(time_rfc3339(notice->at, at, sizeof at)));
    char *text = json_dumps(json, JSON_COMPACT);
    assert(text);
    json_decref(json);
    return text;
}

int notice_queue(struct store *store, const struct config *config, const struct notice *notice,
                 size_t *ret_count, struct err *err)
{
    struct notice own = *notice;
    if (ret_count)
        *ret_count = 0;
    if (config->way_count == 0)
        return 0;
    if (own.hostname.n == 0)
        own.hostname = sv_of(config->hostname);
    char *body = notice_body(&own);
    int done = 0;
    for (size_t i = 0; i < config->way_count && done == 0; i++) {
        struct store_notice row = {.way = sv_of(config->ways[i].name),
                                   .kind = sv_of(notice_kind_word(own.kind)),
                                   .body = sv_of(body),
                                   .created_at = own.at,
                                   .next_attempt_at = own.at};
        done = store_notice_insert(store, &row, err);
    }
    free(body);
    if (done == 0 && ret_count)
        *ret_count = config->way_count;
    return done;
}
