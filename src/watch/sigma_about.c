#include "watch/sigma_rule.h"

enum { NAME_BYTES_MAX = 512, TEXT_BYTES_MAX = 16 * 1024 };

static sv keep(struct sigma_workshop *shop, const struct yaml_node *node, sv text)
{
    sv copy = arena_sv(shop->arena, text);
    if (!copy.p)
        sigma_shop_full(shop, node);
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
sv sigma_read_line(struct sigma_workshop *shop, const struct yaml_node *map, const char *key)
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
        sigma_shop_full(shop, list);
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

/* Our own key: what the person who gets the alert should do. */
static void read_vedette(struct rule *about, struct sigma_workshop *shop, const struct yaml_node *document)
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
    about->response = read_text(shop, node, "response", TEXT_BYTES_MAX);
}

/* Sigma lets a rule say more about its source (definition, its own keys): that is for people. */
void sigma_source_load(struct logsource *source, const struct yaml_node *document,
                       struct sigma_workshop *shop)
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
    source->product = sigma_read_line(shop, node, "product");
    source->category = sigma_read_line(shop, node, "category");
    source->service = sigma_read_line(shop, node, "service");
    if (source->product.n + source->category.n + source->service.n == 0)
        sigma_error(shop->errors, node->key_line, node->key_column,
                    "logsource names none of product, category and service");
}

void sigma_about_load(struct rule *about, const struct yaml_node *document, struct sigma_workshop *shop)
{
    about->file = shop->errors->file;
    about->line = document->line;
    about->title = sigma_read_line(shop, document, "title");
    about->id = sigma_read_line(shop, document, "id");
    about->name = sigma_read_line(shop, document, "name");
    struct arena *arena = shop->arena;
    shop->arena = shop->bodies ? shop->bodies : arena;
    about->author = read_joined(shop, document, "author", ',');
    about->description = read_text(shop, document, "description", TEXT_BYTES_MAX);
    about->false_positives = read_joined(shop, document, "falsepositives", '\n');
    about->references = read_joined(shop, document, "references", '\n');
    about->tags = read_joined(shop, document, "tags", ' ');
    read_vedette(about, shop, document);
    shop->arena = arena;
    about->severity = read_level(shop, document);
    check_status(shop, document);
    if (about->title.n == 0)
        sigma_error(shop->errors, document->line, document->column,
                    "title is missing: say in one line what the rule finds");
    if (about->id.n == 0)
        about->id = about->title;
}
