/* JSON: dotted names, every type, escapes, bounds, and text that breaks off. */
#include "wire/decoding_test.h"
#include "wire/json_event.h"

static const struct decoded cases[] = {
    {"{\"a\":\"x\",\"b\":{\"c\":{\"d\":\"y\"}}}", "json", "//", {{"a", "x"}, {"b.c.d", "y"}}},
    {" {\t\"a\" :\r\n\"x\" , \"b\" : [ ] , \"c\" : { } } ",
     "json",
     NULL,
     {{"a", "x"}, {"b", ABSENT}, {"c", ABSENT}}},
    {"{\"p\":\"a\\\"b\\\\c\\/d\\n\\t\\u00e9\\u20ac\\ud83d\\ude00\"}",
     "json",
     NULL,
     {{"p", "a\"b\\c/d\n\té€😀"}}},
    {"{\"half\":\"\\ud83d x\",\"low\":\"\\ude00\",\"bad\":\"\\u12g4 C:\\Windows\"}",
     "json",
     NULL,
     {{"half", "\xef\xbf\xbd x"}, {"low", "\xef\xbf\xbd"}, {"bad", "\\u12g4 C:\\Windows"}}},
    {"{\"k\\\"ey\":\"v\",\"nested\":{\"a\\u002eb\":\"w\"}}",
     "json",
     NULL,
     {{"k\"ey", "v"}, {"nested.a.b", "w"}}},
    {"{\"text\":\"two\nlines\"}", "json", NULL, {{"text", "two\nlines"}}},
    {"{\"user\":\"bob\",\"src_ip\":\"192.0.2.1\",\"host\":\"h1\",\"action\":\"login\"}",
     "json",
     "//",
     {{"user.name", "bob"}, {"source.ip", "192.0.2.1"}, {"host.name", "h1"}, {"event.action", "login"}}},
    {"{\"a\":\"kept\",\"b\":\"cut o",
     "json",
     NULL,
     {{"a", "kept"}, {"vedette.decode_error", "a string does not end"}}},
    {"{\"a\":1,}",
     "json",
     NULL,
     {{"a", "1"}, {"vedette.decode_error", "there is no name where one should be"}}},
    {"{\"a\":1} x", "json", NULL, {{"a", "1"}, {"vedette.decode_error", "there is text behind its end"}}},
    {"{\"a\":1 \"b\":2}",
     "json",
     NULL,
     {{"a", "1"}, {"vedette.decode_error", "a comma or the end is missing"}}},
    {"{not json}", "text", "//", {{"vedette.decode_error", ABSENT}}},
    {"{}", "json", NULL, {{"a", ABSENT}}},
    {"<13>Nov 24 03:00:00 h app: {\"a\":1}", "rfc3164/json", NULL, {{"a", "1"}, {"process.name", "app"}}},
    {"<13>Nov 24 03:00:00 h app: @cee: {\"a\":1}", "rfc3164/text", NULL, {{"a", ABSENT}}},
    {"<13>Nov 24 03:00:00 h @cee: {\"a\":1}", "rfc3164/json", NULL, {{"a", "1"}}},
    {"\xef\xbb\xbf{\"a\":1}", "json", NULL, {{"a", "1"}}},
    {"{\"time\":\"2026-11-24T03:00:00Z\",\"type\":\"request\",\"auth\":{\"display_name\":\"token-ci\"},"
     "\"request\":{\"operation\":\"read\",\"path\":\"secret/data/db\",\"remote_address\":\"192.0.2.5\"},"
     "\"error\":\"permission denied\"}",
     "json",
     "hashicorp//vault",
     {{"user.name", "token-ci"},
      {"event.action", "read"},
      {"event.outcome", "failure"},
      {"source.ip", "192.0.2.5"},
      {"url.original", "secret/data/db"}}},
    {"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"RequestResponse\",\"aud"
     "itID\":\"7f0c\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/api/v1/namespaces/kube-sy"
     "stem/pods\",\"verb\":\"create\",\"user\":{\"username\":\"alice@example.org\",\"groups\":["
     "\"dev\",\"system:authenticated\"]},\"impersonatedUser\":{\"username\":\"system:admin\"},\""
     "sourceIPs\":[\"198.51.100.7\",\"192.0.2.9\"],\"userAgent\":\"kubectl/v1.31.0\",\"objectRef"
     "\":{\"resource\":\"pods\",\"namespace\":\"kube-system\",\"name\":\"shell\",\"apiVersion\":"
     "\"v1\"},\"responseStatus\":{\"metadata\":{},\"status\":\"Failure\",\"reason\":\"Forbidden"
     "\",\"code\":403},\"requestObject\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"securityCo"
     "ntext\":{\"privileged\":true,\"capabilities\":{\"add\":[\"SYS_ADMIN\"]}}}],\"volumes\":[{"
     "\"name\":\"root\",\"hostPath\":{\"path\":\"/\"}}]}},\"requestReceivedTimestamp\":\"2026-11"
     "-24T02:59:58.000000Z\",\"stageTimestamp\":\"2026-11-24T03:00:00.000000Z\",\"annotations\":"
     "{\"authorization.k8s.io/decision\":\"forbid\"}}",
     "json",
     "kubernetes//audit",
     {{"event.action", "create"},
      {"event.outcome", "failure"},
      {"event.reason", "Forbidden"},
      {"user.name", "alice@example.org"},
      {"user.effective.name", "system:admin"},
      {"source.ip", "198.51.100.7"},
      {"group.name", "dev"},
      {"event.id", "7f0c"},
      {"requestObject.spec.volumes.hostPath.path", "/"},
      {"requestObject.spec.containers.securityContext.capabilities.add", "SYS_ADMIN"}}},
    {"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"RequestResponse\",\"aud"
     "itID\":\"7f0c\",\"stage\":\"RequestReceived\",\"requestURI\":\"/api/v1/namespaces/kube-sys"
     "tem/pods\",\"verb\":\"create\",\"user\":{\"username\":\"alice@example.org\",\"groups\":[\""
     "dev\",\"system:authenticated\"]},\"sourceIPs\":[\"198.51.100.7\",\"192.0.2.9\"],\"userAgen"
     "t\":\"kubectl/v1.31.0\",\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"kube-system\""
     ",\"name\":\"shell\",\"apiVersion\":\"v1\"},\"requestReceivedTimestamp\":\"2026-11-24T02:59"
     ":58.000000Z\",\"stageTimestamp\":\"2026-11-24T03:00:00.000000Z\"}",
     "json",
     "kubernetes//audit",
     {{"event.outcome", ABSENT}, {"event.action", "create"}}},
    {"{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"auditID\":\"no audit event\",\"user\":\"bob\"}",
     "json",
     "//",
     {{"user.name", "bob"}}},
    {"{\"uuid\":\"5d1e\",\"tenantId\":\"t-1\",\"timestamp\":1795489200000,\"username\":\"alice@e"
     "xample.org\",\"applicationCode\":\"PAM\",\"auditCode\":\"PAM00295\",\"auditType\":\"Info\""
     ",\"action\":\"Retrieve password\",\"userId\":\"alice@example.org\",\"source\":\"192.0.2.9"
     "\",\"actionType\":\"Retrieve\",\"component\":\"Vault\",\"serviceName\":\"Privilege Cloud\""
     ",\"accessMethod\":null,\"accountId\":\"12_3\",\"target\":\"db1.example.org\",\"command\":n"
     "ull,\"sessionId\":\"s-9\",\"message\":\"ticket 4711\",\"customData\":{\"PAM\":{\"new_targe"
     "t\":\"\"}},\"safe\":\"Prod-Unix\",\"accountName\":\"unix-root-db1\",\"targetPlatform\":\"U"
     "nixSSH\",\"targetAccount\":\"root\",\"identityType\":null}",
     "json",
     "cyberark//audit",
     {{"event.code", "295"},
      {"event.action", "Retrieve password"},
      {"event.outcome", "success"},
      {"user.name", "alice@example.org"},
      {"user.target.name", "root"},
      {"cyberark.account", "root"},
      {"cyberark.safe", "Prod-Unix"},
      {"cyberark.reason", "ticket 4711"},
      {"cyberark.session_id", "s-9"},
      {"source.ip", "192.0.2.9"},
      {"destination.domain", "db1.example.org"},
      {"service.name", "Privilege Cloud"}}},
    {"{\"uuid\":\"5d1f\",\"tenantId\":\"t-1\",\"timestamp\":1795489200000,\"username\":\"\",\"ap"
     "plicationCode\":\"IDP\",\"auditCode\":\"IDP1001\",\"auditType\":\"Failure\",\"action\":\"L"
     "ogin\",\"userId\":\"mallory\",\"source\":\"198.51.100.7\",\"serviceName\":\"Identity\",\"t"
     "arget\":\"\",\"accountName\":\"\",\"targetAccount\":\"\"}",
     "json",
     "cyberark//audit",
     {{"event.code", "IDP1001"},
      {"event.outcome", "failure"},
      {"user.name", "mallory"},
      {"cyberark.safe", ABSENT}}},
    {"{\"MESSAGE\":\"Failed password for root from 192.0.2.1 port 5 ssh2\",\"SYSLOG_IDENTIFIER\":\"sshd\","
     "\"_PID\":\"7\",\"_HOSTNAME\":\"h1\",\"__REALTIME_TIMESTAMP\":\"1795000000000000\"}",
     "journal/sshd",
     "linux//sshd",
     {{"user.name", "root"}, {"source.ip", "192.0.2.1"}, {"host.name", "h1"}, {"process.pid", "7"}}},
};

static void a_record_gives_its_fields(void **state)
{
    (void)state;
    CHECK_ALL(cases);
}

static void decode_json_text(struct event *event, struct arena *arena, sv text, sv *ret_error)
{
    *event = (struct event){.raw = text};
    struct decoding decoding = {.event = event, .arena = arena};
    *ret_error = SV_NONE;
    assert_true(json_event_decode(&decoding, text, ret_error));
}

static void arrays_repeat_the_name_and_types_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        enum event_field_type type;
    } expected[] = {{"a", "1", EVENT_NUMBER},     {"a", "-2.5e+3", EVENT_NUMBER}, {"a", "s", EVENT_STRING},
                    {"a", "true", EVENT_BOOLEAN}, {"a", "false", EVENT_BOOLEAN},  {"a", "", EVENT_NULL},
                    {"a.b", "x", EVENT_STRING},   {"a", "deep", EVENT_STRING},    {"a.c", "y", EVENT_STRING},
                    {"a", "again", EVENT_STRING}, {"o.p", "1", EVENT_NUMBER},     {"o.q", "2", EVENT_NUMBER},
                    {"last", "z", EVENT_STRING}};
    struct arena *arena = arena_new(64 * 1024);
    struct event event;
    sv error;
    decode_json_text(&event, arena,
                     SV("{\"a\":[1,-2.5e+3,\"s\",true,false,null,{\"b\":\"x\"},[\"deep\",{\"c\":\"y\"}]],"
                        "\"a\":\"again\",\"o\":{\"p\":1,\"q\":2},\"last\":\"z\"}"),
                     &error);
    assert_int_equal(error.n, 0);
    assert_int_equal(event.field_count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < event.field_count; i++) {
        assert_true(sv_eq(event.fields[i].name, sv_of(expected[i].name)));
        assert_true(sv_eq(event.fields[i].value, sv_of(expected[i].value)));
        assert_int_equal(event.fields[i].type, expected[i].type);
    }
    arena_free(arena);
}

static void strings_without_escapes_borrow_from_the_record(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    struct event event;
    sv error, text = SV("{\"key\":\"value\"}");
    decode_json_text(&event, arena, text, &error);
    assert_ptr_equal(event.fields[0].name.p, text.p + 2);
    assert_ptr_equal(event.fields[0].value.p, text.p + 8);
    arena_free(arena);
}

static void depth_and_names_are_bounded(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    struct event event;
    sv error;
    char text[4096] = "{\"first\":1";
    size_t n = strlen(text);
    for (size_t i = 0; i <= JSON_DEPTH_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ",\"k\":{\"a\":1");
    decode_json_text(&event, arena, sv_make(text, n), &error);
    assert_true(sv_eq(error, SV("it is nested too deeply")));
    assert_true(event.field_count >= 2);
    decode(&event, sv_make(text, n), DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
    assert_true(event.flags & EVENT_FIELDS_DROPPED); /* which is counted */
    n = (size_t)snprintf(text, sizeof text, "{\"first\":1,\"%01500d\":{\"a\":1}}", 0);
    decode_json_text(&event, arena, sv_make(text, n), &error);
    assert_true(sv_eq(error, SV("a name is too long")));
    arena_free(arena);
}

static void fields_past_the_maximum_are_dropped_and_told(void **state)
{
    (void)state;
    struct arena *arena = arena_new(256 * 1024);
    struct event event;
    char text[16 * 1024];
    size_t n = (size_t)snprintf(text, sizeof text, "{\"a\":[0");
    for (size_t i = 0; i < EVENT_FIELDS_MAX + 5; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ",%zu", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "]}");
    decode(&event, sv_make(text, n), DECODE_JSON, TEST_ARRIVAL, NULL, arena);
    assert_int_equal(event.field_count, EVENT_FIELDS_MAX);
    assert_true(event.flags & EVENT_FIELDS_DROPPED);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_gives_its_fields),
        cmocka_unit_test(arrays_repeat_the_name_and_types_are_told),
        cmocka_unit_test(strings_without_escapes_borrow_from_the_record),
        cmocka_unit_test(depth_and_names_are_bounded),
        cmocka_unit_test(fields_past_the_maximum_are_dropped_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
