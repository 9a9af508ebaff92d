/* When a finding is a new alert, when it owes a mail, and what the next mail says of those that did not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert/alert.h"
#include "store/sql.h"
#include "store/store_fixture.h"

#define MINUTE (60 * NANOS_PER_SECOND)
#define HOUR   (60 * MINUTE)
#define START  (1764000000 * NANOS_PER_SECOND)

static const char *const group_by[] = {"user.name", "source.ip", "host.name"};
static const char *const recipients[] = {"soc@example.org", "On Call <oncall@example.org>"};

static const struct alert_terms usual = {.scored = true};

static struct config make_config(void)
{
    return (struct config){.alerts = {.throttle = 15 * MINUTE,
                                      .quiet = 24 * HOUR,
                                      .group_by = {(const char **)(uintptr_t)group_by, 3},
                                      .minimum_level = "low"},
                           .delivery = {.expire = 24 * HOUR},
                           .recipients = {(const char **)(uintptr_t)recipients, 2},
                           .hostname = "vedette.example.org"};
}

static struct finding make_finding(enum severity severity, struct event_field *fields, size_t count)
{
    return (struct finding){.rule_id = SV("5c1d"),
                            .rule_title = SV("Sudo by a stranger"),
                            .severity = severity,
                            .raw = SV("raw"),
                            .fields = fields,
                            .field_count = count};
}

static struct finding by_user(const char *user)
{
    static struct event_field fields[2];
    fields[0] = (struct event_field){SV("user.name"), sv_of(user), EVENT_STRING};
    fields[1] = (struct event_field){SV("process.pid"), SV("17"), EVENT_NUMBER};
    return make_finding(SEVERITY_HIGH, fields, 2);
}

struct step {
    nanos at; /* after START */
    const char *user;
    enum severity severity;
    int64_t alert;
    bool raised, mailed;
    int64_t count, suppressed; /* of the alert afterwards */
};

static int take_alert(void *arg, const struct store_alert *alert, const struct store_message *messages,
                      size_t n)
{
    (void)messages;
    (void)n;
    *(struct store_alert *)arg = *alert;
    return 1;
}

static void run_steps(struct fixture *f, const struct config *config, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct finding finding = by_user(steps[i].user);
        struct alert_outcome outcome;
        struct store_alert alert = {.id = 0};
        finding.severity = steps[i].severity;
        begin(f);
        assert_int_equal(
            alert_take(f->store, config, &finding, &usual, START + steps[i].at, &outcome, &f->err), 0);
        commit(f);
        assert_int_equal(store_alerts(f->store, outcome.alert_id, 0, take_alert, &alert, &f->err), 0);
        assert_int_equal(outcome.alert_id, steps[i].alert);
        assert_int_equal(outcome.raised, steps[i].raised);
        assert_int_equal(outcome.mailed, steps[i].mailed);
        assert_int_equal(alert.count, steps[i].count);
        assert_int_equal(alert.suppressed, steps[i].suppressed);
    }
}

static void the_same_thing_is_told_once_until_its_throttle_has_passed(void **state)
{
    struct fixture *f = *state;
    struct config config = make_config();
    static const struct step steps[] = {
        {0, "alice", SEVERITY_HIGH, 1, true, true, 1, 0},
        {1 * MINUTE, "alice", SEVERITY_HIGH, 1, false, false, 2, 1},
        {2 * MINUTE, "bob", SEVERITY_HIGH, 2, true, true, 1, 0},
        {14 * MINUTE, "alice", SEVERITY_HIGH, 1, false, false, 3, 2},
        {15 * MINUTE, "alice", SEVERITY_HIGH, 1, false, true, 4, 0},
        {16 * MINUTE, "alice", SEVERITY_HIGH, 1, false, false, 5, 1},
        {38 * HOUR, "bob", SEVERITY_HIGH, 3, true, true, 1, 0},
        {40 * HOUR + 16 * MINUTE, "alice", SEVERITY_HIGH, 4, true, true, 1, 0},
    };
    run_steps(f, &config, steps, sizeof steps / sizeof *steps);
    begin(f);
    assert_int_equal(lease(f, START + 20 * MINUTE, 16), 3);
    commit(f);
    assert_int_equal(f->deliveries[2].mail.sequence, 2);
    assert_int_equal(f->deliveries[2].mail.count, 4);
    assert_int_equal(f->deliveries[2].mail.suppressed, 2);
    assert_int_equal(f->deliveries[2].mail.raised_at, START);
    assert_int_equal(f->deliveries[2].mail.expires_at, START + 15 * MINUTE + 24 * HOUR);
    assert_int_equal(f->deliveries[0].message_count, 2);
    assert_true(sv_eq(f->deliveries[0].messages[1].recipient, SV("oncall@example.org")));
}

static void what_no_mail_told_of_is_told_when_the_throttle_has_passed(void **state)
{
    struct fixture *f = *state;
    struct config config = make_config();
    struct alert_outcome told[4];
    size_t count = 9;
    static const struct step steps[] = {
        {0, "alice", SEVERITY_HIGH, 1, true, true, 1, 0},
        {1 * MINUTE, "alice", SEVERITY_HIGH, 1, false, false, 2, 1},
        {2 * MINUTE, "alice", SEVERITY_HIGH, 1, false, false, 3, 2},
        {3 * MINUTE, "bob", SEVERITY_HIGH, 2, true, true, 1, 0},
    };
    run_steps(f, &config, steps, sizeof steps / sizeof *steps);
    begin(f);
    assert_int_equal(alert_tell_untold(f->store, &config, START + 14 * MINUTE, told, 4, &count, &f->err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(alert_tell_untold(f->store, &config, START + 16 * MINUTE, told, 4, &count, &f->err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(told[0].alert_id, 1);
    assert_int_equal(alert_tell_untold(f->store, &config, START + 40 * MINUTE, told, 4, &count, &f->err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(lease(f, START + 20 * MINUTE, 16), 3);
    commit(f);
    assert_int_equal(f->deliveries[2].mail.sequence, 2);
    assert_int_equal(f->deliveries[2].mail.count, 3);
    assert_int_equal(f->deliveries[2].mail.suppressed, 2);
}

static void below_the_minimum_level_an_alert_is_counted_and_owes_no_mail(void **state)
{
    struct fixture *f = *state;
    struct config config = make_config();
    static const struct step steps[] = {
        {0, "alice", SEVERITY_MEDIUM, 1, true, false, 1, 1},
        {1, "alice", SEVERITY_MEDIUM, 1, false, false, 2, 2},
        {2, "alice", SEVERITY_HIGH, 1, false, true, 3, 0},
    };
    config.alerts.minimum_level = "high";
    run_steps(f, &config, steps, 2);
    assert_int_equal(alert_state(f, 1), STORE_RAISED);
    run_steps(f, &config, steps + 2, 1);
    assert_int_equal(alert_state(f, 1), STORE_QUEUED);
    begin(f);
    assert_int_equal(lease(f, START + MINUTE, 16), 1);
    commit(f);
    assert_int_equal(f->deliveries[0].mail.suppressed, 2);
}

static void without_a_throttle_every_finding_is_mailed(void **state)
{
    struct fixture *f = *state;
    struct config config = make_config();
    static const struct step steps[] = {
        {0, "alice", SEVERITY_HIGH, 1, true, true, 1, 0},
        {0, "alice", SEVERITY_HIGH, 1, false, true, 2, 0},
        {1, "alice", SEVERITY_HIGH, 1, false, true, 3, 0},
    };
    config.alerts.throttle = 0;
    run_steps(f, &config, steps, sizeof steps / sizeof *steps);
}

static void a_clock_set_back_does_not_silence_an_alert(void **state)
{
    struct fixture *f = *state;
    struct config config = make_config();
    static const struct step steps[] = {
        {100 * HOUR, "alice", SEVERITY_HIGH, 1, true, true, 1, 0},
        {1 * HOUR, "alice", SEVERITY_HIGH, 1, false, true, 2, 0},
        {1 * HOUR + MINUTE, "alice", SEVERITY_HIGH, 1, false, false, 3, 1},
    };
    run_steps(f, &config, steps, sizeof steps / sizeof *steps);
}

static bool same(const struct finding *a, const struct finding *b)
{
    struct config config = make_config();
    unsigned char x[STORE_FINGERPRINT_BYTES], y[STORE_FINGERPRINT_BYTES];
    alert_fingerprint(a, &config.alerts.group_by, x);
    alert_fingerprint(b, &config.alerts.group_by, y);
    return memcmp(x, y, sizeof x) == 0;
}

#define FIELD(name, value)                          \
    {                                               \
        SV_INIT(name), SV_INIT(value), EVENT_STRING \
    }

static void findings_are_the_same_by_rule_and_grouping_fields_alone(void **state)
{
    (void)state;
    static struct event_field base[] = {FIELD("user.name", "alice"), FIELD("source.ip", "192.0.2.1"),
                                        FIELD("pid", "1")};
    static struct event_field pid[] = {FIELD("pid", "2"), FIELD("user.name", "alice"),
                                       FIELD("source.ip", "192.0.2.1")};
    static struct event_field shifted[] = {FIELD("user.name", "alice1"), FIELD("source.ip", "92.0.2.1")};
    static struct event_field swapped[] = {FIELD("user.name", "192.0.2.1"), FIELD("source.ip", "alice")};
    static struct event_field missing[] = {FIELD("user.name", "alice")};
    static struct event_field empty[] = {FIELD("user.name", "alice"), FIELD("source.ip", "")};
    struct finding a = make_finding(SEVERITY_HIGH, base, 3);
    static const struct {
        struct event_field *fields;
        size_t count;
        bool same;
    } cases[] = {
        {pid, 3, true}, {shifted, 2, false}, {swapped, 2, false}, {missing, 1, false}, {empty, 2, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding b = make_finding(SEVERITY_LOW, cases[i].fields, cases[i].count);
        b.raw = SV("another record");
        assert_int_equal(same(&a, &b), cases[i].same);
    }
    struct finding other = a;
    other.rule_id = SV("5c1e");
    assert_false(same(&a, &other));
}

static void without_any_grouping_field_the_text_tells_findings_apart(void **state)
{
    (void)state;
    static struct event_field one[] = {FIELD("host.name", "db1"), FIELD("pid", "1")};
    static struct event_field two[] = {FIELD("host.name", "db1"), FIELD("pid", "2")};
    static struct event_field elsewhere[] = {FIELD("host.name", "db2"), FIELD("pid", "1")};
    struct finding a = make_finding(SEVERITY_LOW, one, 2), b = make_finding(SEVERITY_LOW, two, 2), c = a,
                   d = make_finding(SEVERITY_LOW, NULL, 0), e = d,
                   f = make_finding(SEVERITY_LOW, elsewhere, 2);
    a.message = b.message = f.message = SV("disk gone");
    c.message = SV("disk back");
    b.raw = SV("other");
    assert_true(same(&a, &b));
    assert_false(same(&a, &c));
    assert_false(same(&a, &f));
    e.raw = SV("other");
    assert_true(same(&d, &d));
    assert_false(same(&d, &e));
}

static void the_first_mail_of_a_thread_can_be_named_by_the_later_ones(void **state)
{
    struct fixture *f = *state;
    struct config config = make_config();
    struct alert_outcome outcome;
    char text[ALERT_MESSAGE_ID_BYTES];
    struct finding finding = by_user("alice");
    config.alerts.throttle = 0;
    begin(f);
    for (int i = 0; i < 2; i++)
        assert_int_equal(alert_take(f->store, &config, &finding, &usual, START + i, &outcome, &f->err), 0);
    assert_int_equal(lease(f, START + 5, 2), 2);
    commit(f);
    for (int i = 0; i < 2; i++) {
        const struct store_mail *mail = &f->deliveries[i].mail;
        sv expected = sv_of(alert_message_id(1, i + 1, mail->raised_at, config.hostname, text));
        assert_true(sv_eq(mail->message_id, expected));
    }
    assert_string_equal(text, "<vedette.1.2.187afca767ca0000@vedette.example.org>");
}

static void risk_rises_with_severity_context_and_count_and_never_falls(void **state)
{
    struct fixture *f = *state;
    struct config config = make_config();
    static const struct {
        enum severity severity;
        struct alert_terms terms;
        int risk;
    } cases[] = {
        {SEVERITY_LOW, {.scored = true}, 20},
        {SEVERITY_HIGH, {.scored = true, .context = 30}, 95}, /* the second one: 5 more */
        {SEVERITY_LOW, {.scored = true}, 95},
        {SEVERITY_CRITICAL, {.scored = false}, 95},
        {SEVERITY_CRITICAL, {.scored = true, .context = 30}, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct finding finding = by_user("alice");
        struct alert_outcome outcome;
        struct store_alert alert;
        finding.severity = cases[i].severity;
        begin(f);
        assert_int_equal(
            alert_take(f->store, &config, &finding, &cases[i].terms, START + (nanos)i, &outcome, &f->err), 0);
        commit(f);
        assert_int_equal(store_alerts(f->store, 1, 0, take_alert, &alert, &f->err), 0);
        assert_int_equal(alert.count, i + 1);
        assert_int_equal(alert.risk, cases[i].risk);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(the_same_thing_is_told_once_until_its_throttle_has_passed),
        TEST(what_no_mail_told_of_is_told_when_the_throttle_has_passed),
        TEST(below_the_minimum_level_an_alert_is_counted_and_owes_no_mail),
        TEST(without_a_throttle_every_finding_is_mailed),
        TEST(risk_rises_with_severity_context_and_count_and_never_falls),
        TEST(a_clock_set_back_does_not_silence_an_alert),
        cmocka_unit_test(findings_are_the_same_by_rule_and_grouping_fields_alone),
        cmocka_unit_test(without_any_grouping_field_the_text_tells_findings_apart),
        TEST(the_first_mail_of_a_thread_can_be_named_by_the_later_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
