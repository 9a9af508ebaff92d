/* `vedette landing confirm TOKEN`: where nobody but its reader can see that a mail has arrived. */
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/term.h"

#define ANSWER_MAX (30 * NANOS_PER_SECOND)

static int take_count(void *arg, const json_t *answer)
{
    *(int64_t *)arg = json_integer_value(json_object_get(answer, "messages"));
    return 0;
}

static int confirm(const struct config *config, const char *token, int64_t *ret_messages, struct err *err)
{
    struct control_client *client;
    if (control_connect(config, &client, err) < 0) {
        if (err->class == ERR_UNAVAILABLE)
            return err_set(err, ERR_UNAVAILABLE, "start `vedette run`, then confirm it again",
                           "no daemon runs that could write it down");
        return -1;
    }
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("confirm"));
    json_object_set_new(request, "token", json_string(token));
    int outcome = control_request(client, request, ANSWER_MAX, take_count, ret_messages, err);
    control_close(client);
    return outcome;
}

int cmd_landing_confirm(int argc, char **argv)
{
    const char *path = NULL;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
    };
    int exit_code;
    int64_t messages = 0;
    struct err err;
    if (!command_options("landing confirm", specs, 1, &argc, argv, &exit_code))
        return exit_code;
    if (argc != 1) {
        err_set(&err, ERR_USAGE, "it stands in the text of the test message", "one TOKEN is needed");
        return term_error(&err);
    }
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    int outcome = confirm(config, argv[0], &messages, &err);
    config_free(config);
    if (outcome < 0)
        return term_error(&err);
    printf("landed: %lld message%s\n", (long long)messages, messages == 1 ? "" : "s");
    return 0;
}
