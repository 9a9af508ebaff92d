/* LEEF 1.0 and 2.0, delimiters in every spelling, and what senders write instead. */
#include "wire/decoding_test.h"

static const struct decoded cases[] = {
    {"LEEF:1.0|Example|Box|7|login|src=192.0.2.1\tusrName=bob\tsrcPort=22\tmsg=a = b",
     "leef",
     "//",
     {{"deviceVendor", "Example"},
      {"deviceProduct", "Box"},
      {"deviceVersion", "7"},
      {"deviceEventClassId", "login"},
      {"usrName", "bob"},
      {"msg", "a = b"},
      {"user.name", "bob"},
      {"source.ip", "192.0.2.1"},
      {"source.port", "22"},
      {"event.code", "login"}}},
    {"LEEF:2.0|a|b|1|2|^|src=192.0.2.1^x=a b", "leef", NULL, {{"src", "192.0.2.1"}, {"x", "a b"}}},
    {"LEEF:2.0|a|b|1|2|x5E|k=v^x=y", "leef", NULL, {{"k", "v"}, {"x", "y"}}},
    {"LEEF:2.0|a|b|1|2|0x5e|k=v^x=y", "leef", NULL, {{"k", "v"}, {"x", "y"}}},
    {"LEEF:2.0|a|b|1|2|x09|k=v\tx=y", "leef", NULL, {{"k", "v"}, {"x", "y"}}},
    {"LEEF:2.0|a|b|1|2||k=v\tx=y", "leef", NULL, {{"k", "v"}, {"x", "y"}}},
    {"LEEF:2.0|a|b|1|2|k=v\tx=y|z", "leef", NULL, {{"k", "v"}, {"x", "y|z"}}},
    {"LEEF:1.0|a|b|1|2|k=v\t shost=192.0.2.7\tx=y",
     "leef",
     NULL,
     {{"k", "v"}, {"shost", "192.0.2.7"}, {"x", "y"}, {"source.ip", "192.0.2.7"}}},
    {"LEEF:1.0|a|b|1|2|k=v shost=192.0.2.7\tx=y",
     "leef",
     NULL,
     {{"k", "v"}, {"shost", "192.0.2.7"}, {"x", "y"}}},
    {"LEEF:1.0|a|b|1|2|k=v w x=y z=", "leef", NULL, {{"k", "v w"}, {"x", "y"}, {"z", ""}}},
    {"LEEF:1.0|a|b|1|2|cs1Label=Safe Name\tcs1=Prod\tq=\"quoted\"",
     "leef",
     NULL,
     {{"Safe Name", "Prod"}, {"q", "quoted"}}},
    {"LEEF:1.0|a|b|1|2", "leef", NULL, {{"deviceEventClassId", "2"}}},
    {"LEEF:1.0|a|b|1|2|no pairs\there", "leef", NULL, {{"deviceEventClassId", "2"}}},
    {"<13>Nov 24 03:00:00 h LEEF:1.0|a|b|1|2|k=v", "rfc3164/leef", NULL, {{"k", "v"}, {"host.name", "h"}}},
    {"LEEF:1.0|a", "text", NULL, {{"deviceVendor", ABSENT}}},
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
