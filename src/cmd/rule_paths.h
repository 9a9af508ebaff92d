/* Where a command's rules come from: --rules and --list, or else the configuration. */
#ifndef VEDETTE_CMD_RULE_PATHS_H
#define VEDETTE_CMD_RULE_PATHS_H

#include "cmd/options.h"
#include "watch/ruleset.h"

#include <jansson.h>

struct sigma_lists;

struct rule_paths {
    const char *config; /* -c */
    struct option_list rules, lists, pipelines;
};

/* The options, to stand in a command's table. */
#define RULE_PATHS_OPTIONS(paths)                                                                              \
    {"rules",                                                                                                  \
     0,                                                                                                        \
     OPTION_LIST,                                                                                              \
     "PATH",                                                                                                   \
     "rule file or folder; may be given again; default: the configuration's",                                  \
     &(paths).rules},                                                                                          \
        {"list",                                                                                               \
         0,                                                                                                    \
         OPTION_LIST,                                                                                          \
         "NAME=FILE",                                                                                          \
         "what %NAME% stands for in rules, one a line; may be given again",                                    \
         &(paths).lists},                                                                                      \
        {"pipeline",        0, OPTION_LIST, "PATH", "pipeline file or folder for --rules; may be given again", \
         &(paths).pipelines},                                                                                  \
    {                                                                                                          \
        "config", 'c', OPTION_TEXT, "FILE", "the configuration, where no --rules are given", &(paths).config   \
    }

/* Loads and seals; keep: so that rules can be explained. NULL with *ret_exit set and the reason told. Errors
 * in rules go to fn. */
struct ruleset *rule_paths_load(const struct rule_paths *paths, bool keep, rule_error_fn *fn, void *arg,
                                int *ret_exit);

/* Tells an error in a rule on standard error, as a rule_error_fn. */
void rule_paths_tell(void *arg, const struct rule_error *error);

/* The same as JSON: {"file", "line", "column", "message"}. */
json_t *rule_paths_json(const struct rule_error *error);

/* Reads --list's NAME=FILE. −1 if one cannot be read. NULL in *ret_lists if there are none. */
int rule_paths_lists(const struct option_list *options, struct sigma_lists **ret_lists, struct err *err);

/* Tells on standard error which rules are expensive by what they say, and why. */
void rule_paths_advise(const struct ruleset *ruleset);

#endif
