#include "wire/derived.h"

#include "wire/derive.h"

/* Escapes for characters that literals may hold, the entities of XML, and the audit system's hexadecimal. The
 * arguments of EXECVE are joined, and each may be in hexadecimal. */
const struct veil derived_veils[] = {
    {SV_INIT("\\u"), false},      {SV_INIT("\\/"), false},    {SV_INIT("\\="), false},
    {SV_INIT("\\|"), false},      {SV_INIT("\\;"), false},    {SV_INIT("\\]"), false},
    {SV_INIT("&#"), false},       {SV_INIT("&lt;"), false},   {SV_INIT("&gt;"), false},
    {SV_INIT("&amp;"), false},    {SV_INIT("&quot;"), false}, {SV_INIT("&apos;"), false},
    {SV_INIT("EXECVE"), false},   {SV_INIT("exe="), true},    {SV_INIT("cwd="), true},
    {SV_INIT("cmd="), true},      {SV_INIT("dir="), true},    {SV_INIT("grp="), true},
    {SV_INIT("comm="), true},     {SV_INIT("name="), true},   {SV_INIT("acct="), true},
    {SV_INIT("path="), true},     {SV_INIT("data="), true},   {SV_INIT("proctitle="), true},
    {SV_INIT("new_group="), true}};

const size_t derived_veil_count = sizeof derived_veils / sizeof *derived_veils;

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

bool derived_is_veil(const struct veil *veil, sv behind)
{
    return !veil->hex || (behind.n >= 2 && is_hex(behind.p[0]) && is_hex(behind.p[1]));
}

bool derived_is_veiled(sv record)
{
    for (size_t i = 0; i < derived_veil_count; i++) {
        sv rest = record;
        for (size_t at; (at = sv_find(rest, derived_veils[i].mark)) != SV_NPOS;) {
            rest = sv_from(rest, at + derived_veils[i].mark.n);
            if (derived_is_veil(&derived_veils[i], rest))
                return true;
        }
    }
    return false;
}

void derived_each(derived_fn *fn, void *arg)
{
    const struct derive derive = {fn, arg};
    decode_derive(&derive);
    syslog_derive(&derive);
    ecs_derive(&derive);
    json_event_derive(&derive);
    json_shape_derive(&derive);
    windows_event_derive(&derive);
    device_derive(&derive);
    cyberark_derive(&derive);
    text_sshd_derive(&derive);
    text_sudo_derive(&derive);
    text_su_derive(&derive);
    text_pam_derive(&derive);
    text_account_derive(&derive);
    text_auditd_derive(&derive);
}
