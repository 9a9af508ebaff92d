#include "config/config.h"

#include "config/section.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONFIG_ARENA_BYTES_MAX = 256 * 1024 * 1024,
    ERROR_BYTES_MAX = 1024,
    ERRORS_ARENA_BYTES_MAX = 2 * CONFIG_ERRORS_MAX * (ERROR_BYTES_MAX + 64) + 65536,
};

void config_errors_init(struct config_errors *errors)
{
    *errors = (struct config_errors){.arena = arena_new(ERRORS_ARENA_BYTES_MAX + CONFIG_ERRORS_MAX * 4096)};
}

void config_errors_free(struct config_errors *errors)
{
    arena_free(errors->arena);
    *errors = (struct config_errors){0};
}

void config_errors_add(struct config_errors *errors, const char *file, int line, int column,
                       const char *advice, const char *fmt, ...)
{
    if (errors->count++ >= CONFIG_ERRORS_MAX)
        return;
    char text[ERROR_BYTES_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    errors->items[errors->count - 1] = (struct config_error){
        .file = arena_cstr(errors->arena, sv_of(file)),
        .line = line,
        .column = column,
        .message = arena_cstr(errors->arena, sv_of(text)),
        .advice = arena_cstr(errors->arena, sv_first(sv_of(advice), ERROR_BYTES_MAX)),
    };
}

static size_t source_rank(const struct config_source *sources, size_t count, const char *file)
{
    for (size_t i = 0; i < count; i++)
        if (file && strcmp(sources[i].name, file) == 0)
            return i;
    return count;
}

/* In the order of the sources, then of their lines: checks find errors in another order than people read. */
static void sort_errors(struct config_errors *errors, size_t from, const struct config_source *sources,
                        size_t count)
{
    size_t end = errors->count < CONFIG_ERRORS_MAX ? errors->count : CONFIG_ERRORS_MAX;
    for (size_t i = from + 1; i < end; i++) {
        struct config_error moving = errors->items[i];
        size_t rank = source_rank(sources, count, moving.file), j = i;
        for (; j > from; j--) {
            const struct config_error *before = &errors->items[j - 1];
            size_t before_rank = source_rank(sources, count, before->file);
            bool later = before_rank != rank           ? before_rank > rank
                         : before->line != moving.line ? before->line > moving.line
                                                       : before->column > moving.column;
            if (!later)
                break;
            errors->items[j] = *before;
        }
        errors->items[j] = moving;
    }
}

static void fill_list(struct arena *arena, enum config_type type, sv text, struct config_strings *ret)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == ',';
    ret->items = arena_alloc(arena, n * sizeof *ret->items);
    assert(ret->items);
    while (text.p) {
        struct config_value value = {sv_trim(sv_split(&text, ',')), "/", arena};
        int ok = config_value_parse(config_type_item(type), &value, &ret->items[ret->count++], NULL);
        assert(ok == 0);
    }
}

/* Our own table's default, so it must parse. */
static void fill_default(struct arena *arena, const struct config_field *field, void *ret)
{
    if (config_type_is_list(field->type)) {
        fill_list(arena, field->type, sv_of(field->fallback), ret);
        return;
    }
    struct config_value value = {sv_of(field->fallback), "/", arena};
    int ok = config_value_parse(field->type, &value, ret, NULL);
    assert(ok == 0);
}

static void fill_defaults(struct config_reader *reader, const struct config_instance *instance)
{
    for (size_t i = 0; i < instance->section->field_count; i++) {
        const struct config_field *field = &instance->section->fields[i];
        if (instance->keys[i].line != 0 || !field->fallback)
            continue;
        if (field->fallback[0] != CONFIG_REQUIRED[0])
            fill_default(reader->arena, field, (char *)instance->base + field->offset);
        else if (!reader->broken && instance->own.line != 0)
            config_errors_add(reader->errors, instance->own.file, instance->own.line, instance->own.column,
                              field->help, "%s is missing in %s; it is %s", field->key,
                              instance->section->name, config_type_expected(field->type));
    }
}

/* List items were read into structs of their own; here they become the array that the configuration has. */
static void flatten(struct config_reader *reader, struct config_instance *instance, size_t index)
{
    const struct config_child *child = &instance->section->children[index];
    size_t n = 0, size = child->section->size;
    for (struct config_instance *item = instance->children[index]; item; item = item->next)
        n++;
    char *array = arena_alloc(reader->arena, n * size + 1);
    assert(array);
    *(size_t *)((char *)instance->base + child->count_offset) = n;
    *(void **)((char *)instance->base + child->offset) = array;
    for (struct config_instance *item = instance->children[index]; item; item = item->next, array += size) {
        memcpy(array, item->base, size);
        item->base = array;
        for (size_t i = 0; i < child->section->child_count; i++)
            if (item->children[i])
                item->children[i]->base = array + child->section->children[i].offset;
    }
}

/* Of sections and lists of sections inside a section, also those that are not there. A list inside a list's
 * item does not exist: what flatten moved could not be found again. */
static void finish_children(struct config_reader *reader, struct config_instance *outer)
{
    for (size_t i = 0; i < outer->section->child_count; i++) {
        const struct config_child *child = &outer->section->children[i];
        if (child->max)
            flatten(reader, outer, i);
        struct config_instance absent = {.section = child->section,
                                         .base = (char *)outer->base + child->offset};
        if (!child->max && !outer->children[i])
            fill_defaults(reader, &absent);
        for (const struct config_instance *item = outer->children[i]; item; item = item->next)
            fill_defaults(reader, item);
    }
}

static void finish(struct config_reader *reader, struct config_instance *top)
{
    fill_defaults(reader, top);
    finish_children(reader, top);
    for (size_t i = 0; i < top->section->child_count; i++)
        for (struct config_instance *item = top->children[i]; item; item = item->next)
            finish_children(reader, item);
}

static const char *runtime_directory(const struct config *config)
{
    if (strcmp(config->state_directory, "/var/lib/vedette") == 0)
        return "/run/vedette";
    return arena_printf(config->arena, "%s/run", config->state_directory).p;
}

static const char *input_label(const struct config *config, const struct config_input *input)
{
    if (input->syslog)
        return arena_printf(config->arena, "syslog %s", input->syslog).p;
    if (input->relp)
        return arena_printf(config->arena, "relp %s", input->relp).p;
    if (input->file)
        return arena_printf(config->arena, "file %s", input->file).p;
    return input->journal ? "journal" : "stdin";
}

bool config_is_secret(const char *value, const char **ret_reference)
{
    static const char prefix[] = "secret:";
    if (!value || strncmp(value, prefix, sizeof prefix - 1) != 0)
        return false;
    *ret_reference = value + sizeof prefix - 1;
    return true;
}

/* listen and listen_tls are one list to everybody else, with what holds where nothing is said. */
static void derive_listeners(struct config *config)
{
    struct config_relay *relay = &config->relay;
    size_t count = relay->listen_count + relay->listen_tls.count;
    relay->listeners = arena_alloc(config->arena, count * sizeof *relay->listeners + 1);
    assert(relay->listeners);
    for (size_t i = 0; i < count; i++) {
        struct config_listener *listener = &relay->listeners[relay->listener_count++];
        if (i < relay->listen_count)
            *listener = relay->listen[i];
        else
            *listener = (struct config_listener){.address = relay->listen_tls.items[i - relay->listen_count],
                                                 .security = CONFIG_LISTENING_TLS};
        if (!listener->hostname)
            listener->hostname = config->hostname;
        if (!listener->message_bytes_max)
            listener->message_bytes_max = relay->message_bytes_max;
    }
}

/* Where the items of a list stand goes into their structs, which have a place at that offset. */
static void note_places(const struct config_instance *first, size_t offset)
{
    for (const struct config_instance *item = first; item; item = item->next)
        memcpy((char *)item->base + offset, &item->own, sizeof item->own);
}

static void note_relay_places(struct config_relay *relay, const struct config_instance *instance)
{
    relay->certificate_place = config_place_of(instance, "certificate");
    relay->key_place = config_place_of(instance, "key");
    relay->client_ca_place = config_place_of(instance, "client_ca");
    note_places(instance->children[CONFIG_RELAY_SMARTHOSTS], offsetof(struct config_smarthost, place));
    note_places(instance->children[CONFIG_RELAY_ROUTES], offsetof(struct config_route, place));
    note_places(instance->children[CONFIG_RELAY_RULES], offsetof(struct config_rule, place));
    note_places(instance->children[CONFIG_RELAY_ACCOUNTS], offsetof(struct config_account, place));
}

static void derive_relay(struct config *config, const struct config_instance *relay)
{
    config->relay.present = relay != NULL;
    derive_listeners(config);
    if (!config->relay.spool && config->state_directory)
        config->relay.spool = arena_printf(config->arena, "%s/spool", config->state_directory).p;
    for (size_t i = 0; i < config->relay.smarthost_count; i++) {
        struct config_smarthost *host = &config->relay.smarthosts[i];
        if (!host->verify_name)
            host->verify_name = host->host ? host->host : host->address;
        if (!host->helo)
            host->helo = config->hostname;
    }
    if (relay)
        note_relay_places(&config->relay, relay);
}

/* The defaults that depend on another key. */
static void derive(struct config *config, const struct config_instance *top, const char *machine_name)
{
    if (!config->runtime_directory && config->state_directory)
        config->runtime_directory = runtime_directory(config);
    if (!config->hostname)
        config->hostname = arena_cstr(config->arena, sv_of(machine_name));
    for (size_t i = 0; i < config->gateway_count; i++) {
        struct config_gateway *gateway = &config->gateways[i];
        if (!gateway->verify_name)
            gateway->verify_name = gateway->host ? gateway->host : gateway->address;
        if (!gateway->helo)
            gateway->helo = config->hostname;
        if (!gateway->sender)
            gateway->sender = config->sender;
    }
    derive_relay(config, top->children[CONFIG_TOP_RELAY]);
    note_places(top->children[CONFIG_TOP_GATEWAYS], offsetof(struct config_gateway, place));
    for (const struct config_instance *item = top->children[CONFIG_TOP_INPUTS]; item; item = item->next) {
        struct config_input *input = item->base;
        input->label = input_label(config, input);
        input->place = item->own;
        input->zone_place = config_place_of(item, "time_zone");
    }
    config->rules_place = config_place_of(top, "rules");
    config->pipelines_place = config_place_of(top, "pipelines");
    config->masks_place = config_place_of(top, "masks");
    config_find_secrets(config, top);
}

static bool small_enough(const struct config_source *sources, size_t count, struct config_errors *errors)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += sources[i].text.n;
        if (bytes <= CONFIG_BYTES_MAX)
            continue;
        config_errors_add(errors, sources[i].name, 0, 0, NULL,
                          "the configuration is longer than %d bytes in all", CONFIG_BYTES_MAX);
        return false;
    }
    return true;
}

static void read_sources(struct config_reader *reader, const struct config_source *sources, size_t count,
                         const char *machine_name)
{
    struct config *config = reader->top->base;
    for (size_t i = 0; i < count; i++)
        config_read(reader, &sources[i]);
    if (reader->top->own.line == 0 && count > 0)
        reader->top->own = (struct config_place){arena_cstr(config->arena, sv_of(sources[0].name)), 1, 1};
    finish(reader, reader->top);
    derive(config, reader->top, machine_name);
    if (!reader->broken)
        config_check(config, reader->top, reader->errors);
}

struct config *config_parse_faulty(const struct config_source *sources, size_t count,
                                   const char *machine_name, struct config_errors *errors)
{
    size_t before = errors->count;
    if (!small_enough(sources, count, errors))
        return NULL;
    struct arena *arena = arena_new(CONFIG_ARENA_BYTES_MAX);
    struct config *config = arena_alloc(arena, sizeof *config);
    struct config_instance *top = arena_alloc(arena, sizeof *top);
    assert(config && top);
    config->arena = arena;
    *top = (struct config_instance){.section = &config_section_top, .base = config};
    struct config_reader reader = {.arena = arena, .errors = errors, .top = top};
    read_sources(&reader, sources, count, machine_name);
    if (before < CONFIG_ERRORS_MAX)
        sort_errors(errors, before, sources, count);
    if (!reader.broken)
        return config;
    config_free(config);
    return NULL;
}

struct config *config_parse(const struct config_source *sources, size_t count, const char *machine_name,
                            struct config_errors *errors)
{
    size_t before = errors->count;
    struct config *config = config_parse_faulty(sources, count, machine_name, errors);
    if (errors->count == before)
        return config;
    config_free(config);
    return NULL;
}

const struct config_gateway *config_gateway_named(const struct config *config, sv name)
{
    for (size_t i = 0; i < config->gateway_count; i++)
        if (sv_eq(sv_of(config->gateways[i].name), name))
            return &config->gateways[i];
    return NULL;
}

void config_free(struct config *config)
{
    if (config)
        arena_free(config->arena);
}
