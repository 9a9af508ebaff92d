#include "config/rate.h"

enum { COUNT_MAX = 1000000 };

static const char *const words[] = {
#define X(name, word) [CONFIG_PER_##name] = (word),
    CONFIG_PER(X)
#undef X
};

const char *config_per_word(enum config_per per)
{
    return words[per];
}

static bool per_parse(sv text, enum config_per *ret)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sv_eq(text, sv_of(words[i]))) {
            *ret = (enum config_per)i;
            return true;
        }
    return false;
}

/* Cuts "COUNT/LENGTH per WORD" apart; *ret_length is LENGTH as written. */
static bool take_apart(sv text, struct config_rate *ret, sv *ret_length)
{
    struct config_rate rate = {.per = CONFIG_PER_RULE};
    sv rest = text, length = sv_word(&rest), per = sv_word(&rest), word = sv_word(&rest);
    sv count = sv_split(&length, '/');
    uint64_t number;
    if (!length.p || !sv_to_u64(count, &number) || number < 1 || number > COUNT_MAX || sv_word(&rest).n)
        return false;
    if (per.n && (!sv_eq(per, SV("per")) || !per_parse(word, &rate.per)))
        return false;
    rate.count = (unsigned)number;
    *ret = rate;
    *ret_length = length;
    return true;
}

static bool length_parse(sv text, nanos *ret)
{
    static const struct {
        sv word;
        nanos length;
    } named[] = {{SV_INIT("second"), NANOS_PER_SECOND},
                 {SV_INIT("minute"), 60 * NANOS_PER_SECOND},
                 {SV_INIT("hour"), 3600 * NANOS_PER_SECOND}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (sv_eq(text, named[i].word)) {
            *ret = named[i].length;
            return true;
        }
    return time_parse_length(text, ret) && *ret >= NANOS_PER_SECOND && *ret <= 86400 * NANOS_PER_SECOND;
}

bool config_rate_parse(sv text, struct config_rate *ret)
{
    struct config_rate rate;
    sv length;
    if (!take_apart(text, &rate, &length) || !length_parse(length, &rate.length))
        return false;
    *ret = rate;
    return true;
}

bool config_quota_parse(sv text, struct config_rate *ret)
{
    struct config_rate quota;
    sv length;
    if (!take_apart(text, &quota, &length) || !sv_eq(length, SV("day")))
        return false;
    *ret = quota;
    return true;
}
