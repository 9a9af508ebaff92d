/* `vedette rules top`: what rules cost in the daemon that runs, and how often they match. */
#include "cmd/command.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "cmd/watches.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS_DEFAULT = 20, ROWS_MAX = 100000, REFRESH_EVERY_S = 2 };

struct view {
    int64_t rows;
    bool json, terminal;
};

static double real(const json_t *object, const char *key)
{
    return json_real_value(json_object_get(object, key));
}

static void print_row(const json_t *row, double all)
{
    double seconds = real(row, "cpu_s");
    long long given_up = report_number(row, "given_up");
    printf("%12.3f %4.0f %% %12lld %10lld ", seconds, all > 0 ? seconds * 100 / all : 0,
           report_number(row, "tried"), report_number(row, "matched"));
    term_print(stdout, given_up ? TERM_YELLOW : TERM_PLAIN, "%8lld", given_up);
    printf("  ");
    report_print(row, "title");
    putchar('\n');
}

static void add_to(json_t *row, const json_t *more)
{
    static const char *const counts[] = {"tried", "matched", "given_up"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(row, counts[i],
                            json_integer(report_number(row, counts[i]) + report_number(more, counts[i])));
    json_object_set_new(row, "cpu_s", json_real(real(row, "cpu_s") + real(more, "cpu_s")));
}

/* One watch's answer, a rule a line, is added to the rules by their ids; what is no such line is left out. */
static void add_watch(void *arg, const char *name, sv text)
{
    json_t *rules = arg;
    (void)name;
    while (text.n) {
        sv line = sv_split(&text, '\n');
        json_t *row = json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);
        const char *id = json_string_value(json_object_get(row, "rule"));
        json_t *known = id ? json_object_get(rules, id) : NULL;
        if (known)
            add_to(known, row);
        else if (id)
            json_object_set(rules, id, row);
        json_decref(row);
    }
}

static int by_time(const void *a, const void *b)
{
    double x = real(*(json_t *const *)a, "cpu_s"), y = real(*(json_t *const *)b, "cpu_s");
    return (x < y) - (x > y);
}

/* Borrowed; the caller frees the array. */
static json_t **sorted(json_t *rules, size_t *ret_count)
{
    size_t count = 0;
    const char *id;
    json_t *row, **rows = calloc(json_object_size(rules) + 1, sizeof(json_t *));
    json_object_foreach(rules, id, row) rows[count++] = row;
    qsort(rows, count, sizeof *rows, by_time);
    *ret_count = count;
    return rows;
}

static void print(const struct view *view, json_t *const *rows, size_t count)
{
    double all = 0;
    for (size_t i = 0; i < count; i++)
        all += real(rows[i], "cpu_s");
    if (view->terminal)
        fputs("\033[H\033[2J", stdout);
    if (!view->json)
        term_print(stdout, TERM_BOLD, "%12s %6s %12s %10s %8s  %s\n", "processor s", "share", "tried",
                   "matched", "given up", "rule");
    for (size_t i = 0; i < count && (int64_t)i < view->rows; i++) {
        if (!view->json) {
            print_row(rows[i], all);
            continue;
        }
        report_line(rows[i]);
    }
    fflush(stdout);
}

static int show(const struct config *config, const struct view *view, struct err *err)
{
    json_t *rules = json_object();
    bool answered = watches_ask(config, SV("rules"), add_watch, rules, err) > 0;
    if (answered) {
        size_t count;
        json_t **rows = sorted(rules, &count);
        print(view, rows, count);
        free(rows);
    }
    json_decref(rules);
    return answered ? 0 : -1;
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
    if (options_range("rows", view.rows, 1, ROWS_MAX, &err) < 0)
        return term_error(&err);
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
