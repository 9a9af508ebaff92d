#include "courier/reception_private.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WATCHES_MAX = RECEPTION_WATCHES_MAX,
    CURSORS_BYTES_MAX = 8 * 1024 * 1024,
    PENDING_HIGH = 32 * 1024 * 1024, /* of batches not yet on disk: then the watches are not read */
    PENDING_LOW = 16 * 1024 * 1024,
};

static struct watch *watch_of(struct reception *reception, const struct channel *channel)
{
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (reception->watches[i].channel == channel)
            return &reception->watches[i];
    return NULL;
}

static struct watch *watch_by_id(struct reception *reception, uint64_t id)
{
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (reception->watches[i].channel && reception->watches[i].id == id)
            return &reception->watches[i];
    return NULL;
}

static struct channel *channel_of(struct reception *reception, uint64_t id)
{
    const struct watch *watch = watch_by_id(reception, id);
    return watch ? watch->channel : NULL;
}

/* --- Back-pressure --- */

static void consider_pressure(struct reception *reception)
{
    bool pause = reception->pending > (reception->paused ? PENDING_LOW : PENDING_HIGH);
    if (pause == reception->paused)
        return;
    reception->paused = pause;
    LOG(pause ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
        pause ? "the store does not keep up: the watches wait" : "the watches go on",
        LOG_INT("pending_bytes", reception->pending));
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        if (!reception->watches[i].channel)
            continue;
        if (pause)
            channel_pause(reception->watches[i].channel);
        else
            channel_resume(reception->watches[i].channel);
    }
}

/* --- One after the other --- */

/* True when the rules have no correlations any more and who correlated has ended: then nobody comes who could
 * be asked. While there is no watch it is not known. */
static bool nobody_correlates(const struct reception *reception)
{
    bool any = false;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        const struct watch *watch = &reception->watches[i];
        if (watch->channel && !watch->plain)
            return false;
        any |= watch->channel != NULL;
    }
    return any && !correlating_present(reception->correlating);
}

/* What waits for an answer goes on without. True if there was any. */
static bool give_up_asking(struct reception *reception)
{
    bool any = false;
    correlating_give_up(reception->correlating);
    for (struct waiting *waiting = reception->first; waiting; waiting = waiting->next) {
        bool waits = !waiting->ready && !waiting->checking;
        waiting->ready |= waits;
        any |= waits;
    }
    return any;
}

/* Asks the correlator about what waits, in order, as far as it is known not to be on disk yet. */
static void ask_on(struct reception *reception)
{
    for (struct waiting *waiting = reception->first; waiting; waiting = waiting->next) {
        if (waiting->ready || waiting->asked)
            continue;
        const struct watch *watch = watch_by_id(reception, waiting->batch->watch);
        if (!watch || !watch->fresh) {
            if (!waiting->checking)
                batch_job_check(waiting->batch);
            waiting->checking = true;
            return;
        }
        waiting->asked = true;
        correlating_ask(reception->correlating, waiting->batch->batch.projections,
                        waiting->batch->batch.projection_count, waiting);
    }
}

static void submit_ready(struct reception *reception)
{
    struct waiting *waiting;
    while ((waiting = reception->first) != NULL && waiting->ready) {
        reception->first = waiting->next;
        if (!reception->first)
            reception->last = &reception->first;
        jobs_submit(reception->setup.jobs, waiting->job);
        if (waiting->batch && reception->setup.coming)
            reception->setup.coming(reception->setup.arg);
        free(waiting);
    }
}

static void move_on(struct reception *reception)
{
    submit_ready(reception);
    if (!nobody_correlates(reception))
        ask_on(reception);
    else if (give_up_asking(reception))
        submit_ready(reception);
}

static void wait_in_line(struct reception *reception, struct job *job, struct batch_job *batch)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);
    assert(waiting);
    *waiting = (struct waiting){.job = job, .batch = batch};
    waiting->ready = !batch || batch->broken || batch->batch.projection_count == 0;
    *reception->last = waiting;
    reception->last = &waiting->next;
    move_on(reception);
}

void reception_checked(struct batch_job *batch, bool known)
{
    struct reception *reception = batch->reception;
    struct watch *watch = watch_by_id(reception, batch->watch);
    struct waiting *waiting = reception->first;
    while (waiting && waiting->batch != batch)
        waiting = waiting->next;
    assert(waiting); /* nothing but its answer takes it out */
    waiting->checking = false;
    waiting->ready = known;
    if (!known && watch)
        watch->fresh = true;
    if (!known && !watch &&
        !nobody_correlates(reception)) { /* its watch is gone; what it brought is not lost with it */
        waiting->asked = true;
        correlating_ask(reception->correlating, batch->batch.projections, batch->batch.projection_count,
                        waiting);
    }
    move_on(reception);
}

static void on_answer(void *arg, void *of, struct answer *answer, bool given_up)
{
    struct reception *reception = arg;
    struct waiting *waiting = of;
    (void)given_up;
    if (waiting) {
        waiting->batch->answer = answer;
        waiting->ready = true;
        move_on(reception);
        return;
    }
    struct batch_job *job = batch_job_new(reception, NULL, SV_NONE);
    job->answer = answer;
    wait_in_line(reception, &job->job, job);
}

static void acknowledge(const struct batch_job *job)
{
    struct channel *channel = channel_of(job->reception, job->watch);
    if (!channel)
        return;
    struct buf buf = BUF_INIT(64);
    struct pack pack = PACK_INTO(&buf);
    pack_u64(&pack, job->batch.serial);
    channel_send(channel, CONTROL_COMMITTED, buf_view(&buf), -1);
    buf_free(&buf);
}

void reception_batch_done(const struct batch_job *job, const struct err *err)
{
    struct reception *reception = job->reception;
    reception->pending -= job->body.n;
    consider_pressure(reception);
    if (!err)
        acknowledge(job);
    else if (job->answer)
        correlating_reset(reception->correlating);
}

static void take_batch(struct reception *reception, const struct watch *watch, sv body)
{
    struct batch_job *job = batch_job_new(reception, watch, body);
    reception->pending += body.n;
    consider_pressure(reception);
    wait_in_line(reception, &job->job, job);
}

/* --- Cursors --- */

struct cursors_job {
    struct job job;
    struct reception *reception;
    uint64_t watch;
    struct buf pairs;
    struct pack pack;
    uint32_t count;
};

static int add_cursor(void *arg, sv input, sv cursor)
{
    struct cursors_job *job = arg;
    if (sv_starts(input, reception_last_batch))
        return 0;
    pack_sv(&job->pack, input);
    pack_sv(&job->pack, cursor);
    job->count++;
    return 0;
}

static int cursors_run(struct store *store, struct job *base, struct err *err)
{
    struct cursors_job *job = (struct cursors_job *)base;
    buf_clear(&job->pairs);
    job->pack = PACK_INTO(&job->pairs);
    job->count = 0;
    if (store_cursors(store, add_cursor, job, err) < 0)
        return -1;
    return job->pack.ok ? 0 : err_set(err, ERR_LIMIT, NULL, "there are too many cursors");
}

static void cursors_done(struct job *base, const struct err *err)
{
    struct cursors_job *job = (struct cursors_job *)base;
    struct channel *channel = channel_of(job->reception, job->watch);
    if (err)
        LOG_ERROR("the inputs' cursors could not be read", LOG_ERR(err));
    if (err || !channel)
        return;
    struct buf body = BUF_INIT(CURSORS_BYTES_MAX + 16);
    struct pack pack = PACK_INTO(&body);
    pack_u32(&pack, job->count);
    int put = buf_put(&body, buf_view(&job->pairs));
    assert(pack.ok && put == 0);
    channel_send(channel, CONTROL_CURSORS, buf_view(&body), -1);
    buf_free(&body);
}

static void cursors_release(struct job *base)
{
    buf_free(&((struct cursors_job *)base)->pairs);
}

static void cursors_drop(struct job *job)
{
    cursors_release(job);
    free(job);
}

static void give_cursors(struct reception *reception, struct watch *watch)
{
    static const struct job_kind KIND = {cursors_run, cursors_done, cursors_release};
    struct cursors_job *job = job_new(sizeof *job, &KIND);
    watch->held = false;
    job->reception = reception;
    job->watch = watch->id;
    job->pairs = BUF_INIT(CURSORS_BYTES_MAX);
    wait_in_line(reception, &job->job, NULL);
}

/* Of that number; NULL: there is none. */
static struct watch *oldest_watch(struct reception *reception, unsigned number)
{
    struct watch *oldest = NULL;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        struct watch *watch = &reception->watches[i];
        if (watch->channel && watch->number == number && (!oldest || watch->id < oldest->id))
            oldest = watch;
    }
    return oldest;
}

void reception_watch(struct reception *reception, struct channel *channel, unsigned number)
{
    struct watch *watch = watch_of(reception, NULL);
    if (!watch) {
        LOG_ERROR("there are too many watches", LOG_INT("most", WATCHES_MAX));
        return;
    }
    bool first = !oldest_watch(reception, number);
    *watch = (struct watch){.channel = channel, .id = ++reception->next_id, .number = number, .held = !first};
    if (reception->paused)
        channel_pause(channel);
    if (first)
        give_cursors(reception, watch);
}

static void take_word_of_correlations(struct reception *reception, struct watch *watch, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    watch->plain = unpack_u32(&unpack) == 0;
    move_on(reception);
}

/* --- For courier.c --- */

void reception_message(struct reception *reception, struct channel *channel, enum control_type type, sv body)
{
    struct watch *watch = watch_of(reception, channel);
    if (watch && type == CONTROL_FINDINGS)
        take_batch(reception, watch, body);
    else if (watch && type == CONTROL_CORRELATES)
        take_word_of_correlations(reception, watch, body);
    else
        LOG_WARNING("a watch said something unexpected", LOG_STR("type", control_type_name(type)));
}

void reception_gone(struct reception *reception, struct channel *channel)
{
    struct watch *watch = watch_of(reception, channel), *next;
    if (!watch)
        return;
    unsigned number = watch->number;
    *watch = (struct watch){0};
    next = oldest_watch(reception, number);
    if (next && next->held) /* all batches of those before it are in line now */
        give_cursors(reception, next);
}

void reception_correlator(struct reception *reception, struct channel *channel)
{
    correlating_channel(reception->correlating, channel);
    move_on(reception);
}

void reception_correlator_message(struct reception *reception, enum control_type type, sv body)
{
    correlating_message(reception->correlating, type, body);
}

struct reception *reception_new(const struct reception_setup *setup, struct settings *settings)
{
    struct reception *reception = calloc(1, sizeof *reception);
    assert(reception);
    reception->setup = *setup;
    reception->settings = settings_keep(settings);
    reception->last = &reception->first;
    reception->correlating = correlating_new(setup->jobs, on_answer, reception);
    return reception;
}

void reception_settle(struct reception *reception, struct settings *settings)
{
    settings_keep(settings);
    settings_free(reception->settings);
    reception->settings = settings;
}

void reception_free(struct reception *reception)
{
    if (!reception)
        return;
    correlating_free(reception->correlating);
    for (struct waiting *waiting = reception->first, *next; waiting; waiting = next) {
        next = waiting->next;
        if (waiting->batch)
            batch_job_drop(waiting->batch);
        else
            cursors_drop(waiting->job);
        free(waiting);
    }
    settings_free(reception->settings);
    free(reception);
}
