/* Files are followed over everything that happens to log files, and from where an earlier run left them. */
#include "watch/watch_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path(struct fixture *fixture, const char *name)
{
    static char text[4][128];
    static unsigned next;
    char *to = text[next++ % 4];
    snprintf(to, sizeof text[0], "%s/%s", fixture->folder, name);
    return to;
}

static void append(struct fixture *fixture, const char *name, const char *text)
{
    int fd = open(path(fixture, name), O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_true(fd >= 0);
    fixture_write(fd, text);
    close(fd);
}

static void move(struct fixture *fixture, const char *from, const char *to)
{
    assert_int_equal(rename(path(fixture, from), path(fixture, to)), 0);
}

static void lines_are_read_as_they_are_written(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "an old needle\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    append(fixture, "log", "needle 1\nhay\nneed");
    fixture_await(fixture, 1);
    append(fixture, "log", "le 2\n");
    fixture_await(fixture, 2);
    assert_string_equal(fixture->raw[0], "needle 1");
    assert_string_equal(fixture->raw[1], "needle 2");
}

static void a_file_may_be_read_from_its_start(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "an old needle\n");
    fixture_configure(fixture, "- {file: log, from_start: true}");
    fixture_start(fixture, NULL);
    fixture_await(fixture, 1);
}

static void a_file_that_appears_later_is_read_from_its_start(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    append(fixture, "log", "needle\n");
    fixture_await(fixture, 1);
}

static void a_rotated_file_is_read_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "first\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    append(fixture, "log", "needle 1\n");
    move(fixture, "log", "log.1");
    append(fixture, "log.1", "needle 2\n"); /* the writer has not reopened yet */
    append(fixture, "log", "needle 3\n");
    fixture_await(fixture, 3);
    append(fixture, "log.1", "needle 4\n"); /* nor has a slower one */
    fixture_await(fixture, 4);
    append(fixture, "log", "needle 5\n");
    fixture_await(fixture, 5);
    move(fixture, "log.1", "log.2");
    move(fixture, "log", "log.1");
    append(fixture, "log", "needle 6\n");
    fixture_await(fixture, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(fixture->raw[i][7], '1' + (int)i);
}

static void a_truncated_file_is_read_from_its_start(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "a first line that is longer than the next\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    append(fixture, "log", "needle 1\n");
    fixture_await(fixture, 1);
    assert_int_equal(truncate(path(fixture, "log"), 0), 0);
    append(fixture, "log", "needle 2\n");
    fixture_await(fixture, 2);
}

/* Truncated and at once longer than before: only what it begins with shows it. */
static void a_rewritten_file_is_read_from_its_start(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "short\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    int fd = open(path(fixture, "log"), O_WRONLY | O_TRUNC);
    fixture_write(fd, "needle: a line that is longer than all that was there before\nneedle 2\n");
    close(fd);
    fixture_await(fixture, 2);
}

static bool cursor_has_come(struct fixture *fixture)
{
    return fixture->batches >= fixture->wanted;
}

/* Stops the watch as a crash would, and starts another one with the cursor that was committed last. */
static void restart(struct fixture *fixture)
{
    char cursor[1024];
    sv_copy(cursor, sizeof cursor, sv_of(fixture->cursor));
    fixture_disconnect(fixture);
    watch_free(fixture->watch);
    config_free(fixture->config);
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, cursor);
}

static void settle(struct fixture *fixture)
{
    fixture->wanted = fixture->batches + 1;
    fixture_await_that(fixture, cursor_has_come);
}

static void a_restart_goes_on_where_the_cursor_says(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "old needle\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    settle(fixture); /* the place is told although nothing was found */
    append(fixture, "log", "needle 1\nhalf a");
    fixture_await(fixture, 1);
    append(fixture, "log", " needle 2\nneedle 3\n");
    restart(fixture);
    fixture_await(fixture, 3);
    assert_string_equal(fixture->raw[1], "half a needle 2");
    assert_string_equal(fixture->raw[2], "needle 3");
    restart(fixture);
    fixture_pass(fixture, 50);
    assert_int_equal(fixture->count, 3);
}

static void what_was_written_before_a_rotation_is_read_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "first\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    append(fixture, "log", "needle 1\n");
    fixture_await(fixture, 1);
    fixture_disconnect(fixture);
    append(fixture, "log", "needle 2\n");
    move(fixture, "log", "log.1");
    append(fixture, "log", "needle 3\n");
    restart(fixture);
    fixture_await(fixture, 3);
    assert_string_equal(fixture->raw[1], "needle 2");
    assert_string_equal(fixture->raw[2], "needle 3");
}

static void another_file_under_the_same_number_is_not_mistaken(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "first\nsecond\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    settle(fixture);
    int fd = open(path(fixture, "log"), O_WRONLY | O_TRUNC); /* the number stays */
    fixture_disconnect(fixture);
    fixture_write(fd, "needle 1, much longer than what was there\n");
    close(fd);
    restart(fixture);
    fixture_await(fixture, 1);
}

static void a_rotation_while_the_disk_is_behind_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "log", "first\n");
    fixture_configure(fixture, "- file: log");
    fixture_start(fixture, NULL);
    fixture_disconnect(fixture);
    append(fixture, "log", "needle 1\n");
    fixture_pass(fixture, 20);
    move(fixture, "log", "log.1");
    append(fixture, "log", "needle 2\n");
    fixture_pass(fixture, 20);
    fixture_connect(fixture);
    fixture_await(fixture, 2);
}

static void much_at_once_comes_in_order_and_once(void **state)
{
    struct fixture *fixture = *state;
    enum { LINES = 15000 };
    FILE *log = fopen(path(fixture, "log"), "w");
    assert_non_null(log);
    for (int i = 0; i < LINES; i++)
        fprintf(log, "needle %d\n", i);
    fclose(log);
    fixture_configure(fixture, "- {file: log, from_start: true}");
    fixture_start(fixture, NULL);
    fixture_await(fixture, LINES);
    assert_true(fixture->batches > LINES / 4096);
    assert_int_equal(fixture->same_cursor, 0); /* so that no finding is committed without its place */
    char text[32];
    for (int i = 0; i < LINES; i += 97) {
        snprintf(text, sizeof text, "needle %d", i);
        assert_string_equal(fixture->raw[i], text);
    }
}

static void a_folder_is_complained_of_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- file: .");
    fixture_start(fixture, NULL);
    fixture_pass(fixture, 20);
    assert_int_equal(watch_counts(fixture->watch)->events, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_as_they_are_written),
        TEST(a_file_may_be_read_from_its_start),
        TEST(a_file_that_appears_later_is_read_from_its_start),
        TEST(a_rotated_file_is_read_to_its_end),
        TEST(a_truncated_file_is_read_from_its_start),
        TEST(a_rewritten_file_is_read_from_its_start),
        TEST(a_restart_goes_on_where_the_cursor_says),
        TEST(what_was_written_before_a_rotation_is_read_after_a_restart),
        TEST(another_file_under_the_same_number_is_not_mistaken),
        TEST(a_rotation_while_the_disk_is_behind_loses_nothing),
        TEST(much_at_once_comes_in_order_and_once),
        TEST(a_folder_is_complained_of_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
