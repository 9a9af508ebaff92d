#include "wire/verp.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>

enum { MAC_BYTES = 16, DIGITS_MAX = 19 };

_Static_assert(MAC_BYTES * 8 >= VERP_MAC_CHARS * 5, "a character carries five bits");
_Static_assert(VERP_KEY_BYTES >= crypto_generichash_KEYBYTES_MIN, "short keys are refused");

/* Keeps this use of the key apart from every other that may come. */
static const char PURPOSE[] = "vedette envelope sender 1";

static void make_mac(int64_t mail_id, const unsigned char key[static VERP_KEY_BYTES],
                     char ret[static VERP_MAC_CHARS])
{
    static const char ALPHABET[33] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char in[sizeof PURPOSE + 8], mac[MAC_BYTES];
    memcpy(in, PURPOSE, sizeof PURPOSE);
    for (size_t i = 0; i < 8; i++)
        in[sizeof PURPOSE + i] = (unsigned char)((uint64_t)mail_id >> (8 * (7 - i)));
    crypto_generichash(mac, sizeof mac, in, sizeof in, key, VERP_KEY_BYTES);
    for (size_t i = 0; i < VERP_MAC_CHARS; i++) {
        size_t bit = i * 5, byte = bit / 8;
        unsigned pair = (unsigned)mac[byte] << 8 | (byte + 1 < sizeof mac ? mac[byte + 1] : 0U);
        ret[i] = ALPHABET[pair >> (11 - bit % 8) & 31];
    }
    sodium_memzero(mac, sizeof mac);
}

/* The local part and what follows the last "@". */
static bool take_apart(sv address, sv *ret_local, sv *ret_domain)
{
    size_t at = sv_find_last(address, '@');
    if (at == SV_NPOS || at == 0)
        return false;
    *ret_local = sv_first(address, at);
    *ret_domain = sv_from(address, at + 1);
    return ret_domain->n > 0;
}

bool verp_fits(sv address)
{
    sv local, domain;
    return take_apart(address, &local, &domain) && local.n <= VERP_BASE_MAX &&
           sv_find_char(local, '"') == SV_NPOS && address.n + VERP_LOCAL_MAX < VERP_ADDRESS_MAX;
}

bool verp_make(sv address, int64_t mail_id, const unsigned char key[static VERP_KEY_BYTES],
               char ret[static VERP_ADDRESS_MAX])
{
    sv local, domain;
    char mac[VERP_MAC_CHARS];
    if (mail_id <= 0 || !verp_fits(address) || !take_apart(address, &local, &domain))
        return false;
    make_mac(mail_id, key, mac);
    int n = snprintf(ret, VERP_ADDRESS_MAX, "%.*s+%lld.%.*s@%.*s", SV_ARG(local), (long long)mail_id,
                     (int)sizeof mac, mac, SV_ARG(domain));
    return n > 0 && n < VERP_ADDRESS_MAX;
}

/* Whether mac begins with the right one and ends there, in constant time. */
static bool is_right(sv mac, int64_t mail_id, const unsigned char key[static VERP_KEY_BYTES])
{
    char given[VERP_MAC_CHARS], right[VERP_MAC_CHARS];
    if (mac.n < sizeof given)
        return false;
    for (size_t i = 0; i < sizeof given; i++)
        given[i] = (char)tolower((unsigned char)mac.p[i]);
    make_mac(mail_id, key, right);
    bool longer = mac.n > sizeof given && isalnum((unsigned char)mac.p[sizeof given]);
    return sodium_memcmp(given, right, sizeof given) == 0 && !longer;
}

/* "4711.<mac>" at the start of text. */
static enum verp read_token(sv text, const unsigned char key[static VERP_KEY_BYTES], int64_t *ret_mail_id)
{
    size_t digits = 0;
    while (digits < text.n && digits <= DIGITS_MAX && isdigit((unsigned char)text.p[digits]))
        digits++;
    if (digits == 0 || digits >= text.n || text.p[digits] != '.')
        return VERP_NONE;
    int64_t mail_id;
    if (text.p[0] == '0' || !sv_to_i64(sv_first(text, digits), &mail_id) ||
        !is_right(sv_from(text, digits + 1), mail_id, key))
        return VERP_FORGED;
    *ret_mail_id = mail_id;
    return VERP_GOOD;
}

enum verp verp_read(sv text, sv address, const unsigned char key[static VERP_KEY_BYTES], int64_t *ret_mail_id)
{
    sv local, domain;
    enum verp found = VERP_NONE;
    if (!verp_fits(address) || !take_apart(address, &local, &domain))
        return VERP_NONE;
    for (int tries = 0; tries < VERP_TRIES_MAX; tries++) {
        size_t at = sv_ifind(text, local);
        if (at == SV_NPOS)
            break;
        bool starts = at == 0 || !isalnum((unsigned char)text.p[at - 1]);
        text = sv_from(text, at + local.n);
        if (!starts || text.n == 0 || text.p[0] != '+')
            continue;
        enum verp token = read_token(sv_from(text, 1), key, ret_mail_id);
        if (token == VERP_GOOD)
            return token;
        if (token == VERP_FORGED)
            found = token;
    }
    return found;
}
