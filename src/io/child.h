/* Child processes: started by fork and exec, with one descriptor, watched on the loop until they end. */
#ifndef VEDETTE_IO_CHILD_H
#define VEDETTE_IO_CHILD_H

#include "base/err.h"
#include "io/loop.h"

#include <sys/types.h>

struct child;

/* The number under which a child finds the descriptor that it was given. */
enum { CHILD_FD = 3 };

/* The process has ended and is reaped; status as from waitpid(2). The callee may free the child. */
typedef void child_ended_fn(void *arg, struct child *child, int status);

/* Runs program (NULL: this very binary) with argv, never through a shell. fd ≥ 0 becomes the child's
 * CHILD_FD and our copy is closed, also on failure; of all others only 0, 1 and 2 are inherited. When exec
 * fails, so does this. */
int child_start(struct loop *loop, const char *program, const char *const argv[], int fd, child_ended_fn *fn,
                void *arg, struct child **ret, struct err *err);

/* The same for a program that is not ours: argv[0] is its path, input (≥ 0; now the callee's) becomes its
 * standard input, and it starts a process group of its own, which child_kill_group ends with all it started.
 */
int child_start_foreign(struct loop *loop, const char *const argv[], int input, child_ended_fn *fn, void *arg,
                        struct child **ret, struct err *err);
void child_kill_group(const struct child *child, int signal);

pid_t child_pid(const struct child *child);

/* Sends a signal to this process and no other; nothing happens once it has ended. */
void child_kill(const struct child *child, int signal);

/* Stops watching; neither kills nor reaps a process that still runs. NULL is fine. */
void child_free(struct child *child);

/* "exited with 1", "killed by signal 9 (Killed)". cap ≥ 64. Returns text. */
char *child_status_text(int status, char *text, size_t cap);

#endif
