/* Accounts whose password PAM checks, by a real PAM and a module that does as it is told. */
#include "secret/gatekeeper_fixture.h"

#include "secret/pam_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char folder[] = "/tmp/vedette-pam-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *const services[][2] = {
    {"right", "password=sesame"},
    {"near", "password=sesame from=192.0.2.1"},
    {"away", "away"},
    {"locked", "password=sesame locked"},
    {"renamed", "password=sesame renamed"},
    {"more", "password=sesame asks_more"},
};

static void write_service(const char *name, const char *arguments)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fprintf(file, "auth required %s %s\naccount required %s %s\n", getenv("TESTING_PAM"), arguments,
            getenv("TESTING_PAM"), arguments);
    fclose(file);
}

static int make_folder(void **state)
{
    char silent[160];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        write_service(services[i][0], services[i][1]);
    snprintf(silent, sizeof silent, "password=sesame silent=%s/speak", folder);
    write_service("silent", silent);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        unlink(in_folder(services[i][0]));
    unlink(in_folder("silent"));
    unlink(in_folder("speak"));
    return rmdir(folder);
}

static void pam_s_word_is_taken_for_what_it_means(void **state)
{
    (void)state;
    const struct {
        const char *service;
        sv password;
        enum pam_verdict verdict;
        const char *why;
    } cases[] = {
        {"right", SV_INIT("sesame"), PAM_VERDICT_FITS, ""},
        {"right", SV_INIT("shut"), PAM_VERDICT_REFUSED, "failure"},
        {"right", SV_INIT(""), PAM_VERDICT_REFUSED, "failure"},
        {"right", SV_INIT("sesame\0x"), PAM_VERDICT_REFUSED, "failure"},
        {"near", SV_INIT("sesame"), PAM_VERDICT_FITS, ""},
        {"away", SV_INIT("sesame"), PAM_VERDICT_UNKNOWN, "cannot"},
        {"locked", SV_INIT("sesame"), PAM_VERDICT_REFUSED, "expired"},
        {"renamed", SV_INIT("sesame"), PAM_VERDICT_REFUSED, "not known"},
        {"more", SV_INIT("sesame"), PAM_VERDICT_REFUSED, "failure"},
        {"absent", SV_INIT("sesame"), PAM_VERDICT_UNKNOWN, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[160] = "unset";
        struct pam_question question = {.service = cases[i].service,
                                        .directory = folder,
                                        .user = "ann",
                                        .client_ip = "192.0.2.1",
                                        .password = cases[i].password};
        enum pam_verdict verdict = pam_check(&question, why, sizeof why);
        if (verdict != cases[i].verdict || !strstr(why, cases[i].why))
            fail_msg("%s with \"%.*s\": %d, %s", cases[i].service, SV_ARG(cases[i].password), verdict, why);
    }
}

static void who_comes_from_elsewhere_is_told_to_pam(void **state)
{
    (void)state;
    char why[160];
    struct pam_question question = {.service = "near",
                                    .directory = folder,
                                    .user = "ann",
                                    .client_ip = "203.0.113.9",
                                    .password = SV("sesame")};
    assert_int_equal(pam_check(&question, why, sizeof why), PAM_VERDICT_REFUSED);
}

/* ann has a key of her own, the others are checked by PAM. */
static int set_up_with_pam(void **state)
{
    static const char *const names[][2] = {{"bob", "right"}, {"carol", "silent"}, {"dan", "away"}};
    set_up(state);
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 3; i++)
        fixture->accounts[i + 1] = (struct config_account){.name = names[i][0], .pam = names[i][1]};
    fixture->relay.account_count = 4;
    fixture->relay.pam_directory = folder;
    fixture->relay.pam_timeout = 50 * NANOS_PER_MS;
    gatekeeper_reload(fixture->gatekeeper, &fixture->relay);
    return 0;
}

static void an_account_of_pam_gets_in_by_its_password_and_by_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(plain(fixture, SV("\0bob\0sesame")), LOGIN_WELCOME);
    assert_string_equal(fixture->text, "bob");
    assert_int_equal(plain(fixture, SV("\0bob\0shut")), LOGIN_REFUSED);
    assert_string_equal(fixture->text, "bob");
    assert_int_equal(plain(fixture, SV("\0root\0sesame")), LOGIN_REFUSED);
    assert_string_equal(fixture->why, "no such account");
    assert_int_equal(plain(fixture, SV("\0dan\0sesame")), LOGIN_LATER);
    assert_int_equal(plain(fixture, SV("\0ann\0open sesame")), LOGIN_WELCOME);
}

static void guessing_ends_in_waiting_with_pam_too(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 8; i++)
        plain(fixture, SV("\0bob\0shut"));
    assert_int_equal(plain(fixture, SV("\0bob\0sesame")), LOGIN_LATER);
    assert_non_null(strstr(fixture->why, "too many wrong passwords"));
}

static void a_pam_that_is_silent_holds_up_nobody_else_and_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 3; i++) { /* the first occupies PAM's thread, the others wait for it */
        nanos before = loop_monotonic();
        assert_int_equal(plain(fixture, SV("\0carol\0sesame")), LOGIN_LATER);
        assert_non_null(strstr(fixture->why, "pam_timeout"));
        assert_true(loop_monotonic() - before >= 50 * NANOS_PER_MS);
        assert_int_equal(plain(fixture, SV("\0ann\0open sesame")), LOGIN_WELCOME);
    }
    int fd = creat(in_folder("speak"), 0600);
    assert_true(fd >= 0);
    close(fd);
    fixture->relay.pam_timeout = 20 * NANOS_PER_SECOND;
    gatekeeper_reload(fixture->gatekeeper, &fixture->relay);
    assert_int_equal(plain(fixture, SV("\0carol\0sesame")), LOGIN_WELCOME);
    unlink(in_folder("speak"));
}

static void a_pam_that_never_comes_back_does_not_keep_the_keeper_from_ending(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(plain(fixture, SV("\0carol\0sesame")), LOGIN_LATER);
    nanos before = loop_monotonic();
    gatekeeper_free(fixture->gatekeeper);
    fixture->gatekeeper = NULL;
    assert_true(loop_monotonic() - before < 10 * NANOS_PER_SECOND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_with_pam, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pam_s_word_is_taken_for_what_it_means),
        cmocka_unit_test(who_comes_from_elsewhere_is_told_to_pam),
        TEST(an_account_of_pam_gets_in_by_its_password_and_by_nothing_else),
        TEST(guessing_ends_in_waiting_with_pam_too),
        TEST(a_pam_that_is_silent_holds_up_nobody_else_and_is_not_waited_for),
        TEST(a_pam_that_never_comes_back_does_not_keep_the_keeper_from_ending),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
