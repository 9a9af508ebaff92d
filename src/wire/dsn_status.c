#include "wire/dsn_private.h"

#include "base/buf.h"

#include <assert.h>
#include <ctype.h>

enum { FIELD_BYTES_MAX = 8 * 1024 };

struct dsn_recipient *dsn_add(struct dsn *dsn)
{
    if (dsn->recipient_count == DSN_RECIPIENTS_MAX)
        return NULL;
    struct dsn_recipient *recipient = &dsn->recipients[dsn->recipient_count++];
    *recipient = (struct dsn_recipient){.stage = -1};
    return recipient;
}

/* One group of fields; recipient is NULL before the first that belongs to one. */
struct reading {
    struct dsn *dsn;
    struct dsn_recipient *recipient;
    bool full;
};

static sv without_type(sv value)
{
    size_t at = sv_find_char(value, ';');
    return sv_trim(at == SV_NPOS || at > 40 ? value : sv_from(value, at + 1));
}

static enum dsn_kind kind_of_action(sv action)
{
    static const struct {
        const char *word;
        enum dsn_kind kind;
    } actions[] = {
        {"failed", DSN_FAILED},         {"failure", DSN_FAILED},    {"expired", DSN_FAILED},
        {"error", DSN_FAILED},          {"delayed", DSN_DELAYED},   {"delivered", DSN_DELIVERED},
        {"relayed", DSN_RELAYED},       {"expanded", DSN_EXPANDED}, {"deferred", DSN_DELAYED},
        {"deliverable", DSN_DELIVERED},
    };
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (sv_istarts(action, sv_of(actions[i].word)))
            return actions[i].kind;
    return DSN_FAILED;
}

static void take_status(struct dsn_recipient *recipient, sv value)
{
    int status[3] = {0};
    for (int part = 0; part < 3; part++) {
        size_t digits = 0;
        while (digits < value.n && digits < 3 && isdigit((unsigned char)value.p[digits])) {
            status[part] = status[part] * 10 + (value.p[digits] - '0');
            digits++;
        }
        if (digits == 0 || (part < 2 && (digits >= value.n || value.p[digits] != '.')))
            return;
        value = sv_from(value, digits + 1);
    }
    memcpy(recipient->status, status, sizeof status);
}

static struct dsn_recipient *recipient_for(struct reading *reading)
{
    if (!reading->recipient && !reading->full) {
        reading->recipient = dsn_add(reading->dsn);
        reading->full = !reading->recipient;
    }
    return reading->recipient;
}

static bool take_recipient_field(struct reading *reading, sv name, sv value)
{
    static const sv NAMES[] = {SV_INIT("Final-Recipient"), SV_INIT("Original-Recipient"),
                               SV_INIT("Action"),          SV_INIT("Status"),
                               SV_INIT("Diagnostic-Code"), SV_INIT("Remote-MTA")};
    size_t which = 0;
    while (which < sizeof NAMES / sizeof *NAMES && !sv_ieq(name, NAMES[which]))
        which++;
    if (which == sizeof NAMES / sizeof *NAMES)
        return false;
    struct dsn_recipient *recipient = reading->recipient;
    if (which == 0 && recipient && recipient->final_recipient[0]) {
        reading->recipient = NULL; /* the blank line between two recipients was forgotten */
    }
    recipient = recipient_for(reading);
    if (!recipient)
        return true;
    switch (which) {
    case 0:
        dsn_copy(recipient->final_recipient, DSN_ADDRESS_MAX, dsn_address(without_type(value)));
        break;
    case 1:
        dsn_copy(recipient->original_recipient, DSN_ADDRESS_MAX, dsn_address(without_type(value)));
        break;
    case 2:
        recipient->kind = kind_of_action(value);
        break;
    case 3:
        take_status(recipient, value);
        break;
    case 4:
        dsn_copy(recipient->said, DSN_TEXT_MAX, without_type(value));
        break;
    case 5:
        dsn_copy(recipient->remote_mta, DSN_HOST_MAX, without_type(value));
        break;
    }
    return true;
}

static void take_field(struct reading *reading, sv field)
{
    size_t colon = sv_find_char(field, ':');
    if (colon == SV_NPOS)
        return;
    sv name = sv_trim(sv_first(field, colon)), value = sv_trim(sv_from(field, colon + 1));
    if (take_recipient_field(reading, name, value))
        return;
    if (sv_ieq(name, SV("Reporting-MTA")))
        dsn_copy(reading->dsn->reporting_mta, DSN_HOST_MAX, without_type(value));
    else if (sv_ieq(name, SV("Original-Envelope-Id")))
        dsn_copy(reading->dsn->envelope_id, DSN_ADDRESS_MAX, value);
}

void dsn_read_status(sv fields, struct dsn *dsn)
{
    struct reading reading = {.dsn = dsn};
    struct buf field = BUF_INIT(FIELD_BYTES_MAX);
    while (fields.n) {
        sv line = sv_split(&fields, '\n');
        sv words = sv_trim(line);
        bool folded = words.n && (line.p[0] == ' ' || line.p[0] == '\t');
        if (!folded) {
            take_field(&reading, buf_view(&field));
            buf_clear(&field);
        }
        if (words.n == 0)
            reading.recipient = NULL;
        else
            /* A field past its maximum is cut. */
            (void)(buf_put(&field, sv_first(words, buf_room(&field))) || buf_put_char(&field, ' '));
    }
    take_field(&reading, buf_view(&field));
    buf_free(&field);
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        struct dsn_recipient *recipient = &dsn->recipients[i];
        if (recipient->kind == DSN_NOT_A_REPORT)
            recipient->kind = recipient->status[0] == 4   ? DSN_DELAYED
                              : recipient->status[0] == 2 ? DSN_RELAYED
                                                          : DSN_FAILED;
    }
}
