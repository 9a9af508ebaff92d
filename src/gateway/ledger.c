#include "gateway/ledger.h"

#include "base/log.h"
#include "wire/pack.h"

enum { FIELDS_MAX = 32 };

int ledger_pack(const struct ledger_reception *reception, struct buf *out)
{
    struct buf bytes = BUF_INIT(LEDGER_PACKED_MAX);
    struct pack pack = PACK_INTO(&bytes);
#define PACK_TEXT(name)      pack_sv(&pack, reception->name);
#define PACK_NUMBER(name)    pack_i64(&pack, reception->name);
#define PACK_ONE(type, name) PACK_##type(name)
    LEDGER_RECEPTION(PACK_ONE)
    int outcome = pack.ok ? buf_put(out, buf_view(&bytes)) : -1;
    buf_free(&bytes);
    return outcome;
}

int ledger_unpack(sv bytes, struct ledger_reception *ret)
{
    struct ledger_reception reception;
    struct unpack unpack = UNPACK_FROM(bytes);
#define UNPACK_TEXT(name)      reception.name = unpack_sv(&unpack);
#define UNPACK_NUMBER(name)    reception.name = unpack_i64(&unpack);
#define UNPACK_ONE(type, name) UNPACK_##type(name)
    LEDGER_RECEPTION(UNPACK_ONE)
    if (bytes.n > LEDGER_PACKED_MAX || !unpack_done(&unpack))
        return -1;
    *ret = reception;
    return 0;
}

/* What is not there takes no room in the line. */
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

/* The moment of its reception is left to the line that said so; here stands how long it took. */
static void add_reception(struct line *line, const struct ledger_reception *reception)
{
    struct ledger_reception shown = *reception;
    shown.received_at = 0;
#define ADD_TEXT(name)      add_text(line, #name, shown.name);
#define ADD_NUMBER(name)    add_number(line, #name, shown.name);
#define ADD_ONE(type, name) ADD_##type(name)
    LEDGER_RECEPTION(ADD_ONE)
}

void ledger_log(const struct ledger_reception *reception, const struct ledger_delivery *delivery)
{
    struct line made = {.count = 0}, *line = &made;
    const struct ledger_delivery shown = *delivery;
    LEDGER_DELIVERY(ADD_ONE)
    add_reception(line, reception);
    log_write(LOG_LEVEL_INFO, "gateway message", made.fields, made.count);
}

void ledger_refused(const struct ledger_reception *reception, const char *stage, int code,
                    const char *enhanced, const char *why)
{
    struct line line = {.count = 0};
    add_text(&line, "stage", sv_of(stage));
    add_number(&line, "code", code);
    add_text(&line, "enhanced", sv_of(enhanced));
    add_text(&line, "why", sv_of(why));
    add_reception(&line, reception);
    log_write(LOG_LEVEL_INFO, "gateway refuses", line.fields, line.count);
}
