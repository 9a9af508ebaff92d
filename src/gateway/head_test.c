/* What a header may be, however its content is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/head.h"

/* Puts content in pieces; *ret_body gets what is left for the body. */
static void put(struct head *head, sv content, size_t step, struct buf *ret_body)
{
    head_open(head, SV("gw.example.org"));
    for (sv rest = content; rest.n; rest = sv_from(rest, step)) {
        sv piece = sv_first(rest, step);
        size_t used = head->state == HEAD_OPEN ? head_put(head, piece) : 0;
        assert_true(used <= piece.n);
        if (head->state == HEAD_WHOLE)
            buf_put(ret_body, sv_from(piece, used));
    }
    head_end(head);
}

static const struct {
    sv content, text, body;
} whole[] = {
    {SV_INIT("A: b\r\n\r\nbody\r\n"), SV_INIT("A: b\r\n"), SV_INIT("body\r\n")},
    {SV_INIT("A: b\r\n c\r\nD :e\r\n\r\n\r\n"), SV_INIT("A: b\r\n c\r\nD :e\r\n"), SV_INIT("\r\n")},
    {SV_INIT("A: b\r\n"), SV_INIT("A: b\r\n"), SV_INIT("")},
    {SV_INIT(""), SV_INIT(""), SV_INIT("")},
    {SV_INIT("\r\nA: b\r\n"), SV_INIT(""), SV_INIT("A: b\r\n")},
    {SV_INIT("no field\r\nA: b\r\n"), SV_INIT(""), SV_INIT("no field\r\nA: b\r\n")},
    {SV_INIT("A: b\r\nno field\r\n\r\nx\r\n"), SV_INIT("A: b\r\n"), SV_INIT("no field\r\n\r\nx\r\n")},
    {SV_INIT(" folded\r\nA: b\r\n"), SV_INIT(""), SV_INIT(" folded\r\nA: b\r\n")},
};

static void the_section_ends_at_an_empty_line_or_at_what_is_no_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        for (size_t step = 1; step < 40; step++) {
            struct head head;
            struct buf later = BUF_INIT(1000), body = BUF_INIT(1000);
            put(&head, whole[i].content, step, &later);
            assert_int_equal(head.state, HEAD_WHOLE);
            buf_put(&body, head_rest(&head));
            buf_put(&body, buf_view(&later));
            if (!sv_eq(head_text(&head), whole[i].text) || !sv_eq(buf_view(&body), whole[i].body))
                fail_msg("case %zu, %zu at a time: \"%.*s\" and \"%.*s\"", i, step, SV_ARG(head_text(&head)),
                         SV_ARG(buf_view(&body)));
            head_free(&head);
            buf_free(&later);
            buf_free(&body);
        }
}

static enum head_state after(const char *line, size_t times)
{
    struct buf content = BUF_INIT(1 << 20), body = BUF_INIT(1 << 20);
    struct head head;
    for (size_t i = 0; i < times; i++)
        buf_put(&content, sv_of(line));
    buf_put(&content, SV("\r\n"));
    put(&head, buf_view(&content), 777, &body);
    enum head_state state = head.state;
    head_free(&head);
    buf_free(&content);
    buf_free(&body);
    return state;
}

static void a_header_bomb_ends_at_its_bounds(void **state)
{
    (void)state;
    assert_int_equal(after("A: b\r\n", HEAD_FIELDS_MAX), HEAD_WHOLE);
    assert_int_equal(after("A: b\r\n", HEAD_FIELDS_MAX + 1), HEAD_TOO_LARGE);
    assert_int_equal(after("A:\r\n b\r\n c\r\n", HEAD_FIELDS_MAX / 2), HEAD_WHOLE);
    assert_int_equal(after("X: 0123456789012345678901234567890123456789012345678901234567890\r\n", 999),
                     HEAD_TOO_LARGE);
}

static void a_hundred_received_fields_are_a_loop_and_so_is_our_own_name_again_and_again(void **state)
{
    (void)state;
    assert_int_equal(after("Received: from a by b; now\r\n", HEAD_RECEIVED_MAX), HEAD_WHOLE);
    assert_int_equal(after("received: from a by b; now\r\n", HEAD_RECEIVED_MAX + 1), HEAD_LOOP);
    assert_int_equal(
        after("Received: from a\r\n\tby gw.example.org (Vedette) with SMTP; now\r\n", HEAD_OWN_MAX),
        HEAD_WHOLE);
    assert_int_equal(
        after("Received: from a\r\n\tby GW.example.org (Vedette) with SMTP; now\r\n", HEAD_OWN_MAX + 1),
        HEAD_LOOP);
    assert_int_equal(after("X-Note: by gw.example.org it went\r\n", HEAD_OWN_MAX + 1), HEAD_WHOLE);
}

static void only_one_clear_no_says_that_tls_is_optional(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool optional;
    } cases[] = {
        {"TLS-Required: No\r\n", true},    {"Subject: x\r\ntls-required:\r\n no \r\nX: y\r\n", true},
        {"TLS-Required: Yes\r\n", false},  {"TLS-Required: No, really\r\n", false},
        {"TLS-Required:\r\n", false},      {"TLS-Required: No\r\nTLS-Required: No\r\n", false},
        {"X-TLS-Required: No\r\n", false}, {"Subject: TLS-Required: No\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct head head;
        head_open(&head, SV("gw.example.org"));
        head_put(&head, sv_of(cases[i].header));
        head_put(&head, SV("\r\nTLS-Required: No\r\n"));
        assert_int_equal(head.state, HEAD_WHOLE);
        assert_int_equal(head_tls_optional(&head), cases[i].optional);
        head_free(&head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_section_ends_at_an_empty_line_or_at_what_is_no_field),
        cmocka_unit_test(a_header_bomb_ends_at_its_bounds),
        cmocka_unit_test(only_one_clear_no_says_that_tls_is_optional),
        cmocka_unit_test(a_hundred_received_fields_are_a_loop_and_so_is_our_own_name_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
