/* Decodes one record of any supported form into an event. Pure: the moment of arrival comes in as an
 * argument. */
#ifndef VEDETTE_WIRE_DECODE_H
#define VEDETTE_WIRE_DECODE_H

#include "wire/event.h"

enum decode_format {
    DECODE_AUTO, /* tell by the bytes: syslog header, then CEF, LEEF, JSON, XML audit record, known text */
    DECODE_JSON,
    DECODE_CEF,
    DECODE_LEEF,
    DECODE_SYSLOG, /* a syslog header is required; what follows it is told by the bytes */
    DECODE_TEXT,   /* no header: sudo, su, sshd, PAM, auditd, or free text */
};

/* "auto", "json", "cef", "leef", "syslog", "text"; false if s is none of them. */
bool decode_format_parse(sv s, enum decode_format *ret);

/* Never fails: a record that has no form we know becomes an event whose only content is raw and message (and,
 * when format names a form it does not have, a field `vedette.decode_error` saying what was wrong).
 * zone_offset_s is the assumed UTC offset of times written without one. arena bounds the memory: when it is
 * used up the remaining fields are dropped and EVENT_FIELDS_DROPPED is set. The event borrows from raw. */
void decode(struct event *ret, sv raw, enum decode_format format, nanos arrival, int zone_offset_s,
            struct arena *arena);

#endif
