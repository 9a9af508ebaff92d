#include "wire/dsn_private.h"

#include <jansson.h>

/* Notifications of Amazon SES by mail: JSON in the text, perhaps within an envelope of SNS. */

static sv string_of(const json_t *object, const char *key)
{
    return sv_of(json_string_value(json_object_get(object, key)));
}

static void take_bounced(const json_t *list, enum dsn_kind kind, struct dsn *dsn)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        struct dsn_recipient *recipient = dsn_add(dsn);
        if (!recipient)
            return;
        recipient->kind = kind;
        sv status = string_of(item, "status");
        sv address = json_is_string(item) ? sv_of(json_string_value(item)) : string_of(item, "emailAddress");
        sv said = string_of(item, "diagnosticCode");
        if (sv_istarts(said, SV("smtp;")))
            said = sv_trim(sv_from(said, 5));
        dsn_copy(recipient->final_recipient, DSN_ADDRESS_MAX, dsn_address(address));
        dsn_copy(recipient->said, DSN_TEXT_MAX, said);
        if (said.n == 0)
            dsn_copy(recipient->told, DSN_TEXT_MAX, status);
    }
}

static bool take_notification(const json_t *root, struct dsn *dsn)
{
    sv type = string_of(root, "notificationType");
    if (type.n == 0)
        type = string_of(root, "eventType");
    const json_t *mail = json_object_get(root, "mail");
    dsn_copy(dsn->message_id, DSN_ADDRESS_MAX,
             string_of(json_object_get(mail, "commonHeaders"), "messageId"));
    if (sv_ieq(type, SV("Bounce"))) {
        const json_t *bounce = json_object_get(root, "bounce");
        take_bounced(json_object_get(bounce, "bouncedRecipients"), DSN_FAILED, dsn);
        dsn_copy(dsn->reporting_mta, DSN_HOST_MAX, string_of(bounce, "reportingMTA"));
        return true;
    }
    if (sv_ieq(type, SV("Delivery"))) {
        /* The next server took it: that is no mailbox yet. */
        take_bounced(json_object_get(json_object_get(root, "delivery"), "recipients"), DSN_RELAYED, dsn);
        return true;
    }
    return false;
}

bool dsn_read_json(sv text, struct dsn *dsn)
{
    text = sv_trim(text);
    if (text.n < 2 || text.p[0] != '{')
        return false;
    json_t *root = json_loadb(text.p, text.n, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *inner = NULL;
    sv message = string_of(root, "Message");
    if (message.n)
        inner = json_loadb(message.p, message.n, JSON_DISABLE_EOF_CHECK, NULL);
    bool taken = root && take_notification(inner ? inner : root, dsn);
    json_decref(inner);
    json_decref(root);
    return taken && dsn->recipient_count > 0;
}
