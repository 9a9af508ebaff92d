/* The names of the fields that rules ask for, each with a slot: so evaluation never searches by name. */
#ifndef VEDETTE_WATCH_SIGMA_FIELDS_H
#define VEDETTE_WATCH_SIGMA_FIELDS_H

#include "base/arena.h"

struct sigma_fields;

#define SIGMA_NO_SLOT UINT32_MAX

/* Names are copied into arena, which must outlive the table. */
struct sigma_fields *sigma_fields_new(struct arena *arena);
void sigma_fields_free(struct sigma_fields *fields);

/* The name's slot, a new one if need be; case matters, slots count up from 0. SIGMA_NO_SLOT when the arena is
 * full. */
uint32_t sigma_fields_intern(struct sigma_fields *fields, sv name);

size_t sigma_fields_count(const struct sigma_fields *fields);
sv sigma_fields_name(const struct sigma_fields *fields, uint32_t slot);

#endif
