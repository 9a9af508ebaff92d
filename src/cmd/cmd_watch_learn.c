/* `vedette watch learn`: gives baselines the history that they would otherwise have to wait for. */
#include "cmd/command.h"
#include "cmd/event_form.h"
#include "cmd/input_files.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/role_rules.h"
#include "cmd/term.h"
#include "io/loop.h"
#include "store/correlation.h"
#include "watch/rule_stream.h"
#include "wire/decode.h"

#include <inttypes.h>
#include <stdlib.h>

enum { EVENT_ARENA_MAX = 1024 * 1024 };

struct learning {
    struct store *store;
    struct rule_stream *stream;
    struct arena *arena;
    struct event_form form;
    nanos now;
    uint64_t events;
    struct err *err;
    bool failed;
};

static void on_finding(void *arg, const struct finding *finding, uint64_t ordinal)
{
    (void)arg, (void)finding, (void)ordinal; /* of rules; correlations find nothing while they learn */
}

static int restore(void *arg, sv key, sv value)
{
    struct learning *learning = arg;
    correlator_restore(rule_stream_correlator(learning->stream), key, value, 0);
    return 0;
}

static bool put_change(void *arg, sv key, sv value)
{
    struct learning *learning = arg;
    learning->failed = store_correlation_put(learning->store, key, value, learning->err) < 0;
    return !learning->failed;
}

static int on_event(void *arg, const char *path, sv record)
{
    struct learning *learning = arg;
    struct event event;
    (void)path;
    arena_reset(learning->arena);
    event_form_decode(&learning->form, record, learning->now, learning->arena, &event);
    rule_stream_event(learning->stream, &event);
    learning->events++;
    return 0;
}

static bool drop_all(void *arg, sv key, sv value)
{
    (void)value;
    return put_change(arg, key, SV_NONE);
}

static int forget(void *arg, sv key, sv value)
{
    return drop_all(arg, key, value) ? 0 : 1;
}

static int learn_from(struct learning *learning, char **files, int count, bool anew, struct err *err)
{
    struct correlator *correlator = rule_stream_correlator(learning->stream);
    learning->err = err;
    if (store_begin(learning->store, err) < 0)
        return -1;
    if (store_correlations(learning->store, SV(""), anew ? forget : restore, learning, err) < 0)
        return -1;
    correlator_learn(correlator, true);
    if (input_records(files, count, on_event, learning, err) < 0)
        return -1;
    rule_stream_end(learning->stream);
    if (learning->failed || !correlator_changes(correlator, put_change, learning))
        return -1;
    return store_commit(learning->store, err);
}

static int learn(const struct config *config, struct learning *learning, char **files, int count, bool anew,
                 struct err *err)
{
    struct ruleset *ruleset = role_rules(config, RULE_BOOK_MATCH, NULL, false, err);
    int outcome = -1;
    if (ruleset && correlation_count(ruleset) == 0)
        err_set(err, ERR_CONFIG, "add rules/baseline to `rules`",
                "the rules that the configuration names have no correlations");
    else if (ruleset && store_open(config->state_directory, &learning->store, err) == 0) {
        const struct correlator_limits limits = role_correlation_limits(config);
        learning->stream = rule_stream_new(ruleset, &limits, on_finding, learning);
        learning->arena = arena_new(EVENT_ARENA_MAX);
        learning->now = loop_now();
        outcome = learn_from(learning, files, count, anew, err);
        if (outcome < 0)
            store_rollback(learning->store);
        const struct correlator_counts *counts = correlator_counts(rule_stream_correlator(learning->stream));
        if (outcome == 0)
            printf("learnt from %" PRIu64 " events, %" PRIu64
                   " of which correlations look at: %zu groups, %zu KiB\n",
                   learning->events, counts->events, counts->groups, counts->bytes / 1024);
        rule_stream_free(learning->stream);
        arena_free(learning->arena);
        store_close(learning->store);
    }
    ruleset_free(ruleset);
    return outcome;
}

int cmd_watch_learn(int argc, char **argv)
{
    const char *path = NULL;
    struct learning learning = {0};
    bool anew = false;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        EVENT_FORM_OPTION(learning.form),
        EVENT_ZONE_OPTION(learning.form),
        {"anew", 0, OPTION_FLAG, NULL, "forget all windows and baselines first", &anew},
    };
    int exit_code;
    struct err err;
    if (!command_options("watch learn", specs, 4, &argc, argv, &exit_code))
        return exit_code;
    if (argc == 0) {
        err_set(&err, ERR_USAGE, "name files of past events, the oldest first", "watch learn wants files");
        return term_error(&err);
    }
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    int outcome = event_form_read(&learning.form, &err);
    if (outcome == 0)
        outcome = learn(config, &learning, argv, argc, anew, &err);
    config_free(config);
    event_form_end(&learning.form);
    return outcome < 0 ? term_error(&err) : 0;
}
