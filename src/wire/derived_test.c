#include "wire/decoding_test.h"
#include "wire/derived_check.h"

#include <dirent.h>
#include <stdlib.h>

enum { RECORDS_MAX = 4096, ROUNDS = 60000, FILE_BYTES_MAX = 1 << 20, CHANGES_MAX = 6 };

struct records {
    sv list[RECORDS_MAX];
    size_t count;
    struct arena *arena;
};

/* xorshift: the same changes in every run. */
static size_t roll(uint64_t *state, size_t sides)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (size_t)(*state >> 11) % sides;
}

static void add(struct records *records, sv record)
{
    if (record.n && records->count < RECORDS_MAX)
        records->list[records->count++] = record;
}

static void add_file(struct records *records, const char *folder, const char *name)
{
    static char bytes[FILE_BYTES_MAX];
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    sv text = arena_sv(records->arena, sv_make(bytes, fread(bytes, 1, sizeof bytes, file)));
    fclose(file);
    add(records, text);
    while (text.p)
        add(records, sv_split(&text, '\n'));
}

static void add_folder(struct records *records, const char *folder)
{
    DIR *dir = folder ? opendir(folder) : NULL;
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            add_file(records, folder, entry->d_name);
    if (dir)
        closedir(dir);
}

/* Words that decoders look for, and what escapes look like. */
static const char *const words[] = {
    "sshd[1]: ",
    "Failed password for invalid user x from 192.0.2.1 port 1 ssh2",
    "Accepted publickey for ",
    "su: ",
    "su[7]: - pts/0 a:b",
    "FAILED SU (to root) a on pts/1",
    "sudo: a : TTY=x ; COMMAND=y",
    "pam_unix(su:auth): authentication failure; user=root",
    "type=USER_LOGIN msg=audit(1700000000.123:4): res=success ",
    "comm=6261736820",
    "useradd[1]: new user: name=bob, UID=0",
    "CEF:0|Cyber-Ark|Vault|1|295|x|7|",
    "CEF:0|v|p|1|4|name|5|cs1Label=A b cs1=c ",
    "LEEF:1.0|v|p|1|4|",
    " suser=a fname=b\\\\c cs5=k\\=v;SessionID=8 ",
    "<audit_record>",
    "<Issuer>a</Issuer>",
    "{\"a\": {\"b.c\": [1, \"x\\ny\"]}",
    "\"MESSAGE\": \"su: + pts/0 a:b\", \"SYSLOG_IDENTIFIER\": \"su\",",
    "\"Event\": {\"System\": {\"Channel\": \"Security\", \"EventID\": 4624}}",
    "{\"winlog\": {\"channel\": \"Security\", \"event_id\": 4625, "
    "\"provider_name\": \"x\", \"computer_name\": \"y\", "
    "\"event_data\": {\"NewProcessName\": \"z\", \"Keywords\": "
    "\"0x8010000000000000\"}}}",
    "{\"Channel\": \"Security\", \"EventID\": 4688, \"ParentProcessName\": \"p\", "
    "\"Keywords\": \"0x8020000000000000\"}",
    "{\"type\": \"request\", \"request\": {\"path\": \"secret/x\", \"operation\": "
    "\"read\"}, \"auth\": {\"display_name\": \"d\"}, \"error\": \"\"}",
    "{\"apiVersion\": \"audit.k8s.io/v1\", \"auditID\": \"x\", \"verb\": \"get\", \"responseStatus\": "
    "{\"code\": 403}, \"impersonatedUser\": {\"username\": \"u\"}}",
    "{\"auditCode\": \"PAM00004\", \"auditType\": \"Failure\", \"sessionId\": \"s\", \"message\": \"m\", "
    "\"targetAccount\": \"a\", \"source\": \"h\"}",
    "\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":",
    "\"EventType\":\"CreateKey\",",
    "\"syslog\":{\"audit_record\":{\"Severity\":\"x\",",
    "{\"Name\":\"Channel\",\"#text\":\"System\"},",
    "\\u0041",
    "\\\"",
    "\\",
    "<86>Nov 24 08:00:00 h ",
    "<86>1 2026-11-24T08:00:00Z h su 1 - - ",
    "[a@1 b=\"c\\]\"] "};

/* A record in which some bytes, pieces or words are not what they were. */
static sv change(const struct records *records, uint64_t *dice, struct arena *arena)
{
    sv record = arena_sv(arena, sv_first(records->list[roll(dice, records->count)], 4096));
    for (size_t i = roll(dice, CHANGES_MAX); i > 0; i--) {
        size_t at = roll(dice, record.n + 1);
        sv front = sv_first(record, at), behind = sv_from(record, at), between = SV_NONE;
        char byte = (char)roll(dice, 256);
        switch (roll(dice, 4)) {
        case 0:
            between = sv_of(words[roll(dice, sizeof words / sizeof *words)]);
            break;
        case 1:
            between = sv_make(&byte, 1);
            behind = sv_from(behind, 1);
            break;
        case 2:
            behind = sv_from(behind, roll(dice, 40));
            break;
        default:
            behind = sv_first(records->list[roll(dice, records->count)], roll(dice, 400));
            break;
        }
        record = arena_printf(arena, "%.*s%.*s%.*s", SV_ARG(front), SV_ARG(between), SV_ARG(behind));
        if (record.n == 0)
            return SV("x");
    }
    return record;
}

static void check(sv record, enum decode_format format, struct arena *arena)
{
    struct event event;
    decode(&event, record, format, TEST_ARRIVAL, NULL, arena);
    if (!source_is_told(&event, record, format))
        fail_msg("the source is %.*s/%.*s/%.*s (%s):\n%.*s", SV_ARG(event.source.product),
                 SV_ARG(event.source.category), SV_ARG(event.source.service), event.format, SV_ARG(record));
    const struct event_field *field = derived_unexplained(&event, format == DECODE_AUTO);
    if (field)
        fail_msg("%.*s: \"%.*s\" is neither in the record nor told by derived_each (%s):\n%.*s",
                 SV_ARG(field->name), SV_ARG(field->value), event.format, SV_ARG(record));
}

static void what_is_not_in_the_record_is_told(void **state)
{
    (void)state;
    static const char *const folders[] = {"decode", "cef",        "leef",     "json_event",
                                          "syslog", "text_event", "xml_event"};
    static struct records records;
    uint64_t dice = 0x9e3779b97f4a7c15ULL;
    records.arena = arena_new(64 << 20);
    struct arena *arena = arena_new(4 << 20);
    const char *corpus = getenv("VEDETTE_CORPUS");
    for (size_t i = 0; corpus && i < sizeof folders / sizeof *folders; i++) {
        char folder[1024];
        snprintf(folder, sizeof folder, "%s/%s", corpus, folders[i]);
        add_folder(&records, folder);
    }
    add_folder(&records, getenv("VEDETTE_RECORDS"));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add(&records, sv_of(words[i]));
    for (size_t i = 0; i < records.count; i++) {
        arena_reset(arena);
        check(records.list[i], DECODE_AUTO, arena);
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        arena_reset(arena);
        check(change(&records, &dice, arena), (enum decode_format)roll(&dice, DECODE_TEXT + 1), arena);
    }
    arena_free(arena);
    arena_free(records.arena);
}

static void hexadecimal_and_escapes_are_veils(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        bool veiled;
    } cases[] = {{"type=SYSCALL comm=\"ls\" exe=\"/bin/ls\"", false},
                 {"type=SYSCALL comm=6C73 exe=\"/bin/ls\"", true},
                 {"type=PROCTITLE proctitle=6C73", true},
                 {"type=EXECVE a0=\"ls\"", true},
                 {"fname=report", false},
                 {"hostname=192.0.2.1", false},
                 {"{\"a\": \"CORP\\\\user\"}", false},
                 {"{\"a\": \"CORP\\\\\\u0041\"}", true},
                 {"{\"a\": \"b\\u0041\"}", true},
                 {"{\"a\": \"b\\/c\"}", true},
                 {"{\"a\": \"b\\\"c\"}", false},
                 {"{\"a\": \"C:\\\\dir\"}", false},
                 {"cs1=a\\=b", true},
                 {"<Reason>a &amp; b</Reason>", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (derived_is_veiled(sv_of(cases[i].record)) != cases[i].veiled)
            fail_msg("%s", cases[i].record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_in_the_record_is_told),
        cmocka_unit_test(hexadecimal_and_escapes_are_veils),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
