#include "watch/rule_replay.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire/pack.h"

enum {
    PIECE_BYTES_MAX = 256 * 1024 * 1024, /* written for one piece */
    ARENA_BYTES_MAX = 256 * 1024,
    PATH_BYTES_MAX = 4096,
};

/* Where a piece's projections lie; shared by the processes. */
struct piece {
    size_t job;
    uint64_t from, n;
};

/* What a job wrote. */
struct notes {
    FILE *file;
    sv bytes; /* mapped, when it is read */
};

struct rule_replay {
    const struct ruleset *ruleset;
    struct piece *pieces;
    size_t piece_count, job_count;
    struct arena *arena;
    nanos from, until; /* of the logs; 0: nobody has said */
    /* of one process */
    size_t job;
    uint64_t written;
    struct buf out, one;
    bool full;
    struct notes notes[];
};

/* How far a log has been gone over. */
struct place {
    size_t piece, end; /* the next piece, and the one past the log's last */
    sv rest;           /* of the piece that is being read */
    struct projection next;
    struct arena *arena;
    bool there;
};

/* A file that nobody else sees and that goes with its last user. */
static FILE *nameless_file(void)
{
    const char *folder = getenv("TMPDIR");
    char path[PATH_BYTES_MAX];
    int n = snprintf(path, sizeof path, "%s/vedette-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = n > 0 && (size_t)n < sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
    if (fd < 0)
        return NULL;
    unlink(path);
    FILE *file = fdopen(fd, "r+");
    if (!file)
        close(fd);
    return file;
}

int rule_replay_new(struct rule_replay **ret, const struct ruleset *ruleset, size_t jobs, size_t pieces,
                    struct err *err)
{
    struct rule_replay *replay = calloc(1, sizeof *replay + jobs * sizeof *replay->notes);
    assert(replay);
    *replay = (struct rule_replay){.ruleset = ruleset,
                                   .piece_count = pieces,
                                   .arena = arena_new(ARENA_BYTES_MAX),
                                   .out = BUF_INIT(PIECE_BYTES_MAX),
                                   .one = BUF_INIT(PROJECTION_BYTES_MAX)};
    replay->pieces = mmap(NULL, (pieces + 1) * sizeof *replay->pieces, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool made = replay->pieces != MAP_FAILED;
    for (size_t i = 0; made && i < jobs && correlation_count(ruleset); i++, replay->job_count++)
        made = (replay->notes[i].file = nameless_file()) != NULL;
    if (made) {
        *ret = replay;
        return 0;
    }
    err_set(err, ERR_SYSTEM, "free some memory, or room in $TMPDIR", "make files for what correlations want");
    rule_replay_free(replay);
    return -1;
}

void rule_replay_free(struct rule_replay *replay)
{
    if (!replay)
        return;
    for (size_t i = 0; i < replay->job_count; i++) {
        if (replay->notes[i].bytes.n)
            munmap((void *)(uintptr_t)replay->notes[i].bytes.p, replay->notes[i].bytes.n);
        if (replay->notes[i].file)
            fclose(replay->notes[i].file);
    }
    if (replay->pieces != MAP_FAILED)
        munmap(replay->pieces, (replay->piece_count + 1) * sizeof *replay->pieces);
    arena_free(replay->arena);
    buf_free(&replay->out);
    buf_free(&replay->one);
    free(replay);
}

/* --- Writing --- */

void rule_replay_begin(struct rule_replay *replay, size_t job)
{
    replay->job = job;
    replay->written = 0;
}

void rule_replay_match(struct rule_replay *replay, size_t rule, const struct event *event)
{
    if (!correlation_wants(replay->ruleset, rule))
        return;
    const struct finding finding = {.event_time = event->time,
                                    .rule_id = ruleset_rule(replay->ruleset, rule)->id,
                                    .fields = event->fields,
                                    .field_count = event->field_count};
    struct projection projection;
    struct pack inner = PACK_INTO(&replay->one), outer = PACK_INTO(&replay->out);
    arena_reset(replay->arena);
    correlation_project_asked(replay->ruleset, rule, &finding, replay->arena, &projection);
    projection_pack(&inner, &projection, false);
    pack_sv(&outer, buf_view(&replay->one));
    replay->full |= !inner.ok || !outer.ok;
    buf_clear(&replay->one);
}

int rule_replay_end(struct rule_replay *replay, size_t piece, struct err *err)
{
    sv bytes = buf_view(&replay->out);
    assert(piece < replay->piece_count);
    replay->pieces[piece] = (struct piece){replay->job, replay->written, bytes.n};
    for (uint64_t done = 0; done < bytes.n && !replay->full;) {
        ssize_t n = pwrite(fileno(replay->notes[replay->job].file), bytes.p + done, bytes.n - done,
                           (off_t)(replay->written + done));
        if (n < 0 && errno != EINTR)
            return err_set(err, ERR_SYSTEM, "make room in $TMPDIR, or name another",
                           "write down what correlations want");
        done += n > 0 ? (uint64_t)n : 0;
    }
    if (replay->full)
        return err_set(err, ERR_SYSTEM, "leave out the rules that match nearly everything",
                       "write down what correlations want: it is too much");
    replay->written += bytes.n;
    buf_clear(&replay->out);
    return 0;
}

/* --- Reading --- */

static int map_notes(struct rule_replay *replay, struct err *err)
{
    for (size_t i = 0; i < replay->job_count; i++) {
        struct notes *notes = &replay->notes[i];
        off_t n = lseek(fileno(notes->file), 0, SEEK_END);
        void *bytes = n > 0 ? mmap(NULL, (size_t)n, PROT_READ, MAP_PRIVATE, fileno(notes->file), 0) : NULL;
        if (n < 0 || bytes == MAP_FAILED)
            return err_set(err, ERR_SYSTEM, "free some memory", "read back what correlations want");
        notes->bytes = sv_make(bytes, (size_t)n);
    }
    return 0;
}

/* Reads the log's next event. False if what was written is not what stands there. */
static bool read_next(const struct rule_replay *replay, struct place *place)
{
    place->there = false;
    while (place->rest.n == 0 && place->piece < place->end) {
        const struct piece *piece = &replay->pieces[place->piece++];
        place->rest = sv_first(sv_from(replay->notes[piece->job].bytes, piece->from), piece->n);
    }
    if (place->rest.n == 0)
        return true;
    struct unpack outer = UNPACK_FROM(place->rest), inner = UNPACK_FROM(unpack_sv(&outer));
    arena_reset(place->arena);
    place->there = outer.ok && projection_unpack(&inner, NULL, &place->next, place->arena);
    place->rest = outer.rest;
    return place->there;
}

static struct place *earliest(struct place *places, size_t count)
{
    struct place *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (places[i].there && (!found || places[i].next.seen.event_time < found->next.seen.event_time))
            found = &places[i];
    return found;
}

static bool correlate(struct rule_replay *replay, struct place *places, size_t count,
                      struct correlator *correlator)
{
    bool sound = true, first = replay->from == 0;
    nanos now = replay->from;
    if (!first)
        correlator_start(correlator, now);
    for (size_t i = 0; i < count && sound; i++)
        sound = read_next(replay, &places[i]);
    for (struct place *place; sound && (place = earliest(places, count)) != NULL;) {
        struct finding *seen = &place->next.seen;
        now = seen->event_time > now ? seen->event_time : now;
        seen->received_at = seen->matched_at = now;
        if (first)
            correlator_start(correlator, now);
        first = false;
        correlator_feed(correlator, &place->next);
        sound = read_next(replay, place);
    }
    correlator_advance(correlator, replay->until);
    correlator_flush(correlator);
    return sound;
}

void rule_replay_span(struct rule_replay *replay, nanos from, nanos until)
{
    replay->from = from;
    replay->until = until;
}

int rule_replay_run(struct rule_replay *replay, const size_t *pieces, size_t logs, correlator_fn *fn,
                    void *arg, struct err *err)
{
    if (correlation_count(replay->ruleset) == 0)
        return 0;
    if (map_notes(replay, err) < 0)
        return -1;
    struct place *places = calloc(logs + 1, sizeof *places);
    struct correlator *correlator = correlator_new(replay->ruleset, &correlator_limits_usual, fn, arg);
    assert(places);
    for (size_t i = 0, piece = 0; i < logs; piece += pieces[i++])
        places[i] =
            (struct place){.piece = piece, .end = piece + pieces[i], .arena = arena_new(ARENA_BYTES_MAX)};
    bool sound = correlate(replay, places, logs, correlator);
    for (size_t i = 0; i < logs; i++)
        arena_free(places[i].arena);
    correlator_free(correlator);
    free(places);
    return sound ? 0 : err_set(err, ERR_SYSTEM, "try again", "read back what correlations want");
}
