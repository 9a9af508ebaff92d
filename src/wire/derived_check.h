/* Holds an event to the promise of wire/derived.h, slowly. For its test and for the fuzz target of decode. */
#ifndef VEDETTE_WIRE_DERIVED_CHECK_H
#define VEDETTE_WIRE_DERIVED_CHECK_H

#include "wire/derived.h"
#include "wire/event.h"

struct derived_question {
    sv record, name, value; /* value without bytes: is the name told? */
    bool told;
};

static inline bool derived_stands_in(sv text, sv record)
{
    return text.n == 0 || sv_ifind(record, text) != SV_NPOS;
}

static inline void derived_answer(void *arg, const struct derived *derived)
{
    struct derived_question *question = arg;
    question->told |= sv_eq(derived->name, question->name) && sv_eq(derived->value, question->value) &&
                      derived_stands_in(derived->mark, question->record);
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

static inline bool derived_is_told(sv record, sv name, sv value)
{
    struct derived_question question = {record, name, value, false};
    derived_each(derived_answer, &question);
    return question.told;
}

static inline sv derived_last_part(sv name)
{
    for (size_t dot; (dot = sv_find_char(name, '.')) != SV_NPOS;)
        name = sv_from(name, dot + 1);
    return name;
}

/* The first field that breaks the promise, or NULL. */
static inline const struct event_field *derived_unexplained(const struct event *event)
{
    if (derived_is_veiled(event->raw))
        return NULL;
    for (size_t i = 0; i < event->field_count; i++) {
        const struct event_field *field = &event->fields[i];
        bool value = derived_is_there(field->value, event->raw) ||
                     derived_is_told(event->raw, field->name, field->value);
        bool name = derived_is_there(derived_last_part(field->name), event->raw) ||
                    derived_is_told(event->raw, field->name, SV_NONE);
        if (!value || !name)
            return field;
    }
    return NULL;
}

#endif
