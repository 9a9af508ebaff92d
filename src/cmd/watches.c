#include "cmd/watches.h"

#include "base/metrics.h"
#include "cmd/control_client.h"
#include "cmd/process_name.h"

#include <stdio.h>

#define ANSWER_MAX (10 * NANOS_PER_SECOND)

size_t watches_ask(const struct config *config, sv what, watches_fn *fn, void *arg, struct err *err)
{
    size_t answered = 0;
    struct err later;
    for (unsigned i = 0; i < CONFIG_PROCESSES_MAX; i++) {
        char name[PROCESS_NAME_MAX], socket[PROCESS_NAME_MAX + 16];
        struct control_client *client;
        struct buf text = BUF_INIT(METRICS_BYTES_MAX);
        struct err *told = i ? &later : err;
        snprintf(socket, sizeof socket, "metrics-%s", process_name("watch", i, name));
        bool connected = control_connect_to(config, socket, &client, told) == 0;
        if (i && !connected) /* the first is there whenever the daemon is */
            break;
        bool answers = connected && control_metrics(client, what, ANSWER_MAX, &text, told) == 0;
        fn(arg, name, answers ? buf_view(&text) : SV_NONE);
        answered += answers;
        buf_free(&text);
        if (connected)
            control_close(client);
    }
    return answered;
}
