/* `vedette path check`: the hops to a gateway, one by one, and what is wrong with them. */
#include "cmd/command.h"
#include "cmd/load.h"
#include "cmd/local_keeper.h"
#include "cmd/path_check.h"
#include "cmd/term.h"
#include "config/mailbox.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NAGIOS_UNKNOWN = 3,
    DAYS_WARNING = 30,
    DAYS_CRITICAL = 7,
    HOST_BYTES_MAX = 256,
};

struct run {
    const struct path_printer *printer;
    void *state;
    struct loop *loop;
    int exit_code;
};

/* What was given on the command line about one gateway, and the memory that the request borrows from. */
struct wanted {
    struct config *config; /* or NULL */
    struct check_request request;
    struct secret *password;
    char address[ADDRESS_TEXT_MAX], host[HOST_BYTES_MAX], helo[HOST_BYTES_MAX];
    struct arena *arena;
    const char *recipients[CHECK_RECIPIENTS_MAX];
};

/* --- The gateway --- */

/* "192.0.2.25", "192.0.2.25:587", "2001:db8::25", "[2001:db8::25]:587"; false if it is no address. */
static bool take_address(struct wanted *wanted, const char *text)
{
    struct address address;
    if (address_parse(sv_of(text), 0, &address, NULL) < 0) {
        if (text[0] == ':' || address_parse_pair(sv_of(text), &address, NULL) < 0)
            return false;
        wanted->request.gateway.port = address.storage.ss_family == AF_INET6
                                           ? ntohs(((struct sockaddr_in6 *)&address.storage)->sin6_port)
                                           : ntohs(((struct sockaddr_in *)&address.storage)->sin_port);
    }
    address_ip_text(&address, wanted->address);
    wanted->request.gateway.address = wanted->address;
    return true;
}

/* "mail.example.org", "mail.example.org:587", "mail:587"; false if it is no host's name. A single word
 * without a port is the name of a configured gateway. */
static bool take_host(struct wanted *wanted, const char *text)
{
    sv rest = sv_of(text), host = sv_split(&rest, ':');
    uint64_t port = 0;
    bool has_port = strchr(text, ':') != NULL;
    if (!host_valid(host) || host.n >= sizeof wanted->host ||
        (!has_port && sv_find_char(host, '.') == SV_NPOS) ||
        (has_port && (!sv_to_u64(rest, &port) || port < 1 || port > 65535)))
        return false;
    sv_copy(wanted->host, sizeof wanted->host, host);
    wanted->request.gateway.host = wanted->host;
    wanted->request.gateway.port = (int)port;
    return true;
}

/* A next hop of our own gateway, which is a gateway to it. */
static struct config_gateway gateway_of(const struct config_smarthost *host)
{
#define COPY(key, type, fallback, help) .key = host->key,
    return (struct config_gateway){.name = host->name,
                                   .address = host->address,
                                   .host = host->host,
                                   .port = host->port,
                                   .security = host->security,
                                   CONFIG_PEER(COPY)};
#undef COPY
}

static int find_gateway(struct wanted *wanted, const char *name, struct err *err)
{
    const struct config *config = wanted->config;
    wanted->request.security_given = true;
    const struct config_gateway *gateway = config_gateway_named(config, sv_of(name));
    if (gateway) {
        wanted->request.gateway = *gateway;
        return 0;
    }
    for (size_t i = 0; i < config->relay.smarthost_count; i++)
        if (strcmp(config->relay.smarthosts[i].name, name) == 0) {
            wanted->request.gateway = gateway_of(&config->relay.smarthosts[i]);
            return 0;
        }
    wanted->request.security_given = false;
    return err_set(err, ERR_USAGE,
                   "name one of the configuration's gateways or smarthosts, or give an IP address",
                   "there is no gateway \"%s\"", name);
}

static int choose_gateway(struct wanted *wanted, const struct path_options *options, const char *target,
                          struct err *err)
{
    if (target ? take_address(wanted, target) : options->address != NULL)
        return 0;
    if (target && wanted->config && find_gateway(wanted, target, err) == 0)
        return 0;
    if (target ? take_host(wanted, target) : options->host && !wanted->config)
        return 0;
    assert(wanted->config); /* needs_config */
    if (target)
        return -1;
    const struct config *config = wanted->config;
    if (config->gateway_count == 1)
        return find_gateway(wanted, config->gateways[0].name, err);
    if (config->gateway_count == 0 && config->relay.smarthost_count == 1)
        return find_gateway(wanted, config->relay.smarthosts[0].name, err);
    return err_set(err, ERR_USAGE, "name one of them: vedette path check GATEWAY",
                   "the configuration has %zu gateways and %zu smarthosts", config->gateway_count,
                   config->relay.smarthost_count);
}

static int change_gateway(struct wanted *wanted, const struct path_options *options, struct err *err)
{
    struct config_gateway *gateway = &wanted->request.gateway;
    if (options->address && !take_address(wanted, options->address))
        return err_set(err, ERR_USAGE, "give an IP address such as 192.0.2.25; a name goes with --host",
                       "\"%s\" is not an IP address", options->address);
    if (options->port && options_range("port", options->port, 1, 65535, err) < 0)
        return -1;
    if (options->port)
        gateway->port = (int)options->port;
    if (options->security) {
        if (!path_security_parse(options->security, &gateway->security))
            return err_set(err, ERR_USAGE, NULL, "--security is tls, starttls or none, not \"%s\"",
                           options->security);
        wanted->request.security_given = true;
    }
    const struct {
        const char **to, *from;
    } texts[] = {{&gateway->host, options->host},         {&gateway->verify_name, options->verify_name},
                 {&gateway->ca_file, options->ca_file},   {&gateway->pin, options->pin},
                 {&gateway->username, options->username}, {&gateway->auth, options->auth},
                 {&gateway->helo, options->helo}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].from)
            *texts[i].to = texts[i].from;
    if (options->ca_file || options->pin) { /* given trust replaces configured trust */
        gateway->ca_file = options->ca_file;
        gateway->pin = options->pin;
        gateway->ca_directory = NULL;
    }
    return 0;
}

/* What a configuration would have filled in. */
static void complete_gateway(struct wanted *wanted)
{
    struct config_gateway *gateway = &wanted->request.gateway;
    if (!gateway->verify_name)
        gateway->verify_name = gateway->host ? gateway->host : gateway->address;
    if (!gateway->helo && wanted->config)
        gateway->helo = wanted->config->hostname;
    if (!gateway->helo && gethostname(wanted->helo, sizeof wanted->helo - 1) == 0 && *wanted->helo)
        gateway->helo = wanted->helo;
    if (!gateway->helo)
        gateway->helo = "localhost";
}

/* --- What is asked of it --- */

static const char *address_in(struct wanted *wanted, const char *mailbox)
{
    sv address = config_mailbox_address(mailbox);
    const char *copy = arena_cstr(wanted->arena, address);
    return copy ? copy : mailbox;
}

static int fill_envelope(struct wanted *wanted, const struct path_options *options, struct err *err)
{
    struct check_request *request = &wanted->request;
    const struct config *config = wanted->config;
    const char *sender = options->sender ? options->sender : request->gateway.sender;
    if (!sender && config)
        sender = config->sender;
    request->sender = sender ? address_in(wanted, sender) : NULL;
    size_t count = options->recipients.count;
    const char *const *from = options->recipients.items;
    if (!count && config) {
        count = config->recipients.count;
        from = config->recipients.items;
    }
    if (count > CHECK_RECIPIENTS_MAX)
        count = CHECK_RECIPIENTS_MAX;
    for (size_t i = 0; i < count; i++)
        wanted->recipients[i] = address_in(wanted, from[i]);
    request->recipients = wanted->recipients;
    request->recipient_count = count;
    if (options->send && (!request->sender || !count))
        return err_set(err, ERR_USAGE, "give --sender and --recipient",
                       "--send needs a sender and a recipient");
    return 0;
}

/* "10s", "2m", or seconds. */
static int take_timeout(struct wanted *wanted, const struct path_options *options, struct err *err)
{
    uint64_t seconds;
    if (!options->timeout)
        return 0;
    sv text = sv_of(options->timeout);
    if (sv_to_u64(text, &seconds) && seconds > 0 && seconds < 86400)
        wanted->request.timeout = (nanos)seconds * NANOS_PER_SECOND;
    else if (!time_parse_length(text, &wanted->request.timeout) || wanted->request.timeout <= 0)
        return err_set(err, ERR_USAGE, "write 10s, 500ms or 2m", "--timeout wants a length, not \"%s\"",
                       options->timeout);
    return 0;
}

static int fill_request(struct wanted *wanted, const struct path_options *options, const char *target,
                        struct err *err)
{
    struct check_request *request = &wanted->request;
    const struct config *config = wanted->config;
    if (choose_gateway(wanted, options, target, err) < 0 || change_gateway(wanted, options, err) < 0 ||
        take_timeout(wanted, options, err) < 0 || fill_envelope(wanted, options, err) < 0)
        return -1;
    complete_gateway(wanted);
    if (request->security_given && !request->gateway.port)
        request->gateway.port = request->gateway.security == SMTP_SECURITY_TLS        ? 465
                                : request->gateway.security == SMTP_SECURITY_STARTTLS ? 587
                                                                                      : 25;
    bool own = options->resolvers.count > 0;
    request->resolvers = own ? options->resolvers.items : config ? config->resolvers.items : NULL;
    request->resolver_count = own ? options->resolvers.count : config ? config->resolvers.count : 0;
    request->trust_anchor = config ? config->trust_anchor : NULL;
    request->ask_recipients = !options->no_rcpt;
    request->ask_relay = !options->no_relay_test && !options->no_rcpt;
    request->send = options->send;
    if (options->password_file && !request->gateway.username)
        return err_set(err, ERR_USAGE, "give --username", "--password-file is of no use without a username");
    return 0;
}

/* --- The run --- */

static void on_hop(void *arg, const struct check_hop *hop)
{
    const struct run *run = arg;
    run->printer->hop(run->state, hop);
}

static void on_line(void *arg, char who, sv line)
{
    const struct run *run = arg;
    run->printer->line(run->state, who, line);
}

static void on_done(void *arg, const struct check_report *report)
{
    struct run *run = arg;
    run->exit_code = run->printer->end(run->state, report);
    loop_stop(run->loop);
}

static int run_check(const struct path_options *options, const struct check_request *request,
                     struct loop *loop, int *ret_exit, struct err *err)
{
    struct run run = {.printer = options->nagios ? &path_nagios
                                 : options->json ? &path_json
                                                 : &path_text,
                      .loop = loop};
    const struct check_handler handler = {
        .hop = on_hop, .line = options->transcript && run.printer->line ? on_line : NULL, .done = on_done};
    struct check *check;
    if (check_new(loop, request, &handler, &run, &check, err) < 0)
        return -1;
    run.state = run.printer->begin(options, request);
    loop_run(loop);
    check_free(check);
    *ret_exit = run.exit_code;
    return 0;
}

/* A check without the password still says much; why it could not be had is said beside it. */
static int find_password(struct wanted *wanted, const struct path_options *options, struct err *err)
{
    if (path_password(options, wanted->config, &wanted->request.gateway, &wanted->password, err) == 0)
        return 0;
    if (options->password_file || options->nagios)
        return -1;
    err_prefix(err, "the account is not tried");
    term_error(err);
    return 0;
}

static int check_path(struct wanted *wanted, const struct path_options *options, const char *target,
                      int *ret_exit, struct err *err)
{
    if (fill_request(wanted, options, target, err) < 0 || find_password(wanted, options, err) < 0)
        return -1;
    struct loop *loop = loop_new();
    struct local_keeper *keeper = NULL; /* for the mailbox that the landing is looked for in */
    int outcome = wanted->config && options->send ? local_keeper_new(loop, wanted->config, &keeper, err) : 0;
    wanted->request.password = wanted->password;
    wanted->request.keeper = keeper ? local_keeper_client(keeper) : NULL;
    if (outcome == 0)
        outcome = run_check(options, &wanted->request, loop, ret_exit, err);
    local_keeper_free(keeper);
    loop_free(loop);
    return outcome;
}

/* Without a name of a gateway there is no need of a configuration; a host's name may be a gateway's too. */
static bool needs_config(const struct path_options *options, const char *target)
{
    struct wanted scratch = {0};
    if (options->config)
        return true;
    if (target ? take_address(&scratch, target) : options->address != NULL)
        return false;
    bool named = target ? take_host(&scratch, target) : options->host != NULL;
    return !named || access(LOAD_DEFAULT_PATH, F_OK) == 0;
}

static int fail(const struct path_options *options, const struct err *err)
{
    if (!options->nagios)
        return term_error(err);
    char text[700];
    printf("VEDETTE UNKNOWN - ");
    term_text(stdout, sv_of(err_text(err, text, sizeof text)));
    putchar('\n');
    return NAGIOS_UNKNOWN;
}

/* Without a configuration a word can only be meant as an address. */
static bool is_lost(const struct path_options *options, const char *target)
{
    return target && !options->config && needs_config(options, target) && access(LOAD_DEFAULT_PATH, F_OK) < 0;
}

static int run_command(const struct path_options *options, const char *target)
{
    struct err err;
    int exit_code = 0;
    struct wanted wanted = {.arena = arena_new(64 * 1024)};
    if (is_lost(options, target)) {
        err_set(&err, ERR_USAGE, "give the gateway's IP address, or its full name",
                "\"%s\" is no IP address, and there is no configuration that could know it", target);
        exit_code = fail(options, &err);
    } else if (needs_config(options, target)) {
        wanted.config = load_or_complain(options->config, &exit_code);
        if (!wanted.config && options->nagios) {
            puts("VEDETTE UNKNOWN - the configuration cannot be used: see vedette check");
            exit_code = NAGIOS_UNKNOWN;
        }
    }
    if (exit_code == 0 && check_path(&wanted, options, target, &exit_code, &err) < 0)
        exit_code = fail(options, &err);
    secret_free(wanted.password);
    config_free(wanted.config);
    arena_free(wanted.arena);
    return exit_code;
}

/* Plug-ins call the days of a critical state -c, which is the configuration's letter everywhere else. */
static void tell_days_from_config(struct path_options *options)
{
    int64_t days;
    if (!options->nagios || !options->config || !sv_to_i64(sv_of(options->config), &days))
        return;
    options->critical_days = days;
    options->config = NULL;
}

static bool is_among(int argc, char **argv, const char *word)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], word) == 0)
            return true;
    return false;
}

int cmd_path_check(int argc, char **argv)
{
    struct path_options o = {.warning_days = DAYS_WARNING, .critical_days = DAYS_CRITICAL};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &o.config},
        {"address", 0, OPTION_TEXT, "IP", "the gateway's IP address", &o.address},
        {"port", 0, OPTION_NUMBER, "N", "its port (default: 587, 465 and 25 are tried)", &o.port},
        {"security", 0, OPTION_TEXT, "S", "tls, starttls or none (default: found by trying)", &o.security},
        {"host", 0, OPTION_TEXT, "NAME", "its name, compared with the address", &o.host},
        {"verify-name", 0, OPTION_TEXT, "NAME", "the name its certificate must bear", &o.verify_name},
        {"ca-file", 0, OPTION_TEXT, "FILE", "certificate authority to trust (PEM)", &o.ca_file},
        {"pin", 0, OPTION_TEXT, "PIN", "sha256:… of its certificate or key", &o.pin},
        {"username", 0, OPTION_TEXT, "USER", "account to try", &o.username},
        {"password-file", 0, OPTION_TEXT, "FILE", "where its password is", &o.password_file},
        {"auth", 0, OPTION_TEXT, "MECH", "the SASL mechanism to insist on", &o.auth},
        {"helo", 0, OPTION_TEXT, "NAME", "our name for EHLO (default: the machine's)", &o.helo},
        {"sender", 0, OPTION_TEXT, "ADDRESS", "ask whether it may send", &o.sender},
        {"recipient", 0, OPTION_LIST, "ADDRESS", "ask whether it is taken; may be repeated", &o.recipients},
        {"no-rcpt", 0, OPTION_FLAG, NULL, "ask for no recipient, where the gateway counts that", &o.no_rcpt},
        {"no-relay-test", 0, OPTION_FLAG, NULL, "do not ask whether it relays for strangers",
         &o.no_relay_test},
        {"send", 0, OPTION_FLAG, NULL, "send a test message and wait for its landing", &o.send},
        {"resolver", 0, OPTION_LIST, "ADDR[:PORT]", "name server to ask; may be repeated", &o.resolvers},
        {"timeout", 0, OPTION_TEXT, "LENGTH", "for each hop (default: 5s to connect, then 10s)", &o.timeout},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object", &o.json},
        {"nagios", 0, OPTION_FLAG, NULL, "one line and exit code 0 to 3, as a plug-in", &o.nagios},
        {"warning", 'w', OPTION_NUMBER, "DAYS", "of the certificate, with --nagios (default: 30)",
         &o.warning_days},
        {"critical", 0, OPTION_NUMBER, "DAYS", "the same (default: 7); -c DAYS with --nagios",
         &o.critical_days},
        {"transcript", 0, OPTION_FLAG, NULL, "show the dialogue, secrets masked", &o.transcript},
    };
    int exit_code, left = 0;
    struct err err;
    bool nagios = is_among(argc, argv, "--nagios");
    /* A plug-in's mistakes are UNKNOWN, and are read from its standard output. */
    if (nagios && !is_among(argc, argv, "--help") &&
        options_parse(specs, sizeof specs / sizeof *specs, argc, argv, &left, &err) < 0) {
        o.nagios = true;
        return fail(&o, &err);
    }
    if (nagios && !is_among(argc, argv, "--help"))
        argc = left;
    else if (!command_options("path check", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    tell_days_from_config(&o);
    if (argc > 1 || (o.json && o.nagios)) {
        err_set(&err, ERR_USAGE, "--help lists the options",
                argc > 1 ? "more than one gateway was named" : "--json and --nagios exclude each other");
        return fail(&o, &err);
    }
    return run_command(&o, argc ? argv[0] : NULL);
}
