/* How fast the store commits, as ratios to what the disk allows: `store_bench [DIRECTORY]`. */
#include "alert/alert.h"
#include "alert/compose.h"
#include "store/thread.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FINDINGS = 10000, ALONE = 500, WAITING = 100000, LEASE_MAX = 100, FIELDS = 8 };

struct bench {
    char directory[256];
    struct loop *loop;
    struct store_thread *thread;
    int64_t next, done, expected;
    nanos samples[ALONE];
    struct config config;
    nanos composing; /* spent in compose */
};

static const char *const group_by[] = {"user.name", "host.name"};
static const char *const recipients[] = {"soc@example.org"};

static int by_value(const void *a, const void *b)
{
    nanos x = *(const nanos *)a, y = *(const nanos *)b;
    return (x > y) - (x < y);
}

static double ms(nanos length)
{
    return (double)length / NANOS_PER_MS;
}

/* The limit: 512 bytes appended and synced, over and over. Returns the median. */
static nanos measure_disk(struct bench *bench)
{
    char path[300], block[512];
    memset(block, 'x', sizeof block);
    snprintf(path, sizeof path, "%s/limit", bench->directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    for (int i = 0; i < ALONE; i++) {
        nanos start = loop_monotonic();
        if (write(fd, block, sizeof block) < 0 || fdatasync(fd) < 0)
            abort();
        bench->samples[i] = loop_monotonic() - start;
    }
    close(fd);
    unlink(path);
    qsort(bench->samples, ALONE, sizeof *bench->samples, by_value);
    printf("limit: append 512 B + fdatasync          p50 %.2f ms, p99 %.2f ms, %.0f/s\n",
           ms(bench->samples[ALONE / 2]), ms(bench->samples[ALONE * 99 / 100]),
           (double)NANOS_PER_SECOND / (double)bench->samples[ALONE / 2]);
    return bench->samples[ALONE / 2];
}

/* A finding like those of the starter rules, by a user whom nobody saw before. */
static void make_finding(struct finding *finding, struct event_field *fields, const char *user)
{
    const struct event_field all[FIELDS] = {{SV("user.name"), sv_of(user), EVENT_STRING},
                                            {SV("user.target.name"), SV("root"), EVENT_STRING},
                                            {SV("host.name"), SV("vault01.example.org"), EVENT_STRING},
                                            {SV("source.ip"), SV("192.0.2.7"), EVENT_STRING},
                                            {SV("event.action"), SV("Retrieve password"), EVENT_STRING},
                                            {SV("event.outcome"), SV("success"), EVENT_STRING},
                                            {SV("cyberark.safe"), SV("Linux-Root"), EVENT_STRING},
                                            {SV("process.pid"), SV("4711"), EVENT_NUMBER}};
    memcpy(fields, all, sizeof all);
    *finding = (struct finding){
        .event_time = loop_now(),
        .received_at = loop_now(),
        .matched_at = loop_now(),
        .input = SV("syslog udp://127.0.0.1:5514"),
        .rule_id = SV("5c1d9a4e-0f0f-4f7e-9a43-1d1b0c5f7f01"),
        .rule_title = SV("Root password retrieved outside working hours"),
        .author = SV("The Vedette authors"),
        .description =
            SV("Somebody took the password of a root account out of the vault at a time when nobody "
               "is expected to work. Passwords are often taken just before they are misused."),
        .response = SV("1. Ask the person by telephone, not by mail, whether it was them.\n"
                       "2. If not, or if nobody answers, rotate the password and suspend the account.\n"),
        .tags = SV("attack.credential_access attack.t1555"),
        .severity = SEVERITY_HIGH,
        .raw = SV("Nov 24 16:00:00 vault01 CEF:0|Cyber-Ark|Vault|12.6|295|Retrieve password|7|suser=alice "
                  "fname=Root\\\\Linux-Root duser=root src=192.0.2.7 msg=\"maintenance\""),
        .fields = fields,
        .field_count = FIELDS,
    };
}

static int raise_alert(struct store *store, void *arg, struct err *err)
{
    struct bench *bench = arg;
    struct event_field fields[FIELDS];
    struct finding finding;
    struct alert_outcome outcome;
    char user[32];
    snprintf(user, sizeof user, "user%lld", (long long)++bench->next);
    make_finding(&finding, fields, user);
    const struct alert_terms terms = {.scored = true};
    return alert_take(store, &bench->config, &finding, &terms, loop_now(), &outcome, err);
}

static void on_done(void *arg, const struct err *err)
{
    struct bench *bench = arg;
    assert(!err);
    if (++bench->done == bench->expected)
        loop_stop(bench->loop);
}

static nanos run_jobs(struct bench *bench, store_job_fn *job, int64_t n)
{
    nanos start = loop_monotonic();
    bench->done = 0;
    bench->expected = n;
    for (int64_t i = 0; i < n; i++)
        store_thread_submit(bench->thread, job, on_done, bench);
    loop_run(bench->loop);
    return loop_monotonic() - start;
}

static void measure_alone(struct bench *bench, nanos limit)
{
    for (int i = 0; i < ALONE; i++)
        bench->samples[i] = run_jobs(bench, raise_alert, 1);
    qsort(bench->samples, ALONE, sizeof *bench->samples, by_value);
    printf("one alert committed alone                p50 %.2f ms, p99 %.2f ms: %.1f x the limit's p50\n",
           ms(bench->samples[ALONE / 2]), ms(bench->samples[ALONE * 99 / 100]),
           (double)bench->samples[ALONE / 2] / (double)limit);
}

static void measure_together(struct bench *bench, nanos limit)
{
    nanos took = run_jobs(bench, raise_alert, FINDINGS);
    double rate = FINDINGS / ms(took) * 1000;
    printf("%d distinct alerts, group commit      %.2f s, %.0f/s: %.1f x the limit's rate\n", FINDINGS,
           ms(took) / 1000, rate, rate * (double)limit / NANOS_PER_SECOND);
}

/* Composes what was leased, as the courier does on its own thread. */
static void compose_all(struct bench *bench, const struct store_delivery *deliveries, size_t n)
{
    struct err err;
    struct buf out = BUF_INIT(COMPOSE_BYTES_MAX);
    nanos start = loop_monotonic();
    for (size_t i = 0; i < n; i++) {
        buf_clear(&out);
        if (compose(&deliveries[i].mail, "vedette@example.org", &bench->config.recipients,
                    bench->config.hostname, &out, &err) < 0)
            abort();
    }
    bench->composing += loop_monotonic() - start;
    buf_free(&out);
}

/* Leases a hundred and hands them over. */
static int deliver(struct store *store, void *arg, struct err *err)
{
    struct bench *bench = arg;
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct store_delivery deliveries[LEASE_MAX];
    size_t n = 0;
    nanos now = loop_now();
    int got = store_lease(store, now, LEASE_MAX, arena, deliveries, &n, err);
    if (got == 0)
        compose_all(bench, deliveries, n);
    for (size_t i = 0; got == 0 && i < n; i++) {
        struct store_attempt attempt = {.message_id = deliveries[i].messages[0].id,
                                        .at = now,
                                        .gateway = SV("primary"),
                                        .state = STORE_HANDED_OVER,
                                        .queue_id = SV("4XyZ1234"),
                                        .reply = SV("250 2.0.0 Ok: queued as 4XyZ1234"),
                                        .hops =
                                            SV("[{\"hop\":\"data\",\"ms\":1,\"said\":\"250 2.0.0 Ok\"}]")};
        got = store_message_attempted(store, &attempt, err);
    }
    arena_free(arena);
    return got;
}

static void measure_delivery(struct bench *bench)
{
    bench->composing = 0;
    nanos took = run_jobs(bench, deliver, FINDINGS / LEASE_MAX) - bench->composing;
    printf("%d mails composed                     %.2f s, %.0f/s\n", FINDINGS, ms(bench->composing) / 1000,
           FINDINGS / ms(bench->composing) * 1000);
    printf("%d leased and handed over             %.2f s, %.0f/s\n", FINDINGS, ms(took) / 1000,
           FINDINGS / ms(took) * 1000);
}

static int postpone(struct store *store, void *arg, struct err *err)
{
    (void)arg;
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct store_delivery deliveries[LEASE_MAX];
    size_t n = 0;
    nanos now = loop_now();
    int got = store_lease(store, now, LEASE_MAX, arena, deliveries, &n, err);
    for (size_t i = 0; got == 0 && i < n; i++) {
        struct store_attempt attempt = {.message_id = deliveries[i].messages[0].id,
                                        .at = now,
                                        .gateway = SV("primary"),
                                        .state = STORE_QUEUED,
                                        .next_attempt_at = now + 3600 * NANOS_PER_SECOND,
                                        .reply = SV("451 4.3.0 later"),
                                        .cause = SV("gateway-fault"),
                                        .hops = SV("[]")};
        got = store_message_attempted(store, &attempt, err);
    }
    arena_free(arena);
    return got;
}

/* With a hundred thousand in the queue that are not due: what a look costs. */
static int look(struct store *store, void *arg, struct err *err)
{
    struct bench *bench = arg;
    struct arena *arena = arena_new(4 * 1024 * 1024);
    struct store_delivery deliveries[LEASE_MAX];
    struct store_counts counts;
    int64_t ids[16];
    size_t n = 0;
    nanos due, at[5];
    at[0] = loop_monotonic();
    int got = store_lease(store, loop_now(), LEASE_MAX, arena, deliveries, &n, err);
    at[1] = loop_monotonic();
    got |= store_next_due(store, &due, err);
    at[2] = loop_monotonic();
    got |= store_expire(store, loop_now(), &(struct store_why){.cause = SV("unknown")}, ids, 16, &n, err);
    at[3] = loop_monotonic();
    got |= store_counts(store, &counts, err);
    at[4] = loop_monotonic();
    arena_free(arena);
    for (int i = 0; i < 4; i++)
        bench->samples[i] = at[i + 1] - at[i];
    return got;
}

static void measure_long_queue(struct bench *bench)
{
    nanos took = run_jobs(bench, raise_alert, WAITING);
    took += run_jobs(bench, postpone, WAITING / LEASE_MAX + 10);
    run_jobs(bench, look, 1);
    run_jobs(bench, look, 1);
    printf("queue of %d, none due (made in %.1f s): lease %.3f ms, next_due %.3f ms, expire %.3f ms, counts "
           "%.3f ms\n",
           WAITING, ms(took) / 1000, ms(bench->samples[0]), ms(bench->samples[1]), ms(bench->samples[2]),
           ms(bench->samples[3]));
}

static void clean_up(const struct bench *bench)
{
    static const char *const names[] = {"vedette.db", "vedette.db-wal", "vedette.db-shm", "vedette.lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", bench->directory, names[i]);
        unlink(path);
    }
    rmdir(bench->directory);
}

int main(int argc, char **argv)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct store *store;
    struct err err;
    assert(bench);
    snprintf(bench->directory, sizeof bench->directory, "%s/store-bench-XXXXXX",
             argc > 1 ? argv[1] : "/var/tmp");
    if (!mkdtemp(bench->directory) || store_open(bench->directory, &store, &err) < 0) {
        fprintf(stderr, "cannot open a store in %s\n", bench->directory);
        return 1;
    }
    bench->config = (struct config){.alerts = {.quiet = 86400 * NANOS_PER_SECOND,
                                               .group_by = {(const char **)(uintptr_t)group_by, 2},
                                               .minimum_level = "low"},
                                    .delivery = {.expire = 86400 * NANOS_PER_SECOND},
                                    .recipients = {(const char **)(uintptr_t)recipients, 1},
                                    .hostname = "vedette.example.org"};
    nanos limit = measure_disk(bench);
    bench->loop = loop_new();
    bench->thread = store_thread_new(bench->loop, store);
    measure_alone(bench, limit);
    measure_together(bench, limit);
    measure_delivery(bench);
    measure_long_queue(bench);
    store_thread_free(bench->thread);
    loop_free(bench->loop);
    clean_up(bench);
    free(bench);
    return 0;
}
