/* `vedette alerts` and `vedette queue`: from the daemon, or from its store while it does not run. */
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"

#include <stdlib.h>

#define ABSENT     INT64_MIN /* of --id: no number that anybody gives */
#define ANSWER_MAX (60 * NANOS_PER_SECOND)
enum { REPLY_COLUMN = 14, REPLY_BYTES_MAX = 160 };

struct list {
    bool alerts, json, all;
    int64_t id;
    size_t rows;
};

static enum term_style state_style(const char *state)
{
    if (strcmp(state, "landed") == 0 || strcmp(state, "handed-over") == 0)
        return TERM_GREEN;
    return strcmp(state, "queued") == 0 || strcmp(state, "raised") == 0 ? TERM_YELLOW : TERM_RED;
}

static void print_labelled(const char *label, const json_t *object, const char *key)
{
    if (!*report_get(object, key))
        return;
    printf("%s", label);
    report_print(object, key);
}

/* What the gateway said, on a line of its own and no longer than is read at a glance: the whole of it is in
 * the JSON. */
static void print_reply(const json_t *message)
{
    const char *reply = report_get(message, "reply");
    size_t n = strlen(reply);
    if (n == 0)
        return;
    printf("%*s", REPLY_COLUMN, "");
    term_print(stdout, TERM_DIM, "said: ");
    if (n > REPLY_BYTES_MAX)
        for (n = REPLY_BYTES_MAX; ((unsigned char)reply[n] & 0xc0) == 0x80; n--)
            ;
    term_text(stdout, sv_make(reply, n));
    puts(reply[n] ? "…" : "");
}

static void print_message(const json_t *message, bool indented)
{
    const char *state = report_get(message, "state");
    bool good = strcmp(state, "landed") == 0 || strcmp(state, "handed-over") == 0;
    int64_t attempts = json_integer_value(json_object_get(message, "attempts"));
    printf("%s%5lld  ", indented ? "       " : "", report_number(message, "id"));
    term_print(stdout, state_style(state), "%-11s", state);
    print_labelled("  ", message, "recipient");
    print_labelled(" over ", message, "gateway");
    print_labelled(" as ", message, "queue_id");
    if (good) {
        printf(" at ");
        report_print_time(message, *report_get(message, "landed_at") ? "landed_at" : "handed_over_at");
    } else if (attempts)
        printf(", %lld attempt%s", (long long)attempts, attempts == 1 ? "" : "s");
    print_labelled(": ", message, "cause");
    if (attempts && *report_get(message, "next_attempt_at")) {
        printf(", again at ");
        report_print_time(message, "next_attempt_at");
    }
    putchar('\n');
    if (!good)
        print_reply(message);
}

static void print_alert(const json_t *alert)
{
    size_t i;
    json_t *message;
    printf("%5lld  ", report_number(alert, "id"));
    report_print_time(alert, "raised_at");
    printf("  ");
    term_print(stdout, state_style(report_get(alert, "state")), "%-11s", report_get(alert, "state"));
    term_print(stdout, TERM_BOLD, "  %-13s  ", report_get(alert, "severity"));
    report_print(alert, "title");
    json_int_t count = json_integer_value(json_object_get(alert, "count"));
    if (count > 1)
        printf(" (%lld times)", (long long)count);
    putchar('\n');
    json_array_foreach(json_object_get(alert, "messages"), i, message) print_message(message, true);
}

static int print_row(void *arg, const json_t *row)
{
    struct list *list = arg;
    list->rows++;
    if (list->json)
        report_line(row);
    else if (list->alerts)
        print_alert(row);
    else
        print_message(row, false);
    return ferror(stdout);
}

static int on_alert(void *arg, const struct store_alert *alert, const struct store_message *messages,
                    size_t count)
{
    struct list *list = arg;
    if (list->id && alert->id != list->id)
        return 1;
    json_t *row = report_alert(alert, messages, count);
    print_row(list, row);
    json_decref(row);
    return 0;
}

static int on_message(void *arg, const struct store_message *message)
{
    json_t *row = report_message(message, true);
    print_row(arg, row);
    json_decref(row);
    return 0;
}

static int list_from_store(const struct config *config, struct list *list, struct err *err)
{
    struct store *store;
    if (store_open_reader(config->state_directory, &store, err) < 0)
        return -1;
    int outcome = list->alerts ? store_alerts(store, list->id, 0, on_alert, list, err)
                               : store_messages(store, 0, list->all, on_message, list, err);
    store_close(store);
    return outcome;
}

static int list_from_daemon(struct control_client *client, struct list *list, struct err *err)
{
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string(list->alerts ? "alerts" : "queue"));
    json_object_set_new(request, "all", json_boolean(list->all));
    json_object_set_new(request, "id", json_integer(list->id));
    return control_request(client, request, ANSWER_MAX, print_row, list, err);
}

static int run_list(const char *path, struct list *list)
{
    int exit_code;
    struct err err;
    struct control_client *client;
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    int outcome = control_connect(config, &client, &err);
    if (outcome == 0) {
        outcome = list_from_daemon(client, list, &err);
        control_close(client);
    }
    /* None runs, or it ended just now. */
    if (outcome < 0 && err.class == ERR_UNAVAILABLE && list->rows == 0)
        outcome = list_from_store(config, list, &err);
    config_free(config);
    if (outcome < 0)
        return term_error(&err);
    if (list->rows == 0 && list->id) {
        err_set(&err, ERR_NO_INPUT, "`vedette alerts` lists them", "there is no alert %lld",
                (long long)list->id);
        return term_error(&err);
    }
    if (list->rows == 0 && !list->json)
        puts(list->alerts ? "no alerts" : "the queue is empty");
    return 0;
}

int cmd_alerts(int argc, char **argv)
{
    const char *path = NULL;
    int64_t id = ABSENT;
    struct list list = {.alerts = true};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"id", 0, OPTION_NUMBER, "N", "only this alert", &id},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &list.json},
    };
    int exit_code;
    struct err err;
    if (!command_options("alerts", specs, 3, &argc, argv, &exit_code))
        return exit_code;
    if (id != ABSENT && options_range("id", id, 1, INT64_MAX, &err) < 0)
        return term_error(&err);
    list.id = id == ABSENT ? 0 : id;
    return run_list(path, &list);
}

int cmd_queue(int argc, char **argv)
{
    const char *path = NULL;
    struct list list = {0};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"all", 0, OPTION_FLAG, NULL, "those that have ended too", &list.all},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &list.json},
    };
    int exit_code;
    return command_options("queue", specs, 3, &argc, argv, &exit_code) ? run_list(path, &list) : exit_code;
}
