/* Cuts a stream of bytes into syslog records (RFC 6587 and RFC 5425, or plain lines). Pure, no copy, no
 * allocation. */
#ifndef VEDETTE_WIRE_SYSLOG_FRAME_H
#define VEDETTE_WIRE_SYSLOG_FRAME_H

#include "base/sv.h"

enum {
    /* A record that claims to be longer than this ends the connection. */
    SYSLOG_FRAME_COUNT_MAX = 16 * 1024 * 1024,
    /* Digits and space in front of an octet-counted record. */
    SYSLOG_FRAME_PREFIX_BYTES_MAX = 9,
};

enum syslog_framing {
    SYSLOG_FRAMING_ANY,   /* a stream: octet counting or lines, told apart at the front of each frame */
    SYSLOG_FRAMING_LINES, /* a file or standard input: lines only, whatever they begin with */
};

/* One per stream; syslog_framer_init starts it. Only `cut` is for reading. */
struct syslog_framer {
    uint64_t cut; /* records that were longer than the maximum, so far */
    enum syslog_framing framing;
    size_t record_bytes_max;
    bool counting;  /* a counted frame was seen: this peer counts */
    bool skip_line; /* the rest of a line that was cut is still to come */
    size_t skip;    /* so many bytes of a counted frame that was cut are still to come */
    size_t scanned; /* so many bytes at the front are known to hold no line end */
};

struct syslog_frame {
    sv record; /* borrows from the bytes given; never empty; without LF or NUL and a CR in front of it */
    bool cut;  /* it was longer than record_bytes_max, or the stream ended in it */
};

enum syslog_frame_event {
    SYSLOG_FRAME_NEED_DATA,
    SYSLOG_FRAME_RECORD,
    SYSLOG_FRAME_INVALID, /* a broken octet count: the frames are lost, close the stream */
};

void syslog_framer_init(struct syslog_framer *framer, enum syslog_framing framing, size_t record_bytes_max);

/* Looks at the front of in, the bytes that are not used up yet. In every case *ret_used bytes of it are done
 * with (also for NEED_DATA: what is being skipped); call again with the rest, or with more when data is
 * needed. A record longer than record_bytes_max is cut there and its rest is skipped; so in need never hold
 * more than record_bytes_max + SYSLOG_FRAME_PREFIX_BYTES_MAX bytes. A frame that begins with a digit 1 to 9
 * is counted; when its digits are followed by no space it is a line, unless this peer has counted before. */
enum syslog_frame_event syslog_frame_take(struct syslog_framer *framer, sv in, struct syslog_frame *ret_frame,
                                          size_t *ret_used);

/* At the end of the stream, once syslog_frame_take needs data: what is left of in as the last record, or
 * NEED_DATA if nothing is left. */
enum syslog_frame_event syslog_frame_finish(struct syslog_framer *framer, sv in,
                                            struct syslog_frame *ret_frame);

#endif
