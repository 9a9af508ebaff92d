/* From the configuration's rules to those that are asked. */
#include "gateway/guard_private.h"

#include "io/zone_file.h"
#include "wire/mime.h"

#include <assert.h>
#include <stdlib.h>

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024 };

struct making {
    struct guard *guard;
    struct config_errors *errors;
};

/* The arena's bound is far above what CONFIG_BYTES_MAX can ask for. */
static void *take(const struct making *making, size_t n)
{
    void *p = arena_alloc(making->guard->arena, n ? n : 1);
    assert(p);
    return p;
}

static const char *keep(const struct making *making, const char *text)
{
    if (!text)
        return NULL;
    const char *copy = arena_cstr(making->guard->arena, sv_of(text));
    assert(copy);
    return copy;
}

static const char *keep_address(const struct making *making, const char *mailbox)
{
    const char *copy = mailbox ? arena_cstr(making->guard->arena, config_mailbox_address(mailbox)) : NULL;
    assert(copy || !mailbox);
    return copy;
}

static struct config_strings keep_list(const struct making *making, const struct config_strings *list)
{
    struct config_strings copy = {take(making, list->count * sizeof *copy.items), list->count};
    for (size_t i = 0; i < list->count; i++)
        copy.items[i] = keep(making, list->items[i]);
    return copy;
}

static struct guard_networks make_networks(const struct making *making, const struct config_strings *list)
{
    struct guard_networks networks = {.items = take(making, list->count * sizeof *networks.items),
                                      .count = list->count};
    networks.texts = keep_list(making, list).items;
    for (size_t i = 0; i < list->count; i++) {
        bool ok = config_network_parse(sv_of(list->items[i]), &networks.items[i]);
        assert(ok);
    }
    return networks;
}

/* One of each name is kept. NULL: the system has none of it. */
static const struct zone *take_zone(const struct making *making, const char *name)
{
    struct guard *guard = making->guard;
    for (const struct guard_zone *known = guard->zones; known; known = known->next)
        if (strcmp(known->name, name) == 0)
            return known->zone;
    struct zone *zone = zone_open(sv_of(name));
    if (!zone)
        return NULL;
    struct guard_zone *kept = take(making, sizeof *kept);
    *kept = (struct guard_zone){keep(making, name), zone, guard->zones};
    guard->zones = kept;
    return zone;
}

/* A zone that the system does not know is the one thing that only shows here. */
static struct guard_hours make_hours(const struct making *making, const struct config_strings *list,
                                     const char *zone, struct config_place place)
{
    struct guard_hours hours = {.spans = take(making, list->count * sizeof *hours.spans),
                                .count = list->count,
                                .zone_name = zone ? keep(making, zone) : "UTC"};
    struct buf text = BUF_INIT(GUARD_WHY_MAX);
    for (size_t i = 0; i < list->count; i++) {
        bool ok = config_hours_parse(sv_of(list->items[i]), &hours.spans[i]);
        assert(ok);
        buf_printf(&text, "%s%s", i ? ", " : "", list->items[i]);
    }
    hours.text = arena_cstr(making->guard->arena, buf_view(&text));
    buf_free(&text);
    hours.zone = zone ? take_zone(making, zone) : NULL;
    if (zone && !hours.zone)
        config_errors_add(making->errors, place.file, place.line, place.column, ZONE_ADVICE,
                          "time_zone: there is no zone \"%s\"", hours.zone_name);
    return hours;
}

static struct config_rate *make_rates(const struct making *making, const struct config_strings *list,
                                      bool (*parse)(sv text, struct config_rate *ret))
{
    struct config_rate *rates = take(making, list->count * sizeof *rates);
    for (size_t i = 0; i < list->count; i++) {
        bool ok = parse(sv_of(list->items[i]), &rates[i]);
        assert(ok);
    }
    return rates;
}

static enum guard_action action_of(const struct config_rule *rule)
{
    if (rule->reject)
        return GUARD_REJECT;
    if (rule->defer)
        return GUARD_DEFER;
    if (rule->quarantine)
        return GUARD_QUARANTINE;
    return rule->redirect ? GUARD_REDIRECT : GUARD_ACCEPT;
}

static struct guard_rule make_rule(const struct making *making, const struct config_rule *rule)
{
    return (struct guard_rule){
        .name = keep(making, rule->name),
        .file = keep(making, rule->place.file),
        .line = rule->place.line,
        .networks = make_networks(making, &rule->networks),
        .hours = make_hours(making, &rule->hours, rule->time_zone, rule->place),
        .listeners = keep_list(making, &rule->listeners),
        .accounts = keep_list(making, &rule->accounts),
        .certificates = keep_list(making, &rule->certificates),
        .senders = keep_list(making, &rule->senders),
        .recipients = keep_list(making, &rule->recipients),
        .domains = keep_list(making, &rule->domains),
        .headers = keep_list(making, &rule->headers),
        .rewrite = keep_list(making, &rule->rewrite),
        .tls = rule->tls,
        .size = (uint64_t)rule->size,
        .rates = make_rates(making, &rule->rate, config_rate_parse),
        .rate_count = rule->rate.count,
        .quotas = make_rates(making, &rule->quota, config_quota_parse),
        .quota_count = rule->quota.count,
        .burst = (unsigned)rule->burst,
        .over = rule->over,
        .action = action_of(rule),
        .text = keep(making, rule->reject ? rule->reject : rule->defer),
        .redirect = keep_address(making, rule->redirect),
        .tag = keep(making, rule->tag),
        .send_as = keep_address(making, rule->send_as),
        .route = keep(making, rule->route),
        .bare_lf = rule->bare_lf,
        .clean_header = rule->clean_header,
        .hits = take(making, sizeof(struct guard_hits)),
    };
}

static struct guard_account make_account(const struct making *making, const struct config_account *account)
{
    return (struct guard_account){
        .name = keep(making, account->name),
        .networks = make_networks(making, &account->networks),
        .hours = make_hours(making, &account->hours, account->time_zone, account->place),
        .senders = keep_list(making, &account->senders),
        .quota = (uint32_t)account->quota,
    };
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct guard_account *)a)->name, ((const struct guard_account *)b)->name);
}

const struct guard_account *guard_account_of(const struct guard *guard, sv name)
{
    size_t low = 0, high = guard->account_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = sv_cmp(name, sv_of(guard->accounts[middle].name));
        if (order == 0)
            return &guard->accounts[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static struct guard_listener make_listener(struct making *making, const struct config_listener *from)
{
    return (struct guard_listener){
        .address = keep(making, from->address),
        .encrypt = from->submission || from->security == CONFIG_LISTENING_STARTTLS,
        .identify = from->submission || from->auth,
        .whole_domains = from->submission,
    };
}

/* Whom "postmaster" without a domain stands for, which everybody who takes mail must have (RFC 5321 §4.5.1).
 */
static const char *make_postmaster(const struct making *making, const struct config *config)
{
    const struct config_relay *relay = &config->relay;
    if (relay->postmaster)
        return keep_address(making, relay->postmaster);
    const char *host = config->hostname ? config->hostname : "localhost";
    sv address = arena_printf(making->guard->arena, "postmaster@%s",
                              relay->domains.count ? relay->domains.items[0] : host);
    return arena_cstr(making->guard->arena, address);
}

struct guard *guard_new(const struct config *config, struct config_errors *errors)
{
    const struct config_relay *relay = &config->relay;
    size_t before = errors->count;
    struct guard *guard = calloc(1, sizeof *guard);
    assert(guard);
    guard->arena = arena_new(ARENA_BYTES_MAX);
    guard->holders = 1;
    mime_use(); /* for encoded words in headers */
    struct making making = {guard, errors};
    guard->other_hits = take(&making, GUARD_OTHER_COUNT * sizeof *guard->other_hits);
    guard->domains = keep_list(&making, &relay->domains);
    guard->postmaster = make_postmaster(&making, config);
    guard->listeners = take(&making, relay->listener_count * sizeof *guard->listeners);
    for (; guard->listener_count < relay->listener_count; guard->listener_count++)
        guard->listeners[guard->listener_count] =
            make_listener(&making, &relay->listeners[guard->listener_count]);
    guard->rules = take(&making, relay->rule_count * sizeof *guard->rules);
    for (; guard->rule_count < relay->rule_count; guard->rule_count++)
        guard->rules[guard->rule_count] = make_rule(&making, &relay->rules[guard->rule_count]);
    guard->accounts = take(&making, relay->account_count * sizeof *guard->accounts);
    for (; guard->account_count < relay->account_count; guard->account_count++)
        guard->accounts[guard->account_count] = make_account(&making, &relay->accounts[guard->account_count]);
    if (guard->account_count)
        qsort(guard->accounts, guard->account_count, sizeof *guard->accounts, by_name);
    if (errors->count == before)
        return guard;
    guard_free(guard);
    return NULL;
}

struct guard *guard_hold(struct guard *guard)
{
    guard->holders++;
    return guard;
}

void guard_free(struct guard *guard)
{
    if (!guard || --guard->holders > 0)
        return;
    for (const struct guard_zone *zone = guard->zones; zone; zone = zone->next)
        zone_close(zone->zone);
    arena_free(guard->arena);
    free(guard);
}
