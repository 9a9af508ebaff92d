#include "wire/syslog.h"

#include "base/ascii.h"
#include "base/bytes.h"
#include "wire/derive.h"
#include "wire/syslog_time.h"

enum { PRIORITY_MAX = 191, TAG_BYTES_MAX = 64, PID_BYTES_MAX = 32, HOSTNAME_BYTES_MAX = 255 };

static inline void skip_spaces(sv *s)
{
    while (s->n && s->p[0] == ' ')
        *s = sv_from(*s, 1);
}

/* What follows a time and is part of its last word is no host name: then this was no time. */
static bool begins_word(sv s)
{
    return s.n && ascii_alnum(s.p[0]);
}

/* "<PRI>": true if there is one in bounds. */
static bool take_priority(sv *s, int *ret)
{
    int value = 0;
    size_t n = 1;
    if (s->n < 3 || s->p[0] != '<')
        return false;
    while (n < s->n && n < 4 && ascii_digit(s->p[n]))
        value = value * 10 + (s->p[n++] - '0');
    if (n == 1 || n == s->n || s->p[n] != '>' || value > PRIORITY_MAX)
        return false;
    *ret = value;
    *s = sv_from(*s, n + 1);
    return true;
}

/* What a byte may be part of. */
enum { TAG = 1, HOST = 2, BOTH = TAG | HOST };

static const unsigned char parts[256] = {
    ['a' ... 'z'] = BOTH, ['A' ... 'Z'] = BOTH, ['0' ... '9'] = BOTH, [0x80 ... 0xff] = HOST,
    ['-'] = BOTH,         ['_'] = BOTH,         ['.'] = BOTH,         ['/'] = BOTH,
    ['%'] = BOTH,         ['@'] = BOTH,         ['#'] = TAG,          ['+'] = TAG,
    ['$'] = TAG,          ['~'] = TAG,          [':'] = HOST,         ['['] = HOST,
    [']'] = HOST,
};

/* How many bytes at the front of s may be part of all that; `most` are looked at. */
static inline size_t run_of(unsigned kind, sv s, size_t most)
{
    size_t n = 0;
    for (s = sv_first(s, most); n < s.n && (parts[(unsigned char)s.p[n]] & kind) == kind;)
        n++;
    return n;
}

/* Behind the tag's n bytes, or at a parenthesis. */
static bool take_tag_of(sv *s, size_t n, sv *ret_tag, sv *ret_pid)
{
    if (n == 0 && s->n && s->p[0] == '(') { /* "(sd-pam)" */
        n = 1 + run_of(TAG, sv_from(*s, 1), TAG_BYTES_MAX - 1);
        n += n < s->n && s->p[n] == ')';
    }
    if (n == 0 || n == s->n)
        return false;
    sv rest = sv_from(*s, n), pid = SV_NONE;
    if (sv_starts(rest, SV("]["))) /* "gdm-password][901]" */
        rest = sv_from(rest, 1);
    if (rest.p[0] == '[') {
        sv within = sv_first(rest, PID_BYTES_MAX + 2);
        size_t end = bytes_find(within, ']');
        if (end == within.n)
            return false;
        pid = sv_first(sv_from(rest, 1), end - 1);
        rest = sv_from(rest, end + 1);
    }
    bool colon = rest.n && rest.p[0] == ':';
    if (!colon && (pid.n == 0 || (rest.n && rest.p[0] != ' ')))
        return false;
    rest = sv_from(rest, colon);
    if (rest.n && rest.p[0] != ' ' && pid.n == 0)
        return false;
    *ret_tag = sv_first(*s, n);
    *ret_pid = pid;
    skip_spaces(&rest);
    *s = rest;
    return true;
}

bool syslog_take_tag(sv *s, sv *ret_tag, sv *ret_pid)
{
    size_t n = run_of(TAG, *s, TAG_BYTES_MAX);
    bool word = n < s->n && s->p[n] == ' '; /* a host's name, mostly */
    return !word && take_tag_of(s, n, ret_tag, ret_pid);
}

static inline bool is_hostname(sv s)
{
    return s.n > 0 && s.n <= HOSTNAME_BYTES_MAX && run_of(HOST, s, s.n) == s.n;
}

/* A word of bytes of that kind and something behind it. */
static inline bool take_name(sv *s, unsigned kind, sv *ret)
{
    size_t n = run_of(kind, *s, HOSTNAME_BYTES_MAX);
    sv rest = sv_from(*s, n);
    if (n == 0 || rest.n == 0 || rest.p[0] != ' ')
        return false;
    skip_spaces(&rest);
    if (rest.n == 0)
        return false;
    *ret = sv_first(*s, n);
    *s = rest;
    return true;
}

/* What follows the time in RFC 3164: a host name that may be missing, a tag that may be missing. A word that
 * may be part of either is a host's name. */
static inline void read_host_and_tag(sv s, struct syslog_header *header)
{
    if (!syslog_is_body(s) &&
        (take_name(&s, BOTH, &header->hostname) ||
         (!syslog_take_tag(&s, &header->tag, &header->pid) && take_name(&s, HOST, &header->hostname))) &&
        !syslog_is_body(s))
        syslog_take_tag(&s, &header->tag, &header->pid);
    header->message = s;
}

static inline sv word_or_nil(sv *s)
{
    sv word = sv_word(s);
    return sv_eq(word, SV("-")) ? SV_NONE : word;
}

/* Where the SD-ELEMENT at the front of s ends; SV_NPOS if it does not. */
static size_t element_end(sv s)
{
    bool quoted = false;
    for (size_t i = 1; i < s.n; i++) {
        if (quoted && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && s.p[i] == ']')
            return i;
    }
    return SV_NPOS;
}

/* Cuts STRUCTURED-DATA off *s. False if there is none, not even a nil. */
static bool take_structured_data(sv *s, sv *ret)
{
    size_t n = 0;
    if (s->n && s->p[0] == '-' && (s->n == 1 || s->p[1] == ' ')) {
        *s = sv_from(*s, 1);
        *ret = SV_NONE;
        return true;
    }
    while (n < s->n && s->p[n] == '[') {
        size_t end = element_end(sv_from(*s, n));
        if (end == SV_NPOS)
            return false;
        n += end + 1;
    }
    if (n == 0 || (n < s->n && s->p[n] != ' '))
        return false;
    *ret = sv_first(*s, n);
    *s = sv_from(*s, n);
    return true;
}

/* APP-NAME, PROCID, MSGID and STRUCTURED-DATA; false if they are not all there. */
static bool read_5424_tail(sv s, struct syslog_header *header)
{
    sv tag = word_or_nil(&s), pid = word_or_nil(&s), message_id = word_or_nil(&s);
    skip_spaces(&s);
    if (!take_structured_data(&s, &header->structured_data))
        return false;
    header->tag = tag;
    header->pid = pid;
    header->message_id = message_id;
    header->message = sv_without_bom(sv_from(s, s.n && s.p[0] == ' '));
    return true;
}

/* A moment, or none if a word runs on behind it. */
static inline bool take_time(sv *s, struct syslog_header *header)
{
    sv rest = *s;
    if (!syslog_time_take(&rest, &header->time) || begins_word(rest))
        return false;
    header->timed = true;
    *s = rest;
    return true;
}

/* From the version on (RFC 5424 §6); false if it is another form. */
static bool read_5424(sv s, struct syslog_header *header)
{
    size_t digits = 0;
    while (digits < s.n && digits < 3 && ascii_digit(s.p[digits]))
        digits++;
    if (digits == 0 || s.p[0] == '0' || digits + 2 >= s.n || s.p[digits] != ' ')
        return false;
    s = sv_from(s, digits + 1);
    if (header->priority >= 0 && s.p[0] == '-' && s.p[1] == ' ')
        s = sv_from(s, 1);
    else if (!take_time(&s, header))
        return false;
    header->form = SYSLOG_RFC5424;
    skip_spaces(&s);
    sv after_host = s;
    header->hostname = syslog_is_body(s) ? SV_NONE : word_or_nil(&after_host);
    skip_spaces(&after_host);
    if (!syslog_is_body(after_host) && read_5424_tail(after_host, header))
        return true;
    header->message = sv_without_bom(after_host);
    if (!syslog_is_body(header->message))
        syslog_take_tag(&header->message, &header->tag, &header->pid);
    return true;
}

/* A time that a device puts "*" or "." in front of, to say that its clock is not set. */
static inline bool take_device_time(sv *s, struct syslog_header *header)
{
    sv rest = sv_from(*s, s->n && (s->p[0] == '*' || s->p[0] == '.'));
    if (!take_time(&rest, header))
        return false;
    *s = rest;
    return true;
}

/* Cisco's "[seq]: [host: ]*time": a sequence number and a name in front of the time. */
static bool take_numbered_time(sv *s, struct syslog_header *header)
{
    sv rest = *s;
    size_t digits = 0;
    while (digits < rest.n && digits < 12 && ascii_digit(rest.p[digits]))
        digits++;
    rest = sv_from(rest, digits);
    if (rest.n == 0 || rest.p[0] != ':')
        return false;
    rest = sv_from(rest, 1);
    skip_spaces(&rest);
    sv named = rest, name = sv_word(&named);
    skip_spaces(&named);
    if (take_device_time(&rest, header)) {
        *s = rest;
        return true;
    }
    if (name.n < 2 || name.p[name.n - 1] != ':' || !take_device_time(&named, header))
        return false;
    header->hostname = sv_first(name, name.n - 1);
    *s = named;
    return true;
}

/* A host's name and then, without a tag, a message of a structured form. */
static bool host_before_body(sv s)
{
    sv after = s, word = sv_word(&after);
    skip_spaces(&after);
    return is_hostname(word) && syslog_is_body(after) && !syslog_is_body(s);
}

static bool read_3164(sv s, struct syslog_header *header)
{
    header->form = SYSLOG_RFC3164;
    skip_spaces(&s);
    if (!take_device_time(&s, header) && !take_numbered_time(&s, header) && header->priority < 0)
        return false;
    if (header->timed && s.n && s.p[0] == ':')
        s = sv_from(s, 1);
    skip_spaces(&s);
    if (header->hostname.n == 0 && (header->timed || host_before_body(s))) {
        read_host_and_tag(s, header);
    } else {
        if (!syslog_is_body(s))
            syslog_take_tag(&s, &header->tag, &header->pid);
        header->message = s;
    }
    header->message = sv_without_bom(header->message);
    return true;
}

/* All but what is valid only if something else says so. One by one: of a chain of assignments the compiler
 * makes loads that wait for the stores in front of them. */
static inline void clear(struct syslog_header *header)
{
    header->timed = false;
    header->hostname = SV_NONE;
    header->tag = SV_NONE;
    header->pid = SV_NONE;
    header->message_id = SV_NONE;
    header->structured_data = SV_NONE;
}

bool syslog_parse(sv record, struct syslog_header *ret)
{
    sv s = sv_without_bom(record);
    ret->priority = -1;
    take_priority(&s, &ret->priority);
    clear(ret);
    if (s.n && ascii_digit(s.p[0])) { /* a version, perhaps */
        if (read_5424(s, ret))
            return true;
        clear(ret);
    }
    return read_3164(s, ret);
}

/* PARAM-VALUE without its escapes (RFC 5424 §6.3.3): a backslash before anything else stands for itself. */
static sv unescape(struct decoding *decoding, sv value)
{
    if (sv_find_char(value, '\\') == SV_NPOS)
        return value;
    char *text = decoding_alloc(decoding, value.n);
    size_t n = 0;
    if (!text)
        return value;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\\' && i + 1 < value.n && memchr("\"\\]", value.p[i + 1], 3))
            i++;
        text[n++] = value.p[i];
    }
    return sv_make(text, n);
}

/* One SD-ELEMENT without its brackets: fields named `id.param`. */
static void apply_element(struct decoding *decoding, sv element)
{
    sv prefix = decoding_join(decoding, sv_word(&element), SV("."));
    while (prefix.n && element.n) {
        skip_spaces(&element);
        size_t equals = sv_find(element, SV("=\""));
        if (equals == SV_NPOS)
            return;
        sv name = decoding_join(decoding, prefix, sv_first(element, equals));
        element = sv_from(element, equals + 2);
        size_t end = 0;
        while (end < element.n && element.p[end] != '"')
            end += element.p[end] == '\\' ? 2 : 1;
        if (name.n)
            decoding_add(decoding, name, unescape(decoding, sv_first(element, end)));
        element = sv_from(element, end + 1);
    }
}

static void apply_structured_data(struct decoding *decoding, sv data)
{
    while (data.n) {
        size_t end = element_end(data);
        if (end == SV_NPOS)
            return;
        apply_element(decoding, sv_first(sv_from(data, 1), end - 1));
        data = sv_from(data, end + 1);
    }
}

static const sv facilities[] = {
    SV_INIT("kern"),     SV_INIT("user"),   SV_INIT("mail"),   SV_INIT("daemon"), SV_INIT("auth"),
    SV_INIT("syslog"),   SV_INIT("lpr"),    SV_INIT("news"),   SV_INIT("uucp"),   SV_INIT("cron"),
    SV_INIT("authpriv"), SV_INIT("ftp"),    SV_INIT("ntp"),    SV_INIT("audit"),  SV_INIT("alert"),
    SV_INIT("clock"),    SV_INIT("local0"), SV_INIT("local1"), SV_INIT("local2"), SV_INIT("local3"),
    SV_INIT("local4"),   SV_INIT("local5"), SV_INIT("local6"), SV_INIT("local7"),
};
static const sv severities[] = {SV_INIT("emergency"),     SV_INIT("alert"),   SV_INIT("critical"),
                                SV_INIT("error"),         SV_INIT("warning"), SV_INIT("notice"),
                                SV_INIT("informational"), SV_INIT("debug")};
static const char codes[] = "01234567";

static void apply_priority(struct decoding *decoding, int priority)
{
    int severity = priority & 7;
    decoding_add(decoding, SV("log.syslog.facility.name"), facilities[priority >> 3]);
    decoding_add(decoding, SV("log.syslog.severity.name"), severities[severity]);
    decoding_add_typed(decoding, SV("log.syslog.severity.code"), sv_make(codes + severity, 1), EVENT_NUMBER);
}

void syslog_apply(struct decoding *decoding, const struct syslog_header *header)
{
    struct event *event = decoding->event;
    if (header->timed)
        syslog_time_apply(decoding, &header->time);
    event->message = header->message;
    decoding->program = header->tag;
    decoding->host = header->hostname;
    if (header->priority >= 0)
        apply_priority(decoding, header->priority);
    decoding_add_known(decoding, SV("host.name"), header->hostname);
    decoding_add_known(decoding, SV("process.name"), header->tag);
    if (header->pid.n)
        decoding_add_number(decoding, SV("process.pid"), header->pid);
    decoding_add_known(decoding, SV("log.syslog.msgid"), header->message_id);
    apply_structured_data(decoding, header->structured_data);
}

void syslog_derive(const struct derive *derive)
{
    derive_name(derive, SV("log.syslog.facility.name"), SV_NONE);
    derive_name(derive, SV("log.syslog.severity.name"), SV_NONE);
    derive_name(derive, SV("log.syslog.severity.code"), SV_NONE);
    derive_name(derive, SV("log.syslog.msgid"), SV_NONE);
    for (size_t i = 0; i < sizeof facilities / sizeof *facilities; i++)
        derive_value(derive, SV("log.syslog.facility.name"), facilities[i], SV_NONE);
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        derive_value(derive, SV("log.syslog.severity.name"), severities[i], SV_NONE);
        derive_value(derive, SV("log.syslog.severity.code"), sv_make(codes + i, 1), SV_NONE);
    }
}
