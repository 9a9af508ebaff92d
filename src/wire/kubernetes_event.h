/* Gives the Kubernetes API server's audit events (audit.k8s.io/v1) common names. */
#ifndef VEDETTE_WIRE_KUBERNETES_EVENT_H
#define VEDETTE_WIRE_KUBERNETES_EVENT_H

#include "wire/decoding.h"

/* Fields from index `from` on are the audit event's. All of sourceIPs become source addresses: the last is
 * what the API server saw, those before it are the client's word. */
void kubernetes_event_apply(struct decoding *decoding, size_t from);

#endif
