#include "wire/finding.h"

enum { NAME_BYTES_MAX = 256, TEXT_BYTES_MAX = 8192, FIRST_FIELDS = 24 };

static const sv severity_names[] = {SV_INIT("informational"), SV_INIT("low"), SV_INIT("medium"),
                                    SV_INIT("high"), SV_INIT("critical")};

enum { SEVERITY_COUNT = sizeof severity_names / sizeof *severity_names };

const char *severity_name(enum severity severity)
{
    return (unsigned)severity < SEVERITY_COUNT ? severity_names[severity].p : "unknown";
}

bool severity_parse(sv s, enum severity *ret)
{
    for (unsigned i = 0; i < SEVERITY_COUNT; i++) {
        if (sv_eq(s, severity_names[i])) {
            *ret = (enum severity)i;
            return true;
        }
    }
    return false;
}

/* The longest front of s of at most max bytes that ends between two characters. Bytes that are no UTF-8 are
 * cut where max says. */
static sv cut_at_character(sv s, size_t max)
{
    size_t end = max;
    while (end > 0 && max - end < 4 && ((unsigned char)s.p[end] & 0xc0) == 0x80)
        end--;
    return sv_first(s, max - end < 4 ? end : max);
}

/* Of a text that is so cut, at most. */
static size_t size_cut(sv s, size_t max)
{
    return sizeof(uint32_t) + (s.n < max ? s.n : max);
}

static char *put_cut(char *to, sv s, size_t max)
{
    const sv mark = SV("…");
    if (s.n <= max)
        return pack_bytes_at(pack_u32_at(to, (uint32_t)s.n), s);
    sv front = cut_at_character(s, max - mark.n);
    return pack_bytes_at(pack_bytes_at(pack_u32_at(to, (uint32_t)(front.n + mark.n)), front), mark);
}

/* An event's first fields say where it came from, its last what it means (the ECS names); what there is too
 * much of is left out between them. Returns how many are packed. */
static size_t choose_fields(const struct finding *finding, const struct event_field **ret)
{
    size_t filled = 0, place = 0, count = 0;
    bool all = finding->field_count <= FINDING_FIELDS_MAX;
    for (size_t i = 0; i < finding->field_count; i++)
        filled += all || finding->fields[i].value.n > 0;
    size_t left_out = filled > FINDING_FIELDS_MAX ? filled - FINDING_FIELDS_MAX : 0;
    for (size_t i = 0; i < finding->field_count; i++) {
        if (!all && finding->fields[i].value.n == 0)
            continue;
        if (place < FIRST_FIELDS || place >= FIRST_FIELDS + left_out)
            ret[count++] = &finding->fields[i];
        place++;
    }
    return count;
}

static void pack_fields(struct pack *pack, const struct finding *finding)
{
    const struct event_field *fields[FINDING_FIELDS_MAX];
    size_t count = choose_fields(finding, fields), n = sizeof(uint32_t);
    for (size_t i = 0; i < count; i++)
        n += size_cut(fields[i]->name, NAME_BYTES_MAX) + sizeof(uint32_t) +
             size_cut(fields[i]->value, FINDING_VALUE_BYTES_MAX);
    char *start = pack_room(pack, n), *to = start;
    if (!start)
        return;
    to = pack_u32_at(to, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        to = put_cut(to, fields[i]->name, NAME_BYTES_MAX);
        to = pack_u32_at(to, fields[i]->type);
        to = put_cut(to, fields[i]->value, FINDING_VALUE_BYTES_MAX);
    }
    buf_added(pack->buf, (size_t)(to - start));
}

/* In place of a length: where the message stands in the record, whose end it nearly always is. */
static const uint32_t WITHIN_RAW = UINT32_MAX;

/* A shorter one takes less as it is. */
enum { WITHIN_BYTES_MIN = 2 * sizeof(uint32_t) + 1 };

static char *put_message(char *to, sv message, sv raw)
{
    bool within = raw.n <= FINDING_RAW_BYTES_MAX && message.n <= FINDING_VALUE_BYTES_MAX &&
                  message.n >= WITHIN_BYTES_MIN && sv_lies_in(message, raw);
    return within ? pack_u32_at(pack_u32_at(pack_u32_at(to, WITHIN_RAW), (uint32_t)(message.p - raw.p)),
                                (uint32_t)message.n)
                  : put_cut(to, message, FINDING_VALUE_BYTES_MAX);
}

static void pack_texts(struct pack *pack, const struct finding *finding)
{
    const sv texts[] = {finding->input,           finding->rule_id,     finding->rule_title,
                        finding->author,          finding->description, finding->response,
                        finding->false_positives, finding->references,  finding->tags};
    size_t n =
        size_cut(finding->raw, FINDING_RAW_BYTES_MAX) + size_cut(finding->message, FINDING_VALUE_BYTES_MAX);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        n += size_cut(texts[i], TEXT_BYTES_MAX);
    char *start = pack_room(pack, n), *to = start;
    if (!start)
        return;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        to = put_cut(to, texts[i], TEXT_BYTES_MAX);
    to = put_cut(to, finding->raw, FINDING_RAW_BYTES_MAX);
    to = put_message(to, finding->message, finding->raw);
    buf_added(pack->buf, (size_t)(to - start));
}

void finding_pack(struct pack *pack, const struct finding *finding)
{
    pack_i64(pack, finding->event_time);
    pack_i64(pack, finding->received_at);
    pack_i64(pack, finding->matched_at);
    pack_u32(pack, (uint32_t)finding->severity);
    pack_texts(pack, finding);
    pack_fields(pack, finding);
}

static sv unpack_bounded(struct unpack *unpack, size_t max)
{
    sv s = unpack_sv(unpack);
    if (s.n > max) {
        *unpack = (struct unpack){.ok = false};
        return SV_NONE;
    }
    return s;
}

static sv unpack_message(struct unpack *unpack, sv raw)
{
    struct unpack within = *unpack;
    if (unpack_u32(&within) != WITHIN_RAW)
        return unpack_bounded(unpack, FINDING_VALUE_BYTES_MAX);
    size_t at = unpack_u32(&within), n = unpack_u32(&within);
    *unpack = within;
    if (within.ok && at <= raw.n && n <= raw.n - at && n >= WITHIN_BYTES_MIN && n <= FINDING_VALUE_BYTES_MAX)
        return sv_make(raw.p + at, n);
    *unpack = (struct unpack){.ok = false};
    return SV_NONE;
}

static bool unpack_fields(struct unpack *unpack, struct finding *finding, struct arena *arena)
{
    uint32_t count = unpack_u32(unpack);
    if (!unpack->ok || count > FINDING_FIELDS_MAX)
        return false;
    if (count == 0)
        return true;
    finding->fields = arena_alloc(arena, count * sizeof *finding->fields);
    if (!finding->fields)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct event_field *field = &finding->fields[i];
        field->name = unpack_bounded(unpack, NAME_BYTES_MAX);
        uint32_t type = unpack_u32(unpack);
        field->value = unpack_bounded(unpack, FINDING_VALUE_BYTES_MAX);
        if (!unpack->ok || type > EVENT_NULL)
            return false;
        field->type = (enum event_field_type)type;
    }
    finding->field_count = count;
    return true;
}

bool finding_unpack(struct unpack *unpack, struct finding *ret, struct arena *arena)
{
    struct finding finding = {0};
    finding.event_time = unpack_i64(unpack);
    finding.received_at = unpack_i64(unpack);
    finding.matched_at = unpack_i64(unpack);
    uint32_t severity = unpack_u32(unpack);
    if (severity >= SEVERITY_COUNT)
        return false;
    finding.severity = (enum severity)severity;
    sv *const texts[] = {&finding.input,           &finding.rule_id,     &finding.rule_title,
                         &finding.author,          &finding.description, &finding.response,
                         &finding.false_positives, &finding.references,  &finding.tags};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = unpack_bounded(unpack, TEXT_BYTES_MAX);
    finding.raw = unpack_bounded(unpack, FINDING_RAW_BYTES_MAX);
    finding.message = unpack_message(unpack, finding.raw);
    if (!unpack_fields(unpack, &finding, arena) || !unpack->ok)
        return false;
    *ret = finding;
    return true;
}
