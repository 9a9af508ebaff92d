#include "wire/cyberark.h"

#include "base/ascii.h"
#include "wire/derive.h"
#include "wire/ecs.h"

const struct names cyberark_names = {
    .by_length = {
        [3] = NAMES(NAME("act", CYBERARK_ACTION), NAME("src", CYBERARK_STATION),
                    NAME("dst", CYBERARK_ADDRESS), NAME("sev", CYBERARK_SEVERITY)),
        [4] = NAMES(NAME("Safe", CYBERARK_SAFE), NAME("File", CYBERARK_OBJECT),
                    NAME("Desc", CYBERARK_DESCRIPTION)),
        [5] = NAMES(NAME("suser", CYBERARK_ISSUER), NAME("duser", CYBERARK_ACCOUNT),
                    NAME("shost", CYBERARK_STATION), NAME("dhost", CYBERARK_ADDRESS),
                    NAME("fname", CYBERARK_OBJECT)),
        [6] = NAMES(NAME("reason", CYBERARK_REASON), NAME("Action", CYBERARK_ACTION),
                    NAME("Issuer", CYBERARK_ISSUER), NAME("Reason", CYBERARK_REASON)),
        [7] = NAMES(NAME("usrName", CYBERARK_ISSUER), NAME("Station", CYBERARK_STATION),
                    NAME("Product", CYBERARK_PRODUCT), NAME("dvchost", CYBERARK_HOSTNAME)),
        [8] = NAMES(NAME("Severity", CYBERARK_SEVERITY), NAME("Hostname", CYBERARK_HOSTNAME)),
        [9] = NAMES(NAME("MessageID", CYBERARK_CODE), NAME("RequestId", CYBERARK_REQUEST),
                    NAME("Safe Name", CYBERARK_SAFE)),
        [10] = NAMES(NAME("TargetUser", CYBERARK_TARGET_USER), NAME("SourceUser", CYBERARK_SOURCE_USER),
                     NAME("Other info", CYBERARK_EXTRA), NAME("Other Info", CYBERARK_EXTRA),
                     NAME("Request Id", CYBERARK_REQUEST)),
        [12] = NAMES(NAME("ExtraDetails", CYBERARK_EXTRA), NAME("IsoTimestamp", CYBERARK_TIME)),
        [13] = NAMES(NAME("Extra Details", CYBERARK_EXTRA)),
        [14] = NAMES(NAME("GatewayStation", CYBERARK_GATEWAY_STATION)),
        [15] = NAMES(NAME("Gateway Station", CYBERARK_GATEWAY_STATION)),
        [18] = NAMES(NAME("Affected User Name", CYBERARK_TARGET_USER)),
    }};

/* What ExtraDetails may say in place of a part, or beside them. */
enum extra { EXTRA_SOURCE_HOST, EXTRA_TARGET_HOST, EXTRA_USER, EXTRA_COMMAND, EXTRA_SESSION, EXTRA_COUNT };

static const struct names extra_names = {
    .by_length = {[4] = NAMES(NAME("User", EXTRA_USER)),
                  [7] = NAMES(NAME("SrcHost", EXTRA_SOURCE_HOST), NAME("DstHost", EXTRA_TARGET_HOST),
                              NAME("Command", EXTRA_COMMAND)),
                  [8] = NAMES(NAME("username", EXTRA_USER)),
                  [9] = NAMES(NAME("SessionID", EXTRA_SESSION))}};

struct record {
    sv parts[CYBERARK_PART_COUNT];
    sv extra[EXTRA_COUNT];
};

static sv first_of(sv a, sv b)
{
    return a.n ? a : b;
}

static void note(sv *place, sv value)
{
    if (place->n == 0)
        *place = value;
}

/* `\;` and `\=` lose their backslash; paths in these values keep theirs. */
static sv unescape_extra(struct decoding *decoding, sv value)
{
    if (sv_find_char(value, '\\') == SV_NPOS)
        return value;
    char *text = decoding_alloc(decoding, value.n);
    size_t n = 0;
    if (!text)
        return value;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\\' && i + 1 < value.n && (value.p[i + 1] == ';' || value.p[i + 1] == '='))
            i++;
        text[n++] = value.p[i];
    }
    return sv_make(text, n);
}

/* Cuts "k=v;" off *extra. The separator is one without a backslash. */
static sv take_extra(sv *extra)
{
    size_t n = 0;
    while (n < extra->n && extra->p[n] != ';')
        n += extra->p[n] == '\\' && n + 1 < extra->n && extra->p[n + 1] == ';' ? 2 : 1;
    sv pair = sv_first(*extra, n);
    *extra = sv_from(*extra, n + 1);
    return pair;
}

static void add_extra(struct decoding *decoding, struct record *record)
{
    sv extra = record->parts[CYBERARK_EXTRA];
    while (extra.n) {
        sv pair = take_extra(&extra);
        size_t equals = sv_find_char(pair, '=');
        if (equals == SV_NPOS || equals == 0)
            continue;
        sv key = sv_trim(sv_first(pair, equals));
        sv value = unescape_extra(decoding, sv_from(pair, equals + 1));
        sv name = decoding_join(decoding, SV("ExtraDetails."), key);
        if (name.n)
            decoding_add(decoding, name, value);
        int place = names_find(&extra_names, key);
        if (place >= 0)
            note(&record->extra[place], value);
    }
}

static bool is_failure(sv severity, sv action)
{
    uint64_t level;
    if (sv_ieq(severity, SV("Error")) || sv_ieq(severity, SV("Critical")))
        return true;
    if (sv_to_u64(severity, &level) && level >= 7)
        return true;
    return sv_ifind(action, SV("fail")) != SV_NPOS;
}

static void add_who(struct decoding *decoding, const struct record *record)
{
    const sv *parts = record->parts;
    sv account = first_of(parts[CYBERARK_ACCOUNT], record->extra[EXTRA_USER]);
    sv source_user = parts[CYBERARK_SOURCE_USER], target_user = parts[CYBERARK_TARGET_USER];
    ecs_add(decoding, ECS_USER_NAME, parts[CYBERARK_ISSUER]);
    ecs_add(decoding, ECS_USER_TARGET_NAME, target_user);
    ecs_add(decoding, ECS_USER_TARGET_NAME, source_user);
    if (target_user.n == 0 && source_user.n == 0)
        ecs_add(decoding, ECS_USER_TARGET_NAME, account);
    decoding_add_known(decoding, SV("cyberark.account"), account);
}

static void add_where(struct decoding *decoding, const struct record *record)
{
    const sv *parts = record->parts, *extra = record->extra;
    ecs_add(decoding, ECS_SOURCE, first_of(extra[EXTRA_SOURCE_HOST], parts[CYBERARK_STATION]));
    ecs_add(decoding, ECS_DESTINATION, first_of(extra[EXTRA_TARGET_HOST], parts[CYBERARK_ADDRESS]));
    if (decoding->host.n == 0)
        ecs_add(decoding, ECS_HOST_NAME, parts[CYBERARK_HOSTNAME]);
    decoding_add_known(decoding, SV("cyberark.station"), parts[CYBERARK_STATION]);
    decoding_add_known(decoding, SV("cyberark.gateway_station"), parts[CYBERARK_GATEWAY_STATION]);
}

static void add_common(struct decoding *decoding, struct record *record)
{
    const sv *parts = record->parts, failure = SV("Failure: ");
    sv action = first_of(parts[CYBERARK_ACTION], parts[CYBERARK_DESCRIPTION]);
    bool failed =
        is_failure(parts[CYBERARK_SEVERITY], action) || sv_starts(parts[CYBERARK_DESCRIPTION], failure);
    add_extra(decoding, record);
    ecs_add(decoding, ECS_EVENT_CODE, parts[CYBERARK_CODE]);
    ecs_add(decoding, ECS_EVENT_ACTION, sv_starts(action, failure) ? sv_from(action, failure.n) : action);
    ecs_add(decoding, ECS_EVENT_OUTCOME, failed ? SV("failure") : SV("success"));
    ecs_add(decoding, ECS_EVENT_PROVIDER, SV("CyberArk Vault"));
    ecs_add(decoding, ECS_EVENT_REASON, parts[CYBERARK_REASON]);
    add_who(decoding, record);
    add_where(decoding, record);
    ecs_add(decoding, ECS_FILE_PATH, parts[CYBERARK_OBJECT]);
    ecs_add(decoding, ECS_PROCESS_COMMAND_LINE, record->extra[EXTRA_COMMAND]);
    decoding_add_known(decoding, SV("cyberark.safe"), parts[CYBERARK_SAFE]);
    decoding_add_known(decoding, SV("cyberark.reason"), parts[CYBERARK_REASON]);
    decoding_add_known(decoding, SV("cyberark.session_id"), record->extra[EXTRA_SESSION]);
    decoding_add_known(decoding, SV("cyberark.request_id"), parts[CYBERARK_REQUEST]);
    decoding->event->source = (struct logsource){.product = SV("cyberark"), .service = SV("vault")};
}

enum pta {
    USER,
    TARGET,
    SOURCE,
    SOURCE_HOST,
    DESTINATION,
    DESTINATION_HOST,
    NAME_OF,
    EVENT,
    LINK,
    SEVERITY,
    PTA_COUNT
};

static const struct names pta_names = {
    .by_length = {
        [3] = NAMES(NAME("src", SOURCE), NAME("dst", DESTINATION), NAME("cat", NAME_OF)),
        [5] = NAMES(NAME("suser", USER), NAME("duser", TARGET), NAME("shost", SOURCE_HOST),
                    NAME("dhost", DESTINATION_HOST)),
        [4] = NAMES(NAME("link", LINK)),
        [7] = NAMES(NAME("usrName", TARGET), NAME("EventID", EVENT), NAME("eventID", EVENT),
                    NAME("PTALink", LINK), NAME("PTAlink", LINK), NAME("ptaLink", LINK)),
        [10] = NAMES(NAME("incidentId", EVENT)),
    }};

/* PTA writes "None" for what there is not; it may go by either of two names for its labels. */
static void add_pta(struct decoding *decoding, const struct device *device, size_t from)
{
    sv values[PTA_COUNT] = {0};
    const struct event *event = decoding->event;
    for (size_t i = from; i < event->field_count; i++) {
        int place = names_find(&pta_names, event->fields[i].name);
        if (place >= 0 && !sv_eq(event->fields[i].value, SV("None")))
            note(&values[place], event->fields[i].value);
    }
    sv name = first_of(device->name, values[NAME_OF]);
    ecs_add(decoding, ECS_EVENT_CODE, device->code);
    ecs_add(decoding, ECS_EVENT_ACTION, name);
    ecs_add(decoding, ECS_RULE_NAME, name);
    ecs_add(decoding, ECS_EVENT_PROVIDER, SV("CyberArk PTA"));
    ecs_add(decoding, ECS_EVENT_ID, values[EVENT]);
    ecs_add(decoding, ECS_USER_NAME, first_of(values[USER], values[TARGET]));
    ecs_add(decoding, ECS_USER_TARGET_NAME, values[TARGET]);
    ecs_add(decoding, ECS_SOURCE, values[SOURCE]);
    ecs_add(decoding, ECS_SOURCE, values[SOURCE_HOST]);
    ecs_add(decoding, ECS_DESTINATION, values[DESTINATION]);
    ecs_add(decoding, ECS_DESTINATION, values[DESTINATION_HOST]);
    decoding_add_known(decoding, SV("event.reference"), values[LINK]);
    decoding->event->source = (struct logsource){.product = SV("cyberark"), .service = SV("pta")};
}

/* `cs1`, `cs1Label` and their like, which are most of what CEF has. No part's name ends so. */
static inline bool is_custom(sv name)
{
    char last = name.p[name.n - 1];
    return ascii_digit(last) || last == 'l';
}

static void collect(const struct event *event, size_t from, size_t prefix, struct record *record)
{
    for (size_t i = from, end = event->field_count; i < end; i++) {
        const struct event_field *field = &event->fields[i];
        if (field->name.n <= prefix || is_custom(field->name))
            continue;
        int part = names_find(&cyberark_names, sv_from(field->name, prefix));
        if (part >= 0)
            note(&record->parts[part], field->value);
    }
}

/* In any case, and mostly as it is. */
static inline bool reads(sv s, sv text)
{
    return sv_eq(s, text) || sv_ieq(s, text);
}

bool cyberark_source(sv vendor, sv product, struct logsource *ret)
{
    bool pta = reads(product, SV("PTA"));
    if (!reads(vendor, SV("Cyber-Ark")) && !reads(vendor, SV("CyberArk")))
        return false;
    if (!pta && !reads(product, SV("Vault")))
        return false;
    *ret = (struct logsource){.product = SV("cyberark"), .service = pta ? SV("pta") : SV("vault")};
    return true;
}

bool cyberark_apply_device(struct decoding *decoding, const struct device *device, size_t from)
{
    struct logsource source;
    if (!cyberark_source(device->vendor, device->product, &source))
        return false;
    if (sv_eq(source.service, SV("pta"))) {
        add_pta(decoding, device, from);
        return true;
    }
    struct record record = {0};
    record.parts[CYBERARK_CODE] = device->code;
    record.parts[CYBERARK_SEVERITY] = device->severity;
    record.parts[CYBERARK_DESCRIPTION] = device->name;
    collect(decoding->event, from, 0, &record);
    add_common(decoding, &record);
    return true;
}

/* The managed account: pairs of fields `….CAProperty.Name` and `….CAProperty.Value`. */
static void collect_properties(const struct event *event, size_t from, struct record *record)
{
    const sv name = SV("syslog.audit_record.CAProperties.CAProperty.Name");
    for (size_t i = from; i + 1 < event->field_count; i++) {
        if (event->fields[i].name.n != name.n || !sv_eq(event->fields[i].name, name))
            continue;
        sv property = event->fields[i].value, value = event->fields[i + 1].value;
        if (sv_eq(property, SV("UserName")))
            note(&record->parts[CYBERARK_ACCOUNT], value);
        else if (sv_eq(property, SV("Address")))
            note(&record->parts[CYBERARK_ADDRESS], value);
    }
}

void cyberark_apply_record(struct decoding *decoding, size_t from)
{
    struct record record = {0};
    nanos time;
    collect(decoding->event, from, CYBERARK_RECORD_PREFIX.n, &record);
    collect_properties(decoding->event, from, &record);
    sv iso = record.parts[CYBERARK_TIME];
    if (iso.n && time_parse_rfc3339(iso, &time) == iso.n)
        decoding_set_time(decoding, time);
    add_common(decoding, &record);
}

void cyberark_derive(const struct derive *derive)
{
    /* The vendor may be written in any case. */
    static const sv marks[] = {SV_INIT("CEF:"), SV_INIT("LEEF:"), SV_INIT("audit_record"),
                               SV_INIT("monitor_record")};
    static const sv fields[] = {SV_INIT("cyberark.account"),         SV_INIT("cyberark.safe"),
                                SV_INIT("cyberark.reason"),          SV_INIT("cyberark.session_id"),
                                SV_INIT("cyberark.request_id"),      SV_INIT("cyberark.station"),
                                SV_INIT("cyberark.gateway_station"), SV_INIT("event.reference")};
    static const sv providers[] = {SV_INIT("CyberArk Vault"), SV_INIT("CyberArk PTA")};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        derive_value(derive, SV("event.outcome"), SV("failure"), marks[i]);
        derive_value(derive, SV("event.outcome"), SV("success"), marks[i]);
        for (size_t j = 0; j < sizeof fields / sizeof *fields; j++)
            derive_name(derive, fields[j], marks[i]);
        for (size_t j = 0; j < sizeof providers / sizeof *providers; j++)
            derive_value(derive, SV("event.provider"), providers[j], marks[i]);
    }
}
