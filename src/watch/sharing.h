/* How the inputs are divided among several watch processes. The first reads what has one reader; the others
 * are there for what several can read. */
#ifndef VEDETTE_WATCH_SHARING_H
#define VEDETTE_WATCH_SHARING_H

#include "config/config.h"

enum watch_sharing {
    WATCH_SOLE,     /* the first alone: files, the journal, standard input, unix datagrams */
    WATCH_ACCEPTED, /* all accept at one socket, and a connection stays with whoever accepted it */
    WATCH_SPREAD,   /* UDP: each has a socket, and the kernel gives all of one sender's port to one of them */
};

enum watch_sharing watch_sharing(const struct config_input *input);

/* How many of them this configuration wants: none without inputs, one if none of them can be shared, else
 * watch_processes, of which auto is one for each processor that we may use, WATCH_AUTO_MAX at most. */
enum { WATCH_AUTO_MAX = 8 };
unsigned watch_processes(const struct config *config);

#endif
