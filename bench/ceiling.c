/* The raw ceiling of a watch on one thread: read a file in blocks, split it into lines, and look at each line
 * once, by one memmem or by one pass of Vectorscan. Prints lines per second and CPU seconds per million
 * lines.
 *
 * usage: ceiling FILE memmem NEEDLE       ceiling FILE vectorscan PATTERNS   (a file, one regular expression
 * a line) */
#include "tool.h"

#include <fcntl.h>
#include <hs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, PATTERNS_MAX = 10000 };

struct look {
    const char *needle;
    size_t needle_n;
    hs_database_t *database; /* NULL: memmem */
    hs_scratch_t *scratch;
    uint64_t lines, hits;
};

static void fail(const char *why)
{
    fprintf(stderr, "ceiling: %s\n", why);
    exit(1);
}

static void compile(struct look *look, const char *path)
{
    static char *patterns[PATTERNS_MAX];
    static unsigned flags[PATTERNS_MAX], ids[PATTERNS_MAX];
    FILE *file = fopen(path, "re");
    unsigned count = 0;
    size_t cap = 0;
    if (!file)
        fail("cannot read the patterns");
    for (; count < PATTERNS_MAX && getline(&patterns[count], &cap, file) > 0; count++, cap = 0) {
        patterns[count][strcspn(patterns[count], "\n")] = '\0';
        flags[count] = HS_FLAG_SINGLEMATCH;
        ids[count] = count;
    }
    fclose(file);
    hs_compile_error_t *error;
    if (hs_compile_multi((const char *const *)patterns, flags, ids, count, HS_MODE_BLOCK, NULL,
                         &look->database, &error) != HS_SUCCESS)
        fail(error->message);
    if (hs_alloc_scratch(look->database, &look->scratch) != HS_SUCCESS)
        fail("no scratch memory");
    for (unsigned i = 0; i < count; i++)
        free(patterns[i]);
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)id, (void)from, (void)to, (void)flags;
    struct look *look = arg;
    look->hits++;
    return 0;
}

static void look_at(struct look *look, const char *line, size_t n)
{
    look->lines++;
    if (!look->database)
        look->hits += memmem(line, n, look->needle, look->needle_n) != NULL;
    else if (hs_scan(look->database, line, (unsigned)n, 0, look->scratch, on_match, look) != HS_SUCCESS)
        fail("the scan failed");
}

static void read_all(struct look *look, int fd)
{
    static char block[BLOCK];
    size_t have = 0;
    for (ssize_t n; (n = read(fd, block + have, BLOCK - have)) > 0;) {
        char *at = block, *end = block + have + n, *newline;
        while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
            look_at(look, at, (size_t)(newline - at));
            at = newline + 1;
        }
        have = (size_t)(end - at);
        memmove(block, at, have);
    }
}

int main(int argc, char **argv)
{
    int fd = argc == 4 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        fprintf(stderr, "usage: ceiling FILE memmem NEEDLE | ceiling FILE vectorscan PATTERNS\n");
        return 64;
    }
    struct look look = {.needle = argv[3], .needle_n = strlen(argv[3])};
    if (strcmp(argv[2], "vectorscan") == 0)
        compile(&look, argv[3]);
    double cpu = tool_cpu();
    uint64_t start = tool_nanos();
    read_all(&look, fd);
    double took = (double)(tool_nanos() - start) / 1e9;
    cpu = tool_cpu() - cpu;
    printf("{\"lines\": %llu, \"hits\": %llu, \"per_second\": %.0f, \"cpu_per_million\": %.3f}\n",
           (unsigned long long)look.lines, (unsigned long long)look.hits, (double)look.lines / took,
           cpu * 1e6 / (double)look.lines);
    hs_free_scratch(look.scratch);
    hs_free_database(look.database);
    close(fd);
    return 0;
}
