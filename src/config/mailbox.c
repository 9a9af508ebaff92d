#include "config/mailbox.h"

#include "config/config.h"
#include "wire/idn.h"

#include <arpa/inet.h>

#include "base/ascii.h"

enum { HOST_BYTES_MAX = 253, LABEL_BYTES_MAX = 63, LOCAL_BYTES_MAX = 64 };

static bool beyond_ascii(char c)
{
    return (unsigned char)c >= 0x80;
}

static bool label_valid(sv label)
{
    if (label.n == 0 || label.n > LABEL_BYTES_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!ascii_alnum(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

bool host_valid(sv host)
{
    if (host.n == 0 || host.n > HOST_BYTES_MAX)
        return false;
    while (host.p)
        if (!label_valid(sv_split(&host, '.')))
            return false;
    return true;
}

static bool literal_valid(sv domain)
{
    if (domain.n < 3 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
        return false;
    char ip[64];
    sv inner = {domain.p + 1, domain.n - 2};
    int family = AF_INET;
    if (sv_istarts(inner, SV("IPv6:"))) {
        family = AF_INET6;
        inner = sv_from(inner, 5);
    }
    if (inner.n >= sizeof ip)
        return false;
    sv_copy(ip, sizeof ip, inner);
    unsigned char bytes[16];
    return inet_pton(family, ip, bytes) == 1;
}

static bool atom_valid(sv atom)
{
    for (size_t i = 0; i < atom.n; i++) {
        char c = atom.p[i];
        if (!ascii_alnum(c) && !beyond_ascii(c) && !strchr("!#$%&'*+-/=?^_`{|}~", c))
            return false;
    }
    return atom.n > 0;
}

static bool local_valid(sv local)
{
    if (local.n == 0 || local.n > LOCAL_BYTES_MAX)
        return false;
    if (local.p[0] != '"') {
        while (local.p)
            if (!atom_valid(sv_split(&local, '.')))
                return false;
        return true;
    }
    if (local.n < 2 || local.p[local.n - 1] != '"')
        return false;
    for (size_t i = 1; i < local.n - 1; i++) {
        if (local.p[i] == '\\' && ++i == local.n - 1)
            return false;
        if (local.p[i] == '"' && local.p[i - 1] != '\\')
            return false;
    }
    return true;
}

static bool address_valid(sv address)
{
    size_t at = sv_find_last(address, '@'); /* a quoted local part may hold others */
    if (at == SV_NPOS || !local_valid(sv_first(address, at)))
        return false;
    sv domain = sv_from(address, at + 1);
    char text[IDN_TEXT_MAX];
    return literal_valid(domain) || host_valid(idn_to_ascii(domain, text));
}

/* The "<" of "Name <address>", or SV_NPOS for a bare address. */
static size_t bracket(sv mailbox)
{
    return sv_ends(mailbox, SV(">")) ? sv_find_last(mailbox, '<') : SV_NPOS;
}

static sv address_part(sv mailbox)
{
    size_t open = bracket(mailbox);
    return open == SV_NPOS ? mailbox : (sv){mailbox.p + open + 1, mailbox.n - open - 2};
}

static sv name_part(sv mailbox)
{
    size_t open = bracket(mailbox);
    if (open == SV_NPOS)
        return SV("");
    sv name = sv_trim(sv_first(mailbox, open));
    if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"')
        name = (sv){name.p + 1, name.n - 2};
    return name;
}

/* A name is taken as it stands, so it may hold none of the characters that would need an escape. */
static bool name_valid(sv name)
{
    for (size_t i = 0; i < name.n; i++)
        if (strchr("<>\"\\", name.p[i]))
            return false;
    return true;
}

bool mailbox_valid(sv mailbox)
{
    return sv_printable(mailbox) && sv_utf8(mailbox) && name_valid(name_part(mailbox)) &&
           address_valid(address_part(mailbox));
}

sv config_mailbox_address(const char *mailbox)
{
    return address_part(sv_of(mailbox));
}

sv config_mailbox_name(const char *mailbox)
{
    return name_part(sv_of(mailbox));
}
