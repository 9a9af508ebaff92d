/* Recognises whose JSON an event is by the names in it, and gives it their meaning. */
#ifndef VEDETTE_WIRE_JSON_SHAPE_H
#define VEDETTE_WIRE_JSON_SHAPE_H

#include "wire/decoding.h"

/* Looks at the fields from index `from` on. CyberArk's audit and monitor records and audit service,
 * Windows events, Kubernetes' and HashiCorp Vault's audit logs, and plain JSON with common names. A record of
 * the systemd journal gets its MESSAGE as the event's message: true, and then that is to be decoded as text.
 */
bool json_shape_apply(struct decoding *decoding, size_t from);

/* What decode will say of the log source of a record whose text, behind its head, is such JSON: true if that
 * is sure. Reads only as far as it must. */
bool json_shape_source(sv body, struct logsource *ret);

#endif
