#include "courier/correlating.h"

#include "base/log.h"
#include "store/correlation.h"
#include "wire/pack.h"

#include <assert.h>
#include <stdlib.h>

enum { STATE_BYTES_MAX = 4 * 1024 * 1024, AFTER_BYTES_MAX = CORRELATED_KEY_BYTES_MAX };

struct ask {
    struct ask *next;
    const sv *projections;
    size_t count;
    void *of;
    uint64_t serial;
    bool sent;
    int tries;
    struct answer *answer, **last;
};

struct correlating {
    struct jobs *jobs;
    correlating_fn *fn;
    void *arg;
    struct channel *channel;
    uint64_t epoch; /* of its state: what was read for another is not sent */
    bool ready;     /* it has all the state that is on disk */
    struct ask *first, **last;
    struct answer *own, **own_last;
    uint64_t serial;
};

void answer_free(struct answer *answer)
{
    for (struct answer *next; answer; answer = next) {
        next = answer->next;
        free(answer);
    }
}

struct correlating *correlating_new(struct jobs *jobs, correlating_fn *fn, void *arg)
{
    struct correlating *correlating = calloc(1, sizeof *correlating);
    assert(correlating);
    *correlating = (struct correlating){.jobs = jobs, .fn = fn, .arg = arg};
    correlating->last = &correlating->first;
    correlating->own_last = &correlating->own;
    return correlating;
}

/* --- Asking --- */

static void send_ask(struct correlating *correlating, struct ask *ask)
{
    struct buf body = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct pack pack = PACK_INTO(&body);
    size_t n = sizeof ask->serial + sizeof(uint32_t);
    for (size_t i = 0; i < ask->count; i++)
        n += sizeof(uint32_t) + ask->projections[i].n;
    pack_room(&pack, n); /* at once: growing copies and wipes */
    pack_u64(&pack, ask->serial);
    pack_u32(&pack, (uint32_t)ask->count);
    for (size_t i = 0; i < ask->count; i++)
        pack_sv(&pack, ask->projections[i]);
    assert(pack.ok); /* no more than the FINDINGS message that they came in */
    channel_send(correlating->channel, CONTROL_CORRELATE, buf_view(&body), -1);
    buf_free(&body);
    ask->sent = true;
}

static void ask_on(struct correlating *correlating)
{
    for (struct ask *ask = correlating->first; ask && correlating->ready; ask = ask->next)
        if (!ask->sent)
            send_ask(correlating, ask);
}

void correlating_ask(struct correlating *correlating, const sv *projections, size_t count, void *of)
{
    struct ask *ask = calloc(1, sizeof *ask);
    assert(ask);
    *ask =
        (struct ask){.projections = projections, .count = count, .of = of, .serial = ++correlating->serial};
    ask->last = &ask->answer;
    *correlating->last = ask;
    correlating->last = &ask->next;
    ask_on(correlating);
}

static void end_first(struct correlating *correlating, bool given_up)
{
    struct ask *ask = correlating->first;
    correlating->first = ask->next;
    if (!correlating->first)
        correlating->last = &correlating->first;
    correlating->fn(correlating->arg, ask->of, ask->answer, given_up);
    free(ask);
}

/* --- Beginning anew --- */

static void forget_answers(struct correlating *correlating)
{
    correlating->ready = false;
    correlating->epoch++;
    answer_free(correlating->own);
    correlating->own = NULL;
    correlating->own_last = &correlating->own;
    for (struct ask *ask = correlating->first; ask; ask = ask->next) {
        answer_free(ask->answer);
        ask->answer = NULL;
        ask->last = &ask->answer;
        ask->sent = false;
    }
}

void correlating_channel(struct correlating *correlating, struct channel *channel)
{
    struct ask *first = correlating->first;
    bool over_it = correlating->channel && first && first->sent;
    forget_answers(correlating);
    correlating->channel = channel;
    if (!over_it || ++first->tries < CORRELATING_TRIES_MAX)
        return;
    LOG_ERROR("the correlator ended over the same events again and again: they are not correlated",
              LOG_INT("events", first->count));
    end_first(correlating, true);
}

bool correlating_present(const struct correlating *correlating)
{
    return correlating->channel;
}

void correlating_give_up(struct correlating *correlating)
{
    assert(!correlating->channel);
    forget_answers(correlating);
    while (correlating->first) {
        struct ask *ask = correlating->first;
        correlating->first = ask->next;
        free(ask);
    }
    correlating->last = &correlating->first;
}

void correlating_reset(struct correlating *correlating)
{
    if (!correlating->channel)
        return;
    forget_answers(correlating);
    channel_send(correlating->channel, CONTROL_STATE_RESET, SV_NONE, -1);
}

/* A piece of the state, read after everything that was submitted before. */
struct state_job {
    struct job job;
    struct correlating *correlating;
    uint64_t epoch;
    char after[AFTER_BYTES_MAX];
    size_t after_n;
    struct buf body;
    struct pack pack;
    bool last;
};

static int add_row(void *arg, sv key, sv value)
{
    struct state_job *job = arg;
    size_t room = buf_room(&job->body);
    if (room < key.n + value.n + 2 * sizeof(uint32_t))
        return 1;
    pack_sv(&job->pack, key);
    pack_sv(&job->pack, value);
    return 0;
}

static int state_run(struct store *store, struct job *base, struct err *err)
{
    struct state_job *job = (struct state_job *)base;
    buf_clear(&job->body);
    job->pack = PACK_INTO(&job->body);
    pack_u32(&job->pack, 0);
    int more = store_correlations(store, sv_make(job->after, job->after_n), add_row, job, err);
    job->last = more == 0;
    return more < 0 ? -1 : 0;
}

static void state_done(struct job *base, const struct err *err)
{
    struct state_job *job = (struct state_job *)base;
    struct correlating *correlating = job->correlating;
    if (err)
        LOG_ERROR("what the correlator remembers could not be read", LOG_ERR(err));
    if (err || !correlating->channel || job->epoch != correlating->epoch)
        return;
    if (job->last)
        job->body.bytes[job->body.start] = 1;
    channel_send(correlating->channel, CONTROL_STATE, buf_view(&job->body), -1);
    if (!job->last)
        return;
    correlating->ready = true;
    ask_on(correlating);
}

static void state_release(struct job *base)
{
    buf_free(&((struct state_job *)base)->body);
}

static void give_state(struct correlating *correlating, sv body)
{
    static const struct job_kind KIND = {state_run, state_done, state_release};
    struct unpack unpack = UNPACK_FROM(body);
    sv after = unpack_sv(&unpack);
    if (!unpack_done(&unpack) || after.n > AFTER_BYTES_MAX)
        return;
    struct state_job *job = job_new(sizeof *job, &KIND);
    job->correlating = correlating;
    job->epoch = correlating->epoch;
    job->after_n = after.n;
    if (after.n)
        memcpy(job->after, after.p, after.n);
    job->body = BUF_INIT(STATE_BYTES_MAX);
    jobs_submit(correlating->jobs, &job->job);
}

/* --- Answers --- */

static struct answer *keep(sv body)
{
    struct answer *answer = malloc(sizeof *answer + body.n);
    assert(answer);
    *answer = (struct answer){.body = sv_make(answer + 1, body.n)};
    memcpy(answer + 1, body.p, body.n);
    return answer;
}

static void take_own(struct correlating *correlating, sv body, bool last)
{
    *correlating->own_last = keep(body);
    correlating->own_last = &(*correlating->own_last)->next;
    if (!last)
        return;
    struct answer *answer = correlating->own;
    correlating->own = NULL;
    correlating->own_last = &correlating->own;
    correlating->fn(correlating->arg, NULL, answer, false);
}

static void take(struct correlating *correlating, sv body)
{
    struct correlated part = {0};
    struct ask *ask = correlating->first;
    if (!correlating->ready)
        return; /* said before it heard that it must start anew */
    if (!correlated_open(body, &part) ||
        (part.serial && (!ask || !ask->sent || part.serial != ask->serial))) {
        LOG_ERROR("the correlator answered what it was not asked", LOG_INT("serial", part.serial));
        correlating_reset(correlating);
        return;
    }
    if (!part.serial) {
        take_own(correlating, body, part.last);
        return;
    }
    *ask->last = keep(body);
    ask->last = &(*ask->last)->next;
    if (part.last)
        end_first(correlating, false);
}

void correlating_message(struct correlating *correlating, enum control_type type, sv body)
{
    if (type == CONTROL_STATE_GET)
        give_state(correlating, body);
    else if (type == CONTROL_CORRELATED)
        take(correlating, body);
    else
        LOG_WARNING("the correlator said something unexpected", LOG_STR("type", control_type_name(type)));
}

void correlating_free(struct correlating *correlating)
{
    if (!correlating)
        return;
    forget_answers(correlating);
    for (struct ask *ask = correlating->first, *next; ask; ask = next) {
        next = ask->next;
        free(ask);
    }
    free(correlating);
}
