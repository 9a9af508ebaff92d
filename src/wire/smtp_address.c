#include "wire/smtp_address.h"

#include "base/ascii.h"

#include <arpa/inet.h>
#include <stdio.h>

const char *smtp_address_fault_text(enum smtp_address_fault fault)
{
    switch (fault) {
#define X(name, text)         \
    case SMTP_ADDRESS_##name: \
        return text;
        SMTP_ADDRESS_FAULTS(X)
#undef X
    }
    return "is not known";
}

static bool is_atext(unsigned char c)
{
    return ascii_alnum(c) || c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* What is wrong wherever it stands: the bytes that attacks are made of. */
static enum smtp_address_fault check_bytes(sv s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f)
            return SMTP_ADDRESS_CONTROL;
        if (c == '<' || c == '>')
            return SMTP_ADDRESS_BRACKET;
    }
    if (!sv_utf8(s))
        return SMTP_ADDRESS_UTF8;
    for (size_t i = 0; i + 1 < s.n; i++) /* U+0080 to U+009F */
        if ((unsigned char)s.p[i] == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0)
            return SMTP_ADDRESS_CONTROL;
    return SMTP_ADDRESS_NONE;
}

static bool is_dot_atom(sv s)
{
    if (s.n == 0 || s.p[0] == '.' || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' ? s.p[i - 1] == '.' : !is_atext((unsigned char)s.p[i]))
            return false;
    }
    return true;
}

/* Length of the quoted string that s begins with, its quotes included; 0 if it does not end. */
static size_t quoted_length(sv s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

/* How long one beyond ASCII may be is a matter of its A-label (RFC 5890 §4.2). */
static bool is_label(sv s)
{
    if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-' || (s.n > SMTP_LABEL_MAX && sv_ascii(s)))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (!ascii_alnum(c) && c != '-' && c < 0x80)
            return false;
    }
    return true;
}

/* inside is what stands between the brackets. Tags other than IPv6 are not registered, and refused. */
static bool is_literal(sv inside)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char bytes[16];
    sv tag = SV("IPv6:");
    bool v6 = sv_istarts(inside, tag);
    sv address = v6 ? sv_from(inside, tag.n) : inside;
    if (address.n == 0 || address.n >= sizeof text)
        return false;
    sv_copy(text, sizeof text, address);
    return inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

static enum smtp_address_fault check_domain(sv s)
{
    char text[IDN_TEXT_MAX];
    if (s.n == 0)
        return SMTP_ADDRESS_NO_DOMAIN;
    if (s.n > SMTP_DOMAIN_MAX)
        return SMTP_ADDRESS_LONG;
    if (s.p[0] == '[') {
        bool ok = s.n > 2 && s.p[s.n - 1] == ']' && is_literal((sv){s.p + 1, s.n - 2});
        return ok ? SMTP_ADDRESS_NONE : SMTP_ADDRESS_LITERAL;
    }
    for (sv rest = s; rest.p;)
        if (!is_label(sv_split(&rest, '.')))
            return SMTP_ADDRESS_DOMAIN;
    return idn_to_ascii(s, text).p ? SMTP_ADDRESS_NONE : SMTP_ADDRESS_IDN;
}

enum smtp_address_fault smtp_domain_check(sv s)
{
    enum smtp_address_fault fault = check_bytes(s);
    return fault ? fault : check_domain(s);
}

enum smtp_address_fault smtp_address_parse(sv s, struct smtp_address *ret)
{
    if (s.n == 0)
        return SMTP_ADDRESS_EMPTY;
    if (s.n > SMTP_PATH_MAX - 2)
        return SMTP_ADDRESS_LONG;
    enum smtp_address_fault fault = check_bytes(s);
    if (fault)
        return fault;
    if (s.p[0] == '@')
        return SMTP_ADDRESS_ROUTE;

    bool quoted = s.p[0] == '"';
    size_t local_length = quoted ? quoted_length(s) : sv_find_char(s, '@');
    if (quoted && local_length == 0)
        return SMTP_ADDRESS_LOCAL_PART;
    sv local = local_length == SV_NPOS ? s : sv_first(s, local_length);
    if (!quoted && !is_dot_atom(local))
        return SMTP_ADDRESS_LOCAL_PART;
    if (local.n > SMTP_LOCAL_PART_MAX)
        return SMTP_ADDRESS_LONG;
    if (local.n == s.n)
        return SMTP_ADDRESS_NO_DOMAIN;
    if (s.p[local.n] != '@')
        return SMTP_ADDRESS_LOCAL_PART;
    sv domain = sv_from(s, local.n + 1);
    fault = check_domain(domain);
    if (fault)
        return fault;
    if (ret)
        *ret = (struct smtp_address){.local = local,
                                     .domain = domain,
                                     .quoted = quoted,
                                     .literal = domain.p[0] == '[',
                                     .utf8 = !sv_ascii(s)};
    return SMTP_ADDRESS_NONE;
}

sv smtp_address_ascii(sv mailbox, char text[static SMTP_ADDRESS_ASCII_MAX])
{
    struct smtp_address parts;
    char domain[IDN_TEXT_MAX];
    if (sv_ascii(mailbox) || smtp_address_parse(mailbox, &parts) != SMTP_ADDRESS_NONE ||
        sv_ascii(parts.domain))
        return mailbox;
    sv ascii = idn_to_ascii(parts.domain, domain);
    int n = snprintf(text, SMTP_ADDRESS_ASCII_MAX, "%.*s@%.*s", SV_ARG(parts.local), SV_ARG(ascii));
    return sv_make(text, (size_t)n);
}
