#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/tls_policy.h"

#include <stdio.h>

#define SAYS(w)   .word = CONFIG_TLS_POLICY_##w
#define HAS(r)    .records = TLS_RECORDS_##r, .listed_securely = true
#define POLICY(m) .policy = true, .mode = MTA_STS_##m, .allowed = true
#define OTHERS(m) .policy = true, .mode = MTA_STS_##m
#define REQUIRED  .wish = TLS_WISH_REQUIRED
#define OPTIONAL  .wish = TLS_WISH_OPTIONAL
#define SIGNED    .listed_securely = true

struct row {
    struct tls_facts facts;
    enum tls_level level;
    const char *status; /* with REFUSED */
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tls_verdict verdict = tls_policy_decide(&rows[i].facts);
        const char *status = rows[i].status ? rows[i].status : "";
        if (verdict.level != rows[i].level || strcmp(verdict.status ? verdict.status : "", status) != 0)
            fail_msg("row %zu: %s %s, not %s %s: %s", i, tls_level_name(verdict.level),
                     verdict.status ? verdict.status : "", tls_level_name(rows[i].level), status,
                     verdict.why);
        assert_true(verdict.why && *verdict.why);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof *(rows))

static void the_routes_word_holds_where_nothing_is_published(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{SAYS(VERIFIED)}, TLS_LEVEL_VERIFIED, NULL},
        {{SAYS(REQUIRED)}, TLS_LEVEL_ENCRYPTED, NULL},
        {{SAYS(OPPORTUNISTIC)}, TLS_LEVEL_OFFERED, NULL},
        {{SAYS(NONE)}, TLS_LEVEL_CLEAR, NULL},
        {{SAYS(DANE_ONLY)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(VERIFIED), .pinned = true}, TLS_LEVEL_PINNED, NULL},
        {{SAYS(OPPORTUNISTIC), POLICY(NONE)}, TLS_LEVEL_OFFERED, NULL},
        {{SAYS(OPPORTUNISTIC), OTHERS(TESTING)}, TLS_LEVEL_OFFERED, NULL},
    };
    CHECK(rows);
}

static void what_is_published_raises_the_word_and_never_lowers_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{SAYS(OPPORTUNISTIC), HAS(USABLE)}, TLS_LEVEL_DANE, NULL},
        {{SAYS(REQUIRED), HAS(USABLE)}, TLS_LEVEL_DANE, NULL},
        {{SAYS(VERIFIED), HAS(USABLE)}, TLS_LEVEL_DANE, NULL},
        {{SAYS(DANE_ONLY), HAS(USABLE)}, TLS_LEVEL_DANE, NULL},
        {{SAYS(OPPORTUNISTIC), HAS(UNUSABLE)}, TLS_LEVEL_ENCRYPTED, NULL},
        {{SAYS(VERIFIED), HAS(UNUSABLE)}, TLS_LEVEL_VERIFIED, NULL},
        {{SAYS(DANE_ONLY), HAS(UNUSABLE)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(OPPORTUNISTIC), HAS(LATER)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(VERIFIED), HAS(LATER)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(OPPORTUNISTIC), POLICY(ENFORCE)}, TLS_LEVEL_VERIFIED, NULL},
        {{SAYS(REQUIRED), POLICY(ENFORCE)}, TLS_LEVEL_VERIFIED, NULL},
        {{SAYS(OPPORTUNISTIC), OTHERS(ENFORCE)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(VERIFIED), OTHERS(ENFORCE)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(OPPORTUNISTIC), HAS(UNUSABLE), POLICY(ENFORCE)}, TLS_LEVEL_VERIFIED, NULL},
        /* DANE before MTA-STS, whatever that says; and the configuration's own words before both. */
        {{SAYS(OPPORTUNISTIC), HAS(USABLE), OTHERS(ENFORCE)}, TLS_LEVEL_DANE, NULL},
        {{SAYS(OPPORTUNISTIC), HAS(LATER), POLICY(ENFORCE)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(DANE_ONLY), POLICY(ENFORCE)}, TLS_LEVEL_REFUSED, "4.7.5"},
        {{SAYS(VERIFIED), .pinned = true, HAS(USABLE)}, TLS_LEVEL_PINNED, NULL},
        {{SAYS(NONE), HAS(USABLE), POLICY(ENFORCE)}, TLS_LEVEL_CLEAR, NULL},
    };
    CHECK(rows);
}

static void what_requires_tls_goes_verified_to_a_name_that_is_vouched_for_or_not_at_all(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{REQUIRED, SAYS(OPPORTUNISTIC), SIGNED}, TLS_LEVEL_VERIFIED, NULL},
        {{REQUIRED, SAYS(REQUIRED), SIGNED}, TLS_LEVEL_VERIFIED, NULL},
        {{REQUIRED, SAYS(OPPORTUNISTIC), POLICY(ENFORCE)}, TLS_LEVEL_VERIFIED, NULL},
        {{REQUIRED, SAYS(OPPORTUNISTIC), POLICY(TESTING)}, TLS_LEVEL_VERIFIED, NULL},
        {{REQUIRED, SAYS(OPPORTUNISTIC), HAS(USABLE)}, TLS_LEVEL_DANE, NULL},
        {{REQUIRED, SAYS(OPPORTUNISTIC), HAS(UNUSABLE)}, TLS_LEVEL_VERIFIED, NULL},
        {{REQUIRED, SAYS(VERIFIED), .pinned = true}, TLS_LEVEL_PINNED, NULL},
        {{REQUIRED, SAYS(VERIFIED)}, TLS_LEVEL_REFUSED, "5.7.10"},
        {{REQUIRED, SAYS(OPPORTUNISTIC)}, TLS_LEVEL_REFUSED, "5.7.10"},
        {{REQUIRED, SAYS(OPPORTUNISTIC), OTHERS(TESTING)}, TLS_LEVEL_REFUSED, "5.7.10"},
        {{REQUIRED, SAYS(OPPORTUNISTIC), OTHERS(ENFORCE)}, TLS_LEVEL_REFUSED, "5.7.10"},
        {{REQUIRED, SAYS(OPPORTUNISTIC), POLICY(NONE)}, TLS_LEVEL_REFUSED, "5.7.10"},
        {{REQUIRED, SAYS(NONE), SIGNED}, TLS_LEVEL_REFUSED, "5.7.10"},
        {{REQUIRED, SAYS(DANE_ONLY), SIGNED}, TLS_LEVEL_REFUSED, "5.7.10"},
        {{REQUIRED, SAYS(VERIFIED), HAS(LATER)}, TLS_LEVEL_REFUSED, "4.7.5"}, /* DNS may say it in a moment */
    };
    CHECK(rows);
}

static void tls_required_no_ignores_what_is_published_and_not_what_the_configuration_says(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{OPTIONAL, SAYS(OPPORTUNISTIC), HAS(USABLE)}, TLS_LEVEL_OFFERED, NULL},
        {{OPTIONAL, SAYS(OPPORTUNISTIC), HAS(LATER)}, TLS_LEVEL_OFFERED, NULL},
        {{OPTIONAL, SAYS(OPPORTUNISTIC), OTHERS(ENFORCE)}, TLS_LEVEL_OFFERED, NULL},
        {{OPTIONAL, SAYS(REQUIRED), HAS(USABLE)}, TLS_LEVEL_ENCRYPTED, NULL},
        {{OPTIONAL, SAYS(VERIFIED), OTHERS(ENFORCE)}, TLS_LEVEL_VERIFIED, NULL},
        {{OPTIONAL, SAYS(VERIFIED), HAS(USABLE)}, TLS_LEVEL_VERIFIED, NULL},
        {{OPTIONAL, SAYS(DANE_ONLY), HAS(USABLE)}, TLS_LEVEL_DANE, NULL},
        {{OPTIONAL, SAYS(VERIFIED), .pinned = true}, TLS_LEVEL_PINNED, NULL},
        {{OPTIONAL, SAYS(NONE)}, TLS_LEVEL_CLEAR, NULL},
    };
    CHECK(rows);
}

/* Promise 5, over everything that there is. */
static void nothing_goes_in_the_clear_or_unverified_unless_the_configuration_says_so(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1U << 13; i++) {
        struct tls_facts facts = {.word = (i & 7) % 5,
                                  .pinned = i >> 3 & 1,
                                  .wish = (i >> 4 & 3) % 3,
                                  .listed_securely = i >> 6 & 1,
                                  .records = i >> 7 & 3,
                                  .policy = i >> 9 & 1,
                                  .mode = (i >> 10 & 3) % 3,
                                  .allowed = i >> 12 & 1};
        enum tls_level level = tls_policy_decide(&facts).level;
        if (level == TLS_LEVEL_CLEAR)
            assert_int_equal(facts.word, CONFIG_TLS_POLICY_NONE);
        if (level == TLS_LEVEL_OFFERED)
            assert_int_equal(facts.word, CONFIG_TLS_POLICY_OPPORTUNISTIC);
        if (level == TLS_LEVEL_ENCRYPTED)
            assert_true(facts.word == CONFIG_TLS_POLICY_REQUIRED ||
                        facts.word == CONFIG_TLS_POLICY_OPPORTUNISTIC);
        if (facts.wish == TLS_WISH_REQUIRED)
            assert_true(level == TLS_LEVEL_REFUSED || level == TLS_LEVEL_VERIFIED ||
                        level == TLS_LEVEL_PINNED || level == TLS_LEVEL_DANE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_routes_word_holds_where_nothing_is_published),
        cmocka_unit_test(what_is_published_raises_the_word_and_never_lowers_it),
        cmocka_unit_test(what_requires_tls_goes_verified_to_a_name_that_is_vouched_for_or_not_at_all),
        cmocka_unit_test(tls_required_no_ignores_what_is_published_and_not_what_the_configuration_says),
        cmocka_unit_test(nothing_goes_in_the_clear_or_unverified_unless_the_configuration_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
