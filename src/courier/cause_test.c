/* What a gateway's words mean, row by row: phrase before phase, phase before code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/cause.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct example {
    enum smtp_stage stage;
    int code;
    const char *text; /* an enhanced code may stand in front */
    enum cause cause;
};

static const struct example EXAMPLES[] = {
    {SMTP_STAGE_MAIL, 530, "5.7.0 Must issue a STARTTLS command first", CAUSE_TLS},
    {SMTP_STAGE_MAIL, 530, "5.7.0 Must issue STARTTLS first", CAUSE_TLS},
    {SMTP_STAGE_EHLO, 421, "4.7.1 mail.example.org Error: No client certificate presented", CAUSE_TLS},
    {SMTP_STAGE_AUTH, 435, "Unable to authenticate at present", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 450, "4.7.1 Error: too much mail from 192.0.2.9", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 450, "4.3.2 Service currently unavailable", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 550, "5.3.2 Service currently unavailable", CAUSE_REPUTATION},
    {SMTP_STAGE_BANNER, 521, "5.3.2 Service currently unavailable", CAUSE_REPUTATION},
    {SMTP_STAGE_BANNER, 421, "4.3.2 Service currently unavailable", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_BANNER, 421, "Service shutting down", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_EHLO, 550, "HELO/EHLO name has no address", CAUSE_DNS},
    {SMTP_STAGE_BANNER, 554, "5.7.1 <unknown[192.0.2.9]>: Client host rejected: Access denied",
     CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 450, "4.7.25 Client host rejected: cannot find your hostname", CAUSE_REPUTATION},
    {SMTP_STAGE_BANNER, 554, "No SMTP service here", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_BANNER, 554, "5.3.2 No mail service here", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_MAIL, 421, "4.4.0 gateway.example.org Failed to connect to relay server (connect)",
     CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 451, "4.4.0 Failed to establish relay connection", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_RCPT, 524, "5.2.4 Mailing list expansion problem: <b@example.org>", CAUSE_RECIPIENT},
    {SMTP_STAGE_STARTTLS, 454, "tls: first record does not look like a TLS handshake", CAUSE_TLS},
    {SMTP_STAGE_STARTTLS, 454, "ssl3_get_record:wrong version number", CAUSE_TLS},
    {SMTP_STAGE_RCPT, 550, "5.7.10 TLS required", CAUSE_TLS},
    {SMTP_STAGE_AUTH, 538, "5.7.11 Encryption required for requested authentication mechanism", CAUSE_TLS},
    {SMTP_STAGE_MAIL, 530, "5.7.10 Encryption needed", CAUSE_TLS},
    {SMTP_STAGE_STARTTLS, 454, "4.7.0 TLS not available due to local problem", CAUSE_TLS},
    {SMTP_STAGE_AUTH, 535,
     "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant",
     CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 550, "5.7.30 Basic authentication is not supported for Client Submission",
     CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 535, "5.7.139 basic authentication is disabled", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 534, "5.7.9 Application-specific password required", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 535, "5.7.8 Username and Password not accepted", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 535, "5.7.8 Error: authentication failed: UGFzc3dvcmQ6", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 454, "4.7.0 Temporary authentication failure", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 535, "5.7.3 Authentication unsuccessful", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 535, "5.7.8 Authentication credentials invalid", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_AUTH, 535, "Invalid credentials", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 530, "5.7.0 Authentication required", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 530, "5.7.57 Client was not authenticated to send anonymous mail",
     CAUSE_AUTHENTICATION},
    {SMTP_STAGE_RCPT, 450, "4.2.0 <a@example.org>: Recipient address rejected: Greylisted", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 451, "Graylisting in action, please come back later", CAUSE_RATE},
    {SMTP_STAGE_BANNER, 421, "4.7.0 mx.example.org Error: too many connections from 192.0.2.9", CAUSE_RATE},
    {SMTP_STAGE_BANNER, 421, "Too many concurrent SMTP connections", CAUSE_RATE},
    {SMTP_STAGE_MAIL, 450, "4.7.1 Too many messages from you", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 452, "4.5.3 Error: too many recipients", CAUSE_RATE},
    {SMTP_STAGE_MAIL, 451, "4.7.1 Rate limit reached", CAUSE_RATE},
    {SMTP_STAGE_MAIL, 451, "Message rate exceeded", CAUSE_RATE},
    {SMTP_STAGE_DOT, 451, "4.7.500 Server busy, throttled", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 452, "4.2.2 The email account that you tried to reach is over quota",
     CAUSE_MAILBOX_FULL},
    {SMTP_STAGE_RCPT, 552, "5.2.2 mailbox is overquota", CAUSE_MAILBOX_FULL},
    {SMTP_STAGE_DOT, 552, "5.2.2 Quota exceeded (mailbox for user is full)", CAUSE_MAILBOX_FULL},
    {SMTP_STAGE_RCPT, 552, "the user has exceeded its quota", CAUSE_MAILBOX_FULL},
    {SMTP_STAGE_RCPT, 452, "Mailbox full", CAUSE_MAILBOX_FULL},
    {SMTP_STAGE_RCPT, 452, "Mailbox is full", CAUSE_MAILBOX_FULL},
    {SMTP_STAGE_RCPT, 554, "5.7.1 <x@example.net>: Relay access denied", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "5.7.1 Relaying denied", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "relay denied", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "relay not permitted", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "relaying not permitted to <x@example.net>", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "host is not permitted to relay through us", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
     CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "we do not relay", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_MAIL, 550, "5.7.64 TenantAttribution; Relay Access Denied", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 553, "5.7.1 <a@example.org>: Sender address rejected: not owned by user x",
     CAUSE_SENDER_POLICY},
    {SMTP_STAGE_DOT, 554, "5.2.252 SendAsDenied; a@example.org", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_MAIL, 550, "you are not allowed to send as this user", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_RCPT, 550, "5.1.8 <a@b.example>: Sender address rejected: Domain not found",
     CAUSE_SENDER_POLICY},
    {SMTP_STAGE_MAIL, 550, "sender rejected", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_MAIL, 550, "Sender denied", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_RCPT, 550, "Sender verify failed", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_DOT, 550, "5.7.26 SPF [example.org] did not pass", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.1 DKIM signature invalid", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.1 rejected by DMARC policy", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 421, "4.7.26 Unauthenticated email is not accepted", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_RCPT, 554, "5.7.1 Service unavailable; Client host [192.0.2.9] blocked using dnsbl.example",
     CAUSE_REPUTATION},
    {SMTP_STAGE_BANNER, 554, "your address is on a blacklist", CAUSE_REPUTATION},
    {SMTP_STAGE_BANNER, 554, "your address is on a blocklist", CAUSE_REPUTATION},
    {SMTP_STAGE_MAIL, 550, "5.7.1 part of your network is on our block list", CAUSE_REPUTATION},
    {SMTP_STAGE_RCPT, 550, "listed at Spamhaus", CAUSE_REPUTATION},
    {SMTP_STAGE_DOT, 554, "5.7.1 This message looks like spam", CAUSE_REPUTATION},
    {SMTP_STAGE_BANNER, 554, "poor reputation of the client's address", CAUSE_REPUTATION},
    {SMTP_STAGE_RCPT, 450, "4.7.25 Client host rejected: cannot find your reverse hostname",
     CAUSE_REPUTATION},
    {SMTP_STAGE_RCPT, 450, "4.7.25 Client host rejected: cannot find your hostname", CAUSE_REPUTATION},
    {SMTP_STAGE_RCPT, 550, "no reverse DNS for 192.0.2.9", CAUSE_REPUTATION},
    {SMTP_STAGE_DOT, 550, "The sending IP has no PTR record", CAUSE_REPUTATION},
    {SMTP_STAGE_RCPT, 450, "4.7.1 <here>: Helo command rejected: Host not found", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 556, "5.1.10 Recipient domain has a null MX", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 556, "domain publishes nullMX", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 451, "Host not found", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 550, "5.4.4 Host or domain name not found", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 451, "Name service error for name=example.net", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 451, "DNS lookup failed", CAUSE_DNS},
    {SMTP_STAGE_DOT, 554, "5.4.0 Error: too many hops", CAUSE_ROUTING},
    {SMTP_STAGE_DOT, 554, "mail loop detected", CAUSE_ROUTING},
    {SMTP_STAGE_DOT, 554, "5.4.6 mail for example.org loops back to myself", CAUSE_ROUTING},
    {SMTP_STAGE_DOT, 451, "4.4.1 connect to next hop: Connection timed out", CAUSE_ROUTING},
    {SMTP_STAGE_DOT, 451, "4.4.1 Connection refused", CAUSE_ROUTING},
    {SMTP_STAGE_DOT, 451, "4.4.1 Network is unreachable", CAUSE_ROUTING},
    {SMTP_STAGE_DOT, 451, "No route to host", CAUSE_ROUTING},
    {SMTP_STAGE_DOT, 554, "message too large", CAUSE_SIZE},
    {SMTP_STAGE_DOT, 552, "5.3.4 Error: message file too big", CAUSE_SIZE},
    {SMTP_STAGE_DOT, 554, "message too big", CAUSE_SIZE},
    {SMTP_STAGE_DATA, 554, "entity is too large", CAUSE_SIZE},
    {SMTP_STAGE_MAIL, 552, "5.3.4 Message size exceeds fixed limit", CAUSE_SIZE},
    {SMTP_STAGE_MAIL, 501, "over the size limit", CAUSE_SIZE},
    {SMTP_STAGE_MAIL, 501, "exceeds maximum allowed", CAUSE_SIZE},
    {SMTP_STAGE_MAIL, 501, "it exceeds fixed bounds", CAUSE_SIZE},
    {SMTP_STAGE_DOT, 521, "5.5.2 bare LF received", CAUSE_CONTENT},
    {SMTP_STAGE_DOT, 550, "5.5.2 bare <LF> received after DATA", CAUSE_CONTENT},
    {SMTP_STAGE_DOT, 521, "bare newline", CAUSE_CONTENT},
    {SMTP_STAGE_DOT, 554, "line too long", CAUSE_CONTENT},
    {SMTP_STAGE_DOT, 550, "content rejected", CAUSE_CONTENT},
    {SMTP_STAGE_DOT, 550, "virus found", CAUSE_CONTENT},
    {SMTP_STAGE_MAIL, 452, "4.3.1 Insufficient system storage", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 452, "4.3.1 Insufficient system resources (UsedDiskSpace)", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 452, "out of system resources", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 452, "insufficient disk space; try again later", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_DOT, 451, "4.3.0 Error: queue file write error", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_RCPT, 451, "4.3.5 Server configuration error", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_DOT, 451, "Local error in processing", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_RCPT, 550, "5.1.1 <a@example.org>: Recipient address rejected: User unknown",
     CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "Unknown user", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "No such user here", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "no such recipient", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "Recipient unknown", CAUSE_RECIPIENT},
    {SMTP_STAGE_DOT, 550, "unknown recipient", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "invalid recipient", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "Unrouteable address", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "Requested action not taken: mailbox unavailable", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "mailbox not found", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "no mailbox here by that name", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "5.2.1 The account is disabled", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "Recipient address rejected: Access denied", CAUSE_RECIPIENT},

    {SMTP_STAGE_AUTH, 421, "closing", CAUSE_RATE},
    {SMTP_STAGE_AUTH, 454, "4.3.2 not now", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_AUTH, 500, "no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_STARTTLS, 454, "4.3.0 no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_STARTTLS, 502, "no", CAUSE_TLS},
    {SMTP_STAGE_MAIL, 550, "5.7.1 no", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_RCPT, 550, "5.7.1 no", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_DOT, 550, "5.7.1 no", CAUSE_REPUTATION},
    {SMTP_STAGE_BANNER, 554, "5.7.1 no", CAUSE_REPUTATION},
    {SMTP_STAGE_DOT, 550, "5.5.2 no", CAUSE_CONTENT},

    {SMTP_STAGE_RCPT, 550, "5.7.64 no", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "5.7.60 no", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_RCPT, 553, "5.1.8 no", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_MAIL, 501, "5.1.7 no", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_DOT, 550, "5.7.515 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.20 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.21 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.22 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.23 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.24 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_DOT, 550, "5.7.26 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 550, "5.7.27 no", CAUSE_SENDER_AUTHENTICATION},
    {SMTP_STAGE_RCPT, 550, "5.7.25 no", CAUSE_REPUTATION},
    {SMTP_STAGE_RCPT, 450, "4.7.25 no", CAUSE_REPUTATION},
    {SMTP_STAGE_MAIL, 535, "5.7.139 no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 550, "5.7.30 no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 530, "5.7.57 no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 535, "5.7.8 no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 534, "5.7.9 no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 550, "5.7.10 no", CAUSE_TLS},
    {SMTP_STAGE_MAIL, 538, "5.7.11 no", CAUSE_TLS},
    {SMTP_STAGE_RCPT, 450, "4.7.5 no", CAUSE_TRUST},
    {SMTP_STAGE_RCPT, 451, "4.7.1 no", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 421, "4.7.28 no", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 450, "4.2.1 no", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 452, "4.5.3 no", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 552, "5.2.2 no", CAUSE_MAILBOX_FULL},
    {SMTP_STAGE_RCPT, 552, "5.2.3 no", CAUSE_SIZE},
    {SMTP_STAGE_RCPT, 552, "5.3.4 no", CAUSE_SIZE},
    {SMTP_STAGE_RCPT, 550, "5.1.2 no", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 556, "5.1.10 no", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 550, "5.4.4 no", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 451, "4.4.3 no", CAUSE_DNS},
    {SMTP_STAGE_RCPT, 550, "5.4.1 no", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 451, "4.4.1 no", CAUSE_ROUTING},
    {SMTP_STAGE_RCPT, 550, "5.4.6 no", CAUSE_ROUTING},
    {SMTP_STAGE_RCPT, 550, "5.1.1 no", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 553, "5.1.3 no", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 551, "5.1.6 no", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 550, "5.2.1 no", CAUSE_RECIPIENT},
    {SMTP_STAGE_DOT, 554, "5.6.0 no", CAUSE_CONTENT},
    {SMTP_STAGE_MAIL, 451, "4.3.2 no", CAUSE_GATEWAY_FAULT},

    {SMTP_STAGE_MAIL, 530, "no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 534, "no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 535, "no", CAUSE_AUTHENTICATION},
    {SMTP_STAGE_MAIL, 538, "no", CAUSE_TLS},
    {SMTP_STAGE_MAIL, 421, "no", CAUSE_RATE},
    {SMTP_STAGE_RCPT, 450, "no", CAUSE_RATE},
    {SMTP_STAGE_DOT, 451, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_DOT, 452, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 552, "no", CAUSE_SIZE},
    {SMTP_STAGE_BANNER, 554, "no", CAUSE_REPUTATION},
    {SMTP_STAGE_EHLO, 550, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 550, "no", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_MAIL, 553, "no", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_MAIL, 554, "no", CAUSE_SENDER_POLICY},
    {SMTP_STAGE_RCPT, 554, "no", CAUSE_RELAY_POLICY},
    {SMTP_STAGE_RCPT, 550, "no", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 551, "no", CAUSE_RECIPIENT},
    {SMTP_STAGE_RCPT, 553, "no", CAUSE_RECIPIENT},
    {SMTP_STAGE_DOT, 550, "no", CAUSE_CONTENT},
    {SMTP_STAGE_DOT, 554, "no", CAUSE_CONTENT},
    {SMTP_STAGE_MAIL, 521, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 500, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 501, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 502, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 503, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_MAIL, 504, "no", CAUSE_GATEWAY_FAULT},
    {SMTP_STAGE_DOT, 599, "gone fishing", CAUSE_UNKNOWN},
};

static struct smtp_answer answer_of(const struct example *example)
{
    struct smtp_answer answer = {.code = example->code};
    char *end;
    const char *text = example->text;
    long class = strtol(text, &end, 10);
    if (end != text && *end == '.') {
        answer.enhanced[0] = (int)class;
        answer.enhanced[1] = (int)strtol(end + 1, &end, 10);
        answer.enhanced[2] = (int)strtol(end + 1, &end, 10);
    }
    snprintf(answer.text, sizeof answer.text, "%s", text);
    return answer;
}

static void every_row_tells_its_cause_and_an_advice(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof *EXAMPLES; i++) {
        struct smtp_answer answer = answer_of(&EXAMPLES[i]);
        struct cause_told told = cause_of_answer(EXAMPLES[i].stage, &answer);
        if (told.cause != EXAMPLES[i].cause)
            print_error("%s %d %s\n", smtp_stage_name(EXAMPLES[i].stage), answer.code, answer.text);
        assert_string_equal(cause_name(told.cause), cause_name(EXAMPLES[i].cause));
        assert_true(strlen(told.advice) > 10);
    }
}

static void a_phrase_counts_only_from_the_start_of_a_word(void **state)
{
    (void)state;
    struct smtp_answer answer = {.code = 599, .text = "xspf transptr unspam"};
    assert_int_equal(cause_of_answer(SMTP_STAGE_DOT, &answer).cause, CAUSE_UNKNOWN);
    snprintf(answer.text, sizeof answer.text, "xspf (SPF)");
    assert_int_equal(cause_of_answer(SMTP_STAGE_DOT, &answer).cause, CAUSE_SENDER_AUTHENTICATION);
}

static void a_connection_that_fails_is_told_by_how_it_fails(void **state)
{
    (void)state;
    static const struct {
        int system;
        enum cause cause;
    } cases[] = {
        {ECONNREFUSED, CAUSE_GATEWAY_FAULT},
        {ETIMEDOUT, CAUSE_FIREWALL},
        {EACCES, CAUSE_FIREWALL},
        {EPERM, CAUSE_FIREWALL},
        {ENETUNREACH, CAUSE_ROUTING},
        {EHOSTUNREACH, CAUSE_ROUTING},
        {EADDRNOTAVAIL, CAUSE_ROUTING},
        {ENETDOWN, CAUSE_ROUTING},
        {ECONNRESET, CAUSE_GATEWAY_FAULT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cause_told told = cause_of_connect(&(struct err){.system = cases[i].system});
        assert_int_equal(told.cause, cases[i].cause);
        assert_true(strlen(told.advice) > 10);
    }
}

static void a_broken_session_is_told_by_its_phase(void **state)
{
    (void)state;
    static const struct {
        enum smtp_stage stage;
        const char *text;
        enum cause cause;
    } cases[] = {
        {SMTP_STAGE_TLS, "handshake failure", CAUSE_TLS},
        {SMTP_STAGE_AUTH, "connection reset", CAUSE_AUTHENTICATION},
        {SMTP_STAGE_EHLO, "the gateway does not offer STARTTLS", CAUSE_TLS},
        {SMTP_STAGE_EHLO, "the gateway does not offer AUTH", CAUSE_AUTHENTICATION},
        {SMTP_STAGE_BANNER, "no answer for 10 s", CAUSE_GATEWAY_FAULT},
        {SMTP_STAGE_DOT, "the connection was closed", CAUSE_GATEWAY_FAULT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {.class = ERR_UNAVAILABLE};
        snprintf(err.cause, sizeof err.cause, "%s", cases[i].text);
        assert_int_equal(cause_of_break(cases[i].stage, &err).cause, cases[i].cause);
    }
}

static void every_word_is_of_the_closed_list(void **state)
{
    (void)state;
    static const char list[] = " routing firewall dns tls trust authentication relay-policy sender-policy "
                               "recipient mailbox-full content size rate reputation sender-authentication "
                               "gateway-fault unknown ";
    for (int cause = CAUSE_UNKNOWN; cause <= CAUSE_GATEWAY_FAULT; cause++) {
        char word[40];
        snprintf(word, sizeof word, " %s ", cause_name((enum cause)cause));
        assert_non_null(strstr(list, word));
        assert_int_equal(cause_named(sv_of(cause_name((enum cause)cause))), cause);
    }
    assert_int_equal(cause_named(SV("no such word")), CAUSE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_tells_its_cause_and_an_advice),
        cmocka_unit_test(a_phrase_counts_only_from_the_start_of_a_word),
        cmocka_unit_test(a_connection_that_fails_is_told_by_how_it_fails),
        cmocka_unit_test(a_broken_session_is_told_by_its_phase),
        cmocka_unit_test(every_word_is_of_the_closed_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
