/* A finding with all there can be, and the mail that tells of it: for tests and the fuzz target. */
#ifndef VEDETTE_ALERT_COMPOSE_FIXTURE_H
#define VEDETTE_ALERT_COMPOSE_FIXTURE_H

#include "alert/alert.h"
#include "alert/compose.h"

#include <assert.h>

#define FIXTURE_TIME (1764000000 * NANOS_PER_SECOND + 123 * NANOS_PER_MS)

struct composed {
    struct event_field fields[FINDING_FIELDS_MAX];
    struct finding finding;
    struct store_mail mail;
    char message_id[ALERT_MESSAGE_ID_BYTES];
    struct buf packed, out;
};

static const char *const composed_recipients[] = {"soc@example.org", "Zoë <oncall@example.org>"};
static const char composed_hostname[] = "vedette.example.org";

static inline void composed_init(struct composed *c)
{
    static const struct event_field fields[] = {
        {SV_INIT("user.name"), SV_INIT("alice"), EVENT_STRING},
        {SV_INIT("user.target.name"), SV_INIT("root"), EVENT_STRING},
        {SV_INIT("host.name"), SV_INIT("vault01.example.org"), EVENT_STRING},
        {SV_INIT("source.ip"), SV_INIT("192.0.2.7"), EVENT_STRING},
        {SV_INIT("event.action"), SV_INIT("Retrieve password"), EVENT_STRING},
        {SV_INIT("event.outcome"), SV_INIT("success"), EVENT_STRING},
        {SV_INIT("cyberark.safe"), SV_INIT("Linux-Root"), EVENT_STRING},
        {SV_INIT("process.pid"), SV_INIT("4711"), EVENT_NUMBER},
    };
    *c = (struct composed){.packed = BUF_INIT(FINDING_BYTES_MAX), .out = BUF_INIT(COMPOSE_BYTES_MAX)};
    memcpy(c->fields, fields, sizeof fields);
    c->finding = (struct finding){
        .event_time = FIXTURE_TIME - 2 * NANOS_PER_SECOND,
        .received_at = FIXTURE_TIME - NANOS_PER_SECOND,
        .matched_at = FIXTURE_TIME,
        .input = SV("syslog udp://127.0.0.1:5514"),
        .rule_id = SV("5c1d9a4e-0f0f-4f7e-9a43-1d1b0c5f7f01"),
        .rule_title = SV("Root password retrieved outside working hours"),
        .author = SV("The Vedette authors"),
        .description =
            SV("Somebody took the password of a root account out of the vault at a time when nobody "
               "is expected to work. Passwords are often taken just before they are misused."),
        .response = SV("1. Ask the person by telephone, not by mail, whether it was them.\n"
                       "2. If not, or if nobody answers, rotate the password and suspend the account.\n"
                       "3. Look at the session's recording."),
        .false_positives = SV("On-call work\nPlanned maintenance"),
        .references = SV("https://attack.example.org/techniques/T1555"),
        .tags = SV("attack.credential_access attack.t1555"),
        .severity = SEVERITY_HIGH,
        .raw = SV("Nov 24 16:00:00 vault01 CEF:0|Cyber-Ark|Vault|12.6|295|Retrieve password|7|suser=alice "
                  "fname=Root\\\\Linux-Root duser=root src=192.0.2.7 msg=\"<b>maintenance</b> & more\""),
        .fields = c->fields,
        .field_count = sizeof fields / sizeof *fields,
    };
    c->mail = (struct store_mail){.id = 23,
                                  .alert_id = 17,
                                  .sequence = 1,
                                  .count = 1,
                                  .raised_at = FIXTURE_TIME,
                                  .created_at = FIXTURE_TIME,
                                  .severity = SEVERITY_HIGH};
}

/* What lies in the mail from here on: out holds the message. */
static inline int composed_run(struct composed *c, struct err *err)
{
    struct pack pack = PACK_INTO(&c->packed);
    const struct config_strings to = {(const char **)(uintptr_t)composed_recipients, 2};
    buf_clear(&c->packed);
    buf_clear(&c->out);
    finding_pack(&pack, &c->finding);
    assert(pack.ok);
    c->mail.finding = buf_view(&c->packed);
    c->mail.message_id = sv_of(alert_message_id(c->mail.alert_id, c->mail.sequence, c->mail.raised_at,
                                                composed_hostname, c->message_id));
    return compose(&c->mail, "Vedette <vedette@example.org>", &to, composed_hostname, &c->out, err);
}

/* The headers there may be, each at most once. */
static inline bool composed_header_known(sv name, unsigned *seen)
{
    static const char *const names[] = {
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Auto-Submitted",
        "Importance",
        "X-Priority",
        "X-Vedette-Alert",
        "X-Vedette-Rule",
        "X-Vedette-Severity",
        "X-Vedette-Test",
        "X-Vedette-Body",
        "MIME-Version",
        "Content-Type",
        "X-Auto-Response-Suppress",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sv_eq(name, sv_of(names[i]))) {
            bool first = !(*seen & 1U << i);
            *seen |= 1U << i;
            return first;
        }
    return false;
}

/* Lines ended by CRLF and no other CR or LF, ASCII without controls (tabs may stand in bodies), short enough;
 * no header that is not ours. */
static inline bool composed_lines_sound(sv message)
{
    unsigned seen = 0;
    bool in_headers = true;
    if (!sv_ends(message, SV("\r\n")))
        return false;
    while (message.n) {
        size_t end = sv_find(message, SV("\r\n"));
        sv line = sv_first(message, end);
        message = sv_from(message, end + 2);
        if (line.n > 998)
            return false;
        for (size_t i = 0; i < line.n; i++)
            if ((unsigned char)line.p[i] > '~' || ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t'))
                return false;
        in_headers = in_headers && line.n > 0;
        if (in_headers && line.p[0] != ' ' &&
            !composed_header_known(sv_first(line, sv_find_char(line, ':')), &seen))
            return false;
    }
    return true;
}

static inline void composed_free(struct composed *c)
{
    buf_free(&c->packed);
    buf_free(&c->out);
}

#endif
