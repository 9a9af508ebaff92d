#include "courier/cause.h"

enum { ANY = -1 };

struct phrase {
    const char *phrase;
    enum cause cause;
};

/* What servers write of a mail that they bring back, beside the words of cause.c. Those that others contain
 * or accompany come first. */
static const struct phrase PHRASES[] = {
    /* About the network between the servers. */
    {"ip reputation", CAUSE_REPUTATION},
    {"maximum hop count", CAUSE_ROUTING},
    {"hop count exceeded", CAUSE_ROUTING},
    {"routing loop", CAUSE_ROUTING},
    {"did not accept our requests to connect", CAUSE_ROUTING},
    {"operation timed out", CAUSE_ROUTING},
    {"unable to connect to remote", CAUSE_ROUTING},
    {"could not connect", CAUSE_ROUTING},
    {"couldn't connect", CAUSE_ROUTING},
    {"conversation timed out", CAUSE_ROUTING},
    {"connection lost", CAUSE_ROUTING},
    {"connection dropped", CAUSE_ROUTING},
    {"host is unreachable", CAUSE_ROUTING},
    {"domain is not reachable", CAUSE_DNS},
    {"host unknown", CAUSE_DNS},
    {"unknown host", CAUSE_DNS},
    {"domain does not exist", CAUSE_DNS},
    {"no such domain", CAUSE_DNS},
    {"domain not found", CAUSE_DNS},
    {"unrouteable mail domain", CAUSE_DNS},
    {"unrouteable domain", CAUSE_DNS},
    {"no mx found", CAUSE_DNS},
    {"indicated no smtp service", CAUSE_DNS},
    {"does not accept mail", CAUSE_DNS},
    {"dns query failed", CAUSE_DNS},
    {"bad destination system", CAUSE_DNS},
    {"domain may not exist", CAUSE_DNS},
    {"couldn't find any host", CAUSE_DNS},

    /* About us. */
    {"frequency limited", CAUSE_RATE},
    {"receiving mail at a rate", CAUSE_RATE},
    {"connection rate", CAUSE_RATE},
    {"too many sessions", CAUSE_RATE},
    {"too many emails", CAUSE_RATE},
    {"temporarily rate limited", CAUSE_RATE},
    {"rdns", CAUSE_REPUTATION},
    {"mismatches client ip", CAUSE_REPUTATION},
    {"reverse name", CAUSE_REPUTATION},
    {"reverse host", CAUSE_REPUTATION},
    {"banned sending ip", CAUSE_REPUTATION},
    {"please use the smtp server of your isp", CAUSE_REPUTATION},
    {"aup#", CAUSE_REPUTATION},
    {"mail rejete", CAUSE_REPUTATION},
    {"refused to talk to me", CAUSE_REPUTATION},
    {"sender was rejected", CAUSE_SENDER_POLICY},
    {"dnsbl", CAUSE_REPUTATION},
    {"rbl", CAUSE_REPUTATION},
    {"user complaints", CAUSE_REPUTATION},
    {"not accepting connections", CAUSE_REPUTATION},
    {"service refuse", CAUSE_REPUTATION},
    {"invalid domain name", CAUSE_REPUTATION},
    {"my name was rejected", CAUSE_REPUTATION},
    {"ube", CAUSE_REPUTATION},
    {"bulk mail", CAUSE_REPUTATION},
    {"unsolicited", CAUSE_REPUTATION},
    {"authentication checks failed", CAUSE_SENDER_AUTHENTICATION},
    {"ip address has been blocked", CAUSE_REPUTATION},
    {"address that has been blacklisted", CAUSE_SENDER_POLICY},
    {"email address is not verified", CAUSE_RELAY_POLICY},
    {"do not have permission", CAUSE_SENDER_POLICY},
    {"may not have permission", CAUSE_SENDER_POLICY},
    {"\346\250\251\351\231\220\343\201\214\343\201\252\343\201\204",
     CAUSE_SENDER_POLICY}, /* no right to, in Japanese */
    {"for policy reasons", CAUSE_SENDER_POLICY},
    {"policy violation", CAUSE_SENDER_POLICY},
    {"security policy", CAUSE_SENDER_POLICY},
    {"potential security", CAUSE_SENDER_POLICY},
    {"content presents a potential", CAUSE_SENDER_POLICY},
    {"all recipient addresses rejected", CAUSE_RELAY_POLICY},
    {"from: domain is invalid", CAUSE_SENDER_POLICY},
    {"delivery not authorized", CAUSE_AUTHENTICATION},
    {"not authorized", CAUSE_SENDER_POLICY},

    /* About the mail. */
    {"line limit exceeded", CAUSE_SIZE},
    {"headers too large", CAUSE_CONTENT},
    {"media error", CAUSE_CONTENT},
    {"messages with multiple", CAUSE_CONTENT},
    {"improper sequence of commands", CAUSE_CONTENT},
    {"bad sequence of commands", CAUSE_CONTENT},
    {"rfc 5322", CAUSE_CONTENT},
    {"rfc5322", CAUSE_CONTENT},
    {"rfc 2822", CAUSE_CONTENT},
    {"rfc2822", CAUSE_CONTENT},
    {"header error", CAUSE_SENDER_POLICY},
    {"malware", CAUSE_CONTENT},
    {"infected", CAUSE_CONTENT},

    /* About the mailbox. */
    {"number of messages in recipient's mailbox exceeded", CAUSE_MAILBOX_FULL},
    {"exceeded the local limit", CAUSE_MAILBOX_FULL},
    {"exceeded storage", CAUSE_MAILBOX_FULL},
    {"storage quota", CAUSE_MAILBOX_FULL},
    {"out of storage", CAUSE_MAILBOX_FULL},
    {"allowed size", CAUSE_MAILBOX_FULL},
    {"not enough disk space", CAUSE_MAILBOX_FULL},
    {"quota", CAUSE_MAILBOX_FULL},
    {"mailfull", CAUSE_MAILBOX_FULL},
    {"inbox is full", CAUSE_MAILBOX_FULL},
    {"disabled recipient", CAUSE_RECIPIENT},
    {"recipientnotfound", CAUSE_RECIPIENT},
    {"recipient not found", CAUSE_RECIPIENT},
    {"address couldn't be found", CAUSE_RECIPIENT},
    {"account that you tried to reach", CAUSE_RECIPIENT},
    {"this user doesn't have", CAUSE_RECIPIENT},
    {"no valid recipients", CAUSE_RECIPIENT},
    {"not listed in", CAUSE_RECIPIENT},
    {"invalid final delivery userid", CAUSE_RECIPIENT},
    {"message filtered", CAUSE_RECIPIENT},
    {"illegal alias", CAUSE_RECIPIENT},
    {"no longer available", CAUSE_RECIPIENT},
    {"no longer active", CAUSE_RECIPIENT},
    {"mailbox is inactive", CAUSE_RECIPIENT},
    {"user is inactive", CAUSE_RECIPIENT},
    {"account is inactive", CAUSE_RECIPIENT},
    {"account inactive", CAUSE_RECIPIENT},
    {"has moved", CAUSE_RECIPIENT},
    {"mailbox does not exist", CAUSE_RECIPIENT},
    {"user does not exist", CAUSE_RECIPIENT},
    {"user doesn't exist", CAUSE_RECIPIENT},
    {"address does not exist", CAUSE_RECIPIENT},
    {"no such mailbox", CAUSE_RECIPIENT},
    {"no such address", CAUSE_RECIPIENT},
    {"no such person", CAUSE_RECIPIENT},
    {"user not found", CAUSE_RECIPIENT},
    {"user is unknown", CAUSE_RECIPIENT},
    {"not a valid user", CAUSE_RECIPIENT},
    {"not a valid mailbox", CAUSE_RECIPIENT},
    {"account disabled", CAUSE_RECIPIENT},
    {"account has been disabled", CAUSE_RECIPIENT},
    {"suspended", CAUSE_RECIPIENT},

    /* About the server that had it. */
    {"procmail", CAUSE_GATEWAY_FAULT},
    {"pipe to |", CAUSE_GATEWAY_FAULT},
    {"mailer error", CAUSE_GATEWAY_FAULT},
    {"unknown mailer", CAUSE_GATEWAY_FAULT},
    {"command output", CAUSE_GATEWAY_FAULT},
    {"local delivery failed", CAUSE_GATEWAY_FAULT},
    {"duplicated message-id", CAUSE_GATEWAY_FAULT},
    {"ldap", CAUSE_GATEWAY_FAULT},
    {"internal system error", CAUSE_GATEWAY_FAULT},
    {"internal error", CAUSE_GATEWAY_FAULT},
    {"system error", CAUSE_GATEWAY_FAULT},
    {"transaction failed", CAUSE_GATEWAY_FAULT},
    {"service currently unavailable", CAUSE_GATEWAY_FAULT},
    {"temporarily unable to process", CAUSE_GATEWAY_FAULT},
    {"resources temporarily unavailable", CAUSE_ROUTING},
    {"too many clients", CAUSE_GATEWAY_FAULT},
};

/* Looser words of the same kinds, asked only when nothing above holds. */
static const struct phrase LOOSE[] = {
    {"insufficient space", CAUSE_MAILBOX_FULL},
    {"mailbox size limit", CAUSE_MAILBOX_FULL},
    {"mail box full", CAUSE_MAILBOX_FULL},
    {"mailbox_full", CAUSE_MAILBOX_FULL},
    {"mbox full", CAUSE_MAILBOX_FULL},
    {"not enough storage", CAUSE_MAILBOX_FULL},
    {"mail file size", CAUSE_MAILBOX_FULL},
    {"mailbox exceeds", CAUSE_MAILBOX_FULL},
    {"mailbox has exceeded", CAUSE_MAILBOX_FULL},
    {"over limit", CAUSE_MAILBOX_FULL},
    {"is over the", CAUSE_MAILBOX_FULL},
    {"full mailbox", CAUSE_MAILBOX_FULL},
    {"box is full", CAUSE_MAILBOX_FULL},
    {"too much mail data", CAUSE_MAILBOX_FULL},
    {"too full", CAUSE_MAILBOX_FULL},
    {"maildir over", CAUSE_MAILBOX_FULL},
    {"no space left for", CAUSE_MAILBOX_FULL},
    {"boite pleine", CAUSE_MAILBOX_FULL},
    {"would exceed", CAUSE_MAILBOX_FULL},
    {"user has too many messages", CAUSE_MAILBOX_FULL},
    {"disk full", CAUSE_MAILBOX_FULL},
    {"user's disk", CAUSE_MAILBOX_FULL},
    {"known user", CAUSE_RECIPIENT},
    {"unknown address", CAUSE_RECIPIENT},
    {"address unknown", CAUSE_RECIPIENT},
    {"unknown mailbox", CAUSE_RECIPIENT},
    {"unknown local part", CAUSE_RECIPIENT},
    {"unknown account", CAUSE_RECIPIENT},
    {"unknown e-mail address", CAUSE_RECIPIENT},
    {"addressee unknown", CAUSE_RECIPIENT},
    {"user not known", CAUSE_RECIPIENT},
    {"not a known user", CAUSE_RECIPIENT},
    {"no account", CAUSE_RECIPIENT},
    {"no such account", CAUSE_RECIPIENT},
    {"no one by that name", CAUSE_RECIPIENT},
    {"no mail box available", CAUSE_RECIPIENT},
    {"no mailbox", CAUSE_RECIPIENT},
    {"nosuchuser", CAUSE_RECIPIENT},
    {"invalid mailbox", CAUSE_RECIPIENT},
    {"invalid user", CAUSE_RECIPIENT},
    {"invalid address", CAUSE_RECIPIENT},
    {"invalid local", CAUSE_RECIPIENT},
    {"bad address", CAUSE_RECIPIENT},
    {"bad destination mailbox", CAUSE_RECIPIENT},
    {"not our customer", CAUSE_RECIPIENT},
    {"not a local user", CAUSE_RECIPIENT},
    {"not a valid", CAUSE_RECIPIENT},
    {"can't find user", CAUSE_RECIPIENT},
    {"cannot find user", CAUSE_RECIPIENT},
    {"name is not recognized", CAUSE_RECIPIENT},
    {"recipient is not local", CAUSE_RECIPIENT},
    {"not found in directory", CAUSE_RECIPIENT},
    {"resolver.adr", CAUSE_RECIPIENT},
    {"address is not valid", CAUSE_RECIPIENT},
    {"undeliverable address", CAUSE_RECIPIENT},
    {"no recipients", CAUSE_RECIPIENT},
    {"user doesn't", CAUSE_RECIPIENT},
    {"doesn't have a", CAUSE_RECIPIENT},
    {"mailbox disabled", CAUSE_RECIPIENT},
    {"disabled mailbox", CAUSE_RECIPIENT},
    {"inactive", CAUSE_RECIPIENT},
    {"not active", CAUSE_RECIPIENT},
    {"deactivated", CAUSE_RECIPIENT},
    {"closed account", CAUSE_RECIPIENT},
    {"account closed", CAUSE_RECIPIENT},
    {"account has been closed", CAUSE_RECIPIENT},
    {"account expired", CAUSE_RECIPIENT},
    {"account is closed", CAUSE_RECIPIENT},
    {"frozen", CAUSE_RECIPIENT},
    {"temporarily unavailable account", CAUSE_RECIPIENT},
    {"recipient rejected", CAUSE_RECIPIENT},
    {"recipient refused", CAUSE_RECIPIENT},
    {"address has changed", CAUSE_RECIPIENT},
    {"been replaced by", CAUSE_RECIPIENT},
    {"moved to", CAUSE_RECIPIENT},
    {"user disabled", CAUSE_RECIPIENT},
    {"archivee", CAUSE_RECIPIENT},
    {"archived", CAUSE_RECIPIENT},
    {"email address was not found", CAUSE_RECIPIENT},
    {"address wasn't found", CAUSE_RECIPIENT},
    {"recipient does not exist", CAUSE_RECIPIENT},
    {"recipient doesn't exist", CAUSE_RECIPIENT},
    {"is not accepting mail", CAUSE_RECIPIENT},
    {"doesn't accept messages from outside", CAUSE_RECIPIENT},
    {"delivery restriction", CAUSE_RECIPIENT},
    {"restrictions", CAUSE_RECIPIENT},
    {"dns error", CAUSE_DNS},
    {"illegal host", CAUSE_DNS},
    {"unresolvable", CAUSE_DNS},
    {"non-existent hosts", CAUSE_DNS},
    {"nonexistent domain", CAUSE_DNS},
    {"no valid host", CAUSE_DNS},
    {"domain is not valid", CAUSE_DNS},
    {"domain must exist", CAUSE_DNS},
    {"domain not exist", CAUSE_DNS},
    {"invalid domain", CAUSE_DNS},
    {"nxdomain", CAUSE_DNS},
    {"unable to resolve", CAUSE_DNS},
    {"cannot resolve", CAUSE_DNS},
    {"could not resolve", CAUSE_DNS},
    {"couldn't resolve", CAUSE_DNS},
    {"dns server", CAUSE_DNS},
    {"no a or mx", CAUSE_DNS},
    {"no mail servers", CAUSE_DNS},
    {"mail receiving disabled", CAUSE_DNS},
    {"domain is not accepting", CAUSE_DNS},
    {"domain isn't", CAUSE_DNS},
    {"host down", CAUSE_ROUTING},
    {"host is down", CAUSE_ROUTING},
    {"not reachable", CAUSE_ROUTING},
    {"unreachable", CAUSE_ROUTING},
    {"connect time out", CAUSE_ROUTING},
    {"connection timeout", CAUSE_ROUTING},
    {"unable to route", CAUSE_ROUTING},
    {"cannot connect", CAUSE_ROUTING},
    {"can't connect", CAUSE_ROUTING},
    {"connection attempt", CAUSE_ROUTING},
    {"connection failed", CAUSE_ROUTING},
    {"connect failed", CAUSE_ROUTING},
    {"no connection", CAUSE_ROUTING},
    {"failed to connect", CAUSE_ROUTING},
    {"connection reset", CAUSE_ROUTING},
    {"connection closed", CAUSE_ROUTING},
    {"connection was dropped", CAUSE_ROUTING},
    {"looping", CAUSE_ROUTING},
    {"loop detected", CAUSE_ROUTING},
    {"hop count", CAUSE_ROUTING},
    {"unable to reach", CAUSE_ROUTING},
    {"did not respond", CAUSE_ROUTING},
    {"no response", CAUSE_ROUTING},
    {"not responding", CAUSE_ROUTING},
    {"bad connection", CAUSE_ROUTING},
    {"server is down", CAUSE_ROUTING},
    {"refused connection", CAUSE_ROUTING},
    {"connection rejected", CAUSE_ROUTING},
    {"timeout", CAUSE_ROUTING},
    {"time out", CAUSE_ROUTING},
    {"max retry", CAUSE_ROUTING},
    {"retries", CAUSE_ROUTING},
    {"not be delivered within", CAUSE_ROUTING},
    {"undeliverable after", CAUSE_ROUTING},
    {"lost connection", CAUSE_ROUTING},
    {"rcpthosts", CAUSE_RELAY_POLICY},
    {"open relay", CAUSE_RELAY_POLICY},
    {"as a relay", CAUSE_RELAY_POLICY},
    {"relaying", CAUSE_RELAY_POLICY},
    {"no relaying", CAUSE_RELAY_POLICY},
    {"relay", CAUSE_RELAY_POLICY},
    {"not local", CAUSE_RELAY_POLICY},
    {"mail relay", CAUSE_RELAY_POLICY},
    {"not pass", CAUSE_SENDER_AUTHENTICATION},
    {"authentication-results", CAUSE_SENDER_AUTHENTICATION},
    {"authentication results", CAUSE_SENDER_AUTHENTICATION},
    {"domainkeys", CAUSE_SENDER_AUTHENTICATION},
    {"starttls", CAUSE_TLS},
    {"tls", CAUSE_TLS},
    {"ssl", CAUSE_TLS},
    {"certificate", CAUSE_TLS},
    {"encryption", CAUSE_TLS},
    {"encrypted", CAUSE_TLS},
    {"too many", CAUSE_RATE},
    {"too frequent", CAUSE_RATE},
    {"too fast", CAUSE_RATE},
    {"concurrency", CAUSE_RATE},
    {"concurrent", CAUSE_RATE},
    {"per hour", CAUSE_RATE},
    {"per minute", CAUSE_RATE},
    {"per day", CAUSE_RATE},
    {"hourly", CAUSE_RATE},
    {"exceeded the maximum number", CAUSE_RATE},
    {"temporarily deferred", CAUSE_RATE},
    {"rate", CAUSE_RATE},
    {"message rate", CAUSE_RATE},
    {"flood", CAUSE_RATE},
    {"slow down", CAUSE_RATE},
    {"blacklisted", CAUSE_REPUTATION},
    {"banned", CAUSE_REPUTATION},
    {"black list", CAUSE_REPUTATION},
    {"deny list", CAUSE_REPUTATION},
    {"denylist", CAUSE_REPUTATION},
    {"bad reputation", CAUSE_REPUTATION},
    {"reputation", CAUSE_REPUTATION},
    {"junk", CAUSE_REPUTATION},
    {"phishing", CAUSE_REPUTATION},
    {"suspicious", CAUSE_REPUTATION},
    {"bayes", CAUSE_REPUTATION},
    {"cloudmark", CAUSE_REPUTATION},
    {"bad dns", CAUSE_REPUTATION},
    {"dns lookup failed for client", CAUSE_REPUTATION},
    {"ip name lookup", CAUSE_REPUTATION},
    {"ptr record", CAUSE_REPUTATION},
    {"rejecting connection", CAUSE_REPUTATION},
    {"connections not accepted", CAUSE_REPUTATION},
    {"refused by", CAUSE_REPUTATION},
    {"firewall", CAUSE_REPUTATION},
    {"sending ip", CAUSE_REPUTATION},
    {"your ip", CAUSE_REPUTATION},
    {"ip address", CAUSE_REPUTATION},
    {"client host", CAUSE_REPUTATION},
    {"blocked", CAUSE_REPUTATION},
    {"blocklisted", CAUSE_REPUTATION},
    {"content filter", CAUSE_REPUTATION},
    {"identified as", CAUSE_REPUTATION},
    {"abuse", CAUSE_REPUTATION},
    {"abusive", CAUSE_REPUTATION},
    {"bulk", CAUSE_REPUTATION},
    {"hosts.deny", CAUSE_REPUTATION},
    {"dynamic ip", CAUSE_REPUTATION},
    {"dynamic address", CAUSE_REPUTATION},
    {"barracuda", CAUSE_REPUTATION},
    {"spamcop", CAUSE_REPUTATION},
    {"sorbs", CAUSE_REPUTATION},
    {"message size", CAUSE_SIZE},
    {"message length", CAUSE_SIZE},
    {"larger than", CAUSE_SIZE},
    {"mail size", CAUSE_SIZE},
    {"size of", CAUSE_SIZE},
    {"exceeds the", CAUSE_SIZE},
    {"too big", CAUSE_SIZE},
    {"too long", CAUSE_SIZE},
    {"maximum size", CAUSE_SIZE},
    {"malformed", CAUSE_CONTENT},
    {"rfc compliant", CAUSE_CONTENT},
    {"not rfc", CAUSE_CONTENT},
    {"8bit", CAUSE_CONTENT},
    {"8-bit", CAUSE_CONTENT},
    {"charset", CAUSE_CONTENT},
    {"nul character", CAUSE_CONTENT},
    {"null character", CAUSE_CONTENT},
    {"mime", CAUSE_CONTENT},
    {"missing header", CAUSE_CONTENT},
    {"duplicate header", CAUSE_CONTENT},
    {"invalid header", CAUSE_CONTENT},
    {"headers", CAUSE_CONTENT},
    {"improper use", CAUSE_CONTENT},
    {"multiple from", CAUSE_CONTENT},
    {"trojan", CAUSE_CONTENT},
    {"worm", CAUSE_CONTENT},
    {"executable", CAUSE_CONTENT},
    {"attachment", CAUSE_CONTENT},
    {"attachments", CAUSE_CONTENT},
    {"file type", CAUSE_CONTENT},
    {"syntax error", CAUSE_CONTENT},
    {"unrecognized", CAUSE_CONTENT},
    {"bad command", CAUSE_CONTENT},
    {"invalid command", CAUSE_CONTENT},
    {"illegal character", CAUSE_CONTENT},
    {"non-ascii", CAUSE_CONTENT},
    {"encoding", CAUSE_CONTENT},
    {"invalid sender", CAUSE_SENDER_POLICY},
    {"bad sender", CAUSE_SENDER_POLICY},
    {"unknown sender", CAUSE_SENDER_POLICY},
    {"sender domain", CAUSE_SENDER_POLICY},
    {"domain of sender", CAUSE_SENDER_POLICY},
    {"sender is not", CAUSE_SENDER_POLICY},
    {"sender address", CAUSE_SENDER_POLICY},
    {"sender unknown", CAUSE_SENDER_POLICY},
    {"no such sender", CAUSE_SENDER_POLICY},
    {"null sender", CAUSE_SENDER_POLICY},
    {"unauthorized sender", CAUSE_SENDER_POLICY},
    {"not allowed to send", CAUSE_SENDER_POLICY},
    {"not permitted to send", CAUSE_SENDER_POLICY},
    {"not allowed to post", CAUSE_SENDER_POLICY},
    {"not accept mail from", CAUSE_SENDER_POLICY},
    {"not accept mails from", CAUSE_SENDER_POLICY},
    {"don't accept mail from", CAUSE_SENDER_POLICY},
    {"sender", CAUSE_SENDER_POLICY},
    {"from address", CAUSE_SENDER_POLICY},
    {"return path", CAUSE_SENDER_POLICY},
    {"return-path", CAUSE_SENDER_POLICY},
    {"backscatter", CAUSE_SENDER_POLICY},
    {"policy", CAUSE_SENDER_POLICY},
    {"policies", CAUSE_SENDER_POLICY},
    {"prohibited", CAUSE_SENDER_POLICY},
    {"disallowed", CAUSE_SENDER_POLICY},
    {"not permitted", CAUSE_SENDER_POLICY},
    {"not allowed", CAUSE_SENDER_POLICY},
    {"closed mailing list", CAUSE_SENDER_POLICY},
    {"unauthorized", CAUSE_SENDER_POLICY},
    {"access denied", CAUSE_SENDER_POLICY},
    {"permission", CAUSE_SENDER_POLICY},
    {"forbidden", CAUSE_SENDER_POLICY},
    {"authentication", CAUSE_AUTHENTICATION},
    {"smtp auth", CAUSE_AUTHENTICATION},
    {"not authenticated", CAUSE_AUTHENTICATION},
    {"sasl", CAUSE_AUTHENTICATION},
    {"can't create", CAUSE_GATEWAY_FAULT},
    {"cannot create", CAUSE_GATEWAY_FAULT},
    {"unable to write", CAUSE_GATEWAY_FAULT},
    {"unable to open", CAUSE_GATEWAY_FAULT},
    {"cannot open", CAUSE_GATEWAY_FAULT},
    {"configuration", CAUSE_GATEWAY_FAULT},
    {"server error", CAUSE_GATEWAY_FAULT},
    {"server failure", CAUSE_GATEWAY_FAULT},
    {"out of memory", CAUSE_GATEWAY_FAULT},
    {"internal", CAUSE_GATEWAY_FAULT},
    {"temporary failure", CAUSE_GATEWAY_FAULT},
    {"temporarily unavailable", CAUSE_GATEWAY_FAULT},
    {"service unavailable", CAUSE_GATEWAY_FAULT},
    {"not available", CAUSE_GATEWAY_FAULT},
    {"unavailable", CAUSE_GATEWAY_FAULT},
    {"could not load", CAUSE_GATEWAY_FAULT},
    {"command failed", CAUSE_GATEWAY_FAULT},
    {"exit code", CAUSE_GATEWAY_FAULT},
    {"exit status", CAUSE_GATEWAY_FAULT},
    {"command died", CAUSE_GATEWAY_FAULT},
    {"system problem", CAUSE_GATEWAY_FAULT},
    {"system failure", CAUSE_GATEWAY_FAULT},
    {"database", CAUSE_GATEWAY_FAULT},
    {"lookup failure", CAUSE_GATEWAY_FAULT},
    {"mail system", CAUSE_GATEWAY_FAULT},
    {"backend", CAUSE_GATEWAY_FAULT},
    {"filter error", CAUSE_GATEWAY_FAULT},
    {"local problem", CAUSE_GATEWAY_FAULT},
    {"disk", CAUSE_GATEWAY_FAULT},
    {"try again later", CAUSE_GATEWAY_FAULT},
    {"protocol error", CAUSE_GATEWAY_FAULT},
};

/* Of mail that was given up after a while: only if nothing is said of why. */
static const struct phrase GIVEN_UP[] = {
    {"retry timeout exceeded", CAUSE_ROUTING},
    {"retry time not reached", CAUSE_ROUTING},
    {"in the queue too long", CAUSE_ROUTING},
    {"still undelivered after", CAUSE_ROUTING},
    {"message expired", CAUSE_ROUTING},
    {"delivery expired", CAUSE_ROUTING},
    {"delivery time expired", CAUSE_ROUTING},
    {"all hosts have been failing", CAUSE_ROUTING},
    {"envelope expired", CAUSE_ROUTING},
    {"expired", CAUSE_ROUTING},
    {"timed out", CAUSE_ROUTING},
    {"message has been in the queue", CAUSE_ROUTING},
    {"could not be delivered for", CAUSE_ROUTING},
    {"delivery attempts", CAUSE_ROUTING},
};

/* Statuses that mean one thing, whoever says them; read before what cause.c takes from general words. */
static const struct {
    int enhanced[3];
    enum cause cause;
} STATUSES[] = {
    {{ANY, 7, 25}, CAUSE_REPUTATION},
    {{ANY, 7, 606}, CAUSE_REPUTATION},
    {{ANY, 7, 650}, CAUSE_REPUTATION},
    {{ANY, 7, 20}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 21}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 22}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 23}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 24}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 26}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 27}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 509}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 515}, CAUSE_SENDER_AUTHENTICATION},
    {{5, 7, 13}, CAUSE_RECIPIENT},
    {{5, 1, 6}, CAUSE_RECIPIENT},
    {{ANY, 1, 2}, CAUSE_DNS},
    {{ANY, 4, 312}, CAUSE_DNS},
    {{ANY, 4, 316}, CAUSE_ROUTING},
    {{ANY, 4, 7}, CAUSE_ROUTING},
    {{5, 4, 14}, CAUSE_ROUTING},
    {{ANY, 2, 2}, CAUSE_MAILBOX_FULL},
    {{5, 3, 4}, CAUSE_SIZE},
};

/* When neither words nor cause.c know more. */
static const struct {
    int enhanced[3];
    enum cause cause;
} REMAINDER[] = {
    {{5, 1, 0}, CAUSE_RECIPIENT},  {{5, 2, 0}, CAUSE_RECIPIENT},  {{ANY, 7, 6}, CAUSE_TLS},
    {{5, 7, 0}, CAUSE_REPUTATION}, {{5, 7, 1}, CAUSE_REPUTATION}, {{5, 4, 0}, CAUSE_ROUTING},
};

static bool bears(const int status[static 3], const int row[static 3])
{
    bool class = row[0] == ANY ? status[0] == 4 || status[0] == 5 : status[0] == row[0];
    return class && status[1] == row[1] && status[2] == row[2];
}

static bool of_list(const struct phrase *list, size_t n, sv text, struct cause_told *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (!cause_says(text, list[i].phrase))
            continue;
        *ret = cause_tell(list[i].cause, NULL);
        return true;
    }
    return false;
}

static bool of_words(sv text, struct cause_told *ret)
{
    return of_list(PHRASES, sizeof PHRASES / sizeof *PHRASES, text, ret);
}

static bool of_loose_words(sv text, struct cause_told *ret)
{
    return of_list(LOOSE, sizeof LOOSE / sizeof *LOOSE, text, ret);
}

static bool of_giving_up(sv text, struct cause_told *ret)
{
    return of_list(GIVEN_UP, sizeof GIVEN_UP / sizeof *GIVEN_UP, text, ret);
}

static bool of_general_words(sv text, struct cause_told *ret)
{
    struct cause_told told = cause_of_phrase(text);
    if (told.cause != CAUSE_UNKNOWN)
        *ret = told;
    return told.cause != CAUSE_UNKNOWN;
}

static bool of_status(const int status[static 3], struct cause_told *ret)
{
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
        if (!bears(status, STATUSES[i].enhanced))
            continue;
        *ret = cause_tell(STATUSES[i].cause, NULL);
        return true;
    }
    return false;
}

static struct cause_told of_codes(const struct dsn_recipient *recipient)
{
    struct smtp_answer answer = {.code = recipient->code};
    memcpy(answer.enhanced, recipient->status, sizeof answer.enhanced);
    enum smtp_stage stage = recipient->stage < 0 ? SMTP_STAGE_CLOSED : (enum smtp_stage)recipient->stage;
    struct cause_told told = cause_of_answer(stage, &answer);
    for (size_t i = 0; told.cause == CAUSE_UNKNOWN && i < sizeof REMAINDER / sizeof *REMAINDER; i++)
        if (bears(recipient->status, REMAINDER[i].enhanced))
            told = cause_tell(REMAINDER[i].cause, NULL);
    return told;
}

/* A server that does not let the other one begin means its address or its name. */
static bool of_greeting(const struct dsn_recipient *recipient, struct cause_told *ret)
{
    if ((recipient->stage != SMTP_STAGE_BANNER && recipient->stage != SMTP_STAGE_EHLO) ||
        recipient->code < 500)
        return false;
    *ret = cause_tell(CAUSE_REPUTATION, NULL);
    return true;
}

/* NTT docomo takes the recipient and refuses the mail as for an unknown one: its filter for senders. */
static bool of_late_refusal(const struct dsn_recipient *recipient, struct cause_told *ret)
{
    if (recipient->stage != SMTP_STAGE_DOT || !cause_says(sv_of(recipient->said), "unknown user") ||
        sv_ifind(sv_of(recipient->told), SV("docomo")) == SV_NPOS)
        return false;
    *ret = cause_tell(CAUSE_SENDER_POLICY, "have the recipient's filter let mail from this sender through");
    return true;
}

static bool of_denial(const struct dsn_recipient *recipient, struct cause_told *ret)
{
    sv said = sv_of(recipient->said);
    if (!cause_says(said, "access denied") || cause_says(said, "relay") ||
        (recipient->status[1] != 7 && !cause_says(said, "5.7.1")))
        return false;
    *ret = recipient->stage == SMTP_STAGE_MAIL
               ? cause_tell(CAUSE_SENDER_POLICY, NULL)
               : cause_tell(CAUSE_AUTHENTICATION, "ask the recipient's mail server why it denies access");
    return true;
}

struct cause_told cause_of_report(const struct dsn_recipient *recipient)
{
    struct cause_told told;
    sv said = sv_of(recipient->said), more = sv_of(recipient->told);
    if (of_words(said, &told) || of_status(recipient->status, &told) || of_denial(recipient, &told) ||
        of_late_refusal(recipient, &told) || of_general_words(said, &told) || of_words(more, &told) ||
        of_general_words(more, &told) || of_greeting(recipient, &told) || of_giving_up(said, &told) ||
        of_giving_up(more, &told))
        return told;
    told = of_codes(recipient);
    if (told.cause == CAUSE_UNKNOWN)
        (void)(of_loose_words(said, &told) || of_loose_words(more, &told));
    if (told.cause == CAUSE_UNKNOWN && cause_says(said, "does not exist"))
        return cause_tell(CAUSE_DNS, NULL);
    return told;
}
