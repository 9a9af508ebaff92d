/* Decodes one record of any supported form into an event. Pure: the moment of arrival comes in as an
 * argument. */
#ifndef VEDETTE_WIRE_DECODE_H
#define VEDETTE_WIRE_DECODE_H

#include "base/zone.h"
#include "wire/event.h"

enum decode_format {
    DECODE_AUTO, /* tell by the bytes: syslog header, then CEF, LEEF, JSON, XML audit record, known text */
    DECODE_JSON,
    DECODE_CEF,
    DECODE_LEEF,
    DECODE_SYSLOG, /* a syslog header is required; what follows it is told by the bytes */
    DECODE_TEXT,   /* sudo, su, sshd, PAM, auditd, cron or free text, with or without a header */
};

/* "auto", "json", "cef", "leef", "syslog", "text"; false if s is none of them. */
bool decode_format_parse(sv s, enum decode_format *ret);

/* Never fails: a record that has no form we know becomes an event whose only content is raw and message. When
 * format names a form that it does not have, or when JSON breaks off, a field `vedette.decode_error` says
 * what was wrong; JSON, CEF and LEEF may stand behind a syslog header whatever the format. zone is that
 * of times written without one (NULL: UTC). arena bounds the memory: when it is used up the
 * remaining fields are dropped and EVENT_FIELDS_DROPPED is set (32 KiB do for nearly all records, 256 KiB for
 * any that EVENT_BYTES_MAX lets through). The event borrows from raw and from arena. doc/fields.md lists the
 * fields. */
void decode(struct event *ret, sv raw, enum decode_format format, nanos arrival, const struct zone *zone,
            struct arena *arena);

/* What decode would say of the record's log source, as far as its beginning tells it: true if that is sure.
 * Parts that are left empty may be anything. Costs a fraction of decode, and no memory. */
bool decode_source(sv raw, enum decode_format format, struct logsource *ret);

#endif
