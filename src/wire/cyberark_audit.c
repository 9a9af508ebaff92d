/* The audit service of CyberArk's shared services, which Privilege Cloud reports to: one flat JSON object for
 * each event, of whichever service. */
#include "wire/cyberark.h"
#include "wire/derive.h"
#include "wire/ecs.h"

enum part {
    CODE,
    TYPE,
    ACTION,
    USER,
    USER_ID,
    SOURCE,
    TARGET,
    SAFE,
    ACCOUNT,
    TARGET_ACCOUNT,
    SESSION,
    COMMAND,
    REASON,
    ID,
    SERVICE,
    PART_COUNT
};

static const struct names names = {
    .by_length = {[4] = NAMES(NAME("safe", SAFE), NAME("uuid", ID)),
                  [6] = NAMES(NAME("action", ACTION), NAME("source", SOURCE), NAME("target", TARGET),
                              NAME("userId", USER_ID)),
                  [7] = NAMES(NAME("command", COMMAND), NAME("message", REASON)),
                  [8] = NAMES(NAME("username", USER)),
                  [9] = NAMES(NAME("auditCode", CODE), NAME("auditType", TYPE), NAME("sessionId", SESSION)),
                  [11] = NAMES(NAME("accountName", ACCOUNT), NAME("serviceName", SERVICE)),
                  [13] = NAMES(NAME("targetAccount", TARGET_ACCOUNT))}};

/* Privilege Cloud's codes are the Vault's, with zeros in front: PAM00295 is 295. Others stay as they are. */
static sv code_of(sv code)
{
    const sv prefix = SV("PAM0");
    uint64_t number;
    if (!sv_starts(code, prefix) || !sv_to_u64(sv_from(code, prefix.n), &number))
        return code;
    sv digits = sv_from(code, prefix.n);
    while (digits.n > 1 && digits.p[0] == '0')
        digits = sv_from(digits, 1);
    return digits;
}

/* Types seen: Success, Info, Failure, Failure reason, System Error, Timeout or URL not found. */
static bool is_failure(sv type, sv action)
{
    return sv_ifind(type, SV("fail")) != SV_NPOS || sv_ifind(type, SV("error")) != SV_NPOS ||
           sv_ifind(type, SV("timeout")) != SV_NPOS || sv_ifind(action, SV("fail")) != SV_NPOS;
}

void cyberark_apply_audit(struct decoding *decoding, size_t from)
{
    sv parts[PART_COUNT] = {0};
    const struct event *event = decoding->event;
    for (size_t i = from; i < event->field_count; i++) {
        int part = names_find(&names, event->fields[i].name);
        if (part >= 0 && parts[part].n == 0)
            parts[part] = event->fields[i].value;
    }
    sv account = parts[TARGET_ACCOUNT].n ? parts[TARGET_ACCOUNT] : parts[ACCOUNT];
    ecs_add(decoding, ECS_EVENT_CODE, code_of(parts[CODE]));
    ecs_add(decoding, ECS_EVENT_ACTION, parts[ACTION]);
    ecs_add(decoding, ECS_EVENT_OUTCOME,
            is_failure(parts[TYPE], parts[ACTION]) ? SV("failure") : SV("success"));
    ecs_add(decoding, ECS_EVENT_PROVIDER, SV("CyberArk Audit"));
    ecs_add(decoding, ECS_EVENT_REASON, parts[REASON]);
    ecs_add(decoding, ECS_EVENT_ID, parts[ID]);
    ecs_add(decoding, ECS_USER_NAME, parts[USER].n ? parts[USER] : parts[USER_ID]);
    ecs_add(decoding, ECS_USER_TARGET_NAME, account);
    ecs_add(decoding, ECS_SOURCE, parts[SOURCE]);
    ecs_add(decoding, ECS_DESTINATION, parts[TARGET]);
    ecs_add(decoding, ECS_PROCESS_COMMAND_LINE, parts[COMMAND]);
    ecs_add(decoding, ECS_SERVICE_NAME, parts[SERVICE]);
    decoding_add_known(decoding, SV("cyberark.account"), account);
    decoding_add_known(decoding, SV("cyberark.safe"), parts[SAFE]);
    decoding_add_known(decoding, SV("cyberark.reason"), parts[REASON]);
    decoding_add_known(decoding, SV("cyberark.station"), parts[SOURCE]);
    decoding_add_known(decoding, SV("cyberark.session_id"), parts[SESSION]);
    decoding->event->source = (struct logsource){.product = SV("cyberark"), .service = SV("audit")};
}

void cyberark_audit_derive(const struct derive *derive)
{
    const sv mark = SV("auditCode");
    static const sv fields[] = {SV_INIT("cyberark.account"), SV_INIT("cyberark.safe"),
                                SV_INIT("cyberark.reason"), SV_INIT("cyberark.station"),
                                SV_INIT("cyberark.session_id")};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        derive_name(derive, fields[i], mark);
    derive_action(derive, mark, SV_NONE, SV("success"));
    derive_action(derive, mark, SV_NONE, SV("failure"));
    derive_value(derive, SV("event.provider"), SV("CyberArk Audit"), mark);
}
