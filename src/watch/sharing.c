#include "watch/sharing.h"

#include <sched.h>

enum watch_sharing watch_sharing(const struct config_input *input)
{
    enum config_scheme scheme;
    sv place;
    if (config_input_place(input, &scheme, &place, NULL) < 0)
        return WATCH_SOLE;
    switch (scheme) {
    case CONFIG_SCHEME_UDP:
        return WATCH_SPREAD;
    case CONFIG_SCHEME_TCP:
    case CONFIG_SCHEME_TLS:
    case CONFIG_SCHEME_UNIX_STREAM:
        return WATCH_ACCEPTED;
    case CONFIG_SCHEME_UNIX:
        break; /* a receiver bound twice is none, and readers of one socket would mix a sender's order */
    }
    return WATCH_SOLE;
}

static unsigned processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > WATCH_AUTO_MAX ? WATCH_AUTO_MAX : (unsigned)count;
}

unsigned watch_processes(const struct config *config)
{
    bool shared = false;
    for (size_t i = 0; i < config->input_count && !shared; i++)
        shared = watch_sharing(&config->inputs[i]) != WATCH_SOLE;
    if (!shared)
        return config->input_count > 0;
    return config->watch_processes ? (unsigned)config->watch_processes : processors();
}
