#include "gateway/inbound_private.h"

#include "base/log.h"
#include "gateway/failures.h"

#include <assert.h>
#include <stdlib.h>

enum { LOGIN_FAILURES_MAX = 3 /* of one session; then it ends */ };

/* -PLUS only where there is something to bind to, which takes TLS 1.3. */
void inbound_offer_auth(struct inbound *session)
{
    const struct config_strings *mechanisms = &session->house->config->relay.mechanisms;
    const struct tls_info *tls = stream_tls_info(session->stream);
    struct buf words = BUF_INIT(SMTP_SERVER_MECHANISMS_MAX);
    int failed = 0;
    for (size_t i = 0; session->house->auth && i < mechanisms->count; i++) {
        sv word = sv_of(mechanisms->items[i]);
        if (!sv_ends(word, SV("-PLUS")) || (tls && tls->exporter_length))
            failed |= buf_printf(&words, "%s%.*s", buf_view(&words).n ? " " : "", SV_ARG(word));
    }
    if (session->house->auth && session->house->config->relay.introspection)
        failed |= buf_printf(&words, "%sOAUTHBEARER", buf_view(&words).n ? " " : "");
    if (!failed)
        smtp_server_offer_auth(session->server, buf_view(&words));
    buf_free(&words);
}

void inbound_forget_auth(struct inbound *session)
{
    if (session->login)
        login_drop(session->house->login, session->login);
    session->login = 0;
    session->waiting = false;
}

/* A client is told no more than that it did not work. */
static void refuse_login(struct inbound *session, sv claimed, sv why)
{
    struct failure failure = {.now = loop_now(),
                              .client_ip = sv_of(session->client_ip),
                              .account = claimed,
                              .mechanism = smtp_server_auth(session->server)->mechanism,
                              .why = why};
    LOG_WARNING("gateway refuses a login", LOG_SV("client", failure.client_ip), LOG_SV("account", claimed),
                LOG_SV("mechanism", failure.mechanism), LOG_SV("why", why));
    failures_tell(session->house->failures, &failure);
    if (++session->login_failures >= LOGIN_FAILURES_MAX)
        smtp_server_close(session->server, 421, "4.7.0", "Too many logins that did not work");
    else
        smtp_server_refuse(session->server, 535, "5.7.8", "Wrong name or password");
}

static void welcome(struct inbound *session, sv account)
{
    struct guard_verdict verdict;
    if (!guard_admits(session->house->guard, account, sv_of(session->client_ip), loop_now(), &verdict)) {
        refuse_login(session, account, sv_of(verdict.why));
        return;
    }
    LOG_INFO("gateway lets an account in", LOG_STR("client", session->client_ip), LOG_SV("account", account),
             LOG_SV("mechanism", smtp_server_auth(session->server)->mechanism));
    session->account = strndup(account.p, account.n);
    assert(session->account);
    session->login_failures = 0;
    smtp_server_accept(session->server, NULL);
}

static void on_login(void *arg, enum login_outcome outcome, sv text, sv why)
{
    struct inbound *session = arg;
    session->waiting = false;
    if (outcome != LOGIN_CHALLENGE)
        session->login = 0;
    switch (outcome) {
    case LOGIN_CHALLENGE:
        smtp_server_challenge(session->server, text);
        break;
    case LOGIN_WELCOME:
        welcome(session, text);
        break;
    case LOGIN_REFUSED:
        refuse_login(session, text, why);
        break;
    case LOGIN_LATER:
        LOG_WARNING("gateway cannot check a login", LOG_STR("client", session->client_ip),
                    LOG_SV("account", text), LOG_SV("why", why));
        smtp_server_refuse(session->server, 454, "4.7.0", "Logins cannot be checked now, try again later");
        break;
    case LOGIN_MALFORMED:
        smtp_server_refuse(session->server, 501, "5.5.2", "That is no response of this mechanism");
        break;
    }
    inbound_pump(session);
}

void inbound_answer_auth(struct inbound *session)
{
    const struct smtp_server_auth *auth = smtp_server_auth(session->server);
    const struct tls_info *tls = stream_tls_info(session->stream);
    session->waiting = true;
    if (!auth->first) {
        login_say(session->house->login, session->login, auth->response);
        return;
    }
    struct login_request request = {.mechanism = auth->mechanism,
                                    .client_ip = sv_of(session->client_ip),
                                    .given = auth->given,
                                    .response = auth->response};
    if (tls && tls->exporter_length)
        request.binding = sv_make(tls->exporter, tls->exporter_length);
    session->login = login_begin(session->house->login, &request, on_login, session);
}
