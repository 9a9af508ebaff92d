#include "watch/journal_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-journal.h>

struct journal_reader {
    sd_journal *handle;
};

static const char advice[] = "add the user of vedette's watch to the group systemd-journal";

static int refuse(int rc, const char *doing, struct err *err)
{
    errno = -rc;
    return err_set(err, ERR_SYSTEM, advice, "%s", doing);
}

static int seek(sd_journal *handle, const char *cursor)
{
    if (!cursor[0] || sd_journal_seek_cursor(handle, cursor) < 0) {
        int rc = sd_journal_seek_tail(handle);
        return rc < 0 ? rc : sd_journal_previous(handle);
    }
    int rc = sd_journal_next(handle);
    if (rc > 0 && sd_journal_test_cursor(handle, cursor) == 0)
        rc = sd_journal_previous(handle); /* the entry is gone: the one behind it has not been read */
    return rc;
}

int journal_reader_open(const char *cursor, size_t field_bytes_max, struct journal_reader **ret,
                        struct err *err)
{
    sd_journal *handle;
    int rc = sd_journal_open(&handle, SD_JOURNAL_LOCAL_ONLY);
    if (rc < 0)
        return refuse(rc, "open the journal", err);
    (void)sd_journal_set_data_threshold(handle, field_bytes_max);
    rc = seek(handle, cursor);
    if (rc < 0) {
        sd_journal_close(handle);
        return refuse(rc, "find the place in the journal", err);
    }
    struct journal_reader *journal = calloc(1, sizeof *journal);
    assert(journal);
    journal->handle = handle;
    *ret = journal;
    return 0;
}

void journal_reader_close(struct journal_reader *journal)
{
    if (!journal)
        return;
    sd_journal_close(journal->handle);
    free(journal);
}

bool journal_reader_exists(struct journal_reader *journal)
{
    return sd_journal_has_persistent_files(journal->handle) > 0 ||
           sd_journal_has_runtime_files(journal->handle) > 0;
}

int journal_reader_fd(struct journal_reader *journal)
{
    int fd = sd_journal_get_fd(journal->handle);
    return fd < 0 ? -1 : fd;
}

void journal_reader_wake(struct journal_reader *journal)
{
    (void)sd_journal_process(journal->handle);
}

int journal_reader_next(struct journal_reader *journal, struct err *err)
{
    int rc = sd_journal_next(journal->handle);
    if (rc < 0)
        return refuse(rc, "read the next entry", err);
    return rc > 0;
}

sv journal_reader_field(struct journal_reader *journal, const char *name)
{
    const void *data;
    size_t n, skip = strlen(name) + 1;
    if (sd_journal_get_data(journal->handle, name, &data, &n) < 0 || n < skip)
        return SV_NONE;
    return sv_make((const char *)data + skip, n - skip);
}

nanos journal_reader_time(struct journal_reader *journal)
{
    uint64_t usec;
    return sd_journal_get_realtime_usec(journal->handle, &usec) < 0 ? 0 : (nanos)usec * 1000;
}

bool journal_reader_cursor(struct journal_reader *journal, char *ret, size_t cap)
{
    char *cursor;
    if (sd_journal_get_cursor(journal->handle, &cursor) < 0)
        return false;
    bool fits = strlen(cursor) < cap;
    if (fits)
        sv_copy(ret, cap, sv_of(cursor));
    free(cursor);
    return fits;
}
