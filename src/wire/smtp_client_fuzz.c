/* A whole session with the fuzzer as the gateway. The first byte chooses the session's options and the size
 * of what is fed at once. Whatever the gateway says: nothing but EHLO and STARTTLS is said before TLS where
 * TLS is required, a password never goes out in the clear nor into an answer, and the session comes to an
 * end. */
#include "wire/smtp_client.h"

#include <assert.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const sv secret = SV_INIT("tr0ub4dor");

static const struct smtp_recipient recipients[] = {
    {.address = SV_INIT("a@example.org"), .notify = SV_INIT("FAILURE"), .orcpt = SV_INIT("a+b@example.org")},
    {.address = SV_INIT("b@example.org")}};

struct session {
    struct smtp_client *client;
    enum smtp_security security;
    bool opportunistic;
    sv mechanism;
    size_t messages;
};

static void check_said(const struct session *session, sv out)
{
    if (out.n == 0 || smtp_client_encrypted(session->client))
        return;
    assert(sv_find(out, secret) == SV_NPOS && sv_find(out, SV("AHVzZXIAdHIwdWI0ZG9y")) == SV_NPOS);
    assert(session->security != SMTP_SECURITY_TLS);
    if (session->security == SMTP_SECURITY_STARTTLS && !session->opportunistic)
        assert(sv_starts(out, SV("EHLO ")) || sv_eq(out, SV("STARTTLS\r\n")) || sv_eq(out, SV("QUIT\r\n")));
}

static void ready(struct session *session)
{
    struct smtp_envelope envelope = {.sender = SV("v@example.org"),
                                     .recipients = recipients,
                                     .recipient_count = 2,
                                     .envid = SV("x y"),
                                     .content = SV("Subject: x\r\n\r\n.\r\n")};
    if (session->messages++ == 3 || smtp_client_send(session->client, &envelope, NULL) < 0)
        smtp_client_quit(session->client);
}

/* False when the session is over or wants input. */
static bool act(struct session *session)
{
    struct smtp_client *client = session->client;
    enum smtp_client_event event = smtp_client_next(client);
    const struct smtp_answer *answer = smtp_client_answer(client);
    assert(strlen(answer->text) <= SMTP_REPLY_TEXT_MAX && sv_utf8(sv_of(answer->text)));
    switch (event) {
    case SMTP_CLIENT_NEED_IO:
    case SMTP_CLIENT_CLOSED:
        return false;
    case SMTP_CLIENT_FAILED:
        assert(smtp_client_failure(client)->cause[0]);
        return false;
    case SMTP_CLIENT_WANT_TLS:
        assert(session->security != SMTP_SECURITY_NONE);
        smtp_client_tls_started(client);
        return true;
    case SMTP_CLIENT_WANT_CREDENTIALS:
        smtp_client_authenticate(client, &(struct smtp_credentials){.username = SV("user"),
                                                                    .secret = secret,
                                                                    .mechanism = session->mechanism,
                                                                    .channel_binding = SV("0123456789")});
        return true;
    case SMTP_CLIENT_READY:
        ready(session);
        return true;
    case SMTP_CLIENT_SENT:
        assert(!smtp_client_uncertain(client));
        return true;
    case SMTP_CLIENT_ANSWER:
    case SMTP_CLIENT_RECIPIENT:
        return true;
    }
    return false;
}

static void settle(struct session *session)
{
    for (sv out = SV("-"); out.n;) {
        while (act(session))
            ;
        out = smtp_client_output(session->client);
        check_said(session, out);
        smtp_client_sent(session->client, out.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sv mechanisms[] = {SV_INIT(""), SV_INIT("LOGIN"), SV_INIT("OAUTHBEARER"),
                                    SV_INIT("CRAM-MD5")};
    if (size == 0)
        return 0;
    unsigned choice = data[0];
    enum smtp_security security = choice % 3 == 0   ? SMTP_SECURITY_TLS
                                  : choice % 3 == 1 ? SMTP_SECURITY_STARTTLS
                                                    : SMTP_SECURITY_NONE;
    struct smtp_client_options options = {.security = security,
                                          .helo = SV("me.example.org"),
                                          .auth = choice & 4,
                                          .opportunistic = security == SMTP_SECURITY_STARTTLS &&
                                                           !(choice & 4) && choice & 64};
    struct session session = {.client = smtp_client_new(&options),
                              .security = security,
                              .opportunistic = options.opportunistic,
                              .mechanism = mechanisms[choice >> 3 & 3]};
    size_t step = choice & 128 ? 1 : 64;
    sv in = sv_make(data + 1, size - 1);
    settle(&session);
    /* A line at a time, as a gateway that waits for commands would; else all would come too early. */
    while (in.n) {
        size_t lf = sv_find_char(in, '\n');
        sv part = sv_first(in, lf < step ? lf + 1 : step);
        smtp_client_feed(session.client, part);
        settle(&session);
        in = sv_from(in, part.n);
    }
    smtp_client_eof(session.client);
    settle(&session);
    enum smtp_client_event last = smtp_client_next(session.client);
    assert(last == SMTP_CLIENT_FAILED || last == SMTP_CLIENT_CLOSED);
    smtp_client_free(session.client);
    return 0;
}
