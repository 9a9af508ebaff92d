#include "wire/mail_trace.h"

#include "base/ascii.h"
#include "wire/mail_field.h"

#include <assert.h>
#include <gmime/gmime.h>

enum {
    FIELDS_MAX = 1000,
    VALUE_MAX = 4096, /* of one field; the rest is left out */
    WORDS_MAX = 64,
    COMMENT_DEPTH_MAX = 16,
    SCL_JUNK = 5, /* from which on Exchange files a mail as junk */
};

/* --- Words of a field --- */

/* A structured field's value without its comments: they become a space, as do line ends. What they said is
 * looked for in the value itself. Returns the bytes written. */
static size_t without_comments(sv value, char ret[static VALUE_MAX])
{
    size_t n = 0, depth = 0;
    bool quoted = false;
    value = sv_first(value, VALUE_MAX);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\\' && i + 1 < value.n) {
            c = value.p[++i];
            if (depth == 0)
                ret[n++] = c;
            continue;
        }
        if (c == '"' && depth == 0)
            quoted = !quoted;
        else if (c == '(' && !quoted && depth < COMMENT_DEPTH_MAX)
            depth++;
        else if (c == ')' && depth > 0) {
            depth--;
            c = ' ';
        }
        if (depth == 0)
            ret[n++] = (unsigned char)c < 0x20 ? ' ' : c;
    }
    return n;
}

static void copy_printable(char *ret, size_t cap, sv text)
{
    size_t n = 0;
    assert(text.p || text.n == 0);
    for (size_t i = 0; i < text.n && n + 1 < cap; i++)
        if (text.p[i] >= 0x20 && text.p[i] < 0x7f)
            ret[n++] = text.p[i];
    ret[n] = '\0';
}

static void copy_upper(char *ret, size_t cap, sv text)
{
    copy_printable(ret, cap, text);
    for (; *ret; ret++)
        *ret = ascii_upper(*ret);
}

/* --- Received --- */

static nanos date_of(sv text)
{
    static const int64_t SECONDS_MAX = 9000000000; /* past 2250: nanoseconds end in 2262 */
    char copy[128];
    sv_copy(copy, sizeof copy, sv_trim(text));
    GDateTime *date = g_mime_utils_header_decode_date(copy);
    if (!date)
        return 0;
    int64_t seconds = g_date_time_to_unix(date);
    g_date_time_unref(date);
    return seconds > 0 && seconds < SECONDS_MAX ? seconds * NANOS_PER_SECOND : 0;
}

/* Postfix and Gmail name the protocol in a comment, Exchange and Exim beside the keyword. */
static bool names_tls(sv value)
{
    static const sv SAID[] = {SV_INIT("using TLS"), SV_INIT("version=TLS"), SV_INIT("(TLS"),
                              SV_INIT("using SSL")};
    for (size_t i = 0; i < sizeof SAID / sizeof *SAID; i++)
        if (sv_ifind(value, SAID[i]) != SV_NPOS)
            return true;
    return false;
}

static enum mail_trace_tls tls_of(sv with, sv value)
{
    static const sv PROTOCOLS[] = {SV_INIT("UTF8SMTP"), SV_INIT("UTF8LMTP"), SV_INIT("ESMTP"),
                                   SV_INIT("SMTP"), SV_INIT("LMTP")};
    if (names_tls(value))
        return MAIL_TRACE_TLS_YES;
    for (size_t i = 0; i < sizeof PROTOCOLS / sizeof *PROTOCOLS; i++) {
        if (!sv_istarts(with, PROTOCOLS[i]))
            continue;
        sv letters = sv_from(with, PROTOCOLS[i].n);
        bool secured = letters.n && (letters.p[0] == 'S' || letters.p[0] == 's');
        return secured ? MAIL_TRACE_TLS_YES : MAIL_TRACE_TLS_NO;
    }
    return sv_istarts(with, SV("MICROSOFT SMTP")) ? MAIL_TRACE_TLS_NO : MAIL_TRACE_TLS_UNKNOWN;
}

static void read_words(sv words, struct mail_trace_hop *hop)
{
    sv last = SV_NONE;
    for (size_t i = 0; i < WORDS_MAX; i++) {
        sv word = sv_word(&words);
        if (word.n == 0)
            return;
        if (sv_ieq(last, SV("from")) && !hop->from[0])
            copy_printable(hop->from, sizeof hop->from, word);
        else if (sv_ieq(last, SV("by")) && !hop->by[0])
            copy_printable(hop->by, sizeof hop->by, word);
        else if (sv_ieq(last, SV("with")) && !hop->with[0])
            copy_upper(hop->with, sizeof hop->with,
                       sv_ieq(word, SV("Microsoft")) ? SV("Microsoft SMTP Server") : word);
        last = word;
    }
}

static void read_received(sv value, struct mail_trace_hop *hop)
{
    char bare[VALUE_MAX];
    value = sv_first(value, VALUE_MAX);
    sv words = sv_make(bare, without_comments(value, bare));
    *hop = (struct mail_trace_hop){.at = 0};
    size_t semicolon = sv_find_last(words, ';'); /* before the date, now that there are no comments */
    if (semicolon != SV_NPOS) {
        hop->at = date_of(sv_from(words, semicolon + 1));
        words = sv_first(words, semicolon);
    }
    read_words(words, hop);
    hop->tls = tls_of(sv_of(hop->with), value);
}

/* --- Authentication-Results (RFC 8601) --- */

/* "spf=pass smtp.mailfrom=…": the result of that method, or nothing. */
static sv result_of(sv info, sv method)
{
    info = sv_trim(info);
    if (!sv_istarts(info, method))
        return SV_NONE;
    sv rest = sv_trim(sv_from(info, method.n));
    if (rest.n && rest.p[0] == '/') { /* the method's version */
        size_t equals = sv_find_char(rest, '=');
        rest = equals == SV_NPOS ? SV_NONE : sv_from(rest, equals);
    }
    if (rest.n == 0 || rest.p[0] != '=')
        return SV_NONE;
    rest = sv_trim(sv_from(rest, 1));
    size_t n = 0;
    while (n < rest.n && ascii_letter(rest.p[n]))
        n++;
    return sv_first(rest, n);
}

/* Of several signatures one that passes is enough. */
static void take_result(char ret[static MAIL_TRACE_WORD_MAX], sv result)
{
    if (result.n && (!ret[0] || sv_ieq(result, SV("pass"))))
        copy_printable(ret, MAIL_TRACE_WORD_MAX, result);
}

/* Exchange writes no name of the server that says so. */
static void read_results(sv value, struct mail_trace *trace, bool *taken)
{
    char bare[VALUE_MAX], server[MAIL_TRACE_NAME_MAX] = "";
    sv rest = sv_make(bare, without_comments(value, bare)), all = rest;
    sv first = sv_split(&rest, ';');
    if (sv_find_char(first, '=') == SV_NPOS) {
        copy_printable(server, sizeof server, sv_word(&first));
        all = rest;
    }
    if (*taken && !sv_ieq(sv_of(server), sv_of(trace->authserv)))
        return;
    *taken = true;
    sv_copy(trace->authserv, sizeof trace->authserv, sv_of(server));
    for (int i = 0; all.p && i < WORDS_MAX; i++) {
        sv info = sv_split(&all, ';');
        take_result(trace->spf, result_of(info, SV("spf")));
        take_result(trace->dkim, result_of(info, SV("dkim")));
        take_result(trace->dmarc, result_of(info, SV("dmarc")));
    }
}

/* --- The header --- */

static bool says_junk(const struct mail_field *field)
{
    static const sv YES[] = {SV_INIT("X-Spam-Flag"), SV_INIT("X-Spam-Status"), SV_INIT("X-Spam")};
    uint64_t level;
    for (size_t i = 0; i < sizeof YES / sizeof *YES; i++)
        if (sv_ieq(field->name, YES[i]))
            return sv_istarts(field->value, SV("yes"));
    if (sv_ieq(field->name, SV("X-MS-Exchange-Organization-SCL")))
        return sv_to_u64(field->value, &level) && level >= SCL_JUNK;
    if (sv_ieq(field->name, SV("X-Forefront-Antispam-Report")))
        return sv_ifind(field->value, SV("SFV:SPM")) != SV_NPOS;
    return false;
}

/* What stands highest is the last one's word. */
static void take_recipient(const struct mail_field *field, struct mail_trace *trace)
{
    static const sv NAMES[] = {SV_INIT("X-Original-To"), SV_INIT("Delivered-To"), SV_INIT("Envelope-To")};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (sv_ieq(field->name, NAMES[i]) && (!trace->recipient[0] || i == 0)) {
            sv address = field->value;
            if (address.n > 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
                address = sv_first(sv_from(address, 1), address.n - 2);
            copy_printable(trace->recipient, sizeof trace->recipient, address);
        }
}

static void add_hop(struct mail_trace *trace, sv value)
{
    if (trace->hop_count == MAIL_TRACE_HOPS_MAX)
        trace->hops_left_out++;
    else
        read_received(value, &trace->hops[trace->hop_count++]);
}

static void turn_round(struct mail_trace *trace)
{
    for (size_t i = 0; i < trace->hop_count / 2; i++) {
        struct mail_trace_hop hop = trace->hops[i];
        trace->hops[i] = trace->hops[trace->hop_count - 1 - i];
        trace->hops[trace->hop_count - 1 - i] = hop;
    }
}

/* Which of the parts that we marked is not there as it was. */
static void compare_marks(struct mail_trace *trace, sv ours, sv theirs)
{
    struct buf changed = BUF_INIT(MAIL_TRACE_MARK_MAX - 1);
    trace->body = sv_eq(ours, theirs) ? MAIL_TRACE_BODY_UNCHANGED : MAIL_TRACE_BODY_CHANGED;
    while (ours.n && trace->body == MAIL_TRACE_BODY_CHANGED) {
        sv part = sv_word(&ours);
        if (part.n && sv_find(theirs, part) == SV_NPOS)
            (void)buf_printf(&changed, "%s%.*s", buf_view(&changed).n ? ", " : "",
                             SV_ARG(sv_first(part, sv_find_char(part, '='))));
    }
    if (trace->body == MAIL_TRACE_BODY_CHANGED && buf_view(&changed).n == 0)
        (void)buf_put(&changed, SV("parts were added"));
    copy_printable(trace->changed, sizeof trace->changed, buf_view(&changed));
    buf_free(&changed);
}

void mail_trace_read(sv mail, struct mail_trace *ret)
{
    struct mail_field field;
    sv head = sv_first(mail, MAIL_TRACE_HEAD_MAX), mark = SV_NONE;
    bool results = false, results_over = false;
    *ret = (struct mail_trace){.hop_count = 0};
    for (int i = 0; i < FIELDS_MAX && mail_field_next(&head, &field); i++) {
        if (sv_ieq(field.name, SV("Received"))) {
            add_hop(ret, field.value);
            results_over = results; /* those below are of servers before it, and anybody's */
        } else if (sv_ieq(field.name, SV("Authentication-Results")) && !results_over) {
            read_results(field.value, ret, &results);
        } else if (sv_ieq(field.name, SV(MAIL_TRACE_BODY_FIELD))) {
            mark = field.value;
        } else {
            ret->called_junk |= says_junk(&field);
            take_recipient(&field, ret);
        }
    }
    turn_round(ret);
    if (mark.n == 0)
        return;
    char ours[MAIL_TRACE_MARK_MAX], theirs[MAIL_TRACE_MARK_MAX];
    size_t n = 0;
    for (size_t i = 0; i < mark.n && n + 1 < sizeof ours; i++) /* unfolded */
        if (mark.p[i] != '\r' && mark.p[i] != '\n')
            ours[n++] = mark.p[i] == '\t' ? ' ' : mark.p[i];
    mail_trace_mark(mail, theirs);
    compare_marks(ret, sv_make(ours, n), sv_of(theirs));
}
