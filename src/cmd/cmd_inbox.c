/* `vedette inbox`: what landed in our own gateway's Maildir. */
#include "cmd/command.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "wire/mime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INBOX_MAX = 100000 };

struct entry {
    nanos landed_at;
    const char *path;
};

struct inbox {
    struct entry *entries;
    size_t count;
};

static int add_folder(struct inbox *inbox, const char *maildir, const char *folder, struct arena *arena,
                      struct err *err)
{
    const char *path = arena_printf(arena, "%s/%s", maildir, folder).p;
    DIR *dir = path ? opendir(path) : NULL;
    struct dirent *file;
    if (!dir && errno != ENOENT) {
        int system = errno;
        err_set(err, ERR_IO, "read it as root, or join the group vedette", "open %s", path);
        err->class = system == EACCES ? ERR_PERMISSION : ERR_IO;
        return -1;
    }
    while (dir && (file = readdir(dir)) && inbox->count < INBOX_MAX) {
        struct stat info;
        if (file->d_name[0] == '.' || fstatat(dirfd(dir), file->d_name, &info, 0) < 0)
            continue;
        inbox->entries[inbox->count].landed_at =
            info.st_mtim.tv_sec * NANOS_PER_SECOND + info.st_mtim.tv_nsec;
        inbox->entries[inbox->count++].path = arena_printf(arena, "%s/%s", path, file->d_name).p;
    }
    if (dir)
        closedir(dir);
    return 0;
}

static int by_time(const void *a, const void *b)
{
    nanos x = ((const struct entry *)a)->landed_at, y = ((const struct entry *)b)->landed_at;
    return (x > y) - (x < y);
}

static GMimeMessage *open_message(const char *path)
{
    GMimeStream *stream = g_mime_stream_fs_open(path, O_RDONLY | O_CLOEXEC, 0, NULL);
    if (!stream)
        return NULL;
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    return message;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static char *from_of(GMimeMessage *message)
{
    return internet_address_list_to_string(g_mime_message_get_from(message), NULL, FALSE);
}

static void print_row(size_t number, const struct entry *entry, bool json)
{
    char time[40];
    GMimeMessage *message = open_message(entry->path);
    if (!message)
        return;
    char *from = from_of(message);
    const char *subject = or_empty(g_mime_message_get_subject(message));
    time_rfc3339(entry->landed_at, time, sizeof time);
    if (json) {
        json_t *row = json_object();
        json_object_set_new(row, "number", json_integer((json_int_t)number));
        json_object_set_new(row, "landed_at", json_string(time));
        json_object_set_new(row, "from", report_text(sv_of(from)));
        json_object_set_new(row, "subject", report_text(sv_of(subject)));
        json_object_set_new(row, "message_id", report_text(sv_of(g_mime_message_get_message_id(message))));
        json_object_set_new(row, "file", report_text(sv_of(entry->path)));
        report_line_new(row);
    } else {
        printf("%5zu  %s  ", number, time);
        term_text(stdout, sv_of(subject));
        putchar('\n');
    }
    g_free(from);
    g_object_unref(message);
}

/* Writes a part's decoded text with line ends as they are; other control bytes are replaced. */
static void print_part(GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *memory = g_mime_stream_mem_new();
    if (content)
        g_mime_data_wrapper_write_to_stream(content, memory);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
    sv rest = sv_make(bytes->data, bytes->len);
    while (rest.p) {
        term_text(stdout, sv_trim(sv_split(&rest, '\n')));
        putchar('\n');
    }
    g_object_unref(memory);
}

static void print_if_plain(GMimeObject *parent, GMimeObject *part, gpointer user_data)
{
    bool *printed = user_data;
    (void)parent;
    if (*printed || !GMIME_IS_PART(part) ||
        !g_mime_content_type_is_type(g_mime_object_get_content_type(part), "text", "plain"))
        return;
    *printed = true;
    print_part(GMIME_PART(part));
}

static int show(const struct entry *entry)
{
    GMimeMessage *message = open_message(entry->path);
    if (!message)
        return 66;
    char *from = from_of(message),
         *to = internet_address_list_to_string(g_mime_message_get_to(message), NULL, FALSE);
    const struct {
        const char *name, *value;
    } headers[] = {{"From", from},
                   {"To", to},
                   {"Subject", g_mime_message_get_subject(message)},
                   {"Message-ID", g_mime_message_get_message_id(message)}};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        term_print(stdout, TERM_DIM, "%s: ", headers[i].name);
        term_text(stdout, sv_of(headers[i].value));
        putchar('\n');
    }
    putchar('\n');
    bool printed = false;
    GMimeObject *body = g_mime_message_get_mime_part(message);
    if (body && GMIME_IS_MULTIPART(body))
        g_mime_multipart_foreach(GMIME_MULTIPART(body), print_if_plain, &printed);
    else if (body)
        print_if_plain(NULL, body, &printed);
    g_free(from);
    g_free(to);
    g_object_unref(message);
    return 0;
}

static int show_numbered(const struct inbox *inbox, const char *word)
{
    uint64_t number;
    struct err err;
    if (sv_to_u64(sv_of(word), &number) && number >= 1 && number <= inbox->count)
        return show(&inbox->entries[number - 1]);
    err_set(&err, ERR_USAGE, "`vedette inbox` lists them", "there is no mail number \"%s\"", word);
    return term_error(&err);
}

int cmd_inbox(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &json},
    };
    int exit_code;
    if (!command_options("inbox", specs, 2, &argc, argv, &exit_code))
        return exit_code;
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    struct err err;
    if (!config->relay.maildir) {
        config_free(config);
        err_set(&err, ERR_CONFIG,
                "it is the Maildir of the section relay:", "this configuration has no gateway of its own");
        return term_error(&err);
    }
    mime_use();
    struct inbox inbox = {.entries = calloc(INBOX_MAX, sizeof *inbox.entries)};
    struct arena *arena = arena_new(128 * 1024 * 1024);
    bool readable = add_folder(&inbox, config->relay.maildir, "new", arena, &err) == 0 &&
                    add_folder(&inbox, config->relay.maildir, "cur", arena, &err) == 0;
    qsort(inbox.entries, inbox.count, sizeof *inbox.entries, by_time);
    exit_code = !readable ? term_error(&err) : argc ? show_numbered(&inbox, argv[0]) : 0;
    for (size_t i = 0; readable && !argc && i < inbox.count; i++)
        print_row(i + 1, &inbox.entries[i], json);
    if (readable && !argc && !json && inbox.count == 0)
        printf("nothing has landed in %s\n", config->relay.maildir);
    arena_free(arena);
    free(inbox.entries);
    config_free(config);
    return exit_code;
}
