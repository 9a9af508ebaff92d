#include <stdio.h>

#include "wire/smtp_client_private.h"

/* "5.7.8" at the start of text, of the same class as the code (RFC 2034 §4, RFC 3463 §2). */
static void take_enhanced(struct smtp_answer *answer, sv text)
{
    sv word = sv_word(&text);
    int parts[3], count = 0;
    while (word.p && count < 3) {
        sv digits = sv_split(&word, '.');
        uint64_t value;
        if (digits.n > 3 || !sv_to_u64(digits, &value))
            return;
        parts[count++] = (int)value;
    }
    if (count < 3 || word.p || parts[0] != answer->code / 100 || parts[0] == 3)
        return;
    memcpy(answer->enhanced, parts, sizeof parts);
}

/* Cuts what would end within a character. */
static size_t whole_characters(const char *text, size_t n)
{
    size_t at = n;
    while (at > 0 && n - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
        at--;
    if (at == 0)
        return n;
    unsigned char lead = (unsigned char)text[at - 1];
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return lead >= 0xc0 && at - 1 + length > n ? at - 1 : n;
}

/* Bytes a terminal would act on become "?"; so do all past ASCII if they are not UTF-8. */
static void make_harmless(char *text, size_t n)
{
    bool utf8 = sv_utf8((sv){text, n});
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
            text[i] = '?';
        if (utf8 && c == 0xc2 && i + 1 < n && (unsigned char)text[i + 1] < 0xa0)
            text[i] = text[i + 1] = '?';
    }
}

void smtp_answer_line(struct smtp_answer *answer, int code, size_t line, sv text, bool with_enhanced)
{
    if (line <= 1) {
        *answer = (struct smtp_answer){.code = code};
        if (with_enhanced)
            take_enhanced(answer, text);
    }
    size_t length = strlen(answer->text);
    if (length == SMTP_REPLY_TEXT_MAX)
        return;
    if (line > 1)
        answer->text[length++] = '\n';
    char *to = answer->text + length;
    size_t room = SMTP_REPLY_TEXT_MAX - length, n = text.n < room ? text.n : room;
    if (n)
        memcpy(to, text.p, n);
    if (n < text.n)
        n = whole_characters(to, n);
    make_harmless(to, n);
    to[n] = '\0';
}

const char *smtp_answer_quote(const struct smtp_answer *answer, char *text, size_t cap)
{
    int n = snprintf(text, cap, "%d %s", answer->code, answer->text);
    if (n > 0 && (size_t)n >= cap)
        text[whole_characters(text, cap - 1)] = '\0';
    for (char *at = text; (at = strchr(at, '\n')) != NULL;)
        *at = ' ';
    return text;
}
