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
    assert_true(batch_add_projection(&writer, &projection, false));
    assert_true(batch_add(&writer, &finding));
    assert_true(batch_add_projection(&writer, &projection, false));
    batch_end(&writer, SV("c"));
    assert_true(batch_read(buf_view(&buf), arena, &batch));
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.projection_count, 2);
    struct unpack unpack = UNPACK_FROM(batch.projections[1]);
    assert_true(projection_unpack(&unpack, NULL, &back, arena) && unpack_done(&unpack));
    assert_int_equal(back.ordinal, 9);
    assert_true(sv_eq(back.seen.rule_id, SV("base")));
    assert_true(sv_eq(back.seen.fields[0].value, SV("bob")));
    arena_free(arena);
    buf_free(&buf);
}

/* Two rules that matched one event, then another event. */
static void what_projections_of_one_event_share_travels_once(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    struct batch_writer writer;
    struct batch batch;
    const sv raw =
        SV("<86>Nov 24 00:00:00 host31 sshd[63596]: Failed password for bob from 192.0.2.7 port 22");
    struct event_field field = {SV("user.name"), sv_make(raw.p + 60, 3), EVENT_STRING};
    struct projection projection = {.seen = {.event_time = 1,
                                             .received_at = 2,
                                             .matched_at = 3,
                                             .input = SV("i"),
                                             .rule_id = SV("first"),
                                             .raw = raw,
                                             .message = sv_from(raw, 40),
                                             .fields = &field,
                                             .field_count = 1}};
    struct projection back[3];
    batch_begin(&writer, &buf, 77, SV("i"));
    assert_true(batch_add_projection(&writer, &projection, true)); /* there is none before */
    projection.seen.rule_id = SV("second");
    assert_true(batch_add_projection(&writer, &projection, true));
    projection.seen.raw = SV("other");
    assert_true(batch_add_projection(&writer, &projection, false));
    batch_end(&writer, SV("c"));
    assert_true(batch_read(buf_view(&buf), arena, &batch));
    assert_int_equal(batch.projection_count, 3);
    assert_true(batch.projections[1].n < raw.n);
    for (size_t i = 0; i < 3; i++) {
        struct unpack unpack = UNPACK_FROM(batch.projections[i]);
        assert_true(projection_unpack(&unpack, i ? &back[i - 1] : NULL, &back[i], arena));
        assert_true(unpack_done(&unpack));
        assert_true(sv_eq(back[i].seen.raw, i == 2 ? SV("other") : raw));
        assert_true(sv_eq(back[i].seen.message, sv_from(raw, 40)));
        assert_true(sv_eq(back[i].seen.rule_id, i ? SV("second") : SV("first")));
        assert_true(sv_eq(back[i].seen.input, SV("i")));
        assert_int_equal(back[i].seen.event_time, 1);
        assert_int_equal(back[i].seen.received_at, 2);
        assert_int_equal(back[i].seen.matched_at, 3);
        assert_int_equal(back[i].seen.field_count, 1);
        assert_true(sv_eq(back[i].seen.fields[0].value, SV("bob")));
    }
    struct unpack alone = UNPACK_FROM(batch.projections[1]);
    assert_false(projection_unpack(&alone, NULL, &back[0], arena));
    arena_free(arena);
    buf_free(&buf);
}

static void every_cut_of_a_projection_is_refused(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    const sv raw = SV("a record with bob in it");
    struct event_field fields[] = {{SV("user.name"), sv_make(raw.p + 14, 3), EVENT_STRING},
                                   {SV("port"), SV("22222"), EVENT_NUMBER}};
    struct projection projection = {.seen = {.rule_id = SV("r"),
                                             .raw = raw,
                                             .message = sv_from(raw, 2),
                                             .fields = fields,
                                             .field_count = 2}},
                      back;
    struct pack pack = PACK_INTO(&buf);
    projection_pack(&pack, &projection, false);
    sv whole = buf_view(&buf);
    for (size_t n = 0; n <= whole.n; n++) {
        char *part = malloc(n ? n : 1); /* exactly as long: a read past it shows */
        assert_non_null(part);
        memcpy(part, whole.p, n);
        arena_reset(arena);
        struct unpack unpack = UNPACK_FROM(sv_make(part, n));
        assert_int_equal(projection_unpack(&unpack, NULL, &back, arena), n == whole.n);
        free(part);
    }
    assert_int_equal(back.seen.fields[1].type, EVENT_NUMBER);
    arena_free(arena);
    buf_free(&buf);
}

/* As a field's head says it: "bob" at a place that the record does not have. */
static void a_place_outside_the_record_is_refused(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    const sv raw = SV("a record with bob");
    struct event_field field = {SV("user.name"), sv_make(raw.p + 14, 3), EVENT_STRING};
    struct projection projection = {.seen = {.raw = raw, .fields = &field, .field_count = 1}}, back;
    struct pack pack = PACK_INTO(&buf);
    projection_pack(&pack, &projection, false);
    struct unpack unpack = UNPACK_FROM(buf_view(&buf));
    assert_true(projection_unpack(&unpack, NULL, &back, arena));
    buf.bytes[buf.end - 2]++;
    unpack = UNPACK_FROM(buf_view(&buf));
    assert_false(projection_unpack(&unpack, NULL, &back, arena));
    arena_free(arena);
    buf_free(&buf);
}

/* A store may keep what was packed as a whole finding. */
static void a_projection_of_an_earlier_version_is_read(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct arena *arena = arena_new(1024 * 1024);
    struct event_field field = {SV("user.name"), SV("bob"), EVENT_STRING};
    struct finding seen = finding_of(SV(""), SV("raw 1"));
    struct projection back;
    seen.fields = &field;
    seen.field_count = 1;
    struct pack pack = PACK_INTO(&buf);
    pack_u64(&pack, 9);
    finding_pack(&pack, &seen);
    struct unpack unpack = UNPACK_FROM(buf_view(&buf));
    assert_true(projection_unpack(&unpack, NULL, &back, arena) && unpack_done(&unpack));
    assert_int_equal(back.ordinal, 9);
    assert_true(sv_eq(back.seen.raw, SV("raw 1")));
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
    projection.seen.rule_id = sv_make(text, sizeof text);
    struct pack pack = PACK_INTO(&buf);
    struct projection back;
    projection_pack(&pack, &projection, false);
    assert_true(pack.ok && buf_view(&buf).n <= PROJECTION_BYTES_MAX);
    struct unpack unpack = UNPACK_FROM(buf_view(&buf));
    assert_true(projection_unpack(&unpack, NULL, &back, arena) && unpack_done(&unpack));
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
        cmocka_unit_test(what_projections_of_one_event_share_travels_once),
        cmocka_unit_test(every_cut_of_a_projection_is_refused),
        cmocka_unit_test(a_place_outside_the_record_is_refused),
        cmocka_unit_test(a_projection_of_an_earlier_version_is_read),
        cmocka_unit_test(the_largest_projection_fits_its_bound),
        cmocka_unit_test(a_batch_without_findings_moves_the_cursor),
        cmocka_unit_test(what_does_not_fit_is_left_for_the_next_batch),
        cmocka_unit_test(every_cut_of_a_batch_is_refused),
        cmocka_unit_test(a_count_that_lies_asks_for_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
