/* `vedette gateway passwd`: from a password to what the keeper may store of it. */
#include "cmd/command.h"
#include "cmd/options.h"
#include "cmd/term.h"
#include "secret/account_key.h"

#include <sodium.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

/* One line of standard input, without its end; what a terminal shows of it is nothing. False: none came. */
static bool read_password(char password[static ACCOUNT_PASSWORD_MAX + 2])
{
    struct termios shown, hidden;
    bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "Password: ");
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    bool read = fgets(password, ACCOUNT_PASSWORD_MAX + 2, stdin) != NULL;
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fprintf(stderr, "\n");
    }
    size_t n = read ? strcspn(password, "\n") : 0;
    password[n] = '\0';
    return read;
}

int cmd_gateway_passwd(int argc, char **argv)
{
    bool argon2id = false;
    const struct option_spec specs[] = {
        {"argon2id", 0, OPTION_FLAG, NULL,
         "a key for PLAIN and LOGIN alone (default: SCRAM-SHA-256, for all)", &argon2id},
    };
    int exit_code;
    struct err err;
    if (!command_options("gateway passwd", specs, 1, &argc, argv, &exit_code))
        return exit_code;
    if (argc > 0) {
        err_set(&err, ERR_USAGE, "a command line is seen by every user of this machine",
                "the password is read from standard input, and nothing else is taken");
        return term_error(&err);
    }
    char password[ACCOUNT_PASSWORD_MAX + 2] = "";
    struct buf key = BUF_INIT(ACCOUNT_KEY_TEXT_MAX);
    bool read = read_password(password);
    int failed = read ? account_key_make(argon2id ? ACCOUNT_KEY_ARGON2ID : ACCOUNT_KEY_SCRAM, sv_of(password),
                                         &key, &err)
                      : err_set(&err, ERR_NO_INPUT, "give it on standard input", "there is no password");
    sodium_memzero(password, sizeof password);
    if (!failed)
        printf("%.*s\n", SV_ARG(buf_view(&key)));
    buf_free(&key);
    return failed ? term_error(&err) : 0;
}
