#include "wire/smtp_server_private.h"

#include "base/ascii.h"

#include <assert.h>
#include <stdio.h>

enum { PHASES_ANY = 0x1f, PHASES_RCPT = SMTP_SERVER_PHASE_MAIL | SMTP_SERVER_PHASE_RCPT };

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

bool smtp_server_syntax_fault(struct smtp_server *server, const char *text)
{
    smtp_server_fault(server, 501, "5.5.4", text);
    return false;
}

static bool check_none(struct smtp_server *server, sv arguments)
{
    return arguments.n == 0 || smtp_server_syntax_fault(server, "This command takes no argument");
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
    return ascii_alnum(c) || (c && strchr("._-:[]", c));
}

static bool check_hello(struct smtp_server *server, sv arguments)
{
    bool ok = arguments.n > 0 && arguments.n <= SMTP_DOMAIN_MAX;
    for (size_t i = 0; ok && i < arguments.n; i++)
        ok = hello_byte(arguments.p[i]);
    if (!ok)
        return smtp_server_syntax_fault(server, "Say who you are: a host name or an address literal");
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

static void proceed_mail(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    server->owed = SMTP_SERVER_MAIL;
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
    return arguments.n > 0 || smtp_server_syntax_fault(server, "Verify whom?");
}

static void proceed_vrfy(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_reply(server, 252, "2.5.0", "Send some mail, and we shall see");
}

static void proceed_help(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_reply(server, 214, "2.0.0",
                      "HELO EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT");
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

/* A browser or a web request forged to reach us: the rest of it is not for us to read. */
static void proceed_http(struct smtp_server *server, sv arguments)
{
    (void)arguments;
    smtp_server_end(server, 554, "5.5.1", "This is SMTP, not HTTP");
}

static const struct command commands[] = {
    {SV_INIT("HELO"), PHASES_ANY, true, false, check_hello, proceed_helo},
    {SV_INIT("EHLO"), PHASES_ANY, true, false, check_hello, proceed_ehlo},
    {SV_INIT("MAIL"), SMTP_SERVER_PHASE_READY, false, false, smtp_server_check_mail, proceed_mail},
    {SV_INIT("RCPT"), PHASES_RCPT, false, false, smtp_server_check_rcpt, proceed_rcpt},
    {SV_INIT("DATA"), SMTP_SERVER_PHASE_RCPT, false, true, check_none, proceed_data},
    {SV_INIT("RSET"), PHASES_ANY, true, false, check_none, proceed_rset},
    {SV_INIT("NOOP"), PHASES_ANY, true, false, check_any, proceed_noop},
    {SV_INIT("VRFY"), PHASES_ANY, true, false, check_vrfy, proceed_vrfy},
    {SV_INIT("HELP"), PHASES_ANY, true, false, check_any, proceed_help},
    {SV_INIT("QUIT"), PHASES_ANY, false, false, check_none, proceed_quit},
    {SV_INIT("STARTTLS"), PHASES_ANY, true, true, check_none, smtp_server_starttls},
    {SV_INIT("AUTH"), SMTP_SERVER_PHASE_READY, true, true, check_any, smtp_server_begin_auth},
    {SV_INIT("EXPN"), PHASES_ANY, true, false, check_any, proceed_missing},
    {SV_INIT("BDAT"), PHASES_ANY, false, false, check_any, smtp_server_begin_chunk},
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
    case SMTP_SERVER_PHASE_CHUNK:
        smtp_server_fault(server, 503, "5.5.1", "A message is coming in chunks: BDAT or RSET is next");
        break;
    }
}

/* Control bytes are never right; bytes past ASCII only in the addresses of SMTPUTF8. */
static bool bytes_are_right(struct smtp_server *server, const struct command *command, sv line)
{
    bool beyond_ascii = !sv_ascii(line);
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

/* What EHLO offers (RFC 5321 §4.1.1.1). No enhanced codes here: RFC 2034 §3. */
static int offer(struct smtp_server *server)
{
    struct buf *out = &server->output;
    int failed = buf_printf(out,
                            "250-%s\r\n250-PIPELINING\r\n250-SIZE %llu\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
                            "250-DSN\r\n250-CHUNKING\r\n",
                            server->name, (unsigned long long)server->size_limit);
    if (server->starttls && !server->encrypted)
        failed |= buf_put(out, SV("250-STARTTLS\r\n"));
    if (server->encrypted)
        failed |= buf_put(out, SV("250-REQUIRETLS\r\n")); /* only here: RFC 8689 §2 */
    if (server->encrypted && server->mechanisms[0])
        failed |= buf_printf(out, "250-AUTH %s\r\n", server->mechanisms);
    return failed | buf_put(out, SV("250 ENHANCEDSTATUSCODES\r\n"));
}

static void greet_back(struct smtp_server *server)
{
    smtp_server_abandon(server);
    server->phase = SMTP_SERVER_PHASE_READY;
    server->extended = server->extended_asked;
    memcpy(server->hello, server->hello_asked, sizeof server->hello);
    int failed = server->extended ? offer(server) : buf_printf(&server->output, "250 %s\r\n", server->name);
    assert(!failed);
}

void smtp_server_proceed(struct smtp_server *server, enum smtp_server_event event, const char *text)
{
    switch (event) {
    case SMTP_SERVER_HELLO:
        greet_back(server);
        break;
    case SMTP_SERVER_AUTH:
        smtp_server_end_auth(server);
        server->authenticated = true;
        server->idle = 0;
        smtp_server_reply(server, 235, "2.7.0", text ? text : "Logged in");
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
        if (server->mode != SMTP_SERVER_MODE_CHUNK) /* whose octets come without being asked for */
            smtp_server_begin_data(server, text);
        break;
    case SMTP_SERVER_END:
        server->phase = SMTP_SERVER_PHASE_READY;
        server->idle = 0;
        smtp_server_reply(server, 250, "2.0.0", text ? text : "Ok");
        break;
    case SMTP_SERVER_NEED_IO:
    case SMTP_SERVER_WANT_TLS:
    case SMTP_SERVER_AUTH_OVER:
    case SMTP_SERVER_CONTENT:
    case SMTP_SERVER_RESET:
    case SMTP_SERVER_CLOSED:
        assert(false); /* they take no answer */
    }
}
