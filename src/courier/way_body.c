#include "courier/way_body.h"

#include "wire/finding.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SLACK_HEADER_MAX = 140,       /* of 150 characters */
    PAGERDUTY_SUMMARY_MAX = 1000, /* of 1024 */
    PAGERDUTY_KEY_MAX = 250,      /* of 255 */
    FACILITY_AUTHPRIV = 10,
};

static const char *text_of(const json_t *notice, const char *key)
{
    const char *text = json_string_value(json_object_get(notice, key));
    return text ? text : "";
}

/* At most max bytes, not cut inside a character. */
static json_t *cut(const char *text, size_t max)
{
    sv view = sv_first(sv_of(text), max);
    while (view.n && !sv_utf8(view))
        view.n--;
    return json_stringn(view.p, view.n);
}

static bool resolved(const json_t *notice)
{
    return strcmp(text_of(notice, "kind"), "resolved") == 0;
}

static enum severity severity_of(const json_t *notice)
{
    enum severity severity = SEVERITY_HIGH;
    severity_parse(sv_of(text_of(notice, "severity")), &severity);
    return severity;
}

/* What is told as name and value beside the text, where it is known. */
static const struct fact {
    const char *key, *name;
} facts[] = {{"gateway", "Gateway"},     {"cause", "Cause"},      {"reply", "It said"},
             {"recipient", "Recipient"}, {"host", "Reported by"}, {"at", "At"}};

#define FACTS (sizeof facts / sizeof *facts)

/* --- Slack: mrkdwn has three characters to escape --- */

static void put_mrkdwn(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (*text == '&')
            buf_put(out, SV("&amp;"));
        else if (*text == '<')
            buf_put(out, SV("&lt;"));
        else if (*text == '>')
            buf_put(out, SV("&gt;"));
        else
            buf_put_char(out, *text);
}

static json_t *slack(const json_t *notice)
{
    struct buf text = BUF_INIT(WAY_BODY_BYTES_MAX);
    put_mrkdwn(&text, text_of(notice, "text"));
    if (*text_of(notice, "advice")) {
        buf_put(&text, SV("\n*What to do:* "));
        put_mrkdwn(&text, text_of(notice, "advice"));
    }
    for (size_t i = 0; i < FACTS; i++)
        if (*text_of(notice, facts[i].key)) {
            buf_printf(&text, "\n*%s:* ", facts[i].name);
            put_mrkdwn(&text, text_of(notice, facts[i].key));
        }
    struct buf title = BUF_INIT(WAY_BODY_BYTES_MAX);
    put_mrkdwn(&title, text_of(notice, "title"));
    sv said = buf_view(&text), head = buf_view(&title);
    json_t *json = json_pack("{s:s%, s:[{s:s, s:{s:s, s:o}}, {s:s, s:{s:s, s:s%}}]}", "text",
                             head.p ? head.p : "", head.n, "blocks", "type", "header", "text", "type",
                             "plain_text", "text", cut(text_of(notice, "title"), SLACK_HEADER_MAX), "type",
                             "section", "text", "type", "mrkdwn", "text", said.p ? said.p : "", said.n);
    buf_free(&text);
    buf_free(&title);
    return json;
}

/* --- Teams: an Adaptive Card whose text runs know no markup --- */

static json_t *run_of(const char *text, bool strong)
{
    return json_pack("{s:s, s:[{s:s, s:s, s:s}]}", "type", "RichTextBlock", "inlines", "type", "TextRun",
                     "text", text, "weight", strong ? "Bolder" : "Default");
}

static json_t *teams(const json_t *notice)
{
    json_t *body = json_array();
    json_array_append_new(body, run_of(text_of(notice, "title"), true));
    json_array_append_new(body, run_of(text_of(notice, "text"), false));
    if (*text_of(notice, "advice"))
        json_array_append_new(body, run_of(text_of(notice, "advice"), false));
    for (size_t i = 0; i < FACTS; i++) {
        if (!*text_of(notice, facts[i].key))
            continue;
        struct buf line = BUF_INIT(WAY_BODY_BYTES_MAX);
        buf_printf(&line, "%s: %s", facts[i].name, text_of(notice, facts[i].key));
        buf_put_char(&line, '\0');
        json_array_append_new(body, run_of(buf_view(&line).p, false));
        buf_free(&line);
    }
    return json_pack("{s:s, s:[{s:s, s:n, s:{s:s, s:s, s:s, s:o}}]}", "type", "message", "attachments",
                     "contentType", "application/vnd.microsoft.card.adaptive", "contentUrl", "content",
                     "$schema", "http://adaptivecards.io/schemas/adaptive-card.json", "type", "AdaptiveCard",
                     "version", "1.4", "body", body);
}

/* --- PagerDuty: Events API v2 --- */

static const char *pagerduty_severity(enum severity severity)
{
    switch (severity) {
    case SEVERITY_INFORMATIONAL:
        return "info";
    case SEVERITY_LOW:
    case SEVERITY_MEDIUM:
        return "warning";
    case SEVERITY_HIGH:
        return "error";
    case SEVERITY_CRITICAL:
        return "critical";
    }
    abort();
}

static json_t *pagerduty(const json_t *notice, sv key)
{
    json_t *json = json_pack("{s:s%, s:s, s:o}", "routing_key", key.p ? key.p : "", key.n, "event_action",
                             resolved(notice) ? "resolve" : "trigger", "dedup_key",
                             cut(text_of(notice, "key"), PAGERDUTY_KEY_MAX));
    if (!json || resolved(notice))
        return json;
    json_t *details = json_deep_copy(notice);
    json_object_del(details, "title");
    json_t *payload = json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "summary",
                                cut(text_of(notice, "title"), PAGERDUTY_SUMMARY_MAX), "source",
                                text_of(notice, "host"), "severity", pagerduty_severity(severity_of(notice)),
                                "timestamp", text_of(notice, "at"), "component", text_of(notice, "gateway"),
                                "class", text_of(notice, "cause"), "custom_details", details);
    json_object_set_new(json, "payload", payload);
    return json;
}

/* --- All of them --- */

static json_t *read_notice(sv body, struct err *err)
{
    json_t *notice = json_loadb(body.p ? body.p : "", body.n, JSON_ALLOW_NUL, NULL);
    if (json_is_object(notice))
        return notice;
    json_decref(notice);
    err_set(err, ERR_DATA, NULL, "what is queued is no notice");
    return NULL;
}

static json_t *fill(enum config_template template, json_t *notice, sv key)
{
    switch (template) {
    case CONFIG_TEMPLATE_GENERIC:
        return json_incref(notice);
    case CONFIG_TEMPLATE_SLACK:
        return slack(notice);
    case CONFIG_TEMPLATE_TEAMS:
        return teams(notice);
    case CONFIG_TEMPLATE_PAGERDUTY:
        return pagerduty(notice, key);
    }
    abort();
}

static int put(const char *bytes, size_t n, void *arg)
{
    return buf_put(arg, sv_make(bytes, n));
}

int way_body_webhook(enum config_template template, sv body, sv key, struct buf *out, struct err *err)
{
    json_t *notice = read_notice(body, err);
    if (!notice)
        return -1;
    json_t *json = fill(template, notice, key);
    int done = json ? json_dump_callback(json, put, out, JSON_COMPACT) : -1;
    json_decref(json);
    json_decref(notice);
    return done < 0 ? err_set(err, ERR_DATA, NULL, "the notice cannot be put into its form") : 0;
}

/* --- syslog --- */

/* Of RFC 5424: critical, error, warning, notice, informational. */
static unsigned syslog_severity(enum severity severity)
{
    switch (severity) {
    case SEVERITY_INFORMATIONAL:
        return 6;
    case SEVERITY_LOW:
        return 5;
    case SEVERITY_MEDIUM:
        return 4;
    case SEVERITY_HIGH:
        return 3;
    case SEVERITY_CRITICAL:
        return 2;
    }
    abort();
}

static void put_plain(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        buf_put_char(out, c < 0x20 || c == 0x7f ? ' ' : *text);
    }
}

/* CEF: in the header | and \ are escaped, in extensions = and \ ; a line end may stand nowhere. */
static void put_escaped(struct buf *out, const char *text, char special)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (*text == special || *text == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, c < 0x20 || c == 0x7f ? ' ' : *text);
    }
}

static void put_extension(struct buf *out, const char *key, const char *value)
{
    if (!*value)
        return;
    buf_printf(out, " %s=", key);
    put_escaped(out, value, '=');
}

static void put_cef(struct buf *out, const json_t *notice)
{
    static const int levels[] = {1, 3, 5, 8, 10};
    char alert[32];
    json_int_t id = json_integer_value(json_object_get(notice, "alert"));
    snprintf(alert, sizeof alert, "%lld", (long long)id);
    buf_put(out, SV("CEF:0|Vedette|Vedette|" VEDETTE_VERSION "|"));
    put_escaped(out, text_of(notice, "kind"), '|');
    buf_put_char(out, '|');
    put_escaped(out, text_of(notice, "title"), '|');
    buf_printf(out, "|%d|", levels[severity_of(notice)]);
    buf_put(out, SV("cat=mail-path"));
    put_extension(out, "msg", text_of(notice, "text"));
    put_extension(out, "dvchost", text_of(notice, "host"));
    put_extension(out, "reason", text_of(notice, "reply"));
    put_extension(out, "duser", text_of(notice, "recipient"));
    put_extension(out, "externalId", id ? alert : "");
    static const struct fact own[] = {
        {"gateway", "Gateway"}, {"cause", "Cause"}, {"advice", "Advice"}, {"key", "Key"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        char value[8], label[12];
        snprintf(value, sizeof value, "cs%zu", i + 1);
        snprintf(label, sizeof label, "cs%zuLabel", i + 1);
        if (*text_of(notice, own[i].key))
            put_extension(out, label, own[i].name);
        put_extension(out, value, text_of(notice, own[i].key));
    }
}

/* A host name of RFC 5424: printable ASCII without spaces. */
static void put_host(struct buf *out, const char *host)
{
    if (!*host)
        buf_put_char(out, '-');
    for (; *host; host++)
        buf_put_char(out, *host > 0x20 && *host < 0x7f ? *host : '_');
}

static void put_sentence(struct buf *out, const json_t *notice)
{
    put_plain(out, text_of(notice, "title"));
    buf_put(out, SV(": "));
    put_plain(out, text_of(notice, "text"));
    if (*text_of(notice, "advice")) {
        buf_put_char(out, ' ');
        put_plain(out, text_of(notice, "advice"));
    }
}

int way_body_syslog(bool cef, sv body, struct buf *out, struct err *err)
{
    json_t *notice = read_notice(body, err);
    if (!notice)
        return -1;
    buf_printf(out, "<%u>1 ", FACILITY_AUTHPRIV * 8 + syslog_severity(severity_of(notice)));
    put_host(out, text_of(notice, "at"));
    buf_put_char(out, ' ');
    put_host(out, text_of(notice, "host"));
    buf_put(out, SV(" vedette - "));
    put_host(out, text_of(notice, "kind"));
    buf_put(out, SV(" - "));
    if (cef)
        put_cef(out, notice);
    else
        put_sentence(out, notice);
    json_decref(notice);
    return 0;
}

int way_body_line(sv body, struct buf *out, struct err *err)
{
    json_t *notice = read_notice(body, err);
    if (!notice)
        return -1;
    put_sentence(out, notice);
    json_decref(notice);
    return 0;
}
