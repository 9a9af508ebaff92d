#include "watch/testing_generator.h"

#include <assert.h>
#include <stdio.h>

enum { VALUE_BYTES_MAX = 256, WORDS_IN_A_VALUE = 3 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

size_t dice_roll(struct dice *dice, size_t sides)
{
    if (dice->bytes.n) {
        size_t roll = (unsigned char)dice->bytes.p[0] % sides;
        dice->bytes = sv_from(dice->bytes, 1);
        return roll;
    }
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (size_t)(dice->state >> 11) % sides;
}

/* What is in base64 among them: foobar, XXwhoami, and whoami in UTF-16, each way. */
static const sv words[] = {
    SV_INIT("root"),
    SV_INIT("Root"),
    SV_INIT("alice"),
    SV_INIT("adm_bob"),
    SV_INIT("whoami"),
    SV_INIT("C:\\Windows\\System32\\cmd.exe"),
    SV_INIT("cmd -enc x"),
    SV_INIT("cmd /enc x"),
    SV_INIT("cmd \xe2\x80\x93"
            "enc x"),
    SV_INIT("cmd \xe2\x80\x95"
            "Enc x"),
    SV_INIT("ls -l /root"),
    SV_INIT("/bin/ls"),
    SV_INIT("Zm9vYmFy"),
    SV_INIT("xZm9vYmFyx"),
    SV_INIT("WFh3aG9hbWk="),
    SV_INIT("dwBoAG8AYQBtAGkA"),
    SV_INIT("AHcAaABvAGEAbQBp"),
    SV_INIT("//53AGgAbwBhAG0AaQA="),
    SV_INIT("w\0h\0o\0a\0m\0i\0"),
    SV_INIT("\0w\0h\0o\0a\0m\0i"),
    SV_INIT("\xff\xfew\0h\0o\0a\0m\0i\0"),
    SV_INIT("192.0.2.7"),
    SV_INIT("198.51.100.200"),
    SV_INIT("2001:db8::7"),
    SV_INIT("::ffff:192.0.2.9"),
    SV_INIT("10"),
    SV_INIT("10.0"),
    SV_INIT("0x10"),
    SV_INIT("-1"),
    SV_INIT("16"),
    SV_INIT("1e1"),
    SV_INIT("4624"),
    SV_INIT("2026-11-24T08:15:30Z"),
    SV_INIT("2026-12-31 23:59:00"),
    SV_INIT("2027-01-02"),
    SV_INIT("1793111111"),
    SV_INIT("\xc3\xa4rger"),
    SV_INIT("\xc3\x84RGER"),
    SV_INIT("\xe2\x82\xac"
            "5"),
    SV_INIT("\xf0\x9f\x98\x80!"),
    SV_INIT("kqxService"),
    SV_INIT("KQXsERVICE"),
    SV_INIT("kqxServant"),
    SV_INIT("a*b"),
    SV_INIT("a?b"),
    SV_INIT("tab\tx"),
    SV_INIT("quote\"d 'q'"),
    SV_INIT("back\\slash"),
    SV_INIT("\\\\host\\share"),
    SV_INIT("k=v|w"),
    SV_INIT("100%"),
    SV_INIT("%admins%"),
    SV_INIT(""),
    SV_INIT(" "),
    SV_INIT("new\nline"),
    SV_INIT("true"),
    SV_INIT("null"),
    SV_INIT("so Sorry"),
    SV_INIT("bad\x80\xff"
            "bytes"),
    SV_INIT("failure"),
    SV_INIT("session"),
};

sv generate_word(struct dice *dice)
{
    return words[dice_roll(dice, COUNT(words))];
}

struct sigma_lists *generate_lists(void)
{
    struct sigma_lists *lists = sigma_lists_new();
    static const char *const entries[][2] = {
        {"admins", "root"},        {"admins", "adm_*"}, {"admins", "*whoami*"}, {"nets", "192.0.2.0/24"},
        {"nets", "2001:db8::/32"}, {"numbers", "10"},   {"numbers", "4624"},    {"parts", "o+"},
        {"parts", "li"},           {"ab", "foobar"},    {"ab", "whoami"},       {"any", "*"},
    };
    for (size_t i = 0; i < COUNT(entries); i++)
        assert(sigma_lists_add(lists, sv_of(entries[i][0]), sv_of(entries[i][1])));
    return lists;
}

/* --- values, as each format writes them */

/* A word, or a few of them, in dst. */
static sv make_value(struct dice *dice, char dst[static VALUE_BYTES_MAX])
{
    size_t n = 0, count = dice_roll(dice, 4) ? 1 : 1 + dice_roll(dice, WORDS_IN_A_VALUE);
    for (size_t i = 0; i < count; i++) {
        sv word = generate_word(dice);
        if (i && n < VALUE_BYTES_MAX)
            dst[n++] = ' ';
        for (size_t j = 0; j < word.n && n < VALUE_BYTES_MAX; j++)
            dst[n++] = word.p[j];
    }
    return (sv){dst, n};
}

/* One character of UTF-8 at the start of s: its bytes, and which it is; 0 if it is none. */
static size_t character(sv s, uint32_t *ret)
{
    for (size_t n = 1; n <= 4 && n <= s.n; n++) {
        unsigned char c = (unsigned char)s.p[0];
        if (!sv_utf8(sv_first(s, n)))
            continue;
        *ret = n == 1 ? c : c & (0x7fU >> n);
        for (size_t i = 1; i < n; i++)
            *ret = *ret << 6 | ((unsigned char)s.p[i] & 0x3f);
        return n;
    }
    return 0;
}

static void put_json_string(struct dice *dice, struct buf *out, sv value)
{
    static const char plain[] = "\"\"\\\\//\bb\ff\nn\rr\tt";
    buf_put(out, SV("\""));
    for (size_t i = 0; i < value.n;) {
        uint32_t code = 0;
        size_t n = character(sv_from(value, i), &code);
        const char *escape = n == 1 && code ? strchr(plain, (int)code) : NULL;
        if (n == 0) {
            buf_put(out, sv_first(sv_from(value, i), 1)); /* not UTF-8, as some write it */
            n = 1;
        } else if (escape && (code != '/' || dice_roll(dice, 4) == 0)) {
            buf_printf(out, "\\%c", escape[1]);
        } else if (code < ' ' || dice_roll(dice, 16) == 0) {
            if (code >= 0x10000)
                buf_printf(out, "\\u%04x\\u%04X", (unsigned)(0xd800 + ((code - 0x10000) >> 10)),
                           (unsigned)(0xdc00 + ((code - 0x10000) & 0x3ff)));
            else
                buf_printf(out, "\\u%04x", (unsigned)code);
        } else {
            buf_put(out, sv_first(sv_from(value, i), n));
        }
        i += n;
    }
    buf_put(out, SV("\""));
}

/* With the bytes of `escaped` behind a backslash, and line ends as \n. */
static void put_escaped(struct buf *out, sv value, const char *escaped)
{
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\n')
            buf_put(out, SV("\\n"));
        else if (value.p[i] && strchr(escaped, value.p[i]))
            buf_printf(out, "\\%c", value.p[i]);
        else
            buf_put(out, (sv){value.p + i, 1});
    }
}

/* As the kernel's audit does: in quotes if every byte is harmless, else in hexadecimal. */
static void put_audit(struct dice *dice, struct buf *out, sv value)
{
    bool harmless = value.n > 0 && dice_roll(dice, 3);
    for (size_t i = 0; i < value.n; i++)
        harmless = harmless && value.p[i] > ' ' && value.p[i] != '"' && value.p[i] < 0x7f;
    if (harmless) {
        buf_printf(out, "\"%.*s\"", SV_ARG(value));
        return;
    }
    for (size_t i = 0; i < value.n; i++)
        buf_printf(out, "%02X", (unsigned)(unsigned char)value.p[i]);
}

/* Without what would end it. */
static void put_bare(struct buf *out, sv value, const char *without)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] && !strchr(without, value.p[i]))
            buf_put(out, (sv){value.p + i, 1});
}

/* --- records */

static void put_json_value(struct dice *dice, struct buf *out)
{
    static const char *const bare[] = {"10",   "10.0",  "-1",   "4624",      "1e1",
                                       "true", "false", "null", "1793111111"};
    char value[VALUE_BYTES_MAX];
    if (dice_roll(dice, 4) == 0)
        buf_printf(out, "%s", bare[dice_roll(dice, COUNT(bare))]);
    else
        put_json_string(dice, out, make_value(dice, value));
}

static void put_json_member(struct dice *dice, struct buf *out, const char *key)
{
    buf_printf(out, "\"%s\": ", key);
    switch (dice_roll(dice, 6)) {
    case 0:
        buf_put(out, SV("["));
        for (size_t n = 1 + dice_roll(dice, 3); n; n--) {
            put_json_value(dice, out);
            buf_put(out, n > 1 ? SV(", ") : SV(""));
        }
        buf_put(out, SV("]"));
        break;
    case 1:
        buf_put(out, SV("{\"in\": "));
        put_json_value(dice, out);
        buf_put(out, SV(", \"deep\": {\"er\": "));
        put_json_value(dice, out);
        buf_put(out, SV("}}"));
        break;
    default:
        put_json_value(dice, out);
    }
}

static void put_json(struct dice *dice, struct buf *out)
{
    static const char *const keys[] = {"a", "b", "c", "user", "CommandLine", "Image", "time", "msg"};
    bool first = true;
    buf_put(out, SV("{"));
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (dice_roll(dice, 2))
            continue;
        buf_put(out, first ? SV("") : SV(", "));
        put_json_member(dice, out, keys[i]);
        first = false;
    }
    buf_put(out, SV("}"));
}

static void put_windows(struct dice *dice, struct buf *out)
{
    static const char *const ids[] = {"1", "4624", "4688", "10"};
    char value[VALUE_BYTES_MAX];
    bool winlog = dice_roll(dice, 2);
    buf_printf(
        out,
        winlog
            ? "{\"winlog\": {\"channel\": \"Security\", \"event_id\": %s, \"event_data\": {\"CommandLine\": "
            : "{\"Event\": {\"System\": {\"EventID\": %s, \"Channel\": \"Security\"}, \"EventData\": "
              "{\"CommandLine\": ",
        ids[dice_roll(dice, COUNT(ids))]);
    put_json_string(dice, out, make_value(dice, value));
    buf_put(out, SV(", \"Image\": "));
    put_json_string(dice, out, make_value(dice, value));
    buf_put(out, SV("}}}"));
}

/* Objects that decoders know whose they are by; each @ becomes a value. */
static void put_known_json(struct dice *dice, struct buf *out)
{
    static const char *const shapes[] = {
        "{\"kind\": \"Event\", \"apiVersion\": \"audit.k8s.io/v1\", \"auditID\": @, \"verb\": @, \"user\": "
        "{\"username\": @, \"groups\": [@, @]}, \"impersonatedUser\": {\"username\": @}, \"sourceIPs\": "
        "[\"192.0.2.7\"], \"requestURI\": @, \"responseStatus\": {\"code\": 403, \"reason\": @}}",
        "{\"apiVersion\": \"audit.k8s.io/v1\", \"auditID\": \"x\", \"verb\": @, \"responseStatus\": "
        "{\"code\": "
        "201}}",
        "{\"auditCode\": \"PAM00295\", \"auditType\": \"Info\", \"action\": @, \"username\": @, \"source\": "
        "@, "
        "\"target\": @, \"safe\": @, \"targetAccount\": @, \"sessionId\": @, \"message\": @, \"command\": @}",
        "{\"auditCode\": @, \"auditType\": @, \"action\": @, \"userId\": @, \"accountName\": @}",
        "{\"type\": \"request\", \"request\": {\"path\": @, \"operation\": @, \"remote_address\": @}, "
        "\"auth\": "
        "{\"display_name\": @}, \"error\": @}",
        "{\"syslog\": {\"audit_record\": {\"MessageID\": \"295\", \"Severity\": @, \"Issuer\": @, \"Desc\": "
        "@, "
        "\"Safe\": @, \"Station\": @, \"ExtraDetails\": @, \"Reason\": @}}}",
        "{\"syslog\": {\"monitor_record\": {\"CpuUsage\": @}}}",
        "{\"MESSAGE\": @, \"SYSLOG_IDENTIFIER\": \"sshd\", \"_HOSTNAME\": @}",
    };
    char value[VALUE_BYTES_MAX];
    for (const char *p = shapes[dice_roll(dice, COUNT(shapes))]; *p; p++)
        if (*p == '@')
            put_json_string(dice, out, make_value(dice, value));
        else
            buf_put_char(out, *p);
}

static void put_cef(struct dice *dice, struct buf *out)
{
    static const char *const keys[] = {"suser", "duser", "fname", "src", "cs1",
                                       "cn1",   "rt",    "msg",   "act", "reason"};
    static const char *const heads[] = {"Cyber-Ark|Vault|12.6|295|Retrieve password|5",
                                        "CyberArk|PTA|14|31|Suspected|8", "v|p|1|22|a failure|3"};
    char value[VALUE_BYTES_MAX];
    buf_printf(out, "CEF:0|%s|", heads[dice_roll(dice, COUNT(heads))]);
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (dice_roll(dice, 2))
            continue;
        buf_printf(out, "%s=", keys[i]);
        put_escaped(out, make_value(dice, value), "\\=");
        buf_put(out, SV(" "));
    }
    if (dice_roll(dice, 3) == 0)
        buf_put(out, SV("cs1Label=Affected User Name"));
}

static void put_leef(struct dice *dice, struct buf *out)
{
    static const char *const keys[] = {"usrName", "src", "dst", "Action", "devTime", "x"};
    char value[VALUE_BYTES_MAX];
    bool two = dice_roll(dice, 2);
    buf_put(out, two ? SV("LEEF:2.0|v|p|1|295|^|") : SV("LEEF:1.0|Cyber-Ark|Vault|1|295|"));
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (dice_roll(dice, 2))
            continue;
        buf_printf(out, "%s=", keys[i]);
        put_bare(out, make_value(dice, value), "\t^\n");
        buf_put(out, two ? SV("^") : SV("\t"));
    }
}

static void put_auditd(struct dice *dice, struct buf *out)
{
    char value[VALUE_BYTES_MAX];
    unsigned serial = (unsigned)dice_roll(dice, 100);
    switch (dice_roll(dice, 3)) {
    case 0:
        buf_printf(out, "type=EXECVE msg=audit(1700000000.123:%u): argc=2 a0=", serial);
        put_audit(dice, out, make_value(dice, value));
        buf_put(out, SV(" a1="));
        put_audit(dice, out, make_value(dice, value));
        break;
    case 1:
        buf_printf(out, "type=PROCTITLE msg=audit(1700000000.123:%u): proctitle=", serial);
        put_audit(dice, out, make_value(dice, value));
        break;
    default:
        buf_printf(out, "type=SYSCALL msg=audit(1700000000.123:%u): success=%s uid=0 comm=", serial,
                   dice_roll(dice, 2) ? "yes" : "no");
        put_audit(dice, out, generate_word(dice));
        buf_put(out, SV(" exe="));
        put_audit(dice, out, generate_word(dice));
    }
}

static void put_text(struct dice *dice, struct buf *out)
{
    static const char *const lines[] = {
        "sshd[7]: Failed password for invalid user %.*s from 192.0.2.7 port 5 ssh2",
        "sshd[7]: Accepted publickey for %.*s from 198.51.100.200 port 5 ssh2",
        "sudo:    %.*s : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls -l /root",
        "sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=%.*s",
        "su: (to root) %.*s on pts/0",
        "su[7]: pam_unix(su:session): session opened for user %.*s(uid=0) by alice(uid=1)",
        "CRON[7]: (%.*s) CMD (/bin/ls)",
        "something[1]: %.*s",
    };
    char value[VALUE_BYTES_MAX], shown[VALUE_BYTES_MAX];
    struct buf bare = BUF_INIT(VALUE_BYTES_MAX);
    put_bare(&bare, make_value(dice, value), "\n");
    sv_copy(shown, sizeof shown, buf_view(&bare));
    const char *line = lines[dice_roll(dice, COUNT(lines))], *hole = strstr(line, "%.*s");
    buf_printf(out, "%.*s%s%s", (int)(hole - line), line, shown, hole + 4);
    buf_free(&bare);
}

static void put_xml(struct dice *dice, struct buf *out)
{
    static const char *const values[] = {"root", "r&#111;ot", "a &amp; b", "Retrieve password", "alice"};
    buf_printf(
        out,
        "<audit_record><MessageID>295</MessageID><Issuer>%s</Issuer><Desc>%s</Desc><Severity>Error</Severity>"
        "</audit_record>",
        values[dice_roll(dice, COUNT(values))], values[dice_roll(dice, COUNT(values))]);
}

static void put_header(struct dice *dice, struct buf *out)
{
    char value[VALUE_BYTES_MAX];
    switch (dice_roll(dice, 4)) {
    case 0:
        buf_put(out, SV("<86>Nov 24 08:00:00 host1 "));
        break;
    case 1:
        buf_put(out, SV("<85>1 2026-11-24T08:00:00Z host1 app 7 - [x@1 k=\""));
        put_escaped(out, make_value(dice, value), "\\\"]");
        buf_put(out, SV("\"] "));
        break;
    default:
        break;
    }
}

void generate_record(struct dice *dice, struct buf *out)
{
    static void (*const forms[])(struct dice *, struct buf *) = {
        put_json, put_json, put_windows, put_known_json, put_cef, put_leef, put_auditd, put_text, put_xml};
    char value[VALUE_BYTES_MAX];
    put_header(dice, out);
    size_t form = dice_roll(dice, COUNT(forms) + 1);
    if (form < COUNT(forms))
        forms[form](dice, out);
    else
        buf_put(out, make_value(dice, value));
}
