/* A finding: what a rule matched, as it travels from watch to courier. */
#ifndef VEDETTE_WIRE_FINDING_H
#define VEDETTE_WIRE_FINDING_H

#include "wire/event.h"
#include "wire/pack.h"

enum {
    FINDING_FIELDS_MAX = 64, /* of an event with more, empty ones are left out, then those in the middle */
    FINDING_VALUE_BYTES_MAX = 2048, /* a longer value is cut at a character and ends in "…" */
    FINDING_RAW_BYTES_MAX = 8192,
    FINDING_BYTES_MAX = 256 * 1024, /* one packed finding */
};

/* Sigma's levels, least severe first. */
enum severity { SEVERITY_INFORMATIONAL, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

const char *severity_name(enum severity severity);
bool severity_parse(sv s, enum severity *ret);

/* All views borrow: from the rule and the event before packing, from the message's bytes after unpacking. */
struct finding {
    nanos event_time;  /* as the source says */
    nanos received_at; /* when the record was read */
    nanos matched_at;  /* when the rule had been evaluated */
    sv input;          /* the input's name, e.g. "syslog udp://127.0.0.1:5514" */
    sv rule_id, rule_title, author, description;
    sv response;        /* what to do, from the rule's `vedette.response`; may be empty */
    sv false_positives; /* newline separated; may be empty */
    sv references;      /* newline separated; may be empty */
    sv tags;            /* space separated, e.g. "attack.privilege_escalation attack.t1548.003" */
    enum severity severity;
    sv raw;
    sv message; /* the part after the syslog header; what tells findings apart that name nobody */
    struct event_field *fields;
    size_t field_count;
};

void finding_pack(struct pack *pack, const struct finding *finding);

/* fields are allocated in arena. False if the bytes are not a finding. */
bool finding_unpack(struct unpack *unpack, struct finding *ret, struct arena *arena);

#endif
