#include "gateway/sts.h"

#include "base/cstr.h"
#include "base/log.h"
#include "config/mailbox.h"
#include "io/http.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FETCH_TIMEOUT (60 * NANOS_PER_SECOND) /* RFC 8461 §3.3 */
#define REFRESH_EVERY (60 * NANOS_PER_SECOND) /* one domain at a time */

enum { BEGUN_MAX = 64, WHY_MAX = 400 }; /* BEGUN_MAX: domains at once; further ones wait */

static const char file_name[] = "mta-sts";

/* One domain that is being asked about, for all who want to know. */
struct job {
    struct job *next;
    struct sts *sts;
    struct sts_question *questions; /* none: only to refresh */
    char domain[STS_DOMAIN_MAX];
    char id[MTA_STS_ID_MAX]; /* that the record names */
    struct question *asking;
    struct http_call *call;
    struct loop_timer *end; /* tells what is known, from the loop */
    char why[WHY_MAX];
    bool begun;
};

struct sts_question {
    struct sts_question *next;
    struct job *job;
    sts_fn *fn;
    void *arg;
};

struct sts {
    struct sts_setup setup;
    char *ca_file;
    int folder_fd;
    bool failing; /* to write: said already */
    struct http *http;
    struct sts_table *table;
    struct job *jobs;
    size_t begun;
    struct loop_timer *refresh;
};

/* --- Jobs --- */

static void unlink_job(struct job *job)
{
    struct job **at = &job->sts->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    job->sts->begun -= job->begun;
}

static void job_free(struct job *job)
{
    question_cancel(job->asking);
    http_cancel(job->call);
    loop_timer_free(job->end);
    free(job);
}

static void save(struct sts *sts)
{
    struct err err = {.class = ERR_NONE};
    if (!sts_table_changed(sts->table) || sts->folder_fd < 0)
        return;
    int outcome = sts_table_save(sts->table, sts->folder_fd, file_name, &err);
    if (outcome < 0 && !sts->failing)
        LOG_ERROR("MTA-STS policies cannot be written: a restart would forget them", LOG_ERR(&err));
    sts->failing = outcome < 0;
}

static void begin_next(struct sts *sts);

/* Nobody learns of a new policy before it is on disk. */
static void job_end(void *arg)
{
    struct job *job = arg;
    struct sts *sts = job->sts;
    unlink_job(job); /* who asks from now on asks anew */
    save(sts);
    while (job->questions) {
        struct sts_question *question = job->questions;
        struct mta_sts_policy policy;
        char id[MTA_STS_ID_MAX];
        sts_fn *fn = question->fn;
        void *fn_arg = question->arg;
        bool found = sts_table_find(sts->table, sv_of(job->domain), loop_now(), &policy, id) &&
                     policy.mode != MTA_STS_NONE;
        job->questions = question->next;
        free(question);
        fn(fn_arg, found ? &policy : NULL, job->why);
    }
    job_free(job);
    begin_next(sts);
}

static void tell(struct job *job)
{
    loop_timer_set(job->end, 0);
}

static void fail(struct job *job, const char *why)
{
    snprintf(job->why, sizeof job->why, "the MTA-STS policy of %.100s cannot be fetched: %.250s", job->domain,
             why);
    LOG_WARNING("gateway cannot fetch an MTA-STS policy", LOG_STR("domain", job->domain),
                LOG_STR("id", job->id), LOG_STR("why", why));
    sts_table_note_failure(job->sts->table, sv_of(job->domain), job->id, loop_now());
    tell(job);
}

/* --- The policy --- */

/* §3.2: nothing but text/plain, whatever its parameters. */
static bool is_plain_text(const char *type)
{
    sv rest = sv_of(type);
    return sv_ieq(sv_trim(sv_split(&rest, ';')), SV("text/plain"));
}

static void take_policy(struct job *job, const struct http_answer *answer)
{
    struct mta_sts_policy policy;
    struct err err = {.class = ERR_NONE};
    char why[80];
    if (answer->status != 200) {
        snprintf(why, sizeof why, "its server answers %d", answer->status);
        fail(job, why);
    } else if (!is_plain_text(answer->type)) {
        fail(job, "it is no text/plain");
    } else if (answer->cut) {
        fail(job, "it is longer than 64 KiB");
    } else if (mta_sts_policy_read(answer->body, &policy, &err) < 0) {
        fail(job, err.cause);
    } else {
        sts_table_put(job->sts->table, sv_of(job->domain), job->id, &policy, loop_now());
        LOG_INFO("gateway has an MTA-STS policy", LOG_STR("domain", job->domain), LOG_STR("id", job->id),
                 LOG_STR("mode", mta_sts_mode_name(policy.mode)), LOG_INT("max_age", policy.max_age_seconds));
        tell(job);
    }
}

static void on_fetched(void *arg, const struct http_answer *answer, const struct err *err)
{
    struct job *job = arg;
    job->call = NULL;
    if (answer)
        take_policy(job, answer);
    else
        fail(job, err->cause);
}

static void fetch(struct job *job, const struct address *address)
{
    char url[STS_DOMAIN_MAX + 64], ip[ADDRESS_TEXT_MAX];
    struct err err = {.class = ERR_NONE};
    snprintf(url, sizeof url, "https://mta-sts.%s/.well-known/mta-sts.txt", job->domain);
    const struct http_request request = {.method = "GET",
                                         .url = url,
                                         .address = address_ip_text(address, ip),
                                         .ca_file = job->sts->ca_file,
                                         .timeout = FETCH_TIMEOUT,
                                         .answer_bytes_max = MTA_STS_POLICY_BYTES_MAX};
    if (http_ask(job->sts->http, &request, on_fetched, job, &job->call, &err) < 0)
        fail(job, err.cause);
}

static void ask_host(struct job *job, enum dns_type type);

static void on_host(void *arg, const struct dns_answer *answer)
{
    struct job *job = arg;
    job->asking = NULL;
    if (answer->status == DNS_FOUND && answer->record_count)
        fetch(job, &answer->records[0].address);
    else if (answer->type == DNS_A && answer->status == DNS_NO_DATA)
        ask_host(job, DNS_AAAA);
    else
        fail(job, answer->why[0] ? answer->why : "its server's name leads to no address");
}

static void ask_host(struct job *job, enum dns_type type)
{
    char name[STS_DOMAIN_MAX + 16];
    snprintf(name, sizeof name, "mta-sts.%s", job->domain);
    job->asking = asker_ask(job->sts->setup.asker, type, name, on_host, job);
}

/* --- The record --- */

static bool names_version(const struct dns_answer *answer, char ret_id[static MTA_STS_ID_MAX])
{
    sv texts[DNS_RECORDS_MAX];
    if (answer->status != DNS_FOUND)
        return false;
    for (size_t i = 0; i < answer->record_count; i++)
        texts[i] = answer->records[i].data;
    return mta_sts_record_read(texts, answer->record_count, ret_id);
}

/* What is known serves, unless the version is another one; and so it does when there is no record. */
static void on_record(void *arg, const struct dns_answer *answer)
{
    struct job *job = arg;
    struct sts_table *table = job->sts->table;
    struct mta_sts_policy policy;
    char known[MTA_STS_ID_MAX] = "";
    sv domain = sv_of(job->domain);
    nanos now = loop_now();
    bool only_refreshes = !job->questions;
    job->asking = NULL;
    if (!names_version(answer, job->id)) {
        if (only_refreshes)
            sts_table_note_failure(table, domain, "", now);
        tell(job);
        return;
    }
    bool fresh = sts_table_find(table, domain, now, &policy, known) && strcmp(known, job->id) == 0;
    if ((fresh && !only_refreshes) || sts_table_is_failing(table, domain, job->id, now))
        tell(job);
    else
        ask_host(job, DNS_A);
}

static void begin(struct job *job)
{
    char name[STS_DOMAIN_MAX + 16];
    bool named = host_valid(sv_of(job->domain)) && strlen(job->domain) + sizeof "_mta-sts." < STS_DOMAIN_MAX;
    job->begun = true;
    job->sts->begun++;
    snprintf(name, sizeof name, "_mta-sts.%s", job->domain);
    if (named)
        job->asking = asker_ask(job->sts->setup.asker, DNS_TXT, name, on_record, job);
    else
        tell(job);
}

static void begin_next(struct sts *sts)
{
    for (struct job *job = sts->jobs; job && sts->begun < BEGUN_MAX; job = job->next)
        if (!job->begun)
            begin(job);
}

static struct job *job_new(struct sts *sts, const char *domain)
{
    struct job *job = calloc(1, sizeof *job);
    assert(job);
    job->sts = sts;
    sv_copy(job->domain, sizeof job->domain, sv_of(domain));
    job->end = loop_timer_new(sts->setup.loop, job_end, job);
    job->next = sts->jobs;
    sts->jobs = job;
    begin_next(sts);
    return job;
}

static struct job *job_for(struct sts *sts, const char *domain)
{
    for (struct job *job = sts->jobs; job; job = job->next)
        if (sv_ieq(sv_of(job->domain), sv_of(domain)))
            return job;
    return job_new(sts, domain);
}

/* --- Questions --- */

struct sts_question *sts_ask(struct sts *sts, const char *domain, sts_fn *fn, void *arg)
{
    struct job *job = job_for(sts, domain);
    struct sts_question *question = calloc(1, sizeof *question);
    assert(question);
    *question = (struct sts_question){.next = job->questions, .job = job, .fn = fn, .arg = arg};
    job->questions = question;
    return question;
}

/* The job goes on without it: others may come to ask. */
void sts_cancel(struct sts_question *question)
{
    if (!question)
        return;
    struct sts_question **at = &question->job->questions;
    while (*at != question)
        at = &(*at)->next;
    *at = question->next;
    free(question);
}

/* §3.3: before they expire, and not only when mail goes there. */
static void on_refresh(void *arg)
{
    struct sts *sts = arg;
    char domain[STS_DOMAIN_MAX];
    if (sts_table_due(sts->table, loop_now(), domain))
        job_for(sts, domain);
    loop_timer_set(sts->refresh, REFRESH_EVERY);
}

static void open_folder(struct sts *sts, const char *folder)
{
    struct err err = {.class = ERR_NONE};
    char path[4096 + sizeof file_name];
    sts->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/%s", folder, file_name);
    if (sts->folder_fd < 0)
        LOG_ERROR("MTA-STS policies are not kept", LOG_STR("folder", folder), LOG_INT("errno", errno));
    else if (sts_table_load(sts->table, path, loop_now(), &err) < 0)
        LOG_ERROR("MTA-STS policies cannot be read", LOG_ERR(&err));
}

struct sts *sts_new(const struct sts_setup *setup)
{
    struct sts *sts = calloc(1, sizeof *sts);
    assert(sts);
    sts->setup = *setup;
    sts->ca_file = cstr_copy(setup->ca_file);
    sts->http = http_new(setup->loop);
    sts->table = sts_table_new();
    sts->refresh = loop_timer_new(setup->loop, on_refresh, sts);
    loop_timer_set(sts->refresh, REFRESH_EVERY);
    open_folder(sts, setup->folder);
    return sts;
}

void sts_free(struct sts *sts)
{
    if (!sts)
        return;
    while (sts->jobs) {
        struct job *job = sts->jobs;
        assert(!job->questions);
        sts->jobs = job->next;
        job_free(job);
    }
    save(sts);
    http_free(sts->http);
    sts_table_free(sts->table);
    loop_timer_free(sts->refresh);
    if (sts->folder_fd >= 0)
        close(sts->folder_fd);
    free(sts->ca_file);
    free(sts);
}
