/* Any rules and any question: rules that are taken give a verdict that holds to its form, and the stages
 * agree. The bytes are rules, then, after a NUL, the question's texts one after another, each ended by a NUL.
 */
#include "gateway/guard.h"
#include "gateway/guard_cases.h"
#include "gateway/limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sv next(sv *rest)
{
    return sv_split(rest, '\0');
}

static void check(const struct guard_verdict *verdict)
{
    bool refuses = verdict->action == GUARD_REJECT || verdict->action == GUARD_DEFER;
    if (refuses != (verdict->code != 0) || !verdict->rule || !verdict->why[0])
        abort();
    if (refuses && (verdict->code / 100 != (verdict->action == GUARD_REJECT ? 5 : 4) || !verdict->text[0] ||
                    !sv_printable(sv_of(verdict->text))))
        abort();
}

static void ask(const struct guard *guard, sv rest)
{
    static const uint8_t secret[LIMITS_KEY_BYTES] = {0};
    struct guard_question question = {.now = 1780300800 * NANOS_PER_SECOND, .tls = 0x0303};
    sv *const texts[] = {&question.client_ip,
                         &question.sender,
                         &question.recipient,
                         &question.account,
                         &question.certificate_subject,
                         &question.certificate_fingerprint,
                         &question.helo,
                         &question.listener,
                         &question.header};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = next(&rest);
    question.size = rest.n * 100;
    struct limits *limits = limits_new(secret);
    struct guard_verdict verdict = {.action = GUARD_LATER};
    for (unsigned stage = GUARD_MAIL; stage <= GUARD_CONTENT && verdict.action == GUARD_LATER; stage++) {
        question.stage = (enum guard_stage)stage;
        guard_ask(guard, limits, &question, &verdict);
        check(&verdict);
    }
    if (verdict.action == GUARD_LATER)
        abort();
    limits_free(limits);
}

static void ignore(void *arg, const struct guard_case *one)
{
    (void)arg;
    (void)one;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errors;
    sv rest = sv_make(data, size);
    config_errors_init(&errors);
    const struct config_source source = {"/etc/vedette/relay.yaml", next(&rest)};
    struct config *config = config_parse(&source, 1, "gw.example.org", &errors);
    struct guard *guard = config && config->relay.present ? guard_new(config, &errors) : NULL;
    if (guard) {
        struct guard_case_counts counts;
        ask(guard, rest);
        if (rest.n < 2000)
            guard_cases_run(guard, rest, ignore, NULL, &counts);
    }
    guard_free(guard);
    config_free(config);
    config_errors_free(&errors);
    return 0;
}
