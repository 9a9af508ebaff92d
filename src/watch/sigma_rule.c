#include "watch/sigma_rule.h"

#include <stdarg.h>
#include <stdio.h>

enum { ERROR_BYTES_MAX = 480, NAME_BYTES_MAX = 512, TEXT_BYTES_MAX = 16 * 1024 };

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

static void no_room(struct sigma_workshop *shop, const struct yaml_node *node)
{
    sigma_error(shop->errors, node->line, node->column, "there is no more room for rules");
}

static sv keep(struct sigma_workshop *shop, const struct yaml_node *node, sv text)
{
    sv copy = arena_sv(shop->arena, text);
    if (!copy.p)
        no_room(shop, node);
    return copy;
}

/* The text of a key that may be missing; more than max bytes are an error. */
static sv read_text(struct sigma_workshop *shop, const struct yaml_node *map, const char *key, size_t max)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (!node || yaml_is_null(node))
        return SV("");
    if (node->kind != YAML_SCALAR) {
        sigma_error(shop->errors, node->line, node->column, "%s must be text", key);
        return SV("");
    }
    if (node->text.n > max) {
        sigma_error(shop->errors, node->line, node->column, "%s is longer than %zu bytes", key, max);
        return SV("");
    }
    return keep(shop, node, sv_trim(node->text));
}

/* A key whose text stands in one line of a message. */
static sv read_line(struct sigma_workshop *shop, const struct yaml_node *map, const char *key)
{
    sv text = read_text(shop, map, key, NAME_BYTES_MAX);
    const struct yaml_node *node = yaml_get(map, key);
    if (!sv_printable(text))
        sigma_error(shop->errors, node->line, node->column, "%s must be one line of printable text", key);
    return text;
}

/* A text, or a list of texts joined by between. */
static sv read_joined(struct sigma_workshop *shop, const struct yaml_node *map, const char *key, char between)
{
    const struct yaml_node *list = yaml_get(map, key);
    if (!list || list->kind != YAML_LIST)
        return read_text(shop, map, key, TEXT_BYTES_MAX);
    size_t total = 0, n = 0;
    for (const struct yaml_node *child = list->first; child; child = child->next) {
        if (child->kind != YAML_SCALAR) {
            sigma_error(shop->errors, child->line, child->column, "%s must be a list of texts", key);
            return SV("");
        }
        total += child->text.n + 1;
    }
    if (total > TEXT_BYTES_MAX) {
        sigma_error(shop->errors, list->line, list->column, "%s is longer than %d bytes", key,
                    TEXT_BYTES_MAX);
        return SV("");
    }
    char *text = arena_alloc(shop->arena, total + 1);
    if (!text) {
        no_room(shop, list);
        return SV("");
    }
    for (const struct yaml_node *child = list->first; child; child = child->next) {
        sv part = sv_trim(child->text);
        if (part.n == 0)
            continue;
        if (n)
            text[n++] = between;
        memcpy(text + n, part.p, part.n);
        n += part.n;
    }
    return (sv){text, n};
}

static enum severity read_level(struct sigma_workshop *shop, const struct yaml_node *document)
{
    enum severity severity = SEVERITY_MEDIUM;
    const struct yaml_node *node = yaml_get(document, "level");
    if (node && (node->kind != YAML_SCALAR || !severity_parse(node->text, &severity)))
        sigma_error(shop->errors, node->line, node->column,
                    "level must be one of informational, low, medium, high, critical, not '%.*s'",
                    SV_ARG(sv_first(node->text, 60)));
    return severity;
}

static void check_status(struct sigma_workshop *shop, const struct yaml_node *document)
{
    static const char *const known[] = {"stable", "test", "experimental", "deprecated", "unsupported"};
    const struct yaml_node *node = yaml_get(document, "status");
    if (!node)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (node->kind == YAML_SCALAR && sv_eq(node->text, sv_of(known[i])))
            return;
    sigma_error(shop->errors, node->line, node->column,
                "status must be one of stable, test, experimental, deprecated, unsupported, not '%.*s'",
                SV_ARG(sv_first(node->text, 60)));
}

/* Sigma lets a rule say more about its source (definition, its own keys): that is for people. */
static void read_source(struct sigma_rule *rule, struct sigma_workshop *shop,
                        const struct yaml_node *document)
{
    const struct yaml_node *node = yaml_get(document, "logsource");
    if (!node) {
        sigma_error(shop->errors, document->line, document->column,
                    "logsource is missing: say at least one of product, category and service");
        return;
    }
    if (node->kind != YAML_MAP) {
        sigma_error(shop->errors, node->line, node->column,
                    "logsource must be a map with product, category or service");
        return;
    }
    struct logsource *source = &rule->about.source;
    source->product = read_line(shop, node, "product");
    source->category = read_line(shop, node, "category");
    source->service = read_line(shop, node, "service");
    if (source->product.n + source->category.n + source->service.n == 0)
        sigma_error(shop->errors, node->key_line, node->key_column,
                    "logsource names none of product, category and service");
}

/* Our own key: what the person who gets the alert should do. */
static void read_vedette(struct sigma_rule *rule, struct sigma_workshop *shop,
                         const struct yaml_node *document)
{
    const struct yaml_node *node = yaml_get(document, "vedette");
    if (!node)
        return;
    if (node->kind != YAML_MAP) {
        sigma_error(shop->errors, node->line, node->column, "vedette must be a map, such as {response: …}");
        return;
    }
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (!sv_eq(child->key, SV("response")))
            sigma_error(shop->errors, child->key_line, child->key_column,
                        "vedette knows only the key response, not '%.*s'", SV_ARG(sv_first(child->key, 60)));
    rule->about.response = read_text(shop, node, "response", TEXT_BYTES_MAX);
}

static void read_about(struct sigma_rule *rule, struct sigma_workshop *shop, const struct yaml_node *document)
{
    struct rule *about = &rule->about;
    about->file = shop->errors->file;
    about->line = document->line;
    about->title = read_line(shop, document, "title");
    about->id = read_line(shop, document, "id");
    about->author = read_joined(shop, document, "author", ',');
    about->description = read_text(shop, document, "description", TEXT_BYTES_MAX);
    about->false_positives = read_joined(shop, document, "falsepositives", '\n');
    about->references = read_joined(shop, document, "references", '\n');
    about->tags = read_joined(shop, document, "tags", ' ');
    about->severity = read_level(shop, document);
    check_status(shop, document);
    if (about->title.n == 0)
        sigma_error(shop->errors, document->line, document->column,
                    "title is missing: say in one line what the rule finds");
    if (about->id.n == 0)
        about->id = about->title;
    read_source(rule, shop, document);
    read_vedette(rule, shop, document);
}

/* Documents that are Sigma's, but no detection rules. True if it was one, and is told. */
static bool is_of_another_kind(const struct yaml_node *document, struct sigma_workshop *shop)
{
    static const struct {
        const char *key, *message;
    } kinds[] = {
        {"correlation", "correlation rules are not supported yet"},
        {"filter", "Sigma filters are not supported yet"},
        {"action", "'action' documents (rule collections) are no longer part of Sigma: write each rule out"},
    };
    if (document->kind != YAML_MAP) {
        sigma_error(shop->errors, document->line, document->column,
                    "a rule must be a map with title, logsource and detection");
        return true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct yaml_node *node = yaml_get(document, kinds[i].key);
        if (node) {
            sigma_error(shop->errors, node->key_line, node->key_column, "%s", kinds[i].message);
            return true;
        }
    }
    return false;
}

bool sigma_rule_load(struct sigma_rule *ret, const struct yaml_node *document, struct sigma_workshop *shop)
{
    struct sigma_rule rule = {0};
    size_t before = shop->errors->count;
    if (is_of_another_kind(document, shop))
        return false;
    shop->values_left = SIGMA_VALUES_MAX;
    read_about(&rule, shop, document);
    const struct yaml_node *detection = yaml_get(document, "detection");
    if (!detection)
        sigma_error(shop->errors, document->line, document->column,
                    "detection is missing: add selections and a condition");
    else
        sigma_detection_load(&rule, detection, shop);
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
    for (size_t i = 0; i < rule->selection_count; i++)
        clear_selection(&rule->selections[i]);
}
