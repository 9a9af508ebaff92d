#include "wire/event.h"

const struct event_field *event_find(const struct event *event, sv name)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (sv_eq(event->fields[i].name, name))
            return &event->fields[i];
    return NULL;
}

sv event_get(const struct event *event, sv name)
{
    const struct event_field *field = event_find(event, name);
    return field ? field->value : SV_NONE;
}
