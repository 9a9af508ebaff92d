#include "alert/letter.h"

#include "alert/text.h"

#include <inttypes.h>

#include "base/ascii.h"

enum { NAMES_MAX = 4 };

/* Where each fact is found, the better name first. */
static const struct {
    const char *label;
    sv names[NAMES_MAX];
} fact_table[LETTER_FACTS] = {
    [LETTER_WHO] = {"Who", {SV_INIT("user.name"), SV_INIT("user.audit.name"), SV_INIT("user.id")}},
    [LETTER_TARGET] = {"Target",
                       {SV_INIT("user.target.name"), SV_INIT("user.effective.name"),
                        SV_INIT("cyberark.account")}},
    [LETTER_ACTION] = {"Action", {SV_INIT("event.action"), SV_INIT("event.code")}},
    [LETTER_OUTCOME] = {"Outcome", {SV_INIT("event.outcome")}},
    [LETTER_COMMAND] = {"Command", {SV_INIT("process.command_line"), SV_INIT("process.executable")}},
    [LETTER_FROM] = {"From", {SV_INIT("source.ip"), SV_INIT("source.domain"), SV_INIT("source.address")}},
    [LETTER_ON] = {"On", {SV_INIT("host.name"), SV_INIT("destination.domain"), SV_INIT("destination.ip")}},
    [LETTER_REASON] = {"Reason", {SV_INIT("event.reason"), SV_INIT("cyberark.reason")}},
};

const char *letter_fact_label(enum letter_fact fact)
{
    return fact_table[fact].label;
}

static sv field_get(const struct finding *finding, sv name)
{
    for (size_t i = 0; i < finding->field_count; i++)
        if (sv_eq(finding->fields[i].name, name))
            return finding->fields[i].value;
    return SV_NONE;
}

void letter_init(struct letter *letter, const struct store_mail *mail, const struct finding *finding,
                 const char *hostname)
{
    *letter = (struct letter){.mail = mail, .finding = finding, .hostname = hostname};
    for (size_t fact = 0; fact < LETTER_FACTS; fact++)
        for (size_t i = 0; i < NAMES_MAX && fact_table[fact].names[i].n && !letter->facts[fact].n; i++)
            letter->facts[fact] = field_get(finding, fact_table[fact].names[i]);
}

void letter_put_severity(struct buf *out, const struct letter *letter)
{
    for (const char *p = severity_name(letter->mail->severity); *p; p++)
        buf_put_char(out, ascii_upper(*p));
}

/* What is less is the way from there to here. */
#define APART_MIN (60 * NANOS_PER_SECOND)

void letter_put_when(struct buf *out, const struct letter *letter)
{
    nanos at = letter->finding->event_time, received = letter->finding->received_at;
    char when[32], apart[32];
    buf_printf(out, "%s", time_rfc3339(at, when, sizeof when));
    if (at <= 0 || !received) /* of a clock that was never set nothing follows */
        return;
    if (received - at >= APART_MIN)
        buf_printf(out, ", told %s later", time_length(received - at, apart, sizeof apart));
    else if (at - received >= APART_MIN)
        buf_printf(out, ", by a clock that is %s ahead", time_length(at - received, apart, sizeof apart));
}

void letter_put_count(struct buf *out, const struct letter *letter)
{
    const struct store_mail *mail = letter->mail;
    if (mail->count <= 1)
        buf_put(out, SV("once"));
    else
        buf_printf(out, "%" PRId64 " times", mail->count);
    if (mail->suppressed > 0)
        buf_printf(out, ", %" PRId64 " more since the last mail", mail->suppressed);
}

static void put_where(struct buf *out, const struct letter *letter)
{
    sv who = letter->facts[LETTER_WHO], on = letter->facts[LETTER_ON], from = letter->facts[LETTER_FROM];
    if (!who.n && !on.n && !from.n)
        return;
    buf_put(out, SV(": "));
    if (who.n)
        text_put(out, who, LETTER_NAME_BYTES_MAX, TEXT_HEADER);
    if (on.n) {
        buf_put(out, who.n ? SV("@") : SV(""));
        text_put(out, on, LETTER_NAME_BYTES_MAX, TEXT_HEADER);
    } else if (from.n) {
        buf_put(out, who.n ? SV(" from ") : SV("from "));
        text_put(out, from, LETTER_NAME_BYTES_MAX, TEXT_HEADER);
    }
}

/* The same for every mail of an alert as far as its findings agree: mail programs thread by it. */
void letter_put_subject(struct buf *out, const struct letter *letter)
{
    buf_put_char(out, '[');
    if (letter->mail->test)
        buf_put(out, SV("TEST"));
    else
        letter_put_severity(out, letter);
    buf_put(out, SV("] "));
    text_put(out, letter->finding->rule_title, LETTER_TITLE_BYTES_MAX, TEXT_HEADER);
    put_where(out, letter);
    if (letter->mail->alert_id > 0)
        buf_printf(out, " (alert %" PRId64 ")", letter->mail->alert_id);
}
