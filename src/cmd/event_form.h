/* What a command takes its events for: --format, --logsource and --time-zone. */
#ifndef VEDETTE_CMD_EVENT_FORM_H
#define VEDETTE_CMD_EVENT_FORM_H

#include "cmd/options.h"
#include "wire/decode.h"

struct event_form {
    const char *format_text, *source_text, *zone_text; /* as given, or NULL */
    enum decode_format format;
    struct logsource source; /* views into source_text */
    struct zone *zone;       /* of times written without one */
};

/* The options, to stand in a command's table. */
#define EVENT_FORM_OPTION(form)                                                                    \
    {                                                                                              \
        "format", 0, OPTION_TEXT, "FORM", "auto, json, cef, leef, syslog or text (default: auto)", \
            &(form).format_text                                                                    \
    }
#define EVENT_SOURCE_OPTION(form)                                                                            \
    {                                                                                                        \
        "logsource", 0, OPTION_TEXT, "P/C/S", "product/category/service of every event; parts may be empty", \
            &(form).source_text                                                                              \
    }

#define EVENT_ZONE_OPTION(form)                                                                            \
    {                                                                                                      \
        "time-zone", 0, OPTION_TEXT, "NAME",                                                               \
            "zone of times written without one: Europe/Berlin (default: the machine's)", &(form).zone_text \
    }

/* Reads what was given. −1: there is no such form, or no such zone. */
int event_form_read(struct event_form *form, struct err *err);
void event_form_end(struct event_form *form);

/* The log source that every event has, or NULL: each tells its own. */
const struct logsource *event_form_source(const struct event_form *form);

/* Decodes as the options say, as if it came at `now`. */
void event_form_decode(const struct event_form *form, sv record, nanos now, struct arena *arena,
                       struct event *ret);

#endif
