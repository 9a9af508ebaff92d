/* The watch's engine alone, in one thread: reads a file in blocks, cuts it into lines, and either only looks
 * for the literals of the rules (the raw ceiling), or judges, decodes and matches as the watch does, or also
 * masks what matched and packs it into batches (all of the watch but its sockets), or tries every rule on
 * every event (slowly: what the others are checked by). Prints JSON: what it cost, and how often rules
 * matched; of batches, their bytes.
 *
 * usage: engine ceiling|watch|sieve|all FILE RULES… */
#include "tool.h"

#include <fcntl.h>
#include <hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watch/mask.h"
#include "watch/prefilter_priv.h"
#include "watch/ruleset_priv.h"
#include "watch/sieve.h"
#include "wire/decode.h"

enum { ARENA_BYTES_MAX = 4 * 1024 * 1024 };

#define ARRIVAL ((nanos)1795507200 * NANOS_PER_SECOND)

struct engine {
    const char *how;
    struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
    hs_scratch_t *scratch;
    struct arena *arena;
    struct sieve *sieve;
    struct outbox *outbox;
    struct input input;
    struct watch_counts counts;
    uint64_t lines, bytes, hits, decoded, matches, probes, batch_bytes;
};

static void fail(const char *why)
{
    fprintf(stderr, "engine: %s\n", why);
    exit(1);
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)id, (void)from, (void)to, (void)flags;
    struct engine *engine = arg;
    engine->hits++;
    return 0;
}

static void match(struct engine *engine, sv record, size_t screened)
{
    struct event event;
    size_t count;
    arena_reset(engine->arena);
    decode(&event, record, DECODE_AUTO, ARRIVAL, 0, engine->arena);
    engine->decoded++;
    if (screened == SIZE_MAX)
        ruleset_match(engine->matcher, &event, &count);
    else
        ruleset_match_screened(engine->matcher, screened, &event, &count);
    engine->matches += count;
    engine->probes += count && sv_find(record, SV("probe-")) != SV_NPOS;
}

/* A turn of the watch whose batch is on disk at once. */
static void sift(struct engine *engine, sv bytes, const sv *records, size_t count)
{
    static struct input_block block;
    block.bytes = bytes;
    block.count = count;
    memcpy(block.records, records, count * sizeof *records);
    sieve_block(engine->sieve, &engine->input, &block);
    engine->batch_bytes += sieve_bytes(engine->sieve);
    if (sieve_flush(engine->sieve, &engine->input))
        outbox_committed(engine->outbox, sieve_serial(engine->sieve));
}

static void take(struct engine *engine, sv block, const sv *records, size_t count)
{
    static struct ruleset_screened screened;
    engine->lines += count;
    if (engine->how[0] == 'c') {
        const struct prefilter *prefilter = engine->ruleset->prefilter;
        if (hs_scan(prefilter->families[PREFILTER_ALL].database, block.p, (unsigned)block.n, 0,
                    engine->scratch, on_hit, engine) != HS_SUCCESS)
            fail("the scan failed");
        return;
    }
    if (engine->how[0] == 's') {
        sift(engine, block, records, count);
        return;
    }
    bool all = engine->how[0] == 'a';
    if (!all)
        ruleset_screen(
            engine->matcher,
            &(struct ruleset_block){.bytes = block, .records = records, .count = count, .arrival = ARRIVAL},
            &screened);
    for (size_t i = 0; i < count; i++) {
        size_t record = all ? i : screened.order[i];
        if (all || screened.worth[record])
            match(engine, records[record], all ? SIZE_MAX : record);
    }
}

static void read_all(struct engine *engine, int fd)
{
    static char bytes[INPUT_BLOCK_BYTES];
    static sv records[RULESET_SCREENED_MAX];
    size_t have = 0;
    for (ssize_t n; (n = read(fd, bytes + have, INPUT_BLOCK_BYTES - have)) > 0;) {
        const char *at = bytes, *start = bytes, *end = bytes + have + n, *newline;
        size_t count = 0;
        engine->bytes += (uint64_t)n;
        while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
            records[count++] = sv_make(at, (size_t)(newline - at));
            at = newline + 1;
            if (count < RULESET_SCREENED_MAX)
                continue;
            take(engine, sv_make(start, (size_t)(at - start)), records, count);
            start = at;
            count = 0;
        }
        if (count)
            take(engine, sv_make(start, (size_t)(at - start)), records, count);
        have = (size_t)(end - at);
        memmove(bytes, at, have);
    }
}

static double load(struct engine *engine, char **paths, int count)
{
    struct err err = {0};
    uint64_t start = tool_nanos();
    engine->ruleset = ruleset_new();
    if (engine->how[0] == 's') {
        ruleset_hide(engine->ruleset, masks_new());
        masks_seal(ruleset_masks(engine->ruleset), NULL);
    }
    for (int i = 0; i < count; i++)
        if (ruleset_load(engine->ruleset, paths[i], NULL, NULL, &err) < 0)
            fail(err.cause);
    ruleset_seal(engine->ruleset, NULL, NULL);
    return (double)(tool_nanos() - start) / 1e9;
}

static void make_sieve(struct engine *engine)
{
    static const struct config_input config = {.label = "bench"};
    engine->input.config = &config;
    engine->outbox = outbox_new();
    engine->sieve = sieve_new(engine->outbox, &engine->counts);
    sieve_rules(engine->sieve, engine->ruleset);
}

static void print(const struct engine *engine, double loaded_s, double cpu)
{
    const struct prefilter *prefilter = engine->ruleset->prefilter;
    size_t database = 0, literals = prefilter_literals(prefilter, &database);
    printf("{\"rules\": %zu, \"literals\": %zu, \"database\": %zu, \"load_s\": %.3f, \"lines\": %llu, "
           "\"bytes\": %llu, \"cpu_s\": %.3f, \"per_cpu_s\": %.0f, \"hits\": %llu, \"decoded\": %llu, "
           "\"matches\": %llu, \"probes\": %llu, \"batch_bytes\": %llu}\n",
           ruleset_count(engine->ruleset), literals, database, loaded_s, (unsigned long long)engine->lines,
           (unsigned long long)engine->bytes, cpu, (double)engine->lines / cpu,
           (unsigned long long)engine->hits, (unsigned long long)(engine->decoded + engine->counts.decoded),
           (unsigned long long)(engine->matches + engine->counts.findings),
           (unsigned long long)engine->probes, (unsigned long long)engine->batch_bytes);
}

int main(int argc, char **argv)
{
    int fd = argc >= 4 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        fprintf(stderr, "usage: engine ceiling|watch|sieve|all FILE RULES…\n");
        return 64;
    }
    struct engine engine = {.how = argv[1], .arena = arena_new(ARENA_BYTES_MAX)};
    double loaded_s = load(&engine, argv + 3, argc - 3);
    engine.matcher = ruleset_matcher_new(engine.ruleset);
    if (engine.how[0] == 'a')
        ruleset_matcher_try_all(engine.matcher);
    make_sieve(&engine);
    const struct prefilter *prefilter = engine.ruleset->prefilter;
    if (!prefilter ||
        hs_alloc_scratch(prefilter->families[PREFILTER_ALL].database, &engine.scratch) != HS_SUCCESS)
        fail("there is no prefilter");
    double cpu = tool_cpu();
    read_all(&engine, fd);
    cpu = tool_cpu() - cpu;
    print(&engine, loaded_s, cpu);
    hs_free_scratch(engine.scratch);
    sieve_free(engine.sieve);
    outbox_free(engine.outbox);
    ruleset_matcher_free(engine.matcher);
    ruleset_free(engine.ruleset);
    arena_free(engine.arena);
    close(fd);
    return 0;
}
