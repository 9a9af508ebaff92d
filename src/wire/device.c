#include "wire/device.h"

#include "base/bytes.h"
#include "wire/cyberark.h"
#include "wire/derive.h"
#include "wire/ecs.h"
#include "wire/syslog_time.h"

enum { EPOCH_MS_DIGITS = 13 };

/* What the escape that s begins with stands for, or NUL if it is none. line_ends: `\n` and `\r` are ones too.
 */
static char escaped_char(sv s, bool line_ends)
{
    switch (s.n > 1 ? s.p[1] : '\0') {
    case '=':
    case '\\':
    case '|':
        return s.p[1];
    case 'n':
        return line_ends ? '\n' : '\0';
    case 'r':
        return line_ends ? '\r' : '\0';
    default:
        return '\0';
    }
}

static sv unescape(struct decoding *decoding, sv value, bool line_ends)
{
    char *text = decoding_alloc(decoding, value.n);
    size_t n = 0;
    if (!text)
        return value;
    for (sv rest = value; rest.n;) {
        size_t run = bytes_find(rest, '\\');
        memcpy(text + n, rest.p, run);
        n += run;
        rest = sv_from(rest, run);
        char c = escaped_char(rest, line_ends);
        if (rest.n)
            text[n++] = c ? c : '\\';
        rest = sv_from(rest, c ? 2 : 1);
    }
    return sv_make(text, n);
}

bool device_take_piece(struct decoding *decoding, sv *s, sv *ret)
{
    size_t n = bytes_find_either(*s, '|', '\\');
    bool escaped = false;
    while (n < s->n && s->p[n] != '|') {
        char next = n + 1 < s->n ? s->p[n + 1] : '\0';
        bool escape = next == '|' || next == '\\';
        escaped |= escape;
        n += 1 + escape;
        n += bytes_find_either(sv_from(*s, n), '|', '\\');
    }
    sv piece = sv_first(*s, n);
    *ret = escaped ? unescape(decoding, piece, false) : piece;
    bool more = n < s->n;
    *s = sv_from(*s, n + 1);
    return more;
}

bool device_cut_pieces(sv *s, sv *ret_pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t bar = bytes_find_either(*s, '|', '\\');
        if (bar == s->n || s->p[bar] == '\\')
            return false;
        ret_pieces[i] = sv_first(*s, bar);
        *s = sv_from(*s, bar + 1);
    }
    return true;
}

/* Where the text's last such byte is, or SV_NPOS. */
static size_t last_of(sv text, char c)
{
    const char *at = text.n ? memrchr(text.p, c, text.n) : NULL;
    return at ? (size_t)(at - text.p) : SV_NPOS;
}

bool device_is_code_frame(sv record, size_t at)
{
    enum { BARS = 4 };
    sv before = sv_first(record, at + 1);
    for (unsigned i = 0; i < BARS; i++) {
        size_t bar = last_of(before, '|');
        if (bar == SV_NPOS)
            return false;
        before = sv_first(before, bar);
    }
    size_t bar = last_of(before, '|'), colon;
    sv version = bar == SV_NPOS ? before : sv_from(before, bar);
    for (; (colon = last_of(version, ':')) != SV_NPOS; version = sv_first(version, colon))
        if (sv_ends(sv_first(before, (size_t)(version.p - before.p) + colon), SV("EF")))
            return true;
    return false;
}

/* Values in which a backslash is part of a path or of a name. */
static const struct names verbatim = {
    .by_length = {
        [4] = NAMES(NAME("suid", 0), NAME("duid", 0), NAME("file", 0), NAME("File", 0)),
        [5] = NAMES(NAME("suser", 0), NAME("duser", 0), NAME("fname", 0), NAME("sproc", 0), NAME("dproc", 0),
                    NAME("shost", 0), NAME("dhost", 0)),
        [6] = NAMES(NAME("sntdom", 0), NAME("dntdom", 0)),
        [7] = NAMES(NAME("usrName", 0)),
        [8] = NAMES(NAME("filePath", 0)),
        [11] = NAMES(NAME("oldFileName", 0), NAME("oldFilePath", 0), NAME("accountName", 0)),
    }};

sv device_unescape(struct decoding *decoding, sv name, sv value)
{
    if (bytes_find(value, '\\') == value.n)
        return value;
    return unescape(decoding, value, names_find(&verbatim, name) < 0);
}

/* What stands in front of a pair's number, and how many places there are for its values from which one on. */
enum stem { CS, CN, CFP, C6A, CUSTOM_DATE, FLEX_STRING, FLEX_NUMBER, FLEX_DATE };

static const struct names stems = {
    .by_length = {[3] = NAMES(NAME("cfp", CFP), NAME("c6a", C6A)),
                  [8] = NAMES(NAME("flexDate", FLEX_DATE)),
                  [10] = NAMES(NAME("flexString", FLEX_STRING), NAME("flexNumber", FLEX_NUMBER)),
                  [16] = NAMES(NAME("deviceCustomDate", CUSTOM_DATE))}};

static const struct {
    unsigned first, count;
} places[] = {
    [CS] = {0, 6},           [CN] = {6, 3},           [CFP] = {9, 4},          [C6A] = {13, 4},
    [CUSTOM_DATE] = {17, 2}, [FLEX_STRING] = {19, 2}, [FLEX_NUMBER] = {21, 2}, [FLEX_DATE] = {23, 1}};

/* One of the stems, or −1. Nearly all are `cs` and `cn`. */
static inline int find_stem(sv stem)
{
    if (stem.n != 2)
        return names_find(&stems, stem);
    if (stem.p[0] != 'c')
        return -1;
    return stem.p[1] == 's' ? CS : stem.p[1] == 'n' ? CN : -1;
}

void device_labels_note(struct device_labels *labels, sv name, sv value)
{
    bool label = name.n && name.p[name.n - 1] == 'l' && sv_ends(name, SV("Label"));
    size_t n = label ? name.n - 5 : name.n;
    unsigned number = n > 2 ? (unsigned)(name.p[n - 1] - '1') : DEVICE_LABELS;
    if (number >= DEVICE_LABELS)
        return;
    int stem = find_stem(sv_first(name, n - 1));
    if (stem < 0 || number >= places[stem].count)
        return;
    unsigned place = places[stem].first + number;
    uint32_t bit = 1U << place, *have = label ? &labels->have_label : &labels->have_value;
    if (*have & bit)
        return;
    *have |= bit;
    (label ? labels->label : labels->value)[place] = value;
}

void device_labels_apply(const struct device_labels *labels, struct decoding *decoding)
{
    uint32_t both = labels->have_label & labels->have_value;
    for (unsigned i = 0; both >> i; i++)
        if (both >> i & 1 && labels->label[i].n)
            decoding_add(decoding, labels->label[i], labels->value[i]);
}

/* Milliseconds since the epoch, or a date in words. */
static void apply_time(struct decoding *decoding, sv value)
{
    uint64_t ms;
    struct civil civil;
    if (value.n == EPOCH_MS_DIGITS && sv_to_u64(value, &ms))
        decoding_set_time_since_epoch(decoding, ms, NANOS_PER_MS);
    else if (syslog_time_take(&value, &civil))
        syslog_time_apply(decoding, &civil);
}

/* Best first. */
enum { RECEIVED, STARTED, DEVICE, CUSTOM, NONE };

static const struct names times = {.by_length = {[2] = NAMES(NAME("rt", RECEIVED)),
                                                 [5] = NAMES(NAME("start", STARTED)),
                                                 [7] = NAMES(NAME("devTime", DEVICE)),
                                                 [17] = NAMES(NAME("deviceCustomDate1", CUSTOM))}};

/* The device's clock, where the header's time was guessed or missing. */
static void find_time(struct decoding *decoding, size_t from)
{
    const struct event *event = decoding->event;
    sv best = SV_NONE;
    int best_rank = NONE;
    if (!(event->flags & EVENT_TIME_ASSUMED))
        return;
    for (size_t i = from; i < event->field_count; i++) {
        int rank = names_find(&times, event->fields[i].name);
        if (rank < 0 || rank >= best_rank)
            continue;
        best = event->fields[i].value;
        best_rank = rank;
    }
    if (best.n)
        apply_time(decoding, best);
}

void device_apply(struct decoding *decoding, const struct device *device, const struct names *names,
                  size_t from)
{
    find_time(decoding, from);
    if (cyberark_apply_device(decoding, device, from))
        return;
    ecs_add(decoding, ECS_EVENT_CODE, device->code);
    ecs_add(decoding, ECS_EVENT_PROVIDER, device->product);
    ecs_add(decoding, ECS_RULE_NAME, device->name);
    ecs_apply(decoding, names, from);
}

void device_derive(const struct derive *derive)
{
    static const sv marks[] = {SV_INIT("CEF:"), SV_INIT("LEEF:")};
    static const sv fields[] = {SV_INIT("deviceVendor"), SV_INIT("deviceProduct"), SV_INIT("deviceVersion"),
                                SV_INIT("deviceEventClassId"), SV_INIT("shost")};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        for (size_t j = 0; j < sizeof fields / sizeof *fields; j++)
            derive_name(derive, fields[j], marks[i]);
    derive_name(derive, SV("name"), SV("CEF:"));
    derive_name(derive, SV("severity"), SV("CEF:"));
    derive_framed(derive, SV("event.code"), SV("|"));
}
