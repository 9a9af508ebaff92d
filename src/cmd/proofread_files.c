/* The files that TLS and PAM need: there, readable by who needs them, fit for each other, and not past their
 * end. */
#include "cmd/proofread_private.h"

#include "io/loop.h"
#include "io/tls_report.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"

enum { SOON_DAYS = 14 };

static const char renew[] = "renew it: clients refuse it";
static const char open_up[] = "certificates are no secret: chmod a+r";

/* Whether it is there for its reader. Silent where we ourselves may not look. */
static bool is_readable(struct proofread *check, const struct config *config,
                        const struct proofread_server *server, const char *what, const char *path,
                        const struct config_place *place, const char *advice)
{
    if (access(path, F_OK) < 0 && errno == EACCES)
        return false;
    if (access(path, F_OK) < 0) {
        COMPLAIN(check, place, "check the path", "%s: the %s %s is not there", server->label, what, path);
        return false;
    }
    if (!proofread_role_reads(check, server->role, config, path)) {
        COMPLAIN(check, place, advice, "%s: the %s %s cannot be read by user %s", server->label, what, path,
                 confine_user(server->role));
        return false;
    }
    return access(path, R_OK) == 0;
}

static const char *date(nanos when, char text[static 40])
{
    time_rfc3339(when, text, 40);
    return text;
}

/* False: it is of no use. */
static bool check_dates(struct proofread *check, const struct proofread_server *server,
                        const struct tls_file *file)
{
    const struct tls_certificate *own = &file->first;
    const struct config_place *place = &server->certificate_place;
    char when[40];
    nanos now = loop_now();
    if (own->not_after <= now)
        COMPLAIN(check, place, renew, "%s: the certificate %s expired at %s", server->label,
                 server->certificate, date(own->not_after, when));
    else if (own->not_before > now)
        COMPLAIN(check, place, "wait, or see to the clock", "%s: the certificate %s is not valid before %s",
                 server->label, server->certificate, date(own->not_before, when));
    else if (file->first_end <= now)
        COMPLAIN(check, place, "put the issuer's present certificate behind ours",
                 "%s: a certificate behind the first in %s expired at %s", server->label, server->certificate,
                 date(file->first_end, when));
    else if (own->not_after - now < SOON_DAYS * 86400 * NANOS_PER_SECOND)
        proofread_warn(check, arena_printf(check->arena, "%s: the certificate %s expires at %s.",
                                           server->label, server->certificate, date(own->not_after, when))
                                  .p);
    return own->not_after > now;
}

static bool check_certificate(struct proofread *check, const struct config *config,
                              const struct proofread_server *server)
{
    struct tls_file file;
    struct err err;
    if (!is_readable(check, config, server, "certificate", server->certificate, &server->certificate_place,
                     open_up))
        return false;
    if (tls_file_look(server->certificate, &file, &err) == 0)
        return check_dates(check, server, &file);
    COMPLAIN(check, &server->certificate_place, err.advice, "%s: certificate: %s", server->label, err.cause);
    return false;
}

static void check_key(struct proofread *check, const struct config *config,
                      const struct proofread_server *server, bool certificate)
{
    struct tls_context *context = NULL;
    struct stat st;
    struct err err;
    const char *advice = arena_printf(check->arena, "chown %s it, mode 0400", confine_user(server->role)).p;
    if (!is_readable(check, config, server, "key", server->key, &server->key_place, advice))
        return;
    if (stat(server->key, &st) == 0 && st.st_mode & S_IROTH)
        proofread_warn(check,
                       arena_printf(check->arena, "%s: everybody may read the private key %s: chmod 0400.",
                                    server->label, server->key)
                           .p);
    if (certificate && tls_server_context(server->certificate, server->key, NULL, &context, &err) < 0)
        COMPLAIN(check, &server->key_place, err.advice, "%s: key: %s", server->label, err.cause);
    tls_context_free(context);
}

static void check_client_ca(struct proofread *check, const struct config *config,
                            const struct proofread_server *server)
{
    const struct config_place *place = &server->client_ca_place;
    struct tls_file file;
    struct err err;
    char when[40];
    nanos now = loop_now();
    if (!is_readable(check, config, server, "client_ca", server->client_ca, place, open_up))
        return;
    if (tls_file_look(server->client_ca, &file, &err) < 0)
        COMPLAIN(check, place, err.advice, "%s: client_ca: %s", server->label, err.cause);
    else if (file.last_end <= now)
        COMPLAIN(check, place, "put the authority's present certificate there",
                 "%s: the client_ca %s expired at %s: no client's certificate is taken", server->label,
                 server->client_ca, date(file.last_end, when));
    else if (file.first_end <= now)
        proofread_warn(check,
                       arena_printf(check->arena, "%s: an authority in the client_ca %s expired at %s.",
                                    server->label, server->client_ca, date(file.first_end, when))
                           .p);
}

void proofread_server(struct proofread *check, const struct config *config,
                      const struct proofread_server *server)
{
    bool certificate = server->certificate && check_certificate(check, config, server);
    if (server->key)
        check_key(check, config, server, certificate);
    if (server->client_ca)
        check_client_ca(check, config, server);
}

void proofread_peer(struct proofread *check, const struct config *config, const struct proofread_peer *peer)
{
    struct tls_context *context = NULL;
    struct tls_trust trust = {.ca_file = peer->ca_file, .ca_directory = peer->ca_directory, .pin = peer->pin};
    struct err err;
    if (peer->security != SMTP_SECURITY_NONE && tls_client_context(&trust, &context, &err) < 0)
        COMPLAIN(check, peer->place, err.advice, "%s %s: %s", peer->kind, peer->name, err.cause);
    else if (peer->ca_file && !proofread_role_reads(check, peer->role, config, peer->ca_file))
        COMPLAIN(check, peer->place, open_up, "%s %s: %s cannot be read by user %s", peer->kind, peer->name,
                 peer->ca_file, confine_user(peer->role));
    tls_context_free(context);
}

/* PAM makes the service's name lower-case. */
static bool has_service(const char *folder, const char *service)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/", folder);
    for (const char *p = service; *p && n > 0 && (size_t)n + 1 < sizeof path; p++)
        path[n++] = ascii_lower(*p);
    path[n] = '\0';
    return access(path, F_OK) == 0 || errno == EACCES;
}

void proofread_pam(struct proofread *check, const struct config *config)
{
    const char *own = config->relay.pam_directory;
    for (size_t i = 0; i < config->relay.account_count; i++) {
        const struct config_account *account = &config->relay.accounts[i];
        if (account->pam && !has_service(own ? own : "/etc/pam.d", account->pam) &&
            (own || !has_service("/usr/lib/pam.d", account->pam)))
            COMPLAIN(check, &account->place,
                     "write it: one line for auth and one for account, as doc/gateway.md shows",
                     "account %s: PAM has no service %s in %s", account->name, account->pam,
                     own ? own : "/etc/pam.d");
    }
}
