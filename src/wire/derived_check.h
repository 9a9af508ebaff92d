/* Holds an event to the promise of wire/derived.h, slowly. For its test and for the fuzz target of decode. */
#ifndef VEDETTE_WIRE_DERIVED_CHECK_H
#define VEDETTE_WIRE_DERIVED_CHECK_H

#include "base/ascii.h"
#include "wire/decode.h"
#include "wire/derived.h"

struct derived_question {
    sv record, name, value; /* value without bytes: is the name told? */
    sv said;                /* then: what the field says */
    sv product;             /* the event's; a NULL view if its format was insisted on */
    bool told;
};

static inline bool derived_stands_in(sv text, sv record)
{
    return text.n == 0 || sv_ifind(record, text) != SV_NPOS;
}

/* Up to the first byte that an escape may stand for. */
static inline sv derived_uncut(sv text)
{
    size_t n = 0;
    while (n < text.n && !derived_cuts(text.p[n]))
        n++;
    return sv_first(text, n);
}

/* Whether the mark stands in the record, and behind it the value, as far as no escape can stand in it, if it
 * must. */
static inline bool derived_mark_is_there(const struct derived *derived,
                                         const struct derived_question *question)
{
    sv rest = question->record;
    if (derived->mark.n == 0)
        return true;
    for (size_t at; (at = sv_find(rest, derived->mark)) != SV_NPOS;) {
        rest = sv_from(rest, at + derived->mark.n);
        size_t place = question->record.n - rest.n - derived->mark.n;
        if (!derived->framed ||
            (sv_starts(rest, derived_uncut(question->said)) && derived_is_frame(question->record, place)))
            return true;
    }
    return false;
}

static inline void derived_answer(void *arg, const struct derived *derived)
{
    struct derived_question *question = arg;
    if (derived->product.n && question->product.p && !sv_eq(derived->product, question->product))
        return;
    question->told |= sv_eq(derived->name, question->name) && sv_eq(derived->value, question->value) &&
                      derived_mark_is_there(derived, question);
}

/* Whether each piece of the text stands in the record. */
static inline bool derived_is_there(sv text, sv record)
{
    size_t from = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && !derived_cuts(text.p[i]))
            continue;
        if (!derived_stands_in(sv_first(sv_from(text, from), i - from), record))
            return false;
        from = i + 1;
    }
    return true;
}

static inline bool derived_is_told(const struct event *event, bool told_apart, sv name, sv value, sv said)
{
    struct derived_question question = {event->raw, name, value, said, SV_NONE, false};
    if (told_apart)
        question.product = event->source.product.n ? event->source.product : SV("");
    derived_each(derived_answer, &question);
    return question.told;
}

/* Whether a value that lies in the record is no part of a longer word, nor a name before an equals sign;
 * zeros may stand before a number. */
static inline bool derived_is_word(sv value, sv record)
{
    if (value.n == 0 || record.n == 0)
        return true;
    const char *end = value.p + value.n, *record_end = record.p + record.n;
    if (value.p < record.p || end > record_end)
        return true;
    bool left = value.p > record.p && ascii_alnum(value.p[0]) && ascii_alnum(value.p[-1]) &&
                !(value.p[-1] == '0' && ascii_digit(value.p[0]));
    bool right = end < record_end && ascii_alnum(end[-1]) && (ascii_alnum(end[0]) || end[0] == '=');
    return !left && !right;
}

static inline sv derived_last_part(sv name)
{
    for (size_t dot; (dot = sv_find_char(name, '.')) != SV_NPOS;)
        name = sv_from(name, dot + 1);
    return name;
}

/* The first field that breaks the promise, or NULL. told_apart: the form was told by the bytes (DECODE_AUTO).
 */
static inline const struct event_field *derived_unexplained(const struct event *event, bool told_apart)
{
    if (derived_is_veiled(event->raw))
        return NULL;
    for (size_t i = 0; i < event->field_count; i++) {
        const struct event_field *field = &event->fields[i];
        bool value = derived_is_there(field->value, event->raw) ||
                     derived_is_told(event, told_apart, field->name, field->value, SV_NONE);
        bool name = derived_is_there(derived_last_part(field->name), event->raw) ||
                    derived_is_told(event, told_apart, field->name, SV_NONE, field->value);
        if (!value || !name || !derived_is_word(field->value, event->raw))
            return field;
    }
    return NULL;
}

/* Whether decode_source says nothing of a record that decode, if it had the memory, did not find. */
static inline bool source_is_told(const struct event *event, sv record, enum decode_format format)
{
    struct logsource told, found = event->source;
    bool used_up = event->flags & EVENT_FIELDS_DROPPED && event->field_count < EVENT_FIELDS_MAX;
    if (used_up || !decode_source(record, format, &told))
        return true;
    return (told.product.n == 0 || sv_eq(told.product, found.product)) &&
           (told.category.n == 0 || sv_eq(told.category, found.category)) &&
           (told.service.n == 0 || sv_eq(told.service, found.service));
}

#endif
