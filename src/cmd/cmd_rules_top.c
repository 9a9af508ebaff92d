/* `vedette rules top`: what rules cost in the daemon that runs, and how often they match. */
#include "base/metrics.h"
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/term.h"

#include <stdio.h>
#include <unistd.h>

#define ANSWER_MAX (10 * NANOS_PER_SECOND)

enum { ROWS_DEFAULT = 20, ROWS_MAX = 100000, REFRESH_EVERY_S = 2 };

struct view {
    int64_t rows;
    bool json, terminal;
};

static double real(const json_t *object, const char *key)
{
    return json_real_value(json_object_get(object, key));
}

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_row(const json_t *row, double all)
{
    double seconds = real(row, "cpu_s");
    long long given_up = number(row, "given_up");
    printf("%12.3f %4.0f %% %12lld %10lld ", seconds, all > 0 ? seconds * 100 / all : 0, number(row, "tried"),
           number(row, "matched"));
    term_print(stdout, given_up ? TERM_YELLOW : TERM_PLAIN, "%8lld", given_up);
    printf("  ");
    term_text(stdout, sv_of(json_string_value(json_object_get(row, "title"))));
    putchar('\n');
}

/* The lines of the answer, parsed; what is no object is left out. */
static json_t *parse(sv text)
{
    json_t *rows = json_array();
    while (text.n) {
        sv line = sv_split(&text, '\n');
        json_t *row = json_loadb(line.p, line.n, 0, NULL);
        if (json_is_object(row))
            json_array_append(rows, row);
        json_decref(row);
    }
    return rows;
}

static void print(const struct view *view, const json_t *rows)
{
    double all = 0;
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) all += real(row, "cpu_s");
    if (view->terminal)
        fputs("\033[H\033[2J", stdout);
    if (!view->json)
        term_print(stdout, TERM_BOLD, "%12s %6s %12s %10s %8s  %s\n", "processor s", "share", "tried",
                   "matched", "given up", "rule");
    json_array_foreach(rows, i, row)
    {
        if ((int64_t)i == view->rows)
            break;
        if (!view->json) {
            print_row(row, all);
            continue;
        }
        json_dumpf(row, stdout, JSON_COMPACT);
        putchar('\n');
    }
    fflush(stdout);
}

static int show(const struct config *config, const struct view *view, struct err *err)
{
    struct control_client *client;
    if (control_connect_to(config, "metrics-watch", &client, err) < 0)
        return -1;
    struct buf text = BUF_INIT(METRICS_BYTES_MAX);
    int outcome = control_metrics(client, SV("rules"), ANSWER_MAX, &text, err);
    if (outcome == 0) {
        json_t *rows = parse(buf_view(&text));
        print(view, rows);
        json_decref(rows);
    }
    buf_free(&text);
    control_close(client);
    return outcome;
}

int cmd_rules_top(int argc, char **argv)
{
    const char *path = NULL;
    bool once = false;
    struct view view = {.rows = ROWS_DEFAULT};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"rows", 'n', OPTION_NUMBER, "N", "so many, the most expensive first (default: 20)", &view.rows},
        {"once", '1', OPTION_FLAG, NULL, "one look, then end; as where there is no terminal", &once},
        {"json", 0, OPTION_FLAG, NULL, "one look, one JSON object a rule", &view.json},
    };
    int exit_code;
    struct err err;
    if (!command_options("rules top", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    if (view.rows < 1 || view.rows > ROWS_MAX) {
        err_set(&err, ERR_USAGE, "from 1 to 100000", "--rows is out of range");
        return term_error(&err);
    }
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    view.terminal = !once && !view.json && isatty(STDOUT_FILENO);
    int outcome = show(config, &view, &err);
    while (view.terminal && outcome == 0) {
        sleep(REFRESH_EVERY_S);
        outcome = show(config, &view, &err);
    }
    config_free(config);
    return outcome < 0 ? term_error(&err) : 0;
}
