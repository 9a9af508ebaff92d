#include "gateway/signer.h"

#include "base/ascii.h"
#include "base/log.h"
#include "wire/dkim.h"
#include "wire/dkim_form.h"
#include "wire/idn.h"
#include "wire/mail_field.h"

#include <assert.h>
#include <stdlib.h>

#define FETCH_AGAIN_FIRST (NANOS_PER_SECOND / 4)
#define FETCH_AGAIN_MAX   (60 * NANOS_PER_SECOND)

static_assert((int)DKIM_LISTED_MAX == (int)CONFIG_DKIM_HEADERS_MAX, "one bound, told in two rooms");

struct signing {
    struct signer *owner;
    char *domain, *selector, *reference; /* reference: of the secret */
    char **names;
    sv *fields;
    size_t field_count;
    struct dkim_key *key; /* NULL: not there yet */
    struct loop_timer *again;
    nanos wait;
};

struct signer {
    struct loop *loop;
    struct keeper_client *keeper;
    struct signing *items;
    size_t count;
};

/* --- Keys --- */

static void on_key(void *arg, const struct secret *secret, const struct err *failure)
{
    struct signing *item = arg;
    struct err err = {.class = ERR_NONE};
    if (!secret)
        err = *failure;
    else if (dkim_key_read(secret_reveal(secret), &item->key, &err) == 0)
        return;
    if (item->wait > FETCH_AGAIN_FIRST) /* the keeper may just not be up yet */
        LOG_ERROR("gateway has no DKIM key, and messages wait for it", LOG_STR("domain", item->domain),
                  LOG_STR("selector", item->selector), LOG_STR("secret", item->reference), LOG_ERR(&err));
    loop_timer_set(item->again, item->wait);
    item->wait = 2 * item->wait < FETCH_AGAIN_MAX ? 2 * item->wait : FETCH_AGAIN_MAX;
}

static void fetch(void *arg)
{
    struct signing *item = arg;
    keeper_client_get(item->owner->keeper, item->reference, on_key, item);
}

/* --- The signer --- */

static void open_signing(struct signer *signer, const struct config_dkim *config)
{
    struct signing *item = &signer->items[signer->count++];
    item->owner = signer;
    item->domain = strdup(config->domain);
    item->selector = strdup(config->selector);
    item->reference = strdup(config->key);
    item->names = calloc(config->headers.count + 1, sizeof *item->names);
    item->fields = calloc(config->headers.count + 1, sizeof *item->fields);
    assert(item->domain && item->selector && item->reference && item->names && item->fields);
    for (size_t i = 0; i < config->headers.count && i < DKIM_LISTED_MAX; i++) {
        item->names[i] = strdup(config->headers.items[i]);
        item->fields[i] = sv_of(item->names[i]);
        item->field_count++;
    }
    item->wait = FETCH_AGAIN_FIRST;
    item->again = loop_timer_new(signer->loop, fetch, item);
    fetch(item);
}

struct signer *signer_new(struct loop *loop, struct keeper_client *keeper, const struct config_relay *relay)
{
    struct signer *signer = calloc(1, sizeof *signer);
    assert(signer && (keeper || relay->dkim_count == 0));
    signer->loop = loop;
    signer->keeper = keeper;
    signer->items = calloc(relay->dkim_count + 1, sizeof *signer->items);
    assert(signer->items);
    for (size_t i = 0; i < relay->dkim_count; i++)
        open_signing(signer, &relay->dkim[i]);
    return signer;
}

void signer_free(struct signer *signer)
{
    if (!signer)
        return;
    for (size_t i = 0; i < signer->count; i++) {
        struct signing *item = &signer->items[i];
        keeper_client_forget(signer->keeper, item);
        loop_timer_free(item->again);
        dkim_key_free(item->key);
        for (size_t j = 0; j < item->field_count; j++)
            free(item->names[j]);
        free(item->names);
        free(item->fields);
        free(item->domain);
        free(item->selector);
        free(item->reference);
    }
    free(signer->items);
    free(signer);
}

/* --- Messages --- */

static bool is_of_domain(char c)
{
    return ascii_alnum(c) || c == '-' || c == '.' || c == '_' || (unsigned char)c >= 0x80;
}

sv signer_domain_of(sv content)
{
    sv head, body, from = SV_NONE;
    struct mail_field field;
    size_t count = 0;
    dkim_split(content, &head, &body);
    while (mail_field_next(&head, &field))
        if (sv_ieq(field.name, SV("From"))) {
            from = field.value;
            count++;
        }
    size_t at = count == 1 ? sv_find_last(from, '@') : SV_NPOS, n = 0;
    sv rest = at == SV_NPOS ? SV_NONE : sv_from(from, at + 1);
    while (n < rest.n && is_of_domain(rest.p[n]))
        n++;
    return sv_first(rest, n);
}

/* How exact: 0 not at all. */
static size_t fit(const struct signing *item, sv domain)
{
    sv own = sv_of(item->domain);
    bool below = domain.n > own.n && domain.p[domain.n - own.n - 1] == '.' && sv_iends(domain, own);
    return sv_ieq(own, domain) || below ? own.n : 0;
}

static bool sign_once(const struct signing *item, sv content, uint64_t seconds, struct buf *out)
{
    struct err err = {.class = ERR_NONE};
    struct dkim_signer signer = {.domain = sv_of(item->domain),
                                 .selector = sv_of(item->selector),
                                 .key = item->key,
                                 .fields = item->fields,
                                 .field_count = item->field_count};
    if (dkim_sign(&signer, content, seconds, out, &err) == 0)
        return true;
    LOG_WARNING("gateway cannot sign a message", LOG_STR("domain", item->domain), LOG_ERR(&err));
    return false;
}

enum signer_outcome signer_sign(const struct signer *signer, sv content, uint64_t seconds, struct buf *out)
{
    size_t best = 0, keys = 0;
    bool any = false;
    if (signer->count == 0)
        return SIGNER_NOTHING;
    char text[IDN_TEXT_MAX];
    sv domain = idn_to_ascii(signer_domain_of(content), text); /* a key's domain has A-labels */
    for (size_t i = 0; domain.n && i < signer->count; i++) {
        size_t how = fit(&signer->items[i], domain);
        best = how > best ? how : best;
    }
    for (size_t i = 0; best && i < signer->count && keys < SIGNER_KEYS_PER_MESSAGE_MAX; i++) {
        const struct signing *item = &signer->items[i];
        if (fit(item, domain) != best)
            continue;
        if (!item->key) {
            buf_clear(out);
            return SIGNER_WAITS;
        }
        keys++;
        any |= sign_once(item, content, seconds, out);
    }
    return any ? SIGNER_SIGNED : SIGNER_NOTHING;
}
