/* Findings: what was packed is read back, long values are cut between characters, lies are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/finding.h"

static struct finding round_trip(const struct finding *finding, struct buf *buf, struct arena *arena)
{
    struct pack pack = PACK_INTO(buf);
    finding_pack(&pack, finding);
    assert_true(pack.ok);
    assert_true(buf_view(buf).n <= FINDING_BYTES_MAX);
    struct unpack unpack = UNPACK_FROM(buf_view(buf));
    struct finding ret;
    assert_true(finding_unpack(&unpack, &ret, arena));
    assert_true(unpack_done(&unpack));
    return ret;
}

static void what_was_packed_is_read_back(void **state)
{
    (void)state;
    struct event_field fields[] = {{SV("user.name"), SV("root"), EVENT_STRING},
                                   {SV("n"), SV("5"), EVENT_NUMBER}};
    const struct finding finding = {.event_time = -1,
                                    .received_at = 2,
                                    .matched_at = 3,
                                    .input = SV("stdin"),
                                    .rule_id = SV("id"),
                                    .rule_title = SV("Títle"),
                                    .author = SV("author"),
                                    .description = SV("description"),
                                    .response = SV("response"),
                                    .false_positives = SV("a\nb"),
                                    .references = SV("https://example.org/"),
                                    .tags = SV("attack.t1548.003"),
                                    .severity = SEVERITY_CRITICAL,
                                    .raw = SV("raw"),
                                    .message = SV("said"),
                                    .fields = fields,
                                    .field_count = 2};
    struct buf buf = BUF_INIT(FINDING_BYTES_MAX);
    struct arena *arena = arena_new(64 * 1024);
    struct finding back = round_trip(&finding, &buf, arena);
    assert_true(back.event_time == -1 && back.received_at == 2 && back.matched_at == 3);
    assert_true(sv_eq(back.input, finding.input) && sv_eq(back.rule_id, finding.rule_id));
    assert_true(sv_eq(back.rule_title, finding.rule_title) && sv_eq(back.author, finding.author));
    assert_true(sv_eq(back.description, finding.description) && sv_eq(back.response, finding.response));
    assert_true(sv_eq(back.false_positives, finding.false_positives));
    assert_true(sv_eq(back.references, finding.references) && sv_eq(back.tags, finding.tags));
    assert_int_equal(back.severity, SEVERITY_CRITICAL);
    assert_true(sv_eq(back.raw, SV("raw")));
    assert_true(sv_eq(back.message, SV("said")));
    assert_int_equal(back.field_count, 2);
    assert_true(sv_eq(back.fields[1].name, SV("n")) && sv_eq(back.fields[1].value, SV("5")));
    assert_int_equal(back.fields[1].type, EVENT_NUMBER);
    arena_free(arena);
    buf_free(&buf);
}

static void a_long_value_is_cut_between_characters_and_says_so(void **state)
{
    (void)state;
    char *text = malloc(3 * FINDING_RAW_BYTES_MAX + 3);
    for (size_t i = 0; i < FINDING_RAW_BYTES_MAX; i++)
        memcpy(text + 3 * i, "€", 3);
    for (size_t shift = 0; shift < 3; shift++) {
        /* Shifting the text by one byte moves every character against the bound. */
        memset(text, 'x', shift);
        for (size_t i = 0; i < FINDING_RAW_BYTES_MAX; i++)
            memcpy(text + shift + 3 * i, "€", i < FINDING_RAW_BYTES_MAX - 1 ? 3 : 3 - shift);
        struct event_field field = {SV("k"), sv_make(text, 3 * FINDING_RAW_BYTES_MAX), EVENT_STRING};
        const struct finding finding = {.raw = field.value, .fields = &field, .field_count = 1};
        struct buf buf = BUF_INIT(FINDING_BYTES_MAX);
        struct arena *arena = arena_new(64 * 1024);
        struct finding back = round_trip(&finding, &buf, arena);
        assert_true(back.fields[0].value.n <= FINDING_VALUE_BYTES_MAX);
        assert_true(back.fields[0].value.n > FINDING_VALUE_BYTES_MAX - 4);
        assert_true(sv_ends(back.fields[0].value, SV("…")) && sv_utf8(back.fields[0].value));
        assert_true(back.raw.n <= FINDING_RAW_BYTES_MAX && sv_ends(back.raw, SV("…")) && sv_utf8(back.raw));
        arena_free(arena);
        buf_free(&buf);
    }
    free(text);
}

static void the_largest_finding_fits_its_bound(void **state)
{
    (void)state;
    size_t n = 100 * 1024;
    char *text = malloc(n);
    memset(text, '\x80', n); /* no character starts anywhere */
    sv big = sv_make(text, n);
    struct event_field *fields = calloc(FINDING_FIELDS_MAX + 9, sizeof *fields);
    for (size_t i = 0; i < FINDING_FIELDS_MAX + 9; i++)
        fields[i] = (struct event_field){big, big, EVENT_STRING};
    const struct finding finding = {.received_at = 1,
                                    .input = big,
                                    .rule_id = big,
                                    .rule_title = big,
                                    .author = big,
                                    .description = big,
                                    .response = big,
                                    .false_positives = big,
                                    .references = big,
                                    .tags = big,
                                    .raw = big,
                                    .fields = fields,
                                    .field_count = FINDING_FIELDS_MAX + 9};
    struct buf buf = BUF_INIT(FINDING_BYTES_MAX);
    struct arena *arena = arena_new(64 * 1024);
    struct finding back = round_trip(&finding, &buf, arena);
    assert_int_equal(back.field_count, FINDING_FIELDS_MAX);
    arena_free(arena);
    buf_free(&buf);
    free(fields);
    free(text);
}

static void of_too_many_fields_the_first_and_the_last_stay(void **state)
{
    (void)state;
    struct event_field fields[100];
    for (size_t i = 0; i < 100; i++)
        fields[i] = (struct event_field){SV("k"), i % 10 == 9 ? SV_NONE : SV("v"), EVENT_STRING};
    fields[0].name = SV("first");
    fields[98].name = SV("last");
    const struct finding finding = {.fields = fields, .field_count = 100};
    struct buf buf = BUF_INIT(FINDING_BYTES_MAX);
    struct arena *arena = arena_new(64 * 1024);
    struct finding back = round_trip(&finding, &buf, arena);
    assert_int_equal(back.field_count, FINDING_FIELDS_MAX);
    assert_true(sv_eq(back.fields[0].name, SV("first")));
    assert_true(sv_eq(back.fields[FINDING_FIELDS_MAX - 1].name, SV("last")));
    for (size_t i = 0; i < back.field_count; i++)
        assert_int_equal(back.fields[i].value.n, 1);
    arena_free(arena);
    buf_free(&buf);
}

static void bytes_that_lie_are_refused(void **state)
{
    (void)state;
    struct event_field field = {SV("k"), SV("v"), EVENT_STRING};
    const struct finding finding = {.rule_id = SV("r"), .fields = &field, .field_count = 1};
    struct buf buf = BUF_INIT(FINDING_BYTES_MAX);
    struct pack pack = PACK_INTO(&buf);
    finding_pack(&pack, &finding);
    struct arena *arena = arena_new(64 * 1024);
    struct finding back;
    for (size_t n = 0; n < buf_view(&buf).n; n++) {
        struct unpack cut = UNPACK_FROM(sv_first(buf_view(&buf), n));
        assert_false(finding_unpack(&cut, &back, arena));
    }
    buf.bytes[buf.start + 24] = 9; /* the severity */
    struct unpack wrong = UNPACK_FROM(buf_view(&buf));
    assert_false(finding_unpack(&wrong, &back, arena));
    arena_free(arena);
    buf_free(&buf);
}

/* The front of the buffer up to the message is the same whatever the message is. */
static void a_message_that_stands_in_the_record_is_not_packed_twice(void **state)
{
    (void)state;
    static const sv raw = SV_INIT("<86>Nov 24 08:00:00 h sshd[7]: Accepted publickey for root");
    sv message = sv_from(raw, 31);
    struct arena *arena = arena_new(64 * 1024);
    struct buf bare = BUF_INIT(FINDING_BYTES_MAX), buf = bare;
    round_trip(&(struct finding){.raw = raw}, &bare, arena);
    struct finding back = round_trip(&(struct finding){.raw = raw, .message = message}, &buf, arena);
    assert_true(sv_eq(back.raw, raw) && sv_eq(back.message, message));
    assert_int_equal(buf_view(&buf).n, buf_view(&bare).n + 8);
    /* Its place and its length, one byte past the record; and a length that would not be put so. */
    static const struct {
        size_t before_end;
        char byte;
    } lies[] = {{8, sizeof "Accepted publickey for root"}, {12, 32}, {8, 8}, {8, 0}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct buf lie = BUF_INIT(FINDING_BYTES_MAX);
        buf_put(&lie, buf_view(&buf));
        lie.bytes[lie.end - lies[i].before_end] = lies[i].byte;
        struct unpack unpack = UNPACK_FROM(buf_view(&lie));
        assert_false(finding_unpack(&unpack, &back, arena));
        buf_free(&lie);
    }
    buf_free(&buf);
    buf_clear(&bare);
    /* A long record is cut, and what it loses may be the message. */
    char *text = malloc(2 * FINDING_RAW_BYTES_MAX);
    memset(text, 'x', 2 * FINDING_RAW_BYTES_MAX);
    sv whole = sv_make(text, 2 * FINDING_RAW_BYTES_MAX), end = sv_from(whole, whole.n - 20);
    back = round_trip(&(struct finding){.raw = whole, .message = end}, &bare, arena);
    assert_true(sv_eq(back.message, end));
    free(text);
    buf_free(&bare);
    arena_free(arena);
}

static void severities_are_named_as_in_sigma(void **state)
{
    (void)state;
    enum severity severity;
    for (unsigned i = 0; i <= SEVERITY_CRITICAL; i++) {
        assert_true(severity_parse(sv_of(severity_name((enum severity)i)), &severity));
        assert_int_equal(severity, i);
    }
    assert_false(severity_parse(SV("High"), &severity));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_read_back),
        cmocka_unit_test(a_long_value_is_cut_between_characters_and_says_so),
        cmocka_unit_test(the_largest_finding_fits_its_bound),
        cmocka_unit_test(of_too_many_fields_the_first_and_the_last_stay),
        cmocka_unit_test(bytes_that_lie_are_refused),
        cmocka_unit_test(a_message_that_stands_in_the_record_is_not_packed_twice),
        cmocka_unit_test(severities_are_named_as_in_sigma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
