/* `vedette metrics`: the counters of every process, as Prometheus reads them. */
#include "base/metrics.h"
#include "base/metrics_sum.h"
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/term.h"
#include "cmd/watches.h"

#include <stdio.h>

#define ANSWER_MAX (10 * NANOS_PER_SECOND)

/* Whether the daemon has somebody who correlates depends on its rules: the socket is there only if it has. */
static bool correlates(const struct config *config)
{
    struct control_client *client;
    struct err err;
    if (control_connect_to(config, "metrics-correlate", &client, &err) < 0)
        return false;
    control_close(client);
    return true;
}

/* The answers. */
struct answers {
    struct metrics_sum *watches;
    struct buf ups; /* which process answers */
    size_t answered;
};

static void say_up(struct answers *answers, const char *process, bool up)
{
    metrics_sample(&answers->ups, "vedette_up", &(struct metrics_label){"process", sv_of(process)}, 1, up);
    answers->answered += up;
}

static void print(const struct buf *text)
{
    fwrite(buf_view(text).p, 1, buf_view(text).n, stdout);
}

/* Prints one process's text. A process that does not answer is left out: its `up` says so. */
static void print_of(const struct config *config, const char *process, struct answers *answers,
                     struct err *err)
{
    char name[32];
    struct control_client *client;
    struct buf text = BUF_INIT(METRICS_BYTES_MAX);
    snprintf(name, sizeof name, "metrics-%s", process);
    bool connected = control_connect_to(config, name, &client, err) == 0;
    bool up = connected && control_metrics(client, SV_NONE, ANSWER_MAX, &text, err) == 0;
    if (up)
        print(&text);
    if (connected)
        control_close(client);
    buf_free(&text);
    say_up(answers, process, up);
}

static void add_watch(void *arg, const char *name, sv text)
{
    struct answers *answers = arg;
    metrics_sum_add(answers->watches, text);
    say_up(answers, name, text.p != NULL);
}

/* Several watches are read as one. */
static void print_watches(const struct config *config, struct answers *answers, struct err *err)
{
    struct buf text = BUF_INIT((size_t)CONFIG_PROCESSES_MAX * METRICS_BYTES_MAX);
    answers->watches = metrics_sum_new();
    watches_ask(config, SV_NONE, add_watch, answers, err);
    metrics_sum_write(answers->watches, &text);
    print(&text);
    buf_free(&text);
    metrics_sum_free(answers->watches);
}

int cmd_metrics(int argc, char **argv)
{
    const char *path = NULL;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
    };
    int exit_code;
    if (!command_options("metrics", specs, 1, &argc, argv, &exit_code))
        return exit_code;
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    struct err err = {0};
    struct answers answers = {.ups = BUF_INIT(METRICS_BYTES_MAX)};
    metrics_family(&answers.ups, "vedette_up", METRICS_GAUGE, "Whether this process answers.");
    if (!config_relay_alone(config))
        print_of(config, "courier", &answers, &err);
    if (config->input_count > 0)
        print_watches(config, &answers, &err);
    if (config->input_count > 0 && correlates(config))
        print_of(config, "correlate", &answers, &err);
    if (config->relay.present)
        print_of(config, "gateway", &answers, &err);
    if (answers.answered)
        print(&answers.ups);
    buf_free(&answers.ups);
    config_free(config);
    return answers.answered ? 0 : term_error(&err);
}
