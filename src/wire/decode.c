#include "wire/decode.h"

#include "base/ascii.h"
#include "wire/cef.h"
#include "wire/derive.h"
#include "wire/json_event.h"
#include "wire/json_shape.h"
#include "wire/leef.h"
#include "wire/syslog.h"
#include "wire/text_event.h"
#include "wire/xml_event.h"

enum { PREAMBLE_BYTES_MAX = 1024 }; /* how far into a record a form that was asked for is looked for */

enum head { HEAD_NONE, HEAD_RFC3164, HEAD_RFC5424, HEAD_JOURNAL, HEAD_COUNT };

/* what, its name behind a head, its name alone. The text kinds stand in the order of enum text_kind. */
#define BODIES(X)                         \
    X(TEXT, "text", "text")               \
    X(SSHD, "sshd", "text/sshd")          \
    X(SUDO, "sudo", "text/sudo")          \
    X(SU, "su", "text/su")                \
    X(PAM, "pam", "text/pam")             \
    X(AUDITD, "auditd", "text/auditd")    \
    X(ACCOUNT, "account", "text/account") \
    X(CRON, "cron", "text/cron")          \
    X(JSON, "json", "json")               \
    X(CEF, "cef", "cef")                  \
    X(LEEF, "leef", "leef")               \
    X(XML, "xml", "xml")

enum body {
#define X(id, name, alone) BODY_##id,
    BODIES(X)
#undef X
        BODY_COUNT,
};

_Static_assert(BODY_SSHD == (int)TEXT_SSHD && BODY_CRON == (int)TEXT_CRON, "text kinds are bodies");

static const char *const formats[HEAD_COUNT][BODY_COUNT] = {
#define X(id, name, alone) [HEAD_NONE][BODY_##id] = alone,
    BODIES(X)
#undef X
#define X(id, name, alone) [HEAD_RFC3164][BODY_##id] = "rfc3164/" name,
        BODIES(X)
#undef X
#define X(id, name, alone) [HEAD_RFC5424][BODY_##id] = "rfc5424/" name,
            BODIES(X)
#undef X
#define X(id, name, alone) [HEAD_JOURNAL][BODY_##id] = "journal/" name,
                BODIES(X)
#undef X
};

bool decode_format_parse(sv s, enum decode_format *ret)
{
    static const sv names[] = {
        [DECODE_AUTO] = SV_INIT("auto"), [DECODE_JSON] = SV_INIT("json"),     [DECODE_CEF] = SV_INIT("cef"),
        [DECODE_LEEF] = SV_INIT("leef"), [DECODE_SYSLOG] = SV_INIT("syslog"), [DECODE_TEXT] = SV_INIT("text"),
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (sv_eq(s, names[i])) {
            *ret = (enum decode_format)i;
            return true;
        }
    }
    return false;
}

enum { NO_JSON, NO_CEF, NO_LEEF, NO_SYSLOG, ERROR_COUNT };

static const sv errors[ERROR_COUNT] = {
    [NO_JSON] = SV_INIT("the record is no JSON object"),
    [NO_CEF] = SV_INIT("the record has no CEF header (CEF:0|vendor|product|…)"),
    [NO_LEEF] = SV_INIT("the record has no LEEF header (LEEF:1.0|vendor|product|…)"),
    [NO_SYSLOG] = SV_INIT("the record has no syslog header (a priority or a time)"),
};

static void add_error(struct decoding *decoding, sv error)
{
    decoding_add(decoding, SV("vedette.decode_error"), error);
}

/* Cuts a program's name off a message that begins with one, without priority or time. */
static bool cut_program(sv *message, sv *ret_tag, sv *ret_pid)
{
    sv s = *message, tag, pid;
    if (!syslog_take_tag(&s, &tag, &pid) || (pid.n == 0 && !text_event_program(tag)))
        return false;
    *message = s;
    *ret_tag = tag;
    *ret_pid = pid;
    return true;
}

static void take_program(struct decoding *decoding)
{
    sv tag, pid;
    if (!cut_program(&decoding->event->message, &tag, &pid))
        return;
    decoding->program = tag;
    decoding_add(decoding, SV("process.name"), tag);
    if (pid.n)
        decoding_add_number(decoding, SV("process.pid"), pid);
}

/* A structured form that begins the record. */
static inline bool is_bare_body(sv record)
{
    bool priority = record.n > 1 && record.p[0] == '<' && ascii_digit(record.p[1]);
    return syslog_is_body(record) && !priority;
}

static enum head decode_head(struct decoding *decoding, sv record)
{
    struct syslog_header header;
    if (is_bare_body(record))
        return HEAD_NONE;
    if (!syslog_parse(record, &header)) {
        take_program(decoding);
        return HEAD_NONE;
    }
    syslog_apply(decoding, &header);
    switch (header.form) {
    case SYSLOG_RFC3164:
        return HEAD_RFC3164;
    case SYSLOG_RFC5424:
        return HEAD_RFC5424;
    }
    return HEAD_NONE;
}

static enum body decode_text(struct decoding *decoding)
{
    return (enum body)text_event_decode(decoding, decoding->event->message);
}

static enum body decode_json(struct decoding *decoding, enum head *head)
{
    size_t from = decoding->event->field_count;
    sv error = SV_NONE;
    if (!json_event_decode(decoding, decoding->event->message, &error))
        return decode_text(decoding);
    bool journal = json_shape_apply(decoding, from);
    if (error.n) { /* what stands behind it is not read */
        add_error(decoding, error);
        decoding->event->flags |= EVENT_FIELDS_DROPPED;
    }
    if (!journal)
        return BODY_JSON;
    *head = HEAD_JOURNAL;
    return decode_text(decoding);
}

/* By the message's first bytes. */
static enum body decode_body(struct decoding *decoding, bool list, enum head *head)
{
    sv message = decoding->event->message;
    while (message.n && message.p[0] == ' ')
        message = sv_from(message, 1);
    switch (message.n ? message.p[0] : '\0') {
    case '{':
        return decode_json(decoding, head);
    case '[':
        return list ? decode_json(decoding, head) : decode_text(decoding);
    case 'C':
        return cef_decode(decoding, message) ? BODY_CEF : decode_text(decoding);
    case 'L':
        return leef_decode(decoding, message) ? BODY_LEEF : decode_text(decoding);
    case '<':
        return xml_event_decode(decoding, message) ? BODY_XML : decode_text(decoding);
    default:
        return decode_text(decoding);
    }
}

/* A form that was asked for and does not stand where it should: behind words of a relay's, perhaps. */
static enum body decode_behind(struct decoding *decoding, sv mark, bool (*decode_form)(struct decoding *, sv),
                               enum body form, enum body found)
{
    size_t at = sv_find(sv_first(decoding->event->message, PREAMBLE_BYTES_MAX), mark);
    if (at != SV_NPOS && decode_form(decoding, sv_from(decoding->event->message, at)))
        return form;
    return found;
}

/* Holds what was found against the format that the caller named. */
static enum body insist(struct decoding *decoding, enum decode_format format, enum head head, enum body body)
{
    switch (format) {
    case DECODE_AUTO:
    case DECODE_TEXT:
        return body;
    case DECODE_JSON:
        if (body != BODY_JSON && head != HEAD_JOURNAL)
            add_error(decoding, errors[NO_JSON]);
        return body;
    case DECODE_CEF:
        if (body != BODY_CEF)
            body = decode_behind(decoding, SV("CEF:"), cef_decode, BODY_CEF, body);
        if (body != BODY_CEF)
            add_error(decoding, errors[NO_CEF]);
        return body;
    case DECODE_LEEF:
        if (body != BODY_LEEF)
            body = decode_behind(decoding, SV("LEEF:"), leef_decode, BODY_LEEF, body);
        if (body != BODY_LEEF)
            add_error(decoding, errors[NO_LEEF]);
        return body;
    case DECODE_SYSLOG:
        if (head != HEAD_RFC3164 && head != HEAD_RFC5424)
            add_error(decoding, errors[NO_SYSLOG]);
        return body;
    }
    return body;
}

void decode(struct event *ret, sv raw, enum decode_format format, nanos arrival, const struct zone *zone,
            struct arena *arena)
{
    bool cut = raw.n > EVENT_BYTES_MAX;
    sv record = raw.n ? sv_first(raw, EVENT_BYTES_MAX) : SV("");
    /* One by one: an event is large enough to be cleared slowly. */
    ret->time = ret->arrival = arrival;
    ret->raw = record;
    ret->message = sv_without_bom(record);
    ret->source = (struct logsource){.product = SV_NONE};
    ret->fields = NULL;
    ret->field_count = 0;
    ret->flags = EVENT_TIME_ASSUMED | (cut ? EVENT_TRUNCATED : 0U);
    struct decoding decoding = {.event = ret, .arena = arena, .zone = zone};
    enum head head = decode_head(&decoding, ret->message);
    enum body body =
        format == DECODE_TEXT ? decode_text(&decoding) : decode_body(&decoding, format == DECODE_JSON, &head);
    body = insist(&decoding, format, head, body);
    ret->format = formats[head][body];
}

bool decode_source(sv raw, enum decode_format format, struct logsource *ret)
{
    struct syslog_header header;
    sv record = sv_without_bom(sv_first(raw, EVENT_BYTES_MAX)), message = record, program = SV_NONE, pid;
    bool crowded = false; /* many fields of a head may leave no room for the others */
    if (format != DECODE_AUTO || record.n == 0)
        return false;
    if (!is_bare_body(record)) {
        if (syslog_parse(record, &header)) {
            message = header.message;
            program = header.tag;
            crowded = header.structured_data.n > 0;
        } else {
            cut_program(&message, &program, &pid);
        }
    }
    sv body = message;
    while (body.n && body.p[0] == ' ')
        body = sv_from(body, 1);
    switch (body.n ? body.p[0] : '\0') {
    case '{':
        return !crowded && json_shape_source(body, ret);
    case '[':
    case '<':
        return false;
    case 'C':
        if (sv_starts(body, SV("CEF:")))
            return cef_source(body, ret);
        break;
    case 'L':
        if (sv_starts(body, SV("LEEF:")))
            return leef_source(body, ret);
        break;
    default:
        break;
    }
    return text_event_source(program, message, ret);
}

void decode_derive(const struct derive *derive)
{
    derive_name(derive, SV("vedette.decode_error"), SV_NONE);
    for (size_t i = 0; i < ERROR_COUNT; i++)
        derive_value(derive, SV("vedette.decode_error"), errors[i], SV_NONE);
}
