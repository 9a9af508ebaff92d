/* Whose JSON a record is, told by the names in it and some of their values, without keeping any. What
 * json_shape.c would find, or nothing where names say one thing twice. */
#include "base/bytes.h"
#include "wire/cyberark.h"
#include "wire/json_shape.h"
#include "wire/json_walk.h"
#include "wire/windows_event.h"

enum {
    FIELDS_MAX = EVENT_FIELDS_MAX - 32, /* that there surely is room for, beside a head's */
    FIELDS_OF_A_VALUE = 3,              /* itself, without its prefix, and under another name */
};

enum role {
    CHANNEL,
    EVENT_ID,
    API_VERSION,
    AUDIT_ID,
    AUDIT_CODE,
    AUDIT_TYPE,
    TYPE,
    OPERATION,
    PATH,
    ROLE_COUNT
};

static const struct names roles = {
    .by_length = {
        [4] = NAMES(NAME("type", TYPE)),
        [7] = NAMES(NAME("Channel", CHANNEL), NAME("EventID", EVENT_ID), NAME("auditID", AUDIT_ID)),
        [9] = NAMES(NAME("auditCode", AUDIT_CODE), NAME("auditType", AUDIT_TYPE)),
        [10] = NAMES(NAME("apiVersion", API_VERSION)),
        [12] = NAMES(NAME("request.path", PATH)),
        [14] = NAMES(NAME("winlog.channel", CHANNEL)),
        [15] = NAMES(NAME("winlog.event_id", EVENT_ID)),
        [17] = NAMES(NAME("request.operation", OPERATION)),
        [20] = NAMES(NAME("Event.System.Channel", CHANNEL), NAME("Event.System.EventID", EVENT_ID)),
    }};

/* What has been found in the values so far. */
struct findings {
    sv values[ROLE_COUNT];
    bool windows;
};

/* The value's name, whole; it borrows from the walk. False if it is too long. */
static bool read_name(struct json_walk *walk, sv *ret)
{
    sv path = json_walk_path(walk), key = json_walk_in_array(walk) ? SV_NONE : walk->key;
    if (key.n > sizeof walk->path - path.n)
        return false;
    if (key.n)
        memcpy(walk->path + path.n, key.p, key.n);
    *ret = sv_make(path.p, path.n + key.n);
    return true;
}

static bool is_channel_or_number(sv name)
{
    return sv_ends(name, SV("Channel")) || sv_ends(name, SV("EventID"));
}

/* A name that stands as a value, in a list of names and values. */
static bool is_data_name(sv name)
{
    return sv_starts(name, SV("Event.EventData.Data.")) && sv_ends(name, SV("Name"));
}

/* Whether a Windows event's channel or number may come from here, once the name has lost its prefix. */
static bool is_misleading_data(sv name, sv value)
{
    return is_channel_or_number(name) ||
           (is_data_name(name) && (is_channel_or_number(value) || sv_find_char(value, '\\') != SV_NPOS));
}

/* Names that might give a Windows event another channel or number, and the message of a journal. */
static bool is_misleading(sv name, sv value)
{
    switch (name.n ? name.p[0] : '\0') {
    case 'E':
        if (sv_starts(name, SV("Event.System.")))
            return sv_starts(name, SV("Event.System.EventID."));
        return sv_starts(name, SV("Event.")) && is_misleading_data(name, value);
    case 'w':
        return sv_starts(name, SV("winlog.event_data.")) && is_misleading_data(name, value);
    case 'M':
        return sv_eq(name, SV("MESSAGE"));
    default:
        return false;
    }
}

static bool take_value(struct findings *findings, sv name, sv value)
{
    int role = names_find(&roles, name);
    findings->windows |= windows_event_name(name);
    if (role < 0)
        return !is_misleading(name, value);
    bool again = findings->values[role].n > 0;
    findings->values[role] = value;
    return !again && value.n > 0 && sv_find_char(value, '\\') == SV_NPOS;
}

static bool judge(const sv *values, struct logsource *ret)
{
    static const struct logsource kubernetes = {SV_INIT("kubernetes"), SV_INIT(""), SV_INIT("audit")},
                                  audit = {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("audit")},
                                  vault = {SV_INIT("hashicorp"), SV_INIT(""), SV_INIT("vault")};
    if (values[AUDIT_ID].n && sv_starts(values[API_VERSION], SV("audit.k8s.io/")))
        *ret = kubernetes;
    else if (values[AUDIT_CODE].n && values[AUDIT_TYPE].n)
        *ret = audit;
    else if (values[TYPE].n && values[OPERATION].n && values[PATH].n)
        *ret = vault;
    else
        return false;
    return true;
}

static bool is_windows(const struct findings *findings)
{
    return findings->windows && findings->values[CHANNEL].n && findings->values[EVENT_ID].n;
}

/* Words of which one stands in whatever may change who a Windows event is from, or stands for a letter of
 * one; each with the place of two letters that are seldom side by side. */
static const struct word {
    sv text;
    size_t pair;
} words[] = {
    {SV_INIT("hannel\""), 2}, {SV_INIT("EventID"), 5}, {SV_INIT("event_id"), 4},
    {SV_INIT("syslog"), 2},   {SV_INIT("\\u"), 0},
};

enum { WORD_COUNT = sizeof words / sizeof *words };

/* Whether a word's pair stands at that place, and the word around it. A backslash that another one in front
 * of it makes plain is none. */
static bool is_word(sv text, size_t pair)
{
    size_t backslashes = 0;
    while (backslashes <= pair && text.p[pair - backslashes] == '\\')
        backslashes++;
    if (backslashes > 0 && backslashes % 2 == 0)
        return false;
    for (size_t i = 0; i < WORD_COUNT; i++) {
        sv word = words[i].text, there = sv_from(text, pair - words[i].pair);
        if (pair >= words[i].pair && there.n >= word.n && bytes_eq(there.p, word.p, word.n))
            return true;
    }
    return false;
}

#ifdef __SSE2__
enum { STEP = sizeof(__m128i) };

/* At which of the sixteen places from p on a pair stands. */
static inline unsigned pairs_at(const char *p, const __m128i pairs[WORD_COUNT][2])
{
    __m128i first = bytes_load(p), second = bytes_load(p + 1);
    __m128i hits = _mm_setzero_si128();
#pragma GCC unroll 5
    for (size_t i = 0; i < WORD_COUNT; i++)
        hits = _mm_or_si128(
            hits, _mm_and_si128(_mm_cmpeq_epi8(first, pairs[i][0]), _mm_cmpeq_epi8(second, pairs[i][1])));
    return (unsigned)_mm_movemask_epi8(hits);
}

static bool has_word(sv text)
{
    __m128i pairs[WORD_COUNT][2];
    for (size_t i = 0; i < WORD_COUNT; i++)
        for (size_t j = 0; j < 2; j++)
            pairs[i][j] = _mm_set1_epi8(words[i].text.p[words[i].pair + j]);
    for (size_t at = 0, last = text.n - STEP - 1; text.n > STEP; at = at + STEP < last ? at + STEP : last) {
        for (unsigned hits = pairs_at(text.p + at, pairs); hits; hits &= hits - 1)
            if (is_word(text, at + (unsigned)__builtin_ctz(hits)))
                return true;
        if (at == last)
            return false;
    }
    return text.n > 0; /* too little to look through: there may be one */
}
#else
static bool has_word(sv text)
{
    for (size_t at = 0; at < text.n; at++)
        if (is_word(text, at))
            return true;
    return false;
}
#endif

/* Whether nothing in the rest of the text can change who a Windows event is from. */
static bool is_settled(sv rest, size_t values)
{
    size_t room = FIELDS_MAX - FIELDS_OF_A_VALUE * values;
    return !has_word(rest) && (rest.n / 2 < room || sv_count_char(rest, ',') < room);
}

bool json_shape_source(sv body, struct logsource *ret)
{
    struct json_walk walk;
    struct findings findings = {.windows = false};
    bool looked = false;
    sv name;
    if (!json_walk_begin(&walk, body, NULL))
        return false;
    for (size_t values = 1; json_walk_next(&walk); values++) {
        if (values * FIELDS_OF_A_VALUE > FIELDS_MAX || walk.escaped_names || !read_name(&walk, &name))
            return false;
        if (sv_starts(name, SV("syslog."))) {
            *ret = (struct logsource){.product = SV("cyberark"), .service = SV("vault")};
            return sv_starts(name, CYBERARK_RECORD_PREFIX);
        }
        if (!take_value(&findings, name, walk.text))
            return false;
        if (looked || !is_windows(&findings))
            continue;
        looked = true;
        if (is_settled(json_walk_rest(&walk), values))
            break;
    }
    if (!findings.windows)
        return judge(findings.values, ret);
    windows_event_source(findings.values[CHANNEL], findings.values[EVENT_ID], ret);
    return is_windows(&findings);
}
