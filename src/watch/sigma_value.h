/* One value of a Sigma rule, compiled, and how it compares with a field's value. Pure; comparing allocates
 * nothing. */
#ifndef VEDETTE_WATCH_SIGMA_VALUE_H
#define VEDETTE_WATCH_SIGMA_VALUE_H

#include "watch/gram.h"
#include "watch/regex_run.h"
#include "watch/sigma_text.h"
#include "watch/sigma_time.h"
#include "watch/text_set.h"
#include "wire/event.h"

enum {
    SIGMA_VALUE_BYTES_MAX = 16 * 1024, /* of one value in a rule */
    SIGMA_REGEX_SHARE = 50,            /* of the time, for each expression: regex_run.h */
};

enum __attribute__((packed)) sigma_value_kind {
    SIGMA_ANYTHING, /* "*": any text */
    SIGMA_EXACT,
    SIGMA_PREFIX,
    SIGMA_SUFFIX,
    SIGMA_CONTAINS,
    SIGMA_GLOB,   /* anything else with wildcards */
    SIGMA_NUMBER, /* a plain number in the rule: the same digits, or the same number in a number field that is
                     written without an exponent and in at most 16 characters; with a part, that part of the
                     date that the field is */
    SIGMA_NULL,   /* the field is absent, or null */
    SIGMA_REGEX,  /* PCRE2, found anywhere; case matters unless |i */
    SIGMA_CIDR,
    SIGMA_LESS,
    SIGMA_LESS_EQUAL,
    SIGMA_GREATER,
    SIGMA_GREATER_EQUAL,
    SIGMA_EXISTS, /* number 1 or 0: present (null too) or absent */
    SIGMA_FIELD,  /* what another field of the event says: sigma_value_match_field */
    SIGMA_ANY_OF, /* one of the alternatives, which are never ANY_OF themselves */
};

/* All public rules have fifty thousand of them: what no kind has together lies in the same place. */
struct sigma_value {
    enum sigma_value_kind kind;
    bool cased;
    enum sigma_time_part part;      /* NUMBER, LESS…GREATER_EQUAL: of a date, if it is not NONE */
    enum sigma_value_kind relation; /* FIELD: EXACT, PREFIX, SUFFIX or CONTAINS */
    union {
        uint32_t slot; /* FIELD: the other field */
        struct {
            uint8_t prefix_bits; /* CIDR */
            bool v6;
        };
    };
    uint32_t alternative_count, set_count; /* 0 but of ANY_OF and REGEX */
    sv text; /* EXACT…CONTAINS without the wildcards, lower case unless cased; NUMBER as written */
    union {
        struct {
            struct sigma_value *alternatives; /* ANY_OF */
            uint16_t *grams;                  /* by alternative, as an item's */
        };
        struct {
            struct text_set *sets; /* REGEX: texts that it cannot match without (sigma_regex.h) */
            struct regex *regex;   /* the owner frees it with sigma_value_free */
        };
        struct {
            const uint16_t *pattern; /* GLOB: bytes, lower case unless cased, and the marks of sigma_text.h */
            size_t pattern_count;
        };
        double number;       /* NUMBER, LESS…GREATER_EQUAL, EXISTS */
        uint8_t address[16]; /* CIDR */
    };
};

/* Scratch memory for one evaluating thread. */
struct sigma_scratch;
struct sigma_scratch *sigma_scratch_new(void);
void sigma_scratch_free(struct sigma_scratch *scratch);

/* How often a regex was given up (watch/regex_run.h), which counts as not matching. */
uint64_t sigma_scratch_limits(const struct sigma_scratch *scratch);

/* Compiles what stands in a rule under that key; plain says that it was written without quotes. In a keyword
 * search (key without field) text is looked for anywhere. False with a message if it has no meaning there. */
bool sigma_value_compile(struct sigma_value *ret, sv text, bool plain, const struct sigma_key *key,
                         const struct sigma_maker *maker);

void sigma_value_free(struct sigma_value *value);

/* What is compared: a value, the same in ASCII lower case if the caller has it (else folded.p is NULL), and
 * its grams if the caller has them (else NULL). */
struct sigma_subject {
    sv text, folded;
    const struct gram_set *grams;
    enum event_field_type type;
};

/* NULL and EXISTS are answered for a field that is present. Not for FIELD. */
bool sigma_value_match(const struct sigma_value *value, const struct sigma_subject *subject,
                       struct sigma_scratch *scratch);

/* FIELD: whether subject stands to what the other field says as the value asks. Nothing compares with null.
 */
bool sigma_value_match_field(const struct sigma_value *value, const struct sigma_subject *subject,
                             const struct sigma_subject *other);

/* A number as YAML writes it: decimal with fraction and exponent, 0x hexadecimal, 0o octal. */
bool sigma_number(sv text, double *ret);

/* An IPv4 (then 4 bytes; a mapped one too) or IPv6 address. */
bool sigma_address(sv text, uint8_t ret[static 16], bool *ret_v6);

/* ASCII lower case of n bytes. */
void sigma_fold(char *dst, const char *src, size_t n);

#endif
