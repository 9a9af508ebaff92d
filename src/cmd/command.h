/* The commands: one table, one file each. */
#ifndef VEDETTE_CMD_COMMAND_H
#define VEDETTE_CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum { COMMAND_WORDS_ANY = 1 << 20 };

/* name, C name, how many words beside the options it looks at, arguments in the usage line, what it does. A
 * longer name stands before its beginning. */
#define COMMANDS(X)                                                                                         \
    X("run", run, 0, "[-c FILE]", "watch, alert and deliver until SIGTERM; SIGHUP reloads")                 \
    X("check", check, 0, "[-c FILE] [--json]", "check the configuration and its rules, all errors at once") \
    X("test", test, 0, "[-c FILE] [--gateway NAME]",                                                        \
      "send a harmless alert and follow it to the gateway's answer or its landing")                         \
    X("path check", path_check, 1, "[GATEWAY | IP[:PORT] | NAME[:PORT]] [OPTIONS]",                         \
      "walk the way to a gateway hop by hop, and say what is wrong with it and what to do")                 \
    X("path status", path_status, 0, "[-c FILE] [--json]",                                                  \
      "how each gateway is now, and how its canaries have done")                                            \
    X("landing confirm", landing_confirm, 1, "[-c FILE] TOKEN",                                             \
      "say that the test message with this token has arrived")                                              \
    X("path reviewed", path_reviewed, 1, "[-c FILE] GATEWAY",                                               \
      "a gateway's settings were looked at: what is found of it now is what is expected")                   \
    X("ways test", ways_test, 1, "[-c FILE] [--json] [NAME]",                                               \
      "send a test notice over the other ways out, and say what each answered")                             \
    X("send", send, COMMAND_WORDS_ANY, "[-c FILE] [-t] [-f SENDER] [RECIPIENT…]",                           \
      "queue a mail, or an alert, from standard input (sendmail's form too)")                               \
    X("alerts", alerts, 0, "[-c FILE] [--id N] [--json]", "every alert, and where its messages are")        \
    X("queue", queue, 0, "[-c FILE] [--all] [--json]", "messages that are still owed")                      \
    X("follow", follow, 0, "[-c FILE] [--next | --id N]", "watch an alert's way, step by step")             \
    X("inbox", inbox, 1, "[-c FILE] [N]", "the mail in our own gateway's Maildir")                          \
    X("gateway passwd", gateway_passwd, COMMAND_WORDS_ANY, "[--argon2id]",                                  \
      "make the stored key of an account from the password on standard input")                              \
    X("gateway explain", gateway_explain, 0, "--from IP --rcpt ADDRESS [OPTIONS]",                          \
      "which guard rail decides about a message, and why, without sending it")                              \
    X("gateway test", gateway_test, COMMAND_WORDS_ANY, "[-c FILE] [--json] FILE…",                          \
      "run the tests beside the guard rails")                                                               \
    X("gateway top", gateway_top, 0, "[-c FILE] [--once] [--json]",                                         \
      "who sends what through our gateway, as it happens")                                                  \
    X("gateway queue", gateway_queue, 2, "[-c FILE] [--json] [ACTION ID]",                                  \
      "what our gateway still has to deliver: list, show, hold, release, retry, delete, requeue")           \
    X("gateway", gateway, COMMAND_WORDS_ANY, "[-c FILE]",                                                   \
      "our own gateway alone, until SIGTERM; SIGHUP reloads")                                               \
    X("metrics", metrics, 0, "[-c FILE]", "every process's counters, as Prometheus reads them")             \
    X("rules check", rules_check, COMMAND_WORDS_ANY, "[--json] PATH…",                                      \
      "load rules and say what is wrong with them")                                                         \
    X("rules test", rules_test, COMMAND_WORDS_ANY, "[--json] PATH…", "run the examples beside the rules")   \
    X("rules match", rules_match, COMMAND_WORDS_ANY, "--rules PATH… [FILE…]",                               \
      "what the rules find in events, as JSON lines")                                                       \
    X("watch learn", watch_learn, COMMAND_WORDS_ANY, "[-c FILE] [--anew] FILE…",                            \
      "give correlations and baselines the history in files, the oldest first; while no daemon runs")       \
    X("rules list", rules_list, COMMAND_WORDS_ANY, "[--json] [PATH…]", "every rule that is loaded")         \
    X("rules import", rules_import, COMMAND_WORDS_ANY, "[--json] DIR",                                      \
      "what of a Sigma repository loads, what not, and why")                                                \
    X("rules explain", rules_explain, COMMAND_WORDS_ANY, "[--rules PATH] [EVENT…]",                         \
      "why which rules match an event")                                                                     \
    X("rules why-not", rules_why_not, COMMAND_WORDS_ANY, "[--rules PATH] RULE [EVENT…]",                    \
      "which part of a rule an event fails, with the values compared")                                      \
    X("rules backtest", rules_backtest, COMMAND_WORDS_ANY, "[--rules PATH] [--json] LOG…",                  \
      "how often each rule would have fired on logs of the past, and what it cost, on all cores")           \
    X("rules top", rules_top, 0, "[-c FILE] [--once] [--json]",                                             \
      "what each rule costs in the daemon that runs, and how often it matches")                             \
    X("events decode", events_decode, COMMAND_WORDS_ANY, "[--format FORM] [FILE…]",                         \
      "what the decoders make of each record")                                                              \
    X("help", help, COMMAND_WORDS_ANY, "[COMMAND | config]",                                                \
      "this text, a command's, or every key of the configuration")                                          \
    X("version", version, 0, "", "the version")

/* argc and argv begin after the command's name. Each returns its exit code (sysexits(3)). */
#define X(name, function, words, arguments, help) int cmd_##function(int argc, char **argv);
COMMANDS(X)
#undef X

/* A process of `vedette run`, such as "courier" or "watch-2" (cmd/process_name.h), talking to its parent on
 * descriptor 3. */
int cmd_child(const char *name);

/* Prints "usage: vedette NAME ARGUMENTS" and what it does; options follow from the caller. */
void command_usage(const char *name);

struct option_spec;

/* Parses the options of command `name`, and serves --help. True: go on; false: *ret_exit is the exit code. */
bool command_options(const char *name, const struct option_spec *specs, size_t count, int *argc, char **argv,
                     int *ret_exit);

#endif
