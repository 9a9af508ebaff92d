/* Guard rails from YAML, questions in short, and the verdicts that are expected. Not part of the program. */
#ifndef VEDETTE_GATEWAY_GUARD_FIXTURE_H
#define VEDETTE_GATEWAY_GUARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/guard.h"
#include "gateway/limits.h"

#define LISTEN "relay:\n  listen: ['127.0.0.1:25', '[::1]:587']\n"

/* Monday 2026-06-01 10:00 in Berlin, where it is summer. */
static const char monday_morning[] = "2026-06-01T08:00:00Z";

struct ask {
    const char *client, *account, *sender, *recipient, *time, *header, *fingerprint, *subject, *listener;
    unsigned tls;
    uint64_t size;
    bool at_content; /* RCPT otherwise */
    bool at_mail;
};

static inline nanos moment(const char *text)
{
    nanos now = 0;
    assert_true(time_parse_rfc3339(sv_of(text), &now) > 0);
    return now;
}

static inline struct guard *guard_of(const char *yaml)
{
    struct config_errors errors;
    struct config_source source = {"/etc/vedette/relay.yaml", sv_of(yaml)};
    config_errors_init(&errors);
    struct config *config = config_parse(&source, 1, "gw.example.org", &errors);
    struct guard *guard = config ? guard_new(config, &errors) : NULL;
    for (size_t i = 0; i < errors.count; i++)
        print_error("%d:%d: %s\n", errors.items[i].line, errors.items[i].column, errors.items[i].message);
    assert_non_null(guard);
    config_free(config);
    config_errors_free(&errors);
    return guard;
}

static inline struct guard_question question_of(const struct ask *ask)
{
    return (struct guard_question){
        .stage = ask->at_mail      ? GUARD_MAIL
                 : ask->at_content ? GUARD_CONTENT
                                   : GUARD_RCPT,
        .now = moment(ask->time ? ask->time : monday_morning),
        .client_ip = sv_of(ask->client ? ask->client : "192.0.2.10"),
        .listener = sv_of(ask->listener),
        .helo = SV("client.example.org"),
        .account = sv_of(ask->account),
        .certificate_subject = sv_of(ask->subject),
        .certificate_fingerprint = sv_of(ask->fingerprint),
        .tls = ask->tls,
        .sender = sv_of(ask->sender ? ask->sender : "vault@example.org"),
        .size = ask->size,
        .recipient = sv_of(ask->recipient ? ask->recipient : "soc@example.net"),
        .header = sv_of(ask->header),
    };
}

static inline struct guard_verdict verdict_of(const struct guard *guard, struct limits *limits,
                                              const struct ask *ask)
{
    struct guard_question question = question_of(ask);
    struct guard_verdict verdict;
    guard_ask(guard, limits, &question, &verdict);
    return verdict;
}

struct decision {
    const char *promise;
    struct ask ask;
    enum guard_action action;
    const char *rule;
    int code;
    const char *text; /* that the reply has in it */
};

static inline void check(const char *yaml, const struct decision *decisions, size_t count)
{
    struct guard *guard = guard_of(yaml);
    for (size_t i = 0; i < count; i++) {
        const struct decision *want = &decisions[i];
        struct guard_verdict got = verdict_of(guard, NULL, &want->ask);
        bool ok = got.action == want->action && strcmp(got.rule, want->rule) == 0 && got.code == want->code &&
                  (!want->text || strstr(got.text, want->text));
        if (!ok)
            fail_msg("%s: action %d rule %s code %d %s \"%s\" (%s)", want->promise, got.action, got.rule,
                     got.code, got.enhanced, got.text, got.why);
    }
    guard_free(guard);
}
#define CHECK(yaml, decisions) check(yaml, decisions, sizeof(decisions) / sizeof *(decisions))

#endif
