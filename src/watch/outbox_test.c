#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdlib.h>

#include "watch/outbox.h"

enum { BATCHES = 60, BATCH_BYTES = 100 * 1024, PENDING_BYTES_MAX = 512 * 1024 };

/* Both ends of the channel. The far one commits what it has read, if it is to. */
struct pair {
    struct loop *loop;
    struct channel *near, *far;
    struct outbox *outbox;
    bool commit;
    size_t read, enough; /* enough: then the loop ends */
    uint64_t last;
};

static void gone(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg, (void)channel, (void)err;
    fail_msg("a channel closed");
}

static void watch_reads(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    (void)arg, (void)channel, (void)type, (void)body, (void)fd;
}

static void courier_reads(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct pair *pair = arg;
    (void)channel;
    uint64_t serial;
    assert_int_equal(fd, -1);
    assert_int_equal(type, CONTROL_FINDINGS);
    assert_int_equal(body.n, BATCH_BYTES);
    memcpy(&serial, body.p, sizeof serial);
    assert_int_equal(serial, pair->last + 1);
    pair->last = serial;
    pair->read++;
    if (pair->commit)
        outbox_committed(pair->outbox, serial);
    if (pair->read == pair->enough)
        loop_stop(pair->loop);
}

static void give_up(void *arg)
{
    loop_stop(arg);
}

static void connect_pair(struct pair *pair)
{
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    pair->near = channel_new(pair->loop, fds[0], watch_reads, gone, pair);
    pair->far = channel_new(pair->loop, fds[1], courier_reads, gone, pair);
    pair->last = pair->read = 0;
    outbox_channel(pair->outbox, pair->near);
}

static void part_pair(struct pair *pair)
{
    outbox_channel(pair->outbox, NULL);
    channel_free(pair->near);
    channel_free(pair->far);
}

static void free_pair(struct pair *pair)
{
    part_pair(pair);
    outbox_free(pair->outbox);
    loop_free(pair->loop);
}

static void run(struct pair *pair, nanos most)
{
    struct loop_timer *limit = loop_timer_new(pair->loop, give_up, pair->loop);
    loop_timer_set(limit, most);
    loop_run(pair->loop);
    loop_timer_free(limit);
}

static void put_all(struct pair *pair)
{
    char *body = calloc(1, BATCH_BYTES);
    assert_non_null(body);
    for (uint64_t serial = 1; serial <= BATCHES; serial++) {
        memcpy(body, &serial, sizeof serial);
        outbox_put(pair->outbox, serial, sv_make(body, BATCH_BYTES));
        assert_true(channel_pending(pair->near) < PENDING_BYTES_MAX);
    }
    free(body);
}

static void what_the_courier_does_not_read_lies_in_memory_once_and_arrives_in_order(void **state)
{
    (void)state;
    struct pair pair = {.loop = loop_new(), .outbox = outbox_new(), .commit = true, .enough = BATCHES};
    connect_pair(&pair);
    put_all(&pair);
    assert_int_equal(outbox_batches(pair.outbox), BATCHES);
    assert_int_equal(outbox_bytes(pair.outbox), (size_t)BATCHES * BATCH_BYTES);
    run(&pair, 20 * NANOS_PER_SECOND);
    assert_int_equal(pair.read, BATCHES);
    assert_int_equal(outbox_batches(pair.outbox), 0);
    free_pair(&pair);
}

static void a_new_courier_gets_all_that_is_not_on_disk_from_the_first_one_on(void **state)
{
    (void)state;
    struct pair pair = {.loop = loop_new(), .outbox = outbox_new(), .enough = BATCHES / 4};
    connect_pair(&pair);
    put_all(&pair);
    run(&pair, 20 * NANOS_PER_SECOND); /* this one reads some and dies */
    assert_true(pair.read >= BATCHES / 4 && pair.read < BATCHES);
    part_pair(&pair);
    pair.commit = true;
    pair.enough = BATCHES;
    connect_pair(&pair);
    run(&pair, 20 * NANOS_PER_SECOND);
    assert_int_equal(pair.read, BATCHES);
    assert_int_equal(outbox_batches(pair.outbox), 0);
    free_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_courier_does_not_read_lies_in_memory_once_and_arrives_in_order),
        cmocka_unit_test(a_new_courier_gets_all_that_is_not_on_disk_from_the_first_one_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
