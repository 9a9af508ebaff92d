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

static void put_bytes(struct pack *pack, sv bytes)
{
    if (pack->ok && buf_put(pack->buf, bytes) < 0)
        pack->ok = false;
}

static void pack_cut(struct pack *pack, sv s, size_t max)
{
    const sv mark = SV("…");
    if (s.n <= max) {
        pack_sv(pack, s);
        return;
    }
    sv front = cut_at_character(s, max - mark.n);
    pack_u32(pack, (uint32_t)(front.n + mark.n));
    put_bytes(pack, front);
    put_bytes(pack, mark);
}

static void pack_field(struct pack *pack, const struct event_field *field)
{
    pack_cut(pack, field->name, NAME_BYTES_MAX);
    pack_u32(pack, (uint32_t)field->type);
    pack_cut(pack, field->value, FINDING_VALUE_BYTES_MAX);
}

/* An event's first fields say where it came from, its last what it means (the ECS names); what there is too
 * much of is left out between them. */
static void pack_fields(struct pack *pack, const struct finding *finding)
{
    size_t filled = 0, place = 0;
    bool all = finding->field_count <= FINDING_FIELDS_MAX;
    for (size_t i = 0; i < finding->field_count; i++)
        filled += all || finding->fields[i].value.n > 0;
    size_t left_out = filled > FINDING_FIELDS_MAX ? filled - FINDING_FIELDS_MAX : 0;
    pack_u32(pack, (uint32_t)(filled - left_out));
    for (size_t i = 0; i < finding->field_count; i++) {
        if (!all && finding->fields[i].value.n == 0)
            continue;
        if (place < FIRST_FIELDS || place >= FIRST_FIELDS + left_out)
            pack_field(pack, &finding->fields[i]);
        place++;
    }
}

void finding_pack(struct pack *pack, const struct finding *finding)
{
    pack_i64(pack, finding->event_time);
    pack_i64(pack, finding->received_at);
    pack_i64(pack, finding->matched_at);
    pack_u32(pack, (uint32_t)finding->severity);
    const sv texts[] = {finding->input,           finding->rule_id,     finding->rule_title,
                        finding->author,          finding->description, finding->response,
                        finding->false_positives, finding->references,  finding->tags};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        pack_cut(pack, texts[i], TEXT_BYTES_MAX);
    pack_cut(pack, finding->raw, FINDING_RAW_BYTES_MAX);
    pack_cut(pack, finding->message, FINDING_VALUE_BYTES_MAX);
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
    finding.message = unpack_bounded(unpack, FINDING_VALUE_BYTES_MAX);
    if (!unpack_fields(unpack, &finding, arena) || !unpack->ok)
        return false;
    *ret = finding;
    return true;
}
