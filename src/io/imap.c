#include "io/imap.h"

#include "base/buf.h"
#include "io/address.h"
#include "io/transfers_private.h"
#include "wire/imap_line.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LINES_BYTES_MAX = 512 * 1024, /* libcurl cuts a line at half of its buffer */
    COMMAND_BYTES_MAX = 4096,
    HOST_URL_BYTES_MAX = 512,
    FOLDER_BYTES_MAX = 300, /* each of its bytes may take three in a URL */
    URL_BYTES_MAX = 2048,
    WORDS_BYTES_MAX = 256,
    UID_DIGITS_MAX = 11,
};
static const nanos TIMEOUT_DEFAULT = 30 * NANOS_PER_SECOND;
static const nanos WAIT_MAX = NANOS_PER_SECOND / 2; /* of one call into libcurl */
static const nanos DAY = 24 * 3600 * NANOS_PER_SECOND;

enum step { STEP_SEARCH, STEP_DATES, STEP_MAIL };

struct found {
    uint32_t uid;
    nanos at; /* 0: not told */
};

struct imap_look {
    struct transfers *transfers;
    struct loop_timer *timer; /* tells a request that cannot be made */
    struct imap_handler handler;
    void *arg;
    CURL *easy;
    struct curl_slist *resolve;
    char *folder; /* escaped for a URL */
    char where[ADDRESS_TEXT_MAX];
    char url[HOST_URL_BYTES_MAX]; /* up to the folder */
    char error[CURL_ERROR_SIZE];
    char said[WORDS_BYTES_MAX]; /* the server's NO or BAD */
    int fd;                     /* of the connection; libcurl's own */
    enum step step;
    bool busy, *gone;
    struct buf bytes;
    uint32_t after_uid, known_validity, uid_validity;
    nanos since;
    size_t max_mails, bytes_max, count, next;
    struct found found[IMAP_MAILS_MAX];
    struct err err; /* of a request that cannot be made */
};

/* libcurl says LOGOUT when it closes, and waits for the answer. On a connection that is shut it does not. */
static void hang_up(struct imap_look *look)
{
    if (look->fd >= 0)
        shutdown(look->fd, SHUT_RDWR);
    look->fd = -1;
}

void imap_look_cancel(struct imap_look *look)
{
    if (!look)
        return;
    if (look->gone)
        *look->gone = true;
    if (look->busy)
        transfers_remove(look->transfers, look->easy);
    hang_up(look);
    transfers_free(look->transfers);
    curl_easy_cleanup(look->easy);
    curl_slist_free_all(look->resolve);
    curl_free(look->folder);
    loop_timer_free(look->timer);
    buf_free(&look->bytes);
    free(look);
}

static void finish(struct imap_look *look, enum imap_end end, const struct err *err)
{
    struct imap_result result = {
        .end = end, .uid_validity = look->uid_validity, .highest_uid = look->after_uid};
    struct imap_handler handler = look->handler;
    void *arg = look->arg;
    struct err copy = err ? *err : (struct err){0};
    imap_look_cancel(look);
    handler.done(arg, &result, err ? &copy : NULL);
}

/* --- What libcurl calls --- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct imap_look *look = arg;
    size_t fits = buf_room(&look->bytes) < size * n ? buf_room(&look->bytes) : size * n;
    buf_put(&look->bytes, sv_make(bytes, fits));
    return size * n; /* what is too much is passed over */
}

static bool says_no(sv line, sv *ret_words)
{
    sv rest = line, tag = sv_word(&rest), word = sv_word(&rest);
    if (sv_eq(tag, SV("*")) || sv_eq(tag, SV("+")))
        return false;
    *ret_words = sv_trim(rest);
    return sv_ieq(word, SV("NO")) || sv_ieq(word, SV("BAD"));
}

/* Every line of the server that is no part of a mail. */
static size_t on_line(char *bytes, size_t size, size_t n, void *arg)
{
    struct imap_look *look = arg;
    sv line = sv_make(bytes, size * n), words;
    imap_line_uid_validity(line, &look->uid_validity);
    if (says_no(sv_trim(line), &words)) {
        sv_copy(look->said, sizeof look->said, words);
        for (char *c = look->said; *c; c++)
            if (*c < 0x20 || *c == 0x7f)
                *c = '?';
        hang_up(look); /* this is the end, and libcurl would wait for an answer to LOGOUT */
    }
    return size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct imap_look *look = arg;
    (void)a, (void)b, (void)c, (void)d;
    if (loop_monotonic() - transfers_entered(look->transfers) < WAIT_MAX)
        return 0;
    hang_up(look);
    return 1;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct imap_look *look = arg;
    (void)purpose;
    look->fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return look->fd < 0 ? CURL_SOCKET_BAD : look->fd;
}

static int on_close(void *arg, curl_socket_t fd)
{
    struct imap_look *look = arg;
    if (look->fd == fd)
        look->fd = -1;
    return close(fd);
}

/* --- Steps --- */

static void go(struct imap_look *look, enum step step, const char *item, const char *command,
               size_t bytes_max)
{
    struct buf url = BUF_INIT(URL_BYTES_MAX);
    buf_free(&look->bytes);
    look->bytes = BUF_INIT(bytes_max);
    look->step = step;
    look->error[0] = '\0';
    int put = buf_printf(&url, "%s%s%s", look->url, look->folder, item);
    put |= buf_put_char(&url, '\0');
    assert(put == 0); /* a folder's name has its bound */
    curl_easy_setopt(look->easy, CURLOPT_URL, buf_view(&url).p);
    curl_easy_setopt(look->easy, CURLOPT_CUSTOMREQUEST, command);
    buf_free(&url);
    look->busy = true;
    transfers_add(look->transfers, look->easy);
}

/* SINCE knows days only, and in the server's zone: one more is asked for, the rest is told by the dates. */
static void search(struct imap_look *look)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char command[COMMAND_BYTES_MAX], since[64] = "";
    time_t day = (look->since - DAY) / NANOS_PER_SECOND;
    struct tm tm;
    if (look->since > DAY && gmtime_r(&day, &tm))
        snprintf(since, sizeof since, " SINCE %d-%s-%d", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900);
    snprintf(command, sizeof command, "UID SEARCH UID %lu:*%s", (unsigned long)look->after_uid + 1, since);
    go(look, STEP_SEARCH, "", command, LINES_BYTES_MAX);
}

static int by_uid(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->uid > y->uid) - (x->uid < y->uid);
}

/* Keeps the newest max_mails; a server may give its numbers in any order. */
static void keep(struct imap_look *look, uint32_t uid)
{
    size_t at = look->count;
    if (at == look->max_mails) {
        at = 0;
        for (size_t i = 1; i < look->count; i++)
            if (look->found[i].uid < look->found[at].uid)
                at = i;
        if (look->found[at].uid >= uid)
            return;
    } else {
        look->count++;
    }
    look->found[at] = (struct found){.uid = uid};
}

static void ask_dates(struct imap_look *look)
{
    char command[COMMAND_BYTES_MAX];
    _Static_assert(IMAP_MAILS_MAX * UID_DIGITS_MAX + 64 < COMMAND_BYTES_MAX, "all numbers fit");
    size_t n = (size_t)snprintf(command, sizeof command, "UID FETCH ");
    for (size_t i = 0; i < look->count; i++)
        n += (size_t)snprintf(command + n, sizeof command - n, "%s%u", i ? "," : "", look->found[i].uid);
    snprintf(command + n, sizeof command - n, " (UID INTERNALDATE)");
    go(look, STEP_DATES, "", command, LINES_BYTES_MAX);
}

static void fetch_next(struct imap_look *look)
{
    while (look->next < look->count && look->found[look->next].at < look->since)
        look->after_uid = look->found[look->next++].uid;
    if (look->next == look->count) {
        finish(look, IMAP_DONE, NULL);
        return;
    }
    char item[64];
    snprintf(item, sizeof item, "/;UID=%u/;PARTIAL=0.%zu", look->found[look->next].uid, look->bytes_max);
    go(look, STEP_MAIL, item, NULL, look->bytes_max);
}

static void searched(struct imap_look *look)
{
    if (look->known_validity && look->uid_validity && look->known_validity != look->uid_validity &&
        look->after_uid) {
        look->known_validity = 0; /* these numbers mean other mails now */
        look->after_uid = 0;
        search(look);
        return;
    }
    sv lines = buf_view(&look->bytes), numbers;
    uint32_t uid;
    look->count = 0;
    while (lines.p) {
        sv line = sv_split(&lines, '\n');
        if (imap_line_search(line, &numbers))
            while (imap_line_number(&numbers, &uid))
                if (uid > look->after_uid)
                    keep(look, uid);
    }
    qsort(look->found, look->count, sizeof *look->found, by_uid);
    if (look->count)
        ask_dates(look);
    else
        finish(look, IMAP_DONE, NULL);
}

static void dated(struct imap_look *look)
{
    sv lines = buf_view(&look->bytes);
    while (lines.p) {
        struct found key = {0};
        if (!imap_line_fetch(sv_split(&lines, '\n'), &key.uid, &key.at))
            continue;
        struct found *found = bsearch(&key, look->found, look->count, sizeof *look->found, by_uid);
        if (found)
            found->at = key.at;
    }
    fetch_next(look);
}

static void fetched(struct imap_look *look, bool there)
{
    bool gone = false;
    struct found found = look->found[look->next++];
    look->after_uid = found.uid;
    if (there) {
        look->gone = &gone;
        look->handler.mail(look->arg, found.uid, buf_view(&look->bytes), found.at);
        if (gone)
            return;
        look->gone = NULL;
    }
    fetch_next(look);
}

static enum imap_end end_of(CURLcode code, bool in_folder)
{
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_ABORTED_BY_CALLBACK:
        return IMAP_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return IMAP_UNTRUSTED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED:
        return IMAP_NO_TLS;
    case CURLE_SSL_CACERT_BADFILE:
        return IMAP_OURS;
    case CURLE_LOGIN_DENIED:
        return in_folder ? IMAP_NO_FOLDER : IMAP_LOGIN_REFUSED;
    }
    return IMAP_BROKEN;
}

/* libcurl gives both the same code. */
static bool select_failed(const struct imap_look *look)
{
    return strstr(look->error, "Select failed") != NULL;
}

static void fail(struct imap_look *look, CURLcode code)
{
    struct err err;
    const char *words = look->said[0] ? look->said : look->error;
    enum imap_end end = end_of(code, select_failed(look));
    if (end == IMAP_NO_FOLDER)
        err_set(&err, ERR_CONFIG, "name a folder that the mailbox has", "%s does not open the folder: %s",
                look->where, words);
    else
        transfers_err(&err, code, look->where, words);
    finish(look, end, &err);
}

static void on_ended(void *arg, CURL *easy, CURLcode code)
{
    struct imap_look *look = arg;
    (void)easy;
    look->busy = false;
    if (look->step == STEP_MAIL && (code == CURLE_OK || code == CURLE_REMOTE_FILE_NOT_FOUND))
        fetched(look, code == CURLE_OK);
    else if (code != CURLE_OK)
        fail(look, code);
    else if (look->step == STEP_SEARCH)
        searched(look);
    else
        dated(look);
}

/* --- Start --- */

static void on_refused(void *arg)
{
    struct imap_look *look = arg;
    finish(look, IMAP_OURS, &look->err);
}

static bool no_line_end(const char *text)
{
    return text && sv_printable(sv_of(text));
}

static int check(const struct imap_request *request, struct address *ret_address, struct err *err)
{
    if (address_parse_pair(sv_of(request->address), ret_address, err) < 0)
        return -1;
    if (!no_line_end(request->username) || !no_line_end(request->folder) || !request->folder[0] ||
        strlen(request->folder) > FOLDER_BYTES_MAX || !sv_printable(request->secret))
        return err_set(err, ERR_CONFIG, "give an account, a folder and a secret without control characters",
                       "the IMAP account or folder cannot be used");
    if (request->security == SMTP_SECURITY_NONE && !address_is_loopback(ret_address))
        return err_set(err, ERR_CONFIG, "use tls or starttls", "a secret is not sent in the clear to %s",
                       request->address);
    return 0;
}

static void set_up(struct imap_look *look, const struct imap_request *request)
{
    CURL *easy = look->easy;
    bool starttls = request->security == SMTP_SECURITY_STARTTLS;
    long timeout_ms = (long)((request->timeout > 0 ? request->timeout : TIMEOUT_DEFAULT) / NANOS_PER_MS);
    transfers_prepare(easy, "imap,imaps", request->ca_file, look->error);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)LINES_BYTES_MAX);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, look);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, look);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, look);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, look);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, look);
    curl_easy_setopt(easy, CURLOPT_USERNAME, request->username);
    struct buf secret = BUF_INIT(request->secret.n + 1);
    buf_put(&secret, request->secret);
    buf_put_char(&secret, '\0');
    curl_easy_setopt(easy, CURLOPT_PASSWORD, buf_view(&secret).p);
    buf_free(&secret); /* which wipes it */
}

static void aim(struct imap_look *look, const struct imap_request *request, const struct address *address)
{
    char ip[ADDRESS_TEXT_MAX], text[ADDRESS_TEXT_MAX];
    address_ip_text(address, ip);
    address_text(address, text);
    const char *colon = strrchr(text, ':');
    int port = (int)strtol(colon + 1, NULL, 10);
    const char *scheme = request->security == SMTP_SECURITY_TLS ? "imaps" : "imap";
    if (request->verify_name) {
        look->resolve = transfers_resolve(look->easy, request->verify_name, port, ip);
        snprintf(look->url, sizeof look->url, "%s://%s:%d/", scheme, request->verify_name, port);
    } else {
        snprintf(look->url, sizeof look->url, "%s://%s/", scheme, text);
    }
}

static size_t at_most(size_t wanted, size_t max)
{
    return wanted && wanted < max ? wanted : max;
}

struct imap_look *imap_look(struct loop *loop, const struct imap_request *request,
                            const struct imap_handler *handler, void *arg)
{
    struct imap_look *look = calloc(1, sizeof *look);
    struct address address;
    assert(look);
    look->handler = *handler;
    look->arg = arg;
    look->fd = -1;
    look->after_uid = request->after_uid;
    look->known_validity = request->uid_validity;
    look->since = request->since;
    look->max_mails = at_most(request->max_mails, IMAP_MAILS_MAX);
    look->bytes_max = at_most(request->bytes_max, IMAP_MAIL_BYTES_MAX);
    look->transfers = transfers_new(loop, on_ended, look);
    look->timer = loop_timer_new(loop, on_refused, look);
    look->easy = curl_easy_init();
    assert(look->easy);
    sv_copy(look->where, sizeof look->where, sv_of(request->address));
    if (check(request, &address, &look->err) < 0) {
        loop_timer_set(look->timer, 0);
        return look;
    }
    look->folder = curl_easy_escape(look->easy, request->folder, 0);
    assert(look->folder);
    set_up(look, request);
    aim(look, request, &address);
    search(look);
    return look;
}
