#include "courier/settings.h"

#include "base/cstr.h"

#include <assert.h>
#include <stdlib.h>

enum { SETTINGS_BYTES_MAX = 64 * 1024 * 1024 };

static const char *copy_text(struct arena *arena, const char *text)
{
    if (!text)
        return NULL;
    char *copy = arena_cstr(arena, sv_of(text));
    assert(copy);
    return copy;
}

static struct config_strings copy_list(struct arena *arena, struct config_strings list)
{
    struct config_strings copy = {.count = list.count};
    if (list.count) {
        copy.items = arena_alloc(arena, list.count * sizeof *copy.items);
        assert(copy.items);
    }
    for (size_t i = 0; i < list.count; i++)
        copy.items[i] = copy_text(arena, list.items[i]);
    return copy;
}

/* How each of the schema's types is copied and compared. */
#define TEXT(arena, to, from)  (to) = copy_text(arena, from)
#define LIST(arena, to, from)  (to) = copy_list(arena, from)
#define VALUE(arena, to, from) (to) = (from)

#define COPY_NAME       TEXT
#define COPY_STRING     TEXT
#define COPY_ADDRESS    TEXT
#define COPY_ENDPOINT   TEXT
#define COPY_HOST       TEXT
#define COPY_PORT       VALUE
#define COPY_MAILBOX    TEXT
#define COPY_PATH       TEXT
#define COPY_PIN        TEXT
#define COPY_SECRET     TEXT
#define COPY_LENGTH     VALUE
#define COPY_SIZE       VALUE
#define COPY_COUNT      VALUE
#define COPY_PROCESSES  VALUE
#define COPY_BOOLEAN    VALUE
#define COPY_SECURITY   VALUE
#define COPY_PRIVILEGES VALUE
#define COPY_TEMPLATE   VALUE
#define COPY_LOG_LEVEL  VALUE
#define COPY_LOG_FORMAT VALUE
#define COPY_FORMAT     VALUE
#define COPY_LOGSOURCE  TEXT
#define COPY_ZONE       TEXT
#define COPY_PRESENT    VALUE
#define COPY_LEVEL      TEXT
#define COPY_STRINGS    LIST
#define COPY_HOSTS      LIST
#define COPY_MAILBOXES  LIST
#define COPY_PATHS      LIST
#define COPY_ENDPOINTS  LIST

#define COPY(key, type, default_text, help) COPY_##type(arena, to->key, from->key);

static void copy_landing(struct arena *arena, struct config_landing *to, const struct config_landing *from)
{
    CONFIG_LANDING(COPY)
}

static void copy_bounces(struct arena *arena, struct config_bounces *to, const struct config_bounces *from)
{
    CONFIG_BOUNCES(COPY)
}

static void copy_way(struct arena *arena, struct config_way *to, const struct config_way *from)
{
    CONFIG_WAY(COPY)
}

static void copy_heartbeat(struct arena *arena, struct config_heartbeat *to,
                           const struct config_heartbeat *from)
{
    CONFIG_HEARTBEAT(COPY)
}

static void copy_gateway(struct arena *arena, struct config_gateway *to, const struct config_gateway *from)
{
    CONFIG_GATEWAY(COPY)
    to->place.line = from->place.line;
    copy_landing(arena, &to->landing, &from->landing);
}

static void copy_input(struct arena *arena, struct config_input *to, const struct config_input *from)
{
    CONFIG_INPUT(COPY)
    TEXT(arena, to->label, from->label);
}

static void copy_alerts(struct arena *arena, struct config_alerts *to, const struct config_alerts *from)
{
    CONFIG_ALERTS(COPY)
}

static void copy_relay(struct arena *arena, struct config_relay *to, const struct config_relay *from)
{
    CONFIG_RELAY(COPY)
    to->present = from->present;
}

static void copy_top(struct arena *arena, struct config *to, const struct config *from)
{
    CONFIG_TOP(COPY)
}

struct settings *settings_new(const struct config *config)
{
    struct settings *settings = calloc(1, sizeof *settings);
    assert(settings);
    settings->references = 1;
    struct config *copy = &settings->config;
    struct arena *arena = copy->arena = arena_new(SETTINGS_BYTES_MAX);

    copy->gateway_count = config->gateway_count;
    copy->gateways = arena_alloc(arena, (config->gateway_count + 1) * sizeof *copy->gateways);
    copy->input_count = config->input_count;
    copy->inputs = arena_alloc(arena, (config->input_count + 1) * sizeof *copy->inputs);
    assert(copy->gateways && copy->inputs);
    for (size_t i = 0; i < config->gateway_count; i++)
        copy_gateway(arena, &copy->gateways[i], &config->gateways[i]);
    for (size_t i = 0; i < config->input_count; i++)
        copy_input(arena, &copy->inputs[i], &config->inputs[i]);
    copy_alerts(arena, &copy->alerts, &config->alerts);
    copy->delivery = config->delivery;
    copy->canary = config->canary;
    copy->paths = config->paths;
    copy_relay(arena, &copy->relay, &config->relay);
    copy_bounces(arena, &copy->bounces, &config->bounces);
    copy_heartbeat(arena, &copy->heartbeat, &config->heartbeat);
    copy->way_count = config->way_count;
    copy->ways = arena_alloc(arena, (config->way_count + 1) * sizeof *copy->ways);
    assert(copy->ways);
    for (size_t i = 0; i < config->way_count; i++)
        copy_way(arena, &copy->ways[i], &config->ways[i]);
    copy_top(arena, copy, config);
    settings->risk = risk_lists_new(config);
    return settings;
}

struct settings *settings_keep(struct settings *settings)
{
    settings->references++;
    return settings;
}

void settings_free(struct settings *settings)
{
    if (!settings || --settings->references > 0)
        return;
    risk_lists_free(settings->risk);
    arena_free(settings->config.arena);
    free(settings);
}

#define SAME_TEXT        cstr_same
#define SAME_VALUE(x, y) ((x) == (y))
#define SAME_NAME        SAME_TEXT
#define SAME_STRING      SAME_TEXT
#define SAME_ADDRESS     SAME_TEXT
#define SAME_HOST        SAME_TEXT
#define SAME_PORT        SAME_VALUE
#define SAME_MAILBOX     SAME_TEXT
#define SAME_PATH        SAME_TEXT
#define SAME_PIN         SAME_TEXT
#define SAME_SECRET      SAME_TEXT
#define SAME_LENGTH      SAME_VALUE
#define SAME_COUNT       SAME_VALUE
#define SAME_SECURITY    SAME_VALUE

#define SAME(key, type, default_text, help) &&SAME_##type(a->key, b->key)

bool settings_same_gateway(const struct config_gateway *a, const struct config_gateway *b)
{
    return true CONFIG_GATEWAY(SAME);
}
