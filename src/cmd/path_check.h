/* What the files of `vedette path check` share: the options as given, and the ways to print a check. */
#ifndef VEDETTE_CMD_PATH_CHECK_H
#define VEDETTE_CMD_PATH_CHECK_H

#include "cmd/options.h"
#include "courier/check.h"

struct path_options {
    /* Which gateway */
    const char *config, *address, *host;
    int64_t port;
    const char *security, *verify_name, *ca_file, *pin;
    /* What is asked of it */
    const char *username, *password_file, *auth, *helo, *sender, *timeout;
    struct option_list recipients, resolvers;
    bool no_rcpt, no_relay_test, send;
    /* How it is told */
    bool json, nagios, transcript;
    int64_t warning_days, critical_days;
};

/* One way to tell a check. state points to what begin made. */
struct path_printer {
    void *(*begin)(const struct path_options *options, const struct check_request *request);
    void (*hop)(void *state, const struct check_hop *hop);
    void (*line)(void *state, char who, sv line);               /* only with --transcript; may be NULL */
    int (*end)(void *state, const struct check_report *report); /* frees state; returns the exit code */
};

extern const struct path_printer path_text, path_json, path_nagios;

/* What was checked, for people: its address, or the name that leads to none. */
const char *path_where(const struct check_request *request, const struct check_report *report);

/* The exit code of a check that told this: 0 with ok or warn, else sysexits(3) by cause. */
int path_exit_code(const struct check_report *report);

/* Appends the configuration that would use what was found. False, and nothing is appended, for a gateway that
 * is configured already or where nobody spoke SMTP or TLS. */
bool path_stanza(const struct check_request *request, const struct check_report *report, struct buf *out);

/* The command that saves the certificates of a gateway that is not trusted; false when it would not help. */
bool path_save_command(const struct check_request *request, const struct check_report *report, char *text,
                       size_t cap);

/* "starttls", "tls" or "none". */
const char *path_security_name(enum smtp_security security);
bool path_security_parse(const char *text, enum smtp_security *ret);

/* The gateway's password: from --password-file, the daemon, or, without one, the provider. 0, and *ret is
 * untouched, when it has none. */
int path_password(const struct path_options *options, const struct config *config,
                  const struct config_gateway *gateway, struct secret **ret, struct err *err);

#endif
