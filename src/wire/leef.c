#include "wire/leef.h"

#include "base/ascii.h"
#include "base/bytes.h"
#include "wire/cyberark.h"
#include "wire/device.h"
#include "wire/ecs.h"

enum { DELIMITER_BYTES_MAX = 6 };

/* A delimiter as LEEF 2.0 writes it: one character, or its code as x5E or 0x5E. */
static bool parse_delimiter(sv s, char *ret)
{
    if (s.n == 1) {
        if (ascii_alnum(s.p[0])) /* it would part words */
            return false;
        *ret = s.p[0];
        return true;
    }
    if (s.n && s.p[0] == '0')
        s = sv_from(s, 1);
    if (s.n < 2 || s.n > 5 || (s.p[0] | 0x20) != 'x')
        return false;
    int code = 0;
    for (size_t i = 1; i < s.n; i++) {
        int digit = ascii_hex(s.p[i]);
        if (digit < 0)
            return false;
        code = code * 16 + digit;
    }
    if (code < 1 || code > 0xff || ascii_alnum(code))
        return false;
    *ret = (char)code;
    return true;
}

/* Cuts LEEF 2.0's delimiter field off *s where there is one; some senders leave it empty or out. */
static char take_delimiter(sv *s)
{
    char delimiter = '\t';
    size_t pipe = sv_find_char(sv_first(*s, DELIMITER_BYTES_MAX + 1), '|');
    if (pipe == SV_NPOS)
        return delimiter;
    if (pipe > 0 && !parse_delimiter(sv_first(*s, pipe), &delimiter))
        return delimiter;
    *s = sv_from(*s, pipe + 1);
    return delimiter;
}

struct attributes {
    struct decoding *decoding;
    struct device_labels labels;
    bool stray; /* STRAY stands in some value, perhaps */
};

/* CyberArk's translator writes a space where the delimiter in front of shost should be. */
#define STRAY SV(" shost=")

static void add_pair(struct attributes *attributes, sv key, sv value)
{
    value = device_unescape(attributes->decoding, key, value);
    decoding_add(attributes->decoding, key, value);
    device_labels_note(&attributes->labels, key, value);
}

static sv unquoted(sv value)
{
    bool quoted = value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"';
    return quoted ? sv_first(sv_from(value, 1), value.n - 2) : value;
}

/* Takes a stray shost off the value's end. */
static sv take_stray(struct attributes *attributes, sv value)
{
    size_t at = sv_find(value, STRAY);
    if (at == SV_NPOS)
        return value;
    add_pair(attributes, SV("shost"), unquoted(sv_trim(sv_from(value, at + STRAY.n))));
    return sv_first(value, at);
}

static void add_segment(struct attributes *attributes, sv segment)
{
    size_t equals = bytes_find(segment, '=');
    if (equals == segment.n)
        return;
    sv key = sv_trim(sv_first(segment, equals)), value = sv_from(segment, equals + 1);
    if (attributes->stray)
        value = take_stray(attributes, value);
    if (key.n)
        add_pair(attributes, key, unquoted(sv_trim(value)));
}

static void add_segments(struct attributes *attributes, sv text, char delimiter)
{
    attributes->stray = sv_find(text, STRAY) != SV_NPOS;
    while (text.n) {
        size_t end = bytes_find(text, delimiter);
        add_segment(attributes, sv_first(text, end));
        text = sv_from(text, end + 1);
    }
}

static void add_pairs(struct attributes *attributes, sv text, char delimiter)
{
    if (delimiter != '\t' || sv_find_char(text, '\t') != SV_NPOS) {
        add_segments(attributes, text, delimiter);
        return;
    }
    /* A relay turned the tabs into spaces, or there is one pair only: CEF's way of telling them apart does
     * for both. */
    struct device_pairs pairs;
    sv key, value;
    bool escaped;
    device_pairs_begin(&pairs, text);
    while (device_pairs_next(&pairs, &key, &value, &escaped))
        add_pair(attributes, key, value);
}

bool leef_decode(struct decoding *decoding, sv body)
{
    struct device device = {0};
    struct attributes attributes;
    attributes.decoding = decoding;
    attributes.labels.have_label = attributes.labels.have_value = 0;
    sv version;
    if (!sv_starts(body, SV("LEEF:")))
        return false;
    body = sv_from(body, 5);
    sv *const pieces[] = {&version, &device.vendor, &device.product, &device.version};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (!device_take_piece(decoding, &body, pieces[i]))
            return false;
    device_take_piece(decoding, &body, &device.code);
    char delimiter = sv_starts(version, SV("1")) ? '\t' : take_delimiter(&body);
    decoding_add(decoding, SV("deviceVendor"), device.vendor);
    decoding_add(decoding, SV("deviceProduct"), device.product);
    decoding_add(decoding, SV("deviceVersion"), device.version);
    decoding_add(decoding, SV("deviceEventClassId"), device.code);
    size_t from = decoding->event->field_count;
    add_pairs(&attributes, body, delimiter);
    device_labels_apply(&attributes.labels, decoding);
    device_apply(decoding, &device, &ecs_leef, from);
    return true;
}

bool leef_source(sv body, struct logsource *ret)
{
    sv pieces[4]; /* the version of the format first */
    body = sv_from(body, 5);
    return device_cut_pieces(&body, pieces, 4) && cyberark_source(pieces[1], pieces[2], ret);
}
