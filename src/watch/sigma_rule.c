#include "watch/sigma_rule.h"

#include <stdarg.h>
#include <stdio.h>

enum { ERROR_BYTES_MAX = 480 };

void sigma_error(struct sigma_errors *errors, int line, int column, const char *fmt, ...)
{
    char message[ERROR_BYTES_MAX];
    errors->count++;
    if (!errors->fn)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    const struct rule_error error = {errors->file, line > 0 ? line : 1, column > 0 ? column : 1, message};
    errors->fn(errors->arg, &error);
}

void sigma_shop_full(struct sigma_workshop *shop, const struct yaml_node *node)
{
    sigma_error(shop->errors, node->line, node->column, "there is no more room for rules");
}

static void load_detection(struct sigma_rule *rule, const struct yaml_node *detection,
                           struct sigma_workshop *shop)
{
    struct arena *arena = shop->arena;
    shop->arena = shop->bodies ? shop->bodies : arena;
    sigma_detection_load(rule, detection, shop);
    shop->arena = arena;
}

bool sigma_rule_load(struct sigma_rule *ret, const struct yaml_node *document, struct sigma_workshop *shop)
{
    struct sigma_rule rule = {0};
    size_t before = shop->errors->count;
    shop->values_left = SIGMA_VALUES_MAX;
    sigma_about_load(&rule.about, document, shop);
    sigma_source_load(&rule.about.source, document, shop);
    const struct yaml_node *detection = yaml_get(document, "detection");
    if (!detection)
        sigma_error(shop->errors, document->line, document->column,
                    "detection is missing: add selections and a condition");
    else
        load_detection(&rule, detection, shop);
    if (shop->errors->count != before) {
        sigma_rule_clear(&rule);
        return false;
    }
    *ret = rule;
    return true;
}

static void clear_selection(struct sigma_selection *selection)
{
    for (size_t g = 0; g < selection->group_count; g++)
        for (size_t i = 0; i < selection->groups[g].item_count; i++)
            for (size_t v = 0; v < selection->groups[g].items[i].value_count; v++)
                sigma_value_free(&selection->groups[g].items[i].values[v]);
}

void sigma_rule_clear(struct sigma_rule *rule)
{
    for (size_t i = 0; i < rule->selection_count - rule->borrowed_count; i++)
        clear_selection(&rule->selections[i]);
}

void sigma_rule_strip(struct sigma_rule *rule)
{
    struct rule *about = &rule->about;
    sigma_rule_clear(rule);
    rule->selections = NULL;
    rule->conditions = NULL;
    rule->condition_texts = NULL;
    rule->selection_count = rule->borrowed_count = rule->condition_count = 0;
    about->author = about->description = about->response = SV("");
    about->false_positives = about->references = about->tags = SV("");
}
