/* A batch comes out as it went in, is bounded, and what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/batch.h"

#include <stdlib.h>

static struct finding finding_of(sv title, sv raw)
{
    return (struct finding){.event_time = 1,
                            .received_at = 2,
                            .matched_at = 3,
                            .rule_id = SV("r"),
                            .rule_title = title,
                            .severity = SEVERITY_HIGH,
                            .raw = raw};
}

static void what_was_put_together_is_taken_apart(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    struct batch_writer writer;
    struct batch batch;
    struct finding first = finding_of(SV("one"), SV("raw 1")), second = finding_of(SV("two"), SV("raw 2"));
    batch_begin(&writer, &buf, 77, SV("file /var/log/auth.log"));
    assert_true(batch_add(&writer, &first));
    assert_true(batch_add(&writer, &second));
    batch_end(&writer, SV("cursor"));
    assert_true(batch_read(buf_view(&buf), arena, &batch));
    assert_int_equal(batch.serial, 77);
    assert_true(sv_eq(batch.input, SV("file /var/log/auth.log")));
    assert_true(sv_eq(batch.cursor, SV("cursor")));
    assert_int_equal(batch.count, 2);
    assert_true(sv_eq(batch.findings[0].rule_title, SV("one")));
    assert_true(sv_eq(batch.findings[1].raw, SV("raw 2")));
    arena_free(arena);
    buf_free(&buf);
}

static void projections_travel_among_findings(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    struct batch_writer writer;
    struct batch batch;
    struct event_field field = {SV("user.name"), SV("bob"), EVENT_STRING};
    struct finding finding = finding_of(SV("one"), SV("raw 1"));
    struct projection projection = {.seen = {.rule_id = SV("base"), .fields = &field, .field_count = 1},
                                    .ordinal = 9},
                      back;
    batch_begin(&writer, &buf, 77, SV("i"));
    assert_true(batch_add_projection(&writer, &projection));
    assert_true(batch_add(&writer, &finding));
    assert_true(batch_add_projection(&writer, &projection));
    batch_end(&writer, SV("c"));
    assert_true(batch_read(buf_view(&buf), arena, &batch));
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.projection_count, 2);
    struct unpack unpack = UNPACK_FROM(batch.projections[1]);
    assert_true(projection_unpack(&unpack, &back, arena) && unpack_done(&unpack));
    assert_int_equal(back.ordinal, 9);
    assert_true(sv_eq(back.seen.rule_id, SV("base")));
    assert_true(sv_eq(back.seen.fields[0].value, SV("bob")));
    arena_free(arena);
    buf_free(&buf);
}

static void the_largest_projection_fits_its_bound(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    struct event_field fields[FINDING_FIELDS_MAX];
    static char text[100000];
    struct projection projection = {
        .seen = {.raw = sv_make(text, sizeof text), .message = sv_make(text, sizeof text)}};
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < FINDING_FIELDS_MAX; i++)
        fields[i] =
            (struct event_field){sv_make(text, sizeof text), sv_make(text, sizeof text), EVENT_STRING};
    projection.seen.fields = fields;
    projection.seen.field_count = FINDING_FIELDS_MAX;
    projection.seen.input = sv_make(text, sizeof text);
    projection.seen.rule_id = sv_make(text, 512);
    struct pack pack = PACK_INTO(&buf);
    projection_pack(&pack, &projection);
    assert_true(pack.ok && buf_view(&buf).n <= PROJECTION_BYTES_MAX);
    arena_free(arena);
    buf_free(&buf);
}

static void a_batch_without_findings_moves_the_cursor(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024);
    struct batch_writer writer;
    struct batch batch;
    batch_begin(&writer, &buf, 1, SV("i"));
    batch_end(&writer, SV("c"));
    assert_true(batch_read(buf_view(&buf), arena, &batch));
    assert_int_equal(batch.count, 0);
    assert_true(sv_eq(batch.cursor, SV("c")));
    arena_free(arena);
    buf_free(&buf);
}

static void what_does_not_fit_is_left_for_the_next_batch(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(64 * 1024);
    struct arena *arena = arena_new(1024 * 1024);
    struct batch_writer writer;
    struct batch batch;
    char raw[5000];
    memset(raw, 'x', sizeof raw);
    struct finding finding = finding_of(SV("t"), sv_make(raw, sizeof raw));
    batch_begin(&writer, &buf, 1, SV("i"));
    size_t added = 0;
    while (batch_add(&writer, &finding))
        added++;
    assert_true(added > 5 && added < 14);
    char cursor[BATCH_CURSOR_BYTES_MAX];
    memset(cursor, 'c', sizeof cursor);
    batch_end(&writer, sv_make(cursor, sizeof cursor));
    assert_true(batch_read(buf_view(&buf), arena, &batch));
    assert_int_equal(batch.count, added);
    arena_free(arena);
    buf_free(&buf);
}

static void every_cut_of_a_batch_is_refused(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    struct batch_writer writer;
    struct batch batch;
    struct finding finding = finding_of(SV("t"), SV("raw"));
    batch_begin(&writer, &buf, 1, SV("i"));
    assert_true(batch_add(&writer, &finding));
    batch_end(&writer, SV("c"));
    sv whole = buf_view(&buf);
    for (size_t n = 0; n < whole.n; n++) {
        char *part = malloc(n ? n : 1); /* exactly as long: a read past it shows */
        assert_non_null(part);
        memcpy(part, whole.p, n);
        arena_reset(arena);
        assert_false(batch_read(sv_make(part, n), arena, &batch));
        free(part);
    }
    assert_int_equal(buf_put_char(&buf, 'x'), 0);
    assert_false(batch_read(buf_view(&buf), arena, &batch));
    arena_free(arena);
    buf_free(&buf);
}

static void a_count_that_lies_asks_for_no_memory(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1024);
    struct batch batch;
    assert_false(batch_read(SV("\1\0\0\0\0\0\0\0\0\0\0\0\xff\x0f\0\0\0\0\0\0"), arena, &batch));
    assert_int_equal(arena_used(arena), 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_together_is_taken_apart),
        cmocka_unit_test(projections_travel_among_findings),
        cmocka_unit_test(the_largest_projection_fits_its_bound),
        cmocka_unit_test(a_batch_without_findings_moves_the_cursor),
        cmocka_unit_test(what_does_not_fit_is_left_for_the_next_batch),
        cmocka_unit_test(every_cut_of_a_batch_is_refused),
        cmocka_unit_test(a_count_that_lies_asks_for_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
