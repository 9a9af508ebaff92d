/* What the spool promises: what was committed is whole and stays, what was not is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "store/spool_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOUND_MAX = 64, LARGE = 3 * SPOOL_INLINE_MAX + 17 };

struct fixture {
    char path[256];
    struct loop *loop;
    struct spool *spool;
    struct spool_message *found[FOUND_MAX];
    size_t found_count;
    struct spool_message *committed; /* the last one */
    struct err err;
    size_t waiting;
};

static void on_found(void *arg, struct spool_message *message)
{
    struct fixture *fixture = arg;
    assert_true(fixture->found_count < FOUND_MAX);
    fixture->found[fixture->found_count++] = message;
}

static void reopen(struct fixture *fixture)
{
    spool_close(fixture->spool);
    fixture->found_count = 0;
    struct spool_setup setup = {
        .loop = fixture->loop, .directory = fixture->path, .segment_bytes = SPOOL_SEGMENT_BYTES_MIN};
    assert_int_equal(spool_open(&setup, on_found, fixture, &fixture->spool, NULL), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->path, sizeof fixture->path, "%s/vedette-spool-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(fixture->path));
    fixture->loop = loop_new();
    reopen(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    spool_close(fixture->spool);
    loop_free(fixture->loop);
    DIR *folder = opendir(fixture->path);
    for (struct dirent *entry; (entry = readdir(folder));)
        unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(fixture->path);
    free(fixture);
    return 0;
}

static void on_done(void *arg, struct spool_message *message, const struct err *err)
{
    struct fixture *fixture = arg;
    fixture->committed = message;
    fixture->err = err ? *err : (struct err){.class = ERR_NONE};
    if (--fixture->waiting == 0)
        loop_stop(fixture->loop);
}

static void hand_in(struct fixture *fixture, sv content, sv meta)
{
    struct spool_draft *draft = spool_begin(fixture->spool);
    spool_put(draft, sv_first(content, content.n / 2));
    spool_put(draft, sv_from(content, content.n / 2));
    fixture->waiting++;
    spool_commit(draft, meta, SV("fresh"), on_done, fixture);
}

static struct spool_message *commit(struct fixture *fixture, sv content, sv meta)
{
    hand_in(fixture, content, meta);
    loop_run(fixture->loop);
    return fixture->committed;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void turn(struct fixture *fixture, nanos length)
{
    struct loop_timer *timer = loop_timer_new(fixture->loop, stop, fixture->loop);
    loop_timer_set(timer, length);
    loop_run(fixture->loop);
    loop_timer_free(timer);
}

static void holds(struct spool_message *message, sv content, sv meta, sv state)
{
    struct spool_look look;
    assert_int_equal(spool_look(message, &look, NULL), 0);
    assert_true(sv_eq(look.content, content));
    assert_true(sv_eq(look.meta, meta));
    assert_true(sv_eq(look.state, state));
    spool_look_end(&look);
}

static sv large(void)
{
    static char bytes[LARGE];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 2654435761U >> 24);
    return sv_make(bytes, sizeof bytes);
}

static void what_was_committed_is_there_after_a_new_start(void **state)
{
    struct fixture *fixture = *state;
    holds(commit(fixture, SV("one\r\n"), SV("m1")), SV("one\r\n"), SV("m1"), SV("fresh"));
    holds(commit(fixture, large(), SV("m2")), large(), SV("m2"), SV("fresh"));
    commit(fixture, SV(""), SV(""));
    reopen(fixture);
    assert_int_equal(fixture->found_count, 3);
    holds(fixture->found[0], SV("one\r\n"), SV("m1"), SV("fresh"));
    holds(fixture->found[1], large(), SV("m2"), SV("fresh"));
    holds(fixture->found[2], SV(""), SV(""), SV("fresh"));
    assert_true(spool_serial(fixture->found[1]) > spool_serial(fixture->found[0]));
    assert_true(spool_serial(commit(fixture, SV("x"), SV(""))) > spool_serial(fixture->found[2]));
}

static void the_last_state_counts_and_what_is_removed_stays_away(void **state)
{
    struct fixture *fixture = *state;
    struct spool_message *first = commit(fixture, SV("one"), SV("m1"));
    struct spool_message *second = commit(fixture, large(), SV("m2"));
    spool_note(first, SV("tried once"));
    spool_note(first, SV("tried twice"));
    spool_remove(second);
    reopen(fixture);
    assert_int_equal(fixture->found_count, 1);
    holds(fixture->found[0], SV("one"), SV("m1"), SV("tried twice"));
    reopen(fixture);
    holds(fixture->found[0], SV("one"), SV("m1"), SV("tried twice"));
    spool_remove(fixture->found[0]);
    reopen(fixture);
    assert_int_equal(fixture->found_count, 0);
}

static void what_was_not_committed_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct spool_draft *draft = spool_begin(fixture->spool);
    spool_put(draft, large());
    spool_abort(draft);
    draft = spool_begin(fixture->spool);
    spool_put(draft, SV("small"));
    spool_abort(draft);
    char stray[300];
    snprintf(stray, sizeof stray, "%s/00000000000000ff.big", fixture->path);
    close(open(stray, O_CREAT | O_WRONLY, 0600)); /* a crash before the commit */
    reopen(fixture);
    assert_int_equal(fixture->found_count, 0);
    assert_int_equal(access(stray, F_OK), -1);
}

static void messages_that_come_together_share_a_sync(void **state)
{
    struct fixture *fixture = *state;
    struct spool_facts before, after;
    turn(fixture, NANOS_PER_SECOND / 10);
    spool_facts(fixture->spool, &before);
    for (int i = 0; i < 200; i++)
        hand_in(fixture, SV("x"), SV("m"));
    loop_run(fixture->loop);
    spool_facts(fixture->spool, &after);
    assert_int_equal(after.messages, 200);
    assert_true(after.syncs - before.syncs < 150);
}

static void a_message_may_be_removed_while_somebody_looks_at_it(void **state)
{
    struct fixture *fixture = *state;
    struct spool_look small, big;
    assert_int_equal(spool_look(commit(fixture, SV("one"), SV("m")), &small, NULL), 0);
    struct spool_message *second = commit(fixture, large(), SV("m"));
    assert_int_equal(spool_look(second, &big, NULL), 0);
    spool_remove(second);
    turn(fixture, NANOS_PER_SECOND / 10);
    assert_true(sv_eq(big.content, large()));
    assert_true(sv_eq(small.content, SV("one")));
    spool_look_end(&big);
    spool_look_end(&small);
}

/* --- Torn and spoilt --- */

/* The newest segment with records in it. */
static int segment_open(const struct fixture *fixture, uint64_t number)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%016llx.log", fixture->path, (unsigned long long)number);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

struct read_back {
    struct spool_log log;
    struct spool spool;
};

static size_t read_back(const struct fixture *fixture, struct read_back *back)
{
    memset(back, 0, sizeof *back);
    back->spool.dir_fd = open(fixture->path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(spool_recover(back->spool.dir_fd, &back->spool, &back->log, NULL), 0);
    return back->log.messages;
}

static void forget_messages(struct spool_segment *segment)
{
    for (struct spool_message *message = segment->first, *after; message; message = after) {
        after = message->next;
        free(message->state);
        free(message);
    }
    segment->first = segment->last = NULL;
}

static void forget(struct read_back *back)
{
    struct spool_segment *lists[] = {back->log.first, back->log.spares};
    for (size_t i = 0; i < 2; i++)
        for (struct spool_segment *segment = lists[i], *next; segment; segment = next) {
            next = segment->next;
            forget_messages(segment);
            spool_segment_close(segment);
        }
    close(back->spool.dir_fd);
}

/* Three messages in one segment; returns its bytes, and where each message's record ends. */
static char *three_messages(struct fixture *fixture, uint64_t *ret_number, size_t ends[3])
{
    static const char *const contents[] = {"first\r\n", "second, a longer one\r\n", "third\r\n"};
    for (int i = 0; i < 3; i++) {
        struct spool_message *message = commit(fixture, sv_of(contents[i]), SV("meta"));
        ends[i] = message->offset + message->record_size;
        *ret_number = message->segment->number;
    }
    spool_close(fixture->spool);
    fixture->spool = NULL;
    char *bytes = malloc(SPOOL_SEGMENT_BYTES_MIN);
    int fd = segment_open(fixture, *ret_number);
    assert_int_equal(pread(fd, bytes, SPOOL_SEGMENT_BYTES_MIN, 0), SPOOL_SEGMENT_BYTES_MIN);
    close(fd);
    return bytes;
}

static void a_tail_torn_at_any_byte_loses_only_what_was_not_whole(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number = 0;
    size_t ends[3];
    char *bytes = three_messages(fixture, &number, ends);
    int fd = segment_open(fixture, number);
    for (size_t cut = SPOOL_RECORD_HEADER; cut <= ends[2]; cut++) {
        static const char zeros[4096];
        assert_int_equal(pwrite(fd, bytes, cut, 0), cut);
        assert_int_equal(pwrite(fd, zeros, sizeof zeros, (off_t)cut), sizeof zeros);
        struct read_back back;
        size_t whole = (cut >= ends[0]) + (cut >= ends[1]) + (cut >= ends[2]);
        size_t found = read_back(fixture, &back);
        /* A record that ends in zeros is whole before its last byte was written. */
        assert_true(found == whole || (found == whole + 1 && ends[whole] - cut < SPOOL_RECORD_ALIGN));
        if (found)
            holds(back.log.first->first, SV("first\r\n"), SV("meta"), SV("fresh"));
        forget(&back);
    }
    close(fd);
    free(bytes);
}

static void a_spoilt_byte_costs_one_message_and_alters_none(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number = 0;
    size_t ends[3];
    char *bytes = three_messages(fixture, &number, ends);
    int fd = segment_open(fixture, number);
    for (size_t at = SPOOL_RECORD_HEADER; at < ends[2]; at++) {
        char spoilt = (char)(bytes[at] ^ 0x10);
        assert_int_equal(pwrite(fd, &spoilt, 1, (off_t)at), 1);
        struct read_back back;
        assert_int_equal(read_back(fixture, &back), 2);
        sv first = at < ends[0] ? SV("second, a longer one\r\n") : SV("first\r\n");
        sv last = at >= ends[1] ? SV("second, a longer one\r\n") : SV("third\r\n");
        holds(back.log.first->first, first, SV("meta"), SV("fresh"));
        holds(back.log.first->last, last, SV("meta"), SV("fresh"));
        forget(&back);
        assert_int_equal(pwrite(fd, bytes + at, 1, (off_t)at), 1);
    }
    close(fd);
    free(bytes);
}

static void records_of_a_segments_former_life_do_not_come_back(void **state)
{
    struct fixture *fixture = *state;
    uint64_t number = 0;
    size_t ends[3];
    free(three_messages(fixture, &number, ends));
    struct read_back back;
    assert_int_equal(read_back(fixture, &back), 3);
    forget_messages(back.log.first);
    assert_int_equal(spool_segment_renew(back.spool.dir_fd, back.log.first, number + 1000), 0);
    struct read_back again;
    assert_int_equal(read_back(fixture, &again), 0);
    forget(&again);
    forget(&back);
}

/* --- Room --- */

static void a_log_that_is_mostly_dead_is_kept_small(void **state)
{
    struct fixture *fixture = *state;
    static char block[SPOOL_INLINE_MAX];
    memset(block, 'x', sizeof block);
    struct spool_message *old = commit(fixture, SV("stays"), SV("m"));
    spool_note(old, SV("waits"));
    for (int i = 0; i < 700; i++)
        spool_remove(commit(fixture, sv_make(block, sizeof block), SV("m")));
    struct spool_facts facts;
    spool_facts(fixture->spool, &facts);
    assert_true(facts.segments < 12); /* of the 23 that were written */
    assert_true(facts.moved > 0);
    assert_true(facts.spares <= SPOOL_SPARES_MAX + 1);
    holds(old, SV("stays"), SV("m"), SV("waits"));
    reopen(fixture);
    assert_int_equal(fixture->found_count, 1);
    holds(fixture->found[0], SV("stays"), SV("m"), SV("waits"));
}

static void wait_for_room(struct fixture *fixture)
{
    for (int i = 0; i < 600 && spool_full(fixture->spool, NULL); i++)
        turn(fixture, NANOS_PER_SECOND / 10);
    assert_false(spool_full(fixture->spool, NULL));
}

/* A limit on the size of files stands for the full disk: no segment can be made that is larger. */
static struct rlimit limit_files(rlim_t bytes)
{
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = bytes, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    return before;
}

static void a_full_disk_refuses_at_once_and_takes_again_when_there_is_room(void **state)
{
    struct fixture *fixture = *state;
    static char block[SPOOL_INLINE_MAX];
    memset(block, 'x', sizeof block);
    struct spool_message *kept = commit(fixture, SV("kept"), SV("m"));
    struct rlimit before = limit_files(64 * 1024);
    size_t taken = 0;
    while (commit(fixture, sv_make(block, sizeof block), SV("m")) && taken < 1000)
        taken++;
    assert_int_equal(fixture->err.class, ERR_TEMPORARY);
    assert_true(spool_full(fixture->spool, NULL));
    assert_int_equal(spool_count(fixture->spool), taken + 1);
    spool_note(kept, SV("noted all the same"));
    setrlimit(RLIMIT_FSIZE, &before);
    wait_for_room(fixture);
    assert_non_null(commit(fixture, SV("new"), SV("m")));
    struct spool_look look;
    assert_int_equal(spool_look(kept, &look, NULL), 0);
    assert_true(sv_eq(look.state, SV("noted all the same")));
    spool_look_end(&look);
}

/* No segment more can be made, and the last one has room for the short state alone. */
static void the_last_state_counts_though_the_one_before_it_found_no_room(void **state)
{
    enum { STATES = 4 * SPOOL_SEGMENT_BYTES_MIN / (200 * 1024) };
    struct fixture *fixture = *state;
    static char block[200 * 1024];
    memset(block, 'x', sizeof block);
    struct spool_message *kept = commit(fixture, SV("kept"), SV("m"));
    struct rlimit before = limit_files(SPOOL_SEGMENT_BYTES_MIN - 1);
    for (int i = 0; i < STATES; i++)
        spool_note(kept, sv_make(block, sizeof block));
    turn(fixture, NANOS_PER_SECOND / 10);
    assert_true(spool_full(fixture->spool, NULL));
    spool_note(kept, SV("last"));
    turn(fixture, NANOS_PER_SECOND / 10);
    setrlimit(RLIMIT_FSIZE, &before);
    wait_for_room(fixture);
    reopen(fixture);
    assert_int_equal(fixture->found_count, 1);
    holds(fixture->found[0], SV("kept"), SV("m"), SV("last"));
}

static void only_one_process_has_the_spool(void **state)
{
    struct fixture *fixture = *state;
    struct spool *other = NULL;
    struct err err = {.class = ERR_NONE};
    struct spool_setup setup = {.loop = fixture->loop, .directory = fixture->path};
    assert_int_equal(spool_open(&setup, on_found, fixture, &other, &err), -1);
    assert_int_equal(err.class, ERR_UNAVAILABLE);
}

int main(void)
{
    log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT); /* not a line for every byte that is spoilt */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_committed_is_there_after_a_new_start),
        TEST(the_last_state_counts_and_what_is_removed_stays_away),
        TEST(what_was_not_committed_leaves_nothing),
        TEST(messages_that_come_together_share_a_sync),
        TEST(a_message_may_be_removed_while_somebody_looks_at_it),
        TEST(a_tail_torn_at_any_byte_loses_only_what_was_not_whole),
        TEST(a_spoilt_byte_costs_one_message_and_alters_none),
        TEST(records_of_a_segments_former_life_do_not_come_back),
        TEST(a_log_that_is_mostly_dead_is_kept_small),
        TEST(a_full_disk_refuses_at_once_and_takes_again_when_there_is_room),
        TEST(the_last_state_counts_though_the_one_before_it_found_no_room),
        TEST(only_one_process_has_the_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
