#include <assert.h>
#include <stdio.h>

#include "wire/smtp_client_private.h"

static void respond(struct smtp_client *client, sv line)
{
    smtp_client_say(client, SMTP_STAGE_AUTH, line);
}

/* Built in a buffer that is wiped: the initial response may hold the password. */
static void say_auth(struct smtp_client *client, sv initial)
{
    struct buf line = BUF_INIT(CLIENT_COMMAND_LINE_MAX);
    int failed = buf_printf(&line, "AUTH %s", sasl_mechanism(client->sasl));
    if (initial.n)
        failed |= buf_put_char(&line, ' ') | buf_put(&line, initial);
    assert(!failed);
    respond(client, buf_view(&line));
    buf_free(&line);
}

void smtp_client_authenticate(struct smtp_client *client, const struct smtp_credentials *credentials)
{
    if (client->failed || client->quit_wanted)
        return;
    assert(client->stage == SMTP_STAGE_AUTH && !client->sasl);
    struct err err;
    if (sasl_open(credentials, smtp_client_mechanisms(client), client->encrypted, &client->sasl, &err) < 0) {
        smtp_client_fail_with(client, &err);
        return;
    }
    sv initial;
    const char *name = sasl_mechanism(client->sasl);
    bool first = sasl_initial(client->sasl, &initial);
    /* A response that makes the command too long waits for the gateway's go (RFC 4954 §4). */
    client->initial_owed =
        first && strlen("AUTH ") + strlen(name) + 1 + initial.n + 2 > CLIENT_COMMAND_LINE_MAX;
    say_auth(client, first && !client->initial_owed ? initial : SV_NONE);
}

static void on_challenge(struct smtp_client *client, sv challenge)
{
    if (client->cancelled) {
        smtp_client_fail_unexpected(client, "the cancelled AUTH");
        return;
    }
    sv initial;
    if (client->initial_owed) {
        client->initial_owed = false;
        sasl_initial(client->sasl, &initial);
        respond(client, initial);
        return;
    }
    struct buf response = BUF_INIT(2 * SASL_LINE_MAX);
    if (sasl_step(client->sasl, challenge, &response, &client->failure) < 0) {
        client->cancelled = true; /* the failure is told once the gateway has answered this */
        respond(client, SV("*"));
    } else {
        respond(client, buf_view(&response));
    }
    buf_free(&response);
}

static void fail_auth(struct smtp_client *client)
{
    char what[400];
    const char *said = sasl_server_error(client->sasl);
    snprintf(what, sizeof what, "the gateway refuses our %s authentication%s%s", sasl_mechanism(client->sasl),
             *said ? ", saying " : "", said);
    const char *advice =
        "check username and password, whether the password was changed, and whether the gateway wants "
        "an app password or an OAuth token";
    switch (client->answer.code) {
    case 530:
    case 538:
        advice = "the gateway wants TLS first: use security: starttls or tls";
        break;
    case 504:
    case 534:
        advice = "the gateway wants another mechanism for this account: set auth";
        break;
    }
    smtp_client_fail_answered(client, advice, what);
}

void smtp_client_on_auth(struct smtp_client *client, sv last_line)
{
    if (client->answer.code == 334) {
        on_challenge(client, last_line);
        return;
    }
    if (client->cancelled) {
        struct err err = client->failure;
        smtp_client_fail_with(client, &err);
    } else if (client->answer.code >= 400) {
        fail_auth(client);
    } else if (client->answer.code != 235) {
        smtp_client_fail_unexpected(client, "AUTH");
    } else if (client->initial_owed || !sasl_done(client->sasl)) {
        smtp_client_fail(
            client, ERR_PROTOCOL, "do not trust this gateway before its administrator explains it",
            "the gateway claims success before %s is complete, without proof that it knows the password",
            sasl_mechanism(client->sasl));
    } else {
        buf_free(&client->out); /* all of it was sent; wipes what the secret was in */
        smtp_client_drop_sasl(client);
        smtp_client_enter_ready(client);
    }
}
