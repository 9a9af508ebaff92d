/* `vedette gateway test`: the tests that stand beside the guard rails. */
#include "cmd/command.h"
#include "cmd/gateway_rules.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "gateway/guard_cases.h"
#include "io/durable.h"

enum { FILE_BYTES_MAX = 4 * 1024 * 1024, EXIT_FAILED = 65 };

struct testing {
    bool json;
    const char *file;
};

static const char *result_name(enum guard_case_result result)
{
    switch (result) {
    case GUARD_CASE_PASSED:
        return "passed";
    case GUARD_CASE_FAILED:
        return "failed";
    case GUARD_CASE_BROKEN:
        return "broken";
    }
    return "";
}

static void on_case(void *arg, const struct guard_case *one)
{
    const struct testing *testing = arg;
    if (testing->json) {
        json_t *json = json_object();
        json_object_set_new(json, "result", json_string(result_name(one->result)));
        json_object_set_new(json, "file", report_text(sv_of(testing->file)));
        json_object_set_new(json, "line", json_integer(one->line));
        json_object_set_new(json, "name", report_text(one->name));
        json_object_set_new(json, "message", report_text(sv_of(one->message)));
        report_line_new(json);
    } else if (one->result != GUARD_CASE_PASSED) {
        term_print(stdout, TERM_BOLD, "%s:%d:%d: ", testing->file, one->line, one->column);
        term_text(stdout, one->name);
        printf("%s", one->name.n ? ": " : "");
        term_text(stdout, sv_of(one->message));
        putchar('\n');
    }
}

static int test_file(const struct guard *guard, struct testing *testing, struct guard_case_counts *total,
                     struct err *err)
{
    struct buf text = BUF_INIT(FILE_BYTES_MAX);
    struct guard_case_counts counts;
    int outcome = file_read(testing->file, &text, err);
    if (outcome == 0) {
        guard_cases_run(guard, buf_view(&text), on_case, testing, &counts);
        total->passed += counts.passed;
        total->failed += counts.failed;
        total->broken += counts.broken;
    }
    buf_free(&text);
    return outcome;
}

int cmd_gateway_test(int argc, char **argv)
{
    const char *path = NULL;
    struct testing testing = {0};
    struct guard_case_counts total = {0};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE",
         "the rules (default: " GATEWAY_DEFAULT_PATH ", else vedette.yaml)", &path},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a test", &testing.json},
    };
    int exit_code, outcome = 0;
    struct err err;
    if (!command_options("gateway test", specs, 2, &argc, argv, &exit_code))
        return exit_code;
    if (argc == 0) {
        err_set(&err, ERR_USAGE, "`vedette gateway test --help`", "gateway test wants a file with tests");
        return term_error(&err);
    }
    struct guard *guard = gateway_rules_or_complain(path, NULL, &exit_code);
    if (!guard)
        return exit_code;
    for (int i = 0; i < argc && outcome == 0; i++) {
        testing.file = argv[i];
        outcome = test_file(guard, &testing, &total, &err);
    }
    guard_free(guard);
    if (outcome < 0)
        return term_error(&err);
    bool bad = total.failed || total.broken;
    if (!testing.json)
        term_print(stdout, bad ? TERM_RED : TERM_GREEN, "%zu tests passed, %zu failed, %zu broken\n",
                   total.passed, total.failed, total.broken);
    return bad ? EXIT_FAILED : 0;
}
