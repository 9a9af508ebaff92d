#include "wire/device.h"

#include "base/ascii.h"
#include "wire/cyberark.h"
#include "wire/derive.h"
#include "wire/ecs.h"
#include "wire/syslog_time.h"

enum { KEY_BYTES_MAX = 64, EPOCH_MS_DIGITS = 13 };

/* line_ends: `\n` and `\r` are escapes too. */
static sv unescape(struct decoding *decoding, sv value, bool line_ends)
{
    char *text = decoding_alloc(decoding, value.n);
    size_t n = 0;
    if (!text)
        return value;
    for (size_t i = 0; i < value.n; i++) {
        char next = value.p[i] == '\\' && i + 1 < value.n ? value.p[i + 1] : '\0';
        if (next == '=' || next == '\\' || next == '|')
            text[n++] = value.p[++i];
        else if (line_ends && (next == 'n' || next == 'r'))
            text[n++] = value.p[++i] == 'n' ? '\n' : '\r';
        else
            text[n++] = value.p[i];
    }
    return sv_make(text, n);
}

bool device_take_piece(struct decoding *decoding, sv *s, sv *ret)
{
    size_t n = 0;
    bool escaped = false;
    while (n < s->n && s->p[n] != '|') {
        if (s->p[n] == '\\' && n + 1 < s->n && (s->p[n + 1] == '|' || s->p[n + 1] == '\\')) {
            escaped = true;
            n++;
        }
        n++;
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
        size_t bar = sv_find_char(*s, '|');
        if (bar == SV_NPOS)
            return false;
        ret_pieces[i] = sv_first(*s, bar);
        *s = sv_from(*s, bar + 1);
        if (sv_find_char(ret_pieces[i], '\\') != SV_NPOS)
            return false;
    }
    return true;
}

bool device_is_code_frame(sv record, size_t at)
{
    enum { BARS = 4 };
    unsigned bars = 0;
    for (size_t i = at + 1; i-- > 0 && bars <= BARS;) {
        bars += record.p[i] == '|';
        if (bars == BARS && record.p[i] == ':' && i >= 3 && sv_ends(sv_first(record, i), SV("EF")))
            return true;
    }
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
    if (sv_find_char(value, '\\') == SV_NPOS)
        return value;
    return unescape(decoding, value, names_find(&verbatim, name) < 0);
}

enum { LABEL = DEVICE_LABELS };

/* A value's place, or LABEL and the place of the value that it labels. */
static const struct names labelled = {
    .by_length = {
        [3] = NAMES(NAME("cs1", 0), NAME("cs2", 1), NAME("cs3", 2), NAME("cs4", 3), NAME("cs5", 4),
                    NAME("cs6", 5), NAME("cn1", 6), NAME("cn2", 7), NAME("cn3", 8)),
        [8] = NAMES(NAME("cs1Label", LABEL + 0), NAME("cs2Label", LABEL + 1), NAME("cs3Label", LABEL + 2),
                    NAME("cs4Label", LABEL + 3), NAME("cs5Label", LABEL + 4), NAME("cs6Label", LABEL + 5),
                    NAME("cn1Label", LABEL + 6), NAME("cn2Label", LABEL + 7), NAME("cn3Label", LABEL + 8)),
        [4] = NAMES(NAME("cfp1", 9), NAME("cfp2", 10), NAME("cfp3", 11), NAME("cfp4", 12), NAME("c6a1", 13),
                    NAME("c6a2", 14), NAME("c6a3", 15), NAME("c6a4", 16)),
        [9] =
            NAMES(NAME("cfp1Label", LABEL + 9), NAME("cfp2Label", LABEL + 10), NAME("cfp3Label", LABEL + 11),
                  NAME("cfp4Label", LABEL + 12), NAME("c6a1Label", LABEL + 13), NAME("c6a2Label", LABEL + 14),
                  NAME("c6a3Label", LABEL + 15), NAME("c6a4Label", LABEL + 16), NAME("flexDate1", 23)),
        [11] = NAMES(NAME("flexString1", 19), NAME("flexString2", 20), NAME("flexNumber1", 21),
                     NAME("flexNumber2", 22)),
        [14] = NAMES(NAME("flexDate1Label", LABEL + 23)),
        [16] = NAMES(NAME("flexString1Label", LABEL + 19), NAME("flexString2Label", LABEL + 20),
                     NAME("flexNumber1Label", LABEL + 21), NAME("flexNumber2Label", LABEL + 22)),
        [17] = NAMES(NAME("deviceCustomDate1", 17), NAME("deviceCustomDate2", 18)),
        [22] = NAMES(NAME("deviceCustomDate1Label", LABEL + 17), NAME("deviceCustomDate2Label", LABEL + 18)),
    }};

void device_labels_note(struct device_labels *labels, sv name, sv value)
{
    int place = names_find(&labelled, name);
    if (place < 0)
        return;
    bool label = place >= LABEL;
    uint32_t bit = 1U << (label ? place - LABEL : place);
    uint32_t *have = label ? &labels->have_label : &labels->have_value;
    if (*have & bit)
        return;
    *have |= bit;
    if (label)
        labels->label[place - LABEL] = value;
    else
        labels->value[place] = value;
}

void device_labels_apply(const struct device_labels *labels, struct decoding *decoding)
{
    uint32_t both = labels->have_label & labels->have_value;
    for (unsigned i = 0; both >> i; i++)
        if (both >> i & 1 && labels->label[i].n)
            decoding_add(decoding, labels->label[i], labels->value[i]);
}

static bool is_key_char(char c)
{
    return ascii_alnum(c) || c == '_' || c == '.' || c == '-' || c == '[' || c == ']';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* The next key behind `from`: where it begins and where its `=` stands. `first`: it may stand at `from`
 * itself. */
static bool find_key(sv s, size_t from, bool first, size_t *ret_key, size_t *ret_equals)
{
    for (size_t at = from; at < s.n;) {
        size_t found = sv_find_char(sv_from(s, at), '=');
        if (found == SV_NPOS)
            return false;
        size_t equals = at + found, key = equals;
        while (key > from && equals - key <= KEY_BYTES_MAX && is_key_char(s.p[key - 1]))
            key--;
        if (key < equals && ((key == from && first) || (key > from && is_space(s.p[key - 1])))) {
            *ret_key = key;
            *ret_equals = equals;
            return true;
        }
        at = equals + 1;
    }
    return false;
}

/* True at the end of s, or where spaces and then a key follow. */
static bool pair_may_end(sv s)
{
    size_t at = 0, key;
    while (at < s.n && is_space(s.p[at]))
        at++;
    if (at == s.n)
        return true;
    for (key = at; at < s.n && at - key <= KEY_BYTES_MAX && is_key_char(s.p[at]);)
        at++;
    return key > 0 && at > key && at < s.n && s.p[at] == '=';
}

/* Index of the quote that closes the one at the front of s, or SV_NPOS. */
static size_t closing_quote(sv s)
{
    for (size_t at = 1; at < s.n; at++) {
        size_t found = sv_find_char(sv_from(s, at), '"');
        if (found == SV_NPOS)
            return SV_NPOS;
        at += found;
        if (pair_may_end(sv_from(s, at + 1)))
            return at;
    }
    return SV_NPOS;
}

void device_pairs_begin(struct device_pairs *pairs, sv extension)
{
    pairs->rest = extension;
    pairs->quotes_end = false;
    pairs->found = find_key(extension, 0, true, &pairs->key, &pairs->equals);
}

/* The value in quotes at the front of rest; false if none closes. */
static bool take_quoted(struct device_pairs *pairs, sv rest, sv *ret_value)
{
    if (rest.n == 0 || rest.p[0] != '"' || pairs->quotes_end)
        return false;
    size_t quote = closing_quote(rest);
    /* No quote that closes from here on: none further on either, so the search is not made again. */
    pairs->quotes_end = quote == SV_NPOS;
    if (pairs->quotes_end)
        return false;
    *ret_value = sv_first(sv_from(rest, 1), quote - 1);
    pairs->rest = sv_from(rest, quote + 1);
    pairs->found = find_key(pairs->rest, 0, true, &pairs->key, &pairs->equals);
    return true;
}

bool device_pairs_next(struct device_pairs *pairs, sv *ret_key, sv *ret_value)
{
    if (!pairs->found)
        return false;
    *ret_key = sv_first(sv_from(pairs->rest, pairs->key), pairs->equals - pairs->key);
    sv rest = sv_from(pairs->rest, pairs->equals + 1);
    if (take_quoted(pairs, rest, ret_value))
        return true;
    pairs->rest = rest;
    pairs->found = find_key(rest, 0, false, &pairs->key, &pairs->equals);
    sv value = pairs->found ? sv_first(rest, pairs->key) : rest;
    while (value.n && is_space(value.p[value.n - 1]))
        value.n--;
    *ret_value = value;
    return true;
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
