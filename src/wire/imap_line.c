#include "wire/imap_line.h"

enum { DATE_TIME_BYTES = 26, MONTHS = 12, YEAR_MIN = 1970, ITEMS_MAX = 64 };

static bool skip(sv *s, sv word)
{
    if (!sv_istarts(*s, word))
        return false;
    *s = sv_from(*s, word.n);
    return true;
}

static bool number(sv digits, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t n;
    if (!sv_to_u64(digits, &n) || n < min || n > max)
        return false;
    *ret = n;
    return true;
}

bool imap_line_search(sv line, sv *ret_numbers)
{
    sv rest = sv_trim(line);
    if (!skip(&rest, SV("* SEARCH")) || (rest.n && rest.p[0] != ' '))
        return false;
    *ret_numbers = rest;
    return true;
}

bool imap_line_number(sv *numbers, uint32_t *ret)
{
    uint64_t n;
    if (!number(sv_word(numbers), 1, UINT32_MAX, &n))
        return false;
    *ret = (uint32_t)n;
    return true;
}

bool imap_line_uid_validity(sv line, uint32_t *ret)
{
    uint64_t n;
    if (!skip(&line, SV("* OK [UIDVALIDITY ")))
        return false;
    size_t end = sv_find_char(line, ']');
    if (end == SV_NPOS || !number(sv_first(line, end), 1, UINT32_MAX, &n))
        return false;
    *ret = (uint32_t)n;
    return true;
}

static unsigned month_of(sv name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (unsigned i = 0; i < MONTHS; i++)
        if (sv_ieq(name, sv_make(names + 3 * i, 3)))
            return i + 1;
    return 0;
}

/* "24-Nov-2026 08:15:30 +0100"; a day of one digit has a space before it. */
bool imap_date_time(sv text, nanos *ret)
{
    uint64_t day, year, hour, minute, second, zone_hour, zone_minute;
    if (text.n != DATE_TIME_BYTES || text.p[2] != '-' || text.p[6] != '-' || text.p[11] != ' ' ||
        text.p[14] != ':' || text.p[17] != ':' || text.p[20] != ' ' ||
        (text.p[21] != '+' && text.p[21] != '-'))
        return false;
    unsigned month = month_of(sv_make(text.p + 3, 3));
    size_t blank = text.p[0] == ' ';
    if (!month || !number(sv_make(text.p + blank, 2 - blank), 1, 31, &day) ||
        !number(sv_make(text.p + 7, 4), YEAR_MIN, 2200, &year) ||
        !number(sv_make(text.p + 12, 2), 0, 23, &hour) || !number(sv_make(text.p + 15, 2), 0, 59, &minute) ||
        !number(sv_make(text.p + 18, 2), 0, 60, &second) ||
        !number(sv_make(text.p + 22, 2), 0, 23, &zone_hour) ||
        !number(sv_make(text.p + 24, 2), 0, 59, &zone_minute))
        return false;
    int64_t zone = (int64_t)(zone_hour * 60 + zone_minute) * 60;
    int64_t seconds = time_from_civil((int64_t)year, month, (unsigned)day, (unsigned)hour, (unsigned)minute,
                                      (unsigned)second);
    *ret = (seconds - (text.p[21] == '-' ? -zone : zone)) * NANOS_PER_SECOND;
    return true;
}

/* The next word or quoted string (without its quotes; a backslash in it is no date and no number). */
static sv item(sv *rest)
{
    while (rest->n && rest->p[0] == ' ')
        *rest = sv_from(*rest, 1);
    if (!rest->n || rest->p[0] != '"')
        return sv_word(rest);
    sv inside = sv_from(*rest, 1);
    size_t end = sv_find_char(inside, '"');
    if (end == SV_NPOS)
        end = inside.n;
    *rest = sv_from(inside, end + 1);
    return sv_first(inside, end);
}

bool imap_line_fetch(sv line, uint32_t *ret_uid, nanos *ret_at)
{
    uint64_t uid = 0;
    nanos at = 0;
    bool dated = false;
    sv rest = sv_trim(line);
    if (!skip(&rest, SV("* ")) || !number(sv_word(&rest), 1, UINT32_MAX, &uid) ||
        !skip(&rest, SV(" FETCH (")))
        return false;
    uid = 0;
    if (rest.n && rest.p[rest.n - 1] == ')')
        rest.n--;
    for (size_t i = 0; i < ITEMS_MAX && rest.n; i++) {
        sv name = item(&rest);
        if (sv_ieq(name, SV("UID")) && !number(item(&rest), 1, UINT32_MAX, &uid))
            return false;
        if (sv_ieq(name, SV("INTERNALDATE")) && !(dated = imap_date_time(item(&rest), &at)))
            return false;
    }
    if (!uid || !dated)
        return false;
    *ret_uid = (uint32_t)uid;
    *ret_at = at;
    return true;
}
