/* The loop's inside, for sources of this room that hand it to a library that speaks libevent itself. */
#ifndef VEDETTE_IO_LOOP_PRIVATE_H
#define VEDETTE_IO_LOOP_PRIVATE_H

#include "io/loop.h"

struct event_base;

/* Borrowed from the loop. */
struct event_base *loop_base(struct loop *loop);

#endif
