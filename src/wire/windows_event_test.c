/* Windows events as JSON: the names and log sources that Sigma's rules expect. */
#include "wire/decoding_test.h"

static const struct decoded cases[] = {
    {"{\"Event\":{\"#attributes\":{\"xmlns\":\"x\"},\"System\":{\"Provider\":{\"#attributes\":{\"Name\":"
     "\"Microsoft-Windows-Sysmon\"}},\"EventID\":1,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":"
     "\"2026-11-24T03:00:00.5Z\"}},\"Channel\":\"Microsoft-Windows-Sysmon/"
     "Operational\",\"Computer\":\"pc1\"},"
     "\"EventData\":{\"Image\":\"C:\\\\Windows\\\\cmd.exe\",\"CommandLine\":\"cmd /c "
     "x\",\"ParentImage\":\"p.exe\","
     "\"User\":\"CORP\\\\bob\",\"ProcessId\":44}}}",
     "json",
     "windows/process_creation/sysmon",
     {{"Image", "C:\\Windows\\cmd.exe"},
      {"Event.EventData.Image", "C:\\Windows\\cmd.exe"},
      {"CommandLine", "cmd /c x"},
      {"EventID", "1"},
      {"Channel", "Microsoft-Windows-Sysmon/Operational"},
      {"Provider_Name", "Microsoft-Windows-Sysmon"},
      {"Computer", "pc1"},
      {"process.executable", "C:\\Windows\\cmd.exe"},
      {"process.command_line", "cmd /c x"},
      {"process.parent.executable", "p.exe"},
      {"process.pid", "44"},
      {"user.name", "CORP\\bob"},
      {"host.name", "pc1"},
      {"event.code", "1"},
      {"event.provider", "Microsoft-Windows-Sysmon"}}},
    {"{\"EventID\":4625,\"Channel\":\"Security\",\"Computer\":\"dc1\",\"Keywords\":\"0x8010000000000000\","
     "\"SubjectUserName\":\"-\",\"TargetUserName\":\"root\",\"IpAddress\":\"192.0.2.1\",\"IpPort\":\"5\"}",
     "json",
     "windows//security",
     {{"user.name", "root"},
      {"user.target.name", ABSENT},
      {"source.ip", "192.0.2.1"},
      {"source.port", "5"},
      {"event.code", "4625"},
      {"event.outcome", "failure"}}},
    {"{\"winlog\":{\"channel\":\"Security\",\"event_id\":4720,\"computer_name\":\"dc1\",\"event_data\":"
     "{\"SubjectUserName\":\"admin\",\"TargetUserName\":\"eve\"}}}",
     "json",
     "windows//security",
     {{"EventID", "4720"}, {"TargetUserName", "eve"}, {"user.name", "admin"}, {"user.target.name", "eve"}}},
    {"{\"Event\":{\"System\":{\"EventID\":{\"#text\":4688},\"Channel\":\"Security\"},\"EventData\":{\"Data\":"
     "["
     "{\"Name\":\"NewProcessName\",\"#text\":\"a.exe\"},{\"Name\":\"SubjectUserName\",\"#text\":\"bob\"}]}}}",
     "json",
     "windows/process_creation/security",
     {{"EventID", "4688"}, {"NewProcessName", "a.exe"}, {"Image", "a.exe"}, {"user.name", "bob"}}},
    {"{\"Channel\":\"Microsoft-Windows-PowerShell/Operational\",\"EventID\":4104,\"ScriptBlockText\":\"x\"}",
     "json",
     "windows/ps_script/powershell",
     {{"ScriptBlockText", "x"}}},
    {"{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":12,\"EventType\":\"CreateKey\"}",
     "json",
     "windows/registry_add/sysmon",
     {{"EventID", "12"}}},
    {"{\"Channel\":\"Own/Channel\",\"EventID\":12}", "json", "windows//", {{"EventID", "12"}}},
    {"{\"Event\":{\"System\":{\"Channel\":\"System\",\"EventID\":104},\"UserData\":{\"LogFileCleared\":"
     "{\"SubjectUserName\":\"bob\"}}}}",
     "json",
     "windows//system",
     {{"SubjectUserName", "bob"}, {"user.name", "bob"}}},
};

static void sigmas_names_and_log_sources_are_there(void **state)
{
    (void)state;
    CHECK_ALL(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sigmas_names_and_log_sources_are_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
