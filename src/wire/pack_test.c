/* Messages between processes: what was packed is read back; what lies is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/pack.h"

static void what_was_packed_is_read_back(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1024);
    struct pack pack = PACK_INTO(&buf);
    pack_u32(&pack, 7);
    pack_sv(&pack, SV("héllo"));
    pack_i64(&pack, -5);
    assert_true(pack.ok);
    struct unpack unpack = UNPACK_FROM(buf_view(&buf));
    assert_int_equal(unpack_u32(&unpack), 7);
    assert_true(sv_eq(unpack_sv(&unpack), SV("héllo")));
    assert_true(unpack_i64(&unpack) == -5);
    assert_true(unpack_done(&unpack));
    buf_free(&buf);
}

static void a_length_that_lies_is_refused_for_good(void **state)
{
    (void)state;
    struct unpack unpack = UNPACK_FROM(SV("\xff\xff\xff\xff"
                                          "ab"));
    assert_int_equal(unpack_sv(&unpack).n, 0);
    assert_false(unpack.ok);
    assert_int_equal(unpack_u32(&unpack), 0);
    assert_false(unpack_done(&unpack));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_read_back),
        cmocka_unit_test(a_length_that_lies_is_refused_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
