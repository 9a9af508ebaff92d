/* What a process gives up before it reads a byte from outside: its user, its capabilities, system calls and
 * the file system. Each step only narrows; none can be undone. */
#ifndef VEDETTE_IO_SANDBOX_H
#define VEDETTE_IO_SANDBOX_H

#include "base/err.h"

/* Who enters. keeper and watch may open no sockets; courier and gateway may, to dial, and so may a keeper
 * that has to ask a provider of tokens, or PAM: to that one it looks as if the kernel had no audit, since PAM
 * refuses everybody where it is told that it may not. */
enum sandbox_profile {
    SANDBOX_KEEPER,
    SANDBOX_WATCH,
    SANDBOX_COURIER,
    SANDBOX_GATEWAY,
    SANDBOX_KEEPER_DIALLING
};

/* Files and directories (with all below them); lists end with NULL and may be NULL. Paths that do not exist
 * are passed over. */
struct sandbox_paths {
    const char *const *read;
    const char *const *write; /* read, change, make and remove */
};

/* Becomes user for good: its groups, and those of extra_groups (ends with NULL, may be NULL) that exist.
 * Needs root; does nothing when we are that user already. Checks that there is no way back. */
int sandbox_drop_user(const char *user, const char *const *extra_groups, struct err *err);

/* True if user, with its groups, may use path so (access(2)'s mode). Asks by way of a short-lived process
 * that becomes the user, so that access lists count too. Needs root; false for a user who does not exist. */
bool sandbox_user_may(const char *user, const char *path, int mode);

/* No new privileges, no core dumps or tracing, capabilities dropped (root keeps what the profile needs to
 * reach its files), Landlock for paths (NULL: not restricted; also not where the kernel has none), then
 * seccomp: a call that the profile has no use for fails with EPERM; execve, ptrace and their like end the
 * process. Call it before the first thread and with everything open that needs more. ASan and
 * TSan builds leave out seccomp and keep core dumps. */
int sandbox_enter(enum sandbox_profile profile, const struct sandbox_paths *paths, struct err *err);

/* True if the kernel has Landlock and it is switched on. */
bool sandbox_landlock_available(void);

#endif
