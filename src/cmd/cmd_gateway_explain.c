/* `vedette gateway explain`: which rule decides, and why, without sending. */
#include "cmd/command.h"
#include "cmd/gateway_route.h"
#include "cmd/gateway_rules.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "config/network.h"
#include "io/loop.h"
#include "wire/smtp_address.h"

enum { HEADER_MAX = 64 * 1024 };

struct asked {
    const char *config, *from, *user, *certificate, *fingerprint, *at, *sender, *recipient, *tls, *helo,
        *listener;
    struct option_list headers;
    int64_t size;
    bool json;
};

struct explaining {
    json_t *rules; /* NULL: for people */
};

static const char *match_name(enum guard_match match)
{
    switch (match) {
    case GUARD_NO:
        return "no";
    case GUARD_PERHAPS:
        return "perhaps";
    case GUARD_YES:
        return "yes";
    }
    return "";
}

static void on_rule(void *arg, const char *rule, const char *file, int line, enum guard_match match,
                    const char *why)
{
    struct explaining *explaining = arg;
    if (explaining->rules) {
        json_t *json = json_object();
        json_object_set_new(json, "rule", json_string(rule));
        json_object_set_new(json, "file", report_text(sv_of(file)));
        json_object_set_new(json, "line", json_integer(line));
        json_object_set_new(json, "match", json_string(match_name(match)));
        json_object_set_new(json, "why", report_text(sv_of(why)));
        json_array_append_new(explaining->rules, json);
        return;
    }
    enum term_style style = match == GUARD_YES ? TERM_GREEN : match == GUARD_NO ? TERM_DIM : TERM_YELLOW;
    term_print(stdout, style, "  %-7s ", match_name(match));
    printf("%s (%s:%d): ", rule, file, line);
    term_text(stdout, sv_of(why));
    putchar('\n');
}

static void print_options(const struct guard_verdict *verdict)
{
    const struct guard_options *options = &verdict->options;
    const struct {
        const char *label, *value;
    } texts[] = {{"recipient", verdict->recipient[0] ? verdict->recipient : NULL},
                 {"sender", options->sender},
                 {"route", options->route},
                 {"in front", options->tag},
                 {"header", options->clean_header ? "mended: Date, Message-ID, From; Bcc dropped" : NULL},
                 {"bare LF", options->bare_lf ? "taken as a line end" : NULL}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].value) {
            printf("  %-9s ", texts[i].label);
            term_text(stdout, sv_of(texts[i].value));
            putchar('\n');
        }
}

static void print_verdict(const struct guard_verdict *verdict)
{
    bool taken = verdict->code == 0;
    const char *name = verdict->action == GUARD_LATER ? "undecided" : guard_action_name(verdict->action);
    term_print(stdout, taken ? TERM_GREEN : TERM_RED, "%s", name);
    if (verdict->action == GUARD_LATER)
        printf(": the rule depends on size or header; give --size or --header");
    else if (verdict->file)
        printf(" by rule %s (%s:%d)", verdict->rule, verdict->file, verdict->line);
    else
        printf(" by %s", verdict->rule);
    printf("\n  ");
    term_text(stdout, sv_of(verdict->why));
    putchar('\n');
    if (verdict->code)
        printf("  %d %s %s\n", verdict->code, verdict->enhanced, verdict->text);
    print_options(verdict);
}

/* Takes over rules and way. */
static void print_json(const struct guard_verdict *verdict, json_t *rules, json_t *way)
{
    const struct guard_options *options = &verdict->options;
    json_t *json = json_object(), *switched = json_object();
    const char *name = verdict->action == GUARD_LATER ? "undecided" : guard_action_name(verdict->action);
    json_object_set_new(json, "verdict", json_string(name));
    json_object_set_new(json, "rule", json_string(verdict->rule));
    json_object_set_new(json, "file", report_text_or_null(sv_of(verdict->file)));
    json_object_set_new(json, "line", verdict->file ? json_integer(verdict->line) : json_null());
    json_object_set_new(json, "code", verdict->code ? json_integer(verdict->code) : json_null());
    json_object_set_new(json, "enhanced", report_text_or_null(sv_of(verdict->enhanced)));
    json_object_set_new(json, "text", report_text_or_null(sv_of(verdict->text)));
    json_object_set_new(json, "why", report_text_or_null(sv_of(verdict->why)));
    json_object_set_new(switched, "recipient", report_text_or_null(sv_of(verdict->recipient)));
    json_object_set_new(switched, "sender", report_text_or_null(sv_of(options->sender)));
    json_object_set_new(switched, "route", report_text_or_null(sv_of(options->route)));
    json_object_set_new(switched, "tag", report_text_or_null(sv_of(options->tag)));
    json_object_set_new(switched, "clean_header", json_boolean(options->clean_header));
    json_object_set_new(switched, "bare_lf", json_boolean(options->bare_lf));
    json_object_set_new(json, "options", switched);
    json_object_set_new(json, "way", way ? way : json_null());
    json_object_set_new(json, "rules", rules);
    report_line_new(json);
}

static int read_tls(const char *text, unsigned *ret, struct err *err)
{
    static const struct {
        const char *word;
        unsigned version;
    } words[] = {{"none", 0}, {"1.0", 0x0301}, {"1.1", 0x0302}, {"1.2", 0x0303}, {"1.3", 0x0304}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].word) == 0) {
            *ret = words[i].version;
            return 0;
        }
    return err_set(err, ERR_USAGE, "none, 1.0, 1.1, 1.2 or 1.3", "--tls: there is no version \"%s\"", text);
}

/* What no session could say has no verdict of the rules. */
static int check_address(const char *option, sv address, struct err *err)
{
    enum smtp_address_fault fault = smtp_address_parse(address, NULL);
    if (fault == SMTP_ADDRESS_NONE)
        return 0;
    return err_set(err, ERR_USAGE, "our gateway refuses it before any rule is asked", "%s: the address %s",
                   option, smtp_address_fault_text(fault));
}

static int read_addresses(const struct asked *asked, struct guard_question *ret, struct err *err)
{
    if (!asked->recipient)
        return err_set(err, ERR_USAGE, "name who it is for", "--rcpt is missing");
    ret->recipient = sv_of(asked->recipient);
    ret->sender = asked->sender && strcmp(asked->sender, "<>") == 0 ? SV_NONE : sv_of(asked->sender);
    if (!sv_ieq(ret->recipient, SV("postmaster")) && check_address("--rcpt", ret->recipient, err) < 0)
        return -1;
    return ret->sender.n ? check_address("--sender", ret->sender, err) : 0;
}

static int read_header(const struct asked *asked, struct buf *header, struct guard_question *ret,
                       struct err *err)
{
    for (size_t i = 0; i < asked->headers.count; i++) {
        if (!strchr(asked->headers.items[i], ':'))
            return err_set(err, ERR_USAGE, "write it as \"Subject: test\"", "--header: \"%s\" is no field",
                           asked->headers.items[i]);
        if (buf_printf(header, "%s\r\n", asked->headers.items[i]) < 0)
            return err_set(err, ERR_LIMIT, NULL, "--header: more than %d bytes", HEADER_MAX);
    }
    ret->header = buf_view(header);
    return 0;
}

static int read_question(const struct asked *asked, struct buf *header, struct guard_question *ret,
                         struct err *err)
{
    uint8_t address[16];
    if (!asked->from || !config_address_parse(sv_of(asked->from), address))
        return err_set(err, ERR_USAGE, "name the client's IP address", "--from is missing, or no IP address");
    if (read_addresses(asked, ret, err) < 0)
        return -1;
    ret->now = loop_now();
    if (asked->at && time_parse_rfc3339(sv_of(asked->at), &ret->now) != strlen(asked->at))
        return err_set(err, ERR_USAGE, "write it as 2026-06-01T08:00:00Z or 2026-06-01T10:00:00+02:00",
                       "--at: \"%s\" is no moment", asked->at);
    if (read_tls(asked->tls, &ret->tls, err) < 0 || read_header(asked, header, ret, err) < 0 ||
        options_range("size", asked->size, 0, INT64_MAX, err) < 0)
        return -1;
    bool content = asked->size > 0 || asked->headers.count > 0;
    ret->stage = content ? GUARD_CONTENT : GUARD_RCPT;
    ret->size = asked->size > 0 ? (uint64_t)asked->size : content ? 1 : 0;
    ret->client_ip = sv_of(asked->from);
    ret->listener = sv_of(asked->listener);
    ret->helo = sv_of(asked->helo);
    ret->account = sv_of(asked->user);
    ret->certificate_subject = sv_of(asked->certificate);
    ret->certificate_fingerprint =
        asked->certificate && !asked->fingerprint ? SV("sha256:unknown") : sv_of(asked->fingerprint);
    return 0;
}

static void explain(const struct guard *guard, const struct config *config,
                    const struct guard_question *question, bool json)
{
    struct explaining explaining = {.rules = json ? json_array() : NULL};
    struct guard_verdict verdict;
    if (question->account.n == 0 ||
        guard_admits(guard, question->account, question->client_ip, question->now, &verdict))
        guard_explain(guard, NULL, question, on_rule, &explaining, &verdict);
    json_t *way = NULL;
    char recipient[SMTP_PATH_MAX + 1];
    sv_copy(recipient, sizeof recipient,
            verdict.recipient[0] ? sv_of(verdict.recipient) : question->recipient);
    if (verdict.code == 0 && verdict.action != GUARD_LATER)
        way = gateway_route_find(config, verdict.options.route, recipient);
    if (json) {
        print_json(&verdict, explaining.rules, way);
        return;
    }
    print_verdict(&verdict);
    if (way)
        gateway_route_print(way);
    json_decref(way);
}

int cmd_gateway_explain(int argc, char **argv)
{
    struct asked asked = {.tls = "none"};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE",
         "the rules (default: " GATEWAY_DEFAULT_PATH ", else vedette.yaml)", &asked.config},
        {"from", 0, OPTION_TEXT, "IP", "the client's address", &asked.from},
        {"rcpt", 0, OPTION_TEXT, "ADDRESS", "recipient", &asked.recipient},
        {"sender", 0, OPTION_TEXT, "ADDRESS", "envelope sender (default: <>)", &asked.sender},
        {"user", 0, OPTION_TEXT, "NAME", "authenticated as", &asked.user},
        {"certificate", 0, OPTION_TEXT, "SUBJECT", "with a client certificate of this subject",
         &asked.certificate},
        {"fingerprint", 0, OPTION_TEXT, "sha256:HEX", "with this client certificate", &asked.fingerprint},
        {"tls", 0, OPTION_TEXT, "VERSION", "none, 1.0, 1.1, 1.2 or 1.3 (default: none)", &asked.tls},
        {"at", 0, OPTION_TEXT, "TIME", "2026-06-01T08:00:00Z (default: now)", &asked.at},
        {"size", 0, OPTION_NUMBER, "BYTES", "of the message", &asked.size},
        {"header", 0, OPTION_LIST, "LINE", "\"Subject: test\"; may be given again", &asked.headers},
        {"helo", 0, OPTION_TEXT, "NAME", "what the client calls itself", &asked.helo},
        {"listener", 0, OPTION_TEXT, "ADDRESS:PORT", "where the session is, as relay.listen has it",
         &asked.listener},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object", &asked.json},
    };
    int exit_code;
    struct err err;
    if (!command_options("gateway explain", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    struct buf header = BUF_INIT(HEADER_MAX);
    struct guard_question question = {0};
    if (read_question(&asked, &header, &question, &err) < 0) {
        buf_free(&header);
        return term_error(&err);
    }
    struct config *config = NULL;
    struct guard *guard = gateway_rules_or_complain(asked.config, &config, &exit_code);
    if (guard) {
        explain(guard, config, &question, asked.json);
        exit_code = 0;
    }
    guard_free(guard);
    config_free(config);
    buf_free(&header);
    return exit_code;
}
