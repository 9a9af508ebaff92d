#include "wire/smtp_client_private.h"

#include "base/ascii.h"

static const struct {
    sv keyword;
    enum smtp_extension extension;
} extensions[] = {
    {SV_INIT("PIPELINING"), SMTP_EXT_PIPELINING},
    {SV_INIT("SIZE"), SMTP_EXT_SIZE},
    {SV_INIT("8BITMIME"), SMTP_EXT_8BITMIME},
    {SV_INIT("SMTPUTF8"), SMTP_EXT_SMTPUTF8},
    {SV_INIT("ENHANCEDSTATUSCODES"), SMTP_EXT_ENHANCEDSTATUSCODES},
    {SV_INIT("DSN"), SMTP_EXT_DSN},
    {SV_INIT("STARTTLS"), SMTP_EXT_STARTTLS},
    {SV_INIT("AUTH"), SMTP_EXT_AUTH},
    {SV_INIT("CHUNKING"), SMTP_EXT_CHUNKING},
    {SV_INIT("REQUIRETLS"), SMTP_EXT_REQUIRETLS},
};

/* RFC 4422 §3.1: 1 to 20 of capitals, digits, "-" and "_". */
static bool is_mechanism(sv word)
{
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];
        if (!ascii_alnum(c) && c != '-' && c != '_')
            return false;
    }
    return word.n >= 1 && word.n <= 20;
}

static bool has_word(sv words, sv wanted)
{
    for (sv word = sv_word(&words); word.n; word = sv_word(&words))
        if (sv_ieq(word, wanted))
            return true;
    return false;
}

static void add_mechanisms(struct smtp_offer *offer, sv words)
{
    for (sv word = sv_word(&words); word.n; word = sv_word(&words)) {
        size_t length = offer->mechanisms_length;
        if (!is_mechanism(word) || has_word((sv){offer->mechanisms, length}, word) ||
            length + 1 + word.n > sizeof offer->mechanisms)
            continue;
        if (length)
            offer->mechanisms[length++] = ' ';
        memcpy(offer->mechanisms + length, word.p, word.n);
        offer->mechanisms_length = length + word.n;
    }
}

static void take_peer_name(struct smtp_offer *offer, sv text)
{
    sv name = sv_word(&text);
    if (sv_printable(name) && sv_utf8(name))
        sv_copy(offer->peer_name, sizeof offer->peer_name, sv_first(name, sizeof offer->peer_name - 1));
}

void smtp_offer_line(struct smtp_offer *offer, size_t index, sv text)
{
    if (index == 0) {
        take_peer_name(offer, text);
        return;
    }
    sv keyword = sv_word(&text);
    sv old_form = SV("AUTH="); /* "AUTH=LOGIN", written by servers older than RFC 2554 and still about */
    if (sv_istarts(keyword, old_form)) {
        offer->extensions |= SMTP_EXT_AUTH;
        add_mechanisms(offer, sv_from(keyword, old_form.n));
        add_mechanisms(offer, text);
        return;
    }
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (sv_ieq(keyword, extensions[i].keyword))
            offer->extensions |= extensions[i].extension;
    uint64_t limit;
    if (sv_ieq(keyword, SV("SIZE")) && sv_to_u64(sv_trim(text), &limit))
        offer->size_limit = limit;
    if (sv_ieq(keyword, SV("AUTH")))
        add_mechanisms(offer, text);
}
