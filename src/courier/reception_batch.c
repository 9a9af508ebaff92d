#include "courier/reception_private.h"

#include <assert.h>
#include <stdlib.h>

enum {
    ARENA_BYTES_MAX = 64 * 1024 * 1024, /* a batch's findings, unpacked */
};

/* No input's name begins so. A watch sends again what it has not heard of, and a courier that was killed may
 * have committed it without a word. */
const sv reception_last_batch = SV_INIT("#batch");

/* "#batch", of the next watch "#batch-2". */
static sv mark_name(const struct batch_job *job)
{
    return job->number == 0 ? reception_last_batch
                            : arena_printf(job->arena, "%s-%u", reception_last_batch.p, job->number + 1);
}

/* 1: the batch is on disk already; 0: it is not. */
static int is_known(struct store *store, struct batch_job *job, struct err *err)
{
    sv last = SV_NONE;
    if (store_cursor_get(store, mark_name(job), job->arena, &last, err) < 0)
        return -1;
    struct unpack unpack = UNPACK_FROM(last);
    uint64_t serial = unpack_u64(&unpack);
    return unpack.ok && serial >> 32 == job->batch.serial >> 32 && serial >= job->batch.serial;
}

/* 0: it is marked as on disk together with what it brought; 1: it was there already. */
static int batch_mark(struct store *store, struct batch_job *job, struct err *err)
{
    int known = is_known(store, job, err);
    if (known != 0)
        return known;
    struct buf mark = BUF_INIT(sizeof job->batch.serial);
    struct pack pack = PACK_INTO(&mark);
    pack_u64(&pack, job->batch.serial);
    assert(pack.ok);
    int put = store_cursor_put(store, mark_name(job), buf_view(&mark), err);
    buf_free(&mark);
    return put;
}

static int take_finding(struct store *store, struct batch_job *job, const struct finding *finding,
                        struct err *err)
{
    struct told *told = arena_alloc(job->arena, sizeof *told);
    if (!told)
        return err_set(err, ERR_LIMIT, NULL, "a batch of %zu findings is too large", job->batch.count);
    told->finding = *finding;
    const struct alert_terms terms = {.scored = true,
                                      .context = risk_add(job->settings->risk, &told->finding, job->arena)};
    if (alert_take(store, &job->settings->config, &told->finding, &terms, job->now, &told->outcome, err) < 0)
        return -1;
    *job->last_told = told;
    job->last_told = &told->next;
    return 0;
}

/* What the correlator gave: findings, and what it must remember from then on. */
static int take_answer(struct store *store, struct batch_job *job, sv body, struct err *err)
{
    struct correlated part;
    struct finding finding;
    sv key, value;
    enum correlated_item item = CORRELATED_INVALID;
    int outcome = correlated_open(body, &part) ? 0 : -1;
    while (outcome == 0 &&
           (item = correlated_next(&part, &finding, &key, &value, job->arena)) != CORRELATED_NONE) {
        if (item == CORRELATED_FINDING)
            outcome = take_finding(store, job, &finding, err);
        else if (item == CORRELATED_CHANGE)
            outcome = store_correlation_put(store, key, value, err);
        else
            return err_set(err, ERR_INTERNAL, NULL, "the correlator gave what cannot be read");
    }
    return outcome;
}

static int batch_run(struct store *store, struct job *base, struct err *err)
{
    struct batch_job *job = (struct batch_job *)base;
    const struct batch *batch = &job->batch;
    arena_reset(job->arena);
    job->told = NULL;
    job->last_told = &job->told;
    if (job->broken)
        return err_set(err, ERR_INTERNAL, NULL, "a watch sent findings that cannot be read");
    int known = job->watch ? batch_mark(store, job, err) : 0;
    if (known != 0)
        return known < 0 ? -1 : 0;
    for (size_t i = 0; i < batch->count; i++)
        if (take_finding(store, job, &batch->findings[i], err) < 0)
            return -1;
    for (const struct answer *answer = job->answer; answer; answer = answer->next)
        if (take_answer(store, job, answer->body, err) < 0)
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

static void batch_done(struct job *base, const struct err *err)
{
    struct batch_job *job = (struct batch_job *)base;
    struct reception *reception = job->reception;
    bool mailed = false;
    reception_batch_done(job, err);
    if (err) {
        LOG_ERROR("findings could not be committed", LOG_ERR(err));
        return;
    }
    for (const struct told *told = job->told; told; told = told->next)
        mailed = mailed || told->outcome.mailed;
    if (mailed)
        reception->setup.mailed(reception->setup.arg);
    for (const struct told *told = job->told; told; told = told->next)
        tell_finding(job, &told->finding, &told->outcome);
}

static void batch_release(struct job *base)
{
    struct batch_job *job = (struct batch_job *)base;
    answer_free(job->answer);
    arena_free(job->arena);
    arena_free(job->kept);
    settings_free(job->settings);
}

struct batch_job *batch_job_new(struct reception *reception, const struct watch *watch, sv body)
{
    static const struct job_kind KIND = {batch_run, batch_done, batch_release};
    struct batch_job *job = job_new(sizeof *job, &KIND);
    job->reception = reception;
    job->settings = settings_keep(reception->settings);
    job->watch = watch ? watch->id : 0;
    job->number = watch ? watch->number : 0;
    job->arena = arena_new(ARENA_BYTES_MAX);
    job->kept = arena_new(ARENA_BYTES_MAX);
    job->body = arena_sv(job->kept, body);
    job->now = loop_now();
    job->last_told = &job->told;
    if (watch)
        job->broken = !batch_read(job->body, job->kept, &job->batch);
    return job;
}

void batch_job_drop(struct batch_job *job)
{
    batch_release(&job->job);
    free(job);
}

/* --- Whether a batch is on disk already --- */

/* Asked before the correlator is, which counts what it is given. */
struct check_job {
    struct job job;
    struct batch_job *batch;
    int known;
};

static int check_run(struct store *store, struct job *base, struct err *err)
{
    struct check_job *job = (struct check_job *)base;
    job->known = is_known(store, job->batch, err);
    return job->known < 0 ? -1 : 0;
}

static void check_done(struct job *base, const struct err *err)
{
    const struct check_job *job = (struct check_job *)base;
    reception_checked(job->batch, err ? 0 : job->known);
}

void batch_job_check(struct batch_job *batch)
{
    static const struct job_kind KIND = {check_run, check_done, NULL, false};
    struct check_job *job = job_new(sizeof *job, &KIND);
    job->batch = batch;
    jobs_submit(batch->reception->setup.jobs, &job->job);
}
