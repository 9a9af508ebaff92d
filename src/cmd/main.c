#include "base/buf.h"
#include "cmd/command.h"
#include "cmd/options.h"
#include "cmd/term.h"
#include "config/config.h"

#include <locale.h>
#include <signal.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    int words; /* at most, beside the options */
    const char *arguments, *help;
} commands[] = {
#define X(name, function, words, arguments, help) {name, cmd_##function, words, arguments, help},
    COMMANDS(X)
#undef X
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* The words of argv that name a command: 0 for none, else how many words its name has. */
static int match(const struct command *command, int argc, char **argv)
{
    sv rest = sv_of(command->name);
    int words = 0;
    while (rest.p) {
        sv word = sv_split(&rest, ' ');
        if (words >= argc || !sv_eq(sv_of(argv[words]), word))
            return 0;
        words++;
    }
    return words;
}

static const struct command *find(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        *ret_words = match(&commands[i], argc, argv);
        if (*ret_words)
            return &commands[i];
    }
    return NULL;
}

void command_usage(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            printf("usage: vedette %s %s\n\n%s\n\n", name, commands[i].arguments, commands[i].help);
}

static int words_fit(const char *name, int count, char **words, struct err *err)
{
    int max = COMMAND_WORDS_ANY;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            max = commands[i].words;
    if (count <= max)
        return 0;
    return err_set(err, ERR_USAGE, "--help shows what it takes", "there is no use for \"%s\"", words[max]);
}

bool command_options(const char *name, const struct option_spec *specs, size_t count, int *argc, char **argv,
                     int *ret_exit)
{
    struct err err;
    for (int i = 0; i < *argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            command_usage(name);
            options_help(specs, count, stdout);
            *ret_exit = 0;
            return false;
        }
    if (options_parse(specs, count, *argc, argv, argc, &err) == 0 && words_fit(name, *argc, argv, &err) == 0)
        return true;
    err_prefix(&err, "%s", name);
    *ret_exit = term_error(&err);
    return false;
}

static void print_command(const struct command *command, FILE *out)
{
    fprintf(out, "  %-15s %s\n", command->name, command->help);
}

/* Whether "rules check" begins with the word "rules". */
static bool begins_with(const struct command *command, const char *word)
{
    sv rest = sv_of(command->name);
    return sv_eq(sv_split(&rest, ' '), sv_of(word));
}

/* False: no command's name begins with that word. */
static bool print_group(const char *word)
{
    bool any = false;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!begins_with(&commands[i], word))
            continue;
        if (!any)
            printf("usage: vedette %s COMMAND [OPTIONS]\n\n", word);
        print_command(&commands[i], stdout);
        any = true;
    }
    return any;
}

static void print_overview(FILE *out)
{
    fputs("Vedette watches privileged activity and gets the alert to a person's inbox, and proves that it "
          "arrived.\n\n"
          "usage: vedette COMMAND [OPTIONS]\n\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        print_command(&commands[i], out);
    fputs("\n`vedette COMMAND --help` lists a command's options. The configuration is "
          "/etc/vedette/vedette.yaml, or -c FILE.\n",
          out);
}

/* "rules" alone, or with another word behind it, is the beginning of some commands: which? */
static int unknown_command(const char *word)
{
    char among[256] = "";
    struct err err;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t used = strlen(among);
        if (begins_with(&commands[i], word))
            snprintf(among + used, sizeof among - used, "%s`vedette %s`", used ? ", " : "", commands[i].name);
    }
    err_set(&err, ERR_USAGE, among[0] ? among : "`vedette help` lists the commands",
            among[0] ? "\"%s\" is the beginning of a command" : "there is no command \"%s\"", word);
    return term_error(&err);
}

int cmd_help(int argc, char **argv)
{
    int words;
    if (argc == 1 && strcmp(argv[0], "config") == 0) {
        struct buf text = BUF_INIT(256 * 1024);
        config_describe(&text);
        fwrite(buf_view(&text).p, 1, buf_view(&text).n, stdout);
        buf_free(&text);
        return 0;
    }
    const struct command *command = argc ? find(argc, argv, &words) : NULL;
    if (command && command->run != cmd_help) {
        char ask[] = "--help", *ask_argv[] = {ask, NULL};
        return command->run(1, ask_argv);
    }
    if (argc && !command && argv[0][0] != '-')
        return print_group(argv[0]) ? 0 : unknown_command(argv[0]);
    print_overview(stdout);
    return 0;
}

int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("vedette " VEDETTE_VERSION);
    return 0;
}

static int run(int argc, char **argv)
{
    const char *self = strrchr(argv[0], '/');
    self = self ? self + 1 : argv[0];
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    /* Linked as sendmail: cron and mail(1) call that name. */
    if (strcmp(self, "sendmail") == 0)
        return cmd_send(argc - 1, argv + 1);
    if (argc == 3 && strcmp(argv[1], "--child") == 0)
        return cmd_child(argv[2]);
    if (argc < 2) {
        print_overview(stderr);
        return 64;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return cmd_help(0, NULL);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return cmd_version(0, NULL);
    int words;
    const struct command *command = find(argc - 1, argv + 1, &words);
    if (command)
        return command->run(argc - 1 - words, argv + 1 + words);
    bool asks = argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
    return asks && print_group(argv[1]) ? 0 : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    return term_end(run(argc, argv));
}
