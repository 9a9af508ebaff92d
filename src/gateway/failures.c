#include "gateway/failures.h"

#include "base/buf.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* auth (4) and warning (4): 4 * 8 + 4. */
#define PRIORITY "<36>"

struct failures {
    char *path, *hostname;
    int fd; /* −1: not connected */
    bool lost;
};

struct failures *failures_new(const char *path, const char *hostname)
{
    struct failures *failures = calloc(1, sizeof *failures);
    assert(failures);
    failures->path = strdup(path);
    failures->hostname = strdup(hostname);
    assert(failures->path && failures->hostname);
    failures->fd = -1;
    return failures;
}

void failures_free(struct failures *failures)
{
    if (!failures)
        return;
    if (failures->fd >= 0)
        close(failures->fd);
    free(failures->path);
    free(failures->hostname);
    free(failures);
}

/* PARAM-VALUE of RFC 5424 §6.3.3. */
static int put_value(struct buf *out, const char *name, sv value)
{
    int failed = buf_printf(out, " %s=\"", name);
    value = sv_first(value, 255);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '"' || c == '\\' || c == ']')
            failed |= buf_put_char(out, '\\');
        failed |= buf_put_char(out, (unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
    }
    return failed | buf_put_char(out, '"');
}

size_t failures_format(const char *hostname, const struct failure *failure,
                       char text[static FAILURES_LINE_MAX])
{
    char when[40];
    struct buf out = BUF_INIT(FAILURES_LINE_MAX - 1);
    int failed = buf_printf(&out, PRIORITY "1 %s %.255s vedette-gateway %d LOGINREFUSED [login@32473",
                            time_rfc3339(failure->now, when, sizeof when), hostname, (int)getpid());
    failed |= put_value(&out, "client", failure->client_ip) | put_value(&out, "account", failure->account) |
              put_value(&out, "mechanism", failure->mechanism) | put_value(&out, "why", failure->why);
    failed |= buf_put(&out, SV("] SMTP login refused"));
    assert(!failed); /* the bounds add up */
    size_t n = sv_copy(text, FAILURES_LINE_MAX, buf_view(&out));
    buf_free(&out);
    return n;
}

static bool open_socket(struct failures *failures)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (failures->fd >= 0)
        return true;
    sv_copy(where.sun_path, sizeof where.sun_path, sv_of(failures->path));
    failures->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (failures->fd >= 0 && connect(failures->fd, (struct sockaddr *)&where, sizeof where) == 0)
        return true;
    if (failures->fd >= 0)
        close(failures->fd);
    failures->fd = -1;
    return false;
}

void failures_tell(struct failures *failures, const struct failure *failure)
{
    char text[FAILURES_LINE_MAX];
    if (!failures)
        return;
    size_t n = failures_format(failures->hostname, failure, text);
    for (int i = 0; i < 2; i++) { /* once more if the receiver was started anew */
        if (open_socket(failures) && send(failures->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n) {
            failures->lost = false;
            return;
        }
        if (failures->fd >= 0)
            close(failures->fd);
        failures->fd = -1;
    }
    if (!failures->lost)
        LOG_WARNING("refused logins reach no receiver", LOG_STR("failures_to", failures->path));
    failures->lost = true;
}
