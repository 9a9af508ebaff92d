/* What goes beyond one key: bounds, keys that need or exclude each other, names that must differ. */
#include "base/cstr.h"
#include "config/check_private.h"
#include "config/mailbox.h"
#include "wire/event.h"

#include <assert.h>

/* key is one of our own table's. */
static size_t field_index(const struct config_section *section, const char *key)
{
    size_t i = 0;
    while (i < section->field_count && strcmp(section->fields[i].key, key) != 0)
        i++;
    assert(i < section->field_count);
    return i;
}

bool config_given(const struct config_instance *instance, const char *key)
{
    return instance && instance->keys[field_index(instance->section, key)].line != 0;
}

bool config_faulty(const struct config_instance *instance, const char *key)
{
    return instance->faulty[field_index(instance->section, key)];
}

struct config_place config_place_of(const struct config_instance *instance, const char *key)
{
    return config_given(instance, key) ? instance->keys[field_index(instance->section, key)] : instance->own;
}

void check_refuse(const struct check *check, const struct config_instance *instance, const char *key,
                  const char *advice, const char *message)
{
    struct config_place place = config_place_of(instance, key);
    config_errors_add(check->errors, place.file, place.line, place.column, advice, "%s: %s", key, message);
}

bool check_has(const struct config_instance *instance, const char *key)
{
    return config_given(instance, key) && !config_faulty(instance, key);
}

static const char *text_at(const struct config_instance *instance, size_t offset)
{
    return *(const char *const *)(const void *)((const char *)instance->base + offset);
}

void check_names(const struct check *check, const struct config_instance *first, const char *advice,
                 const char *message)
{
    const struct config_section *section = first ? first->section : NULL;
    size_t offset = section ? section->fields[field_index(section, "name")].offset : 0;
    for (const struct config_instance *item = first; item; item = item->next)
        for (const struct config_instance *other = first; other != item; other = other->next)
            if (text_at(item, offset) && cstr_same(text_at(item, offset), text_at(other, offset))) {
                check_refuse(check, item, "name", advice, message);
                break;
            }
}

/* Values that their type allows and their meaning does not. */
static const struct bound {
    const char *section, *key;
    int64_t min, max;
    const char *range;
} bounds[] = {
    {"gateways", "connections", 1, 100, "from 1 to 100"},
    {"gateways", "connect_timeout", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
    {"gateways", "stage_timeout", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
    {"inputs", "line_bytes_max", 256, EVENT_BYTES_MAX, "from 256 to 64K"},
    {"inputs", "connections_max", 1, 100000, "from 1 to 100000"},
    {"delivery", "retry_first", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
    {"delivery", "retry_max", NANOS_PER_SECOND, 86400 * NANOS_PER_SECOND, "from 1s to 1d"},
    {"delivery", "expire", NANOS_PER_SECOND, 30 * 86400 * NANOS_PER_SECOND, "from 1s to 30d"},
    {"delivery", "hold_down", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
    {"landing", "every", NANOS_PER_SECOND, 3600 * NANOS_PER_SECOND, "from 1s to 1h"},
    {"bounces", "every", NANOS_PER_SECOND, 3600 * NANOS_PER_SECOND, "from 1s to 1h"},
    {"canary", "wait", NANOS_PER_SECOND, 86400 * NANOS_PER_SECOND, "from 1s to 1d"},
    {"heartbeat", "every", NANOS_PER_SECOND, 86400 * NANOS_PER_SECOND, "from 1s to 1d"},
    {"correlation", "memory", 1024 * 1024, 16LL * 1024 * 1024 * 1024, "from 1M to 16G"},
    {"correlation", "lateness", 0, 86400 * NANOS_PER_SECOND, "from 0s to 1d"},
    {"correlation", "future", 0, 86400 * NANOS_PER_SECOND, "from 0s to 1d"},
    {"lists", "score", 0, 40, "from 0 to 40"},
    {"ways_out", "timeout", NANOS_PER_SECOND, 300 * NANOS_PER_SECOND, "from 1s to 5m"},
    {"routes", "connections", 1, 100, "from 1 to 100"},
    {"routes", "retry_first", NANOS_PER_SECOND / 10, 86400 * NANOS_PER_SECOND, "from 100ms to 1d"},
    {"routes", "retry_max", NANOS_PER_SECOND / 10, 86400 * NANOS_PER_SECOND, "from 100ms to 1d"},
    {"routes", "expire", NANOS_PER_SECOND, 30 * 86400 * NANOS_PER_SECOND, "from 1s to 30d"},
    {"routes", "hold_down", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
    {"smarthosts", "connect_timeout", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
    {"smarthosts", "stage_timeout", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
    {"listen", "message_bytes_max", 64 * 1024, 1024 * 1024 * 1024, "from 64K to 1G"},
    {"relay", "message_bytes_max", 64 * 1024, 1024 * 1024 * 1024, "from 64K to 1G"},
    {"relay", "connections_max", 1, 20000, "from 1 to 20000"},
    {"relay", "connections_per_network", 1, 20000, "from 1 to 20000"},
    {"relay", "pam_timeout", NANOS_PER_SECOND / 10, 25 * NANOS_PER_SECOND, "from 100ms to 25s"},
    {"relay", "command_timeout", NANOS_PER_SECOND / 10, 3600 * NANOS_PER_SECOND, "from 100ms to 1h"},
};

static int64_t number_at(const struct config_instance *instance, size_t index)
{
    const struct config_field *field = &instance->section->fields[index];
    const char *at = (const char *)instance->base + field->offset;
    if (field->type == CONFIG_TYPE_COUNT)
        return *(const int *)(const void *)at;
    assert(field->type == CONFIG_TYPE_SIZE || field->type == CONFIG_TYPE_LENGTH);
    return *(const int64_t *)(const void *)at;
}

void check_bounds(const struct check *check, const struct config_instance *instance)
{
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const struct bound *bound = &bounds[i];
        if (strcmp(bound->section, instance->section->name) != 0 || !check_has(instance, bound->key))
            continue;
        int64_t number = number_at(instance, field_index(instance->section, bound->key));
        struct config_place place = config_place_of(instance, bound->key);
        if (number < bound->min || number > bound->max)
            config_errors_add(check->errors, place.file, place.line, place.column, NULL,
                              "%s: out of range, expected is a value %s", bound->key, bound->range);
    }
}

void check_peer(const struct check *check, const struct config_instance *instance,
                enum smtp_security security)
{
    bool password = config_given(instance, "password"), username = config_given(instance, "username");
    bool clear = security == SMTP_SECURITY_NONE && config_given(instance, "security");
    bool authority = check_has(instance, "ca_file") || check_has(instance, "ca_directory");
    if (username && !password)
        check_refuse(check, instance, "username", "add password: secret:PROVIDER/NAME", "needs a password");
    if (password && !username)
        check_refuse(check, instance, "password", "add the account's username", "needs a username");
    if (password && clear)
        check_refuse(check, instance, "password", "use security: starttls or tls, or give no password",
                     "would travel in the clear with security: none");
    if (check_has(instance, "auth") && !password)
        check_refuse(check, instance, "auth", "add username and password", "needs a password");
    if (check_has(instance, "pin") && authority)
        check_refuse(check, instance, "pin", "keep one of the two", "excludes ca_file and ca_directory");
    if (clear && (check_has(instance, "pin") || authority))
        check_refuse(check, instance, "security",
                     "use starttls or tls, or drop pin, ca_file and ca_directory",
                     "none has no certificate to check");
}

static void check_postbox(const struct check *check, const struct config_instance *instance,
                          const struct config_postbox *box)
{
    static const char *const imap_keys[] = {"username", "password", "verify_name", "ca_file"};
    if (!instance)
        return;
    check_bounds(check, instance);
    if (box->maildir && box->imap)
        check_refuse(check, instance, "imap", "keep one of the two", "excludes maildir");
    for (size_t i = 0; !box->imap && i < sizeof imap_keys / sizeof *imap_keys; i++)
        if (config_given(instance, imap_keys[i]))
            check_refuse(check, instance, imap_keys[i], "add imap, or drop it", "is for imap only");
    if (box->imap && (!config_given(instance, "username") || !config_given(instance, "password")))
        check_refuse(check, instance, "imap", "add username and password: secret:PROVIDER/NAME",
                     "needs an account to read the mailbox with");
}

static void check_landing(const struct check *check, const struct config_instance *gateway)
{
    struct config_instance *instance = gateway->children[0];
    const struct config_landing *landing = &((const struct config_gateway *)gateway->base)->landing;
    check_postbox(check, instance, &landing->box);
    if (landing->recipient && !config_postbox_present(&landing->box) && !landing->dsn)
        check_refuse(check, instance, "recipient", "add maildir, imap or dsn: true",
                     "its mail cannot be seen to land anywhere");
}

static void check_bounces(const struct check *check)
{
    const struct config_instance *instance = check->top->children[CONFIG_TOP_BOUNCES];
    const struct config_bounces *bounces = &check->config->bounces;
    check_postbox(check, instance, &bounces->box);
    if (instance && bounces->address && !config_postbox_present(&bounces->box))
        check_refuse(check, instance, "address", "add maildir or imap",
                     "nobody would read the reports that it gets");
    if (instance && !bounces->address && config_postbox_present(&bounces->box))
        check_refuse(check, instance, bounces->maildir ? "maildir" : "imap",
                     "add address: the mailbox's own, such as bounces@example.org",
                     "no report would be sent there without an address");
}

static bool is_web(const char *value)
{
    const char *reference;
    return sv_starts(sv_of(value), SV("https://")) || sv_starts(sv_of(value), SV("http://")) ||
           config_is_secret(value, &reference);
}

static void check_way(const struct check *check, const struct config_instance *instance)
{
    static const char *const kinds[] = {"webhook", "syslog", "command", "console"};
    static const char *const webhook_keys[] = {"template", "key", "address"};
    const struct config_way *way = instance->base;
    int given = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        given += config_given(instance, kinds[i]);
    if (given != 1)
        config_errors_add(check->errors, instance->own.file, instance->own.line, instance->own.column,
                          "make an entry of its own for each",
                          "a way out is exactly one of webhook, syslog, command and console");
    if (way->webhook && !is_web(way->webhook))
        check_refuse(check, instance, "webhook", "write https://… or secret:PROVIDER/NAME",
                     "is no web address");
    for (size_t i = 0; !way->webhook && i < sizeof webhook_keys / sizeof *webhook_keys; i++)
        if (config_given(instance, webhook_keys[i]))
            check_refuse(check, instance, webhook_keys[i], "drop it", "is for webhooks only");
    if (way->webhook && way->template == CONFIG_TEMPLATE_PAGERDUTY && !way->key)
        check_refuse(check, instance, "template",
                     "add key: secret:PROVIDER/NAME with the integration's routing key",
                     "pagerduty needs a key");
    enum config_scheme scheme;
    sv place;
    struct err err = {0};
    if (way->syslog && config_syslog_parse(sv_of(way->syslog), &scheme, &place, &err) < 0)
        check_refuse(check, instance, "syslog", err.advice, err.cause);
    if (config_given(instance, "command") && (way->command.count == 0 || way->command.items[0][0] != '/'))
        check_refuse(check, instance, "command", "give the program's full path first, then its arguments",
                     "names no program");
    check_bounds(check, instance);
}

static void check_ways(const struct check *check)
{
    const struct config_instance *first = check->top->children[CONFIG_TOP_WAYS];
    for (const struct config_instance *item = first; item; item = item->next)
        check_way(check, item);
    check_names(check, first, "give each way its own name", "another way out is called so");
}

static void check_lists(const struct check *check)
{
    const struct config_instance *first = check->top->children[CONFIG_TOP_LISTS];
    for (const struct config_instance *item = first; item; item = item->next) {
        const struct config_list *list = item->base;
        check_bounds(check, item);
        if (!config_given(item, "values") && !config_given(item, "file"))
            check_refuse(check, item, "name", "add values: [...], or file: and a path",
                         "the list has no entries");
        for (const struct config_instance *other = first; other != item; other = other->next)
            if (list->name && ((const struct config_list *)other->base)->name &&
                sv_ieq(sv_of(list->name), sv_of(((const struct config_list *)other->base)->name)))
                check_refuse(check, item, "name", "rules do not tell letters' cases apart here",
                             "another list is called so");
    }
}

static void check_watching(const struct check *check)
{
    const struct config_instance *canary = check->top->children[CONFIG_TOP_CANARY];
    const struct config_instance *heartbeat = check->top->children[CONFIG_TOP_HEARTBEAT];
    const struct config_instance *correlation = check->top->children[CONFIG_TOP_CORRELATION];
    if (canary)
        check_bounds(check, canary);
    if (correlation)
        check_bounds(check, correlation);
    if (!heartbeat)
        return;
    check_bounds(check, heartbeat);
    if (!check->config->heartbeat.url || !is_web(check->config->heartbeat.url))
        check_refuse(check, heartbeat, "url", "write https://… or secret:PROVIDER/NAME", "is no web address");
}

/* With a relay and nothing else there is nobody to tell anything, and no gateway to tell it over. */
static bool relay_alone(const struct check *check)
{
    return config_relay_alone(check->config) && !check->top->children[CONFIG_TOP_GATEWAYS] &&
           check->top->child_keys[CONFIG_TOP_GATEWAYS].line == 0;
}

static void check_people(const struct check *check)
{
    static const char *const people[] = {"sender", "recipients"};
    const struct config_instance *top = check->top;
    for (size_t i = 0; i < sizeof people / sizeof *people; i++)
        if (!config_given(top, people[i]) && !relay_alone(check) && top->own.line != 0)
            config_errors_add(check->errors, top->own.file, top->own.line, top->own.column,
                              i == 0 ? "From and envelope sender of our mail." : "Who is told.",
                              "%s is missing in %s; it is %s", people[i], top->section->name,
                              config_type_expected(i == 0 ? CONFIG_TYPE_MAILBOX : CONFIG_TYPE_MAILBOXES));
}

static void check_gateways(const struct check *check)
{
    const struct config_instance *first = check->top->children[CONFIG_TOP_GATEWAYS];
    if (check->config->gateway_count == 0 && !check->top->faulty_children[CONFIG_TOP_GATEWAYS] &&
        !relay_alone(check)) {
        struct config_place place = check->top->child_keys[CONFIG_TOP_GATEWAYS];
        if (place.line == 0)
            place = check->top->own;
        config_errors_add(check->errors, place.file, place.line, place.column,
                          "name the SMTP gateway that takes our mail: name, address, security",
                          "gateways: at least one is needed");
    }
    for (const struct config_instance *item = first; item; item = item->next) {
        check_peer(check, item, ((const struct config_gateway *)item->base)->security);
        check_bounds(check, item);
        check_landing(check, item);
    }
    check_names(check, first, "give each gateway its own name", "another gateway is called so");
}

static const char *kind_of(const struct config_input *input)
{
    return input->syslog    ? "syslog"
           : input->relp    ? "relp"
           : input->file    ? "file"
           : input->journal ? "journal"
                            : "stdin";
}

/* True if the URL is well-formed; says what is wrong otherwise. */
static bool check_url(const struct check *check, const struct config_instance *instance,
                      enum config_scheme *ret_scheme)
{
    const struct config_input *input = instance->base;
    struct err err = {0};
    sv place;
    if (config_input_place(input, ret_scheme, &place, &err) == 0)
        return true;
    check_refuse(check, instance, kind_of(input), err.advice, err.cause);
    return false;
}

static void check_listener(const struct check *check, const struct config_instance *instance)
{
    static const char *const tls_keys[] = {"certificate", "key", "client_ca"};
    const struct config_input *input = instance->base;
    enum config_scheme scheme;
    if (!check_url(check, instance, &scheme))
        return;
    if (scheme == CONFIG_SCHEME_TLS && !(input->certificate && input->key))
        check_refuse(check, instance, kind_of(input), "add certificate and key, both PEM files",
                     "tls:// needs a certificate and its key");
    for (size_t i = 0; scheme != CONFIG_SCHEME_TLS && i < sizeof tls_keys / sizeof *tls_keys; i++)
        if (config_given(instance, tls_keys[i]))
            check_refuse(check, instance, tls_keys[i], "use tls://, or drop it", "is for tls:// only");
    bool datagrams = scheme == CONFIG_SCHEME_UDP || scheme == CONFIG_SCHEME_UNIX;
    if (datagrams && config_given(instance, "connections_max"))
        check_refuse(check, instance, "connections_max", "drop it", "datagrams have no connections");
}

/* Keys that only one kind of input has. */
static void check_other_keys(const struct check *check, const struct config_instance *instance)
{
    static const char *const keys[] = {"certificate", "key", "client_ca", "connections_max"};
    const struct config_input *input = instance->base;
    bool listens = input->syslog || input->relp;
    for (size_t i = 0; !listens && i < sizeof keys / sizeof *keys; i++)
        if (config_given(instance, keys[i]))
            check_refuse(check, instance, keys[i], "drop it", "is for syslog and relp inputs only");
    if (!input->file && config_given(instance, "from_start"))
        check_refuse(check, instance, "from_start", "drop it", "is for file inputs only");
}

static void check_input(const struct check *check, const struct config_instance *instance)
{
    static const char *const kinds[] = {"syslog", "relp", "file", "journal", "stdin"};
    const struct config_input *input = instance->base;
    const char *second = NULL;
    int given = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (config_given(instance, kinds[i]) && ++given > 1)
            second = kinds[i];
    if (given == 0)
        config_errors_add(check->errors, instance->own.file, instance->own.line, instance->own.column,
                          "say where its events come from",
                          "an input is exactly one of syslog, relp, file, journal and stdin");
    if (second)
        check_refuse(check, instance, second, "make two inputs of it",
                     "an input is exactly one of syslog, relp, file, journal and stdin");
    if (input->syslog || input->relp)
        check_listener(check, instance);
    check_other_keys(check, instance);
    check_bounds(check, instance);
}

static bool input_complete(const struct config_input *input)
{
    return input->syslog || input->relp || input->file || input->journal || input->stdin;
}

static void check_inputs(const struct check *check)
{
    const struct config_instance *first = check->top->children[CONFIG_TOP_INPUTS];
    for (const struct config_instance *item = first; item; item = item->next) {
        const struct config_input *input = item->base;
        check_input(check, item);
        for (const struct config_instance *other = first; other != item; other = other->next)
            if (input_complete(input) &&
                strcmp(input->label, ((const struct config_input *)other->base)->label) == 0) {
                check_refuse(check, item, kind_of(input), "keep one of the two",
                             "another input reads the same");
                break;
            }
    }
}

static void check_delivery(const struct check *check)
{
    const struct config_instance *instance = check->top->children[CONFIG_TOP_DELIVERY];
    const struct config_delivery *delivery = &check->config->delivery;
    if (!instance)
        return;
    check_bounds(check, instance);
    const char *key = config_given(instance, "retry_max") ? "retry_max" : "retry_first";
    if (delivery->retry_max < delivery->retry_first)
        check_refuse(check, instance, key, NULL, "retry_max is shorter than retry_first");
}

static void check_recipients(const struct check *check)
{
    const struct config_strings *recipients = &check->config->recipients;
    bool given = check_has(check->top, "recipients");
    if (given && recipients->count == 0)
        check_refuse(check, check->top, "recipients", "name who is told", "the list is empty");
    for (size_t i = 0; i < recipients->count; i++)
        for (size_t j = 0; j < i; j++)
            if (sv_ieq(config_mailbox_address(recipients->items[i]),
                       config_mailbox_address(recipients->items[j]))) {
                check_refuse(check, check->top, "recipients", "keep one of the two",
                             "an address is there twice");
                return;
            }
}

void config_check(const struct config *config, const struct config_instance *top,
                  struct config_errors *errors)
{
    struct check check = {config, top, errors};
    check_people(&check);
    check_gateways(&check);
    check_inputs(&check);
    check_delivery(&check);
    check_recipients(&check);
    check_relay(&check);
    check_watching(&check);
    check_bounces(&check);
    check_ways(&check);
    check_lists(&check);
    if (!config_given(top, "hostname") && !host_valid(sv_of(config->hostname)))
        config_errors_add(errors, top->own.file, top->own.line, top->own.column,
                          "add hostname: and a domain name",
                          "hostname: the machine's own name is not a domain name");
}
