#include "courier/queue_private.h"

#include "courier/leasing.h"

#include <assert.h>
#include <stdlib.h>

static const nanos STALL_LOOK = NANOS_PER_SECOND;
static const nanos DRAIN_MAX = 10 * NANOS_PER_SECOND;
static const nanos EXPIRE_LOOK_MIN = NANOS_PER_SECOND;
static const nanos EXPIRE_LOOK_MAX = 60 * NANOS_PER_SECOND;

/* --- Which path --- */

static void pump_soon(struct queue *queue, nanos after)
{
    if (after == 0 || !loop_timer_pending(queue->pump_timer))
        loop_timer_set(queue->pump_timer, after);
}

static size_t count_up(const struct queue *queue)
{
    size_t up = 0;
    for (size_t i = 0; i < queue->path_count; i++)
        up += path_is_up(queue->paths[i]);
    return up;
}

/* Marks what this path may still be asked to take. False: nothing. */
static bool want(const struct queue *queue, struct delivery *delivery, const struct path *path)
{
    bool any = false;
    for (size_t i = 0; i < delivery->count; i++) {
        delivery->wanted[i] = delivery->fates[i] != FATE_HANDED_OVER &&
                              !refusals_has(&queue->refusals, delivery->messages[i].id, path_serial(path));
        any = any || delivery->wanted[i];
    }
    return any;
}

static bool is_candidate(const struct queue *queue, struct delivery *delivery, const struct path *path)
{
    return queue_allows(queue, delivery, path) && !delivery_tried(delivery, path_serial(path)) &&
           delivery->tried_count < CONFIG_GATEWAYS_MAX && want(queue, delivery, path);
}

/* The first path that is up and was not tried in this round. *ret_wait: there is one, but it has no room now;
 * one whose sessions all hang is passed over while another has room. */
static struct path *choose_up(struct queue *queue, struct delivery *delivery, bool *ret_wait)
{
    for (size_t i = 0; i < queue->path_count; i++) {
        struct path *path = queue->paths[i];
        if (!path_is_up(path) || !is_candidate(queue, delivery, path))
            continue;
        if (path_room(path) > 0)
            return path;
        *ret_wait = true;
        if (!path_is_stalled(path))
            return NULL;
    }
    return NULL;
}

/* A message that only a path which is down could take tries that one all the same, once a round. */
static struct path *choose_down(struct queue *queue, struct delivery *delivery, bool *ret_wait)
{
    if (delivery->first)
        return NULL;
    for (size_t i = 0; i < queue->path_count; i++) {
        struct path *path = queue->paths[i];
        if (!is_candidate(queue, delivery, path))
            continue;
        if (path_room(path) > 0)
            return path;
        *ret_wait = true;
    }
    return NULL;
}

/* --- Rounds --- */

/* front: before those of the same severity, because it has waited longest. */
static void put_ready(struct queue *queue, struct delivery *delivery, bool front)
{
    struct delivery **link = &queue->ready;
    while (*link && ((*link)->mail.severity > delivery->mail.severity ||
                     (!front && (*link)->mail.severity == delivery->mail.severity)))
        link = &(*link)->next;
    delivery->next = *link;
    *link = delivery;
    queue->ready_count++;
}

static void on_written(void *arg, const struct delivery *delivery, const struct verdict *verdicts);

static struct outcome_setup outcome_setup(struct queue *queue)
{
    return (struct outcome_setup){
        .jobs = queue->setup.jobs,
        .steps = queue->setup.steps,
        .gate = &queue->gate,
        .written = on_written,
        .arg = queue,
    };
}

/* The round is over: every path that could be tried now has been. */
static void conclude(struct queue *queue, struct delivery *delivery)
{
    struct verdict verdicts[SMTP_RECIPIENTS_MAX];
    assert(delivery->count <= SMTP_RECIPIENTS_MAX);
    nanos now = loop_now();
    uint32_t chance = arc4random();
    for (size_t i = 0; i < delivery->count; i++)
        verdicts[i] = queue_judge(queue, delivery, i, now, chance);
    struct outcome_setup setup = outcome_setup(queue);
    outcome_write(&setup, delivery, verdicts, "no gateway that may carry it is configured");
}

static void set_due(struct queue *queue, nanos at)
{
    if (at == 0 || (queue->due_at && queue->due_at <= at && loop_timer_pending(queue->due_timer)))
        return;
    queue->due_at = at;
    nanos left = at - loop_now();
    loop_timer_set(queue->due_timer, left > 0 ? left : 0);
}

static void tell_noticed(const struct queue *queue)
{
    if (queue->setup.noticed)
        queue->setup.noticed(queue->setup.arg);
}

static void on_written(void *arg, const struct delivery *delivery, const struct verdict *verdicts)
{
    struct queue *queue = arg;
    bool lost = false;
    for (size_t i = 0; i < delivery->count; i++) {
        if (verdicts[i].state == STORE_HANDED_OVER)
            queue->setup.handed_over(queue->setup.arg, delivery->mail.message_id);
        else if (verdicts[i].state == STORE_QUEUED)
            set_due(queue, verdicts[i].next_attempt_at);
        else
            lost = queue->more = true; /* a report may have been queued */
    }
    if (lost)
        tell_noticed(queue);
    pump_soon(queue, 0);
}

static void on_finished(void *arg, struct path *path, struct delivery *delivery, struct attempt *attempt)
{
    struct queue *queue = arg;
    bool left = false;
    queue->with_paths--;
    for (size_t i = 0; i < delivery->count; i++) {
        if (attempt->results[i].fate == FATE_REFUSED)
            refusals_add(&queue->refusals, delivery->messages[i].id, path_serial(path));
        left = left || delivery->fates[i] != FATE_HANDED_OVER;
    }
    if (left)
        put_ready(queue, delivery, true);
    else
        conclude(queue, delivery);
    pump_soon(queue, 0);
}

static void on_returned(void *arg, struct path *path, struct delivery *delivery)
{
    struct queue *queue = arg;
    (void)path;
    queue->with_paths--;
    put_ready(queue, delivery, true);
    pump_soon(queue, 0);
}

static void on_changed(void *arg, struct path *path)
{
    struct queue *queue = arg;
    (void)path;
    pump_soon(queue, 0);
}

static bool on_another_up(void *arg, const struct path *path)
{
    const struct queue *queue = arg;
    for (size_t i = 0; i < queue->path_count; i++)
        if (queue->paths[i] != path && path_is_up(queue->paths[i]))
            return true;
    return false;
}

static void on_seen(void *arg, const struct path *path, const struct session_end *end)
{
    const struct queue *queue = arg;
    if (queue->setup.seen)
        queue->setup.seen(queue->setup.arg, path_name(path), end);
}

static const struct path_owner OWNER = {
    .another_up = on_another_up,
    .finished = on_finished,
    .returned = on_returned,
    .changed = on_changed,
    .seen = on_seen,
};

/* --- Leases --- */

static void on_leased(void *arg, const struct leased *leased)
{
    struct queue *queue = arg;
    queue->leasing = queue->foreseeing = false;
    if (!leased) {
        set_due(queue, loop_now() + NANOS_PER_SECOND);
        return;
    }
    for (size_t i = 0; i < leased->count; i++)
        put_ready(queue, delivery_new(leased->lease, leased->settings, &leased->deliveries[i]), false);
    queue->more = queue->more || leased->more;
    set_due(queue, leased->next_due);
    pump_soon(queue, 0);
}

/* How many deliveries to take now; 0: none. While no path is up, what is due stays in the store: it would
 * only be given back, again and again. */
static size_t hunger(struct queue *queue)
{
    size_t room = 0, sessions = 0;
    if (!queue->started || queue->leasing || queue->draining)
        return 0;
    for (size_t i = 0; i < queue->path_count; i++) {
        if (!path_is_up(queue->paths[i]))
            continue;
        room += path_room(queue->paths[i]);
        sessions += (size_t)path_gateway(queue->paths[i])->connections + 1;
    }
    if (sessions == 0)
        return 0;
    return appetite_now(&queue->appetite, queue->ready_count, sessions, room, LEASING_MAX, loop_monotonic());
}

static void take_lease(struct queue *queue, enum leasing_order order)
{
    size_t max = hunger(queue);
    if (max == 0)
        return;
    queue->leasing = true;
    queue->foreseeing = order == LEASING_IN_TURN;
    queue->more = false;
    queue->due_at = 0;
    loop_timer_cancel(queue->due_timer);
    leasing_take(queue->setup.jobs, queue->settings, order, max, on_leased, queue);
}

/* --- The pump --- */

static void sweep_retired(struct queue *queue)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->retired_count; i++) {
        if (path_is_empty(queue->retired[i]))
            path_free(queue->retired[i]);
        else
            queue->retired[kept++] = queue->retired[i];
    }
    queue->retired_count = kept;
}

/* Whoever follows the message would hear nothing until a gateway is back. */
static void tell_waiting(struct queue *queue, const struct delivery *delivery)
{
    const char *gateway, *trouble = queue_trouble(queue, &gateway);
    if (!trouble || !steps_heard(queue->setup.steps))
        return;
    for (size_t i = 0; i < delivery->count; i++) {
        struct courier_step step = {
            .alert_id = delivery->mail.alert_id,
            .mail_id = delivery->mail.id,
            .message_id = delivery->messages[i].id,
            .step = "deferred",
            .gateway = gateway,
        };
        sv_copy(step.text, sizeof step.text, sv_of(trouble));
        steps_tell(queue->setup.steps, &step);
    }
}

/* Gives each ready delivery to a path, or leaves it to wait, or ends its round. Those for which no path is up
 * go back into the store, where they expire in time. */
static void assign(struct queue *queue)
{
    struct delivery *list = queue->ready, *back = NULL;
    bool up = count_up(queue) > 0;
    queue->ready = NULL;
    queue->ready_count = 0;
    while (list) {
        struct delivery *delivery = list;
        list = delivery->next;
        delivery->next = NULL;
        bool wait = false;
        struct path *path = choose_up(queue, delivery, &wait);
        if (!path && !wait && up)
            path = choose_down(queue, delivery, &wait);
        if (path && !queue->draining) {
            queue->with_paths++;
            path_give(path, delivery);
        } else if (delivery->first || (up && !path && !wait && !queue->draining)) {
            if (wait && !queue->draining)
                put_ready(queue, delivery, false);
            else
                conclude(queue, delivery);
        } else if (wait && !queue->draining) {
            put_ready(queue, delivery, false);
        } else {
            tell_waiting(queue, delivery);
            delivery->next = back;
            back = delivery;
            queue->more = true;
        }
    }
    leasing_return(queue->setup.jobs, back);
}

static void check_drained(struct queue *queue)
{
    if (!queue->draining || !queue->idle || queue->with_paths || queue->leasing)
        return;
    for (size_t i = 0; i < queue->path_count; i++)
        if (!path_is_empty(queue->paths[i]))
            return;
    loop_fn *idle = queue->idle;
    queue->idle = NULL;
    loop_timer_cancel(queue->drain_timer);
    idle(queue->idle_arg);
}

/* How patient a path may be, and how soon it is tried again, depends on the others. */
static void look_who_is_up(struct queue *queue)
{
    size_t up = count_up(queue);
    if (up == queue->up_count || queue->draining)
        return;
    if (up == 0 && queue->path_count)
        LOG_ERROR("no gateway is up", LOG_STR("first", path_name(queue->paths[0])),
                  LOG_STR("trouble", path_trouble(queue->paths[0])));
    queue->up_count = up;
    for (size_t i = 0; i < queue->path_count; i++)
        path_reconsider(queue->paths[i]);
}

static void on_pump(void *arg)
{
    struct queue *queue = arg;
    sweep_retired(queue);
    look_who_is_up(queue);
    assign(queue);
    if (queue->more)
        take_lease(queue, LEASING_AT_ONCE);
    if (queue->ready)
        pump_soon(queue, STALL_LOOK);
    check_drained(queue);
}

static void on_due(void *arg)
{
    struct queue *queue = arg;
    queue->due_at = 0;
    queue_kick(queue);
}

static void on_expired(void *arg, size_t count)
{
    struct queue *queue = arg;
    if (!count)
        return;
    queue_kick(queue); /* the report; and there may be more */
    tell_noticed(queue);
}

static void on_expire(void *arg)
{
    struct queue *queue = arg;
    struct outcome_setup setup = outcome_setup(queue);
    nanos every = queue->settings->config.delivery.expire / 10;
    struct store_why why = queue_why(queue);
    outcome_expire(&setup, queue->settings, &why, on_expired);
    every = every < EXPIRE_LOOK_MIN ? EXPIRE_LOOK_MIN : every > EXPIRE_LOOK_MAX ? EXPIRE_LOOK_MAX : every;
    loop_timer_set(queue->expire_timer, every);
}

static void on_drain_late(void *arg)
{
    struct queue *queue = arg;
    LOG_WARNING("sessions did not end in time", LOG_INT("under_way", queue->with_paths));
    for (size_t i = 0; i < queue->path_count; i++)
        path_free(queue->paths[i]);
    for (size_t i = 0; i < queue->retired_count; i++)
        path_free(queue->retired[i]);
    queue->path_count = queue->retired_count = queue->with_paths = 0;
    check_drained(queue);
}

/* --- For courier.c --- */

struct queue *queue_new(const struct queue_setup *setup)
{
    struct queue *queue = calloc(1, sizeof *queue);
    assert(queue);
    queue->setup = *setup;
    queue->pump_timer = loop_timer_new(setup->loop, on_pump, queue);
    queue->due_timer = loop_timer_new(setup->loop, on_due, queue);
    queue->expire_timer = loop_timer_new(setup->loop, on_expire, queue);
    queue->drain_timer = loop_timer_new(setup->loop, on_drain_late, queue);
    return queue;
}

/* The path that serves this gateway already, taken out of the list; NULL: there is none. */
static struct path *take_same(struct path **paths, size_t count, const struct settings *old,
                              const struct settings *settings, const struct config_gateway *gateway)
{
    bool same_name = old && strcmp(old->config.hostname, settings->config.hostname) == 0;
    for (size_t i = 0; i < count && same_name; i++) {
        struct path *path = paths[i];
        if (!path || !settings_same_gateway(path_gateway(path), gateway))
            continue;
        paths[i] = NULL;
        return path;
    }
    return NULL;
}

static void retire(struct queue *queue, struct path *path)
{
    path_drain(path);
    sweep_retired(queue);
    if (queue->retired_count < RETIRED_MAX)
        queue->retired[queue->retired_count++] = path;
    else
        path_free(
            path); /* a reload a second for minutes: what it had under way is sent again after a start */
}

void queue_settle(struct queue *queue, struct settings *settings, struct tls_context *const *contexts)
{
    struct path *old[CONFIG_GATEWAYS_MAX];
    size_t old_count = queue->path_count;
    memcpy(old, queue->paths, old_count * sizeof *old);
    queue->path_count = 0;
    for (size_t i = 0; i < settings->config.gateway_count && i < CONFIG_GATEWAYS_MAX; i++) {
        const struct config_gateway *gateway = &settings->config.gateways[i];
        struct path *path = take_same(old, old_count, queue->settings, settings, gateway);
        if (path)
            path_resettle(path, settings);
        else
            path = path_new(&(struct path_setup){
                .loop = queue->setup.loop,
                .keeper = queue->setup.keeper,
                .steps = queue->setup.steps,
                .settings = settings,
                .gateway = i,
                .tls = contexts[i],
                .serial = ++queue->serial,
                .owner = &OWNER,
                .arg = queue,
            });
        queue->paths[queue->path_count++] = path;
    }
    struct settings *before = queue->settings;
    queue->settings = settings_keep(settings);
    for (size_t i = 0; i < old_count; i++)
        if (old[i])
            retire(queue, old[i]);
    settings_free(before);
    if (queue->started)
        queue_start(queue);
}

void queue_start(struct queue *queue)
{
    queue->started = true;
    for (size_t i = 0; i < queue->path_count; i++)
        path_warm(queue->paths[i]);
    loop_timer_set(queue->expire_timer, 0);
    queue_kick(queue);
}

/* What is on disk before a lease in turn is, that lease has seen. */
void queue_kick(struct queue *queue)
{
    if (queue->foreseeing)
        return;
    queue->more = true;
    pump_soon(queue, 0);
}

/* Alone, the commit and the lease share a transaction and a way to the store's thread and back. When others
 * wait there, a lease in turn would come later than one that overtakes them. */
void queue_foresee(struct queue *queue)
{
    if (!queue->more && !queue->ready && jobs_pending(queue->setup.jobs) == 1)
        take_lease(queue, LEASING_IN_TURN);
}

void queue_look(struct queue *queue, const char *gateway)
{
    for (size_t i = 0; i < queue->path_count && !queue->draining; i++)
        if (strcmp(path_name(queue->paths[i]), gateway) == 0)
            path_warm(queue->paths[i]);
}

void queue_drain(struct queue *queue, loop_fn *idle, void *arg)
{
    queue->draining = true;
    queue->idle = idle;
    queue->idle_arg = arg;
    loop_timer_cancel(queue->expire_timer);
    loop_timer_cancel(queue->due_timer);
    for (size_t i = 0; i < queue->path_count; i++)
        path_drain(queue->paths[i]);
    loop_timer_set(queue->drain_timer, DRAIN_MAX);
    pump_soon(queue, 0);
}

const char *queue_trouble(const struct queue *queue, const char **ret_gateway)
{
    if (queue->path_count == 0 || count_up(queue) > 0)
        return NULL;
    *ret_gateway = path_name(queue->paths[0]);
    return path_trouble(queue->paths[0]);
}

struct store_why queue_why(const struct queue *queue)
{
    const char *gateway, *trouble = queue_trouble(queue, &gateway);
    if (!trouble)
        return (struct store_why){.gateway = SV_NONE};
    return (struct store_why){.gateway = sv_of(gateway),
                              .reply = sv_of(trouble),
                              .cause = sv_of(cause_name(path_trouble_cause(queue->paths[0])))};
}

bool queue_is_up(const struct queue *queue, sv gateway, const char **ret_trouble)
{
    *ret_trouble = NULL;
    for (size_t i = 0; i < queue->path_count; i++) {
        if (!sv_eq(sv_of(path_name(queue->paths[i])), gateway))
            continue;
        if (path_is_up(queue->paths[i]))
            return true;
        *ret_trouble = path_trouble(queue->paths[i]);
    }
    return false;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    while (queue->ready) {
        struct delivery *delivery = queue->ready;
        queue->ready = delivery->next;
        delivery_free(delivery);
    }
    for (size_t i = 0; i < queue->path_count; i++)
        path_free(queue->paths[i]);
    for (size_t i = 0; i < queue->retired_count; i++)
        path_free(queue->retired[i]);
    loop_timer_free(queue->pump_timer);
    loop_timer_free(queue->due_timer);
    loop_timer_free(queue->expire_timer);
    loop_timer_free(queue->drain_timer);
    settings_free(queue->settings);
    free(queue);
}
