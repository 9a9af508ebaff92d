/* One record of the spool's log: a message, its state as it changes, or its end. Pure: bytes only. A record
 * proves by its checksum that it is whole and that it belongs to this life of its segment. */
#ifndef VEDETTE_STORE_SPOOL_RECORD_H
#define VEDETTE_STORE_SPOOL_RECORD_H

#include "base/sv.h"

enum {
    SPOOL_RECORD_ALIGN = 8,
    SPOOL_RECORD_HEADER = 48,
    SPOOL_RECORD_BYTES_MAX = 4 * 1024 * 1024, /* more is no record */
};

enum spool_record_type {
    SPOOL_RECORD_SEGMENT = 1, /* opens a segment file; serial is the segment's number */
    SPOOL_RECORD_MESSAGE,     /* content (unless it has a file of its own), meta, state */
    SPOOL_RECORD_STATE,       /* the message's state from here on */
    SPOOL_RECORD_DONE,        /* the message is no more */
};

struct spool_record {
    enum spool_record_type type;
    bool external;           /* the content is in a file of its own */
    uint64_t serial;         /* of the message */
    uint64_t content_length; /* external or not */
    size_t meta_length, state_length;
    sv content, meta, state; /* after reading: views into the bytes; content empty if external */
};

/* Bytes that the record takes, padding included. */
size_t spool_record_size(const struct spool_record *record);

/* Writes the header at `at` and zeroes the padding; content, meta and state stand behind the header already,
 * in this order, as the lengths say. */
void spool_record_finish(char *at, const struct spool_record *record);

/* Computes the checksum: the last thing before it is written, when its segment is known. */
void spool_record_sign(char *at, size_t size, uint64_t segment);

/* True if a whole record of that segment stands at the start of bytes; *ret_size is what it takes. */
bool spool_record_read(sv bytes, uint64_t segment, struct spool_record *ret, size_t *ret_size);

/* The first whole record at or after `from`, past whatever is torn or spoilt: its offset, or SV_NPOS. */
size_t spool_record_find(sv bytes, size_t from, uint64_t segment, struct spool_record *ret, size_t *ret_size);

#endif
