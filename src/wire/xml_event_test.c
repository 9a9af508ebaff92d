/* The Vault's XML: elements, entities, properties, and records that break off. */
#include "wire/decoding_test.h"

static const struct decoded cases[] = {
    {"<syslog>\n <audit_record>\n  <MessageID>295</MessageID>\n  <Issuer>a&amp;b &lt;x&gt; "
     "&quot;&apos;&#233;&#xe9;&unknown; "
     "&</Issuer>\n  <Reason></Reason><File/>\n  <NewTag>v</NewTag>\n </audit_record>\n</syslog>",
     "xml",
     "cyberark//vault",
     {{"syslog.audit_record.MessageID", "295"},
      {"syslog.audit_record.Issuer", "a&b <x> \"'éé&unknown; &"},
      {"syslog.audit_record.Reason", ""},
      {"syslog.audit_record.File", ""},
      {"syslog.audit_record.NewTag", "v"},
      {"event.code", "295"}}},
    {"<?xml version=\"1.0\"?><syslog><audit_record><Issuer>bob</Issuer><CAProperties><CAProperty "
     "Name=\"UserName\" "
     "Value=\"root\"/><CAProperty Name=\"Address\" "
     "Value=\"db1&amp;\"/></CAProperties></audit_record></syslog>",
     "xml",
     NULL,
     {{"user.name", "bob"}, {"cyberark.account", "root"}, {"destination.domain", "db1&"}}},
    {"<7>1 2026-11-24T03:00:00Z VAULT <syslog><audit_record><MessageID>4</MessageID></audit_record></syslog>",
     "rfc5424/xml",
     "cyberark//vault",
     {{"event.code", "4"}, {"host.name", "VAULT"}}},
    {"<syslog><audit_record><MessageID>4</MessageID><Issuer>cut o",
     "xml",
     NULL,
     {{"event.code", "4"}, {"syslog.audit_record.Issuer", ABSENT}}},
    {"<syslog><monitor_record><CPUUsage>7</CPUUsage></monitor_record></syslog>",
     "xml",
     "cyberark//vaultmonitor",
     {{"syslog.monitor_record.CPUUsage", "7"}}},
    {"<html><body>no</body></html>", "text", "//", {{"event.code", ABSENT}}},
};

static void a_record_gives_its_fields(void **state)
{
    (void)state;
    CHECK_ALL(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_record_gives_its_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
