/* Sigma rules: loaded once with every error told, then asked about each event. */
#ifndef VEDETTE_WATCH_RULESET_H
#define VEDETTE_WATCH_RULESET_H

#include "base/err.h"
#include "wire/decode.h"
#include "wire/finding.h"

struct ruleset;

enum { RULESET_RULES_MAX = 100000, RULESET_CORRELATIONS_MAX = 10000 };

struct rule_error {
    const char *file;
    int line, column; /* from 1 */
    const char *message;
};

/* Called for every error found while loading; a rule with an error is not loaded, the others are. */
typedef void rule_error_fn(void *arg, const struct rule_error *error);

struct ruleset *ruleset_new(void);
void ruleset_free(struct ruleset *ruleset);

struct sigma_lists;
struct masks;

/* What is to be hidden of the events that the rules find; taken over. NULL: nothing. */
void ruleset_hide(struct ruleset *ruleset, struct masks *masks);
struct masks *ruleset_masks(const struct ruleset *ruleset);

/* What placeholders (%name%, with the modifier expand) stand for in the rules that are loaded from now on.
 * Borrowed until the last load. Without it a rule with a placeholder is an error. */
void ruleset_lists(struct ruleset *ruleset, const struct sigma_lists *lists);

struct pipelines;

/* How the rules that are loaded from now on are rewritten; borrowed until the seal. */
void ruleset_pipelines(struct ruleset *ruleset, const struct pipelines *pipelines);

struct database_cache;

/* Where what the seal compiles is found and kept (watch/database_cache.h); borrowed until then. */
void ruleset_cache(struct ruleset *ruleset, struct database_cache *cache);

/* For rules that no event will meet: the seal compiles nothing, and forgets what they look for and what they
 * say to whom they alert. Correlations keep what they say. */
void ruleset_leave_uncompiled(struct ruleset *ruleset);

/* For rules that are to be explained: keeps what they say, key by key, from now on. */
void ruleset_keep(struct ruleset *ruleset);

/* Loads a file (several documents allowed) or a folder (*.yml, *.yaml, recursively, in order of name). −1
 * only if the path itself cannot be read; errors in rules go to fn. */
int ruleset_load(struct ruleset *ruleset, const char *path, rule_error_fn *fn, void *arg, struct err *err);

/* One rule from memory: for tests and fuzzing. Returns the number of rules loaded. */
size_t ruleset_load_text(struct ruleset *ruleset, const char *name, sv text, rule_error_fn *fn, void *arg);

/* After the last load: finds the rules that correlations and filters name (errors go to fn: one that names
 * none is left out) and compiles what is shared between rules. Loading afterwards is our mistake. */
void ruleset_seal(struct ruleset *ruleset, rule_error_fn *fn, void *arg);

size_t ruleset_count(const struct ruleset *ruleset);
size_t ruleset_failed(const struct ruleset *ruleset);

/* What a rule says of itself; views live as long as the ruleset. */
struct rule {
    sv id, title;
    sv name; /* what correlations and filters may call it by; may be empty */
    sv author, description, response, false_positives, references, tags;
    enum severity severity;
    struct logsource source;
    const char *file;
    int line;
};

const struct rule *ruleset_rule(const struct ruleset *ruleset, size_t index);

/* Puts what the rule says of itself into a finding; borrowed. */
void rule_describe(const struct rule *rule, struct finding *finding);

/* The finding that a rule makes of an event; who asks says where and when it came, and when it was matched.
 */
struct finding rule_finding(const struct rule *rule, const struct event *event);

/* The rule of that id (ASCII case aside), else of that name, else of that title; SIZE_MAX if there is none.
 */
size_t ruleset_named(const struct ruleset *ruleset, sv name);

/* Scratch memory for one evaluating thread. */
struct ruleset_matcher;
struct ruleset_matcher *ruleset_matcher_new(const struct ruleset *ruleset);
void ruleset_matcher_free(struct ruleset_matcher *matcher);

/* Indexes of the rules that match, in order of loading; valid until the next call. Only rules are tried whose
 * logsource agrees with the event's: product, category and service are each equal (ASCII case aside) or not
 * named by one of the two. So an event whose log source cannot be told is tried against all rules, and a rule
 * for product linux alone sees every linux event. Some sources go by further names (rule_source.c): sshd is
 * also auth and syslog. Allocates nothing. */
const size_t *ruleset_match(struct ruleset_matcher *matcher, const struct event *event, size_t *ret_count);

/* Records that lie in one block of memory, in this order. */
enum { RULESET_SCREENED_MAX = 1024 };
struct ruleset_block {
    sv bytes;
    const sv *records;
    size_t count;
    enum decode_format format;      /* that they will be decoded with */
    const struct logsource *source; /* that their events will be given; NULL: what decode tells */
    nanos arrival;
};

/* What their raw bytes say of them. */
struct ruleset_screened {
    bool worth[RULESET_SCREENED_MAX]; /* decoding, by number: no rule can match the others */
    /* Their numbers, those of a log source together: it takes less to judge them in this order. */
    uint16_t order[RULESET_SCREENED_MAX];
};

void ruleset_screen(struct ruleset_matcher *matcher, const struct ruleset_block *block,
                    struct ruleset_screened *ret);

/* The same as ruleset_match for the event of a record of the last ruleset_screen, and less work. The event
 * must be what decode made of the record alone. */
const size_t *ruleset_match_screened(struct ruleset_matcher *matcher, size_t record,
                                     const struct event *event, size_t *ret_count);

/* What its rules have cost so far (watch/rule_cost.h); the matcher's own. */
struct rule_costs;
struct rule_costs *ruleset_costs(struct ruleset_matcher *matcher);

#endif
