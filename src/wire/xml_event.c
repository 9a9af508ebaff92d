#include "wire/xml_event.h"

#include "base/ascii.h"
#include "wire/cyberark.h"
#include "wire/ecs.h"

enum { OPENING_BYTES_MAX = 512, TAG_BYTES_MAX = 64, ENTITY_BYTES_MAX = 10 };

/* In the order in which the Vault writes them, so that the search for the next one ends at once. */
static const sv known[] = {
#define TAG(name) SV_INIT("syslog.audit_record." name)
    TAG("Rfc5424"), TAG("Timestamp"),    TAG("IsoTimestamp"), TAG("Hostname"),       TAG("Vendor"),
    TAG("Product"), TAG("Version"),      TAG("MessageID"),    TAG("Desc"),           TAG("Severity"),
    TAG("Issuer"),  TAG("Action"),       TAG("SourceUser"),   TAG("TargetUser"),     TAG("Safe"),
    TAG("File"),    TAG("Station"),      TAG("Location"),     TAG("Category"),       TAG("RequestId"),
    TAG("Reason"),  TAG("ExtraDetails"), TAG("Message"),      TAG("GatewayStation"),
#undef TAG
};

enum { KNOWN_COUNT = sizeof known / sizeof *known };

struct xml {
    struct decoding *decoding;
    sv prefix;
    size_t next; /* the entry of known that is likely to come */
};

static sv name_of(struct xml *xml, sv tag)
{
    const size_t skip = CYBERARK_RECORD_PREFIX.n;
    bool audit = xml->prefix.n == skip;
    for (size_t i = 0; audit && i < KNOWN_COUNT; i++) {
        size_t at = (xml->next + i) % KNOWN_COUNT;
        if (sv_eq(sv_from(known[at], skip), tag)) {
            xml->next = at + 1;
            return known[at];
        }
    }
    return decoding_join(xml->decoding, xml->prefix, tag);
}

/* "#10" or "#x0a": the character's number, 0 if it is none. */
static uint32_t character_number(sv s)
{
    bool hex = s.n > 1 && s.p[1] == 'x';
    uint32_t code = 0;
    for (size_t i = hex ? 2 : 1; i < s.n; i++) {
        uint32_t base = hex ? 16 : 10;
        int digit = ascii_hex(s.p[i]);
        if (digit < 0 || (uint32_t)digit >= base)
            return 0;
        code = code * base + (uint32_t)digit;
    }
    return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? code : 0;
}

/* The character that an entity stands for, 0 if we do not know it. */
static uint32_t entity(sv name)
{
    static const struct {
        sv name;
        char c;
    } entities[] = {{SV_INIT("lt"), '<'},
                    {SV_INIT("gt"), '>'},
                    {SV_INIT("amp"), '&'},
                    {SV_INIT("quot"), '"'},
                    {SV_INIT("apos"), '\''}};
    if (name.n > 1 && name.p[0] == '#')
        return character_number(name);
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (sv_eq(entities[i].name, name))
            return (uint32_t)entities[i].c;
    return 0;
}

static sv unescape(struct decoding *decoding, sv text)
{
    if (sv_find_char(text, '&') == SV_NPOS)
        return text;
    char *out = decoding_alloc(decoding, text.n);
    size_t n = 0;
    if (!out)
        return text;
    for (size_t i = 0; i < text.n; i++) {
        sv rest = sv_first(sv_from(text, i + 1), ENTITY_BYTES_MAX);
        size_t end = text.p[i] == '&' ? sv_find_char(rest, ';') : SV_NPOS;
        uint32_t code = end == SV_NPOS ? 0 : entity(sv_first(rest, end));
        if (code) {
            n += decoding_put_utf8(out + n, code);
            i += end + 1;
        } else {
            out[n++] = text.p[i];
        }
    }
    return sv_make(out, n);
}

static void add_attributes(struct xml *xml, sv attributes)
{
    while (attributes.n) {
        size_t equals = sv_find(attributes, SV("=\""));
        if (equals == SV_NPOS)
            return;
        sv name = sv_trim(sv_first(attributes, equals));
        attributes = sv_from(attributes, equals + 2);
        size_t quote = sv_find_char(attributes, '"');
        sv value = quote == SV_NPOS ? attributes : sv_first(attributes, quote);
        sv full = sv_eq(name, SV("Name"))    ? SV("syslog.audit_record.CAProperties.CAProperty.Name")
                  : sv_eq(name, SV("Value")) ? SV("syslog.audit_record.CAProperties.CAProperty.Value")
                                             : SV_NONE;
        if (full.n)
            decoding_add(xml->decoding, full, unescape(xml->decoding, value));
        attributes = sv_from(attributes, value.n + 1);
    }
}

/* An element from behind its `<` on; cuts it, or just its opening tag if there are elements in it, off *s. */
static void take_element(struct xml *xml, sv *s)
{
    size_t close = sv_find_char(*s, '>');
    sv inside = close == SV_NPOS ? *s : sv_first(*s, close);
    *s = sv_from(*s, inside.n + 1);
    bool empty = inside.n && inside.p[inside.n - 1] == '/';
    sv attributes = sv_first(inside, inside.n - empty);
    sv tag = sv_word(&attributes);
    if (tag.n == 0 || tag.n > TAG_BYTES_MAX || tag.p[0] == '/' || tag.p[0] == '?' || tag.p[0] == '!')
        return;
    if (sv_eq(tag, SV("CAProperty"))) {
        add_attributes(xml, attributes);
        return;
    }
    size_t end = sv_find_char(*s, '<');
    sv text = end == SV_NPOS ? *s : sv_first(*s, end);
    bool leaf = empty || (end != SV_NPOS && end + 1 < s->n && s->p[end + 1] == '/');
    if (!leaf)
        return;
    sv name = name_of(xml, tag);
    if (name.n)
        decoding_add(xml->decoding, name, empty ? SV_NONE : unescape(xml->decoding, text));
}

bool xml_event_decode(struct decoding *decoding, sv body)
{
    sv opening = sv_first(body, OPENING_BYTES_MAX);
    size_t start = sv_find(opening, SV("<audit_record>"));
    bool audit = start != SV_NPOS;
    if (!audit)
        start = sv_find(opening, SV("<monitor_record>"));
    if (start == SV_NPOS || body.p[0] != '<')
        return false;
    struct xml xml = {decoding, audit ? CYBERARK_RECORD_PREFIX : SV("syslog.monitor_record."), 0};
    size_t from = decoding->event->field_count;
    sv s = sv_from(body, start + 1);
    take_element(&xml, &s);
    for (size_t next = sv_find_char(s, '<'); next != SV_NPOS; next = sv_find_char(s, '<')) {
        s = sv_from(s, next + 1);
        take_element(&xml, &s);
    }
    if (audit) {
        cyberark_apply_record(decoding, from);
    } else {
        ecs_add(decoding, ECS_EVENT_PROVIDER, SV("CyberArk Vault"));
        decoding->event->source =
            (struct logsource){.product = SV("cyberark"), .service = SV("vaultmonitor")};
    }
    return true;
}
