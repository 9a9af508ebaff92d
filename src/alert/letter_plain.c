/* The plain text: the first screen of a telephone says what happened, to whom, where, and what to do. */
#include "alert/letter.h"

#include "alert/risk.h"
#include "alert/text.h"

#include <inttypes.h>

static void put_line(struct buf *out, const char *label, sv value, size_t bytes_max)
{
    if (!value.n)
        return;
    buf_put(out, sv_of(label));
    buf_put(out, SV(": "));
    text_put(out, value, bytes_max, TEXT_LINE);
    buf_put_char(out, '\n');
}

static void put_section(struct buf *out, const char *heading, sv text)
{
    text = sv_trim(text);
    if (!text.n)
        return;
    buf_printf(out, "\n%s\n", heading);
    text_put(out, text, LETTER_PROSE_BYTES_MAX, TEXT_BLOCK);
    buf_put_char(out, '\n');
}

static void put_top(struct buf *out, const struct letter *letter)
{
    char when[32];
    if (letter->mail->test)
        buf_put(out, SV("This is a test of Vedette: nothing happened, and nobody needs to do anything.\n\n"));
    letter_put_severity(out, letter);
    buf_put(out, SV(": "));
    text_put(out, letter->finding->rule_title, LETTER_TITLE_BYTES_MAX, TEXT_LINE);
    buf_put(out, SV("\n\n"));
    for (size_t fact = 0; fact < LETTER_FACTS; fact++)
        put_line(out, letter_fact_label((enum letter_fact)fact), letter->facts[fact], LETTER_FACT_BYTES_MAX);
    buf_put(out, SV("When: "));
    letter_put_when(out, letter);
    buf_put(out, SV("\nSeen: "));
    letter_put_count(out, letter);
    buf_printf(out, "\nRisk: %d of %d\n",
               risk_of(letter->finding, letter->mail->severity, letter->mail->count), RISK_MAX);
    if (letter->mail->count > 1)
        buf_printf(out, "First: %s\n", time_rfc3339(letter->mail->raised_at, when, sizeof when));
}

static void put_rule(struct buf *out, const struct finding *finding)
{
    buf_put(out, SV("\nThe rule\n"));
    put_line(out, "Id", finding->rule_id, LETTER_NAME_BYTES_MAX);
    put_line(out, "Author", finding->author, LETTER_FACT_BYTES_MAX);
    put_line(out, "Tags", finding->tags, LETTER_FACT_BYTES_MAX);
}

static void put_fields(struct buf *out, const struct finding *finding)
{
    size_t shown = finding->field_count < LETTER_FIELDS_MAX ? finding->field_count : LETTER_FIELDS_MAX;
    if (shown == 0)
        return;
    buf_put(out, SV("\nThe event\n"));
    for (size_t i = 0; i < shown; i++) {
        text_put(out, finding->fields[i].name, LETTER_NAME_BYTES_MAX, TEXT_LINE);
        buf_put(out, SV(": "));
        text_put(out, finding->fields[i].value, LETTER_VALUE_BYTES_MAX, TEXT_LINE);
        buf_put_char(out, '\n');
    }
    if (shown < finding->field_count)
        buf_printf(out, "… and %zu more\n", finding->field_count - shown);
}

static void put_foot(struct buf *out, const struct letter *letter)
{
    char when[32];
    if (letter->finding->raw.n) {
        /* On one line: its line ends must not look like sections of ours. */
        buf_put(out, SV("\nThe record\n"));
        text_put(out, letter->finding->raw, LETTER_RAW_BYTES_MAX, TEXT_LINE);
        buf_put_char(out, '\n');
    }
    buf_put_char(out, '\n');
    put_line(out, "Input", letter->finding->input, LETTER_FACT_BYTES_MAX);
    buf_printf(out, "Received: %s\n", time_rfc3339(letter->finding->received_at, when, sizeof when));
    if (letter->mail->alert_id > 0)
        buf_printf(out, "Alert %" PRId64 ", mail %" PRId64 ". On %s: vedette alerts --id %" PRId64 "\n",
                   letter->mail->alert_id, letter->mail->sequence, letter->hostname, letter->mail->alert_id);
    else
        buf_printf(out, "Sent by vedette on %s\n", letter->hostname);
}

void letter_put_plain(struct buf *out, const struct letter *letter)
{
    const struct finding *finding = letter->finding;
    put_top(out, letter);
    put_section(out, "What to do", finding->response);
    put_section(out, "What it means", finding->description);
    put_section(out, "May be harmless", finding->false_positives);
    put_section(out, "See also", finding->references);
    put_rule(out, finding);
    put_fields(out, finding);
    put_foot(out, letter);
}
