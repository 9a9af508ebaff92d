#include "cmd/report.h"

#include "base/buf.h"
#include "cmd/term.h"

json_t *report_text(sv text)
{
    if (sv_utf8(text))
        return json_stringn(text.p ? text.p : "", text.n);
    struct buf clean = BUF_INIT(text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        buf_put_char(&clean, (unsigned char)text.p[i] < 0x80 ? text.p[i] : '?');
    json_t *json = json_stringn(buf_view(&clean).p, buf_view(&clean).n);
    buf_free(&clean);
    return json;
}

json_t *report_text_or_null(sv text)
{
    return text.n ? report_text(text) : json_null();
}

json_t *report_time(nanos t)
{
    char text[40];
    return t ? json_string(time_rfc3339(t, text, sizeof text)) : json_null();
}

void report_line(const json_t *json)
{
    json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
}

void report_line_new(json_t *json)
{
    report_line(json);
    json_decref(json);
}

sv report_view(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return sv_make(json_string_value(value), json_string_length(value));
}

const char *report_get(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

long long report_number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

void report_print(const json_t *object, const char *key)
{
    term_text(stdout, report_view(object, key));
}

void report_print_time(const json_t *object, const char *key)
{
    const char *time = report_get(object, key);
    printf("%.10s %.8sZ", time, strlen(time) > 11 ? time + 11 : "");
}

json_t *report_logsource(const struct logsource *source)
{
    json_t *json = json_object();
    json_object_set_new(json, "product", report_text(source->product));
    json_object_set_new(json, "category", report_text(source->category));
    json_object_set_new(json, "service", report_text(source->service));
    return json;
}

json_t *report_message(const struct store_message *message, bool with_alert)
{
    json_t *json = json_object();
    json_object_set_new(json, "id", json_integer(message->id));
    if (with_alert)
        json_object_set_new(json, "alert", message->alert_id ? json_integer(message->alert_id) : json_null());
    json_object_set_new(json, "state", json_string(store_state_name(message->state)));
    json_object_set_new(json, "recipient", report_text(message->recipient));
    json_object_set_new(json, "gateway", report_text_or_null(message->gateway));
    json_object_set_new(json, "queue_id", report_text_or_null(message->queue_id));
    json_object_set_new(json, "reply", report_text_or_null(message->reply));
    json_object_set_new(json, "attempts", json_integer(message->attempts));
    json_object_set_new(json, "handed_over_at", report_time(message->handed_over_at));
    json_object_set_new(json, "landed_at", report_time(message->landed_at));
    json_object_set_new(json, "cause", report_text_or_null(message->cause));
    json_object_set_new(json, "possible_duplicate", json_boolean(message->possible_duplicate));
    json_t *evidence =
        message->evidence.n ? json_loadb(message->evidence.p, message->evidence.n, 0, NULL) : NULL;
    json_object_set_new(json, "evidence", evidence ? evidence : json_null());
    if (message->state == STORE_QUEUED)
        json_object_set_new(json, "next_attempt_at", report_time(message->next_attempt_at));
    return json;
}

json_t *report_alert(const struct store_alert *alert, const struct store_message *messages, size_t count)
{
    json_t *json = json_object(), *list = json_array();
    json_object_set_new(json, "id", json_integer(alert->id));
    json_object_set_new(json, "state", json_string(store_state_name(alert->state)));
    json_object_set_new(json, "severity", json_string(severity_name(alert->severity)));
    json_object_set_new(json, "rule", report_text(alert->rule_id));
    json_object_set_new(json, "title", report_text(alert->rule_title));
    json_object_set_new(json, "risk", json_integer(alert->risk));
    json_object_set_new(json, "count", json_integer(alert->count));
    json_object_set_new(json, "suppressed", json_integer(alert->suppressed));
    json_object_set_new(json, "raised_at", report_time(alert->raised_at));
    json_object_set_new(json, "updated_at", report_time(alert->updated_at));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, report_message(&messages[i], false));
    json_object_set_new(json, "messages", list);
    return json;
}

json_t *report_step(const struct courier_step *step)
{
    json_t *json = json_object();
    json_object_set_new(json, "at", report_time(step->at));
    json_object_set_new(json, "at_ns", json_integer(step->at));
    json_object_set_new(json, "step", json_string(step->step));
    json_object_set_new(json, "alert", step->alert_id ? json_integer(step->alert_id) : json_null());
    json_object_set_new(json, "message", step->message_id ? json_integer(step->message_id) : json_null());
    json_object_set_new(json, "gateway", step->gateway ? report_text(sv_of(step->gateway)) : json_null());
    json_object_set_new(json, "took_ms",
                        step->took ? json_real((double)step->took / (double)NANOS_PER_MS) : json_null());
    json_object_set_new(json, "text", report_text(sv_of(step->text)));
    return json;
}

static enum term_style step_style(const char *step)
{
    if (strcmp(step, "handed-over") == 0 || strcmp(step, "landed") == 0)
        return TERM_GREEN;
    if (strcmp(step, "refused") == 0 || strcmp(step, "expired") == 0)
        return TERM_RED;
    return strcmp(step, "deferred") == 0 ? TERM_YELLOW : TERM_BOLD;
}

void report_print_step(const json_t *step, nanos *first)
{
    nanos at = json_integer_value(json_object_get(step, "at_ns"));
    const char *name = report_get(step, "step");
    sv gateway = report_view(step, "gateway");
    if (!*first)
        *first = at;
    /* The session may have been open before there was anything to send. */
    if (at < *first)
        term_print(stdout, TERM_DIM, "%13s  ", "before that");
    else
        term_print(stdout, TERM_DIM, "%+10.1f ms  ", (double)(at - *first) / (double)NANOS_PER_MS);
    term_print(stdout, step_style(name), "%-12s", name);
    putchar(' ');
    term_text(stdout, gateway);
    printf("%s", gateway.n ? ": " : "");
    report_print(step, "text");
    putchar('\n');
    fflush(stdout);
}
