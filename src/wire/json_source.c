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

static bool stands_in(const sv *words, size_t count, sv text)
{
    for (size_t i = 0; i < count; i++)
        if (sv_find(text, words[i]) != SV_NPOS)
            return true;
    return false;
}

#define STANDS_IN(words, text) stands_in(words, sizeof(words) / sizeof *(words), text)

/* A backslash behind which a letter is written by its number, unless it is itself behind one that makes it
 * plain: so any name may be written. */
static bool has_unicode_escape(sv text)
{
    size_t from = 0, at;
    for (; (at = sv_find(sv_from(text, from), SV("\\u"))) != SV_NPOS; from += at + 2) {
        size_t backslashes = 1;
        while (backslashes <= from + at && text.p[from + at - backslashes] == '\\')
            backslashes++;
        if (backslashes % 2)
            return true;
    }
    return false;
}

/* Whether the rest may change who a Windows event is from. */
static bool is_doubtful_windows(sv rest)
{
    static const sv words[] = {SV_INIT("hannel\""), SV_INIT("EventID"), SV_INIT("event_id"),
                               SV_INIT("syslog")};
    return STANDS_IN(words, rest) || has_unicode_escape(rest) || sv_count_char(rest, ',') > COMMAS_MAX;
}

/* Other JSON, in the order in which json_shape.c asks what it is. */
enum kind { KUBERNETES, CYBERARK_AUDIT, VAULT, KIND_COUNT };

static const struct logsource sources[KIND_COUNT] = {
    [KUBERNETES] = {SV_INIT("kubernetes"), SV_INIT(""), SV_INIT("audit")},
    [CYBERARK_AUDIT] = {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("audit")},
    [VAULT] = {SV_INIT("hashicorp"), SV_INIT(""), SV_INIT("vault")},
};

/* Whether the rest may make it something that is asked for before: Windows, the journal, or another kind. */
static bool is_doubtful(enum kind kind, sv rest)
{
    static const sv words[] = {SV_INIT("hannel\""), SV_INIT("System"),  SV_INIT("winlog"),
                               SV_INIT("syslog"),   SV_INIT("MESSAGE"), SV_INIT("auditID"),
                               SV_INIT("auditCode")};
    enum { OF_ALL = 5 };
    return stands_in(words, OF_ALL + (size_t)kind, rest) || has_unicode_escape(rest) ||
           sv_count_char(rest, ',') > COMMAS_MAX;
}

/* Whether a name that begins so may matter at all. */
static bool may_matter(struct json_walk *walk)
{
    char first = json_walk_level(walk)->path_n ? walk->path[0] : walk->key.n ? walk->key.p[0] : '\0';
    return first && memchr("CEMarstw\\", first, 9) != NULL;
}

/* The value's name, whole; it borrows from the walk. False if it has escapes, or is too long. */
static bool read_name(struct json_walk *walk, sv *ret)
{
    const struct json_level *level = json_walk_level(walk);
    size_t n = level->path_n, key_n = level->array ? 0 : walk->key.n;
    if (key_n > sizeof walk->path - n)
        return false;
    if (key_n)
        memcpy(walk->path + n, walk->key.p, key_n);
    *ret = sv_make(walk->path, n + key_n);
    return sv_find_char(*ret, '\\') == SV_NPOS;
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

static bool is_kind(const sv *values, enum kind kind)
{
    switch (kind) {
    case KUBERNETES:
        return values[AUDIT_ID].n && sv_starts(values[API_VERSION], SV("audit.k8s.io/"));
    case CYBERARK_AUDIT:
        return values[AUDIT_CODE].n && values[AUDIT_TYPE].n && !values[AUDIT_ID].n;
    case VAULT:
        return values[TYPE].n && values[OPERATION].n && values[PATH].n && !values[AUDIT_ID].n &&
               !values[AUDIT_CODE].n;
    case KIND_COUNT:
        break;
    }
    return false;
}

/* KIND_COUNT if that is not known yet. */
static enum kind kind_of(const struct findings *findings)
{
    enum kind kind = findings->windows ? KIND_COUNT : KUBERNETES;
    while (kind < KIND_COUNT && !is_kind(findings->values, kind))
        kind++;
    return kind;
}

bool json_shape_source(sv body, struct logsource *ret)
{
    struct json_walk walk;
    struct findings findings = {.windows = false};
    if (!json_walk_begin(&walk, body, NULL))
        return false;
    for (size_t i = 0; i < VALUES_MAX && json_walk_next(&walk); i++) {
        sv name, rest = sv_from(body, walk.at);
        if (!may_matter(&walk))
            continue;
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
        enum kind kind = kind_of(&findings);
        if (kind < KIND_COUNT) {
            *ret = sources[kind];
            return !is_doubtful(kind, rest);
        }
    }
    return false;
}
