/* Reads syslog headers: RFC 5424, RFC 3164, and the forms that real devices send instead. Pure. */
#ifndef VEDETTE_WIRE_SYSLOG_H
#define VEDETTE_WIRE_SYSLOG_H

#include "wire/decoding.h"

enum syslog_form { SYSLOG_RFC3164, SYSLOG_RFC5424 };

/* Views borrow from the record; what was not written, or as "-", is empty. */
struct syslog_header {
    enum syslog_form form;
    int priority; /* 0 to 191, −1 if it was not written */
    bool timed;
    struct civil time; /* if timed */
    sv hostname;
    sv tag; /* RFC 5424: APP-NAME */
    sv pid; /* RFC 5424: PROCID */
    sv message_id;
    sv structured_data; /* well-formed, or empty */
    sv message;
};

/* False if the record begins with neither a priority nor a time. RFC 5424 without its
 * last fields ("half-5424": a version, a time and a host name, then the message) is taken as RFC 5424. */
bool syslog_parse(sv record, struct syslog_header *ret);

/* Cuts "tag[pid]: " or "tag: " off the front of *s. False, and all untouched, if it has none. */
bool syslog_take_tag(sv *s, sv *ret_tag, sv *ret_pid);

/* True where a message of a structured form begins (CEF, LEEF, JSON, XML, an audit record): what no host name
 * or tag begins with. */
static inline bool syslog_is_body(sv s)
{
    switch (s.n ? s.p[0] : '\0') {
    case '{':
    case '<':
        return true;
    case 'C':
        return sv_starts(s, SV("CEF:"));
    case 'L':
        return sv_starts(s, SV("LEEF:"));
    case 't':
        return sv_starts(s, SV("type="));
    default:
        return false;
    }
}

/* Gives the event what the header says: its fields, its time, its message. */
void syslog_apply(struct decoding *decoding, const struct syslog_header *header);

#endif
