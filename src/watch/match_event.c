#include "watch/match_event.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FOLD_BYTES_MAX = 8 * EVENT_BYTES_MAX, /* lower-case copies made for one event */
    GRAM_SETS_MAX = 64,                   /* values whose grams are made for one event */
};

struct match_event *match_event_new(const struct sigma_fields *names)
{
    struct match_event *match = calloc(1, sizeof *match);
    assert(match);
    match->names = names;
    match->slots = calloc(sigma_fields_count(names) + 1, sizeof *match->slots);
    match->fold = malloc(FOLD_BYTES_MAX);
    match->grams = calloc(GRAM_SETS_MAX, sizeof *match->grams);
    assert(match->slots && match->fold && match->grams);
    return match;
}

void match_event_free(struct match_event *match)
{
    if (!match)
        return;
    free(match->slots);
    free(match->fold);
    free(match->grams);
    free(match);
}

void match_event_begin(struct match_event *match, const struct event *event)
{
    match->event = event;
    match->number++;
    match->fold_n = match->grams_n = 0;
    match->raw = (struct sigma_subject){.text = event->raw};
    match->message = (struct sigma_subject){.text = event->message};
    match->count = event->field_count < EVENT_FIELDS_MAX ? event->field_count : EVENT_FIELDS_MAX;
    for (size_t i = 0; i < match->count; i++)
        match->lengths[i] = (uint8_t)event->fields[i].name.n;
    memset(match->made, 0, match->count * sizeof *match->made);
}

struct sigma_subject *match_event_subject(struct match_event *match, size_t field)
{
    struct sigma_subject *subject = &match->subjects[field];
    if (!match->made[field]) {
        const struct event_field *from = &match->event->fields[field];
        *subject = (struct sigma_subject){.text = from->value, .type = from->type};
        match->made[field] = true;
    }
    return subject;
}

/* Most names of one length differ in their last byte or in the middle. */
static bool is_named(const struct event_field *field, sv name)
{
    size_t n = name.n;
    return field->name.n == n &&
           (n == 0 || (field->name.p[n - 1] == name.p[n - 1] && field->name.p[n / 2] == name.p[n / 2] &&
                       memcmp(field->name.p, name.p, n) == 0));
}

uint16_t match_event_find(struct match_event *match, uint32_t slot)
{
    const struct event_field *fields = match->event->fields;
    sv name = sigma_fields_name(match->names, slot);
    uint8_t *end = match->lengths + match->count, *hit;
    uint16_t *link = &match->slots[slot].first;
    for (uint8_t *at = match->lengths; (hit = memchr(at, (uint8_t)name.n, (size_t)(end - at)));
         at = hit + 1) {
        uint16_t field = (uint16_t)(hit - match->lengths);
        if (!is_named(&fields[field], name))
            continue;
        match_event_subject(match, field);
        *link = field;
        link = &match->next[field];
    }
    *link = MATCH_NO_FIELD;
    match->slots[slot].event = match->number;
    return match->slots[slot].first;
}

void match_event_fold(struct match_event *match, struct sigma_subject *subject)
{
    if (subject->folded.p || subject->text.n > FOLD_BYTES_MAX - match->fold_n)
        return;
    char *copy = match->fold + match->fold_n;
    sigma_fold(copy, subject->text.p, subject->text.n);
    subject->folded = (sv){copy, subject->text.n};
    match->fold_n += subject->text.n;
}

void match_event_grams(struct match_event *match, struct sigma_subject *subject)
{
    if (subject->grams || subject->text.n > GRAM_TEXT_MAX || match->grams_n == GRAM_SETS_MAX)
        return;
    match_event_fold(match, subject);
    if (!subject->folded.p)
        return;
    struct gram_set *set = &match->grams[match->grams_n++];
    gram_set_make(set, subject->folded);
    subject->grams = set;
}
