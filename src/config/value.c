/* One parse function per type of the schema, in a table. */
#include "config/hours.h"
#include "config/mailbox.h"
#include "config/network.h"
#include "config/pattern.h"
#include "config/rate.h"
#include "config/section.h"
#include "wire/finding.h"
#include "wire/idn.h"

#include <arpa/inet.h>
#include <assert.h>

#include "base/ascii.h"

enum {
    NAME_BYTES_MAX = CONFIG_NAME_BYTES - 1,
    SECRET_NAME_BYTES_MAX = 128,
    PATH_BYTES_MAX = 4095,
    SHOWN_BYTES_MAX = 60
};

/* A value as an error may show it: short and printable. Never used for secrets. */
struct shown {
    char text[SHOWN_BYTES_MAX + 8];
};

static struct shown shown(sv text)
{
    struct shown shown;
    size_t n = sv_copy(shown.text, SHOWN_BYTES_MAX + 1, text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)shown.text[i] < 0x20 || shown.text[i] == 0x7f)
            shown.text[i] = '?';
    if (text.n > SHOWN_BYTES_MAX) {
        while (n > 0 && ((unsigned char)shown.text[n - 1] & 0xc0) == 0x80)
            n--;
        if (n > 0 && (unsigned char)shown.text[n - 1] >= 0xc0)
            n--;
        sv_copy(shown.text + n, sizeof shown.text - n, SV("…"));
    }
    return shown;
}

static int refuse(const struct config_value *value, enum config_type type, const char *advice,
                  struct err *err)
{
    return err_set(err, ERR_CONFIG, advice, "\"%s\" is not %s", shown(value->text).text,
                   config_type_expected(type));
}

static const char *keep(const struct config_value *value, sv text)
{
    const char *copy = arena_cstr(value->arena, text);
    assert(copy); /* the arena's bound is far above what CONFIG_BYTES_MAX can ask for */
    return copy;
}

static bool word_valid(sv text, size_t bytes_max)
{
    if (text.n == 0 || text.n > bytes_max)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (!ascii_alnum(c) && (c == '\0' || !strchr("._-", c)))
            return false;
    }
    return true;
}

static int parse_name(const struct config_value *value, void *ret, struct err *err)
{
    if (!word_valid(value->text, NAME_BYTES_MAX))
        return refuse(value, CONFIG_TYPE_NAME, "at most 64 of them", err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

static int parse_string(const struct config_value *value, void *ret, struct err *err)
{
    if (value->text.n == 0 || !sv_printable(value->text))
        return refuse(value, CONFIG_TYPE_STRING, "write one line without control characters", err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

static bool ip_valid(sv text)
{
    char ip[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    sv digits = sv_first(text, sv_find_char(text, '%')); /* a zone, as in fe80::1%eth0 */
    bool v6 = sv_find_char(digits, ':') != SV_NPOS;
    if (digits.n >= sizeof ip || (digits.n < text.n && (!v6 || !word_valid(sv_from(text, digits.n + 1), 15))))
        return false;
    sv_copy(ip, sizeof ip, digits);
    return strlen(ip) == digits.n && inet_pton(v6 ? AF_INET6 : AF_INET, ip, bytes) == 1;
}

static int parse_address(const struct config_value *value, void *ret, struct err *err)
{
    if (!ip_valid(value->text))
        return refuse(value, CONFIG_TYPE_ADDRESS,
                      "a name does not do here: alerts must go out when DNS is down", err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

static bool port_valid(sv text, int *ret)
{
    uint64_t port;
    if (!sv_to_u64(text, &port) || port < 1 || port > 65535)
        return false;
    *ret = (int)port;
    return true;
}

/* "address:port" with brackets around an IPv6 address. */
static bool endpoint_valid(sv text)
{
    size_t colon = SV_NPOS;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == ':')
            colon = i;
    int port;
    if (colon == SV_NPOS || !port_valid(sv_from(text, colon + 1), &port))
        return false;
    sv host = sv_first(text, colon);
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return ip_valid((sv){host.p + 1, host.n - 2}) && sv_find_char(host, ':') != SV_NPOS;
    return ip_valid(host) && sv_find_char(host, ':') == SV_NPOS;
}

static int parse_endpoint(const struct config_value *value, void *ret, struct err *err)
{
    if (!endpoint_valid(value->text))
        return refuse(value, CONFIG_TYPE_ENDPOINT, NULL, err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

static int parse_host(const struct config_value *value, void *ret, struct err *err)
{
    char text[IDN_TEXT_MAX];
    sv host = sv_utf8(value->text) ? idn_to_ascii(value->text, text) : SV_NONE;
    if (!host_valid(host))
        return refuse(value, CONFIG_TYPE_HOST, "write names that IDNA does not allow in their xn-- form",
                      err);
    *(const char **)ret = keep(value, host);
    return 0;
}

static int parse_port(const struct config_value *value, void *ret, struct err *err)
{
    return port_valid(value->text, ret) ? 0 : refuse(value, CONFIG_TYPE_PORT, NULL, err);
}

static int parse_mailbox(const struct config_value *value, void *ret, struct err *err)
{
    if (!mailbox_valid(value->text))
        return refuse(value, CONFIG_TYPE_MAILBOX, NULL, err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

static int parse_path(const struct config_value *value, void *ret, struct err *err)
{
    sv path = value->text, folder = sv_of(value->file);
    while (folder.n > 0 && folder.p[folder.n - 1] != '/')
        folder.n--;
    if (path.n == 0 || !sv_printable(path))
        return refuse(value, CONFIG_TYPE_PATH, "write one line without control characters", err);
    if (sv_starts(path, SV("./")))
        path = sv_from(path, 2);
    if (path.p[0] == '/' || path.n == 0)
        folder.n = 0;
    if (path.n == 0 || folder.n + path.n > PATH_BYTES_MAX)
        return refuse(value, CONFIG_TYPE_PATH, "paths have at most 4095 bytes", err);
    sv whole = arena_printf(value->arena, "%.*s%.*s", SV_ARG(folder), SV_ARG(path));
    assert(whole.p);
    *(const char **)ret = whole.p;
    return 0;
}

static int parse_pin(const struct config_value *value, void *ret, struct err *err)
{
    sv hex = sv_from(value->text, 7);
    bool ok = sv_starts(value->text, SV("sha256:")) && hex.n == 64;
    for (size_t i = 0; ok && i < hex.n; i++)
        ok = hex.p[i] != '\0' && strchr("0123456789abcdefABCDEF", hex.p[i]);
    if (!ok)
        return refuse(value, CONFIG_TYPE_PIN, "`vedette path check` shows the fingerprint it found", err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

/* What was written may be the secret itself, so no error repeats any of it. */
static int parse_secret(const struct config_value *value, void *ret, struct err *err)
{
    if (!sv_starts(value->text, SV("secret:")))
        return err_set(err, ERR_CONFIG,
                       "write secret:file/NAME here and put the value into the file NAME in "
                       "secrets_directory, with mode 0400",
                       "a secret may not stand in the configuration (its value is not shown)");
    sv rest = sv_from(value->text, 7), name = rest, provider = sv_split(&name, '/');
    if (!word_valid(provider, NAME_BYTES_MAX) || !word_valid(name, SECRET_NAME_BYTES_MAX) || name.p[0] == '.')
        return err_set(err, ERR_CONFIG,
                       "write secret:PROVIDER/NAME, such as secret:file/primary; a name has letters, digits, "
                       "\".\", \"_\" and \"-\"",
                       "this reference to a secret has not the form secret:PROVIDER/NAME (it is not shown)");
    *(const char **)ret = keep(value, rest);
    return 0;
}

static int parse_length(const struct config_value *value, void *ret, struct err *err)
{
    nanos length;
    if (!time_parse_length(value->text, &length))
        return refuse(value, CONFIG_TYPE_LENGTH, NULL, err);
    *(nanos *)ret = length;
    return 0;
}

static int parse_size(const struct config_value *value, void *ret, struct err *err)
{
    static const struct {
        char unit;
        unsigned shift;
    } units[] = {{'K', 10}, {'M', 20}, {'G', 30}};
    sv digits = value->text;
    unsigned shift = 0;
    for (size_t i = 0; digits.n > 0 && i < sizeof units / sizeof *units; i++)
        if (digits.p[digits.n - 1] == units[i].unit) {
            shift = units[i].shift;
            digits.n--;
            break;
        }
    uint64_t count;
    if (!sv_to_u64(digits, &count) || count > (1ULL << 40) >> shift)
        return refuse(value, CONFIG_TYPE_SIZE, NULL, err);
    *(int64_t *)ret = (int64_t)(count << shift);
    return 0;
}

static int parse_count(const struct config_value *value, void *ret, struct err *err)
{
    uint64_t count;
    if (!sv_to_u64(value->text, &count) || count > 1000000)
        return refuse(value, CONFIG_TYPE_COUNT, NULL, err);
    *(int *)ret = (int)count;
    return 0;
}

static int parse_processes(const struct config_value *value, void *ret, struct err *err)
{
    uint64_t count = 0;
    bool automatic = sv_eq(value->text, SV("auto"));
    if (!automatic && (!sv_to_u64(value->text, &count) || count < 1 || count > CONFIG_PROCESSES_MAX))
        return refuse(value, CONFIG_TYPE_PROCESSES, NULL, err);
    *(int *)ret = (int)count;
    return 0;
}

/* Words and what they stand for, for the types that are a choice. */
struct word {
    sv word;
    int meaning;
};

static bool choose(const struct word *words, size_t count, sv text, int *ret)
{
    for (size_t i = 0; i < count; i++)
        if (sv_eq(words[i].word, text)) {
            *ret = words[i].meaning;
            return true;
        }
    return false;
}

#define CHOICE(name, TYPE, ctype, ...)                                                    \
    static int parse_##name(const struct config_value *value, void *ret, struct err *err) \
    {                                                                                     \
        static const struct word words[] = {__VA_ARGS__};                                 \
        int meaning;                                                                      \
        if (!choose(words, sizeof words / sizeof *words, value->text, &meaning))          \
            return refuse(value, CONFIG_TYPE_##TYPE, NULL, err);                          \
        *(ctype *)ret = (ctype)meaning;                                                   \
        return 0;                                                                         \
    }

CHOICE(boolean, BOOLEAN, bool, {SV_INIT("true"), true}, {SV_INIT("false"), false})
CHOICE(security, SECURITY, enum smtp_security, {SV_INIT("tls"), SMTP_SECURITY_TLS},
       {SV_INIT("starttls"), SMTP_SECURITY_STARTTLS}, {SV_INIT("none"), SMTP_SECURITY_NONE})
CHOICE(listening, LISTENING, enum config_listening, {SV_INIT("offered"), CONFIG_LISTENING_OFFERED},
       {SV_INIT("starttls"), CONFIG_LISTENING_STARTTLS}, {SV_INIT("tls"), CONFIG_LISTENING_TLS},
       {SV_INIT("none"), CONFIG_LISTENING_NONE})
CHOICE(privileges, PRIVILEGES, enum config_privileges, {SV_INIT("auto"), CONFIG_PRIVILEGES_AUTO},
       {SV_INIT("required"), CONFIG_PRIVILEGES_REQUIRED}, {SV_INIT("keep"), CONFIG_PRIVILEGES_KEEP})
CHOICE(log_level, LOG_LEVEL, enum log_level, {SV_INIT("error"), LOG_LEVEL_ERROR},
       {SV_INIT("warning"), LOG_LEVEL_WARNING}, {SV_INIT("info"), LOG_LEVEL_INFO},
       {SV_INIT("debug"), LOG_LEVEL_DEBUG})
CHOICE(template, TEMPLATE, enum config_template, {SV_INIT("generic"), CONFIG_TEMPLATE_GENERIC},
       {SV_INIT("slack"), CONFIG_TEMPLATE_SLACK}, {SV_INIT("teams"), CONFIG_TEMPLATE_TEAMS},
       {SV_INIT("pagerduty"), CONFIG_TEMPLATE_PAGERDUTY})
CHOICE(log_format, LOG_FORMAT, enum log_format, {SV_INIT("logfmt"), LOG_FORMAT_LOGFMT},
       {SV_INIT("json"), LOG_FORMAT_JSON})

static int parse_level(const struct config_value *value, void *ret, struct err *err)
{
    enum severity severity;
    if (!severity_parse(value->text, &severity))
        return refuse(value, CONFIG_TYPE_LEVEL, NULL, err);
    *(const char **)ret = severity_name(severity);
    return 0;
}

static int parse_format(const struct config_value *value, void *ret, struct err *err)
{
    if (!decode_format_parse(value->text, ret))
        return refuse(value, CONFIG_TYPE_FORMAT, NULL, err);
    return 0;
}

static int parse_logsource(const struct config_value *value, void *ret, struct err *err)
{
    size_t parts = 0, named = 0;
    for (sv rest = value->text; rest.p;) {
        sv part = sv_split(&rest, '/');
        if (part.n > 0 && !word_valid(part, NAME_BYTES_MAX))
            return refuse(value, CONFIG_TYPE_LOGSOURCE, NULL, err);
        parts++;
        named += part.n > 0;
    }
    if (parts != 3 || named == 0)
        return refuse(value, CONFIG_TYPE_LOGSOURCE, "write both slashes, as in linux//sshd", err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

CHOICE(over, OVER, enum config_over, {SV_INIT("defer"), CONFIG_OVER_DEFER},
       {SV_INIT("reject"), CONFIG_OVER_REJECT}, {SV_INIT("next"), CONFIG_OVER_NEXT})
CHOICE(tls_policy, TLS_POLICY, enum config_tls_policy, {SV_INIT("verified"), CONFIG_TLS_POLICY_VERIFIED},
       {SV_INIT("required"), CONFIG_TLS_POLICY_REQUIRED},
       {SV_INIT("opportunistic"), CONFIG_TLS_POLICY_OPPORTUNISTIC},
       {SV_INIT("dane-only"), CONFIG_TLS_POLICY_DANE_ONLY}, {SV_INIT("none"), CONFIG_TLS_POLICY_NONE})
CHOICE(tls, TLS, unsigned, {SV_INIT("any"), 1}, {SV_INIT("1.2"), 0x0303}, {SV_INIT("1.3"), 0x0304})

/* Terms of rules: kept as written, once their own parser has taken them. */
static int keep_if(bool valid, const struct config_value *value, enum config_type type, const char *advice,
                   void *ret, struct err *err)
{
    if (!valid)
        return refuse(value, type, advice, err);
    *(const char **)ret = keep(value, value->text);
    return 0;
}

static int parse_network(const struct config_value *value, void *ret, struct err *err)
{
    struct config_network network;
    bool host_bits = sv_find_char(value->text, '/') != SV_NPOS &&
                     ip_valid(sv_first(value->text, sv_find_char(value->text, '/')));
    return keep_if(config_network_parse(value->text, &network), value, CONFIG_TYPE_NETWORK,
                   host_bits ? "write the network's own address, with no bits beyond its length" : NULL, ret,
                   err);
}

static int parse_span(const struct config_value *value, void *ret, struct err *err)
{
    struct config_hours hours;
    return keep_if(config_hours_parse(value->text, &hours), value, CONFIG_TYPE_SPAN,
                   "days are Mon Tue Wed Thu Fri Sat Sun; times have two digits each, and 24:00 is an end",
                   ret, err);
}

static int parse_rate(const struct config_value *value, void *ret, struct err *err)
{
    struct config_rate rate;
    return keep_if(config_rate_parse(value->text, &rate), value, CONFIG_TYPE_RATE,
                   "per rule, network, client, account, sender or recipient, in 1s to 1d", ret, err);
}

static int parse_quota(const struct config_value *value, void *ret, struct err *err)
{
    struct config_rate quota;
    return keep_if(config_quota_parse(value->text, &quota), value, CONFIG_TYPE_QUOTA,
                   "per rule, network, client, account, sender or recipient", ret, err);
}

static int refuse_beyond_ascii(const struct config_value *value, enum config_type type, struct err *err)
{
    return refuse(value, type, "labels beyond ASCII are those that IDNA allows, and have no \"*\"", err);
}

/* Domains beyond ASCII are kept in the form in which they are compared. */
static int keep_pattern(bool (*valid)(sv pattern), const struct config_value *value, enum config_type type,
                        const char *advice, void *ret, struct err *err)
{
    struct config_value ascii = *value;
    ascii.text = config_pattern_to_ascii(value->text, value->arena);
    if (!ascii.text.p)
        return refuse_beyond_ascii(value, type, err);
    return keep_if(valid(ascii.text), &ascii, type, advice, ret, err);
}

static int parse_sender(const struct config_value *value, void *ret, struct err *err)
{
    return keep_pattern(config_mailbox_pattern_valid, value, CONFIG_TYPE_SENDER,
                        "for a whole domain write @example.org", ret, err);
}

static int parse_domain(const struct config_value *value, void *ret, struct err *err)
{
    return keep_pattern(config_domain_pattern_valid, value, CONFIG_TYPE_DOMAIN, NULL, ret, err);
}

static int parse_field(const struct config_value *value, void *ret, struct err *err)
{
    struct config_header_pattern pattern;
    return keep_if(config_header_pattern_parse(value->text, &pattern), value, CONFIG_TYPE_FIELD,
                   "with \"*\" for any text; in quotes, because of its colon", ret, err);
}

static int parse_rewrite(const struct config_value *value, void *ret, struct err *err)
{
    struct config_rewrite rewrite;
    struct config_value ascii = *value;
    if (!config_rewrite_parse(value->text, &rewrite))
        return refuse(value, CONFIG_TYPE_REWRITE,
                      "to one address, or to *@domain, which keeps what stands before the @", err);
    rewrite.from = config_pattern_to_ascii(rewrite.from, value->arena);
    rewrite.to = config_pattern_to_ascii(rewrite.to, value->arena);
    if (!rewrite.from.p || !rewrite.to.p)
        return refuse_beyond_ascii(value, CONFIG_TYPE_REWRITE, err);
    ascii.text = arena_printf(value->arena, "%.*s -> %.*s", SV_ARG(rewrite.from), SV_ARG(rewrite.to));
    assert(ascii.text.p);
    return keep_if(true, &ascii, CONFIG_TYPE_REWRITE, NULL, ret, err);
}

static int parse_tag(const struct config_value *value, void *ret, struct err *err)
{
    return keep_if(config_tag_valid(value->text), value, CONFIG_TYPE_TAG,
                   "in ASCII, and none of the fields that a message has one of", ret, err);
}

/* What it may look like; whether there is such a zone is for those to say who may look at the files. */
static int parse_zone(const struct config_value *value, void *ret, struct err *err)
{
    bool ok = value->text.n > 0 && value->text.n <= NAME_BYTES_MAX && value->text.p[0] != '/' &&
              sv_find(value->text, SV("..")) == SV_NPOS;
    for (size_t i = 0; ok && i < value->text.n; i++)
        ok = value->text.p[i] == '/' || value->text.p[i] == '+' || word_valid((sv){value->text.p + i, 1}, 1);
    return keep_if(ok, value, CONFIG_TYPE_ZONE, "those of /usr/share/zoneinfo", ret, err);
}

/* Lists are read item by item, and {} is seen by the reader: neither comes here. */
static int parse_present(const struct config_value *value, void *ret, struct err *err)
{
    (void)ret;
    return refuse(value, CONFIG_TYPE_PRESENT, NULL, err);
}

static const struct {
    const char *name, *expected;
    enum config_type item;
    int (*parse)(const struct config_value *value, void *ret, struct err *err);
} types[] = {
#define X(name, item, parse, what) [CONFIG_TYPE_##name] = {#name, what, CONFIG_TYPE_##item, parse_##parse},
    CONFIG_TYPES(X)
#undef X
};

const char *config_type_name(enum config_type type)
{
    return types[type].name;
}

const char *config_type_expected(enum config_type type)
{
    return types[type].expected;
}

enum config_type config_type_item(enum config_type type)
{
    return types[type].item;
}

bool config_type_is_list(enum config_type type)
{
    return types[type].item != type;
}

int config_value_parse(enum config_type type, const struct config_value *value, void *ret, struct err *err)
{
    assert(!config_type_is_list(type));
    return types[type].parse(value, ret, err);
}

int config_syslog_parse(sv url, enum config_scheme *ret_scheme, sv *ret_place, struct err *err)
{
    static const struct {
        sv prefix;
        enum config_scheme scheme;
        bool path;
    } schemes[] = {{SV_INIT("udp://"), CONFIG_SCHEME_UDP, false},
                   {SV_INIT("tcp://"), CONFIG_SCHEME_TCP, false},
                   {SV_INIT("tls://"), CONFIG_SCHEME_TLS, false},
                   {SV_INIT("unix://"), CONFIG_SCHEME_UNIX, true},
                   {SV_INIT("unix-stream://"), CONFIG_SCHEME_UNIX_STREAM, true}};
    enum { SOCKET_PATH_BYTES_MAX = 107 };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (!sv_starts(url, schemes[i].prefix))
            continue;
        sv place = sv_from(url, schemes[i].prefix.n);
        bool ok = schemes[i].path ? place.n > 1 && place.n <= SOCKET_PATH_BYTES_MAX && place.p[0] == '/'
                                  : endpoint_valid(place);
        if (!ok)
            return err_set(err, ERR_CONFIG,
                           schemes[i].path ? "write an absolute path of at most 107 bytes, as in "
                                             "unix:///run/vedette/log"
                                           : "write an address and a port, as in udp://127.0.0.1:5514 or "
                                             "tcp://[::1]:5514",
                           "\"%s\" is not a place to listen at", shown(url).text);
        *ret_scheme = schemes[i].scheme;
        *ret_place = place;
        return 0;
    }
    return err_set(err, ERR_CONFIG, "begin it with udp://, tcp://, tls://, unix:// or unix-stream://",
                   "\"%s\" is not a syslog URL", shown(url).text);
}

int config_relp_parse(sv url, enum config_scheme *ret_scheme, sv *ret_place, struct err *err)
{
    if (sv_starts(url, SV("tcp://")) || sv_starts(url, SV("tls://")))
        return config_syslog_parse(url, ret_scheme, ret_place, err);
    return err_set(err, ERR_CONFIG, "begin it with tcp:// or tls://", "\"%s\" is not a RELP URL",
                   shown(url).text);
}

int config_input_place(const struct config_input *input, enum config_scheme *ret_scheme, sv *ret_place,
                       struct err *err)
{
    if (input->relp)
        return config_relp_parse(sv_of(input->relp), ret_scheme, ret_place, err);
    return input->syslog ? config_syslog_parse(sv_of(input->syslog), ret_scheme, ret_place, err) : -1;
}
