#include "alert/risk.h"

#include "base/hash.h"
#include "io/durable.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

const sv risk_field = SV_INIT("risk.context"), risk_reason_field = SV_INIT("risk.lists");

static const char *const usual_fields[] = {"user.name",          "user.target.name", "user.effective.name",
                                           "host.name",          "source.ip",        "destination.ip",
                                           "destination.domain", "cyberark.account", "cyberark.safe"};

enum {
    USUAL_COUNT = sizeof usual_fields / sizeof *usual_fields,
    CELLS_AT_FIRST = 64,
    REASON_BYTES_MAX = 400
};

struct list {
    sv name;
    int score;
    struct config_strings fields;
    sv *cells; /* a hash table of entries, ASCII case folded */
    size_t cell_count, count;
};

struct risk_lists {
    struct arena *arena;
    struct list *lists;
    size_t count, entries;
};

static size_t cell_of(const struct list *list, sv entry)
{
    size_t i = hash_sv_fold(entry) & (list->cell_count - 1);
    while (list->cells[i].n && !sv_ieq(list->cells[i], entry))
        i = (i + 1) & (list->cell_count - 1);
    return i;
}

static void grow(struct list *list)
{
    sv *old = list->cells;
    size_t n = list->cell_count;
    list->cell_count = n ? n * 2 : CELLS_AT_FIRST;
    list->cells = calloc(list->cell_count, sizeof *list->cells);
    assert(list->cells);
    for (size_t i = 0; i < n; i++)
        if (old[i].n)
            list->cells[cell_of(list, old[i])] = old[i];
    free(old);
}

static void add(struct risk_lists *lists, struct list *list, sv entry)
{
    entry = sv_trim(entry);
    if (!entry.n || entry.p[0] == '#' || lists->entries == RISK_ENTRIES_MAX)
        return;
    if ((list->count + 1) * 2 > list->cell_count)
        grow(list);
    sv *cell = &list->cells[cell_of(list, entry)];
    if (cell->n)
        return;
    *cell = arena_sv(lists->arena, entry);
    list->count += cell->n > 0;
    lists->entries++;
}

static void add_file(struct risk_lists *lists, struct list *list, const char *path)
{
    struct buf text = BUF_INIT(RISK_FILE_BYTES_MAX);
    if (file_read(path, &text, NULL) == 0)
        for (sv rest = buf_view(&text); rest.p;)
            add(lists, list, sv_split(&rest, '\n'));
    buf_free(&text);
}

static struct config_strings copy_strings(struct arena *arena, const struct config_strings *from)
{
    struct config_strings copy = {.count = from->count};
    const char **items = arena_alloc(arena, (from->count + 1) * sizeof *items);
    for (size_t i = 0; items && i < from->count; i++)
        items[i] = arena_cstr(arena, sv_of(from->items[i]));
    copy.items = items;
    return copy;
}

struct risk_lists *risk_lists_new(const struct config *config)
{
    struct risk_lists *lists = calloc(1, sizeof *lists);
    assert(lists);
    lists->arena = arena_new((size_t)RISK_FILE_BYTES_MAX * 2);
    lists->lists = calloc(config->list_count + 1, sizeof *lists->lists);
    assert(lists->lists);
    for (size_t i = 0; i < config->list_count; i++) {
        const struct config_list *from = &config->lists[i];
        struct list *list = &lists->lists[lists->count];
        if (from->score <= 0)
            continue;
        *list = (struct list){.name = arena_sv(lists->arena, sv_of(from->name)),
                              .score = from->score,
                              .fields = copy_strings(lists->arena, &from->fields)};
        grow(list);
        for (size_t j = 0; j < from->values.count; j++)
            add(lists, list, sv_of(from->values.items[j]));
        if (from->file)
            add_file(lists, list, from->file);
        lists->count++;
    }
    return lists;
}

void risk_lists_free(struct risk_lists *lists)
{
    if (!lists)
        return;
    for (size_t i = 0; i < lists->count; i++)
        free(lists->lists[i].cells);
    free(lists->lists);
    arena_free(lists->arena);
    free(lists);
}

static bool looks_at(const struct list *list, sv name)
{
    size_t n = list->fields.count ? list->fields.count : USUAL_COUNT;
    for (size_t i = 0; i < n; i++)
        if (sv_eq(sv_of(list->fields.count ? list->fields.items[i] : usual_fields[i]), name))
            return true;
    return false;
}

/* The field of the finding that is in the list, or NULL. */
static const struct event_field *found_in(const struct list *list, const struct finding *finding)
{
    for (size_t i = 0; i < finding->field_count; i++) {
        const struct event_field *field = &finding->fields[i];
        if (field->value.n && list->cells[cell_of(list, field->value)].n && looks_at(list, field->name))
            return field;
    }
    return NULL;
}

int risk_context(const struct risk_lists *lists, const struct finding *finding, char *ret_why, size_t cap)
{
    int total = 0;
    size_t n = 0;
    ret_why[0] = '\0';
    for (size_t i = 0; lists && i < lists->count; i++) {
        const struct list *list = &lists->lists[i];
        const struct event_field *field = found_in(list, finding);
        if (!field)
            continue;
        total += list->score;
        int added =
            snprintf(ret_why + n, cap - n, "%s%.*s +%d (%.*s %.*s)", n ? ", " : "", SV_ARG(list->name),
                     list->score, SV_ARG(field->name), SV_ARG(sv_first(field->value, 80)));
        n = added > 0 && n + (size_t)added < cap ? n + (size_t)added : n;
        ret_why[n] = '\0';
    }
    return total < RISK_CONTEXT_MAX ? total : RISK_CONTEXT_MAX;
}

int risk_add(const struct risk_lists *lists, struct finding *finding, struct arena *arena)
{
    char why[REASON_BYTES_MAX];
    int context = risk_context(lists, finding, why, sizeof why);
    size_t n = 0, most = FINDING_FIELDS_MAX - (context ? 2 : 0);
    struct event_field *fields = arena_alloc(arena, (finding->field_count + 2) * sizeof *fields);
    if (!fields)
        return context;
    for (size_t i = 0; i < finding->field_count && n < most; i++)
        if (!sv_eq(finding->fields[i].name, risk_field) && !sv_eq(finding->fields[i].name, risk_reason_field))
            fields[n++] = finding->fields[i];
    if (context) {
        fields[n++] = (struct event_field){risk_field, arena_printf(arena, "%d", context), EVENT_NUMBER};
        fields[n++] = (struct event_field){risk_reason_field, arena_sv(arena, sv_of(why)), EVENT_STRING};
    }
    finding->fields = fields;
    finding->field_count = n;
    return context;
}

int risk_score(enum severity severity, int context, int64_t count)
{
    static const int levels[] = {5, 20, 40, 60, 80};
    int repetition = 0;
    for (int64_t n = count; n > 1 && repetition < 15; n /= 2)
        repetition += 5;
    int score = levels[severity] + context + repetition;
    return score < RISK_MAX ? score : RISK_MAX;
}

int risk_of(const struct finding *finding, enum severity severity, int64_t count)
{
    uint64_t context = 0;
    for (size_t i = 0; i < finding->field_count; i++)
        if (sv_eq(finding->fields[i].name, risk_field) && sv_to_u64(finding->fields[i].value, &context))
            break;
    return risk_score(severity, context < RISK_CONTEXT_MAX ? (int)context : RISK_CONTEXT_MAX, count);
}
