#include "cmd/role_rules.h"

#include "base/log.h"
#include "base/memory.h"
#include "watch/rule_book.h"

struct complaint {
    size_t count;
    struct err *first; /* NULL: log each instead */
};

static void on_rule_error(void *arg, const struct rule_error *error)
{
    struct complaint *complaint = arg;
    if (!complaint->first)
        LOG_ERROR("rule not loaded", LOG_STR("file", error->file), LOG_INT("line", error->line),
                  LOG_STR("cause", error->message));
    else if (complaint->count == 0)
        err_set(complaint->first, ERR_CONFIG, "`vedette check` lists every error", "%s:%d:%d: %s",
                error->file, error->line, error->column, error->message);
    complaint->count++;
}

struct correlator_limits role_correlation_limits(const struct config *config)
{
    const struct config_correlation *limits = &config->correlation;
    return (struct correlator_limits){(size_t)limits->memory, limits->lateness, limits->future};
}

struct ruleset *role_rules(const struct config *config, enum rule_book_use use, struct database_cache *cache,
                           bool strict, struct err *err)
{
    struct ruleset *ruleset = NULL;
    struct complaint complaint = {.first = strict ? err : NULL};
    if (rule_book_load(config, use, cache, &ruleset, on_rule_error, &complaint, err) < 0)
        return NULL;
    if (strict && complaint.count > 0) {
        ruleset_free(ruleset);
        ruleset = NULL;
    }
    memory_give_back();
    return ruleset;
}
