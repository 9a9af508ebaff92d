/* For tests: a correlator over three small rules a, b and c, and what it finds. */
#ifndef VEDETTE_WATCH_CORRELATOR_FIXTURE_H
#define VEDETTE_WATCH_CORRELATOR_FIXTURE_H

#include "watch/correlator.h"

#define SECOND NANOS_PER_SECOND
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
/* 2026-01-05T00:00:00Z, a Monday */
#define MONDAY (1767571200LL * SECOND)

/* What was found: "title@ordinal " each; and the last one's sentence. */
struct found {
    char text[20000], seen[600], group[200];
    size_t n, count;
};

struct bench {
    struct ruleset *ruleset;
    struct correlator *correlator;
    struct found found;
    uint64_t ordinal;
    nanos arrival;
};

extern const struct correlator_limits usual_limits;

/* The correlations' documents, separated by "---". */
struct bench *bench_of(const char *correlations, const struct correlator_limits *limits);
void bench_end(struct bench *bench);

/* One event: rule, and "name=value name=value". It arrives at `arrival`. */
void feed_at(struct bench *bench, const char *rule, nanos time, nanos arrival, const char *pairs);

/* The same, arriving when it happened, or as soon as those before it. */
void feed(struct bench *bench, const char *rule, nanos time, const char *pairs);

void expect(struct bench *bench, const char *expected);
void expect_seen(struct bench *bench, const char *part);

/* Takes all state out and puts it into a correlator of the same rules, which goes on. */
void bench_restart(struct bench *bench, nanos now);

#endif
