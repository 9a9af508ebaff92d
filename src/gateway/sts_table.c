#include "gateway/sts_table.h"

#include "base/hash.h"
#include "io/durable.h"
#include "wire/pack.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    FORM = 1,
    ENTRY_OVERHEAD_MAX = STS_DOMAIN_MAX + MTA_STS_ID_MAX + 64,
    FILE_BYTES_MAX = STS_BYTES_MAX + STS_DOMAINS_MAX * ENTRY_OVERHEAD_MAX + 64,
};

struct entry {
    struct entry *next;
    uint64_t hash;
    char domain[STS_DOMAIN_MAX];
    char id[MTA_STS_ID_MAX];
    char *text; /* NULL: no policy, only a failure to remember */
    size_t text_bytes;
    nanos fetched_at, expires_at, asked_at;
    char failed_id[MTA_STS_ID_MAX];
    nanos failed_at;
};

struct sts_table {
    struct entry *first;
    size_t count, bytes;
    bool changed;
};

struct sts_table *sts_table_new(void)
{
    struct sts_table *table = calloc(1, sizeof *table);
    assert(table);
    return table;
}

static void drop_text(struct sts_table *table, struct entry *entry)
{
    table->bytes -= entry->text_bytes;
    free(entry->text);
    entry->text = NULL;
    entry->text_bytes = 0;
}

static void drop(struct sts_table *table, struct entry *entry)
{
    struct entry **at = &table->first;
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    drop_text(table, entry);
    table->count--;
    free(entry);
}

void sts_table_free(struct sts_table *table)
{
    while (table && table->first)
        drop(table, table->first);
    free(table);
}

static struct entry *find(const struct sts_table *table, sv domain)
{
    uint64_t hash = hash_sv_fold(domain);
    for (struct entry *entry = table->first; entry; entry = entry->next)
        if (entry->hash == hash && sv_ieq(sv_of(entry->domain), domain))
            return entry;
    return NULL;
}

static bool holds(const struct entry *entry, nanos now)
{
    return entry->text && entry->expires_at > now;
}

/* Whether a goes before b when room is needed. */
static bool goes_first(const struct entry *a, const struct entry *b, nanos now)
{
    if (holds(a, now) != holds(b, now))
        return !holds(a, now);
    return a->asked_at < b->asked_at;
}

static void make_room(struct sts_table *table, const struct entry *keep, nanos now)
{
    while (table->count > STS_DOMAINS_MAX || table->bytes > STS_BYTES_MAX) {
        struct entry *worst = NULL;
        for (struct entry *entry = table->first; entry; entry = entry->next)
            if (entry != keep && (!worst || goes_first(entry, worst, now)))
                worst = entry;
        assert(worst);
        drop(table, worst);
    }
}

static struct entry *find_or_add(struct sts_table *table, sv domain, nanos now)
{
    struct entry *entry = find(table, domain);
    if (entry)
        return entry;
    entry = calloc(1, sizeof *entry);
    assert(entry && domain.n < sizeof entry->domain);
    sv_copy(entry->domain, sizeof entry->domain, domain);
    entry->hash = hash_sv_fold(domain);
    entry->asked_at = now;
    entry->next = table->first;
    table->first = entry;
    table->count++;
    make_room(table, entry, now);
    return entry;
}

bool sts_table_find(struct sts_table *table, sv domain, nanos now, struct mta_sts_policy *ret,
                    char ret_id[static MTA_STS_ID_MAX])
{
    struct entry *entry = find(table, domain);
    if (!entry || !holds(entry, now))
        return false;
    entry->asked_at = now;
    int read = mta_sts_policy_read(sv_make(entry->text, entry->text_bytes), ret, NULL);
    assert(read == 0 && "it was read before");
    sv_copy(ret_id, MTA_STS_ID_MAX, sv_of(entry->id));
    return true;
}

static void put_text(struct sts_table *table, struct entry *entry, sv text, nanos now)
{
    char *copy = malloc(text.n + 1);
    assert(copy);
    memcpy(copy, text.p, text.n);
    drop_text(table, entry);
    entry->text = copy;
    entry->text_bytes = text.n;
    table->bytes += text.n;
    make_room(table, entry, now);
    table->changed = true;
}

void sts_table_put(struct sts_table *table, sv domain, const char *id, const struct mta_sts_policy *policy,
                   nanos now)
{
    struct entry *entry = find_or_add(table, domain, now);
    sv_copy(entry->id, sizeof entry->id, sv_of(id));
    entry->failed_at = 0;
    entry->fetched_at = entry->asked_at = now;
    entry->expires_at = now + (nanos)policy->max_age_seconds * NANOS_PER_SECOND;
    put_text(table, entry, policy->text, now);
}

void sts_table_note_failure(struct sts_table *table, sv domain, const char *id, nanos now)
{
    struct entry *entry = find_or_add(table, domain, now);
    sv_copy(entry->failed_id, sizeof entry->failed_id, sv_of(id));
    entry->failed_at = now;
}

bool sts_table_is_failing(const struct sts_table *table, sv domain, const char *id, nanos now)
{
    const struct entry *entry = find(table, domain);
    return entry && entry->failed_at && strcmp(entry->failed_id, id) == 0 && now >= entry->failed_at &&
           now < entry->failed_at + STS_RETRY_SECONDS * NANOS_PER_SECOND;
}

static bool is_due(const struct entry *entry, nanos now)
{
    nanos life = entry->expires_at - entry->fetched_at, most = STS_REFRESH_SECONDS * NANOS_PER_SECOND;
    nanos at = entry->fetched_at + (life / 2 < most ? life / 2 : most);
    return holds(entry, now) && now >= at &&
           (!entry->failed_at || now >= entry->failed_at + STS_RETRY_SECONDS * NANOS_PER_SECOND);
}

bool sts_table_due(const struct sts_table *table, nanos now, char ret_domain[static STS_DOMAIN_MAX])
{
    for (const struct entry *entry = table->first; entry; entry = entry->next)
        if (is_due(entry, now)) {
            sv_copy(ret_domain, STS_DOMAIN_MAX, sv_of(entry->domain));
            return true;
        }
    return false;
}

bool sts_table_changed(const struct sts_table *table)
{
    return table->changed;
}

int sts_table_save(struct sts_table *table, int folder_fd, const char *name, struct err *err)
{
    struct buf bytes = BUF_INIT(FILE_BYTES_MAX);
    struct pack pack = PACK_INTO(&bytes);
    pack_u32(&pack, FORM);
    for (const struct entry *entry = table->first; entry; entry = entry->next) {
        if (!entry->text)
            continue;
        pack_sv(&pack, sv_of(entry->domain));
        pack_sv(&pack, sv_of(entry->id));
        pack_i64(&pack, entry->fetched_at);
        pack_i64(&pack, entry->expires_at);
        pack_sv(&pack, sv_make(entry->text, entry->text_bytes));
    }
    assert(pack.ok);
    int outcome = durable_write(folder_fd, name, buf_view(&bytes), 0600, err);
    buf_free(&bytes);
    if (outcome == 0)
        table->changed = false;
    return outcome;
}

/* What has expired meanwhile is passed over. */
static bool read_entry(struct sts_table *table, struct unpack *unpack, nanos now)
{
    sv domain = unpack_sv(unpack), id = unpack_sv(unpack);
    nanos fetched_at = unpack_i64(unpack), expires_at = unpack_i64(unpack);
    sv text = unpack_sv(unpack);
    struct mta_sts_policy policy;
    if (!unpack->ok || !domain.n || domain.n >= STS_DOMAIN_MAX || !id.n || id.n >= MTA_STS_ID_MAX ||
        mta_sts_policy_read(text, &policy, NULL) < 0)
        return false;
    if (expires_at <= now)
        return true;
    struct entry *entry = find_or_add(table, domain, now);
    sv_copy(entry->id, sizeof entry->id, id);
    entry->fetched_at = fetched_at;
    entry->expires_at = expires_at;
    put_text(table, entry, text, now);
    return true;
}

static bool read_file(struct sts_table *table, sv bytes, nanos now)
{
    struct unpack unpack = UNPACK_FROM(bytes);
    bool good = unpack_u32(&unpack) == FORM;
    while (good && unpack.rest.n)
        good = read_entry(table, &unpack, now);
    return good;
}

int sts_table_load(struct sts_table *table, const char *path, nanos now, struct err *err)
{
    struct buf bytes = BUF_INIT(FILE_BYTES_MAX);
    struct err found = {.class = ERR_NONE};
    int outcome = 0;
    if (file_read(path, &bytes, &found) < 0) {
        if (found.system != ENOENT) {
            *err = found;
            outcome = -1;
        }
    } else if (!read_file(table, buf_view(&bytes), now)) {
        outcome = err_set(err, ERR_DATA, "it is written anew as policies are fetched", "%s is damaged", path);
    }
    buf_free(&bytes);
    table->changed = outcome < 0;
    return outcome;
}
