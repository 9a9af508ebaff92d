#include "config/pattern.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "config/config.h"
#include "config/mailbox.h"
#include "wire/smtp_address.h"

bool config_glob(sv pattern, sv text)
{
    size_t p = 0, t = 0, star = SV_NPOS, resume = 0;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.n && ascii_lower(pattern.p[p]) == ascii_lower(text.p[t])) {
            p++;
            t++;
        } else if (star != SV_NPOS) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

/* Cuts at the last "@": a quoted local part may have one too. */
static bool cut_address(sv address, sv *ret_local, sv *ret_domain)
{
    size_t at = sv_find_last(address, '@');
    if (at == SV_NPOS)
        return false;
    *ret_local = sv_first(address, at);
    *ret_domain = sv_from(address, at + 1);
    return true;
}

sv config_pattern_to_ascii(sv pattern, struct arena *arena)
{
    enum { ASCII_BYTES_MAX = 4 * CONFIG_PATTERN_MAX };
    sv local = SV_NONE, rest = pattern;
    struct buf out = BUF_INIT(ASCII_BYTES_MAX);
    bool cut = cut_address(pattern, &local, &rest), ok = true;
    if (sv_ascii(rest))
        return pattern;
    if (cut)
        ok = buf_printf(&out, "%.*s@", SV_ARG(local)) == 0;
    while (ok && rest.p) {
        char text[IDN_TEXT_MAX];
        sv label = idn_to_ascii(sv_split(&rest, '.'), text);
        ok = label.p && buf_printf(&out, "%.*s%s", SV_ARG(label), rest.p ? "." : "") == 0;
    }
    sv ascii = ok ? arena_sv(arena, buf_view(&out)) : SV_NONE;
    buf_free(&out);
    return ascii;
}

bool config_domain_matches(sv pattern, sv domain)
{
    if (domain.n && domain.p[domain.n - 1] == '.')
        domain.n--;
    if (pattern.n && pattern.p[0] == '.')
        return domain.n > pattern.n && sv_iends(domain, pattern);
    return config_glob(pattern, domain);
}

bool config_mailbox_matches(sv pattern, sv address)
{
    sv local, domain, wanted_local, wanted_domain;
    if (sv_eq(pattern, SV("*")))
        return true;
    if (sv_eq(pattern, SV("<>")))
        return address.n == 0;
    if (!cut_address(pattern, &wanted_local, &wanted_domain))
        return sv_ieq(pattern, address); /* "postmaster" without a domain */
    if (!cut_address(address, &local, &domain) || !config_domain_matches(wanted_domain, domain))
        return false;
    return wanted_local.n == 0 || config_glob(wanted_local, local);
}

bool config_mailbox_listed(const struct config_strings *patterns, sv address)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (config_mailbox_matches(sv_of(patterns->items[i]), address))
            return true;
    return false;
}

static bool plain(sv text)
{
    bool ok = text.n > 0 && text.n <= CONFIG_PATTERN_MAX && sv_printable(text) && sv_utf8(text);
    for (size_t i = 0; ok && i < text.n; i++)
        ok = text.p[i] != ' ' && text.p[i] != '<' && text.p[i] != '>' && text.p[i] != ',';
    return ok;
}

bool config_domain_pattern_valid(sv pattern)
{
    char host[IDN_TEXT_MAX];
    if (!plain(pattern) || sv_find_char(pattern, '@') != SV_NPOS)
        return false;
    if (pattern.p[0] == '.')
        return host_valid(idn_to_ascii(sv_from(pattern, 1), host));
    for (size_t i = 0; i < pattern.n; i++) {
        char c = ascii_lower(pattern.p[i]);
        bool ok = ascii_alnum(c) || (unsigned char)c >= 0x80 || strchr("-_.*", c);
        if (!ok)
            return false;
    }
    return sv_find(pattern, SV("..")) == SV_NPOS && pattern.p[pattern.n - 1] != '.';
}

bool config_mailbox_pattern_valid(sv pattern)
{
    sv local, domain;
    if (sv_eq(pattern, SV("<>")) || sv_eq(pattern, SV("*")) || sv_ieq(pattern, SV("postmaster")))
        return true;
    return plain(pattern) && cut_address(pattern, &local, &domain) && config_domain_pattern_valid(domain);
}

bool config_pattern_is_foreign(sv pattern)
{
    sv local, domain = pattern;
    cut_address(pattern, &local, &domain);
    size_t fixed = domain.n;
    while (fixed > 0 && domain.p[fixed - 1] != '*')
        fixed--;
    if (fixed == 0 && !sv_starts(domain, SV(".")))
        return false;
    /* Only whole labels count: anybody can have a domain that "*ample.org" matches. */
    sv suffix = sv_from(domain, fixed);
    sv_split(&suffix, '.');
    return sv_find_char(suffix, '.') == SV_NPOS;
}

static bool field_name_valid(sv name)
{
    bool ok = name.n > 0 && name.n <= 64;
    for (size_t i = 0; ok && i < name.n; i++)
        ok = name.p[i] > ' ' && name.p[i] < 0x7f && name.p[i] != ':' && name.p[i] != '*';
    return ok;
}

bool config_header_pattern_parse(sv text, struct config_header_pattern *ret)
{
    struct config_header_pattern pattern = {0};
    sv rest = text;
    if (text.n > CONFIG_PATTERN_MAX || !sv_printable(text))
        return false;
    if (sv_starts(text, SV("!"))) {
        pattern.absent = true;
        rest = sv_from(text, 1);
    }
    pattern.name = sv_split(&rest, ':');
    if (rest.p)
        pattern.glob = sv_trim(rest);
    if (!field_name_valid(pattern.name) || (rest.p && (pattern.absent || pattern.glob.n == 0)))
        return false;
    *ret = pattern;
    return true;
}

bool config_rewrite_parse(sv text, struct config_rewrite *ret)
{
    size_t arrow = sv_find(text, SV("->"));
    if (arrow == SV_NPOS)
        return false;
    char host[IDN_TEXT_MAX];
    struct config_rewrite rewrite = {sv_trim(sv_first(text, arrow)), sv_trim(sv_from(text, arrow + 2))};
    bool keeps = sv_starts(rewrite.to, SV("*@"));
    if (!config_mailbox_pattern_valid(rewrite.from) ||
        !(keeps ? host_valid(idn_to_ascii(sv_from(rewrite.to, 2), host))
                : smtp_address_parse(rewrite.to, NULL) == SMTP_ADDRESS_NONE))
        return false;
    *ret = rewrite;
    return true;
}

bool config_tag_valid(sv text)
{
    static const sv own[] = {SV_INIT("Received"),  SV_INIT("Return-Path"), SV_INIT("Bcc"),
                             SV_INIT("From"),      SV_INIT("To"),          SV_INIT("Date"),
                             SV_INIT("Message-ID")};
    sv rest = text, name = sv_split(&rest, ':');
    if (!field_name_valid(name) || sv_trim(rest).n == 0 || text.n > CONFIG_PATTERN_MAX ||
        !sv_printable(text) || !sv_ascii(text))
        return false;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (sv_ieq(name, own[i]))
            return false;
    return true;
}
