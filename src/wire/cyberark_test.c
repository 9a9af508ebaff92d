/* CyberArk: one event in four forms gives one set of names, and the real samples, where they are at hand, all
 * decode. */
#include "wire/decoding_test.h"

#include <dirent.h>
#include <stdlib.h>

#define CEF                                                                                                  \
    "<5>1 2026-11-24T03:00:00Z VAULT CEF:0|Cyber-Ark|Vault|12.0.0000|300|PSM Connect|5|act=\"PSM Connect\" " \
    "suser=alice fname=Root\\net-db1-root dvc= shost=192.0.2.7 dhost=db1.example.org duser=\"root\" "        \
    "externalId= "                                                                                           \
    "app= reason=\"change 4711\" cs1Label=\"Affected User Name\" cs1= cs2Label=\"Safe Name\" cs2=\"Prod\" "  \
    "cs5Label=\"Other info\" cs5=\"SrcHost=192.0.2.8;DstHost=192.0.2.9;SessionID=5f-1;Command=ls \\; "       \
    "x\\=1;\" "                                                                                              \
    "cn1Label=\"Request Id\" cn1=12 cn2Label=\"Ticket Id\" cn2=  msg=\"PSM Connect\""

#define LEEF                                                                                             \
    "<5>1 2026-11-24T03:00:00Z VAULT LEEF:1.0|Cyber-Ark|Vault|12.0.0000|300|sev=5\tact=PSM Connect\t"    \
    "usrName=alice\tfname=Root\\net-db1-root\t shost=192.0.2.7\tdhost=db1.example.org\tduser=root\t"     \
    "reason=change 4711\tcs1Label=Affected User Name\tcs1=\tcs2Label=Safe Name\tcs2=Prod\tExtraDetails=" \
    "SrcHost=192.0.2.8;DstHost=192.0.2.9;SessionID=5f-1;Command=ls \\; x\\=1;\tRequestId=12\t"

#define JSON                                                                                                 \
    "<5>1 2026-11-24T03:00:00Z VAULT "                                                                       \
    "{\"format\":\"elastic\",\"version\":\"1.0\",\"syslog\":{\"audit_record\":{"                             \
    "\"IsoTimestamp\":\"2026-11-24T03:00:00Z\",\"Hostname\":\"VAULT\",\"MessageID\":\"300\",\"Desc\":\"PSM " \
    "Connect\","                                                                                             \
    "\"Severity\":\"Info\",\"Issuer\":\"alice\",\"Action\":\"PSM "                                           \
    "Connect\",\"SourceUser\":\"\",\"TargetUser\":\"\","                                                     \
    "\"Safe\":\"Prod\",\"File\":\"Root\\\\net-db1-root\",\"Station\":\"192.0.2.7\",\"RequestId\":\"12\","    \
    "\"Reason\":\"change 4711\",\"ExtraDetails\":\"SrcHost=192.0.2.8;DstHost=192.0.2.9;SessionID=5f-1;"      \
    "Command=ls \\\\; "                                                                                      \
    "x\\\\=1;\",\"CAProperties\":{\"CAProperty\":[{\"Name\":\"UserName\",\"Value\":\"root\"},"               \
    "{\"Name\":\"Address\",\"Value\":\"db1.example.org\"}]}}}}"

#define XML                                                                                                  \
    "<5>1 2026-11-24T03:00:00Z VAULT "                                                                       \
    "<syslog><audit_record><IsoTimestamp>2026-11-24T03:00:00Z</IsoTimestamp>"                                \
    "<MessageID>300</MessageID><Desc>PSM Connect</Desc><Severity>Info</Severity><Issuer>alice</Issuer>"      \
    "<Action>Failure: PSM Connect</Action><Safe>Prod</Safe><File>Root\\net-db1-root</File>"                  \
    "<Station>192.0.2.7</Station><RequestId>12</RequestId><Reason>change 4711</Reason><ExtraDetails>"        \
    "SrcHost=192.0.2.8;DstHost=192.0.2.9;SessionID=5f-1;Command=ls \\; x\\=1;</ExtraDetails><CAProperties>"  \
    "<CAProperty Name=\"UserName\" Value=\"root\"/><CAProperty Name=\"Address\" Value=\"db1.example.org\"/>" \
    "</CAProperties></audit_record></syslog>"

static const char *const common[][2] = {
    {"event.code", "300"},
    {"event.action", "PSM Connect"},
    {"event.provider", "CyberArk Vault"},
    {"event.reason", "change 4711"},
    {"user.name", "alice"},
    {"user.target.name", "root"},
    {"host.name", "VAULT"},
    {"source.address", "192.0.2.8"},
    {"source.ip", "192.0.2.8"},
    {"destination.ip", "192.0.2.9"},
    {"file.path", "Root\\net-db1-root"},
    {"process.command_line", "ls ; x=1"},
    {"cyberark.safe", "Prod"},
    {"cyberark.reason", "change 4711"},
    {"cyberark.station", "192.0.2.7"},
    {"cyberark.account", "root"},
    {"cyberark.session_id", "5f-1"},
    {"cyberark.request_id", "12"},
    {"ExtraDetails.SrcHost", "192.0.2.8"},
    {"ExtraDetails.Command", "ls ; x=1"},
};

static void every_form_gives_the_same_names(void **state)
{
    (void)state;
    static const struct {
        const char *record, *format, *outcome;
    } forms[] = {{CEF, "rfc5424/cef", "success"},
                 {LEEF, "rfc5424/leef", "success"},
                 {JSON, "rfc5424/json", "success"},
                 {XML, "rfc5424/xml", "failure"}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct decoded decoded = {
            .record = forms[i].record, .format = forms[i].format, .source = "cyberark//vault"};
        for (size_t k = 0; k < sizeof common / sizeof *common; k++)
            memcpy(decoded.fields[k], common[k], sizeof common[k]);
        decoded.fields[sizeof common / sizeof *common][0] = "event.outcome";
        decoded.fields[sizeof common / sizeof *common][1] = forms[i].outcome;
        check_decoded_as(&decoded, DECODE_AUTO);
    }
}

static const struct decoded cases[] = {
    {"CEF:0|Cyber-Ark|Vault|12|4|User Authentication|7|suser=bob shost=192.0.2.7",
     "cef",
     "cyberark//vault",
     {{"event.outcome", "failure"}, {"event.action", "User Authentication"}}},
    {"CEF:0|Cyber-Ark|Vault|12|38|Failure: CPM Verify Password|5|act=\"Failure: CPM Verify Password\"",
     "cef",
     NULL,
     {{"event.outcome", "failure"}, {"event.action", "CPM Verify Password"}}},
    {"{\"syslog\":{\"audit_record\":{\"MessageID\":\"180\",\"Issuer\":\"admin\",\"SourceUser\":\"new\","
     "\"TargetUser\":\"\"}}}",
     "json",
     "cyberark//vault",
     {{"user.target.name", "new"}}},
    {"{\"syslog\":{\"audit_record\":{\"MessageID\":\"300\",\"CAProperties\":{\"CAProperty\":{\"Name\":"
     "\"UserName\","
     "\"Value\":\"root\"}}}}}",
     "json",
     NULL,
     {{"cyberark.account", "root"}, {"user.target.name", "root"}}},
    {"{\"syslog\":{\"monitor_record\":{\"CPUUsage\":\"7\"}}}",
     "json",
     "cyberark//vaultmonitor",
     {{"syslog.monitor_record.CPUUsage", "7"}}},
    {"CEF:0|CyberArk|PTA|12.6|21|Suspected credentials theft|8|suser=alice@example.org shost=None "
     "src=192.0.2.1 "
     "duser=root dhost=db1.example.org dst=None cs2Label=EventID cs2=5f cs3Label=PTAlink "
     "cs3=https://pvwa.example.org/5f "
     "cs4Label=ExternalLink cs4=None",
     "cef",
     "cyberark//pta",
     {{"event.code", "21"},
      {"event.action", "Suspected credentials theft"},
      {"rule.name", "Suspected credentials theft"},
      {"user.name", "alice@example.org"},
      {"user.target.name", "root"},
      {"source.ip", "192.0.2.1"},
      {"source.domain", ABSENT},
      {"destination.domain", "db1.example.org"},
      {"destination.ip", ABSENT},
      {"event.id", "5f"},
      {"event.reference", "https://pvwa.example.org/5f"},
      {"ExternalLink", "None"},
      {"shost", "None"}}},
    {"LEEF:1.0|CyberArk|PTA|12.6|21|cat=Unmanaged privileged access\tsrc=192.0.2.1\tusrName=root\tdst=db1",
     "leef",
     "cyberark//pta",
     {{"event.action", "Unmanaged privileged access"}, {"user.name", "root"}, {"source.ip", "192.0.2.1"}}},
    {"CEF:0|CyberArk|Other|1|2|n|1|suser=bob", "cef", "//", {{"user.name", "bob"}}},
};

static void what_is_special_is_understood(void **state)
{
    (void)state;
    CHECK_ALL(cases);
}

/* The folder of real samples, or NULL. */
static const char *corpus(char *path, size_t cap)
{
    static const char *const roots[] = {"../shared", "../../shared", "../../../shared"};
    const char *given = getenv("VEDETTE_SHARED");
    for (size_t i = 0; i <= sizeof roots / sizeof *roots; i++) {
        const char *root = i == 0 ? given : roots[i - 1];
        if (!root)
            continue;
        snprintf(path, cap, "%s/corpora/cyberark", root);
        DIR *dir = opendir(path);
        if (dir) {
            closedir(dir);
            return path;
        }
    }
    return NULL;
}

/* Records without anybody in them: the Vault's monitor, and updates of incidents. */
static bool names_nobody(const struct event *event)
{
    return sv_eq(event->source.service, SV("vaultmonitor")) || event_find(event, SV("incidentId"));
}

static void check_sample(sv record)
{
    struct arena *arena = arena_new(256 * 1024);
    struct event event;
    decode(&event, record, DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
    bool vault = sv_eq(event.source.service, SV("vault"));
    bool nobody = names_nobody(&event);
    bool complete =
        sv_eq(event.source.product, SV("cyberark")) && !(event.flags & EVENT_FIELDS_DROPPED) &&
        event.time != TEST_ARRIVAL && !event_find(&event, SV("vedette.decode_error")) &&
        (nobody || (event_get(&event, SV("event.code")).n && event_get(&event, SV("user.name")).n)) &&
        (!vault || event_get(&event, SV("source.address")).n);
    if (!complete)
        fail_msg("not all of this was understood (%s):\n%.*s", event.format, SV_ARG(record));
    arena_free(arena);
}

static size_t check_file(const char *path, bool whole)
{
    static char text[128 * 1024];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    sv rest = sv_make(text, fread(text, 1, sizeof text, file));
    fclose(file);
    if (whole) {
        check_sample(sv_trim(rest));
        return 1;
    }
    size_t count = 0;
    while (rest.p) {
        sv line = sv_trim(sv_split(&rest, '\n'));
        if (line.n) {
            check_sample(line);
            count++;
        }
    }
    return count;
}

static void the_real_samples_all_decode(void **state)
{
    (void)state;
    char folder[512], path[1024];
    size_t count = 0;
    if (!corpus(folder, sizeof folder))
        skip();
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        sv name = sv_of(entry->d_name);
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (sv_ends(name, SV(".log")) || sv_ends(name, SV(".xml")))
            count += check_file(path, sv_ends(name, SV(".xml")));
    }
    closedir(dir);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_gives_the_same_names),
        cmocka_unit_test(what_is_special_is_understood),
        cmocka_unit_test(the_real_samples_all_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
