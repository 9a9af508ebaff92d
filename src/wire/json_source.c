/* Whose JSON a record is, told without decoding all of it. What json_shape.c goes by are the first values of
 * certain names; so once they are found, nothing that follows can change the answer but a few names, and none
 * of those stands in the rest if their letters do not. */
#include "wire/cyberark.h"
#include "wire/json_shape.h"
#include "wire/json_walk.h"
#include "wire/windows_event.h"

enum {
    VALUES_MAX = 64,  /* that are looked at */
    COMMAS_MAX = 256, /* in the rest: with many more values there might be no room for all fields */
};

enum role { CHANNEL, EVENT_ID, TYPE, OPERATION, PATH, ROLE_COUNT };

static const struct names roles = {
    .by_length = {
        [4] = NAMES(NAME("type", TYPE)),
        [7] = NAMES(NAME("Channel", CHANNEL), NAME("EventID", EVENT_ID)),
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

static bool stands_in(const sv *words, size_t count, sv text)
{
    for (size_t i = 0; i < count; i++)
        if (sv_find(text, words[i]) != SV_NPOS)
            return true;
    return false;
}

#define STANDS_IN(words, text) stands_in(words, sizeof(words) / sizeof *(words), text)

/* Whether the rest may change who a Windows event is from. */
static bool is_doubtful_windows(sv rest)
{
    static const sv words[] = {SV_INIT("hannel\""), SV_INIT("EventID"), SV_INIT("event_id"),
                               SV_INIT("syslog"),   SV_INIT("\\u"),     SV_INIT("\\/")};
    return STANDS_IN(words, rest) || sv_count_char(rest, ',') > COMMAS_MAX;
}

static bool is_doubtful_vault(sv rest)
{
    static const sv words[] = {SV_INIT("hannel\""), SV_INIT("System"),  SV_INIT("winlog"),
                               SV_INIT("syslog"),   SV_INIT("MESSAGE"), SV_INIT("\\u")};
    return STANDS_IN(words, rest) || sv_count_char(rest, ',') > COMMAS_MAX;
}

/* The value's name, whole. False if it has escapes, or is too long. */
static bool read_name(struct json_walk *walk, sv *ret)
{
    const struct json_level *level = json_walk_level(walk);
    size_t n = level->path_n;
    *ret = sv_make(walk->path, n);
    if (level->array)
        return true;
    if (walk->key.n > sizeof walk->path - n || sv_find_char(walk->key, '\\') != SV_NPOS)
        return false;
    memcpy(walk->path + n, walk->key.p, walk->key.n);
    ret->n = n + walk->key.n;
    return true;
}

/* Names that might give a Windows event another channel or number, and the message of a journal. */
static bool is_misleading(sv name)
{
    bool in_event = sv_starts(name, SV("Event.")) && !sv_starts(name, SV("Event.System."));
    return in_event || sv_starts(name, SV("Event.System.EventID.")) ||
           sv_starts(name, SV("winlog.event_data.")) || sv_eq(name, SV("MESSAGE"));
}

static bool take_value(struct findings *findings, sv name, const struct json_walk *walk)
{
    int role = names_find(&roles, name);
    findings->windows |= windows_event_name(name);
    if (role < 0)
        return !is_misleading(name);
    bool again = findings->values[role].n > 0;
    findings->values[role] = walk->text;
    return !again && walk->text.n > 0 && sv_find_char(walk->text, '\\') == SV_NPOS;
}

static bool is_windows(const struct findings *findings)
{
    return findings->values[CHANNEL].n && findings->values[EVENT_ID].n;
}

static bool is_vault(const struct findings *findings)
{
    return !findings->windows && findings->values[TYPE].n && findings->values[OPERATION].n &&
           findings->values[PATH].n;
}

bool json_shape_source(sv body, struct logsource *ret)
{
    struct json_walk walk;
    struct findings findings = {.windows = false};
    if (!json_walk_begin(&walk, body, NULL))
        return false;
    for (size_t i = 0; i < VALUES_MAX && json_walk_next(&walk); i++) {
        sv name, rest = sv_from(body, walk.at);
        if (!read_name(&walk, &name))
            return false;
        if (sv_starts(name, CYBERARK_RECORD_PREFIX)) {
            *ret = (struct logsource){.product = SV("cyberark"), .service = SV("vault")};
            return true;
        }
        if (sv_starts(name, SV("syslog.")) || !take_value(&findings, name, &walk))
            return false;
        if (is_windows(&findings)) {
            windows_event_source(findings.values[CHANNEL], findings.values[EVENT_ID], ret);
            return !is_doubtful_windows(rest);
        }
        if (is_vault(&findings)) {
            *ret = (struct logsource){.product = SV("hashicorp"), .service = SV("vault")};
            return !is_doubtful_vault(rest);
        }
    }
    return false;
}
