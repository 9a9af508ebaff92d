#include "courier/report.h"

#include <assert.h>
#include <stdio.h>

enum { REPORT_BYTES_MAX = 64 * 1024, REPORT_LINE_MAX = 600 };

/* A report outlives what it tells of, however short the life of messages is set. */
static const nanos EXPIRE_MIN = 24 * 3600 * NANOS_PER_SECOND;
static const nanos GATE_INTERVAL = 60 * NANOS_PER_SECOND;

bool report_is_one(sv message_id)
{
    return sv_starts(message_id, SV("<report."));
}

bool report_gate_open(const struct report_gate *gate, nanos now)
{
    return !gate->last || now - gate->last >= GATE_INTERVAL;
}

int64_t report_gate_pass(struct report_gate *gate, nanos now)
{
    if (!report_gate_open(gate, now)) {
        gate->held_back++;
        return -1;
    }
    int64_t others = (int64_t)gate->held_back;
    gate->last = now;
    gate->held_back = 0;
    return others;
}

/* A value on a line of its own: only what may stand in any line of mail, and not too much of it. */
static void put_line(struct buf *out, const char *name, sv value)
{
    if (value.n == 0)
        return;
    int put = buf_printf(out, "%s: ", name);
    for (size_t i = 0; i < value.n && i < REPORT_LINE_MAX; i++) {
        char c = value.p[i];
        put |= buf_put_char(out, c >= 0x20 && c < 0x7f ? c : '?');
    }
    put |= buf_put(out, SV("\r\n"));
    assert(put == 0);
}

static void put_head(struct buf *out, const struct config *config, const struct report *report, const sv *to,
                     size_t to_count, const char *message_id, nanos now)
{
    char date[40];
    int put = buf_printf(out, "From: Vedette <%.*s>\r\nTo: ", SV_ARG(config_mailbox_address(config->sender)));
    for (size_t i = 0; i < to_count; i++)
        put |= buf_printf(out, "%s<%.*s>", i ? ",\r\n " : "", SV_ARG(to[i]));
    put |= buf_printf(out,
                      "\r\nSubject: Vedette: message %lld %s\r\nDate: %s\r\nMessage-ID: %s\r\n"
                      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
                      (long long)report->message_id,
                      report->expired   ? "has expired undelivered"
                      : report->bounced ? "has come back undelivered"
                                        : "was refused for good",
                      time_rfc5322(now, date, sizeof date), message_id);
    assert(put == 0);
}

static void put_body(struct buf *out, const struct report *report)
{
    int put =
        buf_printf(out, "%s\r\n\r\n",
                   report->expired   ? "A message could not be handed over to any gateway in time."
                   : report->bounced ? "A message was taken by every gateway and could not be delivered."
                                     : "A message was refused for good by every gateway.");
    if (report->alert_id)
        put |= buf_printf(out, "Alert: %lld (see: vedette alerts)\r\n", (long long)report->alert_id);
    put_line(out, "Recipient", report->recipient);
    put_line(out, "Last gateway", report->gateway);
    put_line(out, "It said", report->reply);
    put_line(out, "Cause", report->cause);
    put |= buf_printf(out, "Attempts: %d\r\n", report->attempts);
    if (report->others)
        put |= buf_printf(out, "\r\n%zu more have failed since the last report; see: vedette alerts\r\n",
                          report->others);
    assert(put == 0);
}

int report_insert(struct store *store, const struct config *config, const struct report *report, nanos now,
                  struct err *err)
{
    sv to[SMTP_RECIPIENTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < config->recipients.count && count < SMTP_RECIPIENTS_MAX; i++) {
        sv address = config_mailbox_address(config->recipients.items[i]);
        if (report->expired || !sv_ieq(address, report->recipient))
            to[count++] = address;
    }
    if (count == 0)
        return 0;
    char message_id[320];
    snprintf(message_id, sizeof message_id, "<report.%lld.%lld@%s>", (long long)report->message_id,
             (long long)now, config->hostname);
    struct buf content = BUF_INIT(REPORT_BYTES_MAX);
    put_head(&content, config, report, to, count, message_id, now);
    put_body(&content, report);
    struct store_mail mail = {
        .sequence = 1,
        .message_id = sv_of(message_id),
        .count = 1,
        .raised_at = now,
        .created_at = now,
        .content = buf_view(&content),
        .severity = SEVERITY_HIGH,
        .expires_at = now + (config->delivery.expire > EXPIRE_MIN ? config->delivery.expire : EXPIRE_MIN),
    };
    int done = store_mail_insert(store, &mail, to, count, err);
    buf_free(&content);
    return done;
}
