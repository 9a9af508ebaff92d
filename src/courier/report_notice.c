#include "courier/notice.h"
#include "courier/report.h"

#include <stdio.h>

enum { TEXT_BYTES_MAX = 900, KEY_BYTES_MAX = 64 };

static enum notice_kind kind_of(const struct report *report)
{
    return report->expired ? NOTICE_EXPIRED : report->bounced ? NOTICE_BOUNCED : NOTICE_REFUSED;
}

static const char *title_of(const struct report *report)
{
    return report->expired   ? "A message could not be handed over to any gateway in time"
           : report->bounced ? "A message was taken and came back"
                             : "A message was refused for good";
}

int report_notice(struct store *store, const struct config *config, const struct report *report, nanos now,
                  struct err *err)
{
    char text[TEXT_BYTES_MAX], key[KEY_BYTES_MAX], others[64] = "";
    if (report->others)
        snprintf(others, sizeof others, " %zu more have failed since the last notice.", report->others);
    snprintf(text, sizeof text, "Message %lld to %.*s: %s after %d attempts.%s",
             (long long)report->message_id, SV_ARG(sv_first(report->recipient, 320)),
             report->expired   ? "expired undelivered"
             : report->bounced ? "came back"
                               : "refused for good",
             report->attempts, others);
    snprintf(key, sizeof key, "message/%lld", (long long)report->message_id);
    const struct notice notice = {
        .kind = kind_of(report),
        .severity = SEVERITY_HIGH,
        .key = sv_of(key),
        .title = sv_of(title_of(report)),
        .text = sv_of(text),
        .advice = SV("See `vedette alerts`, and `vedette path check` for the gateway."),
        .cause = report->cause,
        .gateway = report->gateway,
        .reply = report->reply,
        .recipient = report->recipient,
        .hostname = sv_of(config->hostname),
        .alert_id = report->alert_id,
        .message_id = report->message_id,
        .at = now,
    };
    return notice_queue(store, config, &notice, NULL, err);
}

bool report_is_possible(const struct config *config)
{
    return config->gateway_count > 1 || config->way_count > 0;
}

int report_everywhere(struct store *store, const struct config *config, const struct report *report,
                      nanos now, struct err *err)
{
    if (config->gateway_count > 1 && report_insert(store, config, report, now, err) < 0)
        return -1;
    return report_notice(store, config, report, now, err);
}
