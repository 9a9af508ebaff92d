/* The one table of the configuration: structs, parser, checks, help and manual page are drawn from it. */
#ifndef VEDETTE_CONFIG_SCHEMA_H
#define VEDETTE_CONFIG_SCHEMA_H

/* X(key, TYPE, default, help). A default is written as the file would have it (a list: "a, b");
 * CONFIG_REQUIRED means that the key must be there, CONFIG_NONE that it may be absent: then NULL, 0, false or
 * empty. Types and their C forms:
 *
 *   NAME        const char *   letters, digits, ".", "_", "-"; 1 to 64
 *   STRING      const char *   any text without control characters
 *   ADDRESS     const char *   a literal IPv4 or IPv6 address
 *   ENDPOINT    const char *   address:port, [v6]:port
 *   HOST        const char *   a domain name
 *   PORT        int            1 to 65535
 *   MAILBOX     const char *   "user@example.org" or "Name <user@example.org>"
 *   PATH        const char *   absolute, or relative to the folder of its file (then made absolute)
 *   PIN         const char *   "sha256:" and 64 hex digits
 *   SECRET      const char *   "PROVIDER/NAME" of secret:PROVIDER/NAME; a plain value is an error with advice
 *   LENGTH      nanos          "500ms" "10s" "15m" "4h" "2d"
 *   SIZE        int64_t        bytes: "64K" "10M" "1G"
 *   COUNT       int            0 to 1,000,000
 *   PROCESSES   int            1 to 16; 0 for auto
 *   BOOLEAN     bool           true or false
 *   PRESENT     bool           {}: true if the key is there
 *   SECURITY    enum smtp_security   tls, starttls or none
 *   LISTENING   enum config_listening   offered, starttls, tls or none
 *   PRIVILEGES  enum config_privileges
 *   LOG_LEVEL   enum log_level
 *   LOG_FORMAT  enum log_format
 *   FORMAT      enum decode_format
 *   TEMPLATE    enum config_template   generic, slack, teams or pagerduty
 *   LEVEL       const char *   a Sigma level: informational, low, medium, high, critical
 *   LOGSOURCE   const char *   product/category/service
 *   TLS         unsigned       "any", "1.2", "1.3": the least number that SSL_version may give; 0 if absent
 *   TLS_POLICY  enum config_tls_policy   verified, required, opportunistic, dane-only or none
 *   OVER        enum config_over   defer, reject or next
 *   ZONE        const char *   a time zone by its name: Europe/Berlin, UTC; that it exists is checked later
 *   TAG         const char *   "Name: value", a header field
 *   QUOTA       const char *   "1000/day per sender": config/rate.h
 *   STRINGS, HOSTS, MAILBOXES, PATHS, ENDPOINTS   struct config_strings
 *   NETWORKS, HOURS, RATES, QUOTAS, SENDERS, DOMAINS, FIELDS, REWRITES   struct config_strings of what
 *               config/network.h, hours.h, rate.h and pattern.h read
 */
#define CONFIG_REQUIRED "\1"
#define CONFIG_NONE     NULL

/* How an SMTP server is trusted, and how we show who we are. */
#define CONFIG_PEER(X)                                                                             \
    X(verify_name, HOST, CONFIG_NONE,                                                              \
      "The name its certificate must bear; default: host, else the address.")                      \
    X(ca_file, PATH, CONFIG_NONE, "Certificate authority to trust (PEM); default: the system's.")  \
    X(ca_directory, PATH, CONFIG_NONE, "The same as a hashed directory.")                          \
    X(pin, PIN, CONFIG_NONE, "Fingerprint of its certificate or key, instead of an authority.")    \
    X(username, STRING, CONFIG_NONE, "Account to authenticate with.")                              \
    X(password, SECRET, CONFIG_NONE, "secret:PROVIDER/NAME, never a value.")                       \
    X(auth, NAME, CONFIG_NONE, "One SASL mechanism to insist on; default: the strongest offered.") \
    X(helo, HOST, CONFIG_NONE, "Our name for EHLO; default: hostname.")

#define CONFIG_GATEWAY(X)                                                                        \
    X(name, NAME, CONFIG_REQUIRED, "What this gateway is called in reports.")                    \
    X(address, ADDRESS, CONFIG_REQUIRED, "IP address of the SMTP gateway, v4 or v6.")            \
    X(host, HOST, CONFIG_NONE, "Its name, watched for drift from the address.")                  \
    X(port, PORT, "587", "25, 587 (STARTTLS) or 465 (TLS).")                                     \
    X(security, SECURITY, CONFIG_REQUIRED,                                                       \
      "tls, starttls (required, never optional) or none (in the clear).")                        \
    CONFIG_PEER(X)                                                                               \
    X(sender, MAILBOX, CONFIG_NONE, "Sender over this gateway; default: the global one.")        \
    X(connections, COUNT, "4", "Sessions at once.")                                              \
    X(connect_timeout, LENGTH, CONFIG_NONE, "Default: 5s while another gateway is up, else 5m.") \
    X(stage_timeout, LENGTH, CONFIG_NONE,                                                        \
      "For each other stage; default: 10s while another is up, else RFC 5321's.")

/* A mailbox that we read: a Maildir, or one by IMAP. */
#define CONFIG_POSTBOX(X)                                                                              \
    X(maildir, PATH, CONFIG_NONE, "A Maildir on this machine.")                                        \
    X(imap, ENDPOINT, CONFIG_NONE, "IMAP server, by its IP address and port, such as 192.0.2.30:993.") \
    X(security, SECURITY, "tls", "Of IMAP: tls (port 993), starttls (143) or none (loopback only).")   \
    X(verify_name, HOST, CONFIG_NONE,                                                                  \
      "The name the IMAP server's certificate must bear; default: its address.")                       \
    X(ca_file, PATH, CONFIG_NONE, "Certificate authority to trust (PEM); default: the system's.")      \
    X(username, STRING, CONFIG_NONE, "Account of the mailbox.")                                        \
    X(password, SECRET, CONFIG_NONE, "secret:PROVIDER/NAME, never a value.")                           \
    X(folder, STRING, "INBOX", "IMAP folder that mail is expected in.")                                \
    X(junk, STRING, "Junk",                                                                            \
      "IMAP or Maildir++ folder that unwanted mail ends in: a landing there is a warning.")            \
    X(every, LENGTH, "30s", "How often IMAP is looked at while something is waited for.")

/* Where landings of messages over this gateway can be seen. */
#define CONFIG_LANDING(X)                                                               \
    CONFIG_POSTBOX(X)                                                                   \
    X(recipient, MAILBOX, CONFIG_NONE,                                                  \
      "Whose mail lands there: the canary's recipient. Without it there is no canary.") \
    X(dsn, BOOLEAN, "false",                                                            \
      "Ask the gateway for reports of delivery (NOTIFY=SUCCESS), and take `delivered` as a landing.")

#define CONFIG_CANARY(X)                                                                                   \
    X(every, LENGTH, "1h", "A test message over each gateway whose landing has a recipient; 0s for none.") \
    X(wait, LENGTH, "10m", "It is missed when it has not landed by then.")

#define CONFIG_PATHS(X)                                                                         \
    X(probe, LENGTH, "10m",                                                                     \
      "How often name, certificate and capabilities of each gateway are looked at; 0s: never.") \
    X(trouble_after, LENGTH, "1m", "A gateway that has been down for so long is reported.")     \
    X(review, LENGTH, "90d",                                                                    \
      "After so long without a change or `vedette path reviewed` the settings are due; 0s: never.")

#define CONFIG_BOUNCES(X)            \
    CONFIG_POSTBOX(X)                \
    X(address, MAILBOX, CONFIG_NONE, \
      "Envelope sender that delivery reports come back to; each mail adds a token: bounces+TOKEN@…")

/* One other way out: exactly one of the first four. */
#define CONFIG_WAY(X)                                                                                        \
    X(webhook, STRING, CONFIG_NONE, "http(s) URL, or secret:PROVIDER/NAME when the URL itself is a secret.") \
    X(syslog, STRING, CONFIG_NONE, "udp://ADDRESS:PORT, tcp://…, tls://… or unix:///path of a SIEM.")        \
    X(command, STRINGS, CONFIG_NONE,                                                                         \
      "Program and arguments, never through a shell; the notice comes as JSON on standard input.")           \
    X(console, PRESENT, CONFIG_NONE, "The machine's console: {}.")                                           \
    X(name, NAME, CONFIG_REQUIRED, "What this way is called in reports.")                                    \
    X(template, TEMPLATE, "generic", "Of a webhook: generic (JSON), slack, teams or pagerduty.")             \
    X(key, SECRET, CONFIG_NONE, "Of a webhook: PagerDuty's routing key, else a bearer token.")               \
    X(address, ADDRESS, CONFIG_NONE,                                                                         \
      "Of a webhook: the IP address of its host; default: asked of the resolvers.")                          \
    X(cef, BOOLEAN, "true", "Of syslog: CEF; false: RFC 5424 with plain text.")                              \
    X(ca_file, PATH, CONFIG_NONE,                                                                            \
      "Of a webhook and tls://: certificate authority to trust (PEM); default: the system's.")               \
    X(timeout, LENGTH, "10s", "For one try.")

#define CONFIG_HEARTBEAT(X)                                                                                \
    X(url, STRING, CONFIG_NONE, "http(s) URL that is fetched while all is well, or secret:PROVIDER/NAME.") \
    X(every, LENGTH, "1m", "How often.")                                                                   \
    X(address, ADDRESS, CONFIG_NONE, "The IP address of its host; default: asked of the resolvers.")       \
    X(ca_file, PATH, CONFIG_NONE, "Certificate authority to trust (PEM); default: the system's.")

/* One entry of inputs: exactly one of the first five, and how to read it. */
#define CONFIG_INPUT(X)                                                                                \
    X(syslog, STRING, CONFIG_NONE,                                                                     \
      "udp://ADDRESS:PORT, tcp://…, tls://…, unix:///path (datagrams) or unix-stream:///path.")        \
    X(relp, STRING, CONFIG_NONE,                                                                       \
      "tcp://ADDRESS:PORT or tls://…: RELP, whose senders are answered once findings are on disk.")    \
    X(file, PATH, CONFIG_NONE, "A file to follow over rotation and truncation.")                       \
    X(journal, PRESENT, CONFIG_NONE, "The systemd journal: {}.")                                       \
    X(stdin, PRESENT, CONFIG_NONE, "Standard input: {}; Vedette drains and ends when it ends.")        \
    X(format, FORMAT, "auto", "auto, json, cef, leef, syslog or text.")                                \
    X(logsource, LOGSOURCE, CONFIG_NONE, "product/category/service of everything it reads.")           \
    X(time_zone, ZONE, CONFIG_NONE,                                                                    \
      "Of times written without one, such as Europe/Berlin; default: the machine's.")                  \
    X(certificate, PATH, CONFIG_NONE, "Server certificate (PEM), tls only.")                           \
    X(key, PATH, CONFIG_NONE, "Its private key (PEM), tls only.")                                      \
    X(client_ca, PATH, CONFIG_NONE, "Senders must present a certificate of this authority, tls only.") \
    X(line_bytes_max, SIZE, "64K", "A longer record is cut, and counted.")                             \
    X(connections_max, COUNT, "1000", "Senders at once, tcp, tls and unix streams.")                   \
    X(from_start, BOOLEAN, "false", "A file never seen before is read from its start.")

/* A list that rules name as %name%: its values are those given here and the lines of the file. */
#define CONFIG_LIST(X)                                                                                       \
    X(name, NAME, CONFIG_REQUIRED, "What rules call it: %name%, with the modifier expand.")                  \
    X(values, STRINGS, CONFIG_NONE, "Entries; * and ? are wildcards, as in rules.")                          \
    X(file, PATH, CONFIG_NONE, "Further entries, one a line, # before remarks; read again when it changes.") \
    X(score, COUNT, "0", "Of assets and identities: what an alert about one adds to its risk, 0 to 40.")     \
    X(fields, STRINGS, CONFIG_NONE,                                                                          \
      "Where such entries stand; default: users, hosts and addresses (doc/json.md).")

#define CONFIG_ALERTS(X)                                                                    \
    X(throttle, LENGTH, "15m", "No second mail about the same thing before; 0s for none.")  \
    X(quiet, LENGTH, "24h", "After so long without a finding the next one is a new alert.") \
    X(group_by, STRINGS, "user.name, user.target.name, source.ip, host.name",               \
      "With the rule: what makes two findings the same alert.")                             \
    X(minimum_level, LEVEL, "low", "Findings below are counted, not mailed.")

#define CONFIG_CORRELATION(X)                                                                              \
    X(memory, SIZE, "256M", "Of all windows and baselines; past it those longest not seen are forgotten.") \
    X(lateness, LENGTH, "10m",                                                                             \
      "How far behind what was seen of a group an event may be and still belong to a window.")             \
    X(future, LENGTH, "5m", "An event whose time is further past its arrival counts as of its arrival.")

#define CONFIG_DELIVERY(X)                                                                  \
    X(retry_first, LENGTH, "2s", "First delay after a temporary failure.")                  \
    X(retry_max, LENGTH, "5m", "Longest delay.")                                            \
    X(expire, LENGTH, "24h",                                                                \
      "A message that could not be handed over by then has expired, and that is reported.") \
    X(hold_down, LENGTH, "10s", "A gateway that failed is tried again after this, while another is up.")

/* One address of our own gateway. A plain text in the list is its address. */
#define CONFIG_LISTENER(X)                                                                                  \
    X(address, ENDPOINT, CONFIG_REQUIRED, "Address and port, such as 0.0.0.0:25 or [::]:587.")              \
    X(security, LISTENING, "offered",                                                                       \
      "offered (STARTTLS where there is a certificate), starttls (no mail before it), tls (from the first " \
      "byte) or none.")                                                                                     \
    X(auth, BOOLEAN, "false", "No mail without a login, or a client certificate.")                          \
    X(submission, BOOLEAN, "false",                                                                         \
      "For people's mail programs (RFC 6409): auth and TLS are musts, and so are whole domains.")           \
    X(hostname, HOST, CONFIG_NONE, "Our name in greetings here; default: the global one.")                  \
    X(message_bytes_max, SIZE, CONFIG_NONE, "Largest message taken here; default: that of relay.")

#define CONFIG_RELAY(X)                                                                                    \
    X(listen_tls, ENDPOINTS, CONFIG_NONE, "Further addresses, with TLS from the first byte (port 465).")   \
    X(certificate, PATH, CONFIG_NONE, "The gateway's certificate (PEM), its intermediates after it.")      \
    X(key, PATH, CONFIG_NONE, "Its private key (PEM).")                                                    \
    X(client_ca, PATH, CONFIG_NONE,                                                                        \
      "Clients may show a certificate of this authority (PEM), and rules may ask for it.")                 \
    X(mechanisms, STRINGS, "SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN",                              \
      "Of AUTH, offered inside TLS only.")                                                                 \
    X(introspection, STRING, CONFIG_NONE,                                                                  \
      "http(s) URL that OAUTHBEARER's tokens are asked about (RFC 7662).")                                 \
    X(introspection_address, ADDRESS, CONFIG_NONE, "The IP address of its host, unless the URL has it.")   \
    X(introspection_secret, SECRET, CONFIG_NONE, "ID:SECRET that the provider of tokens knows us by.")     \
    X(introspection_ca, PATH, CONFIG_NONE,                                                                 \
      "Certificate authority to trust there (PEM); default: the system's.")                                \
    X(pam_directory, PATH, CONFIG_NONE, "Folder of PAM's service files; default: the system's.")           \
    X(pam_timeout, LENGTH, "10s", "An answer of PAM's that takes longer is not waited for.")               \
    X(mta_sts, BOOLEAN, "true",                                                                            \
      "Routes by mx keep to MTA-STS policies, which are fetched by HTTPS from mta-sts.DOMAIN.")            \
    X(mta_sts_ca, PATH, CONFIG_NONE, "Certificate authority to trust there (PEM); default: the system's.") \
    X(failures_to, PATH, CONFIG_NONE,                                                                      \
      "Unix datagram socket that logins refused are told to in RFC 5424, such as that of a syslog input.") \
    X(domains, HOSTS, CONFIG_NONE, "Mail for these is delivered here, into maildir.")                      \
    X(maildir, PATH, CONFIG_NONE, "Where it is delivered.")                                                \
    X(message_bytes_max, SIZE, "25M", "Largest message taken.")                                            \
    X(connections_max, COUNT, "1000", "Clients at once.")                                                  \
    X(connections_per_network, COUNT, "200",                                                               \
      "Clients at once from one network (an IPv4 /24, an IPv6 /48), loopback as well.")                    \
    X(command_timeout, LENGTH, "5m", "For a whole command, and for each 64 KiB of a message.")             \
    X(spool, PATH, CONFIG_NONE, "Folder of the queue; default: spool in state_directory.")                 \
    X(postmaster, MAILBOX, CONFIG_NONE,                                                                    \
      "Who gets reports that have nowhere else to go, and mail to postmaster without a domain.")           \
    X(open_relay, STRING, CONFIG_NONE,                                                                     \
      "A rule that lets anybody send anywhere is an error without these words here: yes, anybody "         \
      "may send through us")

/* Where mail goes. The most exact domain decides; a rule may name another route. Exactly one of via, mx,
 * lmtp and maildir; port, tls, ca_file and pin belong to mx. */
#define CONFIG_ROUTE(X)                                                                                  \
    X(name, NAME, CONFIG_REQUIRED, "What this route is called in rules and in the log.")                 \
    X(domains, DOMAINS, CONFIG_NONE,                                                                     \
      "Recipients' domains: example.org, .example.org (below it); "                                      \
      "default: all that no other route takes.")                                                         \
    X(via, STRINGS, CONFIG_NONE, "Names of relay.smarthosts; another one when one fails.")               \
    X(mx, BOOLEAN, "false", "true: to the mail servers that DNS names for the domain.")                  \
    X(port, PORT, "25", "Of mx: where these listen; another one in a closed network only.")              \
    X(tls, TLS_POLICY, "verified",                                                                       \
      "Of mx, at the least: verified (STARTTLS, the server's certificate bears its name), required "     \
      "(STARTTLS, any certificate), opportunistic (STARTTLS if there is any, else in the clear), "       \
      "dane-only (DNSSEC vouches for the certificate) or none (in the clear). But for none, a domain's " \
      "DANE and MTA-STS are kept to as well.")                                                           \
    X(ca_file, PATH, CONFIG_NONE, "Of mx: certificate authority to trust (PEM); default: the system's.") \
    X(pin, PIN, CONFIG_NONE, "Of mx: fingerprint of the servers' certificate or key, instead.")          \
    X(lmtp, ENDPOINT, CONFIG_NONE, "LMTP server by address and port, such as 127.0.0.1:24.")             \
    X(maildir, PATH, CONFIG_NONE, "Delivered on this machine.")                                          \
    X(mailboxes, SENDERS, CONFIG_NONE,                                                                   \
      "Recipients that exist there, in the forms of a rule's recipients; others are refused at once, "   \
      "but for postmaster. Default: any.")                                                               \
    X(connections, COUNT, "20", "Sessions at once with each next hop.")                                  \
    X(retry_first, LENGTH, "1m", "First delay after a temporary failure; doubled each time.")            \
    X(retry_max, LENGTH, "1h", "Longest delay.")                                                         \
    X(expire, LENGTH, "5d", "Then the message is given up, and its sender told.")                        \
    X(warn_after, LENGTH, "4h", "Then its sender is told that it is late; 0s: never.")                   \
    X(hold_down, LENGTH, "10s", "A next hop that failed is tried again after this; then ever later.")

/* A next hop, with what it takes to trust it: as a gateway has. */
#define CONFIG_SMARTHOST(X)                                                                           \
    X(name, NAME, CONFIG_REQUIRED, "What routes call it.")                                            \
    X(address, ADDRESS, CONFIG_NONE, "Its IP address, v4 or v6; default: all that DNS has for host.") \
    X(host, HOST, CONFIG_NONE, "Its name; required without address.")                                 \
    X(port, PORT, "25", "25, 587 (STARTTLS) or 465 (TLS).")                                           \
    X(security, SECURITY, CONFIG_REQUIRED,                                                            \
      "tls, starttls (required, never optional) or none (in the clear).")                             \
    CONFIG_PEER(X)                                                                                    \
    X(connect_timeout, LENGTH, CONFIG_NONE, "Default: 30s.")                                          \
    X(stage_timeout, LENGTH, CONFIG_NONE,                                                             \
      "For each other stage; default: 10s while another is up, else RFC 5321's.")                     \
    X(preference, COUNT, "10", "The lowest that is up is taken.")                                     \
    X(weight, COUNT, "1", "Among equals, how large its share is.")

/* A key that signs what leaves. */
#define CONFIG_DKIM(X)                                                                                \
    X(domain, HOST, CONFIG_REQUIRED, "Of From: mail from it, or from a domain below it, is signed.")  \
    X(selector, HOST, CONFIG_REQUIRED, "The public key stands in DNS at SELECTOR._domainkey.DOMAIN.") \
    X(key, SECRET, CONFIG_REQUIRED, "secret:PROVIDER/NAME of the private key (PEM): RSA or Ed25519.") \
    X(headers, STRINGS,                                                                               \
      "From, Sender, Reply-To, Subject, Date, Message-ID, To, Cc, MIME-Version, Content-Type, "       \
      "Content-Transfer-Encoding, In-Reply-To, References",                                           \
      "Fields that are signed; From always is.")

/* One guard rail: conditions, which must all hold, and exactly one verdict. A list holds when one of its
 * entries does; accounts and certificates together hold when one of the two does. */
#define CONFIG_RULE(X)                                                                               \
    X(name, NAME, CONFIG_REQUIRED, "What this rule is called in refusals and in the log.")           \
    X(networks, NETWORKS, CONFIG_NONE, "Clients: 192.0.2.0/24, 2001:db8::/32, or single addresses.") \
    X(accounts, STRINGS, CONFIG_NONE, "Authenticated as one of these; \"*\" is any account.")        \
    X(certificates, STRINGS, CONFIG_NONE,                                                            \
      "Client certificates: sha256:… of one, or a pattern of its subject such as CN=printer-*.")     \
    X(tls, TLS, CONFIG_NONE, "Least TLS version of the session: any, 1.2 or 1.3.")                   \
    X(hours, HOURS, CONFIG_NONE, "Days and times, such as Mon-Fri 07:00-19:00; needs time_zone.")    \
    X(time_zone, ZONE, CONFIG_NONE, "Of hours, and of a quota's day: Europe/Berlin; quotas: UTC.")   \
    X(senders, SENDERS, CONFIG_NONE,                                                                 \
      "Envelope senders: a@example.org, @example.org, @.example.org (below it), alert-*@…, <>.")     \
    X(recipients, SENDERS, CONFIG_NONE, "Envelope recipients, in the same forms.")                   \
    X(domains, DOMAINS, CONFIG_NONE, "Recipients' domains: example.org, .example.org (below it).")   \
    X(size, SIZE, CONFIG_NONE, "Messages of at most so many bytes.")                                 \
    X(headers, FIELDS, CONFIG_NONE,                                                                  \
      "All of: \"Subject: *backup*\" (matches), Name (is there), \"!Name\" (is not).")               \
    X(listeners, ENDPOINTS, CONFIG_NONE, "Sessions at these addresses of listen.")                   \
    X(rate, RATES, CONFIG_NONE,                                                                      \
      "So many recipients: 60/1m per rule, network, client, account, sender or recipient.")          \
    X(burst, COUNT, CONFIG_NONE, "Of a rate, at once; default: all of it.")                          \
    X(quota, QUOTAS, CONFIG_NONE, "So many recipients a day: 1000/day per sender.")                  \
    X(over, OVER, "defer", "Past rate or quota: defer, reject, or next (the next rule is asked).")   \
    X(accept, PRESENT, CONFIG_NONE, "Verdict: take it. {}")                                          \
    X(reject, STRING, CONFIG_NONE, "Verdict: refuse it for good, with this text.")                   \
    X(defer, STRING, CONFIG_NONE, "Verdict: refuse it for now, with this text.")                     \
    X(quarantine, PRESENT, CONFIG_NONE, "Verdict: take it and hold it until it is released. {}")     \
    X(redirect, MAILBOX, CONFIG_NONE, "Verdict: take it for this mailbox instead.")                  \
    X(tag, TAG, CONFIG_NONE, "Verdict: take it with this header field in front, \"Name: value\".")   \
    X(bare_lf, BOOLEAN, "false", "Old devices that end lines with a bare LF; needs networks.")       \
    X(clean_header, BOOLEAN, "false", "Add a missing Date, Message-ID and From, drop Bcc.")          \
    X(send_as, MAILBOX, CONFIG_NONE, "Envelope sender to use instead of the one that came.")         \
    X(rewrite, REWRITES, CONFIG_NONE,                                                                \
      "Recipients: \"root@* -> soc@example.org\", \"@old.example -> *@new.example\"; first match.")  \
    X(route, NAME, CONFIG_NONE, "The route of relay.routes to take; default: by domain.")

/* Who may authenticate, and within which bounds of their own. */
#define CONFIG_ACCOUNT(X)                                                                            \
    X(name, STRING, CONFIG_REQUIRED, "What it authenticates as.")                                    \
    X(password, SECRET, CONFIG_NONE, "secret:PROVIDER/NAME, never a value.")                         \
    X(pam, NAME, CONFIG_NONE, "PAM service that checks its password instead: PLAIN and LOGIN only.") \
    X(networks, NETWORKS, CONFIG_NONE, "Where it may come from; default: anywhere.")                 \
    X(senders, SENDERS, CONFIG_NONE, "Envelope senders that are its own; default: any.")             \
    X(hours, HOURS, CONFIG_NONE, "When it may send, such as Mon-Fri 07:00-19:00; needs time_zone.")  \
    X(time_zone, ZONE, CONFIG_NONE, "Of hours, and of the quota's day (there: UTC if absent).")      \
    X(quota, COUNT, CONFIG_NONE, "Recipients a day.")

#define CONFIG_TOP(X)                                                                               \
    X(sender, MAILBOX, CONFIG_NONE,                                                                 \
      "From and envelope sender of our mail; required unless relay is all there is.")               \
    X(recipients, MAILBOXES, CONFIG_NONE, "Who is told; required with sender.")                     \
    X(rules, PATHS, CONFIG_NONE, "Folders and files of Sigma rules.")                               \
    X(pipelines, PATHS, CONFIG_NONE,                                                                \
      "Folders and files of processing pipelines: how rules' fields and log sources are renamed.")  \
    X(masks, PATHS, CONFIG_NONE,                                                                    \
      "Folders and files of further masks: what is hidden of an event before an alert is written.") \
    X(watch_processes, PROCESSES, "auto",                                                           \
      "How many read inputs over the network, 1 to 16; auto: one for each processor, 8 at most.")   \
    X(state_directory, PATH, "/var/lib/vedette", "Alerts, queue, cursors.")                         \
    X(runtime_directory, PATH, CONFIG_NONE,                                                         \
      "Control socket; default: /run/vedette, or run/ in a state_directory of one's own.")          \
    X(secrets_directory, PATH, "/etc/vedette/secrets",                                              \
      "secret:file/NAME is the file NAME here, mode 0400 or 0600.")                                 \
    X(hostname, HOST, CONFIG_NONE, "Our own name in EHLO and Message-ID; default: the machine's.")  \
    X(resolvers, STRINGS, CONFIG_NONE,                                                              \
      "Name servers, 192.0.2.53 or 192.0.2.53:5353; default: those of /etc/resolv.conf.")           \
    X(trust_anchor, PATH, CONFIG_NONE,                                                              \
      "File of DS or DNSKEY records that DNSSEC begins with; default: the root's keys.")            \
    X(privileges, PRIVILEGES, "auto",                                                               \
      "auto, required or keep: whether children must get users of their own.")                      \
    X(log_level, LOG_LEVEL, "info", "error, warning, info or debug.")                               \
    X(log_format, LOG_FORMAT, "logfmt", "logfmt or json.")

#endif
