/* Patterns of rules: globs of "*", senders and recipients, domains, header fields, rewritings. ASCII case
 * does not matter in any of them. Pure. */
#ifndef VEDETTE_CONFIG_PATTERN_H
#define VEDETTE_CONFIG_PATTERN_H

#include "base/arena.h"

struct config_strings;

enum { CONFIG_PATTERN_MAX = 512 }; /* bytes of one */

/* "*" stands for any bytes, none included; every other byte for itself. In time of text times stars at most.
 */
bool config_glob(sv pattern, sv text);

/* A sender or recipient: "vault@example.org", "alert-*@example.org", "@example.org" (everybody there),
 * "@.example.org" (in its subdomains), "<>" (the null sender), "*" (any, the null sender too). */
bool config_mailbox_pattern_valid(sv pattern);
bool config_mailbox_matches(sv pattern, sv address);

/* Whether one of the patterns does. */
bool config_mailbox_listed(const struct config_strings *patterns, sv address);

/* A domain: "example.org", ".example.org" (its subdomains, not itself), "*" (any). */
bool config_domain_pattern_valid(sv pattern);
bool config_domain_matches(sv pattern, sv domain);

/* The pattern, of a mailbox or a domain, with A-labels (RFC 5890) for labels beyond ASCII: addresses are
 * compared in that form. The pattern itself if it has none, else a copy in the arena, or SV_NONE if one of
 * them is no label or has a "*". */
sv config_pattern_to_ascii(sv pattern, struct arena *arena);

/* True if the pattern (of a mailbox or a domain) holds for addresses that nobody here can list: all domains,
 * or all below a suffix without a dot, as in "*", "@*" or ".com". */
bool config_pattern_is_foreign(sv pattern);

/* A condition on the header: "Name: GLOB" (a field whose value matches), "Name" (it is there), "!Name" (it
 * is not). */
struct config_header_pattern {
    sv name, glob; /* glob.p NULL: only whether it is there */
    bool absent;
};
bool config_header_pattern_parse(sv text, struct config_header_pattern *ret);

/* A rewriting of recipients: "PATTERN -> mailbox", or "PATTERN -> *@domain", which keeps the local part. */
struct config_rewrite {
    sv from, to;
};
bool config_rewrite_parse(sv text, struct config_rewrite *ret);

/* A header field that a rule puts in front: "Name: value". */
bool config_tag_valid(sv text);

#endif
