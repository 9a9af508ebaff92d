#include "wire/kubernetes_event.h"

#include "wire/derive.h"
#include "wire/ecs.h"

enum { HTTP_FIRST_ERROR = 400 };

static const struct names names = {
    .by_length = {[4] = NAMES(NAME("verb", ECS_EVENT_ACTION)),
                  [7] = NAMES(NAME("auditID", ECS_EVENT_ID)),
                  [8] = NAMES(NAME("user.uid", ECS_USER_ID)),
                  [9] = NAMES(NAME("sourceIPs", ECS_SOURCE)),
                  [10] = NAMES(NAME("requestURI", ECS_URL_ORIGINAL)),
                  [11] = NAMES(NAME("user.groups", ECS_GROUP_NAME)),
                  [13] = NAMES(NAME("user.username", ECS_USER_NAME)),
                  [21] = NAMES(NAME("responseStatus.reason", ECS_EVENT_REASON)),
                  [25] = NAMES(NAME("impersonatedUser.username", ECS_USER_EFFECTIVE_NAME))}};

void kubernetes_event_apply(struct decoding *decoding, size_t from)
{
    const struct event *event = decoding->event;
    sv status = SV_NONE;
    uint64_t code;
    for (size_t i = from; i < event->field_count && status.n == 0; i++)
        if (sv_eq(event->fields[i].name, SV("responseStatus.code")))
            status = event->fields[i].value;
    ecs_apply(decoding, &names, from);
    if (sv_to_u64(status, &code))
        ecs_add(decoding, ECS_EVENT_OUTCOME, code < HTTP_FIRST_ERROR ? SV("success") : SV("failure"));
    ecs_add(decoding, ECS_EVENT_PROVIDER, SV("Kubernetes"));
    decoding->event->source = (struct logsource){.product = SV("kubernetes"), .service = SV("audit")};
}

void kubernetes_event_derive(const struct derive *derive)
{
    const sv mark = SV("audit.k8s.io");
    derive_action(derive, mark, SV_NONE, SV("success"));
    derive_action(derive, mark, SV_NONE, SV("failure"));
    derive_value(derive, SV("event.provider"), SV("Kubernetes"), mark);
}
