#include "cmd/input_files.h"

#include "wire/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

int input_read_all(struct buf *out, struct err *err)
{
    for (;;) {
        size_t room = buf_room(out) < CHUNK ? buf_room(out) : CHUNK;
        if (room == 0)
            return err_set(err, ERR_LIMIT, NULL, "standard input has more than %zu bytes", out->max);
        ssize_t n = read(STDIN_FILENO, buf_reserve(out, room), room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_IO, NULL, "read standard input");
        if (n == 0)
            return 0;
        buf_added(out, (size_t)n);
    }
}

/* How far a record that spans lines has come. */
struct record {
    struct buf bytes;
    int depth; /* of JSON braces and brackets */
    bool in_string, escaped, is_json, is_xml;
};

static void follow_json(struct record *record, sv line)
{
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];
        if (record->escaped)
            record->escaped = false;
        else if (record->in_string && c == '\\')
            record->escaped = true;
        else if (c == '"')
            record->in_string = !record->in_string;
        else if (!record->in_string && (c == '{' || c == '['))
            record->depth++;
        else if (!record->in_string && (c == '}' || c == ']'))
            record->depth--;
    }
}

/* Adds a line; true when the record is whole. */
static bool add_line(struct record *record, sv line)
{
    if (buf_view(&record->bytes).n == 0) {
        sv start = sv_trim(line);
        *record = (struct record){.bytes = record->bytes,
                                  .is_json = sv_starts(start, SV("{")),
                                  .is_xml = sv_starts(start, SV("<syslog>"))};
    } else
        buf_put_char(&record->bytes, '\n');
    buf_put(&record->bytes, sv_first(line, buf_room(&record->bytes)));
    if (record->is_json) {
        follow_json(record, line);
        /* No text goes on over a line's end: a record that breaks off in one must not take the next with it.
         */
        return record->depth <= 0 || record->in_string || buf_room(&record->bytes) == 0;
    }
    return !record->is_xml || sv_find(line, SV("</syslog>")) != SV_NPOS || buf_room(&record->bytes) == 0;
}

static sv without_line_end(const char *line, size_t n)
{
    sv view = sv_make(line, n);
    if (view.n && view.p[view.n - 1] == '\n')
        view.n--;
    if (view.n && view.p[view.n - 1] == '\r')
        view.n--;
    return view;
}

static int records_of(FILE *in, const char *path, input_record_fn *fn, void *arg, struct err *err)
{
    struct record record = {.bytes = BUF_INIT(EVENT_BYTES_MAX)};
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int outcome = 0;
    /* What nobody reads any more, or has no room, need not be worked out. */
    while (outcome == 0 && !ferror(stdout) && (n = getline(&line, &cap, in)) >= 0) {
        sv view = without_line_end(line, (size_t)n);
        bool empty = view.n == 0 && buf_view(&record.bytes).n == 0;
        if (empty || !add_line(&record, view))
            continue;
        outcome = fn(arg, path, buf_view(&record.bytes));
        buf_clear(&record.bytes);
    }
    if (outcome == 0 && buf_view(&record.bytes).n)
        outcome = fn(arg, path, buf_view(&record.bytes));
    free(line);
    buf_free(&record.bytes);
    return ferror(in) ? err_set(err, ERR_IO, NULL, "read %s", path) : outcome;
}

int input_records(char **files, int count, input_record_fn *fn, void *arg, struct err *err)
{
    if (count == 0)
        return records_of(stdin, "standard input", fn, arg, err);
    int outcome = 0;
    for (int i = 0; i < count && outcome == 0; i++) {
        if (strcmp(files[i], "-") == 0) {
            outcome = records_of(stdin, "standard input", fn, arg, err);
            continue;
        }
        FILE *in = fopen(files[i], "re");
        if (!in) {
            err_set(err, ERR_IO, NULL, "open %s", files[i]);
            err->class = ERR_NO_INPUT;
            return -1;
        }
        outcome = records_of(in, files[i], fn, arg, err);
        fclose(in);
    }
    return outcome;
}
