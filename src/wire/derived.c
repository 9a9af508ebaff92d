#include "wire/derived.h"

#include "base/ascii.h"
#include "wire/derive.h"
#include "wire/device.h"

/* Escapes for characters that literals may hold, the entities of XML, and the audit system's hexadecimal. The
 * arguments of EXECVE are joined, and each may be in hexadecimal. */
const struct veil derived_veils[] = {
    {SV_INIT("\\u"), VEIL_ESCAPE},    {SV_INIT("\\/"), VEIL_ESCAPE},   {SV_INIT("\\="), VEIL_PLAIN},
    {SV_INIT("\\|"), VEIL_PLAIN},     {SV_INIT("\\;"), VEIL_PLAIN},    {SV_INIT("\\]"), VEIL_PLAIN},
    {SV_INIT("&#"), VEIL_PLAIN},      {SV_INIT("&lt;"), VEIL_PLAIN},   {SV_INIT("&gt;"), VEIL_PLAIN},
    {SV_INIT("&amp;"), VEIL_PLAIN},   {SV_INIT("&quot;"), VEIL_PLAIN}, {SV_INIT("&apos;"), VEIL_PLAIN},
    {SV_INIT("EventID"), VEIL_SHAPE}, {SV_INIT("EXECVE"), VEIL_PLAIN}, {SV_INIT("exe="), VEIL_HEX},
    {SV_INIT("cwd="), VEIL_HEX},      {SV_INIT("cmd="), VEIL_HEX},     {SV_INIT("dir="), VEIL_HEX},
    {SV_INIT("root_dir="), VEIL_HEX}, {SV_INIT("grp="), VEIL_HEX},     {SV_INIT("comm="), VEIL_HEX},
    {SV_INIT("ocomm="), VEIL_HEX},    {SV_INIT("name="), VEIL_HEX},    {SV_INIT("acct="), VEIL_HEX},
    {SV_INIT("path="), VEIL_HEX},     {SV_INIT("data="), VEIL_HEX},    {SV_INIT("proctitle="), VEIL_HEX},
    {SV_INIT("new_group="), VEIL_HEX}};

const size_t derived_veil_count = sizeof derived_veils / sizeof *derived_veils;

static bool is_hex(char c)
{
    return ascii_digit(c) || (c >= 'A' && c <= 'F');
}

bool derived_is_veil(const struct veil *veil, sv text, size_t end)
{
    size_t start = end - veil->mark.n, backslashes = 0;
    switch (veil->kind) {
    case VEIL_PLAIN:
        return true;
    case VEIL_SHAPE:
        return false;
    case VEIL_ESCAPE:
        while (backslashes < start && text.p[start - 1 - backslashes] == '\\')
            backslashes++;
        return backslashes % 2 == 0;
    case VEIL_HEX:
        return end + 2 <= text.n && is_hex(text.p[end]) && is_hex(text.p[end + 1]) &&
               (start == 0 || !(text.p[start - 1] == '_' || ascii_letter(text.p[start - 1])));
    }
    return true;
}

bool derived_is_veiled(sv record)
{
    for (size_t i = 0; i < derived_veil_count; i++) {
        const struct veil *veil = &derived_veils[i];
        size_t end = 0;
        for (size_t at; (at = sv_find(sv_from(record, end), veil->mark)) != SV_NPOS;) {
            end += at + veil->mark.n;
            if (derived_is_veil(veil, record, end))
                return true;
        }
    }
    return false;
}

bool derived_is_frame(sv record, size_t at)
{
    return device_is_code_frame(record, at);
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
    cyberark_audit_derive(&derive);
    kubernetes_event_derive(&derive);
    text_sshd_derive(&derive);
    text_sudo_derive(&derive);
    text_su_derive(&derive);
    text_pam_derive(&derive);
    text_account_derive(&derive);
    text_auditd_derive(&derive);
}
