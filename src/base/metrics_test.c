/* Prometheus's text format, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics.h"

static void a_family_is_told_as_prometheus_reads_it(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(METRICS_BYTES_MAX);
    metrics_one(&out, "vedette_a_total", METRICS_COUNTER, "All of a.", 7);
    metrics_family(&out, "vedette_b", METRICS_GAUGE, "Some b.");
    const struct metrics_label labels[] = {{"rule", SV("say \"hi\"\\\n")}, {"action", SV("accept")}};
    metrics_sample(&out, "vedette_b", labels, 2, -3);
    metrics_seconds(&out, "vedette_b", labels + 1, 1, 1500000000);
    metrics_seconds(&out, "vedette_b", NULL, 0, -1);
    buf_put_char(&out, '\0');
    assert_string_equal(buf_view(&out).p, "# HELP vedette_a_total All of a.\n"
                                          "# TYPE vedette_a_total counter\n"
                                          "vedette_a_total 7\n"
                                          "# HELP vedette_b Some b.\n"
                                          "# TYPE vedette_b gauge\n"
                                          "vedette_b{rule=\"say \\\"hi\\\"\\\\\\n\",action=\"accept\"} -3\n"
                                          "vedette_b{action=\"accept\"} 1.500000000\n"
                                          "vedette_b -0.000000001\n");
    buf_free(&out);
}

static void a_label_from_outside_cannot_break_the_text(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(METRICS_BYTES_MAX);
    const struct metrics_label label = {"sender", SV("a\xff\r\t\x01 b")};
    metrics_sample(&out, "vedette_c", &label, 1, 1);
    assert_true(sv_eq(buf_view(&out), SV("vedette_c{sender=\"a???? b\"} 1\n")));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_is_told_as_prometheus_reads_it),
        cmocka_unit_test(a_label_from_outside_cannot_break_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
