/* The watch process: inputs, decoders, rules. */
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "cmd/confine.h"
#include "cmd/role.h"
#include "cmd/role_rules.h"
#include "cmd/rule_account.h"
#include "cmd/rule_cache.h"
#include "watch/correlation.h"
#include "watch/database_cache.h"
#include "watch/rule_book.h"
#include "watch/watch.h"
#include "wire/pack.h"

#include <stdlib.h>
#include <unistd.h>

struct watch_role {
    struct role_process *process;
    struct watch *watch;
    struct rule_account *account;
    struct database_cache cache; /* of compiled rules */
    struct ruleset *prepared;    /* loaded, waiting for commit */
    struct channel *courier;
    struct loop_timer *report;
    struct watch_counts reported;
    const struct config *config;
    struct loop_timer *look; /* at the files of lists */
    uint64_t stamp;          /* what they were when the rules were loaded */
};

#define REPORT_EVERY (60 * NANOS_PER_SECOND)
#define LOOK_EVERY   (5 * NANOS_PER_SECOND)

/* What came and what was lost, once a minute and only when something was lost. */
static void report(void *arg)
{
    struct watch_role *role = arg;
    const struct watch_counts *now = watch_counts(role->watch), *then = &role->reported;
    if (now->datagrams_lost != then->datagrams_lost || now->truncated != then->truncated ||
        now->framing_errors != then->framing_errors || now->connections_refused != then->connections_refused)
        LOG_WARNING("input lost or cut in the last minute", LOG_INT("events", now->events - then->events),
                    LOG_INT("datagrams_lost", now->datagrams_lost - then->datagrams_lost),
                    LOG_INT("truncated", now->truncated - then->truncated),
                    LOG_INT("framing_errors", now->framing_errors - then->framing_errors),
                    LOG_INT("connections_refused", now->connections_refused - then->connections_refused));
    role->reported = *now;
    loop_timer_set(role->report, REPORT_EVERY);
}

/* A list has changed: all of the rules are loaded anew, in every process that has them. The parent is asked
 * once for each change, by the first watch; if the new ones are refused, the old ones stay. */
static void look_at_lists(void *arg)
{
    struct watch_role *role = arg;
    uint64_t stamp = rule_book_stamp(role->config);
    if (stamp != role->stamp) {
        LOG_INFO("a list has changed: loading the rules again", LOG_INT("lists", role->config->list_count));
        role_say(role->process, CONTROL_STALE);
    }
    role->stamp = stamp;
    loop_timer_set(role->look, LOOK_EVERY);
}

/* The parent starts who correlates only for rules that do. */
static void say_whether_they_correlate(struct role_process *process, const struct ruleset *ruleset)
{
    struct buf body = BUF_INIT(16);
    struct pack pack = PACK_INTO(&body);
    pack_u32(&pack, correlation_count(ruleset) > 0);
    role_tell(process, CONTROL_CORRELATES, buf_view(&body));
    buf_free(&body);
}

/* The parent keeps what was compiled, for the next start. */
static void keep_compiled(void *arg, const char *name, sv content)
{
    struct buf body = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct pack pack = PACK_INTO(&body);
    pack_sv(&pack, sv_of(name));
    pack_sv(&pack, content);
    if (pack.ok)
        role_tell(arg, CONTROL_COMPILED, buf_view(&body));
    buf_free(&body);
}

/* Whatever is compiled later, when something from outside has been read, nobody would believe. */
static struct ruleset *load_first(struct role_process *process, const struct config *config,
                                  struct database_cache *cache, struct err *err)
{
    cache->keep = keep_compiled;
    cache->arg = process;
    struct ruleset *ruleset = role_rules(config, RULE_BOOK_MATCH, cache, false, err);
    cache->keep = NULL;
    if (ruleset)
        LOG_INFO("rules loaded", LOG_INT("rules", ruleset_count(ruleset)),
                 LOG_INT("correlations", correlation_count(ruleset)),
                 LOG_INT("failed", ruleset_failed(ruleset)), LOG_INT("compiled", cache->compiled),
                 LOG_INT("from_cache", cache->found));
    return ruleset;
}

static int watch_begin(struct role_process *process, const struct config *config, void **ret_state,
                       struct err *err)
{
    struct database_cache cache = {.folder = rule_cache_open(config)};
    struct ruleset *ruleset = NULL;
    if (confine(CONFINE_WATCH, config, err) == 0)
        ruleset = load_first(process, config, &cache, err);
    if (!ruleset) {
        if (cache.folder >= 0)
            close(cache.folder);
        return -1;
    }
    say_whether_they_correlate(process, ruleset);
    struct watch_role *role = calloc(1, sizeof *role);
    role->process = process;
    role->cache = cache;
    role->watch = watch_new(role_loop(process), config, ruleset, role_number(process));
    role->account = rule_account_new(role_loop(process), role->watch, ruleset, role_number(process) == 0);
    role->report = loop_timer_new(role_loop(process), report, role);
    loop_timer_set(role->report, REPORT_EVERY);
    role->config = config;
    role->stamp = rule_book_stamp(config);
    role->look = loop_timer_new(role_loop(process), look_at_lists, role);
    if (role_number(process) == 0)
        loop_timer_set(role->look, LOOK_EVERY);
    *ret_state = role;
    return 0;
}

static void watch_take_socket(void *state, const char *label, int fd)
{
    struct watch_role *role = state;
    watch_socket(role->watch, label, fd);
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct watch_role *role = arg;
    (void)channel;
    if (fd >= 0)
        close(fd);
    watch_message(role->watch, type, body);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct watch_role *role = arg;
    (void)err;
    watch_courier(role->watch, NULL);
    channel_free(channel);
    role->courier = NULL;
}

static void watch_peer(void *state, const char *process, int fd)
{
    struct watch_role *role = state;
    (void)process;
    if (role->courier) {
        watch_courier(role->watch, NULL);
        channel_free(role->courier);
    }
    role->courier = channel_new(role_loop(role->process), fd, on_message, on_closed, role);
    watch_courier(role->watch, role->courier);
}

static void stdin_ended(void *arg)
{
    struct watch_role *role = arg;
    LOG_INFO("standard input has ended: draining", LOG_INT("pid", getpid()));
    role_say(role->process, CONTROL_FINISHED);
}

static void inputs_are_open(void *arg)
{
    struct watch_role *role = arg;
    role_ready(role->process);
}

static bool watch_go(void *state)
{
    struct watch_role *role = state;
    watch_on_stdin_end(role->watch, stdin_ended, role);
    watch_on_open(role->watch, inputs_are_open, role);
    watch_start(role->watch);
    return false;
}

static int watch_prepare(void *state, const struct config *config, struct err *err)
{
    struct watch_role *role = state;
    ruleset_free(role->prepared);
    role->prepared = role_rules(config, RULE_BOOK_MATCH, &role->cache, true, err);
    return role->prepared ? 0 : -1;
}

static void watch_commit(void *state, const struct config *config)
{
    struct watch_role *role = state;
    LOG_INFO("rules reloaded", LOG_INT("rules", ruleset_count(role->prepared)),
             LOG_INT("correlations", correlation_count(role->prepared)));
    say_whether_they_correlate(role->process, role->prepared);
    watch_reload(role->watch, config, role->prepared);
    rule_account_rules(role->account, role->prepared);
    role->config = config;
    role->prepared = NULL;
    memory_give_back();
}

static void watch_abort(void *state)
{
    struct watch_role *role = state;
    ruleset_free(role->prepared);
    role->prepared = NULL;
}

static void watch_start_drain(struct role_process *process, void *state)
{
    struct watch_role *role = state;
    watch_drain(role->watch, role_done, process);
}

static void watch_metrics(void *state, struct buf *out)
{
    const struct watch_role *role = state;
    const struct watch_counts *counts = watch_counts(role->watch);
    const struct {
        const char *name, *help;
        uint64_t value;
    } all[] = {
        {"vedette_watch_events_total", "Events read.", counts->events},
        {"vedette_watch_bytes_total", "Bytes of events read.", counts->bytes},
        {"vedette_watch_decoded_total", "Events that some rule could match, and so were decoded.",
         counts->decoded},
        {"vedette_watch_findings_total", "Findings of rules.", counts->findings},
        {"vedette_watch_truncated_total", "Records cut at line_bytes_max.", counts->truncated},
        {"vedette_watch_fields_dropped_total",
         "Records that lost fields: past the bound of one event, or of JSON nested too deeply or broken off.",
         counts->fields_dropped},
        {"vedette_watch_hidden_total", "Pieces of findings that masks hid.", counts->hidden},
        {"vedette_watch_datagrams_lost_total", "Datagrams that the kernel dropped.", counts->datagrams_lost},
        {"vedette_watch_framing_errors_total", "Connections closed for broken framing.",
         counts->framing_errors},
        {"vedette_watch_connections_refused_total", "Connections past connections_max.",
         counts->connections_refused},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        metrics_one(out, all[i].name, METRICS_COUNTER, all[i].help, (int64_t)all[i].value);
    rule_account_metrics(role->account, out);
}

static void watch_rules(void *state, struct buf *out)
{
    const struct watch_role *role = state;
    rule_account_list(role->account, out);
}

static void watch_end(void *state)
{
    struct watch_role *role = state;
    rule_account_free(role->account);
    watch_free(role->watch);
    channel_free(role->courier);
    ruleset_free(role->prepared);
    loop_timer_free(role->report);
    loop_timer_free(role->look);
    if (role->cache.folder >= 0)
        close(role->cache.folder);
    free(role);
}

const struct role role_watch = {
    .name = "watch",
    .start = watch_begin,
    .socket = watch_take_socket,
    .peer = watch_peer,
    .go = watch_go,
    .prepare = watch_prepare,
    .commit = watch_commit,
    .abort = watch_abort,
    .metrics = watch_metrics,
    .rules = watch_rules,
    .drain = watch_start_drain,
    .free = watch_end,
};
