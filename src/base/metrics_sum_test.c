/* Several processes of one kind are read as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/metrics.h"
#include "base/metrics_sum.h"

static void expect(const char *const *texts, size_t count, const char *wanted)
{
    struct metrics_sum *sum = metrics_sum_new();
    struct buf out = BUF_INIT(METRICS_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        metrics_sum_add(sum, sv_of(texts[i]));
    metrics_sum_write(sum, &out);
    buf_put_char(&out, '\0');
    assert_string_equal(buf_view(&out).p, wanted);
    buf_free(&out);
    metrics_sum_free(sum);
}

#define A "# HELP a Of a.\n# TYPE a counter\n"
#define B "# HELP b Of b.\n# TYPE b gauge\n"

static void samples_of_one_name_and_labels_become_one(void **state)
{
    (void)state;
    const char *const texts[] = {A "a{rule=\"x y\"} 1\na{rule=\"z\"} 2\n" B "b -3\n",
                                 A "a{rule=\"z\"} 40\na{rule=\"new\"} 5\n" B "b 1\n"};
    expect(texts, 2, A "a{rule=\"x y\"} 1\na{rule=\"z\"} 42\na{rule=\"new\"} 5\n" B "b -2\n");
}

static void lengths_of_time_add_up_to_the_nanosecond(void **state)
{
    (void)state;
    const char *const texts[] = {A "a 1.500000001\n" B "b -0.000000001\n",
                                 A "a 0.499999999\n" B "b -0.000000001\n"};
    expect(texts, 2, A "a 2.000000000\n" B "b -0.000000002\n");
}

static void one_text_comes_out_as_it_was(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(METRICS_BYTES_MAX);
    const struct metrics_label label = {"rule", SV("say \"hi\" \\ 1\n")};
    metrics_one(&text, "vedette_a_total", METRICS_COUNTER, "All of a.", INT64_MAX);
    metrics_family(&text, "vedette_b", METRICS_GAUGE, "Some b.");
    metrics_sample(&text, "vedette_b", &label, 1, -3);
    metrics_family(&text, "vedette_none", METRICS_GAUGE, "No sample.");
    metrics_family(&text, "vedette_c_seconds", METRICS_GAUGE, "Some c.");
    metrics_seconds(&text, "vedette_c_seconds", &label, 1, -1500000000);
    buf_put_char(&text, '\0');
    const char *const texts[] = {buf_view(&text).p};
    expect(texts, 1, buf_view(&text).p);
    const char *const empty[] = {"# HELP a Of a.\n# TYPE a counter\n", "# HELP a Of a.\n# TYPE a counter\n"};
    expect(empty, 2, empty[0]);
    buf_free(&text);
}

static void what_is_no_sample_is_left_out(void **state)
{
    (void)state;
    const char *const texts[] = {"a 7\nnonsense\n" A "a\na x\na 1.5\n 3\na 1\n\n", "", "# HELP", "# TYPE a"};
    expect(texts, 4, A "a 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_one_name_and_labels_become_one),
        cmocka_unit_test(lengths_of_time_add_up_to_the_nanosecond),
        cmocka_unit_test(one_text_comes_out_as_it_was),
        cmocka_unit_test(what_is_no_sample_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
