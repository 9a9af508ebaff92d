/* All secrets that a configuration names, drawn from the sections' tables, so that a new key is found, too.
 */
#include "config/section.h"

#include <assert.h>

struct search {
    struct config *config;
    struct config_secret **last;
};

static const char *text_at(const struct config_instance *instance, size_t index)
{
    return *(const char *const *)((const char *)instance->base + instance->section->fields[index].offset);
}

/* A URL may be a secret: those keys are texts, which "secret:" begins. */
static const char *reference_at(const struct config_instance *instance, size_t index)
{
    const struct config_field *field = &instance->section->fields[index];
    const char *reference;
    if (instance->keys[index].line == 0 || instance->faulty[index])
        return NULL;
    if (field->type == CONFIG_TYPE_SECRET)
        return text_at(instance, index);
    bool url = field->type == CONFIG_TYPE_STRING &&
               (sv_eq(sv_of(field->key), SV("webhook")) || sv_eq(sv_of(field->key), SV("url")));
    return url && config_is_secret(text_at(instance, index), &reference) ? reference : NULL;
}

static void look_at(struct search *search, const struct config_instance *instance, const char *whose)
{
    for (size_t i = 0; i < instance->section->field_count; i++) {
        const char *reference = reference_at(instance, i);
        if (!reference)
            continue;
        struct config_secret *secret = arena_alloc(search->config->arena, sizeof *secret);
        assert(secret);
        const char *key = instance->section->fields[i].key;
        *secret = (struct config_secret){.reference = reference,
                                         .whose = arena_printf(search->config->arena, "%s: %s", whose, key).p,
                                         .place = instance->keys[i]};
        assert(secret->whose);
        *search->last = secret;
        search->last = &secret->next;
    }
}

/* "accounts printer", "dkim example.org", "heartbeat" */
static const char *called(struct search *search, const struct config_instance *instance)
{
    const char *name = NULL;
    for (size_t i = 0; i < instance->section->field_count && !name; i++) {
        sv key = sv_of(instance->section->fields[i].key);
        if (instance->keys[i].line != 0 && !instance->faulty[i] &&
            (sv_eq(key, SV("name")) || sv_eq(key, SV("domain"))))
            name = text_at(instance, i);
    }
    if (!name)
        return instance->section->name;
    const char *ret = arena_printf(search->config->arena, "%s %s", instance->section->name, name).p;
    assert(ret);
    return ret;
}

static void look_below(struct search *search, const struct config_instance *outer, const char *whose)
{
    for (size_t i = 0; i < outer->section->child_count; i++)
        for (const struct config_instance *item = outer->children[i]; item; item = item->next) {
            const char *name = arena_printf(search->config->arena, "%s: %s", whose, called(search, item)).p;
            assert(name);
            look_at(search, item, name);
        }
}

void config_find_secrets(struct config *config, const struct config_instance *top)
{
    struct search search = {config, &config->secrets};
    for (size_t i = 0; i < top->section->child_count; i++)
        for (const struct config_instance *item = top->children[i]; item; item = item->next) {
            const char *whose = called(&search, item);
            look_at(&search, item, whose);
            look_below(&search, item, whose);
        }
}
