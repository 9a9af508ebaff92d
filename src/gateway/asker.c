#include "gateway/asker.h"

#include "base/cstr.h"

#include <assert.h>
#include <stdlib.h>

#define PATIENCE (20 * NANOS_PER_SECOND)
#define KEPT     (60 * NANOS_PER_SECOND) /* then /etc/resolv.conf and the trust anchor are read anew */

struct question {
    struct asker *asker;
    struct question *next, *previous; /* in line; of no use once it is asked */
    struct dns_query *query;          /* NULL: it waits */
    enum dns_type type;
    dns_fn *fn;
    void *arg;
    char name[];
};

struct asker {
    struct loop *loop;
    char *servers[DNS_SERVERS_MAX];
    size_t server_count;
    char *trust_anchor;
    struct dns *dns;
    nanos since;
    struct question *first, *last; /* the line */
    size_t asking;
    struct loop_timer *turn;
};

static void go_on(void *arg);

struct asker *asker_new(struct loop *loop, const struct config *config)
{
    struct asker *asker = calloc(1, sizeof *asker);
    assert(asker);
    asker->loop = loop;
    for (size_t i = 0; i < config->resolvers.count && i < DNS_SERVERS_MAX; i++)
        asker->servers[asker->server_count++] = cstr_copy(config->resolvers.items[i]);
    asker->trust_anchor = cstr_copy(config->trust_anchor);
    asker->turn = loop_timer_new(loop, go_on, asker);
    return asker;
}

void asker_free(struct asker *asker)
{
    if (!asker)
        return;
    assert(!asker->first && !asker->asking);
    dns_free(asker->dns);
    for (size_t i = 0; i < asker->server_count; i++)
        free(asker->servers[i]);
    free(asker->trust_anchor);
    loop_timer_free(asker->turn);
    free(asker);
}

static void leave_line(struct question *question)
{
    struct asker *asker = question->asker;
    if (question->previous)
        question->previous->next = question->next;
    else
        asker->first = question->next;
    if (question->next)
        question->next->previous = question->previous;
    else
        asker->last = question->previous;
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
    struct question *question = arg;
    struct asker *asker = question->asker;
    asker->asking--;
    if (asker->first)
        loop_timer_set(asker->turn, 0);
    question->fn(question->arg, answer);
    free(question);
}

static int make_dns(struct asker *asker, struct err *err)
{
    if (asker->dns && !asker->asking && loop_monotonic() - asker->since > KEPT) {
        dns_free(asker->dns);
        asker->dns = NULL;
    }
    if (asker->dns)
        return 0;
    asker->since = loop_monotonic();
    const char *servers[DNS_SERVERS_MAX];
    for (size_t i = 0; i < asker->server_count; i++)
        servers[i] = asker->servers[i];
    return dns_new(&(struct dns_setup){.loop = asker->loop,
                                       .servers = servers,
                                       .server_count = asker->server_count,
                                       .trust_anchor_file = asker->trust_anchor},
                   &asker->dns, err);
}

static void tell_failure(struct question *question, const struct err *err)
{
    struct dns_answer answer = {.type = question->type,
                                .question = question->name,
                                .status = DNS_FAILED,
                                .failure = DNS_FAILURE_UNREACHABLE};
    sv_copy(answer.why, sizeof answer.why, sv_of(err->cause));
    question->fn(question->arg, &answer);
    free(question);
}

/* Asks as many as fit, in the order in which they came. */
static void go_on(void *arg)
{
    struct asker *asker = arg;
    while (asker->first && asker->asking < DNS_QUERIES_MAX) {
        struct question *question = asker->first;
        struct err err = {.class = ERR_NONE};
        leave_line(question);
        if (make_dns(asker, &err) < 0) {
            if (asker->first)
                loop_timer_set(asker->turn, 0);
            tell_failure(question, &err);
            return; /* whoever heard may have changed everything */
        }
        asker->asking++;
        question->query = dns_ask(asker->dns, question->type, question->name, PATIENCE, on_answer, question);
    }
}

struct question *asker_ask(struct asker *asker, enum dns_type type, const char *name, dns_fn *fn, void *arg)
{
    size_t n = strlen(name) + 1;
    struct question *question = calloc(1, sizeof *question + n);
    assert(question);
    *question =
        (struct question){.asker = asker, .previous = asker->last, .type = type, .fn = fn, .arg = arg};
    memcpy(question->name, name, n);
    if (asker->last)
        asker->last->next = question;
    else
        asker->first = question;
    asker->last = question;
    loop_timer_set(asker->turn, 0);
    return question;
}

void question_cancel(struct question *question)
{
    if (!question)
        return;
    struct asker *asker = question->asker;
    if (question->query) {
        dns_cancel(question->query);
        asker->asking--;
        if (asker->first)
            loop_timer_set(asker->turn, 0);
    } else {
        leave_line(question);
    }
    free(question);
}
