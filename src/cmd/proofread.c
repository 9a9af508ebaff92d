#include "cmd/proofread_private.h"

#include "cmd/role.h"
#include "gateway/guard.h"
#include "io/sandbox.h"
#include "io/tls.h"
#include "secret/provider.h"
#include "watch/correlation.h"
#include "watch/rule_book.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { CHECK_BYTES_MAX = 1024 * 1024 };

void proofread_warn(struct proofread *check, const char *text)
{
    if (check->warning_count < PROOFREAD_WARNINGS_MAX)
        check->warnings[check->warning_count++] = arena_sv(check->arena, sv_of(text));
}

static void on_config_warning(void *arg, const char *file, int line, const char *sentence)
{
    struct proofread *check = arg;
    proofread_warn(check, line ? arena_printf(check->arena, "%s:%d: %s", file, line, sentence).p : sentence);
}

static void on_rule_error(void *arg, const struct rule_error *error)
{
    struct proofread *check = arg;
    config_errors_add(&check->errors, error->file, error->line, error->column, NULL, "%s", error->message);
}

/* Without those that cannot be read, so that what the others hold is told at the same time. */
static struct config_strings check_paths(struct proofread *check, const char *key,
                                         const struct config_strings *paths, const struct config_place *place)
{
    struct config_strings ret = {.items = arena_alloc(check->arena, (paths->count + 1) * sizeof *ret.items)};
    for (size_t i = 0; ret.items && i < paths->count; i++)
        if (access(paths->items[i], R_OK) == 0)
            ret.items[ret.count++] = paths->items[i];
        else
            COMPLAIN(check, place, "check the path, and who may read it", "%s: cannot read %s: %s", key,
                     paths->items[i], strerror(errno));
    return ret;
}

static void check_rules(struct proofread *check, const struct config *config)
{
    struct ruleset *ruleset = NULL;
    struct err err;
    struct config readable = *config;
    readable.rules = check_paths(check, "rules", &config->rules, &config->rules_place);
    readable.pipelines = check_paths(check, "pipelines", &config->pipelines, &config->pipelines_place);
    readable.masks = check_paths(check, "masks", &config->masks, &config->masks_place);
    if (rule_book_load(&readable, RULE_BOOK_LOOK, NULL, &ruleset, on_rule_error, check, &err) < 0) {
        COMPLAIN(check, &config->rules_place, err.advice, "rules: %s", err.cause);
        return;
    }
    check->rules = ruleset_count(ruleset) + correlation_count(ruleset);
    ruleset_free(ruleset);
}

bool proofread_role_reads(const struct proofread *check, enum confine_role role, const struct config *config,
                          const char *path)
{
    return !check->whole || !confine_takes_user(role, config, NULL) ||
           sandbox_user_may(confine_user(role), path, R_OK);
}

/* A name with an error is not there. */
static const char *called(const char *name)
{
    return name ? name : "without a name";
}

static void check_gateway(struct proofread *check, const struct config *config,
                          const struct config_gateway *gateway)
{
    const struct proofread_peer peer = {.kind = "gateway",
                                        .name = called(gateway->name),
                                        .role = CONFINE_COURIER,
                                        .security = gateway->security,
                                        .ca_file = gateway->ca_file,
                                        .ca_directory = gateway->ca_directory,
                                        .pin = gateway->pin,
                                        .place = &gateway->place};
    proofread_peer(check, config, &peer);
}

static void check_smarthost(struct proofread *check, const struct config *config,
                            const struct config_smarthost *host)
{
    const struct proofread_peer peer = {.kind = "smarthost",
                                        .name = called(host->name),
                                        .role = CONFINE_GATEWAY,
                                        .security = host->security,
                                        .ca_file = host->ca_file,
                                        .ca_directory = host->ca_directory,
                                        .pin = host->pin,
                                        .place = &host->place};
    proofread_peer(check, config, &peer);
}

/* What is said of the hosts of an MX. */
static void check_route(struct proofread *check, const struct config *config,
                        const struct config_route *route)
{
    const struct proofread_peer peer = {
        .kind = "route",
        .name = called(route->name),
        .role = CONFINE_GATEWAY,
        .security = route->tls == CONFIG_TLS_POLICY_NONE ? SMTP_SECURITY_NONE : SMTP_SECURITY_STARTTLS,
        .ca_file = route->ca_file,
        .place = &route->place};
    if (route->mx)
        proofread_peer(check, config, &peer);
}

/* Names the file, where it is one of the rules', lists', pipelines' or masks'. */
static const char *say_why(struct proofread *check, enum confine_role role, const struct config *config,
                           const char *why)
{
    bool reads = role == CONFINE_WATCH || role == CONFINE_CORRELATE;
    const char *path = reads && getpwnam(confine_user(role)) ? confine_unread_rules(role, config) : NULL;
    const char *exact = path ? arena_printf(check->arena, "this user cannot read %s", path).p : NULL;
    return exact ? exact : why;
}

static void check_users(struct proofread *check, const struct config *config)
{
    const enum confine_role roles[] = {CONFINE_WATCH, CONFINE_CORRELATE, CONFINE_COURIER, CONFINE_GATEWAY};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        const char *user = confine_user(roles[i]), *why, *advice;
        if (confine_takes_user(roles[i], config, &why) || !why)
            continue;
        why = say_why(check, roles[i], config, why);
        advice = getpwnam(user) ? "Folders on the way to it need mode o+x, and files to be read o+r."
                                : "`make install` and systemd-sysusers bring the users.";
        if (config->privileges == CONFIG_PRIVILEGES_REQUIRED)
            config_errors_add(&check->errors, NULL, 0, 0, advice, "%s: %s, and privileges: required", user,
                              why);
        else
            proofread_warn(
                check, arena_printf(check->arena,
                                    "%s: %s. Started by root, its process stays root without its powers. %s",
                                    user, why, advice)
                           .p);
        if (!getpwnam(user)) /* and none of the others */
            return;
    }
}

/* Only those who may enter the folder can say whether a secret is there, so this is silent where it may not
 * look; and the service's credentials are there for the service alone. */
static bool may_look(const struct config *config, const struct provider_context *context, sv reference)
{
    if (sv_starts(reference, SV("systemd/")))
        return context->credentials_directory != NULL;
    return access(config->secrets_directory, X_OK) == 0 || errno != EACCES;
}

static void check_secret(struct proofread *check, const struct config *config,
                         const struct config_secret *secret)
{
    const struct provider_context context = provider_context_of(config);
    struct err err;
    sv reference = sv_of(secret->reference);
    if (!config->secrets_directory || !may_look(config, &context, reference))
        return;
    if (provider_look(&context, reference, &err) < 0) {
        COMPLAIN(check, &secret->place, err.advice, "%s: %s", secret->whose, err.cause);
        return;
    }
    if (!sv_starts(reference, SV("file/")))
        return; /* root reads the service's credentials before the keeper becomes its user */
    const char *path =
        arena_printf(check->arena, "%s/%s", config->secrets_directory, secret->reference + strlen("file/")).p;
    if (path && !proofread_role_reads(check, CONFINE_KEEPER, config, path))
        COMPLAIN(
            check, &secret->place,
            arena_printf(check->arena, "chown %s it and the folder it is in", confine_user(CONFINE_KEEPER)).p,
            "%s: the keeper (user %s) cannot read the secret in %s", secret->whose,
            confine_user(CONFINE_KEEPER), path);
}

static void check_input(struct proofread *check, const struct config *config,
                        const struct config_input *input)
{
    const char *user = confine_user(CONFINE_WATCH);
    const struct proofread_server server = {.label = input->label,
                                            .role = CONFINE_WATCH,
                                            .certificate = input->certificate,
                                            .key = input->key,
                                            .client_ca = input->client_ca,
                                            .certificate_place = input->place,
                                            .key_place = input->place,
                                            .client_ca_place = input->place};
    proofread_server(check, config, &server);
    if (input->file && access(input->file, R_OK) < 0)
        proofread_warn(check,
                       arena_printf(check->arena, "%s cannot be read now; it is waited for", input->file).p);
    else if (input->file && !proofread_role_reads(check, CONFINE_WATCH, config, input->file))
        proofread_warn(
            check,
            arena_printf(check->arena,
                         "%s cannot be read by user %s: put it into the group that may, by usermod -aG",
                         input->file, user)
                .p);
}

static void check_relay(struct proofread *check, const struct config *config)
{
    const struct config_relay *relay = &config->relay;
    const struct proofread_server server = {.label = "relay",
                                            .role = CONFINE_GATEWAY,
                                            .certificate = relay->certificate,
                                            .key = relay->key,
                                            .client_ca = relay->client_ca,
                                            .certificate_place = relay->certificate_place,
                                            .key_place = relay->key_place,
                                            .client_ca_place = relay->client_ca_place};
    if (!relay->present)
        return;
    proofread_server(check, config, &server);
    for (size_t i = 0; i < relay->smarthost_count; i++)
        check_smarthost(check, config, &relay->smarthosts[i]);
    for (size_t i = 0; i < relay->route_count; i++)
        check_route(check, config, &relay->routes[i]);
}

/* What the configuration names, as far as it could be read. */
static void check_files(struct proofread *check, const struct config *config)
{
    for (size_t i = 0; i < config->gateway_count; i++)
        check_gateway(check, config, &config->gateways[i]);
    for (const struct config_secret *secret = config->secrets; secret; secret = secret->next)
        check_secret(check, config, secret);
    for (size_t i = 0; i < config->input_count; i++)
        check_input(check, config, &config->inputs[i]);
    check_relay(check, config);
}

/* What needs all of it. */
static void check_whole(struct proofread *check, const struct config *config)
{
    check->gateways = config->gateway_count;
    check->guard_rails = config->relay.rule_count;
    check->inputs = config->input_count;
    if (config->relay.present) {
        guard_free(guard_new(config, &check->errors)); /* named time zones: only the system has them */
        proofread_pam(check, config);
    }
    check_users(check, config);
    if (!sandbox_landlock_available())
        proofread_warn(
            check,
            "This kernel has no Landlock: the processes' view of the file system is not restricted further.");
    config_warnings(config, on_config_warning, check);
}

void proofread_run(struct proofread *ret, const char *path)
{
    struct load load;
    struct err err;
    *ret = (struct proofread){.arena = arena_new(CHECK_BYTES_MAX), .exit_code = 78};
    config_errors_init(&ret->errors);
    if (load_files(path, &load, &err) < 0) {
        config_errors_add(&ret->errors, path ? path : LOAD_DEFAULT_PATH, 0, 0, err.advice, "%s", err.cause);
        ret->exit_code = err_exit_code(&err);
        return;
    }
    struct config *config = load_parse_faulty(&load, &ret->errors);
    ret->whole = config && ret->errors.count == 0;
    if (config) { /* whatever else is wrong, so that all errors are told at once */
        check_files(ret, config);
        check_rules(ret, config);
    }
    if (ret->whole)
        check_whole(ret, config);
    config_free(config);
    load_free(&load);
}

void proofread_free(struct proofread *check)
{
    config_errors_free(&check->errors);
    arena_free(check->arena);
}
