#include "io/ping.h"

#include <assert.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SMALL_BYTES = 64, /* ICMP header and payload, as ping(8) sends */
    ICMP_BYTES_MAX = 65536,
    V4_HEADER_BYTES = 20,
    V6_HEADER_BYTES = 40,
    NOISE_MAX = 64, /* other echoes' answers read before the loop gets its turn */
};

struct echo {
    struct ping *ping;
    int fd;
    bool raw, done;
    uint16_t id, sequence;
    struct loop_fd *watch;
    nanos began;
    struct ping_outcome *outcome;
};

struct ping {
    struct loop *loop;
    struct address to;
    bool v6;
    struct echo small, big;
    struct ping_report report;
    struct loop_timer *patience;
    ping_fn *fn;
    void *arg;
};

/* The header that ICMP and ICMPv6 echoes share (RFC 792, RFC 4443 §4.1). */
struct echo_header {
    uint8_t type, code;
    uint16_t checksum, id, sequence;
};

static void ping_free(struct ping *ping)
{
    struct echo *echoes[] = {&ping->small, &ping->big};
    for (size_t i = 0; i < 2; i++) {
        loop_fd_free(echoes[i]->watch);
        if (echoes[i]->fd >= 0)
            close(echoes[i]->fd);
    }
    loop_timer_free(ping->patience);
    free(ping);
}

static void on_patience(void *arg)
{
    struct ping *ping = arg;
    struct ping_report report = ping->report;
    ping_fn *fn = ping->fn;
    void *fn_arg = ping->arg;
    ping_free(ping);
    fn(fn_arg, &report);
}

static void echo_end(struct echo *echo, struct ping_outcome outcome)
{
    struct ping *ping = echo->ping;
    *echo->outcome = outcome;
    echo->done = true;
    loop_fd_free(echo->watch);
    echo->watch = NULL;
    if (ping->small.done && ping->big.done)
        loop_timer_set(ping->patience, 0);
}

static uint16_t checksum(const uint8_t *bytes, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    if (n % 2)
        sum += (uint32_t)bytes[n - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static bool is_answer(const struct echo *echo, const uint8_t *bytes, size_t n)
{
    struct echo_header header;
    size_t skip = echo->raw && !echo->ping->v6 && n ? (size_t)(bytes[0] & 0x0f) * 4 : 0;
    if (n < skip + sizeof header)
        return false;
    memcpy(&header, bytes + skip, sizeof header);
    uint8_t reply = echo->ping->v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
    return header.type == reply && header.sequence == htons(echo->sequence) &&
           (!echo->raw || header.id == echo->id);
}

/* Raw sockets hear what is said of everybody's packets to that address. */
static bool is_about(const struct echo *echo, const struct icmp_error *icmp)
{
    struct echo_header header;
    if (icmp->quoted_bytes < sizeof header)
        return !echo->raw;
    memcpy(&header, icmp->quoted, sizeof header);
    return header.sequence == htons(echo->sequence) && (!echo->raw || header.id == echo->id);
}

static void on_ready(void *arg, int fd, int ready)
{
    (void)ready;
    struct echo *echo = arg;
    uint8_t bytes[128]; /* the headers are enough */
    for (int i = 0; i < NOISE_MAX; i++) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        int system = errno;
        struct icmp_error icmp;
        if (n >= 0 && is_answer(echo, bytes, (size_t)n)) {
            echo_end(echo,
                     (struct ping_outcome){.state = PING_ANSWERED, .time = loop_monotonic() - echo->began});
            return;
        }
        bool took = n < 0 && icmp_take(fd, &icmp);
        if (took && is_about(echo, &icmp)) {
            echo_end(echo,
                     (struct ping_outcome){.state = PING_REJECTED, .icmp = icmp, .system = icmp.system});
            return;
        }
        if (n < 0 && !took && (system == EAGAIN || system == EINTR))
            return;
        if (n >= 0 || took)
            continue;
        echo_end(echo, (struct ping_outcome){.state = PING_FAILED, .system = system});
        return;
    }
}

static int open_socket(struct echo *echo)
{
    const struct sockaddr *to = (const struct sockaddr *)&echo->ping->to.storage;
    int protocol = echo->ping->v6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP;
    echo->fd = socket(to->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (echo->fd < 0) {
        echo->fd = socket(to->sa_family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
        echo->raw = true;
    }
    if (echo->fd < 0)
        return -1;
    icmp_watch(echo->fd, to->sa_family);
    /* Not cut on the way, and not refused here for what the kernel has learned of the way before. */
    if (echo->ping->v6)
        setsockopt(echo->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &(int){IPV6_PMTUDISC_PROBE}, sizeof(int));
    else
        setsockopt(echo->fd, IPPROTO_IP, IP_MTU_DISCOVER, &(int){IP_PMTUDISC_PROBE}, sizeof(int));
    return connect(echo->fd, to, echo->ping->to.length);
}

static int send_echo(struct echo *echo, size_t bytes)
{
    uint8_t *packet = calloc(1, bytes);
    assert(packet);
    struct echo_header header = {.type = echo->ping->v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
                                 .id = echo->id,
                                 .sequence = htons(echo->sequence)};
    memcpy(packet, &header, sizeof header);
    if (!echo->ping->v6) { /* of ICMPv6 the kernel makes it */
        header.checksum = checksum(packet, bytes);
        memcpy(packet, &header, sizeof header);
    }
    echo->began = loop_monotonic();
    ssize_t n = send(echo->fd, packet, bytes, 0);
    int system = errno;
    free(packet);
    errno = system;
    return n < 0 ? -1 : 0;
}

static void echo_begin(struct echo *echo, size_t bytes)
{
    if (open_socket(echo) < 0 || send_echo(echo, bytes) < 0) {
        int system = errno;
        bool forbidden = system == EPERM || system == EACCES;
        echo_end(echo, (struct ping_outcome){.state = forbidden ? PING_NOT_PERMITTED : PING_FAILED,
                                             .system = system});
        return;
    }
    echo->watch = loop_fd_new(echo->ping->loop, echo->fd, on_ready, echo);
    loop_fd_want(echo->watch, LOOP_READ);
}

struct ping *ping_start(struct loop *loop, const struct address *to, uint32_t packet_bytes, nanos timeout,
                        ping_fn *fn, void *arg)
{
    struct ping *ping = calloc(1, sizeof *ping);
    assert(ping);
    *ping =
        (struct ping){.loop = loop, .to = *to, .v6 = to->storage.ss_family == AF_INET6, .fn = fn, .arg = arg};
    struct sockaddr_in in; /* raw sockets take no port; it stands at the same place in both families */
    memcpy(&in, &ping->to.storage, sizeof in);
    in.sin_port = 0;
    memcpy(&ping->to.storage, &in, sizeof in);
    struct ping_outcome silent = {.state = PING_SILENT};
    ping->report = (struct ping_report){.small = silent, .big = silent};
    uint16_t id = (uint16_t)(loop_monotonic() / 1000 ^ getpid()); /* raw sockets hear each other */
    ping->small =
        (struct echo){.ping = ping, .fd = -1, .id = id, .sequence = 1, .outcome = &ping->report.small};
    ping->big = (struct echo){.ping = ping, .fd = -1, .id = id, .sequence = 2, .outcome = &ping->report.big};
    ping->patience = loop_timer_new(loop, on_patience, ping);
    loop_timer_set(ping->patience, timeout);
    size_t header = ping->v6 ? V6_HEADER_BYTES : V4_HEADER_BYTES;
    bool wants_big = packet_bytes > header + SMALL_BYTES && packet_bytes <= ICMP_BYTES_MAX;
    if (!wants_big)
        ping->big.done = true;
    echo_begin(&ping->small, SMALL_BYTES);
    if (wants_big)
        echo_begin(&ping->big, packet_bytes - header);
    return ping;
}

void ping_cancel(struct ping *ping)
{
    if (ping)
        ping_free(ping);
}
