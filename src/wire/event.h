/* An event: one thing that happened, normalised to time, source and named fields. Pure data. */
#ifndef VEDETTE_WIRE_EVENT_H
#define VEDETTE_WIRE_EVENT_H

#include "base/arena.h"
#include "base/timefmt.h"

enum {
    EVENT_BYTES_MAX = 64 * 1024, /* a longer record is cut by its input, which counts it */
    EVENT_FIELDS_MAX = 512,      /* further fields are dropped and EVENT_FIELDS_DROPPED is set */
};

/* Which log a record belongs to, in Sigma's words; each may be empty. */
struct logsource {
    sv product, category, service;
};

enum event_field_type { EVENT_STRING, EVENT_NUMBER, EVENT_BOOLEAN, EVENT_NULL };

/* Fields keep the source's own names (`suser`, `syslog.audit_record.Issuer`); ECS names (`user.name`) stand
 * beside them as further fields. A list in the source gives several fields of one name. */
struct event_field {
    sv name, value;
    enum event_field_type type;
};

enum event_flags {
    EVENT_TRUNCATED = 1, /* the record was longer than EVENT_BYTES_MAX */
    EVENT_FIELDS_DROPPED =
        2, /* it had more than EVENT_FIELDS_MAX fields, or JSON that breaks off or nests too deeply */
    EVENT_TIME_ASSUMED = 4, /* its time is the time of arrival, or its year or zone was guessed */
};

/* All views borrow from the raw record or from the arena that it was decoded into. */
struct event {
    nanos time;    /* when the source says that it happened */
    nanos arrival; /* when we read it */
    sv raw;        /* the record as it came, without its framing */
    sv message; /* the human part: what is left after the syslog header; what keyword rules search is raw */
    const char *format; /* "rfc5424/cef", "json", "text/sshd" …: the decoders that took part */
    struct logsource source;
    struct event_field *fields;
    size_t field_count;
    unsigned flags;
};

/* The first field of that name (case matters, as in Sigma), or NULL. */
const struct event_field *event_find(const struct event *event, sv name);

/* Its value, or the empty view. */
sv event_get(const struct event *event, sv name);

#endif
