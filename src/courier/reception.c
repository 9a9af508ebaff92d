#include "courier/reception.h"

#include "alert/alert.h"
#include "wire/batch.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WATCHES_MAX = 256,
    ARENA_BYTES_MAX = 64 * 1024 * 1024, /* a batch's findings, unpacked */
    CURSORS_BYTES_MAX = 8 * 1024 * 1024,
    PENDING_HIGH = 32 * 1024 * 1024, /* of batches not yet on disk: then the watches are not read */
    PENDING_LOW = 16 * 1024 * 1024,
};

struct reception {
    struct reception_setup setup;
    struct settings *settings;
    struct watch {
        struct channel *channel; /* NULL: free */
        uint64_t id;             /* an address may come again, this does not */
    } watches[WATCHES_MAX];
    uint64_t next_id;
    size_t pending; /* bytes */
    bool paused;
};

static struct watch *watch_of(struct reception *reception, const struct channel *channel)
{
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (reception->watches[i].channel == channel)
            return &reception->watches[i];
    return NULL;
}

static struct channel *channel_of(struct reception *reception, uint64_t id)
{
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (reception->watches[i].channel && reception->watches[i].id == id)
            return reception->watches[i].channel;
    return NULL;
}

/* --- Back-pressure ----------------------------------------------------------------------------------------
 */

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

/* --- Batches ----------------------------------------------------------------------------------------------
 */

struct batch_job {
    struct job job;
    struct reception *reception;
    struct settings *settings;
    uint64_t watch;
    sv body; /* ours */
    struct arena *arena;
    nanos now;
    struct batch batch;
    struct alert_outcome *outcomes;
};

/* The last batch on disk stands among the inputs' cursors, under a name that no input has: a watch sends
 * again what it has not heard of, and a courier that was killed may have committed it without a word. */
static const sv LAST_BATCH = SV_INIT("#batch");

/* 1: the batch is on disk already; 0: it is not, and will be marked so together with it. */
static int batch_mark(struct store *store, struct batch_job *job, struct err *err)
{
    sv last = SV_NONE;
    if (store_cursor_get(store, LAST_BATCH, job->arena, &last, err) < 0)
        return -1;
    struct unpack unpack = UNPACK_FROM(last);
    uint64_t serial = unpack_u64(&unpack);
    if (unpack.ok && serial >> 32 == job->batch.serial >> 32 && serial >= job->batch.serial)
        return 1;
    struct buf mark = BUF_INIT(sizeof serial);
    struct pack pack = PACK_INTO(&mark);
    pack_u64(&pack, job->batch.serial);
    assert(pack.ok);
    int put = store_cursor_put(store, LAST_BATCH, buf_view(&mark), err);
    buf_free(&mark);
    return put;
}

static int batch_run(struct store *store, struct job *base, struct err *err)
{
    struct batch_job *job = (struct batch_job *)base;
    arena_reset(job->arena);
    if (!batch_read(job->body, job->arena, &job->batch))
        return err_set(err, ERR_INTERNAL, NULL, "a watch sent findings that cannot be read");
    const struct batch *batch = &job->batch;
    int known = batch_mark(store, job, err);
    if (known != 0) {
        job->batch.count = 0;
        return known < 0 ? -1 : 0;
    }
    job->outcomes = arena_alloc(job->arena, (batch->count + 1) * sizeof *job->outcomes);
    if (!job->outcomes)
        return err_set(err, ERR_LIMIT, NULL, "a batch of %zu findings is too large", batch->count);
    for (size_t i = 0; i < batch->count; i++)
        if (alert_take(store, &job->settings->config, &batch->findings[i], job->now, &job->outcomes[i], err) <
            0)
            return -1;
    return batch->cursor.n ? store_cursor_put(store, batch->input, batch->cursor, err) : 0;
}

static void tell(const struct batch_job *job, const char *name, nanos at, nanos took, int64_t alert_id,
                 sv text)
{
    struct courier_step step = {.at = at, .alert_id = alert_id, .step = name, .took = took};
    sv_copy(step.text, sizeof step.text, text);
    steps_tell(job->reception->setup.steps, &step);
}

static void tell_finding(const struct batch_job *job, const struct finding *finding,
                         const struct alert_outcome *outcome)
{
    nanos now = loop_now();
    LOG(outcome->mailed ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
        outcome->raised ? "alert raised" : "alert counted", LOG_INT("alert", outcome->alert_id),
        LOG_SV("rule", finding->rule_title), LOG_STR("level", severity_name(finding->severity)),
        LOG_SV("input", finding->input), LOG_STR("mail", outcome->mailed ? "queued" : "none owed"));
    if (!steps_heard(job->reception->setup.steps))
        return;
    tell(job, "received", finding->received_at, 0, outcome->alert_id, finding->input);
    tell(job, "matched", finding->matched_at, finding->matched_at - finding->received_at, outcome->alert_id,
         finding->rule_title);
    tell(job, "committed", now, now - job->now, outcome->alert_id, SV("on disk"));
    if (outcome->mailed)
        steps_tell_queued(job->reception->setup.steps, outcome->alert_id, outcome->mail_id,
                          outcome->first_message_id, outcome->message_count);
    else
        tell(job, "suppressed", now, 0, outcome->alert_id, finding->rule_title);
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

static void batch_done(struct job *base, const struct err *err)
{
    struct batch_job *job = (struct batch_job *)base;
    struct reception *reception = job->reception;
    reception->pending -= job->body.n;
    consider_pressure(reception);
    if (err) {
        LOG_ERROR("findings could not be committed", LOG_ERR(err));
        return;
    }
    bool mailed = false;
    acknowledge(job);
    for (size_t i = 0; i < job->batch.count; i++)
        mailed = mailed || job->outcomes[i].mailed;
    if (mailed)
        reception->setup.mailed(reception->setup.arg);
    for (size_t i = 0; i < job->batch.count; i++)
        tell_finding(job, &job->batch.findings[i], &job->outcomes[i]);
}

static void batch_release(struct job *base)
{
    struct batch_job *job = (struct batch_job *)base;
    arena_free(job->arena);
    settings_free(job->settings);
}

static void take_batch(struct reception *reception, const struct watch *watch, sv body)
{
    static const struct job_kind KIND = {batch_run, batch_done, batch_release};
    struct batch_job *job = job_new(sizeof *job + body.n, &KIND);
    job->reception = reception;
    job->settings = settings_keep(reception->settings);
    job->watch = watch->id;
    job->body = sv_make(job + 1, body.n);
    if (body.n)
        memcpy(job + 1, body.p, body.n);
    job->arena = arena_new(ARENA_BYTES_MAX);
    job->now = loop_now();
    reception->pending += body.n;
    consider_pressure(reception);
    jobs_submit(reception->setup.jobs, &job->job);
    if (reception->setup.coming)
        reception->setup.coming(reception->setup.arg);
}

/* --- Cursors ----------------------------------------------------------------------------------------------
 */

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
    if (sv_eq(input, LAST_BATCH))
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

void reception_watch(struct reception *reception, struct channel *channel)
{
    static const struct job_kind KIND = {cursors_run, cursors_done, cursors_release};
    struct watch *watch = watch_of(reception, NULL);
    if (!watch) {
        LOG_ERROR("there are too many watches", LOG_INT("most", WATCHES_MAX));
        return;
    }
    *watch = (struct watch){channel, ++reception->next_id};
    if (reception->paused)
        channel_pause(channel);
    struct cursors_job *job = job_new(sizeof *job, &KIND);
    job->reception = reception;
    job->watch = watch->id;
    job->pairs = BUF_INIT(CURSORS_BYTES_MAX);
    jobs_submit(reception->setup.jobs, &job->job);
}

/* --- For courier.c ----------------------------------------------------------------------------------------
 */

void reception_message(struct reception *reception, struct channel *channel, enum control_type type, sv body)
{
    const struct watch *watch = watch_of(reception, channel);
    if (watch && type == CONTROL_FINDINGS)
        take_batch(reception, watch, body);
    else
        LOG_WARNING("a watch said something unexpected", LOG_STR("type", control_type_name(type)));
}

void reception_gone(struct reception *reception, struct channel *channel)
{
    struct watch *watch = watch_of(reception, channel);
    if (watch)
        *watch = (struct watch){0};
}

struct reception *reception_new(const struct reception_setup *setup, struct settings *settings)
{
    struct reception *reception = calloc(1, sizeof *reception);
    assert(reception);
    reception->setup = *setup;
    reception->settings = settings_keep(settings);
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
    settings_free(reception->settings);
    free(reception);
}
