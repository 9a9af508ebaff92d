/* `vedette gateway top`: who sends what through our gateway, as it happens. */
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/gateway_rules.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"

#include <stdlib.h>
#include <unistd.h>

#define ANSWER_MAX    (30 * NANOS_PER_SECOND)
#define REFRESH_EVERY 2 /* seconds */

enum { ROWS_DEFAULT = 20, ROWS_MAX = 4096 };

static void print_padded(const json_t *row, const char *key, int width)
{
    sv value = sv_first(sv_of(report_get(row, key)), (size_t)width);
    term_text(stdout, value);
    printf("%*s ", width - (int)value.n, "");
}

static int print_json(void *arg, const json_t *row)
{
    (void)arg;
    report_line(row);
    return 0;
}

static int print_row(void *arg, const json_t *row)
{
    const char *when = report_get(row, "last_at");
    (void)arg;
    printf("%.8s ", strlen(when) > 11 ? when + 11 : "");
    print_padded(row, "client", 22);
    print_padded(row, "account", 10);
    print_padded(row, "sender", 28);
    print_padded(row, "rule", 14);
    bool refused = report_number(row, "refused") + report_number(row, "deferred") > 0;
    printf("%6lld %6lld ", report_number(row, "last_minute"), report_number(row, "taken"));
    term_print(stdout, refused ? TERM_RED : TERM_PLAIN, "%6lld %6lld", report_number(row, "refused"),
               report_number(row, "deferred"));
    printf(" %5lld %9lld\n", report_number(row, "held"), report_number(row, "bytes"));
    return 0;
}

static void print_heading(bool terminal)
{
    if (terminal)
        fputs("\033[H\033[2J", stdout);
    term_print(stdout, TERM_BOLD, "%-8s %-22s %-10s %-28s %-14s %6s %6s %6s %6s %5s %9s\n", "last", "client",
               "account", "sender", "rule", "minute", "taken", "refusd", "deferd", "held", "bytes");
}

static int show(const struct config *config, int64_t rows, bool json, bool terminal, struct err *err)
{
    struct control_client *client;
    if (control_connect_to(config, "gateway", &client, err) < 0)
        return -1;
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("top"));
    json_object_set_new(request, "rows", json_integer(rows));
    if (!json)
        print_heading(terminal);
    int outcome = control_request(client, request, ANSWER_MAX, json ? print_json : print_row, NULL, err);
    control_close(client);
    fflush(stdout);
    return outcome;
}

int cmd_gateway_top(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false, once = false;
    int64_t rows = ROWS_DEFAULT;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE",
         "configuration (default: " GATEWAY_DEFAULT_PATH ", else vedette.yaml)", &path},
        {"rows", 'n', OPTION_NUMBER, "N", "so many, the most recent first (default: 20)", &rows},
        {"once", '1', OPTION_FLAG, NULL, "one look, then end; as where there is no terminal", &once},
        {"json", 0, OPTION_FLAG, NULL, "one look, one JSON object a row", &json},
    };
    int exit_code;
    struct err err;
    if (!command_options("gateway top", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    if (options_range("rows", rows, 1, ROWS_MAX, &err) < 0)
        return term_error(&err);
    struct config *config = load_or_complain(gateway_rules_path(path), &exit_code);
    if (!config)
        return exit_code;
    bool terminal = !once && !json && isatty(STDOUT_FILENO);
    int outcome = show(config, rows, json, terminal, &err);
    while (terminal && outcome == 0) {
        sleep(REFRESH_EVERY);
        outcome = show(config, rows, json, terminal, &err);
    }
    config_free(config);
    return outcome < 0 ? term_error(&err) : 0;
}
