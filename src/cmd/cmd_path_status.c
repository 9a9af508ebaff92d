/* `vedette path status`: how each path is now, and how it has been. */
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/path_status.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "io/loop.h"

#define ANSWER_MAX (30 * NANOS_PER_SECOND)

struct showing {
    bool json, any;
};

static void print_state(const json_t *path)
{
    const json_t *up = json_object_get(path, "up");
    term_print(stdout, TERM_BOLD, "%s", report_get(path, "gateway"));
    printf("  ");
    if (json_is_true(up))
        term_print(stdout, TERM_GREEN, "up");
    else if (json_is_false(up))
        term_print(stdout, TERM_RED, "down");
    else
        term_print(stdout, TERM_DIM, "not known: no daemon runs");
    if (json_is_false(up) && *report_get(path, "trouble")) {
        printf(": ");
        report_print(path, "trouble");
    }
    putchar('\n');
}

static void print_canary(const json_t *canary)
{
    const json_t *latency = json_object_get(canary, "latency_ms"),
                 *evidence = json_object_get(canary, "evidence");
    char length[32];
    if (!json_is_object(canary)) {
        puts("  canary    none was sent");
        return;
    }
    printf("  canary    %s, sent %.19sZ", report_get(canary, "state"), report_get(canary, "sent_at"));
    if (json_is_integer(latency))
        printf(", landed after %s",
               time_length(json_integer_value(latency) * NANOS_PER_MS, length, sizeof length));
    if (*report_get(evidence, "folder")) {
        printf(" in ");
        report_print(evidence, "folder");
    }
    if (json_is_true(json_object_get(evidence, "altered")))
        printf(", altered");
    if (*report_get(canary, "cause")) {
        printf(": ");
        report_print(canary, "cause");
    }
    putchar('\n');
}

static void print_rate(const char *label, const json_t *rate)
{
    char p50[32], p99[32];
    json_int_t sent = json_integer_value(json_object_get(rate, "sent"));
    json_int_t landed = json_integer_value(json_object_get(rate, "landed"));
    if (sent == 0)
        return;
    printf("  %-8s  %lld of %lld landed", label, (long long)landed, (long long)sent);
    if (landed)
        printf(
            ", p50 %s, p99 %s",
            time_length(json_integer_value(json_object_get(rate, "p50_ms")) * NANOS_PER_MS, p50, sizeof p50),
            time_length(json_integer_value(json_object_get(rate, "p99_ms")) * NANOS_PER_MS, p99, sizeof p99));
    putchar('\n');
}

static void print_troubles(const json_t *troubles)
{
    size_t i;
    json_t *trouble;
    json_array_foreach(troubles, i, trouble)
    {
        term_print(stdout, TERM_RED, "  trouble   ");
        printf("%s since %.19sZ: ", report_get(trouble, "kind"), report_get(trouble, "since"));
        report_print(trouble, "text");
        if (*report_get(trouble, "advice")) {
            printf("\n            what to do: ");
            report_print(trouble, "advice");
        }
        putchar('\n');
    }
}

static void print_facts(json_t *facts)
{
    const char *name;
    json_t *fact;
    json_object_foreach(facts, name, fact)
    {
        printf("  found     ");
        term_text(stdout, sv_of(name));
        printf(": ");
        report_print(fact, "value");
        printf(" (since %.10s)\n", report_get(fact, "since"));
    }
}

static int print_path(void *arg, const json_t *path)
{
    struct showing *showing = arg;
    showing->any = true;
    if (showing->json) {
        report_line(path);
        return 0;
    }
    print_state(path);
    print_canary(json_object_get(path, "canary"));
    print_rate("day", json_object_get(path, "day"));
    print_rate("month", json_object_get(path, "month"));
    print_troubles(json_object_get(path, "troubles"));
    print_facts(json_object_get(path, "facts"));
    return 0;
}

static int status_from_store(const struct config *config, struct showing *showing, struct err *err)
{
    const char *names[CONFIG_GATEWAYS_MAX];
    struct store *store;
    size_t i;
    json_t *path;
    if (store_open_reader(config->state_directory, &store, err) < 0)
        return -1;
    for (i = 0; i < config->gateway_count; i++)
        names[i] = config->gateways[i].name;
    json_t *paths = path_status_read(store, names, config->gateway_count, loop_now(), err);
    json_array_foreach(paths, i, path) print_path(showing, path);
    store_close(store);
    int outcome = paths ? 0 : -1;
    json_decref(paths);
    return outcome;
}

static int show_status(const struct config *config, struct showing *showing, struct err *err)
{
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("path-status"));
    int outcome = control_ask(config, "control", request, ANSWER_MAX, print_path, showing, err);
    /* None runs, or it ended just now. */
    if (outcome < 0 && err->class == ERR_UNAVAILABLE && !showing->any)
        return status_from_store(config, showing, err);
    return outcome;
}

int cmd_path_status(int argc, char **argv)
{
    const char *path = NULL;
    struct showing showing = {0};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &showing.json},
    };
    int exit_code;
    struct err err;
    if (!command_options("path status", specs, 2, &argc, argv, &exit_code))
        return exit_code;
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    int outcome = show_status(config, &showing, &err);
    config_free(config);
    return outcome < 0 ? term_error(&err) : 0;
}
