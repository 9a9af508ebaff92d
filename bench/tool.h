/* What the benches' small programs share. They measure, so they end at the first thing that goes wrong. */
#ifndef VEDETTE_BENCH_TOOL_H
#define VEDETTE_BENCH_TOOL_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, the same in all processes of the machine. */
uint64_t tool_nanos(void);

/* Seconds of this process on a processor. */
double tool_cpu(void);

/* A connection to a port of this machine, without Nagle's algorithm. */
int tool_connect(int port);

void tool_send(int fd, const char *bytes, size_t n);

/* A whole number, or the end. */
int tool_number(const char *text);

#endif
