#include "gateway/ledger.h"

#include "base/log.h"

enum { FIELDS_MAX = 32 };

struct line {
    struct log_field fields[FIELDS_MAX];
    size_t count;
};

static void add_text(struct line *line, const char *key, sv text)
{
    if (text.n && line->count < FIELDS_MAX)
        line->fields[line->count++] = LOG_SV(key, text);
}

static void add_number(struct line *line, const char *key, int64_t number)
{
    if (number && line->count < FIELDS_MAX)
        line->fields[line->count++] = LOG_INT(key, number);
}

void ledger_log(const char *what, const struct ledger *line)
{
    struct line known = {.count = 0};
#define ADD_TEXT(name)      add_text(&known, #name, line->name);
#define ADD_NUMBER(name)    add_number(&known, #name, line->name);
#define ADD_ONE(type, name) ADD_##type(name)
    LEDGER_FIELDS(ADD_ONE)
    log_write(LOG_LEVEL_INFO, what, known.fields, known.count);
}
