#include "courier/queue_id.h"

#include "base/ascii.h"

enum { QUEUE_ID_MAX = 120 };

static bool is_id_byte(char c)
{
    return ascii_alnum(c) || (c && strchr("-_.@=+/", c));
}

/* The run of an id's bytes at the start of s, without punctuation around it. */
static sv id_at(sv s)
{
    while (s.n && strchr(" <:[(\"'", s.p[0]))
        s = sv_from(s, 1);
    size_t n = 0;
    while (n < s.n && n < QUEUE_ID_MAX && s.p[n] && is_id_byte(s.p[n]))
        n++;
    while (n && strchr(".-=", s.p[n - 1]))
        n--;
    return sv_first(s, n);
}

static sv after(sv text, const char *phrase)
{
    size_t at = sv_ifind(text, sv_of(phrase));
    return at == SV_NPOS ? SV_NONE : id_at(sv_from(text, at + strlen(phrase)));
}

static bool has_digit(sv word)
{
    for (size_t i = 0; i < word.n; i++)
        if (ascii_digit(word.p[i]))
            return true;
    return false;
}

/* The word that stands before the phrase: "2.0.0 4f1c2a7e Message accepted for delivery". An enhanced code is
 * none, neither is a word without a digit. */
static sv before(sv text, const char *phrase)
{
    size_t at = sv_ifind(text, sv_of(phrase));
    if (at == SV_NPOS)
        return SV_NONE;
    sv head = sv_trim(sv_first(text, at)), last = SV_NONE;
    for (sv word = sv_word(&head); word.n; word = sv_word(&head))
        last = word;
    bool code = last.n == 5 && last.p[1] == '.' && last.p[3] == '.';
    return code || last.n < 4 || !has_digit(last) ? SV_NONE : id_at(last);
}

sv queue_id_find(sv text)
{
    static const char *const LEADS[] = {"queued as ", "queued id ", "queue id ", "queued with id ",
                                        "ok id=",     " id=",       "queue-id ", "queued: "};
    for (size_t i = 0; i < sizeof LEADS / sizeof *LEADS; i++) {
        sv id = after(text, LEADS[i]);
        if (id.n >= 4 || (id.n && has_digit(id)))
            return id;
    }
    static const char *const TAILS[] = {" message accepted", " [internalid=", " queued mail for delivery"};
    for (size_t i = 0; i < sizeof TAILS / sizeof *TAILS; i++) {
        sv id = before(text, TAILS[i]);
        if (id.n)
            return id;
    }
    return SV_NONE;
}
