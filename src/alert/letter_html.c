/* The same as HTML: one column, styles inline, nothing fetched, readable with its colours inverted. */
#include "alert/letter.h"

#include "alert/risk.h"
#include "alert/text.h"

#include <inttypes.h>

enum { WHOLE_NAME_MAX = 28 }; /* leaves room for the value on a phone */

static const char *const severity_colours[] = {
    [SEVERITY_INFORMATIONAL] = "#475569", [SEVERITY_LOW] = "#1d4ed8",      [SEVERITY_MEDIUM] = "#a16207",
    [SEVERITY_HIGH] = "#c2410c",          [SEVERITY_CRITICAL] = "#a4001d",
};

#define MUTED "color:#64748b"
#define LABEL \
    MUTED ";white-space:nowrap" /* of what is short: beside a long value it would be broken anywhere */
#define RULE    "border-top:1px solid #cbd5e1"
#define MONO    "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px"
#define HEADING "margin:22px 0 6px;font-size:13px;font-weight:600;" MUTED

static void put_head(struct buf *out, const struct letter *letter)
{
    buf_put(out, SV("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<style>:root{color-scheme:light dark}@media(prefers-color-scheme:dark){"
                    "body,.card{background:#14171c!important;color:#e2e8f0!important}"
                    "h2,.muted{color:#94a3b8!important}.line{border-color:#334155!important}"
                    "pre{background:#1e232b!important}}</style>\n<title>"));
    text_put(out, letter->finding->rule_title, LETTER_TITLE_BYTES_MAX, TEXT_HTML_LINE);
    buf_put(out, SV("</title></head>\n<body style=\"margin:0;padding:0;background:#ffffff;color:#1e293b\">\n"
                    "<div class=\"card\" style=\"max-width:640px;margin:0 auto;padding:20px 16px;"
                    "font:15px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
                    "overflow-wrap:anywhere\">\n"));
}

static void put_title(struct buf *out, const struct letter *letter)
{
    if (letter->mail->test)
        buf_put(out,
                SV("<p class=\"line\" style=\"margin:0 0 16px;padding:10px 12px;border:1px solid #cbd5e1\">"
                   "<b>This is a test of Vedette:</b> nothing happened, and nobody needs to do "
                   "anything.</p>\n"));
    buf_printf(out,
               "<div style=\"border-left:4px solid %1$s;padding-left:12px\">\n"
               "<span style=\"display:inline-block;padding:1px 8px;background:%1$s;color:#ffffff;"
               "font-size:12px;font-weight:600;letter-spacing:.04em\">",
               severity_colours[letter->mail->severity]);
    letter_put_severity(out, letter);
    buf_put(out, SV("</span>\n<h1 style=\"margin:6px 0 0;font-size:20px;line-height:1.3\">"));
    text_put(out, letter->finding->rule_title, LETTER_TITLE_BYTES_MAX, TEXT_HTML_LINE);
    buf_put(out, SV("</h1></div>\n"));
}

static void table_open(struct buf *out, const char *style)
{
    buf_printf(out, "<table role=\"presentation\" cellspacing=\"0\" cellpadding=\"3\" style=\"%s\">\n",
               style);
}

static void put_cells(struct buf *out, const char *label_style, sv label, sv value, size_t bytes_max)
{
    if (!value.n)
        return;
    buf_put(out, SV("<tr valign=\"top\"><td class=\"muted\" style=\""));
    buf_put(out, sv_of(label_style));
    buf_put(out, SV("\">"));
    text_put(out, label, LETTER_NAME_BYTES_MAX, TEXT_HTML_LINE);
    buf_put(out, SV("</td><td>"));
    text_put(out, value, bytes_max, TEXT_HTML_LINE);
    buf_put(out, SV("</td></tr>\n"));
}

static void put_row(struct buf *out, sv label, sv value, size_t bytes_max)
{
    put_cells(out, LABEL, label, value, bytes_max);
}

static void put_facts(struct buf *out, const struct letter *letter)
{
    enum { SEEN_BYTES_MAX = 200 };
    char when[32];
    struct buf seen = BUF_INIT(SEEN_BYTES_MAX);
    table_open(out, "margin:16px 0 8px -3px;line-height:1.3");
    for (size_t fact = 0; fact < LETTER_FACTS; fact++)
        put_row(out, sv_of(letter_fact_label((enum letter_fact)fact)), letter->facts[fact],
                LETTER_FACT_BYTES_MAX);
    letter_put_when(&seen, letter);
    put_row(out, SV("When"), buf_view(&seen), SEEN_BYTES_MAX);
    buf_clear(&seen);
    letter_put_count(&seen, letter);
    put_row(out, SV("Seen"), buf_view(&seen), SEEN_BYTES_MAX);
    buf_clear(&seen);
    buf_printf(&seen, "%d of %d", risk_of(letter->finding, letter->mail->severity, letter->mail->count),
               RISK_MAX);
    put_row(out, SV("Risk"), buf_view(&seen), SEEN_BYTES_MAX);
    if (letter->mail->count > 1)
        put_row(out, SV("First"), sv_of(time_rfc3339(letter->mail->raised_at, when, sizeof when)),
                sizeof when);
    buf_put(out, SV("</table>\n"));
    buf_free(&seen);
}

static void put_heading(struct buf *out, const char *heading)
{
    buf_printf(out, "<h2 style=\"" HEADING "\">%s</h2>\n", heading);
}

static void put_section(struct buf *out, const char *heading, sv text)
{
    text = sv_trim(text);
    if (!text.n)
        return;
    put_heading(out, heading);
    buf_put(out, SV("<p style=\"margin:0\">"));
    text_put(out, text, LETTER_PROSE_BYTES_MAX, TEXT_HTML_BLOCK);
    buf_put(out, SV("</p>\n"));
}

static void put_rule(struct buf *out, const struct finding *finding)
{
    put_heading(out, "The rule");
    table_open(out, "margin-left:-3px;font-size:13px;line-height:1.3");
    put_row(out, SV("Id"), finding->rule_id, LETTER_NAME_BYTES_MAX);
    put_row(out, SV("Author"), finding->author, LETTER_FACT_BYTES_MAX);
    put_row(out, SV("Tags"), finding->tags, LETTER_FACT_BYTES_MAX);
    buf_put(out, SV("</table>\n"));
}

static void put_fields(struct buf *out, const struct finding *finding)
{
    size_t shown = finding->field_count < LETTER_FIELDS_MAX ? finding->field_count : LETTER_FIELDS_MAX;
    if (shown == 0)
        return;
    put_heading(out, "The event");
    table_open(out, "margin-left:-3px;line-height:1.3;" MONO);
    for (size_t i = 0; i < shown; i++) {
        const struct event_field *field = &finding->fields[i];
        put_cells(out, field->name.n <= WHOLE_NAME_MAX ? LABEL : MUTED, field->name, field->value,
                  LETTER_VALUE_BYTES_MAX);
    }
    buf_put(out, SV("</table>\n"));
    if (shown < finding->field_count)
        buf_printf(out, "<p class=\"muted\" style=\"margin:4px 0 0;" MUTED "\">… and %zu more</p>\n",
                   finding->field_count - shown);
}

static void put_foot(struct buf *out, const struct letter *letter)
{
    char when[32];
    if (letter->finding->raw.n) {
        put_heading(out, "The record");
        buf_put(out, SV("<pre style=\"margin:0;padding:8px 10px;background:#f1f5f9;white-space:pre-wrap;" MONO
                        "\">"));
        text_put(out, letter->finding->raw, LETTER_RAW_BYTES_MAX, TEXT_HTML_LINE);
        buf_put(out, SV("</pre>\n"));
    }
    buf_put(out, SV("<p class=\"line muted\" style=\"margin:24px 0 0;padding-top:10px;font-size:13px;" RULE
                    ";" MUTED "\">"));
    text_put(out, letter->finding->input, LETTER_FACT_BYTES_MAX, TEXT_HTML_LINE);
    buf_printf(out, "<br>\nreceived %s<br>\n", time_rfc3339(letter->finding->received_at, when, sizeof when));
    if (letter->mail->alert_id > 0)
        buf_printf(out,
                   "Alert %" PRId64 ", mail %" PRId64 ". On %s: <span style=\"" MONO
                   "\">vedette alerts --id %" PRId64 "</span></p>\n",
                   letter->mail->alert_id, letter->mail->sequence, letter->hostname, letter->mail->alert_id);
    else
        buf_printf(out, "Sent by vedette on %s</p>\n", letter->hostname);
}

void letter_put_html(struct buf *out, const struct letter *letter)
{
    const struct finding *finding = letter->finding;
    put_head(out, letter);
    put_title(out, letter);
    put_facts(out, letter);
    put_section(out, "What to do", finding->response);
    put_section(out, "What it means", finding->description);
    put_section(out, "May be harmless", finding->false_positives);
    put_section(out, "See also", finding->references);
    put_rule(out, finding);
    put_fields(out, finding);
    put_foot(out, letter);
    buf_put(out, SV("</div></body></html>\n"));
}
