/* Gives Windows events that came as JSON the names and log sources that Sigma's rules use. */
#ifndef VEDETTE_WIRE_WINDOWS_EVENT_H
#define VEDETTE_WIRE_WINDOWS_EVENT_H

#include "wire/decoding.h"
#include "wire/names.h"

/* The flat names, as Sigma's rules write them, that something follows from. */
extern const struct names windows_event_names;

/* True if a field's name is one that only a Windows event has. */
static inline bool windows_event_name(sv name)
{
    switch (name.n ? name.p[0] : '\0') {
    case 'E':
        return sv_starts(name, SV("Event.System."));
    case 'w':
        return sv_starts(name, SV("winlog."));
    case 'C':
        return sv_eq(name, SV("Channel"));
    default:
        return false;
    }
}

/* The log source of an event of that channel and number; its category is left empty where more would have to
 * be known. */
void windows_event_source(sv channel, sv id, struct logsource *ret);

/* For an event whose fields from index `from` on are a Windows event: nested as the system writes it
 * (`Event.System.Channel`, `Event.EventData.Image`), as Winlogbeat does (`winlog.channel`,
 * `winlog.event_data.Image`), or flat (`Channel`, `Image`). Adds the flat names where they are missing, ECS
 * names, the log source by channel and event id, and takes the event's time. */
void windows_event_apply(struct decoding *decoding, size_t from);

#endif
