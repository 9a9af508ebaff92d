/* What the decoders' tests share: a record, and what must come of it. */
#ifndef VEDETTE_WIRE_DECODING_TEST_H
#define VEDETTE_WIRE_DECODING_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire/decode.h"

enum { EXPECTED_FIELDS_MAX = 24 };

/* 2026-11-24T08:00:00Z */
#define TEST_ARRIVAL (1795507200LL * NANOS_PER_SECOND)

/* A field's expected value; ABSENT where there must be none of that name. */
#define ABSENT "\x01 absent"

struct decoded {
    const char *record;
    const char *format; /* NULL: any */
    const char *source; /* "product/category/service"; NULL: any */
    const char *fields[EXPECTED_FIELDS_MAX][2];
};

static inline void check_field(const struct event *event, const char *record, const char *name,
                               const char *expected)
{
    const struct event_field *field = event_find(event, sv_of(name));
    if (sv_eq(sv_of(expected), SV(ABSENT))) {
        if (field)
            fail_msg("%s\n%s should not be there, is \"%.*s\"", record, name, SV_ARG(field->value));
    } else if (!field) {
        fail_msg("%s\nthere is no %s", record, name);
    } else if (!sv_eq(field->value, sv_of(expected))) {
        fail_msg("%s\n%s is \"%.*s\", not \"%s\"", record, name, SV_ARG(field->value), expected);
    }
}

static inline void check_decoded_as(const struct decoded *decoded, enum decode_format format)
{
    struct arena *arena = arena_new(256 * 1024);
    struct event event;
    char source[128];
    decode(&event, sv_of(decoded->record), format, TEST_ARRIVAL, NULL, arena);
    snprintf(source, sizeof source, "%.*s/%.*s/%.*s", SV_ARG(event.source.product),
             SV_ARG(event.source.category), SV_ARG(event.source.service));
    if (decoded->format && !sv_eq(sv_of(decoded->format), sv_of(event.format)))
        fail_msg("%s\nformat is %s, not %s", decoded->record, event.format, decoded->format);
    if (decoded->source && !sv_eq(sv_of(decoded->source), sv_of(source)))
        fail_msg("%s\nsource is %s, not %s", decoded->record, source, decoded->source);
    for (size_t i = 0; i < EXPECTED_FIELDS_MAX && decoded->fields[i][0]; i++)
        check_field(&event, decoded->record, decoded->fields[i][0], decoded->fields[i][1]);
    arena_free(arena);
}

#define CHECK_ALL(cases)                                            \
    for (size_t i_ = 0; i_ < sizeof(cases) / sizeof *(cases); i_++) \
    check_decoded_as(&(cases)[i_], DECODE_AUTO)

#endif
