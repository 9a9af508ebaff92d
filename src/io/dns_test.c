/* DNS against a scripted server on loopback, in a thread of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/dns.h"
#include "io/dns_private.h"
#include "io/testing_dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* For what is answered at once: a busy machine may need some of it. */
static const nanos PATIENCE = 20 * NANOS_PER_SECOND;

struct asking {
    struct loop *loop;
    struct dns *dns;
    unsigned told, until;
    bool free_in_callback;
    struct dns_answer answer;
    char question[DNS_NAME_TEXT_MAX], canonical[DNS_NAME_TEXT_MAX], name[DNS_NAME_TEXT_MAX];
    char ip[ADDRESS_TEXT_MAX], data[256];
};

static void told(void *arg, const struct dns_answer *answer)
{
    struct asking *asking = arg;
    asking->answer = *answer;
    sv_copy(asking->question, sizeof asking->question, sv_of(answer->question));
    sv_copy(asking->canonical, sizeof asking->canonical, sv_of(dns_canonical(answer)));
    if (answer->record_count) {
        sv_copy(asking->name, sizeof asking->name, sv_of(answer->records[0].name));
        sv_copy(asking->data, sizeof asking->data, answer->records[0].data);
        address_ip_text(&answer->records[0].address, asking->ip);
    }
    if (asking->free_in_callback) {
        dns_free(asking->dns);
        asking->dns = NULL;
    }
    if (++asking->told >= asking->until)
        loop_stop(asking->loop);
}

static void begin(struct asking *asking, const char *server, const char *anchor)
{
    *asking = (struct asking){.loop = loop_new(), .until = 1};
    struct err err;
    const struct dns_setup setup = {
        .loop = asking->loop, .servers = &server, .server_count = 1, .trust_anchor_file = anchor};
    if (dns_new(&setup, &asking->dns, &err) < 0)
        fail_msg("%s", err.cause);
}

static void end(struct asking *asking)
{
    dns_free(asking->dns);
    loop_free(asking->loop);
}

static void ask_for(struct asking *asking, enum dns_type type, const char *name, nanos timeout)
{
    asking->told = 0;
    dns_ask(asking->dns, type, name, timeout, told, asking);
    assert_int_equal(asking->told, 0);
    loop_run(asking->loop);
}

static void no_resolver_at_all_is_told_soon_and_with_its_address(void **state)
{
    (void)state;
    struct testing_dns *server = testing_dns_new(TESTING_DNS_PLAIN);
    char where[ADDRESS_TEXT_MAX];
    sv_copy(where, sizeof where, sv_of(testing_dns_where(server)));
    testing_dns_free(server); /* nothing listens there now */
    struct asking asking;
    begin(&asking, where, NULL);
    nanos began = loop_monotonic();
    ask_for(&asking, DNS_A, "mail.example.org", 30 * NANOS_PER_SECOND);
    assert_true(loop_monotonic() - began < 20 * NANOS_PER_SECOND);
    assert_int_equal(asking.answer.status, DNS_FAILED);
    assert_int_equal(asking.answer.failure, DNS_FAILURE_UNREACHABLE);
    assert_non_null(strstr(asking.answer.why, where));
    end(&asking);
}

static void each_way_to_fail_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        enum testing_dns_manner manner;
        enum dns_failure failure;
        const char *word;
    } cases[] = {
        {TESTING_DNS_REFUSES, DNS_FAILURE_REFUSED, "REFUSED"},
        {TESTING_DNS_SERVFAILS, DNS_FAILURE_SERVER, "SERVFAIL"},
        {TESTING_DNS_SILENT, DNS_FAILURE_NO_ANSWER, "within 1.2 s"},
        {TESTING_DNS_GARBLES, DNS_FAILURE_MALFORMED, "no answer to the question"},
        {TESTING_DNS_TRUNCATES, DNS_FAILURE_SERVER, "too long for UDP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct testing_dns *server = testing_dns_new(cases[i].manner);
        struct asking asking;
        begin(&asking, testing_dns_where(server), NULL);
        nanos began = loop_monotonic();
        bool answers = cases[i].manner == TESTING_DNS_REFUSES || cases[i].manner == TESTING_DNS_SERVFAILS;
        ask_for(&asking, DNS_A, "mail.example.org", answers ? PATIENCE : 1200 * NANOS_PER_MS);
        assert_true(loop_monotonic() - began < PATIENCE);
        assert_int_equal(asking.answer.status, DNS_FAILED);
        assert_int_equal(asking.answer.record_count, 0);
        if (cases[i].manner == TESTING_DNS_TRUNCATES && asking.answer.failure == DNS_FAILURE_NO_ANSWER)
            asking.answer.failure = DNS_FAILURE_SERVER; /* as far as libunbound had got by the time-out */
        if (asking.answer.failure != cases[i].failure || !strstr(asking.answer.why, cases[i].word))
            fail_msg("case %zu: failure %d: %s", i, asking.answer.failure, asking.answer.why);
        end(&asking);
        testing_dns_free(server);
    }
}

static void records_of_every_type_come_as_they_are(void **state)
{
    (void)state;
    struct testing_dns *server = testing_dns_new(TESTING_DNS_PLAIN);
    struct asking asking;
    begin(&asking, testing_dns_where(server), NULL);
    ask_for(&asking, DNS_A, "mail.example.org.", PATIENCE);
    assert_int_equal(asking.answer.status, DNS_FOUND);
    assert_int_equal(asking.answer.security, DNS_UNKNOWN);
    assert_string_equal(asking.ip, "192.0.2.25");
    assert_int_equal(asking.answer.ttl_seconds, 300);
    ask_for(&asking, DNS_AAAA, "mail.example.org", PATIENCE);
    assert_string_equal(asking.ip, "2001:db8::25");
    ask_for(&asking, DNS_A, "www.example.org", PATIENCE);
    assert_int_equal(asking.answer.status, DNS_FOUND);
    assert_int_equal(asking.answer.chain_count, 2);
    assert_string_equal(asking.canonical, "mail.example.org");
    assert_int_equal(asking.answer.ttl_seconds, 60); /* the alias's */
    ask_for(&asking, DNS_MX, "example.org", PATIENCE);
    assert_string_equal(asking.name, "mail.example.org");
    assert_int_equal(asking.answer.records[0].preference, 10);
    ask_for(&asking, DNS_TXT, "example.org", PATIENCE);
    assert_string_equal(asking.data, "v=spf1 -all");
    ask_for(&asking, DNS_A, "absent.example.org", PATIENCE);
    assert_int_equal(asking.answer.status, DNS_NO_NAME);
    assert_int_equal(asking.answer.ttl_seconds, 90);
    ask_for(&asking, DNS_AAAA, "v4.example.org", PATIENCE);
    assert_int_equal(asking.answer.status, DNS_NO_DATA);
    end(&asking);
    testing_dns_free(server);
}

static void private_addresses_have_names_too(void **state)
{
    (void)state;
    struct testing_dns *server = testing_dns_new(TESTING_DNS_PLAIN);
    struct asking asking;
    begin(&asking, testing_dns_where(server), NULL);
    const char *ips[] = {"10.0.0.25", "192.168.1.25", "127.0.0.9", "fd00::25", "192.0.2.25"};
    for (size_t i = 0; i < sizeof ips / sizeof *ips; i++) {
        struct address address;
        assert_int_equal(address_parse(sv_of(ips[i]), 0, &address, NULL), 0);
        asking.told = 0;
        dns_ask_reverse(asking.dns, &address, PATIENCE, told, &asking);
        loop_run(asking.loop);
        if (asking.answer.status != DNS_FOUND || strcmp(asking.name, "mail.example.org") != 0)
            fail_msg("%s: status %d: %s", ips[i], asking.answer.status, asking.answer.why);
    }
    end(&asking);
    testing_dns_free(server);
}

static void signatures_are_checked_and_a_lie_is_kept_back(void **state)
{
    (void)state;
    static const struct {
        enum testing_dns_manner manner;
        const char *name;
        enum dns_status status;
        enum dns_security security;
    } cases[] = {
        {TESTING_DNS_SIGNED, "mail.example.org", DNS_FOUND, DNS_SECURE},
        {TESTING_DNS_SIGNED, "mail.example.com", DNS_FOUND, DNS_INSECURE},
        {TESTING_DNS_LIES, "mail.example.org", DNS_FAILED, DNS_BOGUS},
        {TESTING_DNS_PLAIN, "mail.example.org", DNS_FOUND, DNS_UNKNOWN}, /* it knows of no signatures */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct testing_dns *server = testing_dns_new(cases[i].manner);
        struct asking asking;
        begin(&asking, testing_dns_where(server), testing_dns_anchor(server));
        ask_for(&asking, DNS_A, cases[i].name, PATIENCE);
        if (asking.answer.status != cases[i].status || asking.answer.security != cases[i].security)
            fail_msg("case %zu: status %d, %s: %s", i, asking.answer.status,
                     dns_security_name(asking.answer.security), asking.answer.why);
        if (cases[i].security == DNS_BOGUS || cases[i].security == DNS_UNKNOWN)
            assert_true(*asking.answer.why);
        assert_int_equal(asking.answer.record_count, cases[i].status == DNS_FOUND);
        end(&asking);
        testing_dns_free(server);
    }
}

static void the_receiver_may_free_everything(void **state)
{
    (void)state;
    struct testing_dns *server = testing_dns_new(TESTING_DNS_PLAIN);
    struct asking asking;
    begin(&asking, testing_dns_where(server), NULL);
    asking.free_in_callback = true;
    dns_ask(asking.dns, DNS_A, "never.example.org", 30 * NANOS_PER_SECOND, told, &asking);
    ask_for(&asking, DNS_A, "mail.example.org", PATIENCE);
    assert_int_equal(asking.told, 1);
    assert_null(asking.dns);
    end(&asking);
    testing_dns_free(server);
}

static void what_is_cancelled_is_never_told(void **state)
{
    (void)state;
    struct testing_dns *server = testing_dns_new(TESTING_DNS_PLAIN);
    struct asking asking;
    begin(&asking, testing_dns_where(server), NULL);
    struct dns_query *gone = dns_ask(asking.dns, DNS_MX, "example.org", NANOS_PER_SECOND, told, &asking);
    dns_cancel(gone);
    dns_cancel(NULL);
    ask_for(&asking, DNS_A, "mail.example.org", PATIENCE);
    assert_int_equal(asking.told, 1);
    assert_int_equal(asking.answer.type, DNS_A);
    end(&asking);
    testing_dns_free(server);
}

static void names_that_are_none_and_too_many_questions_fail_by_themselves(void **state)
{
    (void)state;
    struct testing_dns *server = testing_dns_new(TESTING_DNS_SILENT);
    struct asking asking;
    begin(&asking, testing_dns_where(server), NULL);
    char label[80];
    memset(label, 'a', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    const char *names[] = {"", "a..example.org", label};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ask_for(&asking, DNS_A, names[i], PATIENCE);
        assert_int_equal(asking.answer.failure, DNS_FAILURE_BAD_QUESTION);
    }
    for (size_t i = 0; i < DNS_QUERIES_MAX; i++)
        dns_ask(asking.dns, DNS_A, "mail.example.org", 60 * NANOS_PER_SECOND, told, &asking);
    ask_for(&asking, DNS_A, "mail.example.org", 60 * NANOS_PER_SECOND);
    assert_int_equal(asking.answer.failure, DNS_FAILURE_OURS);
    end(&asking);
    testing_dns_free(server);
}

static void settings_that_cannot_work_are_told_before_anything_is_asked(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct dns *dns = NULL;
    struct err err;
    const char *servers[] = {"resolver.example.org", "192.0.2.53:0x35", ":53", ""};
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        struct dns_setup setup = {.loop = loop, .servers = &servers[i], .server_count = 1};
        assert_int_equal(dns_new(&setup, &dns, &err), -1);
        assert_int_equal(err.class, ERR_CONFIG);
    }
    const char *anchors[] = {"/nonexistent/root.key", "/dev/null", "/etc/passwd"};
    for (size_t i = 0; i < sizeof anchors / sizeof *anchors; i++) {
        struct dns_setup setup = {.loop = loop,
                                  .servers = &(const char *){"192.0.2.53"},
                                  .server_count = 1,
                                  .trust_anchor_file = anchors[i]};
        assert_int_equal(dns_new(&setup, &dns, &err), -1);
        assert_non_null(strstr(err.cause, anchors[i]));
    }
    assert_null(dns);
    loop_free(loop);
}

static void the_systems_resolvers_are_read_in_their_order(void **state)
{
    (void)state;
    char servers[DNS_SERVERS_MAX][DNS_SERVER_TEXT_MAX];
    sv text =
        SV("# nameserver 192.0.2.1\nsearch example.org\nnameserver 192.0.2.53\r\n"
           "  nameserver\t2001:db8::53 # second\nnameserver resolver.example.org\nnameservers 192.0.2.2\n"
           "nameserver 192.0.2.54");
    assert_int_equal(dns_servers_of(text, servers), 3);
    assert_string_equal(servers[0], "192.0.2.53");
    assert_string_equal(servers[1], "2001:db8::53");
    assert_string_equal(servers[2], "192.0.2.54");
    assert_int_equal(dns_servers_of(SV_NONE, servers), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_resolver_at_all_is_told_soon_and_with_its_address),
        cmocka_unit_test(each_way_to_fail_is_told_apart),
        cmocka_unit_test(records_of_every_type_come_as_they_are),
        cmocka_unit_test(private_addresses_have_names_too),
        cmocka_unit_test(signatures_are_checked_and_a_lie_is_kept_back),
        cmocka_unit_test(the_receiver_may_free_everything),
        cmocka_unit_test(what_is_cancelled_is_never_told),
        cmocka_unit_test(names_that_are_none_and_too_many_questions_fail_by_themselves),
        cmocka_unit_test(settings_that_cannot_work_are_told_before_anything_is_asked),
        cmocka_unit_test(the_systems_resolvers_are_read_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
