/* Decodes the XML that CyberArk's Vault sends when no translator is set: one audit or monitor record. */
#ifndef VEDETTE_WIRE_XML_EVENT_H
#define VEDETTE_WIRE_XML_EVENT_H

#include "wire/decoding.h"

/* Adds a field `syslog.audit_record.TAG` (or `syslog.monitor_record.TAG`) for every element that has text or
 * nothing in it, and gives the event its meaning. The same names as in the Vault's JSON. False, and nothing
 * added, if body is no such record. A record that breaks off keeps what came before. */
bool xml_event_decode(struct decoding *decoding, sv body);

#endif
