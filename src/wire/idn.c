#include "wire/idn.h"

#include "base/ascii.h"

#include <idn2.h>

enum { NAME_BYTES_MAX = 255, LABEL_BYTES_MAX = 63 };

static bool is_label(sv label)
{
    if (label.n == 0 || label.n > LABEL_BYTES_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return false;
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!((c >= 'a' && c <= 'z') || ascii_digit(c) || c == '-'))
            return false;
    }
    return true;
}

/* Mapping turns some letters into "@", "/", "." and others that mean something: what comes out is looked at
 * anew. */
static bool is_name(sv name)
{
    if (name.n >= IDN_TEXT_MAX)
        return false;
    while (name.p)
        if (!is_label(sv_split(&name, '.')))
            return false;
    return true;
}

sv idn_to_ascii(sv name, char text[static IDN_TEXT_MAX])
{
    char whole[NAME_BYTES_MAX + 1], *mapped = NULL;
    if (sv_ascii(name))
        return name;
    if (name.n > NAME_BYTES_MAX || memchr(name.p, '\0', name.n))
        return SV_NONE;
    sv_copy(whole, sizeof whole, name);
    bool ok = idn2_to_ascii_8z(whole, &mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
              is_name(sv_of(mapped));
    size_t n = ok ? sv_copy(text, IDN_TEXT_MAX, sv_of(mapped)) : 0;
    idn2_free(mapped);
    return ok ? sv_make(text, n) : SV_NONE;
}
