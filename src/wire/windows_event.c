#include "wire/windows_event.h"

#include "base/bytes.h"
#include "wire/derive.h"
#include "wire/ecs.h"

/* Names that do not become flat by losing a prefix, and what they become. */
enum flat { PROVIDER_NAME, FLAT_EVENT_ID, FLAT_CHANNEL, COMPUTER, IMAGE, PARENT_IMAGE };

static const sv flats[] = {
    [PROVIDER_NAME] = SV_INIT("Provider_Name"),
    [FLAT_EVENT_ID] = SV_INIT("EventID"),
    [FLAT_CHANNEL] = SV_INIT("Channel"),
    [COMPUTER] = SV_INIT("Computer"),
    [IMAGE] = SV_INIT("Image"),
    [PARENT_IMAGE] = SV_INIT("ParentImage"),
};

/* Security's event 4688 has other names than Sysmon's for the same things. */
static const struct names renamed = {
    .by_length = {
        [14] = NAMES(NAME("winlog.channel", FLAT_CHANNEL), NAME("NewProcessName", IMAGE)),
        [15] = NAMES(NAME("winlog.event_id", FLAT_EVENT_ID)),
        [17] = NAMES(NAME("ParentProcessName", PARENT_IMAGE)),
        [20] = NAMES(NAME("winlog.provider_name", PROVIDER_NAME), NAME("winlog.computer_name", COMPUTER)),
        [26] = NAMES(NAME("Event.System.EventID.#text", FLAT_EVENT_ID),
                     NAME("Event.System.Provider.Name", PROVIDER_NAME)),
        [27] = NAMES(NAME("Event.System.Provider.@Name", PROVIDER_NAME)),
        [38] = NAMES(NAME("Event.System.Provider.#attributes.Name", PROVIDER_NAME)),
    }};

/* What a field may tell of the event as a whole. */
enum what { CHANNEL, EVENT_ID, EVENT_TYPE, KEYWORDS, SUBJECT, TARGET, USER, SUBJECT_DOMAIN, WHAT_COUNT };

/* A name's value is both that and the ECS name beside it. */
enum { NONE = 0xff, WHAT_SHIFT = 8 };
#define BOTH(what, ecs) ((what) << WHAT_SHIFT | (ecs))
#define TELLS(what)     BOTH(what, NONE)
#define AS(ecs)         BOTH(NONE, ECS_##ecs)

const struct names windows_event_names = {
    .by_length = {
        [4] = NAMES(NAME("User", TELLS(USER))),
        [5] = NAMES(NAME("Image", AS(PROCESS_EXECUTABLE))),
        [6] = NAMES(NAME("IpPort", AS(SOURCE_PORT))),
        [7] = NAMES(NAME("Channel", TELLS(CHANNEL)), NAME("EventID", BOTH(EVENT_ID, ECS_EVENT_CODE))),
        [8] = NAMES(NAME("Keywords", TELLS(KEYWORDS)), NAME("Computer", AS(HOST_NAME)),
                    NAME("SourceIp", AS(SOURCE))),
        [9] = NAMES(NAME("EventType", TELLS(EVENT_TYPE)), NAME("IpAddress", AS(SOURCE)),
                    NAME("ProcessId", AS(PROCESS_PID)), NAME("QueryName", AS(DNS_QUESTION_NAME))),
        [10] = NAMES(NAME("SourcePort", AS(SOURCE_PORT))),
        [11] =
            NAMES(NAME("CommandLine", AS(PROCESS_COMMAND_LINE)),
                  NAME("ParentImage", AS(PROCESS_PARENT_EXECUTABLE)), NAME("ServiceName", AS(SERVICE_NAME))),
        [12] = NAMES(NAME("TargetObject", AS(REGISTRY_PATH))),
        [13] = NAMES(NAME("Provider_Name", AS(EVENT_PROVIDER)), NAME("DestinationIp", AS(DESTINATION))),
        [14] = NAMES(NAME("TargetUserName", TELLS(TARGET)), NAME("TargetFilename", AS(FILE_PATH))),
        [15] = NAMES(NAME("SubjectUserName", TELLS(SUBJECT)), NAME("DestinationPort", AS(DESTINATION_PORT)),
                     NAME("WorkstationName", AS(SOURCE)), NAME("ParentProcessId", AS(PROCESS_PARENT_PID))),
        [16] = NAMES(NAME("CurrentDirectory", AS(PROCESS_WORKING_DIRECTORY))),
        [17] = NAMES(NAME("SubjectDomainName", TELLS(SUBJECT_DOMAIN)),
                     NAME("ParentCommandLine", AS(PROCESS_PARENT_COMMAND_LINE))),
        [19] = NAMES(NAME("DestinationHostname", AS(DESTINATION))),
    }};

static const struct {
    sv channel, service;
} channels[] = {
    {SV_INIT("Security"), SV_INIT("security")},
    {SV_INIT("System"), SV_INIT("system")},
    {SV_INIT("Application"), SV_INIT("application")},
    {SV_INIT("Microsoft-Windows-Sysmon/Operational"), SV_INIT("sysmon")},
    {SV_INIT("Windows PowerShell"), SV_INIT("powershell-classic")},
    {SV_INIT("Microsoft-Windows-PowerShell/Operational"), SV_INIT("powershell")},
    {SV_INIT("PowerShellCore/Operational"), SV_INIT("powershell")},
    {SV_INIT("Microsoft-Windows-TaskScheduler/Operational"), SV_INIT("taskscheduler")},
    {SV_INIT("Microsoft-Windows-Windows Defender/Operational"), SV_INIT("windefend")},
    {SV_INIT("Microsoft-Windows-WMI-Activity/Operational"), SV_INIT("wmi")},
    {SV_INIT("Microsoft-Windows-NTLM/Operational"), SV_INIT("ntlm")},
    {SV_INIT("Microsoft-Windows-Bits-Client/Operational"), SV_INIT("bits-client")},
    {SV_INIT("Microsoft-Windows-CodeIntegrity/Operational"), SV_INIT("codeintegrity-operational")},
    {SV_INIT("Microsoft-Windows-DriverFrameworks-UserMode/Operational"), SV_INIT("driver-framework")},
    {SV_INIT("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"), SV_INIT("firewall-as")},
    {SV_INIT("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"),
     SV_INIT("terminalservices-localsessionmanager")},
    {SV_INIT("Microsoft-Windows-AppLocker/EXE and DLL"), SV_INIT("applocker")},
    {SV_INIT("Microsoft-Windows-AppLocker/MSI and Script"), SV_INIT("applocker")},
    {SV_INIT("Microsoft-Windows-AppLocker/Packaged app-Deployment"), SV_INIT("applocker")},
    {SV_INIT("Microsoft-Windows-AppLocker/Packaged app-Execution"), SV_INIT("applocker")},
    {SV_INIT("Microsoft-Windows-SmbClient/Security"), SV_INIT("smbclient-security")},
    {SV_INIT("Microsoft-Windows-SmbClient/Connectivity"), SV_INIT("smbclient-connectivity")},
    {SV_INIT("Microsoft-Windows-SMBServer/Connectivity"), SV_INIT("smbserver-connectivity")},
    {SV_INIT("Microsoft-Windows-LSA/Operational"), SV_INIT("lsa-server")},
    {SV_INIT("Microsoft-Windows-DNS-Client/Operational"), SV_INIT("dns-client")},
    {SV_INIT("DNS Server"), SV_INIT("dns-server")},
    {SV_INIT("Microsoft-Windows-CAPI2/Operational"), SV_INIT("capi2")},
    {SV_INIT("Microsoft-Windows-AppXDeploymentServer/Operational"), SV_INIT("appxdeployment-server")},
    {SV_INIT("Microsoft-Windows-AppxPackaging/Operational"), SV_INIT("appxpackaging-om")},
    {SV_INIT("Microsoft-Windows-Shell-Core/Operational"), SV_INIT("shell-core")},
    {SV_INIT("OpenSSH/Operational"), SV_INIT("openssh")},
    {SV_INIT("MSExchange Management"), SV_INIT("msexchange-management")},
};

/* Which category an event of a service belongs to. Of Sigma's registry_event the special ones are told:
 * registry_add, registry_set, registry_delete, registry_rename. */
static const struct {
    sv service, id, category;
} categories[] = {
    {SV_INIT("sysmon"), SV_INIT("1"), SV_INIT("process_creation")},
    {SV_INIT("sysmon"), SV_INIT("2"), SV_INIT("file_change")},
    {SV_INIT("sysmon"), SV_INIT("3"), SV_INIT("network_connection")},
    {SV_INIT("sysmon"), SV_INIT("4"), SV_INIT("sysmon_status")},
    {SV_INIT("sysmon"), SV_INIT("5"), SV_INIT("process_termination")},
    {SV_INIT("sysmon"), SV_INIT("6"), SV_INIT("driver_load")},
    {SV_INIT("sysmon"), SV_INIT("7"), SV_INIT("image_load")},
    {SV_INIT("sysmon"), SV_INIT("8"), SV_INIT("create_remote_thread")},
    {SV_INIT("sysmon"), SV_INIT("9"), SV_INIT("raw_access_thread")},
    {SV_INIT("sysmon"), SV_INIT("10"), SV_INIT("process_access")},
    {SV_INIT("sysmon"), SV_INIT("11"), SV_INIT("file_event")},
    {SV_INIT("sysmon"), SV_INIT("12"), SV_INIT("registry_delete")},
    {SV_INIT("sysmon"), SV_INIT("13"), SV_INIT("registry_set")},
    {SV_INIT("sysmon"), SV_INIT("14"), SV_INIT("registry_rename")},
    {SV_INIT("sysmon"), SV_INIT("15"), SV_INIT("create_stream_hash")},
    {SV_INIT("sysmon"), SV_INIT("16"), SV_INIT("sysmon_status")},
    {SV_INIT("sysmon"), SV_INIT("17"), SV_INIT("pipe_created")},
    {SV_INIT("sysmon"), SV_INIT("18"), SV_INIT("pipe_created")},
    {SV_INIT("sysmon"), SV_INIT("19"), SV_INIT("wmi_event")},
    {SV_INIT("sysmon"), SV_INIT("20"), SV_INIT("wmi_event")},
    {SV_INIT("sysmon"), SV_INIT("21"), SV_INIT("wmi_event")},
    {SV_INIT("sysmon"), SV_INIT("22"), SV_INIT("dns_query")},
    {SV_INIT("sysmon"), SV_INIT("23"), SV_INIT("file_delete")},
    {SV_INIT("sysmon"), SV_INIT("24"), SV_INIT("clipboard_capture")},
    {SV_INIT("sysmon"), SV_INIT("25"), SV_INIT("process_tampering")},
    {SV_INIT("sysmon"), SV_INIT("26"), SV_INIT("file_delete")},
    {SV_INIT("sysmon"), SV_INIT("27"), SV_INIT("file_block_executable")},
    {SV_INIT("sysmon"), SV_INIT("28"), SV_INIT("file_block_shredding")},
    {SV_INIT("sysmon"), SV_INIT("29"), SV_INIT("file_executable_detected")},
    {SV_INIT("sysmon"), SV_INIT("255"), SV_INIT("sysmon_error")},
    {SV_INIT("security"), SV_INIT("4688"), SV_INIT("process_creation")},
    {SV_INIT("powershell"), SV_INIT("4103"), SV_INIT("ps_module")},
    {SV_INIT("powershell"), SV_INIT("4104"), SV_INIT("ps_script")},
    {SV_INIT("powershell-classic"), SV_INIT("400"), SV_INIT("ps_classic_start")},
    {SV_INIT("powershell-classic"), SV_INIT("600"), SV_INIT("ps_classic_provider_start")},
};

static void take_time(struct decoding *decoding, sv value)
{
    nanos time;
    if (time_parse_rfc3339(value, &time))
        decoding_set_time(decoding, time);
}

static inline void add_renamed(struct decoding *decoding, const struct event_field *field)
{
    int flat = names_find(&renamed, field->name);
    if (flat >= 0)
        decoding_add_typed(decoding, flats[flat], field->value, field->type);
}

static void add_flat(struct decoding *decoding, struct event_field field)
{
    decoding_add_typed(decoding, field.name, field.value, field.type);
    add_renamed(decoding, &field);
}

/* Cuts a prefix off, in line. */
static inline bool take(sv *name, sv prefix)
{
    if (name->n < prefix.n || !bytes_eq(name->p, prefix.p, prefix.n))
        return false;
    *name = (sv){name->p + prefix.n, name->n - prefix.n};
    return true;
}

/* In UserData, whose single element has a name of its own, the last part. */
static sv last_part(sv name)
{
    size_t dot = bytes_find(name, '.');
    return dot < name.n ? sv_from(name, dot + 1) : name;
}

/* The field's name behind one of the prefixes, if nothing is nested in it. */
static inline sv flat_name(sv name)
{
    if (take(&name, SV("Event."))) {
        if (take(&name, SV("UserData.")))
            name = last_part(name);
        else if (!take(&name, SV("EventData.")) && !take(&name, SV("System.")))
            return SV_NONE;
    } else if (!take(&name, SV("winlog.event_data."))) {
        return SV_NONE;
    }
    return bytes_find(name, '.') == name.n ? name : SV_NONE;
}

/* EventData written as a list of <Data Name="…">: two fields in a row say one thing. */
static bool is_data_name(sv name)
{
    return sv_starts(name, SV("Event.EventData.Data.")) && sv_ends(name, SV("Name"));
}

static void flatten(struct decoding *decoding, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        /* The array may move while fields are added. */
        struct event_field field = decoding->event->fields[i];
        sv flat = flat_name(field.name);
        if (flat.n) {
            add_flat(decoding, (struct event_field){flat, field.value, field.type});
        } else if (is_data_name(field.name) && i + 1 < end && field.value.n) {
            const struct event_field *text = &decoding->event->fields[i + 1];
            add_flat(decoding, (struct event_field){field.value, text->value, text->type});
        } else {
            add_renamed(decoding, &field);
        }
        if (sv_ends(field.name, SV("SystemTime")))
            take_time(decoding, field.value);
    }
}

static sv service_of(sv channel)
{
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (channels[i].channel.n == channel.n && sv_ieq(channels[i].channel, channel))
            return channels[i].service;
    return SV_NONE;
}

/* Of keys that come and go: the event's type tells which. */
static bool is_key_event(sv service, sv id)
{
    return sv_eq(service, SV("sysmon")) && sv_eq(id, SV("12"));
}

static sv category_of(sv service, sv id, sv type)
{
    if (is_key_event(service, id) && sv_eq(type, SV("CreateKey")))
        return SV("registry_add");
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (categories[i].id.n == id.n && bytes_eq(categories[i].id.p, id.p, id.n) &&
            sv_eq(categories[i].service, service))
            return categories[i].category;
    return SV_NONE;
}

void windows_event_source(sv channel, sv id, struct logsource *ret)
{
    sv service = service_of(channel);
    *ret = (struct logsource){.product = SV("windows"), .service = service};
    if (!is_key_event(service, id))
        ret->category = category_of(service, id, SV_NONE);
}

/* Logons and tickets are about the account that gets them; in all else the subject acts on the target. */
static bool is_logon(sv id)
{
    static const sv ids[] = {SV_INIT("4624"), SV_INIT("4625"), SV_INIT("4634"), SV_INIT("4647"),
                             SV_INIT("4768"), SV_INIT("4769"), SV_INIT("4771"), SV_INIT("4776")};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (sv_eq(ids[i], id))
            return true;
    return false;
}

static void add_who(struct decoding *decoding, const sv *values)
{
    bool logon = is_logon(values[EVENT_ID]);
    sv actor = values[SUBJECT].n ? values[SUBJECT] : values[USER];
    ecs_add(decoding, ECS_USER_NAME, logon ? values[TARGET] : actor);
    if (!logon)
        ecs_add(decoding, ECS_USER_TARGET_NAME, values[TARGET]);
    ecs_add(decoding, ECS_USER_DOMAIN, values[SUBJECT_DOMAIN]);
    /* Audit success and failure are bits of Keywords. */
    if (sv_starts(values[KEYWORDS], SV("0x802")))
        ecs_add(decoding, ECS_EVENT_OUTCOME, SV("success"));
    else if (sv_starts(values[KEYWORDS], SV("0x801")))
        ecs_add(decoding, ECS_EVENT_OUTCOME, SV("failure"));
}

/* Adds the ECS names beside the flat ones, and notes what these tell. */
static void add_ecs(struct decoding *decoding, size_t from, sv *values)
{
    const struct event *event = decoding->event;
    for (size_t i = from, end = event->field_count; i < end; i++) {
        int found = names_find(&windows_event_names, event->fields[i].name);
        if (found < 0)
            continue;
        int what = found >> WHAT_SHIFT, ecs = found & NONE;
        sv value = event->fields[i].value;
        if (what != NONE && values[what].n == 0)
            values[what] = value;
        if (ecs != NONE)
            ecs_add(decoding, (enum ecs)ecs, value);
    }
}

void windows_event_apply(struct decoding *decoding, size_t from)
{
    sv values[WHAT_COUNT] = {0};
    flatten(decoding, from, decoding->event->field_count);
    add_ecs(decoding, from, values);
    add_who(decoding, values);
    sv service = service_of(values[CHANNEL]);
    decoding->event->source = (struct logsource){
        .product = SV("windows"),
        .category = category_of(service, values[EVENT_ID], values[EVENT_TYPE]),
        .service = service,
    };
}

void windows_event_derive(const struct derive *derive)
{
    derive_value(derive, SV("event.outcome"), SV("success"), SV("0x802"));
    derive_value(derive, SV("event.outcome"), SV("failure"), SV("0x801"));
    for (size_t length = 0; length <= NAMES_BYTES_MAX; length++) {
        for (size_t i = 0; i < renamed.by_length[length].count; i++) {
            const struct name *name = &renamed.by_length[length].list[i];
            bool of_event = name->text.p[0] == 'E'; /* of which any part will do */
            sv last = sv_from(name->text, sv_find_last(name->text, '.') + 1);
            derive_name(derive, flats[name->value], of_event ? SV("Event") : last);
        }
    }
}
