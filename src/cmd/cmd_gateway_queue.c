/* `vedette gateway queue`: what our gateway still has to deliver, and what to do with it. */
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/gateway_rules.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"

#define ANSWER_MAX (60 * NANOS_PER_SECOND)

struct queue_request {
    const char *config, *route;
    bool json, body;
    size_t rows;
};

static enum term_style state_style(const char *state)
{
    if (strcmp(state, "held") == 0)
        return TERM_RED;
    return strcmp(state, "deferred") == 0 ? TERM_YELLOW : TERM_GREEN;
}

static void print_message(const json_t *row)
{
    size_t i;
    json_t *recipient;
    printf("%-14s ", report_get(row, "id"));
    report_print_time(row, "arrived_at");
    printf("  ");
    term_print(stdout, state_style(report_get(row, "state")), "%-8s", report_get(row, "state"));
    printf("  %7lld  <", report_number(row, "bytes"));
    report_print(row, "sender");
    printf(">");
    json_array_foreach(json_object_get(row, "recipients"), i, recipient)
    {
        printf("%s", i ? ", " : " to ");
        report_print(recipient, "address");
        if (!json_is_true(json_object_get(recipient, "open")))
            printf(" (done)");
    }
    putchar('\n');
    if (*report_get(row, "next_hop")) {
        printf("%*s", 15, "");
        term_print(stdout, TERM_DIM, "now to ");
        report_print(row, "next_hop");
        putchar('\n');
    }
    if (*report_get(row, "cause")) {
        printf("%*s", 15, "");
        term_print(stdout, TERM_DIM, "%lld attempts: ", report_number(row, "attempts"));
        report_print(row, "cause");
        putchar('\n');
    }
}

/* Line by line, so that no byte of it steers the terminal. */
static void print_lines(sv lines)
{
    while (lines.n) {
        sv line = sv_split(&lines, '\n');
        term_text(stdout, sv_trim(sv_first(line, line.n)));
        putchar('\n');
    }
}

static void print_content(const json_t *row)
{
    static const char *const facts[] = {"client", "account", "tls", "rule", "route"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (*report_get(row, facts[i])) {
            printf("  %-8s ", facts[i]);
            report_print(row, facts[i]);
            putchar('\n');
        }
    putchar('\n');
    print_lines(sv_of(report_get(row, "header")));
    if (json_object_get(row, "body")) {
        putchar('\n');
        print_lines(sv_of(report_get(row, "body")));
    }
}

static int print_row(void *arg, const json_t *row)
{
    struct queue_request *request = arg;
    const json_t *count = json_object_get(row, "messages");
    request->rows++;
    if (request->json)
        report_line(row);
    else if (count) {
        long long n = (long long)json_integer_value(count);
        printf("%lld message%s\n", n, n == 1 ? "" : "s");
    } else {
        print_message(row);
        if (json_object_get(row, "header"))
            print_content(row);
    }
    return 0;
}

static int ask(struct queue_request *request, const char *command, const char *id)
{
    int exit_code;
    struct err err;
    struct config *config = load_or_complain(gateway_rules_path(request->config), &exit_code);
    if (!config)
        return exit_code;
    json_t *json = json_object();
    json_object_set_new(json, "command", json_string(command));
    json_object_set_new(json, "id", id ? json_string(id) : json_null());
    json_object_set_new(json, "route", request->route ? json_string(request->route) : json_null());
    json_object_set_new(json, "body", json_boolean(request->body));
    int outcome = control_ask(config, "gateway", json, ANSWER_MAX, print_row, request, &err);
    config_free(config);
    if (outcome < 0)
        return term_error(&err);
    if (request->rows == 0 && !request->json && !id)
        puts("the queue is empty");
    return 0;
}

static int wrong_usage(const char *cause)
{
    struct err err;
    err_set(&err, ERR_USAGE, "see vedette gateway queue --help", "%s", cause);
    return term_error(&err);
}

int cmd_gateway_queue(int argc, char **argv)
{
    static const char *const actions[] = {"show", "hold", "release", "retry", "delete", "requeue"};
    struct queue_request request = {0};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE",
         "configuration (default: " GATEWAY_DEFAULT_PATH ", else vedette.yaml)", &request.config},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &request.json},
        {"body", 0, OPTION_FLAG, NULL, "of show: all of the message, for administrators", &request.body},
        {"route", 0, OPTION_TEXT, "NAME", "of requeue: the route to take from now on", &request.route},
    };
    int exit_code;
    if (!command_options("gateway queue", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    if (argc == 0)
        return ask(&request, "queue", NULL);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(argv[0], actions[i]) != 0)
            continue;
        if (argc != 2)
            return wrong_usage("name one message by its id (or \"all\", except to show and delete)");
        if (strcmp(argv[0], "requeue") == 0 && !request.route)
            return wrong_usage("requeue needs --route and its name");
        return ask(&request, argv[0], argv[1]);
    }
    return wrong_usage("the queue knows show, hold, release, retry, delete and requeue");
}
