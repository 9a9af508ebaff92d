#include "courier/cause.h"

#include <assert.h>
#include <errno.h>

#include "base/ascii.h"

const char *cause_name(enum cause cause)
{
    switch (cause) {
#define X(name, word, advice) \
    case CAUSE_##name:        \
        return word;
        CAUSES(X)
#undef X
    }
    return "unknown"; /* not reached: the switch has them all */
}

enum cause cause_named(sv word)
{
#define X(name, text, advice)  \
    if (sv_eq(word, SV(text))) \
        return CAUSE_##name;
    CAUSES(X)
#undef X
    return CAUSE_UNKNOWN;
}

static const char *advice_of(enum cause cause)
{
    switch (cause) {
#define X(name, word, advice) \
    case CAUSE_##name:        \
        return advice;
        CAUSES(X)
#undef X
    }
    return "read the gateway's own words"; /* not reached either */
}

/* A row holds if everything that it names holds; the first row that holds tells. */
struct row {
    const char *phrase; /* stands in the text from a word's start, in any case; NULL: any text */
    unsigned stages;    /* bits of enum smtp_stage; 0: any */
    int code;           /* 0: any; a single digit: the code's first */
    int enhanced[3];    /* [0] 0: no enhanced code asked for, ANY: 4 or 5; [2] may be ANY */
    enum cause cause;
    const char *advice; /* NULL: the cause's own */
};

enum { ANY = -1 };

#define AT(stage)   (1u << SMTP_STAGE_##stage)
#define AT_GREETING (AT(BANNER) | AT(EHLO))
#define AT_CONTENT  (AT(DATA) | AT(BODY) | AT(DOT))

#define PHRASE(text, cause)                  \
    {                                        \
        text, 0, 0, {0}, CAUSE_##cause, NULL \
    }
#define PHRASE_ADVICE(text, cause, advice)     \
    {                                          \
        text, 0, 0, {0}, CAUSE_##cause, advice \
    }
#define PHRASE_CODE(text, stages, code, cause, advice) \
    {                                                  \
        text, stages, code, {0}, CAUSE_##cause, advice \
    }
#define CODE(stages, code, cause)                    \
    {                                                \
        NULL, stages, code, {0}, CAUSE_##cause, NULL \
    }
#define ENHANCED(stages, a, b, c, cause)                \
    {                                                   \
        NULL, stages, 0, {a, b, c}, CAUSE_##cause, NULL \
    }

static const struct row ROWS[] = {
    /* Phrases. Those that others contain or accompany come first. */
    PHRASE_ADVICE("must issue a starttls", TLS, "set security: starttls"),
    PHRASE_ADVICE("must issue starttls", TLS, "set security: starttls"),
    PHRASE_ADVICE("first record does not look like a tls", TLS, "set security: starttls for this port"),
    PHRASE_ADVICE("wrong version number", TLS, "set security: starttls for this port, or use port 465"),
    PHRASE_ADVICE("tls required", TLS, "set security: starttls"),
    PHRASE_ADVICE("encryption required", TLS, "set security: starttls"),
    PHRASE_ADVICE("encryption needed", TLS, "set security: starttls"),
    PHRASE_ADVICE("tls not available", TLS,
                  "have the gateway's certificate and key looked at: it offers STARTTLS and cannot do it"),
    PHRASE_ADVICE("no client certificate", TLS,
                  "have the gateway take this machine without a client certificate: none is sent"),
    PHRASE_ADVICE("unable to authenticate at present", GATEWAY_FAULT,
                  "look at the gateway itself: it cannot ask for accounts now"),
    PHRASE_ADVICE("smtpclientauthentication is disabled", AUTHENTICATION,
                  "switch SMTP AUTH on for this mailbox and tenant, or use OAuth"),
    PHRASE_ADVICE("basic authentication is not supported", AUTHENTICATION, "use OAuth: auth: XOAUTH2"),
    PHRASE_ADVICE("basic authentication is disabled", AUTHENTICATION, "use OAuth: auth: XOAUTH2"),
    PHRASE_ADVICE("application-specific password required", AUTHENTICATION,
                  "make an app password for this account and use that"),
    PHRASE("username and password not accepted", AUTHENTICATION),
    PHRASE("authentication failed", AUTHENTICATION),
    PHRASE("authentication failure", AUTHENTICATION),
    PHRASE("authentication unsuccessful", AUTHENTICATION),
    PHRASE("authentication credentials invalid", AUTHENTICATION),
    PHRASE("invalid credentials", AUTHENTICATION),
    PHRASE_ADVICE("authentication required", AUTHENTICATION, "set username and password for this gateway"),
    PHRASE_ADVICE("client was not authenticated", AUTHENTICATION,
                  "set username and password for this gateway"),
    PHRASE_ADVICE("greylist", RATE,
                  "it is tried again from this address in a few minutes; have alerts "
                  "exempted from greylisting"),
    PHRASE_ADVICE("graylist", RATE,
                  "it is tried again from this address in a few minutes; have alerts "
                  "exempted from greylisting"),
    PHRASE("too many connections", RATE),
    PHRASE("too many concurrent", RATE),
    PHRASE("too many messages", RATE),
    PHRASE("too much mail", RATE),
    /* Postscreen's words, whichever of its tests it was. */
    PHRASE_CODE("service currently unavailable", AT(RCPT), 450, RATE,
                "it is tried again from this address: the gateway does not know this machine yet"),
    PHRASE_CODE("service currently unavailable", AT(RCPT), 550, REPUTATION,
                "have this machine taken off the gateway's list of addresses that it refuses"),
    PHRASE_CODE("service currently unavailable", AT_GREETING, 521, REPUTATION,
                "have this machine taken off the gateway's list of addresses that it refuses"),
    PHRASE("too many recipients", RATE),
    PHRASE("rate limit", RATE),
    PHRASE("rate exceeded", RATE),
    PHRASE("throttl", RATE),
    PHRASE("over quota", MAILBOX_FULL),
    PHRASE("overquota", MAILBOX_FULL),
    PHRASE("quota exceeded", MAILBOX_FULL),
    PHRASE("exceeded its quota", MAILBOX_FULL),
    PHRASE("mailbox full", MAILBOX_FULL),
    PHRASE("mailbox is full", MAILBOX_FULL),
    PHRASE("relay access denied", RELAY_POLICY),
    PHRASE("relaying denied", RELAY_POLICY),
    PHRASE("relay denied", RELAY_POLICY),
    PHRASE("relay not permitted", RELAY_POLICY),
    PHRASE("relaying not permitted", RELAY_POLICY),
    PHRASE("not permitted to relay", RELAY_POLICY),
    PHRASE("unable to relay", RELAY_POLICY),
    PHRASE("do not relay", RELAY_POLICY),
    PHRASE_ADVICE("tenantattribution", RELAY_POLICY,
                  "set up a connector for this machine's address or "
                  "certificate"),
    PHRASE_ADVICE("not owned by user", SENDER_POLICY, "use the account's own address as sender"),
    PHRASE_ADVICE("sendasdenied", SENDER_POLICY, "grant the account the right to send as this sender"),
    PHRASE_ADVICE("not allowed to send as", SENDER_POLICY,
                  "grant the account the right to send as this sender"),
    PHRASE("sender address rejected", SENDER_POLICY),
    PHRASE("sender rejected", SENDER_POLICY),
    PHRASE("sender denied", SENDER_POLICY),
    PHRASE("sender verify failed", SENDER_POLICY),
    PHRASE("spf", SENDER_AUTHENTICATION),
    PHRASE("dkim", SENDER_AUTHENTICATION),
    PHRASE("dmarc", SENDER_AUTHENTICATION),
    PHRASE("unauthenticated", SENDER_AUTHENTICATION),
    PHRASE("blocked using", REPUTATION),
    PHRASE("blacklist", REPUTATION),
    PHRASE("blocklist", REPUTATION),
    PHRASE("block list", REPUTATION),
    PHRASE("spamhaus", REPUTATION),
    PHRASE("spam", REPUTATION),
    PHRASE("poor reputation", REPUTATION),
    PHRASE_ADVICE("cannot find your reverse hostname", REPUTATION,
                  "give this machine's address a PTR record"),
    PHRASE_ADVICE("cannot find your hostname", REPUTATION,
                  "give this machine's address a PTR record whose name leads back to it"),
    PHRASE_ADVICE("reverse dns", REPUTATION, "give this machine's address a PTR record"),
    PHRASE_ADVICE("ptr", REPUTATION, "give this machine's address a PTR record"),
    PHRASE_ADVICE("helo command rejected", DNS, "set helo to a full name that resolves"),
    PHRASE_CODE("helo", AT(EHLO), 550, DNS, "set helo to a full name that resolves"),
    PHRASE_ADVICE("client host rejected", RELAY_POLICY,
                  "authenticate, or have the gateway permit this machine's address"),
    PHRASE_ADVICE("no smtp service", RELAY_POLICY,
                  "check the address, or have the gateway permit this machine's address"),
    PHRASE_ADVICE("no mail service", RELAY_POLICY,
                  "check the address, or have the gateway permit this machine's address"),
    PHRASE_ADVICE("null mx", DNS, "that domain takes no mail: correct the address"),
    PHRASE_ADVICE("nullmx", DNS, "that domain takes no mail: correct the address"),
    PHRASE("host not found", DNS),
    PHRASE("host or domain name not found", DNS),
    PHRASE("name service error", DNS),
    PHRASE("dns lookup fail", DNS),
    PHRASE_ADVICE("too many hops", ROUTING, "the mail goes in a circle: look at the gateways' routes"),
    PHRASE_ADVICE("mail loop", ROUTING, "the mail goes in a circle: look at the gateways' routes"),
    PHRASE_ADVICE("loops back to myself", ROUTING, "the mail goes in a circle: look at the gateways' routes"),
    PHRASE_ADVICE("failed to connect to relay", GATEWAY_FAULT,
                  "look at the gateway itself: it does not reach the one that it hands mail on to"),
    PHRASE_ADVICE("failed to establish relay", GATEWAY_FAULT,
                  "look at the gateway itself: it does not reach the one that it hands mail on to"),
    PHRASE("connection timed out", ROUTING),
    PHRASE("connection refused", ROUTING),
    PHRASE("network is unreachable", ROUTING),
    PHRASE("no route to host", ROUTING),
    PHRASE("message too large", SIZE),
    PHRASE("message too big", SIZE),
    PHRASE("message file too big", SIZE),
    PHRASE("too large", SIZE),
    PHRASE("size limit", SIZE),
    PHRASE("size exceeds", SIZE),
    PHRASE("exceeds maximum", SIZE),
    PHRASE("exceeds fixed", SIZE),
    PHRASE_ADVICE("bare lf", CONTENT, "send lines that end in CR LF"),
    PHRASE_ADVICE("bare <lf>", CONTENT, "send lines that end in CR LF"),
    PHRASE_ADVICE("bare newline", CONTENT, "send lines that end in CR LF"),
    PHRASE_ADVICE("line too long", CONTENT, "send lines of at most 998 octets"),
    PHRASE("content rejected", CONTENT),
    PHRASE("virus", CONTENT),
    PHRASE("shutting down", GATEWAY_FAULT),
    PHRASE("insufficient system storage", GATEWAY_FAULT),
    PHRASE("insufficient system resources", GATEWAY_FAULT),
    PHRASE("system resources", GATEWAY_FAULT),
    PHRASE("insufficient disk space", GATEWAY_FAULT),
    PHRASE("queue file write error", GATEWAY_FAULT),
    PHRASE("server configuration", GATEWAY_FAULT),
    PHRASE("local error in processing", GATEWAY_FAULT),
    PHRASE("user unknown", RECIPIENT),
    PHRASE("unknown user", RECIPIENT),
    PHRASE("no such user", RECIPIENT),
    PHRASE("no such recipient", RECIPIENT),
    PHRASE("recipient unknown", RECIPIENT),
    PHRASE("unknown recipient", RECIPIENT),
    PHRASE("invalid recipient", RECIPIENT),
    PHRASE("unrouteable address", RECIPIENT),
    PHRASE("mailing list expansion problem", RECIPIENT),
    PHRASE("mailbox unavailable", RECIPIENT),
    PHRASE("mailbox not found", RECIPIENT),
    PHRASE("no mailbox here", RECIPIENT),
    PHRASE("account is disabled", RECIPIENT),
    PHRASE("recipient address rejected", RECIPIENT),

    /* The phase of the dialogue. */
    CODE(AT(AUTH), 421, RATE),
    ENHANCED(AT(AUTH), 4, 3, ANY, GATEWAY_FAULT),
    CODE(AT(AUTH), 0, AUTHENTICATION),
    ENHANCED(AT(STARTTLS) | AT(TLS), ANY, 3, ANY, GATEWAY_FAULT),
    CODE(AT(STARTTLS) | AT(TLS), 0, TLS),
    ENHANCED(AT(MAIL), 5, 7, 1, SENDER_POLICY),
    ENHANCED(AT(RCPT), 5, 7, 1, RELAY_POLICY),
    ENHANCED(AT_CONTENT | AT_GREETING, 5, 7, 1, REPUTATION),
    ENHANCED(AT_CONTENT, 5, 5, 2, CONTENT),

    /* Enhanced codes (RFC 3463, and those of the large providers). */
    ENHANCED(0, 5, 7, 64, RELAY_POLICY),
    ENHANCED(0, 5, 7, 60, SENDER_POLICY),
    ENHANCED(0, 5, 1, 8, SENDER_POLICY),
    ENHANCED(0, 5, 1, 7, SENDER_POLICY),
    ENHANCED(0, 5, 7, 515, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 20, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 21, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 22, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 23, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 24, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 26, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 27, SENDER_AUTHENTICATION),
    ENHANCED(0, 5, 7, 25, REPUTATION),
    ENHANCED(0, 4, 7, 25, REPUTATION),
    ENHANCED(0, ANY, 7, 139, AUTHENTICATION),
    ENHANCED(0, ANY, 7, 30, AUTHENTICATION),
    ENHANCED(0, ANY, 7, 57, AUTHENTICATION),
    ENHANCED(0, ANY, 7, 8, AUTHENTICATION),
    ENHANCED(0, ANY, 7, 9, AUTHENTICATION),
    ENHANCED(0, 5, 7, 10, TLS),
    ENHANCED(0, 5, 7, 11, TLS),
    ENHANCED(0, ANY, 7, 5, TRUST),
    ENHANCED(0, 4, 7, 1, RATE),
    ENHANCED(0, 4, 7, 28, RATE),
    ENHANCED(0, 4, 2, 1, RATE),
    ENHANCED(0, ANY, 5, 3, RATE),
    ENHANCED(0, ANY, 2, 2, MAILBOX_FULL),
    ENHANCED(0, 5, 2, 3, SIZE),
    ENHANCED(0, 5, 3, 4, SIZE),
    ENHANCED(0, ANY, 1, 2, DNS),
    ENHANCED(0, 5, 1, 10, DNS),
    ENHANCED(0, ANY, 4, 4, DNS),
    ENHANCED(0, 4, 4, 3, DNS),
    ENHANCED(0, 5, 4, 1, RECIPIENT),
    ENHANCED(0, 4, 4, ANY, ROUTING),
    ENHANCED(0, 5, 4, 6, ROUTING),
    ENHANCED(0, ANY, 1, 1, RECIPIENT),
    ENHANCED(0, ANY, 1, 3, RECIPIENT),
    ENHANCED(0, ANY, 1, 6, RECIPIENT),
    ENHANCED(0, 5, 2, 1, RECIPIENT),
    ENHANCED(0, ANY, 6, ANY, CONTENT),
    ENHANCED(0, ANY, 3, ANY, GATEWAY_FAULT),

    /* Codes alone (RFC 5321 §4.2.3). */
    CODE(0, 530, AUTHENTICATION),
    CODE(0, 534, AUTHENTICATION),
    CODE(0, 535, AUTHENTICATION),
    CODE(0, 538, TLS),
    CODE(0, 421, RATE),
    CODE(0, 450, RATE),
    CODE(0, 451, GATEWAY_FAULT),
    CODE(0, 452, GATEWAY_FAULT),
    CODE(0, 552, SIZE),
    CODE(AT_GREETING, 554, REPUTATION),
    CODE(AT_GREETING, 0, GATEWAY_FAULT),
    CODE(AT(MAIL), 550, SENDER_POLICY),
    CODE(AT(MAIL), 553, SENDER_POLICY),
    CODE(AT(MAIL), 554, SENDER_POLICY),
    CODE(AT(RCPT), 554, RELAY_POLICY),
    CODE(AT(RCPT), 550, RECIPIENT),
    CODE(AT(RCPT), 551, RECIPIENT),
    CODE(AT(RCPT), 553, RECIPIENT),
    CODE(AT_CONTENT, 550, CONTENT),
    CODE(AT_CONTENT, 554, CONTENT),
    CODE(0, 521, GATEWAY_FAULT),
    CODE(0, 500, GATEWAY_FAULT),
    CODE(0, 501, GATEWAY_FAULT),
    CODE(0, 502, GATEWAY_FAULT),
    CODE(0, 503, GATEWAY_FAULT),
    CODE(0, 504, GATEWAY_FAULT),
};

bool cause_says(sv text, const char *phrase)
{
    for (sv rest = text; rest.n;) {
        size_t at = sv_ifind(rest, sv_of(phrase));
        if (at == SV_NPOS)
            return false;
        const char *p = rest.p + at;
        if (p == text.p || !ascii_alnum(p[-1]))
            return true;
        rest = sv_from(rest, at + 1);
    }
    return false;
}

static bool bears(const int enhanced[static 3], const int row[static 3])
{
    if (row[0] == 0)
        return true;
    if (enhanced[0] != row[0] && (row[0] != ANY || (enhanced[0] != 4 && enhanced[0] != 5)))
        return false;
    return enhanced[1] == row[1] && (row[2] == ANY || enhanced[2] == row[2]);
}

struct cause_told cause_tell(enum cause cause, const char *advice)
{
    return (struct cause_told){cause, advice ? advice : advice_of(cause)};
}

struct cause_told cause_of_answer(enum smtp_stage stage, const struct smtp_answer *answer)
{
    assert(answer);
    sv text = sv_of(answer->text);
    for (const struct row *row = ROWS; row < ROWS + sizeof ROWS / sizeof *ROWS; row++) {
        bool holds = (!row->phrase || cause_says(text, row->phrase)) &&
                     (!row->stages || row->stages & 1u << (unsigned)stage) &&
                     (!row->code || row->code == answer->code) && bears(answer->enhanced, row->enhanced);
        if (holds)
            return cause_tell(row->cause, row->advice);
    }
    return cause_tell(CAUSE_UNKNOWN, NULL);
}

struct cause_told cause_of_phrase(sv text)
{
    for (const struct row *row = ROWS; row < ROWS + sizeof ROWS / sizeof *ROWS; row++)
        if (row->phrase && cause_says(text, row->phrase))
            return cause_tell(row->cause, row->advice);
    return cause_tell(CAUSE_UNKNOWN, NULL);
}

struct cause_told cause_of_connect(const struct err *err)
{
    switch (err->system) {
    case ECONNREFUSED:
        return cause_tell(CAUSE_GATEWAY_FAULT,
                          "nothing listens there: check the port, and that the service runs");
    case ETIMEDOUT:
        return cause_tell(CAUSE_FIREWALL,
                          "nothing came back: let a firewall on the way pass this port, and check "
                          "that the machine is up");
    case EACCES:
    case EPERM:
        return cause_tell(CAUSE_FIREWALL, "this machine's own firewall forbids it: allow the port outwards");
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
    case ENETDOWN:
        return cause_tell(CAUSE_ROUTING, "there is no way to that address: check it, and the route");
    }
    return cause_tell(CAUSE_GATEWAY_FAULT, NULL);
}

/* What the handshake's error says of a certificate. */
static const struct {
    const char *phrase, *advice;
} DISTRUST[] = {
    {"expired", "have the gateway's certificate renewed, and check this machine's clock"},
    {"not yet valid", "check this machine's clock"},
    {"self-signed", "give it, or the authority that signed it, as ca_file, or pin it"},
    {"self signed", "give it, or the authority that signed it, as ca_file, or pin it"},
    {"hostname", "set verify_name to a name that the certificate bears"},
    {"name", "set verify_name to a name that the certificate bears"},
    {"issuer", "give the authority that signed it as ca_file"},
    {"pin", "if the certificate was changed on purpose, pin the new one"},
};

struct cause_told cause_of_distrust(const struct err *err)
{
    for (size_t i = 0; i < sizeof DISTRUST / sizeof *DISTRUST; i++)
        if (cause_says(sv_of(err->cause), DISTRUST[i].phrase))
            return cause_tell(CAUSE_TRUST, DISTRUST[i].advice);
    return cause_tell(CAUSE_TRUST, NULL);
}

struct cause_told cause_of_break(enum smtp_stage stage, const struct err *err)
{
    sv text = sv_of(err->cause);
    if (stage == SMTP_STAGE_TLS || stage == SMTP_STAGE_STARTTLS)
        return cause_tell(CAUSE_TLS, NULL);
    if (stage == SMTP_STAGE_AUTH)
        return cause_tell(CAUSE_AUTHENTICATION, NULL);
    /* What it ought to offer, and does not. */
    if (cause_says(text, "STARTTLS"))
        return cause_tell(CAUSE_TLS,
                          "mail is not sent in the clear: have the gateway offer STARTTLS; if it did so far, "
                          "someone on the way may be taking it out");
    if (cause_says(text, "AUTH"))
        return cause_tell(CAUSE_AUTHENTICATION,
                          "use the submission port, or leave out username if none is needed");
    if (stage == SMTP_STAGE_BANNER)
        return cause_tell(CAUSE_GATEWAY_FAULT,
                          "it takes connections and says nothing: check that this port speaks "
                          "SMTP, and without TLS unless security is tls");
    if (err->system == EHOSTUNREACH || err->system == ENETUNREACH)
        return cause_tell(CAUSE_ROUTING, NULL);
    return cause_tell(CAUSE_GATEWAY_FAULT, NULL);
}
