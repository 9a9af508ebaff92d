#include "wire/smtp_server_private.h"

#include "wire/base64.h"

#include <assert.h>

/* ---- STARTTLS (RFC 3207) --------------------------------------------------------------------------------
 */

void smtp_server_starttls(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    if (server->encrypted) {
        smtp_server_fault(server, 503, "5.5.1", "TLS is spoken already");
        return;
    }
    if (!server->starttls) {
        smtp_server_fault(server, 502, "5.5.1", "Not offered here");
        return;
    }
    smtp_server_abandon(server);
    smtp_server_reply(server, 220, "2.0.0", "Ready for TLS");
    server->mode = SMTP_SERVER_MODE_TLS;
    server->tls_due = true;
}

void smtp_server_secured(struct smtp_server *server)
{
    if (server->mode != SMTP_SERVER_MODE_TLS)
        return; /* ended meanwhile */
    assert(buf_view(&server->input).n == 0);
    server->mode = SMTP_SERVER_MODE_COMMANDS;
    server->encrypted = true;
    server->phase = SMTP_SERVER_PHASE_HELLO;
    server->extended = false;
    server->hello[0] = '\0';
    server->hush = false;
    server->hushed = 0;
}

bool smtp_server_encrypted(const struct smtp_server *server)
{
    return server->encrypted;
}

/* ---- AUTH (RFC 4954) ------------------------------------------------------------------------------------
 */

void smtp_server_offer_auth(struct smtp_server *server, sv mechanisms)
{
    sv_copy(server->mechanisms, sizeof server->mechanisms, mechanisms);
}

void smtp_server_end_auth(struct smtp_server *server)
{
    if (server->mode == SMTP_SERVER_MODE_AUTH)
        server->mode = SMTP_SERVER_MODE_COMMANDS;
    server->auth = (struct smtp_server_auth){0};
    buf_free(&server->response); /* wipes */
}

/* The exchange breaks off with a reply of ours. */
static void break_off(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    bool begun = server->mode == SMTP_SERVER_MODE_AUTH;
    smtp_server_end_auth(server);
    server->auth_over = begun;
    smtp_server_fault(server, code, enhanced, text);
}

void smtp_server_auth_too_long(struct smtp_server *server)
{
    break_off(server, 500, "5.5.6", "A line of AUTH is longer than 12,288 octets");
}

/* The name as it was offered; NULL if it was not. */
static bool find_mechanism(struct smtp_server *server, sv name)
{
    sv offered = sv_of(server->mechanisms);
    for (sv word = sv_word(&offered); word.n; word = sv_word(&offered))
        if (sv_ieq(word, name)) {
            sv_copy(server->mechanism, sizeof server->mechanism, word);
            return true;
        }
    return false;
}

/* Decodes a response into server->auth, and wipes the line that it came in. */
static bool take_response(struct smtp_server *server, sv encoded)
{
    buf_clear(&server->response);
    int failed = base64_decode(encoded, &server->response);
    if (encoded.n)
        explicit_bzero(server->input.bytes + (encoded.p - server->input.bytes), encoded.n);
    server->auth.response = buf_view(&server->response);
    server->auth.given = true;
    return !failed;
}

static bool may_begin(struct smtp_server *server)
{
    if (server->mechanisms[0] == '\0')
        smtp_server_fault(server, 502, "5.5.1", "Not offered here");
    else if (!server->encrypted)
        smtp_server_fault(server, 538, "5.7.11", "AUTH needs TLS: say STARTTLS first");
    else if (server->authenticated)
        smtp_server_fault(server, 503, "5.5.1", "You are logged in already");
    else
        return true;
    return false;
}

void smtp_server_begin_auth(struct smtp_server *server, sv arguments)
{
    sv initial = arguments, name = sv_split(&initial, ' ');
    if (!may_begin(server))
        return;
    if (name.n == 0 || !find_mechanism(server, name)) {
        smtp_server_fault(server, 504, "5.5.4", "That mechanism is not offered");
        return;
    }
    server->auth = (struct smtp_server_auth){.mechanism = sv_of(server->mechanism), .first = true};
    /* "=" stands for a response that is there and empty. */
    if (initial.p && !take_response(server, sv_eq(initial, SV("=")) ? SV("") : initial)) {
        break_off(server, 501, "5.5.2", "That is not base64");
        return;
    }
    server->mode = SMTP_SERVER_MODE_AUTH;
    server->owed = SMTP_SERVER_AUTH;
}

void smtp_server_challenge(struct smtp_server *server, sv challenge)
{
    if (server->mode == SMTP_SERVER_MODE_OVER)
        return;
    assert(server->owed == SMTP_SERVER_AUTH);
    server->owed = SMTP_SERVER_NEED_IO;
    size_t before = buf_view(&server->output).n;
    server->hush = true;
    int failed = buf_put(&server->output, SV("334 "));
    failed |= base64_encode(challenge, &server->output);
    failed |= buf_put(&server->output, SV("\r\n"));
    assert(!failed);
    server->hushed += buf_view(&server->output).n - before;
    buf_free(&server->response);
    server->auth.response = SV_NONE;
    if (buf_view(&server->input).n)
        smtp_server_early(server);
}

void smtp_server_auth_response(struct smtp_server *server, sv line)
{
    server->auth.first = false;
    if (sv_eq(line, SV("*")))
        break_off(server, 501, "5.7.0", "Login given up");
    else if (!take_response(server, line))
        break_off(server, 501, "5.5.2", "That is not base64");
    else
        server->owed = SMTP_SERVER_AUTH;
}

const struct smtp_server_auth *smtp_server_auth(const struct smtp_server *server)
{
    return &server->auth;
}

bool smtp_server_authenticated(const struct smtp_server *server)
{
    return server->authenticated;
}
