#include "gateway/guard_cases.h"

#include "gateway/limits.h"
#include "watch/yaml_tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024, MESSAGE_MAX = 700, SIZE_DEFAULT = 1000 };

#define MOMENT_DEFAULT SV("2026-01-07T12:00:00Z")

struct run {
    const struct guard *guard;
    struct arena *arena; /* of the whole text */
    guard_case_fn *fn;
    void *arg;
    struct guard_case_counts *counts;
};

/* One case as it was read: the question, and what is expected. Empty: anything goes. */
struct expected {
    struct guard_question question;
    uint64_t repeat;
    sv verdict, rule, to, text;
};

__attribute__((format(printf, 4, 5))) static void report(const struct run *run, const struct yaml_node *node,
                                                         enum guard_case_result result, const char *fmt, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    const struct yaml_node *name = node->kind == YAML_MAP ? yaml_get(node, "name") : NULL;
    struct guard_case one = {.result = result,
                             .name = name ? name->text : SV_NONE,
                             .line = node->line,
                             .column = node->column,
                             .message = message};
    run->counts->passed += result == GUARD_CASE_PASSED;
    run->counts->failed += result == GUARD_CASE_FAILED;
    run->counts->broken += result == GUARD_CASE_BROKEN;
    run->fn(run->arg, &one);
}

/* --- Reading one key each: false when its value has not the form --- */

static bool read_tls(sv text, unsigned *ret)
{
    static const struct {
        sv word;
        unsigned version;
    } words[] = {{SV_INIT("none"), 0},
                 {SV_INIT("1.0"), 0x0301},
                 {SV_INIT("1.1"), 0x0302},
                 {SV_INIT("1.2"), 0x0303},
                 {SV_INIT("1.3"), 0x0304}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sv_eq(words[i].word, text)) {
            *ret = words[i].version;
            return true;
        }
    return false;
}

static bool read_at(sv text, nanos *ret)
{
    return text.n > 0 && time_parse_rfc3339(text, ret) == text.n;
}

static bool is_verdict(sv text)
{
    for (unsigned i = GUARD_ACCEPT; i <= GUARD_REDIRECT; i++)
        if (sv_eq(text, sv_of(guard_action_name((enum guard_action)i))))
            return true;
    return false;
}

/* The lines with the CRLF that the header of a message has. */
static bool read_headers(const struct run *run, const struct yaml_node *list, sv *ret)
{
    struct buf lines = BUF_INIT(GUARD_HEADER_BYTES_MAX);
    bool ok = list->kind == YAML_LIST;
    for (const struct yaml_node *item = ok ? list->first : NULL; item && ok; item = item->next)
        ok = item->kind == YAML_SCALAR && buf_printf(&lines, "%.*s\r\n", SV_ARG(item->text)) == 0;
    *ret = ok ? arena_sv(run->arena, buf_view(&lines)) : SV_NONE;
    buf_free(&lines);
    return ok && (ret->p || list->count == 0);
}

static bool read_text(const struct yaml_node *item, struct expected *ret)
{
    const struct {
        const char *key;
        sv *to;
    } texts[] = {{"from", &ret->question.client_ip},
                 {"user", &ret->question.account},
                 {"certificate", &ret->question.certificate_subject},
                 {"fingerprint", &ret->question.certificate_fingerprint},
                 {"helo", &ret->question.helo},
                 {"listener", &ret->question.listener},
                 {"sender", &ret->question.sender},
                 {"rcpt", &ret->question.recipient},
                 {"verdict", &ret->verdict},
                 {"rule", &ret->rule},
                 {"to", &ret->to},
                 {"text", &ret->text}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (sv_eq(item->key, sv_of(texts[i].key)) && item->kind == YAML_SCALAR) {
            *texts[i].to = item->text;
            return true;
        }
    return false;
}

static bool read_key(const struct run *run, const struct yaml_node *item, struct expected *ret)
{
    if (sv_eq(item->key, SV("headers")))
        return read_headers(run, item, &ret->question.header);
    if (item->kind != YAML_SCALAR)
        return false;
    if (sv_eq(item->key, SV("name")))
        return true;
    if (sv_eq(item->key, SV("tls")))
        return read_tls(item->text, &ret->question.tls);
    if (sv_eq(item->key, SV("at")))
        return read_at(item->text, &ret->question.now);
    if (sv_eq(item->key, SV("size")))
        return sv_to_u64(item->text, &ret->question.size);
    if (sv_eq(item->key, SV("repeat")))
        return sv_to_u64(item->text, &ret->repeat) && ret->repeat >= 1 &&
               ret->repeat <= GUARD_CASE_REPEAT_MAX;
    return read_text(item, ret);
}

static bool read_case(const struct run *run, const struct yaml_node *node, struct expected *ret)
{
    *ret = (struct expected){
        .question = {.stage = GUARD_CONTENT, .size = SIZE_DEFAULT, .header = SV("Subject: test\r\n")},
        .repeat = 1};
    read_at(MOMENT_DEFAULT, &ret->question.now);
    if (node->kind != YAML_MAP) {
        report(run, node, GUARD_CASE_BROKEN, "a test is a map with from, rcpt and verdict");
        return false;
    }
    for (const struct yaml_node *item = node->first; item; item = item->next)
        if (!read_key(run, item, ret)) {
            report(run, node, GUARD_CASE_BROKEN,
                   "line %d: %.*s is no key of a test, or its value has not its form", item->key_line,
                   SV_ARG(sv_first(item->key, 80)));
            return false;
        }
    if (sv_eq(ret->question.sender, SV("<>")))
        ret->question.sender = SV_NONE;
    if (ret->question.client_ip.n && ret->question.recipient.n && is_verdict(ret->verdict))
        return true;
    report(run, node, GUARD_CASE_BROKEN,
           "a test needs from, rcpt, and verdict: accept, reject, defer, quarantine or redirect");
    return false;
}

/* --- Asking --- */

/* Asks as often as the case says; the last answer counts. */
static void ask(const struct guard *guard, const struct expected *expected, struct guard_verdict *ret)
{
    static const uint8_t secret[LIMITS_KEY_BYTES] = {0};
    struct limits *limits = limits_new(secret);
    for (uint64_t i = 0; i < expected->repeat; i++)
        guard_ask(guard, limits, &expected->question, ret);
    limits_free(limits);
}

/* What else a case may say of the answer, whose verdict is as expected. */
static void compare_details(const struct run *run, const struct yaml_node *node,
                            const struct expected *expected, const struct guard_verdict *got)
{
    sv to = got->recipient[0] ? sv_of(got->recipient) : expected->question.recipient;
    if (expected->to.n && !sv_eq(expected->to, to))
        report(run, node, GUARD_CASE_FAILED, "expected is recipient %.*s, it is %.*s",
               SV_ARG(sv_first(expected->to, 256)), SV_ARG(sv_first(to, 256)));
    else if (expected->text.n && sv_find(sv_of(got->text), expected->text) == SV_NPOS)
        report(run, node, GUARD_CASE_FAILED, "the refusal does not say so; it says: %s", got->text);
    else
        report(run, node, GUARD_CASE_PASSED, "%s by rule %s", guard_action_name(got->action), got->rule);
}

static void compare(const struct run *run, const struct yaml_node *node, const struct expected *expected,
                    const struct guard_verdict *got)
{
    sv action = sv_of(guard_action_name(got->action));
    if (!sv_eq(action, expected->verdict))
        report(run, node, GUARD_CASE_FAILED, "expected is %.*s, it is %.*s by rule %s: %s",
               SV_ARG(expected->verdict), SV_ARG(action), got->rule, got->why);
    else if (expected->rule.n && !sv_eq(expected->rule, sv_of(got->rule)))
        report(run, node, GUARD_CASE_FAILED, "expected is rule %.*s, it is %s: %s",
               SV_ARG(sv_first(expected->rule, 80)), got->rule, got->why);
    else
        compare_details(run, node, expected, got);
}

static void run_case(const struct run *run, const struct yaml_node *node)
{
    struct expected expected;
    struct guard_verdict got = {.action = GUARD_LATER};
    if (!read_case(run, node, &expected))
        return;
    ask(run->guard, &expected, &got);
    compare(run, node, &expected, &got);
}

static void run_document(const struct run *run, const struct yaml_node *root)
{
    size_t n = 0;
    if (root->kind != YAML_LIST) {
        report(run, root, GUARD_CASE_BROKEN, "expected is a list of tests, each beginning with \"- \"");
        return;
    }
    for (const struct yaml_node *item = root->first; item; item = item->next) {
        if (++n > GUARD_CASES_MAX) {
            report(run, item, GUARD_CASE_BROKEN, "more than %d tests in one file", GUARD_CASES_MAX);
            return;
        }
        run_case(run, item);
    }
}

void guard_cases_run(const struct guard *guard, sv text, guard_case_fn *fn, void *arg,
                     struct guard_case_counts *ret)
{
    struct guard_case_counts counts = {0};
    struct run run = {guard, arena_new(ARENA_BYTES_MAX), fn, arg, &counts};
    struct yaml_problem problem = {0};
    struct yaml_reader *reader = yaml_reader_new(text, run.arena);
    const struct yaml_node *root = yaml_reader_next(reader, &problem);
    struct yaml_node place = {.kind = YAML_SCALAR, .line = 1, .column = 1};
    if (root) {
        run_document(&run, root);
    } else {
        if (problem.line > 0) {
            place.line = problem.line;
            place.column = problem.column;
        }
        report(&run, &place, GUARD_CASE_BROKEN, "%s",
               problem.message[0] ? problem.message : "there are no tests");
    }
    yaml_reader_free(reader);
    arena_free(run.arena);
    *ret = counts;
}
