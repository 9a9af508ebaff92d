#include "watch/rule_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/durable.h"

struct visit {
    rule_file_fn *fn;
    void *arg;
};

static bool is_examples(sv name)
{
    return sv_ends(name, SV(".test.yml")) || sv_ends(name, SV(".test.yaml"));
}

static bool is_rules(sv name)
{
    return !is_examples(name) && (sv_ends(name, SV(".yml")) || sv_ends(name, SV(".yaml")));
}

static int visit_file(struct visit *visit, const char *path, struct err *err)
{
    struct stat about;
    struct buf text = BUF_INIT(RULE_FILE_BYTES_MAX);
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return err_set(err, ERR_DATA, "name a file or a folder of rules", "%s is no regular file", path);
    int result = file_read(path, &text, err);
    if (result == 0)
        visit->fn(visit->arg, path, buf_view(&text), NULL);
    buf_free(&text);
    return result;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Not alphasort, whose order depends on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visit_folder(struct visit *visit, const char *path, int depth, struct err *err);

/* What cannot be read inside a folder does not end the visit. Recursion is bounded by RULE_FILES_DEPTH_MAX.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void visit_entry(struct visit *visit, const char *folder, const char *name, int depth)
{
    char path[PATH_MAX];
    struct stat about;
    struct err err = {0};
    bool rules = is_rules(sv_of(name));
    int result = 0;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        result = err_set(&err, ERR_LIMIT, NULL, "the path is too long");
    else if (stat(path, &about) < 0)
        result = rules ? err_set(&err, ERR_IO, NULL, "cannot read it") : 0;
    else if (S_ISDIR(about.st_mode) && depth == RULE_FILES_DEPTH_MAX)
        result = err_set(&err, ERR_LIMIT, NULL, "folders are nested deeper than %d", RULE_FILES_DEPTH_MAX);
    else if (S_ISDIR(about.st_mode))
        result = visit_folder(visit, path, depth + 1, &err);
    else if (rules)
        result = visit_file(visit, path, &err);
    if (result < 0)
        visit->fn(visit->arg, path, SV(""), &err);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static int visit_folder(struct visit *visit, const char *path, int depth, struct err *err)
{
    struct dirent **entries;
    int n = scandir(path, &entries, not_hidden, by_name);
    if (n < 0)
        return err_set(err, ERR_IO, "check that the folder can be read", "cannot read %s", path);
    for (int i = 0; i < n; i++) {
        visit_entry(visit, path, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int rule_files_visit(const char *path, rule_file_fn *fn, void *arg, struct err *err)
{
    struct visit visit = {fn, arg};
    struct stat about;
    if (stat(path, &about) < 0)
        return err_set(err, ERR_NO_INPUT, "check the path that rules are loaded from", "cannot read %s: %s",
                       path, strerrordesc_np(errno));
    if (S_ISDIR(about.st_mode))
        return visit_folder(&visit, path, 0, err);
    return is_examples(sv_of(path)) ? 0 : visit_file(&visit, path, err);
}

bool rule_files_examples(const char *path, char *ret, size_t cap)
{
    sv name = sv_of(path);
    size_t ending = sv_ends(name, SV(".yml")) ? 4 : sv_ends(name, SV(".yaml")) ? 5 : 0;
    int n = snprintf(ret, cap, "%.*s.test.%s", SV_ARG(sv_first(name, name.n - ending)),
                     ending == 5 ? "yaml" : "yml");
    return ending && n > 0 && (size_t)n < cap;
}
