#include "courier/queue_private.h"

#include "courier/retry.h"

/* A mail about the trouble of a gateway does not go over it while there is another way. */
bool queue_allows(const struct queue *queue, const struct delivery *delivery, const struct path *path)
{
    sv only = delivery->mail.only_gateway, avoided = delivery->mail.avoid_gateway,
       name = sv_of(path_name(path));
    if (only.n)
        return sv_eq(only, name);
    if (!sv_eq(avoided, name))
        return true;
    for (size_t i = 0; i < queue->path_count; i++)
        if (queue->paths[i] != path && path_is_up(queue->paths[i]))
            return false;
    return true;
}

static bool refused_everywhere(const struct queue *queue, const struct delivery *delivery, size_t message)
{
    size_t asked = 0;
    for (size_t i = 0; i < queue->path_count; i++) {
        const struct path *path = queue->paths[i];
        if (!queue_allows(queue, delivery, path))
            continue;
        if (!refusals_has(&queue->refusals, delivery->messages[message].id, path_serial(path)))
            return false;
        asked++;
    }
    return asked > 0;
}

/* True if nothing but the gateways' being away kept the message: then it is due again as soon as one is back.
 */
static bool kept_by_paths(const struct queue *queue, const struct delivery *delivery, size_t message)
{
    if (delivery->mail.only_gateway.n || !delivery->first)
        return false;
    for (size_t i = 0; i < queue->path_count; i++)
        if (refusals_has(&queue->refusals, delivery->messages[message].id, path_serial(queue->paths[i])))
            return false;
    for (const struct attempt *a = delivery->first; a; a = a->next)
        if (a->results[message].fate != FATE_OPEN && !a->path_failed)
            return false;
    return true;
}

struct verdict queue_judge(const struct queue *queue, const struct delivery *delivery, size_t message,
                           nanos now, uint32_t chance)
{
    const struct config_delivery *config = &queue->settings->config.delivery;
    if (delivery->fates[message] == FATE_HANDED_OVER)
        return (struct verdict){.state = STORE_HANDED_OVER};
    if (refused_everywhere(queue, delivery, message))
        return (struct verdict){.state = STORE_FAILED};
    if (kept_by_paths(queue, delivery, message))
        return (struct verdict){.state = STORE_QUEUED, .next_attempt_at = now};
    nanos delay =
        retry_delay(config->retry_first, config->retry_max, delivery->messages[message].attempts + 1, chance);
    return (struct verdict){.state = STORE_QUEUED, .next_attempt_at = now + delay};
}
