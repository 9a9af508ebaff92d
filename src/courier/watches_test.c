#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "courier/watches.h"
#include "store/sql.h"
#include "store/store_fixture.h"

static const nanos DAY = 24 * 3600 * NANOS_PER_SECOND;
static const nanos NOW = 20000 * 24 * 3600 * NANOS_PER_SECOND;

static struct config config_of(void)
{
    return (struct config){.paths = {.review = 90 * DAY}};
}

static struct config_gateway gateway_of(void)
{
    return (struct config_gateway){.name = "primary",
                                   .address = "192.0.2.25",
                                   .host = "mail.example.org",
                                   .port = 587,
                                   .security = SMTP_SECURITY_STARTTLS};
}

static struct look_found healthy(void)
{
    return (struct look_found){
        .gateway = "primary",
        .asked = true,
        .addresses = "192.0.2.25",
        .pinned = true,
        .way = "by router 192.0.2.1, from 192.0.2.7 on eth0",
        .complete = true,
        .offer = {.extensions = SMTP_EXT_AUTH | SMTP_EXT_8BITMIME, .size_limit = 10000000},
        .mechanisms = "PLAIN LOGIN",
        .fingerprint = "sha256:aa",
        .issuer = "CN=Example CA",
        .not_after = NOW + 200 * DAY,
        .chain_not_after = NOW + 200 * DAY,
        .trusted = true,
    };
}

/* Looks, and keeps what is to be kept. */
static struct watches look_with(struct fixture *f, const struct config_gateway *gateway,
                                const struct look_found *found, bool unsure, nanos now)
{
    struct watches watches;
    struct config config = config_of();
    begin(f);
    assert_int_equal(watches_judge(f->store, &config, gateway, found, unsure, now, &watches, &f->err), 0);
    assert_int_equal(watches_keep(f->store, "primary", &watches, now, &f->err), 0);
    commit(f);
    return watches;
}

static struct watches look_at(struct fixture *f, const struct look_found *found, nanos now)
{
    struct config_gateway gateway = gateway_of();
    return look_with(f, &gateway, found, false, now);
}

/* The verdict on that kind, or NULL. */
static const struct watches_verdict *verdict_on(const struct watches *watches, enum trouble_kind kind)
{
    for (size_t i = 0; i < watches->verdict_count; i++)
        if (watches->verdicts[i].kind == kind)
            return &watches->verdicts[i];
    return NULL;
}

static bool is_wrong(const struct watches *watches, enum trouble_kind kind)
{
    const struct watches_verdict *verdict = verdict_on(watches, kind);
    return verdict && verdict->wrong;
}

static bool says(const struct watches *watches, enum trouble_kind kind, const char *text)
{
    const struct watches_verdict *verdict = verdict_on(watches, kind);
    return verdict && verdict->wrong && strstr(verdict->text, text) && verdict->advice[0];
}

static size_t wrongs(const struct watches *watches)
{
    size_t n = 0;
    for (size_t i = 0; i < watches->verdict_count; i++)
        n += watches->verdicts[i].wrong;
    return n;
}

static void a_healthy_gateway_is_well_at_every_look(void **state)
{
    struct fixture *f = *state;
    struct look_found found = healthy();
    for (int i = 0; i < 3; i++) {
        struct watches watches = look_at(f, &found, NOW + i * 600 * NANOS_PER_SECOND);
        assert_int_equal(wrongs(&watches), 0);
        assert_int_equal(watches.verdict_count, 8);
    }
}

/* Each row changes one thing between two looks. */
struct change {
    void (*make)(struct look_found *found);
    enum trouble_kind kind;
    const char *says;
};

static void another_address(struct look_found *found)
{
    sv_copy(found->addresses, sizeof found->addresses, SV("192.0.2.66"));
    found->pinned = false;
}
static void no_name(struct look_found *found)
{
    found->status = DNS_NO_NAME;
}
static void no_data(struct look_found *found)
{
    found->status = DNS_NO_DATA;
}
static void bogus(struct look_found *found)
{
    found->status = DNS_FAILED;
    found->failure = DNS_FAILURE_BOGUS;
}
static void another_way(struct look_found *found)
{
    sv_copy(found->way, sizeof found->way, SV("directly, from 198.51.100.7 on eth1"));
}
static void another_issuer(struct look_found *found)
{
    sv_copy(found->fingerprint, sizeof found->fingerprint, SV("sha256:bb"));
    sv_copy(found->issuer, sizeof found->issuer, SV("CN=Other CA"));
}
static void too_early(struct look_found *found)
{
    sv_copy(found->fingerprint, sizeof found->fingerprint, SV("sha256:bb"));
}
static void distrusted(struct look_found *found)
{
    found->trusted = false;
    sv_copy(found->distrust, sizeof found->distrust, SV("the certificate has expired"));
}
static void no_starttls(struct look_found *found)
{
    found->complete = false;
    found->stripped = true;
    found->offer.extensions = 0;
    found->fingerprint[0] = '\0';
}
static void no_auth(struct look_found *found)
{
    found->offer.extensions &= ~(unsigned)SMTP_EXT_AUTH;
    found->mechanisms[0] = '\0';
}
static void no_login(struct look_found *found)
{
    sv_copy(found->mechanisms, sizeof found->mechanisms, SV("PLAIN"));
}
static void smaller(struct look_found *found)
{
    found->offer.size_limit = 50000;
}
static void soon_over(struct look_found *found)
{
    found->chain_not_after = NOW + 10 * DAY;
}

static const struct change CHANGES[] = {
    {another_address, TROUBLE_DRIFT, "leads to 192.0.2.66, and the configuration has 192.0.2.25"},
    {no_name, TROUBLE_UNPINNED, "NXDOMAIN"},
    {no_data, TROUBLE_UNPINNED, "no address of the configured kind"},
    {bogus, TROUBLE_UNPINNED, "DNSSEC"},
    {another_way, TROUBLE_MOVED, "198.51.100.7 on eth1 now; before it was reached by router 192.0.2.1"},
    {another_issuer, TROUBLE_CERTIFICATE, "another issuer"},
    {too_early, TROUBLE_CERTIFICATE, "not about to expire"},
    {distrusted, TROUBLE_UNTRUSTED, "has expired"},
    {no_starttls, TROUBLE_CAPABILITY, "STARTTLS"},
    {no_auth, TROUBLE_CAPABILITY, "AUTH, AUTH=PLAIN, AUTH=LOGIN"},
    {no_login, TROUBLE_CAPABILITY, "AUTH=LOGIN"},
    {smaller, TROUBLE_CAPABILITY, "over 50000 bytes (the limit was 10000000)"},
    {soon_over, TROUBLE_EXPIRY, "in less than 14 days"},
};

static void what_changed_for_the_worse_is_told_until_it_is_back(void **state)
{
    struct fixture *f = *state;
    struct look_found good = healthy();
    for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
        struct look_found found = good;
        CHANGES[i].make(&found);
        look_at(f, &good, NOW);
        for (int again = 0; again < 2; again++) {
            struct watches watches = look_at(f, &found, NOW + 1);
            assert_true(says(&watches, CHANGES[i].kind, CHANGES[i].says));
            assert_int_equal(wrongs(&watches), 1);
        }
        struct watches watches = look_at(f, &good, NOW + 2);
        assert_int_equal(wrongs(&watches), 0);
        assert_non_null(verdict_on(&watches, CHANGES[i].kind));
    }
}

static void what_was_reviewed_is_expected_from_then_on(void **state)
{
    struct fixture *f = *state;
    struct look_found good = healthy(), found = good;
    look_at(f, &good, NOW);
    another_way(&found);
    another_issuer(&found);
    no_login(&found);
    struct watches watches = look_at(f, &found, NOW + 1);
    assert_int_equal(wrongs(&watches), 3);
    begin(f);
    assert_int_equal(watches_reviewed(f->store, "primary", NOW + 2, &f->err), 0);
    commit(f);
    watches = look_at(f, &found, NOW + 3);
    assert_int_equal(wrongs(&watches), 0);
    watches = look_at(f, &found, NOW + 4);
    assert_int_equal(wrongs(&watches), 0);
    watches = look_at(f, &good, NOW + 5);
    assert_true(is_wrong(&watches, TROUBLE_MOVED));
    assert_true(is_wrong(&watches, TROUBLE_CERTIFICATE));
}

static void a_certificate_renewed_near_its_end_looks_like_a_renewal(void **state)
{
    struct fixture *f = *state;
    struct look_found old = healthy(), renewed = healthy();
    old.not_after = old.chain_not_after = NOW + 20 * DAY;
    sv_copy(renewed.fingerprint, sizeof renewed.fingerprint, SV("sha256:bb"));
    look_at(f, &old, NOW);
    struct watches watches = look_at(f, &renewed, NOW + 1);
    assert_true(says(&watches, TROUBLE_CERTIFICATE, "looks like a renewal"));
    const struct watches_verdict *verdict = verdict_on(&watches, TROUBLE_CERTIFICATE);
    assert_true(verdict && verdict->severity == SEVERITY_MEDIUM);
    watches = look_at(f, &renewed, NOW + 2);
    assert_int_equal(wrongs(&watches), 0);
    assert_non_null(verdict_on(&watches, TROUBLE_CERTIFICATE));
}

static void one_that_is_not_trusted_is_no_renewal(void **state)
{
    struct fixture *f = *state;
    struct look_found old = healthy(), forged = healthy();
    old.not_after = old.chain_not_after = NOW + 20 * DAY;
    sv_copy(forged.fingerprint, sizeof forged.fingerprint, SV("sha256:bb"));
    distrusted(&forged);
    look_at(f, &old, NOW);
    for (int i = 0; i < 2; i++) {
        struct watches watches = look_at(f, &forged, NOW + 1);
        assert_true(says(&watches, TROUBLE_CERTIFICATE, "is not trusted"));
        assert_true(is_wrong(&watches, TROUBLE_UNTRUSTED));
    }
}

static void an_expiry_is_told_again_at_each_threshold(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int days_left;
        bool wrong, again;
        enum severity severity;
    } cases[] = {
        {200, false, false, 0},
        {29, true, false, SEVERITY_MEDIUM},
        {28, true, false, SEVERITY_MEDIUM},
        {13, true, true, SEVERITY_HIGH},
        {12, true, false, SEVERITY_HIGH},
        {6, true, true, SEVERITY_HIGH},
        {0, true, true, SEVERITY_CRITICAL},
        {-1, true, false, SEVERITY_CRITICAL},
    };
    struct look_found found = healthy();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct watches watches = look_at(f, &found, found.not_after - cases[i].days_left * DAY);
        const struct watches_verdict *verdict = verdict_on(&watches, TROUBLE_EXPIRY);
        assert_true(verdict && verdict->wrong == cases[i].wrong && verdict->again == cases[i].again &&
                    verdict->severity == cases[i].severity);
    }
}

static void a_pinned_certificate_may_be_past_its_dates(void **state)
{
    struct fixture *f = *state;
    struct config_gateway gateway = gateway_of();
    struct look_found found = healthy();
    gateway.pin = "sha256:00";
    struct watches watches = look_with(f, &gateway, &found, false, found.not_after + DAY);
    assert_false(is_wrong(&watches, TROUBLE_EXPIRY));
}

static void a_resolver_that_fails_once_is_asked_again_first(void **state)
{
    struct fixture *f = *state;
    static const enum dns_failure FAILURES[] = {DNS_FAILURE_SERVER, DNS_FAILURE_NO_ANSWER,
                                                DNS_FAILURE_REFUSED, DNS_FAILURE_UNREACHABLE,
                                                DNS_FAILURE_MALFORMED};
    struct config_gateway gateway = gateway_of();
    for (size_t i = 0; i < sizeof FAILURES / sizeof *FAILURES; i++) {
        struct look_found found = healthy();
        found.status = DNS_FAILED;
        found.failure = FAILURES[i];
        struct watches watches = look_with(f, &gateway, &found, false, NOW);
        assert_true(watches.unsure);
        assert_null(verdict_on(&watches, TROUBLE_UNPINNED));
        watches = look_with(f, &gateway, &found, true, NOW + 1);
        assert_true(is_wrong(&watches, TROUBLE_UNPINNED));
        assert_null(verdict_on(&watches, TROUBLE_DRIFT)); /* nothing is known about it */
    }
}

static void settings_are_due_ninety_days_after_the_last_change_or_review(void **state)
{
    struct fixture *f = *state;
    struct config_gateway gateway = gateway_of();
    struct look_found found = healthy();
    found.not_after = found.chain_not_after = NOW + 900 * DAY;
    look_at(f, &found, NOW);
    struct watches watches = look_at(f, &found, NOW + 89 * DAY);
    assert_false(is_wrong(&watches, TROUBLE_REVIEW));
    watches = look_at(f, &found, NOW + 90 * DAY);
    assert_true(says(&watches, TROUBLE_REVIEW, "looked at 90 d ago"));
    begin(f);
    assert_int_equal(watches_reviewed(f->store, "primary", NOW + 91 * DAY, &f->err), 0);
    commit(f);
    watches = look_at(f, &found, NOW + 92 * DAY);
    assert_false(is_wrong(&watches, TROUBLE_REVIEW));
    watches = look_at(f, &found, NOW + 182 * DAY);
    assert_true(is_wrong(&watches, TROUBLE_REVIEW));
    gateway.port = 465;
    watches = look_with(f, &gateway, &found, false, NOW + 183 * DAY);
    assert_false(is_wrong(&watches, TROUBLE_REVIEW));
}

static void another_gateway_is_not_measured_by_the_old_ones_facts(void **state)
{
    struct fixture *f = *state;
    struct config_gateway gateway = gateway_of();
    struct look_found found = healthy();
    look_at(f, &found, NOW);
    gateway.address = "192.0.2.77";
    another_issuer(&found);
    no_login(&found);
    struct watches watches = look_with(f, &gateway, &found, false, NOW + 1);
    assert_int_equal(wrongs(&watches), 0);
}

static void a_gateway_that_cannot_be_looked_at_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct look_found good = healthy(), dead = {.gateway = "primary"};
    look_at(f, &good, NOW);
    struct watches watches = look_at(f, &dead, NOW + 1);
    assert_int_equal(wrongs(&watches), 0);
    assert_null(verdict_on(&watches, TROUBLE_CAPABILITY)); /* open troubles stay open, too */
    assert_null(verdict_on(&watches, TROUBLE_UNTRUSTED));
    no_login(&good);
    watches = look_at(f, &good, NOW + 2);
    assert_true(is_wrong(&watches, TROUBLE_CAPABILITY));
}

int main(void)
{
#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        IN_A_STORE(a_healthy_gateway_is_well_at_every_look),
        IN_A_STORE(what_changed_for_the_worse_is_told_until_it_is_back),
        IN_A_STORE(what_was_reviewed_is_expected_from_then_on),
        IN_A_STORE(a_certificate_renewed_near_its_end_looks_like_a_renewal),
        IN_A_STORE(one_that_is_not_trusted_is_no_renewal),
        IN_A_STORE(an_expiry_is_told_again_at_each_threshold),
        IN_A_STORE(a_pinned_certificate_may_be_past_its_dates),
        IN_A_STORE(a_resolver_that_fails_once_is_asked_again_first),
        IN_A_STORE(settings_are_due_ninety_days_after_the_last_change_or_review),
        IN_A_STORE(another_gateway_is_not_measured_by_the_old_ones_facts),
        IN_A_STORE(a_gateway_that_cannot_be_looked_at_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
