/* `vedette send`, and sendmail(8)'s form of it for cron and mail(1). */
#include "base/ascii.h"
#include "base/hash.h"
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/input_files.h"
#include "cmd/load.h"
#include "cmd/mail_input.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "io/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWER_MAX (60 * NANOS_PER_SECOND)
enum { ALERT_TEXT_MAX = 64 * 1024 };

struct send {
    const char *config, *sender, *gateway, *title, *severity, *full_name;
    bool from_header, ignore_dots, alert, json;
};

/* Of sendmail's options that mean nothing here: how many words of argv the one at its start takes up; 0: it
 * is none. Those with a value have it behind their letter or in the next word. */
static int foreign_words(char **argv)
{
    static const char *const flags[] = {"-bm", "-G", "-m", "-n", "-U", "-v"};
    const char *word = argv[0], *next = argv[1];
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(word, flags[i]) == 0)
            return 1;
    if (word[0] != '-' || !word[1] || !strchr("BCLNOoRVXh", word[1]))
        return 0;
    if (word[1] == 'h' && !ascii_digit(word[2] ? word[2] : next ? next[0] : '\0'))
        return 0; /* not the number of hops: help */
    return word[2] || !next ? 1 : 2;
}

/* What is left of a sendmail command line once its own options are gone. out has room for argc words. */
static int drop_foreign_flags(int argc, char **argv, char **out)
{
    static char ignore_dots[] = "-i";
    int n = 0, i = 0;
    while (i < argc && strcmp(argv[i], "--") != 0) {
        bool is_oi = strcmp(argv[i], "-oi") == 0;
        int foreign = is_oi ? 0 : foreign_words(argv + i);
        if (!foreign)
            out[n++] = is_oi ? ignore_dots : argv[i];
        i += foreign ? foreign : 1;
    }
    while (i < argc)
        out[n++] = argv[i++];
    return n;
}

/* JSON has no place for what is not UTF-8: the word would be missing from the request. NULL: all have one. */
static const char *find_unfit(const struct send *send, char **words, int count)
{
    const char *const options[] = {send->sender, send->gateway, send->title, send->severity};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!sv_utf8(sv_of(options[i])))
            return options[i];
    for (int i = 0; i < count; i++)
        if (!sv_utf8(sv_of(words[i])))
            return words[i];
    return NULL;
}

static void add_recipients(json_t *request, char **words, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_string(words[i]));
    json_object_set_new(request, "recipients", list);
}

static int prepare_mail(const struct send *send, const struct config *config, sv raw, json_t *request,
                        struct mail_input *ret, struct err *err)
{
    nanos now = loop_now();
    char from[512];
    sv_copy(from, sizeof from, sv_of(config->sender));
    struct mail_input_defaults defaults = {
        .from = from, .hostname = config->hostname, .now = now, .unique = hash_sv(raw) ^ (uint64_t)getpid()};
    if (mail_input_read(ret, raw, !send->ignore_dots, &defaults, err) < 0)
        return -1;
    json_t *list = json_object_get(request, "recipients");
    for (size_t i = 0; send->from_header && i < ret->recipient_count; i++)
        json_array_append_new(list, json_string(ret->recipients[i]));
    if (json_array_size(list))
        return 0;
    mail_input_free(ret);
    return err_set(err, ERR_USAGE, "name one, or use -t for those of the header",
                   "the mail has no recipient");
}

static int on_reply(void *arg, const json_t *reply)
{
    const struct send *send = arg;
    if (send->json) {
        report_line(reply);
    }
    return 0;
}

static json_t *make_request(const struct send *send, char **recipients, int count)
{
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("submit"));
    json_object_set_new(request, "kind", json_string(send->alert ? "alert" : "mail"));
    if (send->sender)
        json_object_set_new(request, "sender", json_string(send->sender));
    if (send->gateway)
        json_object_set_new(request, "gateway", json_string(send->gateway));
    if (send->alert) {
        json_object_set_new(request, "title", json_string(send->title ? send->title : ""));
        json_object_set_new(request, "severity", json_string(send->severity ? send->severity : "medium"));
    }
    add_recipients(request, recipients, count);
    return request;
}

static int submit(const struct send *send, const struct config *config, json_t *request, sv raw,
                  struct err *err)
{
    struct control_client *client;
    struct mail_input mail = {0};
    if (send->alert)
        json_object_set_new(request, "text", report_text(sv_first(raw, ALERT_TEXT_MAX)));
    else if (prepare_mail(send, config, raw, request, &mail, err) < 0) {
        json_decref(request);
        return -1;
    }
    int outcome = control_connect(config, &client, err);
    if (outcome < 0) {
        json_decref(request);
        /* Nothing has taken the mail: sendmail's callers know EX_TEMPFAIL and try again. */
        err->class = ERR_TEMPORARY;
    } else {
        if (!send->alert)
            outcome = control_content(client, buf_view(&mail.content), err);
        if (outcome == 0)
            outcome = control_request(client, request, ANSWER_MAX, on_reply, (void *)(uintptr_t)send, err);
        else
            json_decref(request);
        control_close(client);
        /* It may have been taken and it may not: twice is better than never. */
        if (outcome < 0 && err->class == ERR_UNAVAILABLE)
            err->class = ERR_TEMPORARY;
    }
    if (!send->alert)
        mail_input_free(&mail);
    return outcome;
}

static int send_words(int count, char **words)
{
    struct send send = {0};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &send.config},
        {"read-recipients", 't', OPTION_FLAG, NULL, "recipients from To, Cc and Bcc", &send.from_header},
        {"ignore-dots", 'i', OPTION_FLAG, NULL, "a line with only a dot does not end the mail",
         &send.ignore_dots},
        {"sender", 'f', OPTION_TEXT, "ADDRESS", "envelope sender (default: the configured one)",
         &send.sender},
        {"return-address", 'r', OPTION_TEXT, "ADDRESS", "the same, sendmail's other name for it",
         &send.sender},
        {"full-name", 'F', OPTION_TEXT, "NAME", "accepted for sendmail's sake", &send.full_name},
        {"gateway", 0, OPTION_TEXT, "NAME", "over this gateway and no other", &send.gateway},
        {"alert", 0, OPTION_FLAG, NULL, "standard input is the text of an alert, not a mail", &send.alert},
        {"title", 0, OPTION_TEXT, "TEXT", "the alert's title", &send.title},
        {"severity", 0, OPTION_TEXT, "LEVEL", "informational, low, medium, high or critical", &send.severity},
        {"json", 0, OPTION_FLAG, NULL, "print the ids that it got", &send.json},
    };
    int exit_code;
    struct err err;
    if (!command_options("send", specs, sizeof specs / sizeof *specs, &count, words, &exit_code))
        return exit_code;
    const char *unfit = find_unfit(&send, words, count);
    if (unfit) {
        err_set(&err, ERR_USAGE, NULL, "\"%s\" is not UTF-8", unfit);
        return term_error(&err);
    }
    struct config *config = load_or_complain(send.config, &exit_code);
    if (!config)
        return exit_code;
    struct buf raw = BUF_INIT(MAIL_INPUT_BYTES_MAX);
    int outcome = input_read_all(&raw, &err);
    if (outcome == 0)
        outcome = submit(&send, config, make_request(&send, words, count), buf_view(&raw), &err);
    buf_free(&raw);
    config_free(config);
    return outcome < 0 ? term_error(&err) : 0;
}

int cmd_send(int argc, char **argv)
{
    char **words = calloc((size_t)argc + 1, sizeof *words);
    assert(words);
    int exit_code = send_words(drop_foreign_flags(argc, argv, words), words);
    free(words);
    return exit_code;
}
