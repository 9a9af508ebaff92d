/* What a Received field says of the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/trace.h"

#include <stdio.h>

static const struct {
    bool extended, encrypted, authenticated, utf8;
    const char *with;
} types[] = {
    {false, false, false, false, " with SMTP id"},   {true, false, false, false, " with ESMTP id"},
    {true, true, false, false, " with ESMTPS id"},   {true, false, true, false, " with ESMTPA id"},
    {true, true, true, false, " with ESMTPSA id"},   {true, false, false, true, " with UTF8SMTP id"},
    {true, true, false, true, " with UTF8SMTPS id"}, {true, false, true, true, " with UTF8SMTPA id"},
    {true, true, true, true, " with UTF8SMTPSA id"},
};

static void each_way_has_its_registered_name(void **state)
{
    (void)state;
    sv recipient = SV("b@example.org");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct buf out = BUF_INIT(4096);
        struct trace trace = {.recipients = &recipient,
                              .recipient_count = 1,
                              .client_name = SV("client"),
                              .client_ip = SV("192.0.2.1"),
                              .our_name = SV("gw.example.org"),
                              .extended = types[i].extended,
                              .encrypted = types[i].encrypted,
                              .authenticated = types[i].authenticated,
                              .utf8 = types[i].utf8,
                              .cipher = types[i].encrypted ? SV("TLS_AES_256_GCM_SHA384") : SV_NONE,
                              .id = SV("id1")};
        assert_int_equal(trace_write(&out, &trace), 0);
        if (sv_find(buf_view(&out), sv_of(types[i].with)) == SV_NPOS)
            fail_msg("%s is missing in %.*s", types[i].with, SV_ARG(buf_view(&out)));
        bool cipher = sv_find(buf_view(&out),
                              SV("\r\n\tfor <b@example.org>\r\n\ttls TLS_AES_256_GCM_SHA384;")) != SV_NPOS;
        assert_int_equal(cipher, types[i].encrypted);
        buf_free(&out);
    }
}

static void a_literal_is_written_as_one_and_none_of_several_recipients_is_named(void **state)
{
    (void)state;
    sv recipient = SV("b@example.org");
    struct buf out = BUF_INIT(4096);
    struct trace trace = {.recipients = &recipient,
                          .recipient_count = 2,
                          .client_name = SV("[IPv6:2001:db8::1]"),
                          .client_ip = SV("2001:db8::1"),
                          .our_name = SV("gw.example.org"),
                          .id = SV("id1")};
    assert_int_equal(trace_write(&out, &trace), 0);
    assert_true(
        sv_starts(buf_view(&out), SV("Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n\tby ")));
    assert_true(sv_find(buf_view(&out), SV("for <")) == SV_NPOS);
    recipient = SV("ä@example.org");
    trace.recipient_count = 1;
    buf_clear(&out);
    assert_int_equal(trace_write(&out, &trace), 0);
    assert_true(sv_find(buf_view(&out), SV("for <")) == SV_NPOS);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_has_its_registered_name),
        cmocka_unit_test(a_literal_is_written_as_one_and_none_of_several_recipients_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
