#include "io/stream.h"

#include "io/stream_private.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

bool stream_flow(const struct stream *stream, struct stream_flow *ret)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    if (stream->fd < 0 || getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
        return false;
    *ret = (struct stream_flow){.unacknowledged = info.tcpi_unacked,
                                .retransmits = info.tcpi_retransmits,
                                .out_of_order = info.tcpi_rcv_ooopack,
                                .mss = info.tcpi_snd_mss};
    return true;
}

void stream_part(struct stream *stream)
{
    if (stream->fd >= 0 && !stream->tls && stream->state == STATE_OPEN)
        shutdown(stream->fd, SHUT_WR);
}
