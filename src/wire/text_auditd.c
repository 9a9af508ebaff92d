/* The Linux audit system's records: "type=EXECVE msg=audit(1700000000.123:45): argc=2 a0="id" a1=2D67".
 * Values that could be mistaken for something else are written in hex by the kernel, without quotes. */
#include "wire/text_private.h"

#include "base/ascii.h"
#include "wire/derive.h"

enum { ARGUMENTS_MAX = 64, COMMAND_LINE_BYTES_MAX = 8192, SECONDS_DIGITS_MAX = 11 };

/* The fields that the kernel or user space may write in hex. */
static const struct names coded = {
    .by_length = {
        [3] = NAMES(NAME("exe", 0), NAME("cwd", 0), NAME("cmd", 0), NAME("dir", 0), NAME("grp", 0)),
        [4] = NAMES(NAME("comm", 0), NAME("name", 0), NAME("acct", 0), NAME("path", 0), NAME("data", 0)),
        [5] = NAMES(NAME("ocomm", 0)),
        [8] = NAMES(NAME("root_dir", 0)),
        [9] = NAMES(NAME("proctitle", 0), NAME("new_group", 0))}};

struct record {
    struct decoding *decoding;
    sv type;
    bool execve;
    size_t from; /* the first field of this record */
    sv account, audit_user, result;
    size_t argument_count;
    sv arguments[ARGUMENTS_MAX];
};

/* In capitals, as the audit system writes them; −1 for all else. */
static int hex_digit(char c)
{
    return ascii_digit(c) || (c >= 'A' && c <= 'F') ? ascii_hex(c) : -1;
}

/* The text behind hex digits, NULs (they part the words of a command line) as spaces. What is no hex stays as
 * it is. */
static sv decode_hex(struct decoding *decoding, sv value)
{
    if (value.n < 2 || value.n % 2)
        return value;
    for (size_t i = 0; i < value.n; i++)
        if (hex_digit(value.p[i]) < 0)
            return value;
    char *text = decoding_alloc(decoding, value.n / 2);
    if (!text)
        return value;
    for (size_t i = 0; i < value.n / 2; i++) {
        int c = hex_digit(value.p[2 * i]) * 16 + hex_digit(value.p[2 * i + 1]);
        text[i] = c ? (char)c : ' ';
    }
    return sv_make(text, value.n / 2);
}

/* a0, a1 …: an argument of EXECVE, and not its length (a1_len) or a piece of one (a1[0]). */
static bool is_argument(const struct record *record, sv name)
{
    if (!record->execve || name.n < 2 || name.n > 4 || name.p[0] != 'a')
        return false;
    for (size_t i = 1; i < name.n; i++)
        if (name.p[i] < '0' || name.p[i] > '9')
            return false;
    return true;
}

/* What ends a name or a value that is not in quotes. */
enum { GAP = 1, EQUALS = 2 };

static const unsigned char ends[256] = {
    [' '] = GAP, ['\x1d'] = GAP, ['\t'] = GAP, ['\n'] = GAP, ['='] = EQUALS,
};

static inline size_t find_end(sv s, unsigned of)
{
    size_t n = 0;
    while (n < s.n && !(ends[(unsigned char)s.p[n]] & of))
        n++;
    return n;
}

/* Cuts the next word off *s, up to a gap or, if the word's value is in quotes, to the closing one. The
 * enriched form parts its halves by 0x1D. */
static bool take_pair(sv *s, sv *ret_name, sv *ret_value, bool *ret_quoted)
{
    size_t start = 0;
    while (start < s->n && (ends[(unsigned char)s->p[start]] == GAP || s->p[start] == ','))
        start++;
    sv rest = sv_from(*s, start);
    if (rest.n == 0)
        return false;
    size_t n = find_end(rest, GAP | EQUALS);
    *ret_name = sv_first(rest, n);
    *ret_value = SV_NONE;
    *ret_quoted = false;
    if (n == rest.n || rest.p[n] != '=') {
        *s = sv_from(rest, n);
        return true;
    }
    rest = sv_from(rest, n + 1);
    char quote = rest.n && (rest.p[0] == '"' || rest.p[0] == '\'') ? rest.p[0] : '\0';
    size_t end = quote ? bytes_find(sv_from(rest, 1), quote) : rest.n;
    if (end + 1 < rest.n) {
        *ret_value = sv_first(sv_from(rest, 1), end);
        *ret_quoted = true;
        *s = sv_from(rest, end + 2);
        return true;
    }
    n = find_end(rest, GAP);
    *ret_value = sv_first(rest, n);
    *s = sv_from(rest, n);
    return true;
}

static void note(struct record *record, sv name, sv value)
{
    if (sv_eq(name, SV("acct")))
        record->account = value;
    else if (sv_eq(name, SV("AUID")) && !sv_eq(value, SV("unset")))
        record->audit_user = value;
    else if (sv_eq(name, SV("res")) || sv_eq(name, SV("success")))
        record->result = value;
    else if (is_argument(record, name) && record->argument_count < ARGUMENTS_MAX)
        record->arguments[record->argument_count++] = value;
}

/* A message in a message, as user space sends it: msg='op=… res=success'. */
static bool is_nested(sv name, sv value)
{
    return sv_eq(name, SV("msg")) && bytes_find(value, '=') < value.n;
}

static void add_pairs(struct record *record, sv s)
{
    sv name, value, after = SV_NONE;
    bool quoted;
    for (;;) {
        if (!take_pair(&s, &name, &value, &quoted)) {
            if (after.n == 0)
                return;
            s = after;
            after = SV_NONE;
            continue;
        }
        if (quoted && after.n == 0 && is_nested(name, value)) {
            after = s.n ? s : SV(" ");
            s = value;
            continue;
        }
        if (value.p == NULL || name.n == 0)
            continue;
        if (!quoted && (names_find(&coded, name) >= 0 || is_argument(record, name)))
            value = decode_hex(record->decoding, value);
        decoding_add(record->decoding, name, value);
        note(record, name, value);
    }
}

static void add_command_line(struct record *record)
{
    size_t n = 0;
    char *text;
    for (size_t i = 0; i < record->argument_count; i++)
        n += record->arguments[i].n + 1;
    if (n == 0 || n > COMMAND_LINE_BYTES_MAX || !(text = decoding_alloc(record->decoding, n)))
        return;
    n = 0;
    for (size_t i = 0; i < record->argument_count; i++) {
        if (i)
            text[n++] = ' ';
        if (record->arguments[i].n)
            memcpy(text + n, record->arguments[i].p, record->arguments[i].n);
        n += record->arguments[i].n;
    }
    ecs_add(record->decoding, ECS_PROCESS_COMMAND_LINE, sv_make(text, n));
}

/* "audit(1700000000.123:45): " */
static bool take_stamp(sv *s, nanos *ret_time, sv *ret_serial)
{
    sv rest = *s, seconds, ms, serial;
    uint64_t whole, fraction;
    if (!sv_take(&rest, SV("audit(")) || !text_take_until(&rest, SV("."), &seconds) ||
        !text_take_until(&rest, SV(":"), &ms) || !text_take_until(&rest, SV(")"), &serial) ||
        seconds.n > SECONDS_DIGITS_MAX || !sv_to_u64(seconds, &whole) || whole > 9200000000ULL || ms.n != 3 ||
        !sv_to_u64(ms, &fraction))
        return false;
    sv_take(&rest, SV(":"));
    *ret_time = (nanos)whole * NANOS_PER_SECOND + (nanos)fraction * NANOS_PER_MS;
    *ret_serial = serial;
    *s = rest;
    return true;
}

static bool is_type_name(sv s)
{
    if (s.n < 3)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '_' || ascii_digit(s.p[i])))
            return false;
    return true;
}

/* What stands in front of the pairs. */
struct head {
    sv type, node, serial;
    nanos time;
    bool timed;
};

static bool take_head(sv *s, bool named_type, struct head *ret)
{
    *ret = (struct head){.timed = false};
    sv_take(s, SV("audit: "));
    if (sv_take(s, SV("node=")))
        ret->node = sv_word(s);
    while (sv_take(s, SV(" ")))
        ;
    if (!sv_take(s, SV("type="))) {
        ret->type = sv_word(s);
        return named_type && is_type_name(ret->type);
    }
    ret->type = sv_word(s);
    sv_take(s, SV(" "));
    sv_take(s, SV("msg="));
    ret->timed = ret->type.n > 0 && take_stamp(s, &ret->time, &ret->serial);
    return ret->timed;
}

bool text_auditd_begins(sv message)
{
    struct head head;
    return sv_starts(message, SV("type=")) && take_head(&message, false, &head);
}

bool text_auditd(struct decoding *decoding, sv message, bool named_type)
{
    struct record record;
    struct head head;
    sv s = message;
    if (!take_head(&s, named_type, &head))
        return false;
    if (head.timed)
        decoding_set_time(decoding, head.time);
    record.decoding = decoding;
    record.account = record.audit_user = record.result = SV_NONE;
    record.argument_count = 0;
    record.type = head.type;
    record.execve = sv_eq(record.type, SV("EXECVE"));
    record.from = decoding->event->field_count;
    decoding_add(decoding, SV("type"), record.type);
    decoding_add_known(decoding, SV("auditd.serial"), head.serial);
    decoding_add_known(decoding, SV("node"), head.node);
    add_pairs(&record, s);
    ecs_add(decoding, ECS_EVENT_ACTION, record.type);
    bool success = sv_eq(record.result, SV("success")) || sv_eq(record.result, SV("yes")) ||
                   sv_eq(record.result, SV("1"));
    if (record.result.n)
        ecs_add(decoding, ECS_EVENT_OUTCOME, success ? SV("success") : SV("failure"));
    ecs_add(decoding, ECS_USER_NAME, record.account.n ? record.account : record.audit_user);
    add_command_line(&record);
    ecs_apply(decoding, &ecs_auditd, record.from);
    return true;
}

void text_auditd_derive(const struct derive *derive)
{
    static const sv results[] = {SV_INIT("res="), SV_INIT("success=")};
    derive_name(derive, SV("type"), SV("audi"));
    derive_name(derive, SV("auditd.serial"), SV("audit("));
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        derive_value(derive, SV("event.outcome"), SV("success"), results[i]);
        derive_value(derive, SV("event.outcome"), SV("failure"), results[i]);
    }
}
