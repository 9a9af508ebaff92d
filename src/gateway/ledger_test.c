/* What is known of a message at its reception is known at its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/ledger.h"

static const struct ledger_reception reception = {.client = SV_INIT("192.0.2.1"),
                                                  .helo = SV_INIT("vault.example.org"),
                                                  .rule = SV_INIT("cyberark"),
                                                  .recipient = SV_INIT("soc@example.org"),
                                                  .bytes = 1234,
                                                  .received_at = 1780300800 * NANOS_PER_SECOND};

static void reception_survives_the_queue(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT(LEDGER_PACKED_MAX);
    struct ledger_reception back;
    assert_int_equal(ledger_pack(&reception, &bytes), 0);
    assert_int_equal(ledger_unpack(buf_view(&bytes), &back), 0);
    assert_true(sv_eq(back.client, reception.client) && sv_eq(back.rule, reception.rule));
    assert_true(sv_eq(back.recipient, reception.recipient) && back.account.n == 0);
    assert_true(back.bytes == 1234 && back.received_at == reception.received_at);
    for (size_t n = 0; n < buf_view(&bytes).n; n++)
        assert_int_equal(ledger_unpack(sv_first(buf_view(&bytes), n), &back), -1);
    buf_free(&bytes);
}

static void a_reception_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static char text[LEDGER_PACKED_MAX];
    memset(text, 'a', sizeof text);
    struct ledger_reception longer = reception;
    longer.helo = sv_make(text, sizeof text);
    struct buf bytes = BUF_INIT(2 * LEDGER_PACKED_MAX);
    assert_int_equal(ledger_pack(&longer, &bytes), -1);
    assert_int_equal(buf_view(&bytes).n, 0);
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reception_survives_the_queue),
        cmocka_unit_test(a_reception_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
