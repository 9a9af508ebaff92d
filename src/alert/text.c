#include "alert/text.h"

#include "base/ascii.h"
#include "config/config.h"

enum {
    ENCODED_LINE_MAX = 76, /* RFC 2047 §2: a line that holds an encoded word */
    PLAIN_LINE_MAX = 78,   /* RFC 5322 §2.1.1: what a line should be */
    NAME_BYTES_MAX = 200,  /* a display name; longer ones are cut */
};

static const char replacement[] = "\xef\xbf\xbd";

static bool is_html(enum text_place place)
{
    return place == TEXT_HTML_LINE || place == TEXT_HTML_BLOCK;
}

static bool is_block(enum text_place place)
{
    return place == TEXT_BLOCK || place == TEXT_HTML_BLOCK;
}

/* The length of the character that s begins with, 0 if it is none. */
static size_t character(sv s)
{
    unsigned char lead = (unsigned char)s.p[0];
    size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return n <= s.n && sv_utf8(sv_first(s, n)) ? n : 0;
}

/* C1 controls, marks and overrides of direction, line and paragraph separators, byte order marks: they can
 * make a line look like another one. */
static bool deceives(sv c)
{
    const unsigned char *p = (const unsigned char *)c.p;
    if (c.n == 2)
        return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
    if (c.n != 3)
        return false;
    if (p[0] == 0xe2 && p[1] == 0x80)
        return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
    if (p[0] == 0xe2 && p[1] == 0x81)
        return p[2] >= 0xa6 && p[2] <= 0xa9;
    return p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf;
}

static void put_control(struct buf *out, unsigned char c, enum text_place place)
{
    if (place == TEXT_HEADER) {
        if (out->end > out->start && out->bytes[out->end - 1] != ' ')
            buf_put_char(out, ' ');
    } else if (is_block(place) && c == '\n') {
        buf_put(out, is_html(place) ? SV("<br>\n") : SV("\n"));
    } else if (is_block(place) && c == '\t') {
        buf_put_char(out, '\t');
    } else {
        char picture[3] = {'\xe2', '\x90', (char)(c == 0x7f ? 0xa1 : 0x80 + c)};
        buf_put(out, (sv){picture, sizeof picture});
    }
}

static void put_ascii(struct buf *out, char c, enum text_place place)
{
    static const struct {
        char c;
        sv entity;
    } entities[] = {{'&', SV_INIT("&amp;")},
                    {'<', SV_INIT("&lt;")},
                    {'>', SV_INIT("&gt;")},
                    {'"', SV_INIT("&quot;")},
                    {'\'', SV_INIT("&#39;")}};
    if ((unsigned char)c < 0x20 || c == 0x7f || (c == ' ' && place == TEXT_HEADER)) {
        put_control(out, (unsigned char)c, place);
        return;
    }
    for (size_t i = 0; is_html(place) && i < sizeof entities / sizeof *entities; i++)
        if (c == entities[i].c) {
            buf_put(out, entities[i].entity);
            return;
        }
    buf_put_char(out, c);
}

/* How many bytes at the front of s are letters, digits and the like: they are what they are everywhere. */
static size_t plain_run(sv s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] > ' ' && s.p[n] < 0x7f && s.p[n] != '&' && s.p[n] != '<' && s.p[n] != '>' &&
           s.p[n] != '"' && s.p[n] != '\'')
        n++;
    return n;
}

/* Bytes taken; 0 when they are more than room. */
static size_t put_character(struct buf *out, sv rest, size_t room, enum text_place place)
{
    size_t length = character(rest), n = length ? length : 1;
    if (n > room)
        return 0;
    if (length == 1)
        put_ascii(out, rest.p[0], place);
    else if (length == 0 || deceives(sv_first(rest, n)))
        buf_put(out, sv_of(replacement));
    else
        buf_put(out, sv_first(rest, n));
    return n;
}

void text_put(struct buf *out, sv s, size_t bytes_max, enum text_place place)
{
    size_t taken = 0, n = 1;
    while (taken < s.n && n > 0) {
        sv rest = sv_from(s, taken);
        size_t room = bytes_max - taken;
        n = plain_run(sv_first(rest, room));
        if (n > 0)
            buf_put(out, sv_first(rest, n));
        else
            n = put_character(out, rest, room, place);
        taken += n;
    }
    if (taken < s.n)
        buf_put(out, SV("…"));
}

static bool is_plain(sv text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return false;
    return sv_find(text, SV("=?")) == SV_NPOS;
}

/* Words separated by single spaces; a line is ended before the word that would make it too long. */
static void put_folded(struct buf *out, size_t column, sv text)
{
    while (text.n) {
        sv word = sv_first(text, sv_find_char(text, ' '));
        text = sv_from(text, word.n + 1);
        if (column + 1 + word.n > PLAIN_LINE_MAX && column > 1) {
            buf_put(out, SV("\r\n"));
            column = 0;
        }
        buf_put_char(out, ' ');
        buf_put(out, word);
        column += 1 + word.n;
    }
}

/* One character in the Q encoding (RFC 2047 §4.2, the set that §5 allows everywhere). Returns its length. */
static size_t encode(sv c, char out[static 12])
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < c.n; i++) {
        unsigned char byte = (unsigned char)c.p[i];
        if (ascii_alnum(byte) || (byte && strchr("!*+-/", byte))) {
            out[n++] = (char)byte;
        } else if (byte == ' ') {
            out[n++] = '_';
        } else {
            out[n++] = '=';
            out[n++] = hex[byte >> 4];
            out[n++] = hex[byte & 15];
        }
    }
    return n;
}

static size_t put_encoded(struct buf *out, size_t column, sv text)
{
    const sv opening = SV(" =?utf-8?Q?"), closing = SV("?=");
    bool open = false;
    while (text.n) {
        char quoted[12];
        size_t length = character(text), n = encode(sv_first(text, length ? length : 1), quoted);
        if (open && column + n + closing.n > ENCODED_LINE_MAX) {
            buf_put(out, closing);
            open = false;
        }
        if (!open) {
            if (column + opening.n + n + closing.n > ENCODED_LINE_MAX) {
                buf_put(out, SV("\r\n"));
                column = 0;
            }
            buf_put(out, opening);
            column += opening.n;
            open = true;
        }
        buf_put(out, (sv){quoted, n});
        column += n;
        text = sv_from(text, length ? length : 1);
    }
    if (open)
        buf_put(out, closing);
    return column + closing.n;
}

void text_put_header(struct buf *out, const char *name, sv text)
{
    buf_printf(out, "%s:", name);
    size_t column = strlen(name) + 1;
    text = sv_trim(text);
    if (is_plain(text))
        put_folded(out, column, text);
    else
        put_encoded(out, column, text);
    buf_put(out, SV("\r\n"));
}

/* True for words that need no quotes (RFC 5322 §3.2.3, less the characters that few expect there). */
static bool is_atoms(sv text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (!ascii_alnum(c) && c != ' ' && c != '-' && c != '_')
            return false;
    }
    return true;
}

static size_t put_quoted(struct buf *out, size_t column, sv text)
{
    const char *quote = is_atoms(text) ? "" : "\"";
    buf_printf(out, " %s", quote);
    for (size_t i = 0; i < text.n; i++)
        buf_printf(out, "%s%c", text.p[i] == '"' || text.p[i] == '\\' ? "\\" : "", text.p[i]);
    buf_put(out, sv_of(quote));
    return column + text.n + 3;
}

/* A display name. Returns the column that it ends in. */
static size_t put_name(struct buf *out, size_t column, sv name)
{
    struct buf clean = BUF_INIT(2 * NAME_BYTES_MAX * 3);
    text_put(&clean, name, NAME_BYTES_MAX, TEXT_HEADER);
    sv text = sv_trim(buf_view(&clean));
    bool plain = is_plain(text) && text.n < PLAIN_LINE_MAX - 10;
    if (text.n)
        column = plain ? put_quoted(out, column, text) : put_encoded(out, column, text);
    buf_free(&clean);
    return column;
}

void text_put_mailboxes(struct buf *out, const char *name, const char *const *mailboxes, size_t count)
{
    size_t column = strlen(name) + 1;
    buf_printf(out, "%s:", name);
    for (size_t i = 0; i < count; i++) {
        sv address = config_mailbox_address(mailboxes[i]);
        bool named = config_mailbox_name(mailboxes[i]).n > 0;
        if (i > 0) {
            buf_put(out, SV(",\r\n"));
            column = 0;
        }
        column = put_name(out, column, config_mailbox_name(mailboxes[i]));
        if (column > 1 && column + address.n + 3 > PLAIN_LINE_MAX)
            buf_put(out, SV("\r\n"));
        buf_printf(out, named ? " <%.*s>" : " %.*s", SV_ARG(address));
    }
    buf_put(out, SV("\r\n"));
}
