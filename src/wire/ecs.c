#include "wire/ecs.h"

#include "wire/derive.h"

const struct names ecs_cef = {
    .by_length = {
        [3] = NAMES(NAME("src", ECS_SOURCE), NAME("dst", ECS_DESTINATION), NAME("spt", ECS_SOURCE_PORT),
                    NAME("dpt", ECS_DESTINATION_PORT), NAME("act", ECS_EVENT_ACTION),
                    NAME("app", ECS_NETWORK_PROTOCOL)),
        [4] =
            NAMES(NAME("suid", ECS_USER_ID), NAME("duid", ECS_USER_TARGET_ID), NAME("spid", ECS_PROCESS_PID)),
        [5] = NAMES(NAME("suser", ECS_USER_NAME), NAME("duser", ECS_USER_TARGET_NAME),
                    NAME("shost", ECS_SOURCE), NAME("dhost", ECS_DESTINATION), NAME("fname", ECS_FILE_NAME),
                    NAME("sproc", ECS_PROCESS_NAME), NAME("proto", ECS_NETWORK_TRANSPORT)),
        [6] = NAMES(NAME("reason", ECS_EVENT_REASON), NAME("sntdom", ECS_USER_DOMAIN),
                    NAME("dntdom", ECS_USER_TARGET_DOMAIN)),
        [7] = NAMES(NAME("outcome", ECS_EVENT_OUTCOME), NAME("request", ECS_URL_ORIGINAL),
                    NAME("dvchost", ECS_HOST_NAME)),
        [8] = NAMES(NAME("filePath", ECS_FILE_PATH)),
        [10] = NAMES(NAME("externalId", ECS_EVENT_ID)),
    }};

const struct names ecs_leef = {
    .by_length = {
        [3] = NAMES(NAME("src", ECS_SOURCE), NAME("dst", ECS_DESTINATION), NAME("act", ECS_EVENT_ACTION),
                    NAME("url", ECS_URL_ORIGINAL)),
        [4] = NAMES(NAME("role", ECS_USER_ROLES)),
        [5] = NAMES(NAME("suser", ECS_USER_NAME), NAME("duser", ECS_USER_TARGET_NAME),
                    NAME("shost", ECS_SOURCE), NAME("dhost", ECS_DESTINATION), NAME("fname", ECS_FILE_NAME),
                    NAME("proto", ECS_NETWORK_TRANSPORT)),
        [6] = NAMES(NAME("reason", ECS_EVENT_REASON), NAME("domain", ECS_USER_DOMAIN),
                    NAME("policy", ECS_RULE_NAME)),
        [7] = NAMES(NAME("usrName", ECS_USER_NAME), NAME("srcPort", ECS_SOURCE_PORT),
                    NAME("dstPort", ECS_DESTINATION_PORT)),
        [11] = NAMES(NAME("accountName", ECS_USER_TARGET_NAME)),
        [13] = NAMES(NAME("identHostName", ECS_SOURCE)),
    }};

const struct names ecs_auditd = {
    .by_length = {
        [3] =
            NAMES(NAME("exe", ECS_PROCESS_EXECUTABLE), NAME("pid", ECS_PROCESS_PID), NAME("uid", ECS_USER_ID),
                  NAME("cwd", ECS_PROCESS_WORKING_DIRECTORY), NAME("cmd", ECS_PROCESS_COMMAND_LINE)),
        [4] = NAMES(NAME("comm", ECS_PROCESS_NAME), NAME("ppid", ECS_PROCESS_PARENT_PID),
                    NAME("auid", ECS_USER_AUDIT_ID), NAME("AUID", ECS_USER_AUDIT_NAME),
                    NAME("euid", ECS_USER_EFFECTIVE_ID), NAME("EUID", ECS_USER_EFFECTIVE_NAME),
                    NAME("name", ECS_FILE_PATH), NAME("addr", ECS_SOURCE), NAME("node", ECS_HOST_NAME),
                    NAME("unit", ECS_SERVICE_NAME)),
        [9] = NAMES(NAME("proctitle", ECS_PROCESS_COMMAND_LINE)),
    }};

enum form { FORM_TEXT, FORM_NUMBER, FORM_SOURCE, FORM_DESTINATION };

static const struct {
    sv text;
    enum form form;
} known[] = {
#define X(id, name, form) [ECS_##id] = {SV_INIT(name), FORM_##form},
    ECS_NAMES(X)
#undef X
};

sv ecs_text(enum ecs ecs)
{
    return known[ecs].text;
}

static bool names_nothing(sv value)
{
    return value.n == 0 || (value.n == 1 && (value.p[0] == '-' || value.p[0] == '?')) ||
           sv_eq(value, SV("(null)"));
}

/* The audit system's way to say that nobody logged in. */
static bool is_unset(enum ecs ecs, sv value)
{
    return (ecs == ECS_USER_AUDIT_ID && sv_eq(value, SV("4294967295"))) ||
           (ecs == ECS_USER_AUDIT_NAME && sv_eq(value, SV("unset")));
}

void ecs_add(struct decoding *decoding, enum ecs ecs, sv value)
{
    if (names_nothing(value) || is_unset(ecs, value))
        return;
    switch (known[ecs].form) {
    case FORM_TEXT:
        decoding_add(decoding, known[ecs].text, value);
        return;
    case FORM_NUMBER:
        decoding_add_number(decoding, known[ecs].text, value);
        return;
    case FORM_SOURCE:
        decoding_add_address(decoding, DECODING_SOURCE, value);
        return;
    case FORM_DESTINATION:
        decoding_add_address(decoding, DECODING_DESTINATION, value);
        return;
    }
}

void ecs_apply(struct decoding *decoding, const struct names *names, size_t from)
{
    struct event *event = decoding->event;
    for (size_t i = from, end = event->field_count; i < end; i++) {
        /* event->fields may move while fields are added. */
        struct event_field field = event->fields[i];
        int ecs = names_find(names, field.name);
        if (ecs >= 0)
            ecs_add(decoding, (enum ecs)ecs, field.value);
    }
}

/* Nearly all of them come from names of many kinds; only of the event's code, which rules ask for by number,
 * it is told where it may come from: here, and beside the devices. */
void ecs_derive(const struct derive *derive)
{
    static const sv codes[] = {SV_INIT("event_id"), SV_INIT("MessageID")};
    static const sv more[] = {SV_INIT("source.ip"), SV_INIT("source.domain"), SV_INIT("destination.ip"),
                              SV_INIT("destination.domain")};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (i != ECS_EVENT_CODE)
            derive_name(derive, known[i].text, SV_NONE);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        derive_name(derive, more[i], SV_NONE);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        derive_name(derive, ecs_text(ECS_EVENT_CODE), codes[i]);
    derive->fn(
        derive->arg,
        &(struct derived){.name = ecs_text(ECS_EVENT_CODE), .mark = SV("EventID"), .product = SV("windows")});
}
