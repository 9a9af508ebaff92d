/* Loads rules as the watch does at its start, twice: with nothing kept from before, then with what the first
 * time compiled. Prints JSON: the processor time of both, what lies in the folder between them, and how
 * many databases were equal to another.
 *
 * usage: load FOLDER RULES… */
#include "tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "watch/database_cache.h"
#include "watch/ruleset.h"

struct kept {
    int folder;
    size_t bytes;
};

static void fail(const char *why)
{
    fprintf(stderr, "load: %s\n", why);
    exit(1);
}

static void keep(void *arg, const char *name, sv content)
{
    struct kept *kept = arg;
    int fd = openat(kept->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, content.p, content.n) != (ssize_t)content.n || close(fd) < 0)
        fail("a database cannot be kept");
    kept->bytes += content.n;
}

/* Returns how many rules there are. */
static size_t load(struct database_cache *cache, char **paths, int count)
{
    struct err err = {0};
    struct ruleset *ruleset = ruleset_new();
    ruleset_cache(ruleset, cache);
    for (int i = 0; i < count; i++)
        if (ruleset_load(ruleset, paths[i], NULL, NULL, &err) < 0)
            fail(err.cause);
    ruleset_seal(ruleset, NULL, NULL);
    size_t rules = ruleset_count(ruleset);
    ruleset_free(ruleset);
    return rules;
}

int main(int argc, char **argv)
{
    struct kept kept = {.folder = argc > 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1};
    if (kept.folder < 0) {
        fprintf(stderr, "usage: load FOLDER RULES…\n");
        return 64;
    }
    struct database_cache cold = {.folder = kept.folder, .keep = keep, .arg = &kept},
                          cached = {.folder = kept.folder};
    double start = tool_cpu();
    size_t rules = load(&cold, argv + 2, argc - 2);
    double between = tool_cpu();
    load(&cached, argv + 2, argc - 2);
    double end = tool_cpu();
    printf("{\"rules\": %zu, \"compiled\": %u, \"twins\": %u, \"found\": %u, \"kept_bytes\": %zu, "
           "\"cold_cpu_s\": %.3f, "
           "\"cached_cpu_s\": %.3f}\n",
           rules, cold.compiled, cold.found, cached.found, kept.bytes, between - start, end - between);
    close(kept.folder);
    return 0;
}
