/* The event that rules are tried on: a field is looked for when a rule first asks for it, and what a search
 * needs of a value is made once. */
#ifndef VEDETTE_WATCH_MATCH_EVENT_H
#define VEDETTE_WATCH_MATCH_EVENT_H

#include "watch/sigma_fields.h"
#include "watch/sigma_value.h"

enum { MATCH_NO_FIELD = UINT16_MAX };

/* Where a slot's fields are in the current event; stale unless event is the current one's number. */
struct match_slot {
    uint64_t event;
    uint16_t first;
};

struct match_event {
    const struct event *event;
    size_t count; /* of its fields, at most EVENT_FIELDS_MAX */
    uint64_t number;
    const struct sigma_fields *names;
    struct match_slot *slots;
    uint8_t lengths[EVENT_FIELDS_MAX]; /* of the fields' names: their last eight bits */
    bool made[EVENT_FIELDS_MAX];
    uint16_t next[EVENT_FIELDS_MAX]; /* the next field of the same slot, or MATCH_NO_FIELD */
    struct sigma_subject subjects[EVENT_FIELDS_MAX], raw, message;
    char *fold;
    size_t fold_n;
    struct gram_set *grams;
    size_t grams_n;
};

/* For rules whose fields have those names, which must outlive it. */
struct match_event *match_event_new(const struct sigma_fields *names);
void match_event_free(struct match_event *match);

/* Borrows the event until the next one. */
void match_event_begin(struct match_event *match, const struct event *event);

/* What is compared of a field, by its place in the event. */
struct sigma_subject *match_event_subject(struct match_event *match, size_t field);

uint16_t match_event_find(struct match_event *match, uint32_t slot);

/* The first field of that slot, or MATCH_NO_FIELD; match->next leads to the others. */
static inline uint16_t match_event_first(struct match_event *match, uint32_t slot)
{
    const struct match_slot *known = &match->slots[slot];
    return known->event == match->number ? known->first : match_event_find(match, slot);
}

/* Makes the lower-case copy that a search needs, once, while there is room. */
void match_event_fold(struct match_event *match, struct sigma_subject *subject);

/* Makes the grams too, by which most values are ruled out. */
void match_event_grams(struct match_event *match, struct sigma_subject *subject);

#endif
