#include "io/transfers_private.h"

#include "io/http.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char system_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

enum { ENDED_MAX = 1000, RESOLVE_BYTES_MAX = 512 };

struct transfers {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    transfers_fn *fn;
    void *arg;
    nanos entered;
    bool *gone; /* set when fn frees us under our hands */
};

void http_global_init(void)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(code == CURLE_OK);
}

nanos transfers_entered(const struct transfers *transfers)
{
    return transfers->entered;
}

static void act(struct transfers *transfers, curl_socket_t fd, int ready)
{
    int running, left;
    bool gone = false;
    transfers->entered = loop_monotonic();
    curl_multi_socket_action(transfers->multi, fd, ready, &running);
    transfers->gone = &gone;
    for (int i = 0; i < ENDED_MAX; i++) {
        const CURLMsg *message = curl_multi_info_read(transfers->multi, &left);
        if (!message || message->msg != CURLMSG_DONE)
            break;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        curl_multi_remove_handle(transfers->multi, easy);
        transfers->fn(transfers->arg, easy, code);
        if (gone)
            return;
    }
    transfers->gone = NULL;
}

static void on_timer(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(void *arg, int fd, int ready)
{
    act(arg, fd, (ready & LOOP_READ ? CURL_CSELECT_IN : 0) | (ready & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy;
    struct transfers *transfers = arg;
    struct loop_fd *watch = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        loop_fd_free(watch);
        curl_multi_assign(transfers->multi, fd, NULL);
        return 0;
    }
    if (!watch) {
        watch = loop_fd_new(transfers->loop, fd, on_ready, transfers);
        curl_multi_assign(transfers->multi, fd, watch);
    }
    loop_fd_want(watch, (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
    return 0;
}

static int on_timeout(CURLM *multi, long after_ms, void *arg)
{
    (void)multi;
    struct transfers *transfers = arg;
    if (after_ms < 0)
        loop_timer_cancel(transfers->timer);
    else
        loop_timer_set(transfers->timer, after_ms * NANOS_PER_MS);
    return 0;
}

struct transfers *transfers_new(struct loop *loop, transfers_fn *fn, void *arg)
{
    struct transfers *transfers = calloc(1, sizeof *transfers);
    assert(transfers);
    *transfers = (struct transfers){.loop = loop, .fn = fn, .arg = arg, .multi = curl_multi_init()};
    assert(transfers->multi);
    transfers->timer = loop_timer_new(loop, on_timer, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers)
        return;
    if (transfers->gone)
        *transfers->gone = true;
    transfers->entered = loop_monotonic();
    curl_multi_cleanup(transfers->multi);
    loop_timer_free(transfers->timer);
    free(transfers);
}

void transfers_add(struct transfers *transfers, CURL *easy)
{
    CURLMcode code = curl_multi_add_handle(transfers->multi, easy);
    assert(code == CURLM_OK);
}

void transfers_remove(struct transfers *transfers, CURL *easy)
{
    transfers->entered = loop_monotonic();
    curl_multi_remove_handle(transfers->multi, easy);
}

void transfers_prepare(CURL *easy, const char *protocols, const char *ca_file, char *error)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file ? ca_file : system_bundle);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
}

struct curl_slist *transfers_resolve(CURL *easy, const char *host, int port, const char *address)
{
    char entry[RESOLVE_BYTES_MAX];
    bool v6 = strchr(address, ':');
    snprintf(entry, sizeof entry, "%s:%d:%s%s%s", host, port, v6 ? "[" : "", address, v6 ? "]" : "");
    struct curl_slist *list = curl_slist_append(NULL, entry);
    assert(list);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, list);
    return list;
}

int transfers_err(struct err *err, CURLcode code, const char *where, const char *words)
{
    if (!words || !words[0])
        words = curl_easy_strerror(code);
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
        return err_set(err, ERR_UNAVAILABLE, "see whether it runs there and whether a firewall is in between",
                       "%s does not answer: %s", where, words);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return err_set(err, ERR_PERMISSION,
                       "name its authority in ca_file, and see that the certificate bears the name and has "
                       "not expired",
                       "the certificate of %s is not trusted: %s", where, words);
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_CONFIG, "give a readable PEM file in ca_file",
                       "cannot read the certificate authorities for %s: %s", where, words);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED:
        return err_set(err, ERR_PROTOCOL, "see that TLS 1.2 or later is spoken on that port",
                       "%s does not speak TLS with us: %s", where, words);
    case CURLE_LOGIN_DENIED:
        return err_set(err, ERR_PERMISSION, "see to the account and its secret", "%s refuses the login: %s",
                       where, words);
    }
    return err_set(err, ERR_PROTOCOL, NULL, "%s: %s", where, words);
}
