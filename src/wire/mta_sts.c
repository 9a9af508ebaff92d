#include "wire/mta_sts.h"

#include "base/ascii.h"
#include "wire/smtp_address.h"

#include <stdlib.h>

enum { FIELD_NAME_MAX = 32 };

static sv trim_blanks(sv s)
{
    while (s.p && s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = sv_from(s, 1);
    while (s.p && s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* sts-ext-name, which every other field's name fits too. */
static bool is_field_name(sv name)
{
    bool good = name.n >= 1 && name.n <= FIELD_NAME_MAX && ascii_alnum(name.p[0]);
    for (size_t i = 1; good && i < name.n; i++)
        good = ascii_alnum(name.p[i]) || name.p[i] == '_' || name.p[i] == '-' || name.p[i] == '.';
    return good;
}

/* --- The record --- */

static bool is_id(sv value)
{
    bool good = value.n >= 1 && value.n < MTA_STS_ID_MAX;
    for (size_t i = 0; good && i < value.n; i++)
        good = ascii_alnum(value.p[i]);
    return good;
}

/* sts-ext-value: visible ASCII without ";" and "=". */
static bool is_record_value(sv value)
{
    bool good = value.n > 0;
    for (size_t i = 0; good && i < value.n; i++)
        good = value.p[i] > ' ' && value.p[i] < 0x7f && value.p[i] != '=';
    return good;
}

/* The version of a record, which may have blanks behind it but none in it or in front. */
static bool has_version(sv text, sv *ret_rest)
{
    sv version = SV("v=STSv1");
    if (!sv_starts(text, version))
        return false;
    sv rest = sv_from(text, version.n);
    while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'))
        rest = sv_from(rest, 1);
    if (!rest.n || rest.p[0] != ';')
        return false;
    *ret_rest = sv_from(rest, 1);
    return true;
}

static bool read_fields(sv rest, sv *ret_id)
{
    sv id = SV_NONE;
    while (rest.p) {
        sv field = trim_blanks(sv_split(&rest, ';'));
        if (!field.n && !trim_blanks(rest).n)
            break; /* the one semicolon that may end it */
        sv value = field, name = sv_split(&value, '=');
        if (!is_field_name(name) || !is_record_value(value))
            return false;
        if (!sv_eq(name, SV("id")))
            continue;
        if (!is_id(value))
            return false;
        if (!id.n)
            id = value;
    }
    *ret_id = id;
    return id.n > 0;
}

bool mta_sts_record_read(const sv *texts, size_t count, char ret_id[static MTA_STS_ID_MAX])
{
    sv rest = SV_NONE, id;
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += has_version(texts[i], &rest);
    if (found != 1 || !read_fields(rest, &id))
        return false;
    sv_copy(ret_id, MTA_STS_ID_MAX, id);
    return true;
}

/* --- The policy --- */

/* The next line that is not empty, as name and value. False at the end; a line without form has no name. */
static bool next_field(sv *rest, sv *ret_name, sv *ret_value)
{
    while (rest->p) {
        sv line = sv_split(rest, '\n');
        if (sv_ends(line, SV("\r")))
            line.n--;
        line = trim_blanks(line);
        if (!line.n)
            continue;
        sv value = line, name = sv_split(&value, ':');
        bool formed = value.p && is_field_name(name);
        *ret_name = formed ? name : SV_NONE;
        *ret_value = trim_blanks(value);
        return true;
    }
    return false;
}

static bool is_host(sv host)
{
    return host.p && host.n && host.p[0] != '[' && smtp_domain_check(host) == SMTP_ADDRESS_NONE;
}

static sv without_dot(sv host)
{
    if (host.p && host.n > 1 && host.p[host.n - 1] == '.')
        host.n--;
    return host;
}

static bool is_pattern(sv pattern)
{
    return is_host(sv_starts(pattern, SV("*.")) ? sv_from(pattern, 2) : pattern);
}

static bool read_mode(sv value, enum mta_sts_mode *ret)
{
    for (enum mta_sts_mode mode = MTA_STS_NONE; mode <= MTA_STS_ENFORCE; mode++)
        if (sv_eq(value, sv_of(mta_sts_mode_name(mode)))) {
            *ret = mode;
            return true;
        }
    return false;
}

static bool read_age(sv value, uint32_t *ret)
{
    enum { DIGITS_MAX = 10 };
    uint64_t seconds;
    if (value.n > DIGITS_MAX || !sv_to_u64(value, &seconds))
        return false;
    *ret = seconds > MTA_STS_AGE_SECONDS_MAX ? MTA_STS_AGE_SECONDS_MAX : (uint32_t)seconds;
    return true;
}

struct reading {
    bool version, mode, max_age, mx;
};

static bool take_field(struct mta_sts_policy *policy, struct reading *seen, sv name, sv value)
{
    bool good = true;
    if (sv_ieq(name, SV("version"))) {
        good = seen->version || sv_eq(value, SV("STSv1"));
        seen->version = true;
    } else if (sv_ieq(name, SV("mode"))) {
        good = seen->mode || read_mode(value, &policy->mode);
        seen->mode = true;
    } else if (sv_ieq(name, SV("max_age"))) {
        good = seen->max_age || read_age(value, &policy->max_age_seconds);
        seen->max_age = true;
    } else if (sv_ieq(name, SV("mx"))) {
        good = is_pattern(value);
        seen->mx = true;
    }
    return good;
}

static int lacks(const char *what, struct err *err)
{
    return err_set(err, ERR_DATA, NULL, "the MTA-STS policy has no %s", what);
}

int mta_sts_policy_read(sv text, struct mta_sts_policy *ret, struct err *err)
{
    struct mta_sts_policy policy = {.mode = MTA_STS_NONE, .text = text};
    struct reading seen = {.version = false};
    sv rest = text, name, value;
    if (text.n > MTA_STS_POLICY_BYTES_MAX)
        return err_set(err, ERR_LIMIT, NULL, "the MTA-STS policy has over %d bytes",
                       MTA_STS_POLICY_BYTES_MAX);
    while (next_field(&rest, &name, &value)) {
        if (!name.n || !sv_printable(value))
            return err_set(err, ERR_DATA, NULL, "a line of the MTA-STS policy is no \"name: value\"");
        if (!take_field(&policy, &seen, name, value))
            return err_set(err, ERR_DATA, NULL, "the MTA-STS policy's %.*s is not of its form", SV_ARG(name));
    }
    if (!seen.version)
        return lacks("version", err);
    if (!seen.mode)
        return lacks("mode", err);
    if (!seen.max_age)
        return lacks("max_age", err);
    if (!seen.mx && policy.mode != MTA_STS_NONE)
        return lacks("mx", err);
    *ret = policy;
    return 0;
}

static bool matches(sv pattern, sv host)
{
    if (!sv_starts(pattern, SV("*.")))
        return sv_ieq(without_dot(pattern), host);
    size_t dot = sv_find_char(host, '.');
    return dot != SV_NPOS && dot > 0 && sv_ieq(without_dot(sv_from(pattern, 2)), sv_from(host, dot + 1));
}

bool mta_sts_policy_allows(const struct mta_sts_policy *policy, sv host)
{
    sv rest = policy->text, name, value;
    host = without_dot(host);
    while (next_field(&rest, &name, &value))
        if (sv_ieq(name, SV("mx")) && matches(value, host))
            return true;
    return false;
}

const char *mta_sts_mode_name(enum mta_sts_mode mode)
{
    switch (mode) {
    case MTA_STS_NONE:
        return "none";
    case MTA_STS_TESTING:
        return "testing";
    case MTA_STS_ENFORCE:
        return "enforce";
    }
    abort();
}
