#include "wire/smtp_server_private.h"

#include <assert.h>
#include <stdio.h>

enum { PHASES_ANY = 0xf, PHASES_TRANSACTION = SMTP_SERVER_PHASE_MAIL | SMTP_SERVER_PHASE_RCPT };

/* One row per command. check looks at the arguments and says what is wrong (then it returns false); proceed
 * acts, and cannot fail. */
struct command {
    sv name;
    unsigned phases; /* where it may come; elsewhere it is out of order */
    bool idle;       /* does not bring a message nearer: such commands are counted */
    bool last;       /* ends a pipelined group (RFC 2920 §3.1): bytes behind it are an attack or a mistake */
    bool (*check)(struct smtp_server *server, sv arguments);
    void (*proceed)(struct smtp_server *server, sv arguments);
};

static bool syntax_fault(struct smtp_server *server, const char *text)
{
    smtp_server_fault(server, 501, "5.5.4", text);
    return false;
}

static bool check_none(struct smtp_server *server, sv arguments)
{
    return arguments.n == 0 || syntax_fault(server, "This command takes no argument");
}

static bool check_any(struct smtp_server *server, sv arguments)
{
    (void)server;
    (void)arguments;
    return true;
}

/* Underscores are no part of a host name, yet many a client has one in its own. */
static bool hello_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._-:[]", c));
}

static bool check_hello(struct smtp_server *server, sv arguments)
{
    bool ok = arguments.n > 0 && arguments.n <= SMTP_DOMAIN_MAX;
    for (size_t i = 0; ok && i < arguments.n; i++)
        ok = hello_byte(arguments.p[i]);
    if (!ok)
        return syntax_fault(server, "Say who you are: a host name or an address literal");
    sv_copy(server->hello_asked, sizeof server->hello_asked, arguments);
    return true;
}

static void proceed_helo(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    server->extended_asked = false;
    server->owed = SMTP_SERVER_HELLO;
}

static void proceed_ehlo(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    server->extended_asked = true;
    server->owed = SMTP_SERVER_HELLO;
}

/* ---- MAIL and RCPT --------------------------------------------------------------------------------------
 */

/* RFC 3461 §4: "+" and two upper-case hex digits for what is not plain. What it decodes to must be printable:
 * a line end hidden here is an attack. */
static bool xtext(sv value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c < '!' || c > '~' || c == '=')
            return false;
        if (c != '+')
            continue;
        static const char hex[] = "0123456789ABCDEF";
        if (i + 2 >= value.n || !value.p[i + 1] || !value.p[i + 2])
            return false;
        const char *high = strchr(hex, value.p[i + 1]), *low = strchr(hex, value.p[i + 2]);
        if (!high || !low)
            return false;
        long decoded = (high - hex) * 16 + (low - hex);
        if (decoded < 0x20 || decoded == 0x7f)
            return false;
        i += 2;
    }
    return value.n > 0;
}

static bool take_size(struct smtp_server *server, sv value)
{
    uint64_t size = 0;
    if (value.n > 20 || !sv_to_u64(value, &size))
        return syntax_fault(server, "SIZE takes a number of bytes");
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
           syntax_fault(server, "BODY is 7BIT or 8BITMIME");
}

static bool take_utf8(struct smtp_server *server, sv value)
{
    server->mail.utf8 = value.p == NULL;
    return server->mail.utf8 || syntax_fault(server, "SMTPUTF8 takes no value");
}

static bool not_offered(struct smtp_server *server, sv value)
{
    (void)value;
    smtp_server_fault(server, 555, "5.5.4", "That parameter is not offered here");
    return false;
}

static bool not_offered_xtext(struct smtp_server *server, sv value)
{
    return xtext(value) ? not_offered(server, value) : syntax_fault(server, "That value is not xtext");
}

/* AUTH, ENVID and ORCPT are not offered yet; their rows keep the place, and refuse what hides in them. */
static const struct parameter {
    sv name;
    bool of_rcpt;
    bool (*take)(struct smtp_server *server, sv value);
} parameters[] = {
    {SV_INIT("SIZE"), false, take_size},          {SV_INIT("BODY"), false, take_body},
    {SV_INIT("SMTPUTF8"), false, take_utf8},      {SV_INIT("AUTH"), false, not_offered_xtext},
    {SV_INIT("ENVID"), false, not_offered_xtext}, {SV_INIT("ORCPT"), true, not_offered_xtext},
};

enum { PARAMETERS = sizeof parameters / sizeof *parameters };

/* esmtp-param of RFC 5321 §4.1.2. value.p is NULL without "=". */
static bool split_parameter(sv word, sv *ret_name, sv *ret_value)
{
    *ret_name = sv_split(&word, '=');
    *ret_value = word;
    for (size_t i = 0; i < ret_name->n; i++) {
        char c = ret_name->p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c != '-' || i == 0))
            return false;
    }
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] <= ' ' || word.p[i] == '=' || word.p[i] == 0x7f)
            return false;
    return ret_name->n > 0 && (word.p == NULL || word.n > 0);
}

static bool take_parameters(struct smtp_server *server, bool of_rcpt, sv rest)
{
    unsigned seen = 0;
    while (rest.p) {
        sv word = sv_split(&rest, ' '), name, value;
        if (!split_parameter(word, &name, &value))
            return syntax_fault(server, "A parameter that is not well-formed");
        if (!server->extended)
            return not_offered(server, value);
        size_t i = 0;
        while (i < PARAMETERS && (parameters[i].of_rcpt != of_rcpt || !sv_ieq(parameters[i].name, name)))
            i++;
        if (i == PARAMETERS)
            return not_offered(server, value);
        if (seen & (1u << i))
            return syntax_fault(server, "A parameter is given twice");
        seen |= 1u << i;
        if (!parameters[i].take(server, value))
            return false;
    }
    return true;
}

/* Cuts `KEYWORD:<path>[ parameters]`. ret_parameters->p is NULL without any. */
static bool split_path(sv arguments, sv keyword, sv *ret_path, sv *ret_parameters)
{
    if (!sv_istarts(arguments, keyword))
        return false;
    sv rest = sv_from(arguments, keyword.n);
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

static bool address_fault(struct smtp_server *server, const char *enhanced, enum smtp_address_fault fault)
{
    char text[120];
    snprintf(text, sizeof text, "The address %s", smtp_address_fault_text(fault));
    if (fault == SMTP_ADDRESS_ROUTE)
        smtp_server_fault(server, 554, "5.7.1", text);
    else
        smtp_server_fault(server, 501, enhanced, text);
    return false;
}

static bool needs_utf8(struct smtp_server *server, const struct smtp_address *address)
{
    if (!address->utf8 || server->mail.utf8)
        return false;
    smtp_server_fault(server, 553, "5.6.7", "An address beyond ASCII needs SMTPUTF8");
    return true;
}

static bool check_mail(struct smtp_server *server, sv arguments)
{
    sv path, rest;
    if (!split_path(arguments, SV("FROM:"), &path, &rest))
        return syntax_fault(server, "Syntax: MAIL FROM:<address>, no space before the address");
    struct smtp_address address = {0};
    enum smtp_address_fault fault = path.n ? smtp_address_parse(path, &address) : SMTP_ADDRESS_NONE;
    if (fault != SMTP_ADDRESS_NONE)
        return address_fault(server, "5.1.7", fault);
    server->mail = (struct smtp_server_mail){.sender = path};
    return take_parameters(server, false, rest) && !needs_utf8(server, &address);
}

static void proceed_mail(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    server->owed = SMTP_SERVER_MAIL;
}

static bool check_rcpt(struct smtp_server *server, sv arguments)
{
    sv path, rest;
    if (!split_path(arguments, SV("TO:"), &path, &rest))
        return syntax_fault(server, "Syntax: RCPT TO:<address>, no space before the address");
    struct smtp_server_recipient recipient = {.whole = path};
    enum smtp_address_fault fault = smtp_address_parse(path, &recipient.parts);
    if (fault == SMTP_ADDRESS_NO_DOMAIN && sv_ieq(path, SV("postmaster")))
        recipient.parts.local = path;
    else if (fault != SMTP_ADDRESS_NONE)
        return address_fault(server, "5.1.3", fault);
    if (!take_parameters(server, true, rest) || needs_utf8(server, &recipient.parts))
        return false;
    if (server->recipients >= server->recipients_max) {
        smtp_server_reply(server, 452, "4.5.3", "Too many recipients, send the rest in another message");
        return false;
    }
    server->recipient = recipient;
    return true;
}

static void proceed_rcpt(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    server->owed = SMTP_SERVER_RCPT;
}

static void proceed_data(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    server->owed = SMTP_SERVER_DATA;
}

/* ---- The others -----------------------------------------------------------------------------------------
 */

static void proceed_rset(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_abandon(server);
    smtp_server_reply(server, 250, "2.0.0", "Ok");
}

static void proceed_noop(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_reply(server, 250, "2.0.0", "Ok");
}

static bool check_vrfy(struct smtp_server *server, sv arguments)
{
    return arguments.n > 0 || syntax_fault(server, "Verify whom?");
}

static void proceed_vrfy(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_reply(server, 252, "2.5.0", "Send some mail, and we shall see");
}

static void proceed_help(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_reply(server, 214, "2.0.0", "HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
}

static void proceed_quit(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_end(server, 221, "2.0.0", "Bye");
}

static void proceed_missing(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_fault(server, 502, "5.5.1", "Not offered here");
}

/* Its octets come unasked behind the command, and must never be read as commands. */
static void proceed_bdat(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_end(server, 502, "5.5.1", "BDAT was not offered, closing");
}

/* A browser or a web request forged to reach us: the rest of it is not for us to read. */
static void proceed_http(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_end(server, 554, "5.5.1", "This is SMTP, not HTTP");
}

static const struct command commands[] = {
    {SV_INIT("HELO"), PHASES_ANY, true, false, check_hello, proceed_helo},
    {SV_INIT("EHLO"), PHASES_ANY, true, false, check_hello, proceed_ehlo},
    {SV_INIT("MAIL"), SMTP_SERVER_PHASE_READY, false, false, check_mail, proceed_mail},
    {SV_INIT("RCPT"), PHASES_TRANSACTION, false, false, check_rcpt, proceed_rcpt},
    {SV_INIT("DATA"), SMTP_SERVER_PHASE_RCPT, false, true, check_none, proceed_data},
    {SV_INIT("RSET"), PHASES_ANY, true, false, check_none, proceed_rset},
    {SV_INIT("NOOP"), PHASES_ANY, true, false, check_any, proceed_noop},
    {SV_INIT("VRFY"), PHASES_ANY, true, false, check_vrfy, proceed_vrfy},
    {SV_INIT("HELP"), PHASES_ANY, true, false, check_any, proceed_help},
    {SV_INIT("QUIT"), PHASES_ANY, false, false, check_none, proceed_quit},
    {SV_INIT("STARTTLS"), PHASES_ANY, true, true, check_none, proceed_missing},
    {SV_INIT("AUTH"), PHASES_ANY, true, true, check_any, proceed_missing},
    {SV_INIT("EXPN"), PHASES_ANY, true, false, check_any, proceed_missing},
    {SV_INIT("BDAT"), PHASES_ANY, false, false, check_any, proceed_bdat},
    {SV_INIT("GET"), PHASES_ANY, false, false, check_any, proceed_http},
    {SV_INIT("POST"), PHASES_ANY, false, false, check_any, proceed_http},
    {SV_INIT("PUT"), PHASES_ANY, false, false, check_any, proceed_http},
    {SV_INIT("HEAD"), PHASES_ANY, false, false, check_any, proceed_http},
    {SV_INIT("OPTIONS"), PHASES_ANY, false, false, check_any, proceed_http},
    {SV_INIT("CONNECT"), PHASES_ANY, false, false, check_any, proceed_http},
};

static const struct command *find_command(sv verb)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (sv_ieq(commands[i].name, verb))
            return &commands[i];
    return NULL;
}

static void out_of_order(struct smtp_server *server)
{
    switch (server->phase) {
    case SMTP_SERVER_PHASE_HELLO:
        smtp_server_fault(server, 503, "5.5.1", "Say EHLO or HELO first");
        break;
    case SMTP_SERVER_PHASE_READY:
        smtp_server_fault(server, 503, "5.5.1", "MAIL comes first");
        break;
    case SMTP_SERVER_PHASE_MAIL:
        smtp_server_fault(server, 503, "5.5.1", "A recipient must be accepted first");
        break;
    case SMTP_SERVER_PHASE_RCPT:
        smtp_server_fault(server, 503, "5.5.1", "A transaction is open");
        break;
    }
}

/* Control bytes are never right; bytes past ASCII only in the addresses of SMTPUTF8. */
static bool bytes_are_right(struct smtp_server *server, const struct command *command, sv line)
{
    bool beyond_ascii = false;
    for (size_t i = 0; i < line.n; i++)
        beyond_ascii |= (line.p[i] & 0x80) != 0;
    if (!sv_printable(line))
        smtp_server_fault(server, 500, "5.5.2", "A control character in a command");
    else if (beyond_ascii && (!command || command->phases == PHASES_ANY || !sv_utf8(line)))
        smtp_server_fault(server, command ? 501 : 500, "5.5.2", "Bytes beyond ASCII in a command");
    else
        return true;
    return false;
}

void smtp_server_command(struct smtp_server *server, sv line)
{
    while (line.n && line.p[line.n - 1] == ' ')
        line.n--;
    sv arguments = line, verb = sv_split(&arguments, ' ');
    const struct command *command = find_command(verb);
    if (command && command->last) {
        server->hush = true;
        if (buf_view(&server->input).n) {
            smtp_server_early(server);
            return;
        }
    }
    if (!bytes_are_right(server, command, line))
        return;
    if (!command)
        smtp_server_fault(server, 500, "5.5.1", "Command not recognised");
    else if (!(command->phases & server->phase))
        out_of_order(server);
    else if (command->idle && ++server->idle > SMTP_SERVER_IDLE_MAX)
        smtp_server_fault(server, 450, "4.7.0", "Too many commands without a message");
    else if (command->check(server, arguments))
        command->proceed(server, arguments);
}

static void greet_back(struct smtp_server *server)
{
    smtp_server_abandon(server);
    server->phase = SMTP_SERVER_PHASE_READY;
    server->extended = server->extended_asked;
    memcpy(server->hello, server->hello_asked, sizeof server->hello);
    int failed = 0;
    if (!server->extended)
        failed = buf_printf(&server->output, "250 %s\r\n", server->name);
    else
        failed = buf_printf(&server->output,
                            "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
                            "250 ENHANCEDSTATUSCODES\r\n",
                            server->name, (unsigned long long)server->size_limit);
    assert(!failed);
}

void smtp_server_proceed(struct smtp_server *server, enum smtp_server_event event, const char *text)
{
    switch (event) {
    case SMTP_SERVER_HELLO:
        greet_back(server);
        break;
    case SMTP_SERVER_MAIL:
        server->phase = SMTP_SERVER_PHASE_MAIL;
        server->recipients = 0;
        smtp_server_reply(server, 250, "2.1.0", text ? text : "Ok");
        break;
    case SMTP_SERVER_RCPT:
        server->phase = SMTP_SERVER_PHASE_RCPT;
        server->recipients++;
        smtp_server_reply(server, 250, "2.1.5", text ? text : "Ok");
        break;
    case SMTP_SERVER_DATA:
        server->mode = SMTP_SERVER_MODE_CONTENT;
        server->swallow = SMTP_SERVER_SWALLOW_NOTHING;
        server->content_bytes = 0;
        smtp_data_reader_open(&server->reader);
        if (buf_view(&server->input).n)
            smtp_server_early(server);
        else
            smtp_server_reply(server, 354, NULL, text ? text : "End with a dot on a line of its own");
        break;
    case SMTP_SERVER_END:
        server->phase = SMTP_SERVER_PHASE_READY;
        server->idle = 0;
        smtp_server_reply(server, 250, "2.0.0", text ? text : "Ok");
        break;
    case SMTP_SERVER_NEED_IO:
    case SMTP_SERVER_CONTENT:
    case SMTP_SERVER_RESET:
    case SMTP_SERVER_CLOSED:
        assert(false); /* they take no answer */
    }
}
