#include "cmd/rule_account.h"

#include "base/log.h"
#include "base/metrics.h"
#include "cmd/report.h"
#include "io/loop.h"
#include "watch/rule_advice.h"
#include "watch/rule_cost.h"

#include <assert.h>
#include <stdlib.h>

#define LOOK_EVERY (60 * NANOS_PER_SECOND)

enum { ADVICE_LOGGED_MAX = 20, SHARE_NAMED_PERCENT = 1 };

struct rule_account {
    const struct watch *watch;
    const struct ruleset *ruleset;
    struct rule_cost_guard *guard;
    struct loop_timer *look;
    bool advises;
    nanos looked_at;
    size_t advised;
};

static void log_advice(void *arg, const struct rule *rule, const char *why)
{
    struct rule_account *account = arg;
    if (account->advised++ < ADVICE_LOGGED_MAX)
        LOG_WARNING("a rule is expensive", LOG_SV("rule", rule->id), LOG_STR("file", rule->file),
                    LOG_INT("line", rule->line), LOG_STR("cause", why));
}

static void log_expensive(void *arg, size_t index, const struct rule_cost *cost, unsigned percent)
{
    const struct rule_account *account = arg;
    const struct rule *rule = ruleset_rule(account->ruleset, index);
    if (percent)
        LOG_WARNING("a rule is expensive", LOG_SV("rule", rule->id), LOG_STR("file", rule->file),
                    LOG_INT("line", rule->line), LOG_INT("percent_of_a_processor", percent),
                    LOG_INT("tried", cost->tried), LOG_INT("matched", cost->matched));
    else
        LOG_WARNING("an expression of a rule was given up, which counts as not matching",
                    LOG_SV("rule", rule->id), LOG_STR("file", rule->file), LOG_INT("line", rule->line),
                    LOG_INT("times", cost->given_up));
}

static void look(void *arg)
{
    struct rule_account *account = arg;
    nanos now = loop_monotonic();
    rule_cost_guard_look(account->guard, watch_costs(account->watch), now - account->looked_at, log_expensive,
                         account);
    account->looked_at = now;
    loop_timer_set(account->look, LOOK_EVERY);
}

struct rule_account *rule_account_new(struct loop *loop, const struct watch *watch,
                                      const struct ruleset *ruleset, bool advises)
{
    struct rule_account *account = calloc(1, sizeof *account);
    assert(account);
    account->advises = advises;
    account->watch = watch;
    account->look = loop_timer_new(loop, look, account);
    rule_account_rules(account, ruleset);
    return account;
}

void rule_account_free(struct rule_account *account)
{
    if (!account)
        return;
    loop_timer_free(account->look);
    rule_cost_guard_free(account->guard);
    free(account);
}

void rule_account_rules(struct rule_account *account, const struct ruleset *ruleset)
{
    account->ruleset = ruleset;
    account->advised = 0;
    if (account->advises)
        rule_advice(ruleset, log_advice, account);
    if (account->advised > ADVICE_LOGGED_MAX)
        LOG_WARNING("more rules are expensive: `vedette rules check` tells them all",
                    LOG_INT("more", account->advised - ADVICE_LOGGED_MAX));
    rule_cost_guard_free(account->guard);
    account->guard = rule_cost_guard_new(watch_costs(account->watch));
    account->looked_at = loop_monotonic();
    loop_timer_set(account->look, LOOK_EVERY);
}

/* --- Counters --- */

/* A rule that may have counters of its own. */
struct row {
    size_t rule;
    const struct rule_cost *cost;
    bool dear;
};

static int by_weight(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->dear != y->dear)
        return x->dear ? -1 : 1;
    if (x->cost->matched != y->cost->matched)
        return x->cost->matched < y->cost->matched ? 1 : -1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

/* Those to be named, at most RULE_ACCOUNT_RULES_MAX; the caller frees them. */
static struct row *pick_rows(const struct rule_account *account, const struct rule_cost *sum,
                             size_t *ret_count)
{
    const struct rule_costs *costs = watch_costs(account->watch);
    size_t count = 0, all = ruleset_count(account->ruleset);
    struct row *rows = calloc(all + 1, sizeof *rows);
    assert(rows);
    for (size_t i = 0; i < all; i++) {
        const struct rule_cost *cost = &costs->of[i];
        bool dear = cost->time > 0 && cost->time >= sum->time / (100 / SHARE_NAMED_PERCENT);
        if (dear || cost->matched || cost->given_up)
            rows[count++] = (struct row){i, cost, dear};
    }
    qsort(rows, count, sizeof *rows, by_weight);
    *ret_count = count < RULE_ACCOUNT_RULES_MAX ? count : RULE_ACCOUNT_RULES_MAX;
    return rows;
}

static void write_rows(const struct rule_account *account, const struct row *rows, size_t count,
                       struct buf *out)
{
    enum { TRIED, MATCHED, GIVEN_UP, TIME, FAMILIES };
    static const struct {
        const char *name, *help;
    } families[FAMILIES] = {
        {"vedette_watch_rule_tries_total", "Events that this rule was tried on."},
        {"vedette_watch_rule_matches_total", "Events that this rule matched."},
        {"vedette_watch_rule_given_up_total", "Tries in which an expression of this rule took too long."},
        {"vedette_watch_rule_seconds_total", "Processor time of this rule's tries, estimated from a sample."},
    };
    for (size_t i = 0; i < FAMILIES; i++) {
        metrics_family(out, families[i].name, METRICS_COUNTER, families[i].help);
        for (size_t j = 0; j < count; j++) {
            const struct rule_cost *cost = rows[j].cost;
            const struct metrics_label label = {"rule", ruleset_rule(account->ruleset, rows[j].rule)->id};
            const uint64_t values[] = {cost->tried, cost->matched, cost->given_up};
            if (i == TIME)
                metrics_seconds(out, families[i].name, &label, 1, cost->time);
            else
                metrics_sample(out, families[i].name, &label, 1, (int64_t)values[i]);
        }
    }
}

void rule_account_metrics(const struct rule_account *account, struct buf *out)
{
    struct rule_cost sum = rule_costs_sum(watch_costs(account->watch));
    size_t count;
    struct row *rows = pick_rows(account, &sum, &count);
    metrics_one(out, "vedette_watch_tries_total", METRICS_COUNTER, "Rules tried on events, all together.",
                (int64_t)sum.tried);
    metrics_one(out, "vedette_watch_matches_total", METRICS_COUNTER,
                "Rules that matched an event, all together.", (int64_t)sum.matched);
    metrics_one(out, "vedette_watch_given_up_total", METRICS_COUNTER,
                "Tries in which an expression took too long, all together.", (int64_t)sum.given_up);
    metrics_family(out, "vedette_watch_tries_seconds_total", METRICS_COUNTER,
                   "Processor time of all tries, estimated from a sample.");
    metrics_seconds(out, "vedette_watch_tries_seconds_total", NULL, 0, sum.time);
    write_rows(account, rows, count, out);
    free(rows);
}

/* --- List --- */

static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->cost->time != y->cost->time)
        return x->cost->time < y->cost->time ? 1 : -1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

static char *row_json(const struct rule *rule, const struct rule_cost *cost)
{
    json_t *json = json_object();
    json_object_set_new(json, "rule", report_text(rule->id));
    json_object_set_new(json, "title", report_text(rule->title));
    json_object_set_new(json, "level", json_string(severity_name(rule->severity)));
    json_object_set_new(json, "tried", json_integer((json_int_t)cost->tried));
    json_object_set_new(json, "matched", json_integer((json_int_t)cost->matched));
    json_object_set_new(json, "given_up", json_integer((json_int_t)cost->given_up));
    json_object_set_new(json, "cpu_s", json_real((double)cost->time / (double)NANOS_PER_SECOND));
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

void rule_account_list(const struct rule_account *account, struct buf *out)
{
    const struct rule_costs *costs = watch_costs(account->watch);
    size_t count = 0, all = ruleset_count(account->ruleset);
    struct row *rows = calloc(all + 1, sizeof *rows);
    assert(rows);
    for (size_t i = 0; i < all; i++)
        if (costs->of[i].tried)
            rows[count++] = (struct row){.rule = i, .cost = &costs->of[i]};
    qsort(rows, count, sizeof *rows, by_time);
    for (size_t i = 0; i < count; i++) {
        char *text = row_json(ruleset_rule(account->ruleset, rows[i].rule), rows[i].cost);
        bool fits = text && strlen(text) < buf_room(out) && buf_printf(out, "%s\n", text) == 0;
        free(text);
        if (!fits)
            break;
    }
    free(rows);
}
