/* The Elastic Common Schema names that stand beside a source's own: one table of names for each kind of
 * source. */
#ifndef VEDETTE_WIRE_ECS_H
#define VEDETTE_WIRE_ECS_H

#include "wire/decoding.h"
#include "wire/names.h"

/* what it is, its name, its form. An address becomes `….address` and `….ip` or `….domain`. */
#define ECS_NAMES(X)                                                    \
    X(SOURCE, "source.address", SOURCE)                                 \
    X(DESTINATION, "destination.address", DESTINATION)                  \
    X(SOURCE_PORT, "source.port", NUMBER)                               \
    X(DESTINATION_PORT, "destination.port", NUMBER)                     \
    X(USER_NAME, "user.name", TEXT)                                     \
    X(USER_ID, "user.id", TEXT)                                         \
    X(USER_DOMAIN, "user.domain", TEXT)                                 \
    X(USER_ROLES, "user.roles", TEXT)                                   \
    X(USER_TARGET_NAME, "user.target.name", TEXT)                       \
    X(USER_TARGET_ID, "user.target.id", TEXT)                           \
    X(USER_TARGET_DOMAIN, "user.target.domain", TEXT)                   \
    X(USER_EFFECTIVE_NAME, "user.effective.name", TEXT)                 \
    X(USER_EFFECTIVE_ID, "user.effective.id", TEXT)                     \
    X(USER_AUDIT_NAME, "user.audit.name", TEXT)                         \
    X(USER_AUDIT_ID, "user.audit.id", TEXT)                             \
    X(GROUP_NAME, "group.name", TEXT)                                   \
    X(HOST_NAME, "host.name", TEXT)                                     \
    X(EVENT_ACTION, "event.action", TEXT)                               \
    X(EVENT_CODE, "event.code", TEXT)                                   \
    X(EVENT_ID, "event.id", TEXT)                                       \
    X(EVENT_OUTCOME, "event.outcome", TEXT)                             \
    X(EVENT_PROVIDER, "event.provider", TEXT)                           \
    X(EVENT_REASON, "event.reason", TEXT)                               \
    X(PROCESS_NAME, "process.name", TEXT)                               \
    X(PROCESS_PID, "process.pid", NUMBER)                               \
    X(PROCESS_EXECUTABLE, "process.executable", TEXT)                   \
    X(PROCESS_COMMAND_LINE, "process.command_line", TEXT)               \
    X(PROCESS_WORKING_DIRECTORY, "process.working_directory", TEXT)     \
    X(PROCESS_PARENT_PID, "process.parent.pid", NUMBER)                 \
    X(PROCESS_PARENT_EXECUTABLE, "process.parent.executable", TEXT)     \
    X(PROCESS_PARENT_COMMAND_LINE, "process.parent.command_line", TEXT) \
    X(FILE_NAME, "file.name", TEXT)                                     \
    X(FILE_PATH, "file.path", TEXT)                                     \
    X(REGISTRY_PATH, "registry.path", TEXT)                             \
    X(SERVICE_NAME, "service.name", TEXT)                               \
    X(DNS_QUESTION_NAME, "dns.question.name", TEXT)                     \
    X(NETWORK_TRANSPORT, "network.transport", TEXT)                     \
    X(NETWORK_PROTOCOL, "network.protocol", TEXT)                       \
    X(URL_ORIGINAL, "url.original", TEXT)                               \
    X(RULE_NAME, "rule.name", TEXT)

enum ecs {
#define X(id, name, form) ECS_##id,
    ECS_NAMES(X)
#undef X
};

/* The source's name → enum ecs. */
extern const struct names ecs_cef;    /* CEF's dictionary */
extern const struct names ecs_leef;   /* LEEF's, and what senders carry over from CEF's */
extern const struct names ecs_auditd; /* records of the Linux audit system */

sv ecs_text(enum ecs ecs);

/* Adds one field under its ECS name. A value that names nothing (empty, "-", "?", "(null)") gets none. */
void ecs_add(struct decoding *decoding, enum ecs ecs, sv value);

/* Adds the ECS names of the event's fields from index `from` on. */
void ecs_apply(struct decoding *decoding, const struct names *names, size_t from);

#endif
