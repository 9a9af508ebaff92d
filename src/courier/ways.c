#include "courier/ways.h"

#include "base/log.h"
#include "courier/notice.h"
#include "courier/retry.h"
#include "store/notice.h"

#include <assert.h>
#include <stdlib.h>

enum { PAGE = 64, PAGES_MAX = 64, PAGE_BYTES_MAX = 8 * 1024 * 1024, NAME_BYTES_MAX = 72 };
#define RETRY_FIRST   (2 * NANOS_PER_SECOND)
#define RETRY_MAX     (5 * 60 * NANOS_PER_SECOND)
#define GIVE_UP_AFTER (7 * 24 * 3600 * NANOS_PER_SECOND)
#define LOOK_EVERY    (60 * NANOS_PER_SECOND) /* at the latest: a wake-up too many costs nothing */

/* A way is told one notice after the other, so that a resolution never overtakes its trouble; one that failed
 * holds back the others of its way. */
struct lane {
    char way[NAME_BYTES_MAX];
    struct sending *sending; /* NULL: idle */
    nanos held_until;
    bool failing;
};

struct sending {
    struct ways *ways;
    struct settings *settings;
    struct lane *lane; /* NULL: a test */
    struct sending *next;
    struct way_try *try;
    const struct config_way *way;
    uint64_t serial;
    int64_t id;
    int attempts;
};

struct test {
    ways_tested_fn *fn;
    loop_fn *done;
    void *arg;
    size_t waiting;
};

struct ways {
    struct ways_setup setup;
    struct settings *settings;
    struct loop_timer *timer;
    way_run_fn *run;
    void *run_arg;
    struct lane lanes[CONFIG_WAYS_MAX];
    struct sending *sendings;
    uint64_t serial;
    bool looking, look_again;
    struct test test;
};

/* --- Sending --- */

static void sending_free(struct sending *sending)
{
    struct sending **at = &sending->ways->sendings;
    while (*at != sending)
        at = &(*at)->next;
    *at = sending->next;
    if (sending->lane)
        sending->lane->sending = NULL;
    way_try_cancel(sending->try);
    settings_free(sending->settings);
    free(sending);
}

static struct sending *sending_start(struct ways *ways, size_t way, sv body, way_try_fn *fn)
{
    struct sending *sending = calloc(1, sizeof *sending);
    assert(sending && way < ways->settings->config.way_count);
    sending->ways = ways;
    sending->settings = settings_keep(ways->settings);
    sending->way = &ways->settings->config.ways[way];
    sending->serial = ++ways->serial;
    sending->next = ways->sendings;
    ways->sendings = sending;
    sending->try = way_try_start(&(struct way_try_setup){.loop = ways->setup.loop,
                                                         .http = ways->setup.http,
                                                         .keeper = ways->setup.keeper,
                                                         .config = &sending->settings->config,
                                                         .way = sending->way,
                                                         .run = ways->run,
                                                         .run_arg = ways->run_arg,
                                                         .serial = sending->serial},
                                 body, fn, sending);
    return sending;
}

struct written_job {
    struct job job;
    struct ways *ways;
    int64_t id;
    bool done;
    nanos next_attempt_at;
    char said[WAY_SAID_MAX];
};

static int written_run(struct store *store, struct job *base, struct err *err)
{
    const struct written_job *job = (const struct written_job *)base;
    return store_notice_attempted(store, job->id, job->done, job->next_attempt_at, sv_of(job->said), err);
}

static void written_done(struct job *base, const struct err *err)
{
    struct written_job *job = (struct written_job *)base;
    if (err)
        LOG_ERROR("what came of a notice could not be written", LOG_INT("notice", job->id), LOG_ERR(err));
    ways_kick(job->ways);
}

static void write_outcome(struct ways *ways, int64_t id, bool done, nanos next_attempt_at, const char *said)
{
    static const struct job_kind KIND = {written_run, written_done, NULL};
    struct written_job *job = job_new(sizeof *job, &KIND);
    job->ways = ways;
    job->id = id;
    job->done = done;
    job->next_attempt_at = next_attempt_at;
    sv_copy(job->said, sizeof job->said, sv_of(said));
    jobs_submit(ways->setup.jobs, &job->job);
}

/* Once for each change: a receiver that is down for a week is one line. */
static void tell_outcome(struct lane *lane, const struct sending *sending, bool done, const char *said)
{
    if (!done && !lane->failing)
        LOG_ERROR("a notice could not be told over another way out; it is tried again",
                  LOG_STR("way", lane->way), LOG_INT("notice", sending->id), LOG_STR("said", said));
    if (done)
        LOG_INFO("a notice was told over another way out", LOG_STR("way", lane->way),
                 LOG_INT("notice", sending->id), LOG_STR("said", said));
    lane->failing = !done;
}

static void on_tried(void *arg, bool done, const char *said)
{
    struct sending *sending = arg;
    struct ways *ways = sending->ways;
    struct lane *lane = sending->lane;
    nanos now = loop_now(), next = now;
    sending->try = NULL;
    tell_outcome(lane, sending, done, said);
    if (!done)
        next += retry_delay(RETRY_FIRST, RETRY_MAX, sending->attempts + 1, (uint32_t)now);
    lane->held_until = done ? 0 : next;
    int64_t id = sending->id;
    sending_free(sending);
    write_outcome(ways, id, done, next, said);
}

/* --- Looking for what is due --- */

struct look_job {
    struct job job;
    struct ways *ways;
    struct settings *settings;
    nanos now, next_due;
    bool open[CONFIG_WAYS_MAX];                  /* that way is idle and not held back */
    struct store_notice picked[CONFIG_WAYS_MAX]; /* id 0: nothing due */
    struct arena *page, *arena;
};

static size_t way_of(const struct config *config, sv name)
{
    size_t i = 0;
    while (i < config->way_count && !sv_eq(sv_of(config->ways[i].name), name))
        i++;
    return i;
}

static int pick(struct store *store, struct look_job *job, const struct store_notice *notice, struct err *err)
{
    const struct config *config = &job->settings->config;
    size_t way = way_of(config, notice->way);
    if (way == config->way_count)
        return store_notice_attempted(store, notice->id, true, job->now,
                                      SV("this way is not configured any more"), err);
    if (job->now - notice->created_at > GIVE_UP_AFTER)
        return store_notice_attempted(store, notice->id, true, job->now, SV("given up after a week"), err);
    if (!job->open[way] || job->picked[way].id)
        return 0;
    job->picked[way] = *notice;
    job->picked[way].body = arena_sv(job->arena, notice->body);
    return 0;
}

static int look_run(struct store *store, struct job *base, struct err *err)
{
    struct look_job *job = (struct look_job *)base;
    struct store_notice notices[PAGE];
    int64_t after = 0;
    arena_reset(job->arena);
    memset(job->picked, 0, sizeof job->picked);
    for (size_t n = PAGE, pages = 0; n == PAGE && pages < PAGES_MAX; pages++) {
        arena_reset(job->page);
        if (store_notices_due(store, job->now, after, PAGE, job->page, notices, &n, err) < 0)
            return -1;
        for (size_t i = 0; i < n; i++) {
            if (pick(store, job, &notices[i], err) < 0)
                return -1;
            after = notices[i].id;
        }
    }
    return store_notice_next_due(store, &job->next_due, err);
}

/* Also when something is due that has to wait for its way. */
static void set_timer(struct ways *ways, nanos next_due)
{
    nanos now = loop_now(), at = now + LOOK_EVERY;
    if (next_due > now && next_due < at)
        at = next_due;
    for (size_t i = 0; i < CONFIG_WAYS_MAX; i++)
        if (ways->lanes[i].held_until > now && ways->lanes[i].held_until < at)
            at = ways->lanes[i].held_until;
    loop_timer_set(ways->timer, at - now + NANOS_PER_MS);
}

static struct lane *lane_of(struct ways *ways, const char *way)
{
    struct lane *unused = NULL;
    for (size_t i = 0; i < CONFIG_WAYS_MAX; i++) {
        struct lane *lane = &ways->lanes[i];
        if (strcmp(lane->way, way) == 0)
            return lane;
        if (!unused && !lane->sending &&
            (!lane->way[0] ||
             way_of(&ways->settings->config, sv_of(lane->way)) == ways->settings->config.way_count))
            unused = lane;
    }
    if (unused) {
        *unused = (struct lane){0};
        sv_copy(unused->way, sizeof unused->way, sv_of(way));
    }
    return unused; /* NULL while a way of an older configuration still sends */
}

static void look_done(struct job *base, const struct err *err)
{
    struct look_job *job = (struct look_job *)base;
    struct ways *ways = job->ways;
    const struct config *config = &job->settings->config;
    ways->looking = false;
    if (err)
        LOG_ERROR("notices could not be read", LOG_ERR(err));
    for (size_t i = 0; !err && job->settings == ways->settings && i < config->way_count; i++) {
        struct lane *lane = lane_of(ways, config->ways[i].name);
        if (!job->picked[i].id || !lane || lane->sending)
            continue;
        lane->sending = sending_start(ways, i, job->picked[i].body, on_tried);
        lane->sending->lane = lane;
        lane->sending->id = job->picked[i].id;
        lane->sending->attempts = job->picked[i].attempts;
    }
    set_timer(ways, err ? 0 : job->next_due);
    if (ways->look_again || job->settings != ways->settings)
        ways_kick(ways);
}

static void look_release(struct job *base)
{
    struct look_job *job = (struct look_job *)base;
    settings_free(job->settings);
    arena_free(job->page);
    arena_free(job->arena);
}

void ways_kick(struct ways *ways)
{
    static const struct job_kind KIND = {look_run, look_done, look_release};
    const struct config *config = &ways->settings->config;
    ways->look_again = ways->looking;
    if (ways->looking)
        return;
    ways->looking = true;
    struct look_job *job = job_new(sizeof *job, &KIND);
    job->ways = ways;
    job->settings = settings_keep(ways->settings);
    job->now = loop_now();
    job->page = arena_new(PAGE_BYTES_MAX);
    job->arena = arena_new(PAGE_BYTES_MAX);
    for (size_t i = 0; i < config->way_count; i++) {
        const struct lane *lane = lane_of(ways, config->ways[i].name);
        job->open[i] = lane && !lane->sending && lane->held_until <= job->now;
    }
    jobs_submit(ways->setup.jobs, &job->job);
}

/* --- Tests --- */

static void on_test_tried(void *arg, bool done, const char *said)
{
    struct sending *sending = arg;
    struct ways *ways = sending->ways;
    sending->try = NULL;
    if (ways->test.fn)
        ways->test.fn(ways->test.arg, sending->way->name, done, said);
    sending_free(sending);
    if (--ways->test.waiting > 0)
        return;
    struct test test = ways->test;
    ways->test = (struct test){0};
    if (test.done)
        test.done(test.arg);
}

int ways_test(struct ways *ways, sv name, ways_tested_fn *fn, loop_fn *done, void *arg, struct err *err)
{
    const struct config *config = &ways->settings->config;
    if (ways->test.waiting)
        return err_set(err, ERR_TEMPORARY, "try again in a moment", "another test of the ways out runs");
    if (name.n ? way_of(config, name) == config->way_count : config->way_count == 0)
        return err_set(err, ERR_USAGE, "see ways_out in the configuration", "there is no such way out");
    struct notice notice = {.kind = NOTICE_TEST,
                            .severity = SEVERITY_INFORMATIONAL,
                            .key = SV("test"),
                            .title = SV("A test of this way out"),
                            .text = SV("Somebody asked Vedette to try this way out. Nothing is wrong."),
                            .hostname = sv_of(config->hostname),
                            .at = loop_now()};
    char *body = notice_body(&notice);
    ways->test = (struct test){.fn = fn, .done = done, .arg = arg};
    for (size_t i = 0; i < config->way_count; i++)
        if (!name.n || sv_eq(sv_of(config->ways[i].name), name)) {
            sending_start(ways, i, sv_of(body), on_test_tried);
            ways->test.waiting++;
        }
    free(body);
    return 0;
}

void ways_test_forget(struct ways *ways, void *arg)
{
    if (ways->test.arg != arg)
        return;
    ways->test.fn = NULL;
    ways->test.done = NULL;
}

/* --- Life --- */

static void on_time(void *arg)
{
    ways_kick(arg);
}

struct ways *ways_new(const struct ways_setup *setup, struct settings *settings)
{
    struct ways *ways = calloc(1, sizeof *ways);
    assert(ways);
    ways->setup = *setup;
    ways->settings = settings_keep(settings);
    ways->serial = (uint64_t)arc4random() << 32; /* an answer to a courier before us is no answer to us */
    ways->timer = loop_timer_new(setup->loop, on_time, ways);
    return ways;
}

void ways_set_runner(struct ways *ways, way_run_fn *run, void *arg)
{
    ways->run = run;
    ways->run_arg = arg;
}

void ways_ran(struct ways *ways, uint64_t serial, bool done, sv said)
{
    for (struct sending *sending = ways->sendings; sending; sending = sending->next)
        if (sending->serial == serial && sending->try) {
            way_try_ran(sending->try, done, said);
            return;
        }
}

void ways_settle(struct ways *ways, struct settings *settings)
{
    settings_keep(settings);
    settings_free(ways->settings);
    ways->settings = settings;
    for (size_t i = 0; i < CONFIG_WAYS_MAX; i++)
        ways->lanes[i].held_until = 0; /* what was wrong may have been mended */
    ways_kick(ways);
}

void ways_free(struct ways *ways)
{
    if (!ways)
        return;
    for (struct sending *sending = ways->sendings, *next; sending; sending = next) {
        next = sending->next;
        sending_free(sending);
    }
    loop_timer_free(ways->timer);
    settings_free(ways->settings);
    free(ways);
}
