#include "wire/mail_trace.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *moment(nanos at)
{
    char text[40];
    return at ? json_string(time_rfc3339(at, text, sizeof text)) : json_null();
}

static json_t *length_ms(nanos from, nanos to)
{
    return from && to ? json_integer((to - from) / NANOS_PER_MS) : json_null();
}

static json_t *tls_json(enum mail_trace_tls tls)
{
    return tls == MAIL_TRACE_TLS_UNKNOWN ? json_null() : json_boolean(tls == MAIL_TRACE_TLS_YES);
}

/* ms: since the hop before. Clocks of two servers may differ, so that it may be below zero. */
static json_t *hops_json_of(const struct mail_trace *trace)
{
    json_t *list = json_array();
    for (size_t i = 0; i < trace->hop_count; i++) {
        const struct mail_trace_hop *hop = &trace->hops[i];
        json_t *json = json_object();
        json_object_set_new(json, "from", text_or_null(hop->from));
        json_object_set_new(json, "by", text_or_null(hop->by));
        json_object_set_new(json, "with", text_or_null(hop->with));
        json_object_set_new(json, "tls", tls_json(hop->tls));
        json_object_set_new(json, "at", moment(hop->at));
        json_object_set_new(json, "ms", i ? length_ms(trace->hops[i - 1].at, hop->at) : json_null());
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *altered_json(enum mail_trace_body body)
{
    return body == MAIL_TRACE_BODY_UNMARKED ? json_null() : json_boolean(body == MAIL_TRACE_BODY_CHANGED);
}

static void add_trace(json_t *json, const struct mail_trace *trace)
{
    size_t n = trace->hop_count;
    json_object_set_new(json, "called_junk", json_boolean(trace->called_junk));
    json_object_set_new(json, "spf", text_or_null(trace->spf));
    json_object_set_new(json, "dkim", text_or_null(trace->dkim));
    json_object_set_new(json, "dmarc", text_or_null(trace->dmarc));
    json_object_set_new(json, "authserv", text_or_null(trace->authserv));
    json_object_set_new(json, "altered", altered_json(trace->body));
    json_object_set_new(json, "altered_parts", text_or_null(trace->changed));
    json_object_set_new(json, "hops_ms",
                        n ? length_ms(trace->hops[0].at, trace->hops[n - 1].at) : json_null());
    json_object_set_new(json, "hops_left_out", json_integer((json_int_t)trace->hops_left_out));
    json_object_set_new(json, "hops", hops_json_of(trace));
}

static json_t *folder_json(sv folder)
{
    json_t *json = folder.n ? json_stringn(folder.p, folder.n) : NULL; /* NULL for what is no UTF-8 */
    return json ? json : json_null();
}

int mail_trace_json(const struct mail_trace *trace, const struct mail_trace_landing *landing, struct buf *out)
{
    json_t *json = json_object();
    json_object_set_new(json, "by", json_string(landing->by));
    json_object_set_new(json, "folder", folder_json(landing->folder));
    json_object_set_new(json, "junk", json_boolean(landing->junk));
    json_object_set_new(json, "at", moment(landing->at));
    json_object_set_new(json, "latency_ms", length_ms(landing->sent, landing->at));
    if (trace)
        add_trace(json, trace);
    char *text = json_dumps(json, JSON_COMPACT);
    int put = text ? buf_put(out, sv_of(text)) : -1;
    free(text);
    json_decref(json);
    return put;
}
