/* Where a command's rules come from: --rules and --list, or else the configuration. */
#ifndef VEDETTE_CMD_RULE_PATHS_H
#define VEDETTE_CMD_RULE_PATHS_H

#include "cmd/options.h"
#include "watch/ruleset.h"

#include <jansson.h>

struct rule_paths {
    const char *config; /* -c */
    struct option_list rules, lists, pipelines;
    char **words; /* more paths of rules, as --rules */
    int word_count;
};

/* What stands beside rules, as options of a command's table. */
#define RULE_PATHS_ASIDE(paths)                                                            \
    {"list",                                                                               \
     0,                                                                                    \
     OPTION_LIST,                                                                          \
     "NAME=FILE",                                                                          \
     "what %NAME% stands for in rules, one a line; may be given again",                    \
     &(paths).lists},                                                                      \
    {                                                                                      \
        "pipeline", 0, OPTION_LIST, "PATH", "pipeline file or folder; may be given again", \
            &(paths).pipelines                                                             \
    }

/* The same, and where rules are: for commands that can do without. */
#define RULE_PATHS_OPTIONS(paths)                                                                            \
    {"rules",                                                                                                \
     0,                                                                                                      \
     OPTION_LIST,                                                                                            \
     "PATH",                                                                                                 \
     "rule file or folder; may be given again; default: the configuration's",                                \
     &(paths).rules},                                                                                        \
        RULE_PATHS_ASIDE(paths),                                                                             \
    {                                                                                                        \
        "config", 'c', OPTION_TEXT, "FILE", "the configuration, where no --rules are given", &(paths).config \
    }

/* Loads and seals; keep: so that rules can be explained. NULL with *ret_exit set and the reason told. Errors
 * in rules go to fn. */
struct ruleset *rule_paths_load(const struct rule_paths *paths, bool keep, rule_error_fn *fn, void *arg,
                                int *ret_exit);

/* The same without a configuration; and a path that cannot be read goes to fn, too, and is left out: then
 * *ret_unread is its exit code. */
struct ruleset *rule_paths_check(const struct rule_paths *paths, rule_error_fn *fn, void *arg,
                                 int *ret_unread, int *ret_exit);

/* Tells an error in a rule on standard error, as a rule_error_fn. */
void rule_paths_tell(void *arg, const struct rule_error *error);

/* The same as JSON: {"file", "line", "column", "message"}. */
json_t *rule_paths_json(const struct rule_error *error);

/* Tells on standard error which rules are expensive by what they say, and why. */
void rule_paths_advise(const struct ruleset *ruleset);

#endif
