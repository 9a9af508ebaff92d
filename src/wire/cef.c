#include "wire/cef.h"

#include "base/ascii.h"
#include "wire/cyberark.h"
#include "wire/device.h"
#include "wire/ecs.h"

/* "CEF:0|", and "CEF: 0|" as some relays make of it. */
static bool take_prefix(sv *body)
{
    sv s = sv_from(*body, 4);
    if (!sv_starts(*body, SV("CEF:")))
        return false;
    while (s.n && s.p[0] == ' ')
        s = sv_from(s, 1);
    size_t n = 0;
    while (n < s.n && n < 3 && ascii_digit(s.p[n]))
        n++;
    if (n == 0 || n == s.n || s.p[n] != '|')
        return false;
    *body = sv_from(s, n + 1);
    return true;
}

static bool take_device(struct decoding *decoding, sv *s, struct device *ret)
{
    sv *const pieces[] = {&ret->vendor, &ret->product, &ret->version, &ret->code};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (!device_take_piece(decoding, s, pieces[i]))
            return false;
    /* A record without an extension may lack the last pipes. */
    device_take_piece(decoding, s, &ret->name);
    device_take_piece(decoding, s, &ret->severity);
    return true;
}

bool cef_decode(struct decoding *decoding, sv body)
{
    struct device device = {0};
    struct device_labels labels;
    labels.have_label = labels.have_value = 0;
    if (!take_prefix(&body) || !take_device(decoding, &body, &device))
        return false;
    decoding_add(decoding, SV("deviceVendor"), device.vendor);
    decoding_add(decoding, SV("deviceProduct"), device.product);
    decoding_add(decoding, SV("deviceVersion"), device.version);
    decoding_add(decoding, SV("deviceEventClassId"), device.code);
    decoding_add(decoding, SV("name"), device.name);
    decoding_add(decoding, SV("severity"), device.severity);
    size_t from = decoding->event->field_count;
    struct device_pairs pairs;
    sv key, value;
    bool escaped;
    device_pairs_begin(&pairs, body);
    while (device_pairs_next(&pairs, &key, &value, &escaped)) {
        if (escaped)
            value = device_unescape(decoding, key, value);
        decoding_add(decoding, key, value);
        device_labels_note(&labels, key, value);
    }
    device_labels_apply(&labels, decoding);
    device_apply(decoding, &device, &ecs_cef, from);
    return true;
}

bool cef_source(sv body, struct logsource *ret)
{
    sv pieces[4];
    return take_prefix(&body) && device_cut_pieces(&body, pieces, 4) &&
           cyberark_source(pieces[0], pieces[1], ret);
}
