#include "watch/rule_book.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "io/durable.h"
#include "watch/mask.h"
#include "watch/pipeline.h"
#include "watch/sigma_lists.h"

enum { LIST_BYTES_MAX = 64 * 1024 * 1024 };

static void refuse(rule_error_fn *fn, void *arg, const char *file, const char *name, const char *why)
{
    char message[600];
    snprintf(message, sizeof message, "list %s: %s", name, why);
    const struct rule_error error = {file, 1, 1, message};
    if (fn)
        fn(arg, &error);
}

static void load_list(struct sigma_lists *lists, const struct config_list *list, rule_error_fn *fn, void *arg)
{
    struct err err = {0};
    struct buf text = BUF_INIT(LIST_BYTES_MAX);
    sv name = sv_of(list->name);
    bool fits = sigma_lists_add(lists, name, SV(""));
    for (size_t i = 0; fits && i < list->values.count; i++)
        fits = sigma_lists_add(lists, name, sv_of(list->values.items[i]));
    if (list->file && file_read(list->file, &text, &err) < 0)
        refuse(fn, arg, list->file, list->name, err.cause);
    else if (!fits || (list->file && !sigma_lists_read(lists, name, buf_view(&text))))
        refuse(fn, arg, list->file ? list->file : "configuration", list->name,
               "its name is not made of letters, digits, - and _, an entry is longer than 4096 bytes, or "
               "there are more than 100000");
    buf_free(&text);
}

static void prepare(struct ruleset *ruleset, enum rule_book_use use, struct database_cache *cache)
{
    ruleset_cache(ruleset, cache);
    switch (use) {
    case RULE_BOOK_MATCH:
        return;
    case RULE_BOOK_EXPLAIN:
        ruleset_keep(ruleset);
        return;
    case RULE_BOOK_LOOK:
        ruleset_leave_uncompiled(ruleset);
        return;
    }
}

int rule_book_load(const struct config *config, enum rule_book_use use, struct database_cache *cache,
                   struct ruleset **ret, rule_error_fn *fn, void *arg, struct err *err)
{
    int result = 0;
    struct ruleset *ruleset = ruleset_new();
    struct sigma_lists *lists = sigma_lists_new();
    for (size_t i = 0; i < config->list_count; i++)
        load_list(lists, &config->lists[i], fn, arg);
    struct pipelines *pipelines = pipelines_new();
    for (size_t i = 0; result == 0 && i < config->pipelines.count; i++)
        result = pipelines_load(pipelines, config->pipelines.items[i], fn, arg, err);
    ruleset_lists(ruleset, lists);
    ruleset_pipelines(ruleset, pipelines);
    ruleset_hide(ruleset, masks_new());
    prepare(ruleset, use, cache);
    for (size_t i = 0; result == 0 && i < config->masks.count; i++)
        result = masks_load(ruleset_masks(ruleset), config->masks.items[i], fn, arg, err);
    if (use != RULE_BOOK_LOOK)
        masks_seal(ruleset_masks(ruleset), cache);
    for (size_t i = 0; result == 0 && i < config->rules.count; i++)
        result = ruleset_load(ruleset, config->rules.items[i], fn, arg, err);
    if (result == 0)
        ruleset_seal(ruleset, fn, arg);
    ruleset_lists(ruleset, NULL);
    ruleset_pipelines(ruleset, NULL);
    pipelines_free(pipelines);
    sigma_lists_free(lists);
    if (result == 0)
        *ret = ruleset;
    else
        ruleset_free(ruleset);
    return result;
}

uint64_t rule_book_stamp(const struct config *config)
{
    uint64_t stamp = 0;
    for (size_t i = 0; i < config->list_count; i++) {
        struct stat info = {0};
        if (!config->lists[i].file || stat(config->lists[i].file, &info) < 0)
            info = (struct stat){0};
        const uint64_t mark[] = {stamp, (uint64_t)info.st_ino, (uint64_t)info.st_size,
                                 (uint64_t)info.st_mtim.tv_sec, (uint64_t)info.st_mtim.tv_nsec};
        stamp = hash_sv(sv_make(mark, sizeof mark));
    }
    return stamp;
}
