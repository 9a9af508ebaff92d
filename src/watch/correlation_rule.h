/* Correlation documents of a ruleset: loaded one by one, then given the rules that they name. Pure. */
#ifndef VEDETTE_WATCH_CORRELATION_RULE_H
#define VEDETTE_WATCH_CORRELATION_RULE_H

#include "watch/correlation.h"
#include "watch/pipeline.h"
#include "watch/sigma_condition.h"
#include "watch/sigma_rule.h"

enum {
    CORRELATION_RULES_MAX = 64,       /* that one correlation names */
    CORRELATION_GROUP_FIELDS_MAX = 8, /* in group-by */
    CORRELATION_DEPTH_MAX = 8,        /* correlations of correlations */
    CORRELATION_COUNT_MAX = 10000,    /* what a condition may ask for: no more events of a window are kept */
    CORRELATION_FIELDS_MAX = 64,      /* of a rule's events that correlations look at */
};

/* name, its name in YAML. The first seven are Sigma's, the others ours. */
#define CORRELATION_TYPES(X)                \
    X(EVENT_COUNT, "event_count")           \
    X(VALUE_COUNT, "value_count")           \
    X(VALUE_SUM, "value_sum")               \
    X(VALUE_AVG, "value_avg")               \
    X(VALUE_PERCENTILE, "value_percentile") \
    X(TEMPORAL, "temporal")                 \
    X(TEMPORAL_ORDERED, "temporal_ordered") \
    X(NEW_VALUE, "new_value")               \
    X(RARE_HOURS, "rare_hours")             \
    X(RARE_DAYS, "rare_days")               \
    X(DORMANT, "dormant")                   \
    X(SPIKE, "spike")                       \
    X(ABSENCE, "absence")                   \
    X(MISSING_BEFORE, "missing_before")

enum correlation_type {
#define X(name, text) CORRELATION_##name,
    CORRELATION_TYPES(X)
#undef X
};

const char *correlation_type_name(enum correlation_type type);

/* gt, gte, lt, lte, eq, neq: those that are there must all hold. */
enum correlation_operator {
    CORRELATION_GT,
    CORRELATION_GTE,
    CORRELATION_LT,
    CORRELATION_LTE,
    CORRELATION_EQ,
    CORRELATION_NEQ,
    CORRELATION_OPERATORS
};

struct correlation_condition {
    bool has[CORRELATION_OPERATORS];
    double than[CORRELATION_OPERATORS];
};

bool correlation_condition_holds(const struct correlation_condition *condition, double value);

/* A condition that only too much can end (lt, lte, neq, and no lower bound): it is decided when the window is
 * over.
 */
bool correlation_condition_waits(const struct correlation_condition *condition);

/* What a correlation's events come from: a rule, or another correlation. */
struct correlation_source {
    sv named; /* as the document says */
    int line, column;
    bool is_correlation;
    size_t index; /* of the rule or the correlation */
};

/* A field as each of the sources calls it: fields[i] belongs to sources[i]. */
struct correlation_field {
    sv name;
    sv *fields;
};

/* aliases: what a group-by field is called in the events of one source. */
struct correlation_alias {
    sv alias, source, field;
    int line, column;
    bool used;
};

/* The keys of our own types; what each means is in doc/correlations.md. */
struct correlation_habit {
    nanos learn;              /* a group younger than this is learnt, not judged */
    int64_t minimum;          /* and one with fewer events, or active days */
    nanos half_life;          /* how fast habits are forgotten */
    double threshold;         /* rare_*: a share of the active days (weeks) below it is rare */
    double factor;            /* spike: so many times the usual */
    double deviations;        /* spike: and so many deviations above it */
    nanos wait;               /* missing_before, temporal with not: how long late events are waited for */
    sv zone;                  /* IANA name; empty: UTC */
    int prefix_v4, prefix_v6; /* new_value: addresses count by their network; 0: as they are */
};

struct correlation {
    struct rule about;
    enum correlation_type type;
    struct correlation_source *sources;
    size_t source_count;
    struct correlation_alias *aliases;
    size_t alias_count;
    struct correlation_field *group;
    size_t group_count;
    struct correlation_field field; /* name empty: none */
    nanos timespan;
    struct correlation_condition condition;
    const struct sigma_node *expression; /* temporal: over the sources by number; NULL: by count */
    bool expression_waits;               /* it has a not */
    double percentile;
    struct correlation_habit habit;
    bool generate;
    bool silent; /* another correlation builds on it, and none of those says generate */
    size_t depth;
    uint64_t key; /* of its id and of what its state means: state under another key is not its own */
};

/* One use of a rule or a correlation as a source. */
struct correlation_use {
    size_t correlation, source;
};

struct correlation_uses {
    const struct correlation_use *list;
    size_t count;
};

struct correlation_rules *correlation_rules_new(void);
void correlation_rules_free(struct correlation_rules *rules);

/* Makes a correlation of a document, which goes away afterwards: what is kept lives in shop->arena. False if
 * it has errors, all of them told. */
bool correlation_rule_load(struct correlation_rules *rules, const struct yaml_node *document,
                           struct sigma_workshop *shop);

/* After the last load: finds the rules that the correlations name (ruleset_find). Those that name none are
 * told and left out; returns how many. */
size_t correlation_rules_resolve(struct correlation_rules *rules, const struct ruleset *ruleset,
                                 rule_error_fn *fn, void *arg);

/* Who uses the events of a rule, or what a correlation finds. */
struct correlation_uses correlation_rules_of_rule(const struct correlation_rules *rules, size_t rule);
struct correlation_uses correlation_rules_of_correlation(const struct correlation_rules *rules,
                                                         size_t correlation);

/* --- Private to correlation_rule.c, correlation_load.c and correlation_need.c --- */

struct correlation_rules {
    struct correlation *items;
    size_t count, cap;
    struct arena *arena;
    size_t rule_count;
    struct correlation_uses *of_rules, *of_correlations;
    struct correlation_need **needs; /* of each rule; NULL: none */
};

/* A field as correlations name it, and what the rule's events call it: the first of these that has a value.
 */
struct correlation_wish {
    sv asked;
    struct pipeline_names called;
};

/* A name that events may have for what is wished for. */
struct correlation_name {
    sv name;
    uint16_t wish, rank; /* whose name it is, and which of its names */
    uint16_t next;       /* of those that look alike: one more than its number, 0 for none */
};

enum { CORRELATION_LOOKS = 64 };

/* What correlations want of a rule's events. */
struct correlation_need {
    struct correlation_wish wishes[CORRELATION_FIELDS_MAX];
    size_t count, asked; /* asked: of correlations, the first of them; the others are for people */
    sv left_out;         /* a field for which there was no more room; empty: none */
    bool silent;
    struct correlation_name *names;    /* of all wishes */
    uint16_t first[CORRELATION_LOOKS]; /* by their looks, as next */
    uint64_t lengths;                  /* that any of them has, as bits; longer ones start again at 0 */
};

/* Of the rule whose uses these are; lives in rules->arena. */
struct correlation_need *correlation_need_of(const struct correlation_rules *rules,
                                             const struct sigma_rule *rule, struct correlation_uses uses);

/* Reads the `correlation` map; errors are told and counted. */
void correlation_load(struct correlation *correlation, const struct yaml_node *map,
                      struct sigma_workshop *shop);

#endif
