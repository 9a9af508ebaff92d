/* The raw ceiling of a watch: read a file in blocks, split it into lines, one memmem a line. Prints lines per
 * second and CPU seconds per million lines.
 *
 * usage: ceiling FILE NEEDLE */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static char block[BLOCK];
    int fd = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        fprintf(stderr, "usage: ceiling FILE NEEDLE\n");
        return 64;
    }
    size_t have = 0, needle = strlen(argv[2]);
    uint64_t lines = 0, hits = 0;
    double start = seconds();
    for (ssize_t n; (n = read(fd, block + have, BLOCK - have)) > 0;) {
        char *at = block, *end = block + have + n, *newline;
        while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
            lines++;
            hits += memmem(at, (size_t)(newline - at), argv[2], needle) != NULL;
            at = newline + 1;
        }
        have = (size_t)(end - at);
        memmove(block, at, have);
    }
    double took = seconds() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"lines\": %llu, \"hits\": %llu, \"per_second\": %.0f, \"cpu_per_million\": %.3f}\n",
           (unsigned long long)lines, (unsigned long long)hits, (double)lines / took,
           cpu * 1e6 / (double)lines);
    return 0;
}
