/* The steps of sandbox_enter, each in a source of its own. */
#ifndef VEDETTE_IO_SANDBOX_PRIVATE_H
#define VEDETTE_IO_SANDBOX_PRIVATE_H

#include "io/sandbox.h"

/* The sanitizers trace and map in ways that the sandbox is there to prevent. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif

int sandbox_landlock(const struct sandbox_paths *paths, struct err *err);
int sandbox_seccomp(enum sandbox_profile profile, struct err *err);

#endif
