/* `vedette test`: a harmless alert, followed until the gateway's answer or its landing. */
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/follower.h"
#include "cmd/load.h"
#include "cmd/local_courier.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/submission.h"
#include "cmd/term.h"

struct test {
    const char *gateway;
    bool json;
    int64_t seconds;
    nanos first;
    char token[64]; /* that the daemon gave the message; empty: none */
    bool landed;
    /* Without a daemon: */
    struct loop *loop;
    struct follower *follower;
    bool ended;
    struct err err;
};

static int show(void *arg, const json_t *step)
{
    struct test *test = arg;
    if (test->json) {
        report_line(step);
        fflush(stdout);
    } else if (json_object_get(step, "step"))
        report_print_step(step, &test->first);
    sv name = report_view(step, "step");
    const char *token = json_string_value(json_object_get(step, "token"));
    test->landed |= sv_eq(name, SV("landed"));
    if (token)
        sv_copy(test->token, sizeof test->token, sv_of(token));
    return 0;
}

/* A gateway's 250 is no landing, and nobody should take it for one. */
static void say_how_to_confirm(const struct test *test)
{
    if (test->json || test->landed)
        return;
    if (test->token[0])
        printf("\nNobody sees here whether it landed: no gateway that took it has a landing in the "
               "configuration.\n"
               "When you have it in your inbox, confirm it: vedette landing confirm %s\n",
               test->token);
    else
        puts("\nNobody sees here whether it landed: look into your inbox. While `vedette run` is running, a "
             "test can be\n"
             "confirmed, and with a landing in the configuration it is seen.");
}

static json_t *make_request(const struct test *test)
{
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("submit"));
    json_object_set_new(request, "kind", json_string("test"));
    json_object_set_new(request, "follow", json_true());
    if (test->gateway)
        json_object_set_new(request, "gateway", json_string(test->gateway));
    return request;
}

static void on_step(void *arg, const struct courier_step *step, const struct err *err)
{
    struct test *test = arg;
    if (step) {
        json_t *json = report_step(step);
        show(test, json);
        json_decref(json);
        return;
    }
    test->ended = true;
    if (err)
        test->err = *err;
    loop_stop(test->loop);
}

static void on_submitted(void *arg, int64_t alert_id, int64_t mail_id, const struct err *err)
{
    struct test *test = arg;
    if (!err) {
        follower_pick(test->follower, alert_id, mail_id);
        return;
    }
    test->err = *err;
    loop_stop(test->loop);
}

static void on_time_out(void *arg)
{
    struct test *test = arg;
    loop_stop(test->loop);
}

static int run_alone(struct test *test, const struct config *config, struct err *err)
{
    struct local_courier *local;
    struct submission submission;
    json_t *request = make_request(test);
    json_object_set_new(request, "alone", json_true());
    if (local_courier_new(config, &local, err) < 0) {
        json_decref(request);
        return -1;
    }
    struct courier *courier = local_courier_courier(local);
    test->loop = local_courier_loop(local);
    int outcome = submission_read(&submission, request, SV_NONE, loop_now(), err);
    if (outcome == 0) {
        struct loop_timer *limit = loop_timer_new(test->loop, on_time_out, test);
        test->follower = follower_new(courier, FOLLOWER_LATER, on_step, test);
        courier_submit(courier, &submission.courier, on_submitted, test);
        loop_timer_set(limit, test->seconds * NANOS_PER_SECOND);
        loop_run(test->loop);
        loop_timer_free(limit);
        follower_free(test->follower);
        submission_free(&submission);
        if (test->err.class)
            *err = test->err;
        else if (!test->ended)
            err_set(err, ERR_TEMPORARY, "the steps above say how far it came", "no end within %lld s",
                    (long long)test->seconds);
        outcome = test->ended && !test->err.class ? 0 : -1;
    }
    json_decref(request);
    local_courier_free(local);
    return outcome;
}

static bool has_gateway(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->gateway_count; i++)
        if (strcmp(config->gateways[i].name, name) == 0)
            return true;
    return false;
}

static int run_test(struct test *test, const struct config *config, struct err *err)
{
    struct control_client *client;
    if (test->gateway && !has_gateway(config, test->gateway))
        return err_set(err, ERR_USAGE, "the names are in the configuration's gateways",
                       "there is no gateway \"%s\"", test->gateway);
    if (control_connect(config, &client, err) < 0)
        return err->class == ERR_UNAVAILABLE ? run_alone(test, config, err) : -1;
    int outcome =
        control_request(client, make_request(test), test->seconds * NANOS_PER_SECOND, show, test, err);
    control_close(client);
    return outcome;
}

int cmd_test(int argc, char **argv)
{
    const char *path = NULL;
    struct test test = {.seconds = 60};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"gateway", 0, OPTION_TEXT, "NAME", "over this gateway and no other", &test.gateway},
        {"timeout", 0, OPTION_NUMBER, "SECONDS", "how long to follow it (default: 60)", &test.seconds},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &test.json},
    };
    int exit_code;
    if (!command_options("test", specs, 4, &argc, argv, &exit_code))
        return exit_code;
    struct err err;
    if (options_range("timeout", test.seconds, 1, CONTROL_SECONDS_MAX, &err) < 0)
        return term_error(&err);
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    int outcome = run_test(&test, config, &err);
    config_free(config);
    if (outcome < 0)
        return term_error(&err);
    say_how_to_confirm(&test);
    return 0;
}
