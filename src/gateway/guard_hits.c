/* How often each rule decided, and what. */
#include "base/metrics.h"
#include "gateway/guard_private.h"

const char *guard_other_name(enum guard_other other)
{
    static const char *const names[] = {
#define X(name, text) [GUARD_OTHER_##name] = (text),
        GUARD_OTHERS(X)
#undef X
    };
    return names[other];
}

const char *guard_action_name(enum guard_action action)
{
    static const char *const names[] = {
        [GUARD_LATER] = "later", [GUARD_ACCEPT] = "accept",         [GUARD_REJECT] = "reject",
        [GUARD_DEFER] = "defer", [GUARD_QUARANTINE] = "quarantine", [GUARD_REDIRECT] = "redirect",
    };
    return names[action];
}

static const struct guard_rule *rule_named(const struct guard *guard, const char *name)
{
    for (size_t i = 0; i < guard->rule_count; i++)
        if (strcmp(guard->rules[i].name, name) == 0)
            return &guard->rules[i];
    return NULL;
}

/* A rule may be called "local" too, so a verdict with a file is a rule's. */
void guard_hit(const struct guard *guard, const struct guard_verdict *verdict)
{
    const struct guard_rule *rule = verdict->file ? rule_named(guard, verdict->rule) : NULL;
    if (rule) {
        rule->hits->by_action[verdict->action]++;
        return;
    }
    for (unsigned i = 0; i < GUARD_OTHER_COUNT; i++)
        if (strcmp(guard_other_name((enum guard_other)i), verdict->rule) == 0)
            guard->other_hits[i].by_action[verdict->action]++;
}

void guard_carry(struct guard *guard, const struct guard *from)
{
    for (size_t i = 0; i < guard->rule_count; i++) {
        const struct guard_rule *before = rule_named(from, guard->rules[i].name);
        if (before)
            *guard->rules[i].hits = *before->hits;
    }
    memcpy(guard->other_hits, from->other_hits, GUARD_OTHER_COUNT * sizeof *guard->other_hits);
}

static void write_hits(struct buf *out, const char *rule, const struct guard_hits *hits)
{
    for (unsigned i = GUARD_ACCEPT; i < GUARD_ACTION_COUNT; i++) {
        const struct metrics_label labels[] = {{"rule", sv_of(rule)},
                                               {"action", sv_of(guard_action_name((enum guard_action)i))}};
        if (hits->by_action[i])
            metrics_sample(out, "vedette_gateway_decisions_total", labels, 2, (int64_t)hits->by_action[i]);
    }
}

void guard_write_metrics(const struct guard *guard, struct buf *out)
{
    metrics_family(out, "vedette_gateway_decisions_total", METRICS_COUNTER,
                   "Recipients, and senders refused at once, by the rule that decided.");
    for (size_t i = 0; i < guard->rule_count; i++)
        write_hits(out, guard->rules[i].name, guard->rules[i].hits);
    for (unsigned i = 0; i < GUARD_OTHER_COUNT; i++)
        write_hits(out, guard_other_name((enum guard_other)i), &guard->other_hits[i]);
}
