#include "cmd/submission.h"

#include "cmd/report.h"
#include "courier/token.h"
#include "wire/smtp_address.h"
#include "wire/smtp_client.h"

#include <unistd.h>

static int read_recipients(struct submission *submission, const json_t *list, struct err *err)
{
    size_t count = json_array_size(list);
    if (count > SMTP_RECIPIENTS_MAX)
        return err_set(err, ERR_LIMIT, "send it in several parts", "more than %d recipients",
                       SMTP_RECIPIENTS_MAX);
    sv *recipients = arena_alloc(submission->arena, (count + 1) * sizeof *recipients);
    submission->courier.recipients = recipients;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, i);
        sv address = sv_trim(sv_make(json_string_value(value), json_string_length(value)));
        enum smtp_address_fault fault = smtp_address_parse(address, NULL);
        if (fault == SMTP_ADDRESS_NO_DOMAIN)
            submission->courier.to_configured = true; /* a user of this machine, as cron has it */
        else if (fault == SMTP_ADDRESS_NONE)
            recipients[submission->courier.recipient_count++] = address;
        else
            return err_set(err, ERR_USAGE, "write it as name@example.org", "the recipient \"%.*s\" %s",
                           SV_ARG(sv_first(address, 100)), smtp_address_fault_text(fault));
    }
    return 0;
}

/* A user of this machine, or nobody ("<>"): then the configured sender stands for it. */
static int read_sender(struct submission *submission, sv sender, struct err *err)
{
    enum smtp_address_fault fault = smtp_address_parse(sender, NULL);
    if (sender.n == 0 || sv_eq(sender, SV("<>")) || fault == SMTP_ADDRESS_NO_DOMAIN)
        return 0;
    if (fault != SMTP_ADDRESS_NONE)
        return err_set(err, ERR_USAGE, "write it as name@example.org", "the sender \"%.*s\" %s",
                       SV_ARG(sv_first(sender, 100)), smtp_address_fault_text(fault));
    submission->courier.sender = sender;
    return 0;
}

/* A token means something only to a daemon that is there when somebody confirms it. */
static void fill_test(struct submission *submission, nanos now, bool with_token)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    struct finding *finding = &submission->finding;
    struct event_field *field = arena_alloc(submission->arena, sizeof *field);
    *field = (struct event_field){.name = SV("host.name"), .value = arena_sv(submission->arena, sv_of(host))};
    finding->fields = field;
    finding->field_count = 1;
    finding->rule_id = arena_printf(submission->arena, "vedette.test.%lld", (long long)now);
    finding->rule_title = SV("Test of the path to your inbox");
    finding->author = SV("Vedette");
    finding->description =
        SV("This is a test. Nothing has happened: somebody asked whether alerts reach you.");
    finding->response = SV("Tell whoever runs Vedette that it arrived, and in which folder.");
    finding->severity = SEVERITY_LOW;
    submission->courier.test = true;
    if (!with_token)
        return;
    token_make(submission->token);
    submission->courier.token = sv_of(submission->token);
    finding->response =
        arena_printf(submission->arena,
                     "Tell whoever runs Vedette that it arrived, and in which folder. To confirm it "
                     "there, run: vedette landing confirm %s",
                     submission->token);
}

static int fill_alert(struct submission *submission, const json_t *request, nanos now, struct err *err)
{
    struct finding *finding = &submission->finding;
    sv severity = report_view(request, "severity");
    finding->severity = SEVERITY_MEDIUM;
    if (severity.n && !severity_parse(severity, &finding->severity))
        return err_set(err, ERR_USAGE, "informational, low, medium, high or critical",
                       "there is no severity \"%.*s\"", SV_ARG(severity));
    finding->rule_title = report_view(request, "title");
    if (finding->rule_title.n == 0)
        return err_set(err, ERR_USAGE, "name it with --title TEXT", "an alert needs a title");
    finding->rule_id = arena_printf(submission->arena, "vedette.send.%lld", (long long)now);
    finding->description = SV("Handed in with `vedette send --alert`.");
    finding->raw = sv_first(report_view(request, "text"), FINDING_RAW_BYTES_MAX);
    return 0;
}

int submission_read(struct submission *ret, const json_t *request, sv content, nanos now, struct err *err)
{
    sv kind = report_view(request, "kind");
    *ret = (struct submission){.arena = arena_new(256 * 1024)};
    ret->courier.only_gateway = report_view(request, "gateway");
    int outcome = read_sender(ret, sv_trim(report_view(request, "sender")), err);
    if (outcome == 0)
        outcome = read_recipients(ret, json_object_get(request, "recipients"), err);
    if (outcome < 0)
        ;
    else if (sv_eq(kind, SV("mail")) && content.n)
        ret->courier.content = content;
    else if (sv_eq(kind, SV("test")))
        fill_test(ret, now, !json_is_true(json_object_get(request, "alone")));
    else if (sv_eq(kind, SV("alert")))
        outcome = fill_alert(ret, request, now, err);
    else
        outcome = err_set(err, ERR_PROTOCOL, NULL, "unknown kind of submission");
    if (outcome == 0 && ret->courier.content.n == 0) {
        ret->finding.event_time = ret->finding.received_at = ret->finding.matched_at = now;
        ret->finding.input = SV("command");
        ret->courier.finding = &ret->finding;
    }
    if (outcome < 0)
        submission_free(ret);
    return outcome;
}

void submission_free(struct submission *submission)
{
    arena_free(submission->arena);
    *submission = (struct submission){0};
}
