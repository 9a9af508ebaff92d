#include "wire/json_shape.h"

#include "wire/cyberark.h"
#include "wire/derive.h"
#include "wire/ecs.h"
#include "wire/kubernetes_event.h"
#include "wire/syslog_time.h"
#include "wire/windows_event.h"

enum key {
    KEY_MESSAGE,
    KEY_IDENTIFIER,
    KEY_COMM,
    KEY_JOURNAL_PID,
    KEY_JOURNAL_HOST,
    KEY_JOURNAL_TIME,
    KEY_TIME,
    KEY_TYPE,
    KEY_ERROR,
    KEY_VAULT_PATH,
    KEY_VAULT_OPERATION,
    KEY_VAULT_USER,
    KEY_VAULT_ADDRESS,
    KEY_API_VERSION,
    KEY_AUDIT_ID,
    KEY_AUDIT_CODE,
    KEY_AUDIT_TYPE,
    KEY_COUNT,
};

static const struct names keys = {
    .by_length = {
        [4] = NAMES(NAME("time", KEY_TIME), NAME("_PID", KEY_JOURNAL_PID), NAME("type", KEY_TYPE)),
        [5] = NAMES(NAME("_COMM", KEY_COMM), NAME("error", KEY_ERROR)),
        [7] = NAMES(NAME("MESSAGE", KEY_MESSAGE), NAME("auditID", KEY_AUDIT_ID)),
        [9] = NAMES(NAME("timestamp", KEY_TIME), NAME("_HOSTNAME", KEY_JOURNAL_HOST),
                    NAME("eventTime", KEY_TIME), NAME("auditCode", KEY_AUDIT_CODE),
                    NAME("auditType", KEY_AUDIT_TYPE)),
        [10] = NAMES(NAME("@timestamp", KEY_TIME), NAME("apiVersion", KEY_API_VERSION)),
        [12] = NAMES(NAME("request.path", KEY_VAULT_PATH)),
        [14] = NAMES(NAME("stageTimestamp", KEY_TIME)),
        [17] =
            NAMES(NAME("SYSLOG_IDENTIFIER", KEY_IDENTIFIER), NAME("request.operation", KEY_VAULT_OPERATION),
                  NAME("auth.display_name", KEY_VAULT_USER)),
        [20] = NAMES(NAME("__REALTIME_TIMESTAMP", KEY_JOURNAL_TIME)),
        [22] = NAMES(NAME("request.remote_address", KEY_VAULT_ADDRESS)),
    }};

/* What programs commonly call things that ECS has a name for. */
static const struct names plain = {
    .by_length = {
        [2] = NAMES(NAME("ip", ECS_SOURCE)),
        [4] = NAMES(NAME("user", ECS_USER_NAME), NAME("host", ECS_HOST_NAME)),
        [6] = NAMES(NAME("action", ECS_EVENT_ACTION), NAME("src_ip", ECS_SOURCE),
                    NAME("dst_ip", ECS_DESTINATION), NAME("reason", ECS_EVENT_REASON)),
        [7] = NAMES(NAME("outcome", ECS_EVENT_OUTCOME)),
        [8] = NAMES(NAME("username", ECS_USER_NAME), NAME("hostname", ECS_HOST_NAME),
                    NAME("src_port", ECS_SOURCE_PORT), NAME("event_id", ECS_EVENT_CODE)),
        [9] = NAMES(NAME("user_name", ECS_USER_NAME), NAME("source_ip", ECS_SOURCE),
                    NAME("client_ip", ECS_SOURCE), NAME("eventName", ECS_EVENT_ACTION)),
        [11] = NAMES(NAME("remote_addr", ECS_SOURCE), NAME("target_user", ECS_USER_TARGET_NAME)),
    }};

enum shape { SHAPE_PLAIN, SHAPE_AUDIT_RECORD, SHAPE_MONITOR_RECORD, SHAPE_WINDOWS };

static enum shape shape_of(const struct event *event, size_t from, sv *values)
{
    enum shape shape = SHAPE_PLAIN;
    for (size_t i = from; i < event->field_count; i++) {
        sv name = event->fields[i].name;
        if (name.p[0] == 's' && sv_starts(name, CYBERARK_RECORD_PREFIX))
            return SHAPE_AUDIT_RECORD;
        if (name.p[0] == 's' && sv_starts(name, SV("syslog.monitor_record.")))
            return SHAPE_MONITOR_RECORD;
        if (windows_event_name(name))
            shape = SHAPE_WINDOWS;
        int key = names_find(&keys, name);
        if (key >= 0 && values[key].n == 0)
            values[key] = event->fields[i].value;
    }
    return shape;
}

/* RFC 3339 in some form, or a count of seconds or milliseconds. */
static void take_time(struct decoding *decoding, sv value)
{
    uint64_t ms;
    struct civil civil;
    if (value.n == 13 && sv_to_u64(value, &ms))
        decoding_set_time_since_epoch(decoding, ms, NANOS_PER_MS);
    else if (value.n == 10 && sv_to_u64(value, &ms))
        decoding_set_time_since_epoch(decoding, ms, NANOS_PER_SECOND);
    else if (syslog_time_take(&value, &civil))
        syslog_time_apply(decoding, &civil);
}

static void apply_journal(struct decoding *decoding, const sv *values)
{
    uint64_t us;
    decoding->event->message = values[KEY_MESSAGE];
    decoding->program = values[KEY_IDENTIFIER].n ? values[KEY_IDENTIFIER] : values[KEY_COMM];
    if (values[KEY_JOURNAL_TIME].n <= 16 && sv_to_u64(values[KEY_JOURNAL_TIME], &us))
        decoding_set_time_since_epoch(decoding, us, 1000);
    ecs_add(decoding, ECS_HOST_NAME, values[KEY_JOURNAL_HOST]);
    ecs_add(decoding, ECS_PROCESS_NAME, decoding->program);
    ecs_add(decoding, ECS_PROCESS_PID, values[KEY_JOURNAL_PID]);
}

static void apply_hashicorp_vault(struct decoding *decoding, const sv *values)
{
    ecs_add(decoding, ECS_EVENT_ACTION, values[KEY_VAULT_OPERATION]);
    ecs_add(decoding, ECS_EVENT_OUTCOME, values[KEY_ERROR].n ? SV("failure") : SV("success"));
    ecs_add(decoding, ECS_EVENT_PROVIDER, SV("HashiCorp Vault"));
    ecs_add(decoding, ECS_USER_NAME, values[KEY_VAULT_USER]);
    ecs_add(decoding, ECS_SOURCE, values[KEY_VAULT_ADDRESS]);
    ecs_add(decoding, ECS_URL_ORIGINAL, values[KEY_VAULT_PATH]);
    decoding->event->source = (struct logsource){.product = SV("hashicorp"), .service = SV("vault")};
}

static bool apply_plain(struct decoding *decoding, size_t from, const sv *values)
{
    if (values[KEY_MESSAGE].n && (values[KEY_IDENTIFIER].n || values[KEY_COMM].n)) {
        apply_journal(decoding, values);
        return true;
    }
    if (values[KEY_AUDIT_ID].n && sv_starts(values[KEY_API_VERSION], SV("audit.k8s.io/")))
        kubernetes_event_apply(decoding, from);
    else if (values[KEY_AUDIT_CODE].n && values[KEY_AUDIT_TYPE].n)
        cyberark_apply_audit(decoding, from);
    else if (values[KEY_VAULT_PATH].n && values[KEY_VAULT_OPERATION].n && values[KEY_TYPE].n)
        apply_hashicorp_vault(decoding, values);
    else
        ecs_apply(decoding, &plain, from);
    return false;
}

bool json_shape_apply(struct decoding *decoding, size_t from)
{
    sv values[KEY_COUNT] = {0};
    enum shape shape = shape_of(decoding->event, from, values);
    if (values[KEY_TIME].n)
        take_time(decoding, values[KEY_TIME]);
    switch (shape) {
    case SHAPE_AUDIT_RECORD:
        cyberark_apply_record(decoding, from);
        return false;
    case SHAPE_MONITOR_RECORD:
        ecs_add(decoding, ECS_EVENT_PROVIDER, SV("CyberArk Vault"));
        decoding->event->source =
            (struct logsource){.product = SV("cyberark"), .service = SV("vaultmonitor")};
        return false;
    case SHAPE_WINDOWS:
        windows_event_apply(decoding, from);
        return false;
    case SHAPE_PLAIN:
        break;
    }
    return apply_plain(decoding, from, values);
}

void json_shape_derive(const struct derive *derive)
{
    derive_action(derive, SV("operation"), SV_NONE, SV("success"));
    derive_action(derive, SV("operation"), SV_NONE, SV("failure"));
    derive_value(derive, SV("event.provider"), SV("HashiCorp Vault"), SV("operation"));
}
