/* `vedette metrics`: the counters of every process, as Prometheus reads them. */
#include "base/metrics.h"
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/term.h"

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

/* Prints one process's text. A process that does not answer is left out: its `up` says so. */
static bool print_of(const struct config *config, const char *process, struct err *err)
{
    char name[32];
    struct control_client *client;
    snprintf(name, sizeof name, "metrics-%s", process);
    if (control_connect_to(config, name, &client, err) < 0)
        return false;
    struct buf text = BUF_INIT(METRICS_BYTES_MAX);
    bool ok = control_metrics(client, SV_NONE, ANSWER_MAX, &text, err) == 0;
    if (ok)
        fwrite(buf_view(&text).p, 1, buf_view(&text).n, stdout);
    buf_free(&text);
    control_close(client);
    return ok;
}

int cmd_metrics(int argc, char **argv)
{
    static const char *const processes[] = {"courier", "watch", "correlate", "gateway"};
    enum { COUNT = sizeof processes / sizeof *processes };
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
    const bool needed[COUNT] = {!config_relay_alone(config), config->input_count > 0,
                                config->input_count > 0 && correlates(config), config->relay.present};
    bool up[COUNT] = {false}, any = false;
    struct err err = {0};
    for (size_t i = 0; i < COUNT; i++) {
        up[i] = needed[i] && print_of(config, processes[i], &err);
        any |= up[i];
    }
    config_free(config);
    if (!any)
        return term_error(&err);
    struct buf text = BUF_INIT(METRICS_BYTES_MAX);
    metrics_family(&text, "vedette_up", METRICS_GAUGE, "Whether this process answers.");
    for (size_t i = 0; i < COUNT; i++)
        if (needed[i])
            metrics_sample(&text, "vedette_up", &(struct metrics_label){"process", sv_of(processes[i])}, 1,
                           up[i]);
    fwrite(buf_view(&text).p, 1, buf_view(&text).n, stdout);
    buf_free(&text);
    return 0;
}
