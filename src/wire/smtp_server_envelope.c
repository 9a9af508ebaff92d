#include "base/ascii.h"
#include "wire/smtp_server_private.h"
#include "wire/smtp_xtext.h"

#include <stdio.h>

/* Octets of a value (RFC 3461 §4.2, §4.4; RFC 4954 §5). */
enum { ENVID_MAX = 100, ORCPT_MAX = 500, AUTH_MAX = 500 };

static bool take_size(struct smtp_server *server, sv value)
{
    uint64_t size = 0;
    if (value.n > 20 || !sv_to_u64(value, &size))
        return smtp_server_syntax_fault(server, "SIZE takes a number of bytes");
    if (server->size_limit && size > server->size_limit) {
        smtp_server_fault(server, 552, "5.3.4", "Message too large");
        return false;
    }
    server->mail.size = size;
    return true;
}

static bool take_body(struct smtp_server *server, sv value)
{
    server->mail.eightbit = sv_ieq(value, SV("8BITMIME"));
    return server->mail.eightbit || sv_ieq(value, SV("7BIT")) ||
           smtp_server_syntax_fault(server, "BODY is 7BIT or 8BITMIME");
}

static bool take_utf8(struct smtp_server *server, sv value)
{
    server->mail.utf8 = value.p == NULL;
    return server->mail.utf8 || smtp_server_syntax_fault(server, "SMTPUTF8 takes no value");
}

static bool not_offered(struct smtp_server *server, sv value)
{
    (void)value;
    smtp_server_fault(server, 555, "5.5.4", "That parameter is not offered here");
    return false;
}

/* Only where REQUIRETLS was offered: inside TLS (RFC 8689 §2). */
static bool take_requiretls(struct smtp_server *server, sv value)
{
    if (!server->encrypted)
        return not_offered(server, value);
    server->mail.requiretls = value.p == NULL;
    return server->mail.requiretls || smtp_server_syntax_fault(server, "REQUIRETLS takes no value");
}

/* RFC 3461 §4.3. */
static bool take_ret(struct smtp_server *server, sv value)
{
    if (sv_ieq(value, SV("FULL")))
        server->mail.ret = SMTP_RETURN_FULL;
    else if (sv_ieq(value, SV("HDRS")))
        server->mail.ret = SMTP_RETURN_HEADERS;
    return server->mail.ret != SMTP_RETURN_UNSAID || smtp_server_syntax_fault(server, "RET is FULL or HDRS");
}

/* RFC 3461 §4.4. */
static bool take_envid(struct smtp_server *server, sv value)
{
    server->mail.envid = value;
    return (value.n <= ENVID_MAX && smtp_xtext_valid(value)) ||
           smtp_server_syntax_fault(server, "ENVID is up to 100 octets of xtext");
}

/* RFC 4954 §5: who submitted it first, as far as the client knows, or "<>". Offered where AUTH is. */
static bool take_auth(struct smtp_server *server, sv value)
{
    if (!smtp_xtext_valid(value) || value.n > AUTH_MAX)
        return smtp_server_syntax_fault(server, "AUTH is <> or an address in xtext");
    if (!server->encrypted || server->mechanisms[0] == '\0')
        return not_offered(server, value);
    server->mail.auth = value;
    return true;
}

/* RFC 3461 §4.1. */
static bool take_notify(struct smtp_server *server, sv value)
{
    static const struct {
        sv word;
        unsigned bit;
    } words[] = {{SV_INIT("NEVER"), SMTP_NOTIFY_NEVER},
                 {SV_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS},
                 {SV_INIT("FAILURE"), SMTP_NOTIFY_FAILURE},
                 {SV_INIT("DELAY"), SMTP_NOTIFY_DELAY}};
    unsigned notify = 0;
    bool known = value.n > 0;
    while (value.p && known) {
        sv word = sv_split(&value, ',');
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            bit |= sv_ieq(word, words[i].word) ? words[i].bit : 0;
        known = bit && !(notify & bit);
        notify |= bit;
    }
    server->recipient.notify = notify;
    bool alone = !(notify & SMTP_NOTIFY_NEVER) || notify == SMTP_NOTIFY_NEVER;
    return (known && alone) ||
           smtp_server_syntax_fault(server, "NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY");
}

/* RFC 3461 §4.2: "rfc822;" or another type of address, and xtext; RFC 6533 §3: UTF-8 in one of its own. */
static bool take_orcpt(struct smtp_server *server, sv value)
{
    server->recipient.orcpt = value;
    bool short_enough = value.n <= ORCPT_MAX;
    sv type = sv_split(&value, ';');
    bool unitext = server->mail.utf8 && sv_ieq(type, SV("utf-8"));
    return (short_enough && smtp_atom_valid(type) &&
            (smtp_xtext_valid(value) || (unitext && smtp_unitext_valid(value)))) ||
           smtp_server_syntax_fault(server, "ORCPT is rfc822; and up to 500 octets of xtext");
}

static const struct parameter {
    sv name;
    bool of_rcpt;
    bool (*take)(struct smtp_server *server, sv value);
} parameters[] = {
    {SV_INIT("SIZE"), false, take_size},     {SV_INIT("BODY"), false, take_body},
    {SV_INIT("SMTPUTF8"), false, take_utf8}, {SV_INIT("REQUIRETLS"), false, take_requiretls},
    {SV_INIT("RET"), false, take_ret},       {SV_INIT("ENVID"), false, take_envid},
    {SV_INIT("AUTH"), false, take_auth},     {SV_INIT("NOTIFY"), true, take_notify},
    {SV_INIT("ORCPT"), true, take_orcpt},
};

enum { PARAMETERS = sizeof parameters / sizeof *parameters };

/* esmtp-param of RFC 5321 §4.1.2. value.p is NULL without "=". */
static bool split_parameter(sv word, sv *ret_name, sv *ret_value)
{
    *ret_name = sv_split(&word, '=');
    *ret_value = word;
    for (size_t i = 0; i < ret_name->n; i++) {
        char c = ret_name->p[i];
        if (!ascii_alnum(c) && (c != '-' || i == 0))
            return false;
    }
    for (size_t i = 0; i < word.n; i++)
        if ((unsigned char)word.p[i] <= ' ' || word.p[i] == '=' || word.p[i] == 0x7f)
            return false;
    return ret_name->n > 0 && (word.p == NULL || word.n > 0);
}

static bool take_parameters(struct smtp_server *server, bool of_rcpt, sv rest)
{
    unsigned seen = 0;
    while (rest.p) {
        sv word = sv_split(&rest, ' '), name, value;
        if (!split_parameter(word, &name, &value))
            return smtp_server_syntax_fault(server, "A parameter that is not well-formed");
        if (!server->extended)
            return not_offered(server, value);
        size_t i = 0;
        while (i < PARAMETERS && (parameters[i].of_rcpt != of_rcpt || !sv_ieq(parameters[i].name, name)))
            i++;
        if (i == PARAMETERS)
            return not_offered(server, value);
        if (seen & (1u << i))
            return smtp_server_syntax_fault(server, "A parameter is given twice");
        seen |= 1u << i;
        if (!parameters[i].take(server, value))
            return false;
    }
    return true;
}

/* Cuts `KEYWORD:<path>[ parameters]`. ret_parameters->p is NULL without any. Spaces before the path, which
 * RFC 5321 §3.3 forbids clients, are let pass: a device that writes them has no other way to send mail. */
static bool split_path(sv arguments, sv keyword, sv *ret_path, sv *ret_parameters)
{
    if (!sv_istarts(arguments, keyword))
        return false;
    sv rest = sv_from(arguments, keyword.n);
    while (rest.n && rest.p[0] == ' ')
        rest = sv_from(rest, 1);
    size_t end = sv_find_char(rest, '>');
    if (rest.n == 0 || rest.p[0] != '<' || end == SV_NPOS)
        return false;
    *ret_path = (sv){rest.p + 1, end - 1};
    rest = sv_from(rest, end + 1);
    if (rest.n && rest.p[0] != ' ')
        return false;
    *ret_parameters = rest.n ? sv_from(rest, 1) : SV_NONE;
    return true;
}

static bool address_fault(struct smtp_server *server, bool of_rcpt, enum smtp_address_fault fault)
{
    char text[120];
    snprintf(text, sizeof text, "The address %s", smtp_address_fault_text(fault));
    if (fault == SMTP_ADDRESS_ROUTE)
        smtp_server_fault(server, 554, "5.7.1", text);
    else if (fault == SMTP_ADDRESS_IDN) /* there can be no such domain */
        smtp_server_fault(server, 553, of_rcpt ? "5.1.2" : "5.1.8", text);
    else
        smtp_server_fault(server, 501, of_rcpt ? "5.1.3" : "5.1.7", text);
    return false;
}

static bool needs_utf8(struct smtp_server *server, const struct smtp_address *address)
{
    if (!address->utf8 || server->mail.utf8)
        return false;
    smtp_server_fault(server, 553, "5.6.7", "An address beyond ASCII needs SMTPUTF8");
    return true;
}

bool smtp_server_check_mail(struct smtp_server *server, sv arguments)
{
    sv path, rest;
    if (!split_path(arguments, SV("FROM:"), &path, &rest))
        return smtp_server_syntax_fault(server, "Syntax: MAIL FROM:<address>");
    struct smtp_address address = {0};
    enum smtp_address_fault fault = path.n ? smtp_address_parse(path, &address) : SMTP_ADDRESS_NONE;
    if (fault != SMTP_ADDRESS_NONE)
        return address_fault(server, false, fault);
    server->mail = (struct smtp_server_mail){.sender = path};
    return take_parameters(server, false, rest) && !needs_utf8(server, &address);
}

bool smtp_server_check_rcpt(struct smtp_server *server, sv arguments)
{
    sv path, rest;
    if (!split_path(arguments, SV("TO:"), &path, &rest))
        return smtp_server_syntax_fault(server, "Syntax: RCPT TO:<address>");
    struct smtp_server_recipient recipient = {.whole = path};
    enum smtp_address_fault fault = smtp_address_parse(path, &recipient.parts);
    if (fault == SMTP_ADDRESS_NO_DOMAIN && sv_ieq(path, SV("postmaster")))
        recipient.parts.local = path;
    else if (fault != SMTP_ADDRESS_NONE)
        return address_fault(server, true, fault);
    server->recipient = recipient;
    if (!take_parameters(server, true, rest) || needs_utf8(server, &recipient.parts))
        return false;
    if (server->recipients >= server->recipients_max) {
        if (++server->idle > SMTP_SERVER_IDLE_MAX)
            smtp_server_fault(server, 450, "4.7.0", "Too many recipients past the limit");
        else
            smtp_server_reply(server, 452, "4.5.3", "Too many recipients, send the rest in another message");
        return false;
    }
    return true;
}
