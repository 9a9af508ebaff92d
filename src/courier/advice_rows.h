/* The rows of courier/advice.h: name, hop, state, cause, what to do. */
#ifndef VEDETTE_COURIER_ADVICE_ROWS_H
#define VEDETTE_COURIER_ADVICE_ROWS_H

/* clang-format off */
#define ADVICE_ROWS(X) \
    ADVICE_ROWS_NAME(X) \
    ADVICE_ROWS_CONNECT(X) \
    ADVICE_ROWS_HELLO(X) \
    ADVICE_ROWS_TLS(X) \
    ADVICE_ROWS_CERTIFICATE(X) \
    ADVICE_ROWS_AUTH(X) \
    ADVICE_ROWS_MAIL(X) \
    ADVICE_ROWS_RCPT(X) \
    ADVICE_ROWS_DATA(X) \
    ADVICE_ROWS_LANDING(X)
/* clang-format on */

#define ADVICE_ROWS_NAME(X)                                                                                 \
    X(name_drift, NAME, WARN, DNS,                                                                          \
      "find out which address is right: correct address if the gateway has moved, or have the name's "      \
      "record corrected")                                                                                   \
    X(name_more, NAME, WARN, DNS,                                                                           \
      "the name has more than the configured address: name each as a gateway of its own, so that one can "  \
      "stand in for the other")                                                                             \
    X(name_unpinned, NAME, WARN, DNS,                                                                       \
      "compare with the gateway's administrator, then set address: {address} beside host: whoever changes " \
      "the record of a name alone leads the mail elsewhere, unseen")                                        \
    X(name_only, NAME, FAIL, DNS, "give the gateway's IP address with --address: it needs no resolver")     \
    X(name_missing, NAME, FAIL, DNS,                                                                        \
      "correct the name given as host, or have its record made; the certificate is checked against it")     \
    X(name_no_address, NAME, FAIL, DNS,                                                                     \
      "the name exists without an address: have an A or AAAA record made, or correct host")                 \
    X(name_silent, NAME, WARN, DNS,                                                                         \
      "no resolver answers in time: check /etc/resolv.conf and that this machine may ask port 53 there")    \
    X(name_unreachable, NAME, WARN, DNS,                                                                    \
      "no resolver can be reached: check /etc/resolv.conf, and that the resolver runs")                     \
    X(name_refused, NAME, WARN, DNS,                                                                        \
      "the resolver does not serve this machine: have it allowed there, or use another resolver")           \
    X(name_server_failed, NAME, FAIL, DNS,                                                                  \
      "the resolver could not find out: ask whoever runs the name's zone, or try another resolver")         \
    X(name_malformed, NAME, WARN, DNS,                                                                      \
      "what answers as resolver does not speak DNS: check /etc/resolv.conf")                                \
    X(name_bogus, NAME, FAIL, DNS,                                                                          \
      "DNSSEC proves the answer wrong: do not trust this name until whoever runs its zone has mended the "  \
      "signatures")                                                                                         \
    X(name_not_asked, NAME, WARN, DNS, "correct the name given as host, and check /etc/resolv.conf")        \
    X(name_resolvers_differ, NAME, WARN, DNS,                                                               \
      "the resolvers disagree: find out which resolver is right, and have the other one corrected")         \
    X(name_resolver_fails, NAME, WARN, DNS,                                                                 \
      "have this resolver mended, or take it out of /etc/resolv.conf: half of all questions may wait for "  \
      "it")

#define ADVICE_ROWS_CONNECT(X)                                                                               \
    X(route_none, ROUTE, FAIL, ROUTING,                                                                      \
      "this machine has no route to {address}: add one, or correct the address")                             \
    X(route_unreachable, ROUTE, FAIL, ROUTING,                                                               \
      "a route of this machine says that {address} is unreachable: see ip route get {address}")              \
    X(route_prohibited, ROUTE, FAIL, ROUTING,                                                                \
      "a route of this machine prohibits {address}: see ip route get {address}, and remove it")              \
    X(route_blackhole, ROUTE, FAIL, ROUTING,                                                                 \
      "a route of this machine throws away what goes to {address} (blackhole): see ip route, and remove it") \
    X(route_no_family, ROUTE, FAIL, ROUTING,                                                                 \
      "this machine has no such IP version: use the gateway's other address, or set a route up")             \
    X(route_unknown, ROUTE, WARN, UNKNOWN,                                                                   \
      "the kernel does not tell the route; what follows shows whether there is one")                         \
    X(route_big_lost, ROUTE, WARN, ROUTING,                                                                  \
      "big packets are lost on the way, small ones are not: have routers answer them by ICMP, or lower the " \
      "MTU of this machine's interface")                                                                     \
    X(connect_refused, CONNECT, FAIL, GATEWAY_FAULT,                                                         \
      "nothing listens at port {port}: check the port, that the service runs, and that no firewall answers " \
      "in its name")                                                                                         \
    X(connect_refused_other, CONNECT, FAIL, GATEWAY_FAULT,                                                   \
      "nothing listens at port {port}, but port {other} is open there: use that port, or have the service "  \
      "started")                                                                                             \
    X(connect_rejected, CONNECT, FAIL, FIREWALL,                                                             \
      "a firewall rejects port {port}: have it allow this machine to reach {address}")                       \
    X(connect_prohibited, CONNECT, FAIL, FIREWALL,                                                           \
      "a firewall says that this is prohibited: have it allow this machine to reach {address} port {port}")  \
    X(connect_no_host, CONNECT, FAIL, ROUTING,                                                               \
      "nobody has that address there: check the address, and that the machine is up")                        \
    X(connect_no_route, CONNECT, FAIL, ROUTING,                                                              \
      "a router knows no way there: check the address, and the route to it")                                 \
    X(connect_circle, CONNECT, FAIL, ROUTING,                                                                \
      "the packets go in a circle: look at the routes of the routers that are named")                        \
    X(connect_forbidden, CONNECT, FAIL, FIREWALL,                                                            \
      "this machine's own firewall forbids it: allow port {port} outwards")                                  \
    X(connect_silent, CONNECT, FAIL, FIREWALL,                                                               \
      "nothing comes back: have the firewall on the way allow port {port} from this machine, and check "     \
      "that {address} is right and up")                                                                      \
    X(connect_silent_other, CONNECT, FAIL, FIREWALL,                                                         \
      "the machine is up, since port {other} answers: a firewall drops port {port}; have it allow this "     \
      "machine, or use port {other}")                                                                        \
    X(connect_failed, CONNECT, FAIL, UNKNOWN, "read the error of the system")                                \
    X(connect_slow, CONNECT, WARN, ROUTING, "the handshake takes long: look for a loaded or lossy line")

#define ADVICE_ROWS_HELLO(X)                                                                                 \
    X(banner_silent, BANNER, FAIL, GATEWAY_FAULT,                                                            \
      "it takes connections and says nothing: check that the gateway's service is well, and that port "      \
      "{port} is for SMTP")                                                                                  \
    X(banner_lost, BANNER, FAIL, FIREWALL,                                                                   \
      "it connects and then nothing comes through: have the firewall on the way pass SMTP sessions whole "   \
      "(inspection, connection tracking)")                                                                   \
    X(banner_wants_tls, BANNER, FAIL, TLS,                                                                   \
      "port {port} speaks TLS from the first byte: set security: tls, or use port 587 with starttls")        \
    X(banner_closed, BANNER, FAIL, GATEWAY_FAULT,                                                            \
      "it hangs up without a word: look at the gateway's log, whether its service starts, and whether it "   \
      "permits this machine's address")                                                                      \
    X(banner_malformed, BANNER, FAIL, GATEWAY_FAULT,                                                         \
      "what answers at port {port} does not speak SMTP: check address and port")                             \
    X(banner_other_protocol, BANNER, FAIL, GATEWAY_FAULT,                                                    \
      "another service answers at port {port}: use the gateway's SMTP port (587, 465 or 25)")                \
    X(banner_slow, BANNER, WARN, RATE,                                                                       \
      "the gateway lets newcomers wait: have this machine exempted from its greet delay or tarpit")          \
    X(banner_rate, BANNER, FAIL, RATE,                                                                       \
      "too many sessions from here: have the gateway's limit for this machine raised, or lower connections") \
    X(banner_reputation, BANNER, FAIL, REPUTATION,                                                           \
      "have this machine taken off the block list that it names, or permitted by the gateway; give its "     \
      "address a PTR record")                                                                                \
    X(banner_policy, BANNER, FAIL, RELAY_POLICY, "have the gateway permit this machine's address")           \
    X(banner_dns, BANNER, FAIL, DNS, "give this machine's address a PTR record whose name leads back to it") \
    X(banner_tls_handshake, BANNER, FAIL, TLS,                                                               \
      "the gateway ends TLS: it wants a client certificate or another kind of TLS; ask its administrator")   \
    X(banner_refused, BANNER, FAIL, GATEWAY_FAULT,                                                           \
      "the gateway does not serve now: look at its service and its log")                                     \
    X(ehlo_silent, EHLO, FAIL, GATEWAY_FAULT,                                                                \
      "the gateway greets and then says nothing: look at its service and its log")                           \
    X(ehlo_closed, EHLO, FAIL, GATEWAY_FAULT,                                                                \
      "the gateway hangs up after EHLO: look at its log, and whether what it needs (accounts, policies) "    \
      "runs")                                                                                                \
    X(ehlo_malformed, EHLO, FAIL, GATEWAY_FAULT,                                                             \
      "the gateway, or something on the way, breaks SMTP's rules: ask its administrator")                    \
    X(ehlo_lost, EHLO, FAIL, FIREWALL,                                                                       \
      "what we send is not acknowledged any more: have the firewall on the way pass SMTP sessions whole "    \
      "(inspection, connection tracking)")                                                                   \
    X(ehlo_name_refused, EHLO, FAIL, DNS,                                                                    \
      "set helo to a full name that resolves to this machine; it is now {helo}")                             \
    X(ehlo_rate, EHLO, FAIL, RATE, "have the gateway's limit for this machine raised")                       \
    X(ehlo_reputation, EHLO, FAIL, REPUTATION,                                                               \
      "have this machine taken off the block list that it names, or permitted by the gateway")               \
    X(ehlo_policy, EHLO, FAIL, RELAY_POLICY, "have the gateway permit this machine's address")               \
    X(ehlo_refused, EHLO, FAIL, GATEWAY_FAULT,                                                               \
      "the gateway knows no EHLO, so it has neither STARTTLS nor AUTH: use another port or another gateway") \
    X(ehlo_old, EHLO, WARN, GATEWAY_FAULT,                                                                   \
      "the gateway knows HELO only: it has no limits, no TLS and no delivery reports; have EHLO passed "     \
      "through or switched on")                                                                              \
    X(ehlo_small, EHLO, FAIL, SIZE, "raise the gateway's size limit: an alert needs more")                   \
    X(ehlo_client_certificate, EHLO, FAIL, TLS,                                                              \
      "the gateway wants a client certificate, and Vedette has none: have it admit this machine by address " \
      "or account")                                                                                          \
    X(clear_text, STARTTLS, WARN, TLS, "have the gateway offer TLS and set security: starttls or tls")       \
    X(clear_needlessly, STARTTLS, WARN, TLS, "the gateway offers STARTTLS: set security: starttls")

#define ADVICE_ROWS_TLS(X)                                                                                   \
    X(starttls_not_offered, STARTTLS, FAIL, TLS,                                                             \
      "mail is not sent in the clear: have the gateway offer STARTTLS at port {port}, or use its "           \
      "submission port; if it did offer it until now, someone on the way may be taking it out")              \
    X(starttls_stripped, STARTTLS, FAIL, TLS,                                                                \
      "a firewall on the way overwrites STARTTLS: have its SMTP inspection (fixup, ESMTP inspect) switched " \
      "off for this gateway")                                                                                \
    X(starttls_later, STARTTLS, FAIL, TLS,                                                                   \
      "the gateway offers STARTTLS and cannot do it: have its administrator look at its certificate and "    \
      "key")                                                                                                 \
    X(starttls_refused, STARTTLS, FAIL, TLS,                                                                 \
      "the gateway offers STARTTLS and refuses it: have its administrator look at its certificate and key")  \
    X(starttls_injected, STARTTLS, FAIL, TLS,                                                                \
      "someone may be putting in replies of their own before TLS begins: find them before sending mail, "    \
      "and have the gateway updated")                                                                        \
    X(starttls_silent, STARTTLS, FAIL, TLS,                                                                  \
      "the gateway does not answer STARTTLS: look at its service and its log")                               \
    X(starttls_closed, STARTTLS, FAIL, TLS,                                                                  \
      "the gateway hangs up at STARTTLS: have its administrator look at its certificate and key")            \
    X(starttls_malformed, STARTTLS, FAIL, TLS,                                                               \
      "the gateway, or something on the way, breaks SMTP's rules: ask its administrator")                    \
    X(tls_plain_text, TLS, FAIL, TLS,                                                                        \
      "port {port} does not speak TLS from the first byte: set security: starttls, or use port 465")         \
    X(tls_too_old, TLS, FAIL, TLS,                                                                           \
      "the gateway knows no TLS that is safe: have TLS 1.2 or 1.3 switched on there")                        \
    X(tls_no_cipher, TLS, FAIL, TLS,                                                                         \
      "have the gateway offer a cipher of today (ECDHE with AES-GCM or ChaCha20)")                           \
    X(tls_name_unknown, TLS, FAIL, TLS,                                                                      \
      "the gateway serves no such name: set verify_name to a name that it knows; it is now {name}")          \
    X(tls_client_certificate, TLS, FAIL, TLS,                                                                \
      "the gateway wants a client certificate, and Vedette has none: have it admit this machine by address " \
      "or account")                                                                                          \
    X(tls_renegotiation, TLS, FAIL, TLS,                                                                     \
      "the gateway knows no secure renegotiation (RFC 5746): have its TLS library updated")                  \
    X(tls_hung_up, TLS, FAIL, TLS,                                                                           \
      "the gateway hangs up in the handshake: have its administrator look at its certificate, key and log")  \
    X(tls_broken, TLS, FAIL, TLS,                                                                            \
      "the connection breaks in the handshake: look at the gateway's log, and for a firewall that does not " \
      "let TLS pass")                                                                                        \
    X(tls_other, TLS, FAIL, TLS,                                                                             \
      "have the gateway's administrator look at its TLS settings, certificate and log")                      \
    X(tls_silent, TLS, FAIL, TLS,                                                                            \
      "the handshake does not go on: check that port {port} speaks TLS with security {security}, and the "   \
      "gateway's log")                                                                                       \
    X(tls_big_lost, TLS, FAIL, ROUTING,                                                                      \
      "big packets are lost on the way: have the routers answer by ICMP (fragmentation needed), or lower "   \
      "the MTU of this machine's interface")                                                                 \
    X(tls_lost, TLS, FAIL, FIREWALL,                                                                         \
      "what we send is not acknowledged any more: have the firewall on the way pass TLS (inspection, "       \
      "connection tracking)")                                                                                \
    X(tls_no_secrecy, TLS, WARN, TLS,                                                                        \
      "have the gateway offer ciphers with ECDHE, so that recorded mail stays secret when its key is lost")

#define ADVICE_ROWS_CERTIFICATE(X)                                                                          \
    X(cert_unreadable_trust, CERTIFICATE, FAIL, TRUST, "correct ca_file, ca_directory or pin")              \
    X(cert_expired, CERTIFICATE, FAIL, TRUST,                                                               \
      "have the gateway's certificate renewed, and check this machine's clock")                             \
    X(cert_chain_expired, CERTIFICATE, FAIL, TRUST,                                                         \
      "the gateway's own certificate is not the one: have it send its issuer's current certificate, or "    \
      "name that as ca_file")                                                                               \
    X(cert_not_yet_valid, CERTIFICATE, FAIL, TRUST,                                                         \
      "check this machine's clock, and when the certificate begins")                                        \
    X(cert_name, CERTIFICATE, FAIL, TRUST,                                                                  \
      "set verify_name to a name that the certificate bears, such as {name}, or have the certificate "      \
      "issued anew")                                                                                        \
    X(cert_cn_only, CERTIFICATE, FAIL, TRUST,                                                               \
      "have a certificate issued that bears the name as a subject alternative name; until then, set pin: "  \
      "{fingerprint}")                                                                                      \
    X(cert_self_signed, CERTIFICATE, FAIL, TRUST,                                                           \
      "compare the fingerprint with the gateway's administrator, then set pin: {fingerprint}; or save the " \
      "certificate and name it as ca_file")                                                                 \
    X(cert_unknown_issuer, CERTIFICATE, FAIL, TRUST,                                                        \
      "get the certificate of the authority that signed it and name it as ca_file; or, once compared, set " \
      "pin: {fingerprint}")                                                                                 \
    X(cert_no_intermediate, CERTIFICATE, FAIL, TRUST,                                                       \
      "have the gateway send its intermediate certificate behind its own; it can be had from {url}; until " \
      "then, name it as ca_file")                                                                           \
    X(cert_weak_key, CERTIFICATE, FAIL, TRUST,                                                              \
      "have a certificate made with a stronger key: RSA of 2048 bits or EC P-256")                          \
    X(cert_weak_signature, CERTIFICATE, FAIL, TRUST,                                                        \
      "have the certificate issued anew, signed with SHA-256 and not with SHA-1 or MD5")                    \
    X(cert_revoked, CERTIFICATE, FAIL, TRUST,                                                               \
      "send nothing there until its administrator has explained it and replaced certificate and key")       \
    X(cert_pin, CERTIFICATE, FAIL, TRUST,                                                                   \
      "if the certificate was changed on purpose, set pin: {fingerprint}")                                  \
    X(cert_purpose, CERTIFICATE, FAIL, TRUST,                                                               \
      "have a certificate issued that may be used for servers (serverAuth)")                                \
    X(cert_other, CERTIFICATE, FAIL, TRUST, "have the gateway's administrator look at its certificates")    \
    X(cert_ends_soon, CERTIFICATE, WARN, TRUST,                                                             \
      "have the certificate renewed before it ends, and see why that has not happened by itself")           \
    X(cert_chain_ends_soon, CERTIFICATE, WARN, TRUST,                                                       \
      "have the gateway send the authority's renewed certificate before this one ends")                     \
    X(cert_pinned_ended, CERTIFICATE, WARN, TRUST,                                                          \
      "the pin makes up for it; have the certificate renewed with the same key all the same")               \
    X(cert_ocsp_stale, CERTIFICATE, WARN, TRUST,                                                            \
      "have the gateway fetch its OCSP answer anew: the stapled one is out of date")                        \
    X(cert_ocsp_invalid, CERTIFICATE, WARN, TRUST,                                                          \
      "have the gateway's OCSP stapling looked at: its answer is not about this certificate or not signed " \
      "well")

#define ADVICE_ROWS_AUTH(X)                                                                                 \
    X(auth_clear, AUTH, FAIL, AUTHENTICATION,                                                               \
      "passwords are never sent in the clear: set security: starttls or tls, or leave out username")        \
    X(auth_not_offered, AUTH, FAIL, AUTHENTICATION,                                                         \
      "the gateway offers no AUTH here: use its submission port (587 or 465), or leave out username if it " \
      "admits this machine by address")                                                                     \
    X(auth_no_mechanism, AUTH, FAIL, AUTHENTICATION,                                                        \
      "have the gateway offer a mechanism that Vedette has: SCRAM-SHA-256, PLAIN or LOGIN inside TLS, or "  \
      "XOAUTH2; or correct auth")                                                                           \
    X(auth_wrong, AUTH, FAIL, AUTHENTICATION,                                                               \
      "check username and password: was the password changed or has it run out, is the account locked?")    \
    X(auth_app_password, AUTH, FAIL, AUTHENTICATION, "make an app password for this account and use that")  \
    X(auth_oauth, AUTH, FAIL, AUTHENTICATION,                                                               \
      "the provider takes no passwords here any more: use OAuth (auth: XOAUTH2), or have SMTP AUTH "        \
      "switched on for this account")                                                                       \
    X(auth_needs_tls, AUTH, FAIL, TLS, "the gateway wants TLS first: set security: starttls or tls")        \
    X(auth_mechanism_refused, AUTH, FAIL, AUTHENTICATION,                                                   \
      "the gateway wants another mechanism for this account: set auth to one of those it offers")           \
    X(auth_later, AUTH, FAIL, AUTHENTICATION,                                                               \
      "the gateway cannot check accounts now; it is tried again. If it stays so, have its administrator "   \
      "look at its account service")                                                                        \
    X(auth_gateway, AUTH, FAIL, GATEWAY_FAULT,                                                              \
      "the gateway cannot check accounts now: have its administrator look at its account service")          \
    X(auth_rate, AUTH, FAIL, RATE,                                                                          \
      "too many attempts: wait, and have the gateway's limit for this account raised")                      \
    X(auth_refused, AUTH, FAIL, AUTHENTICATION,                                                             \
      "check username, password and mechanism; ask the gateway's administrator what its log says")          \
    X(auth_unproven, AUTH, FAIL, AUTHENTICATION,                                                            \
      "the gateway did not prove that it knows the password: do not trust it before its administrator has " \
      "explained it")                                                                                       \
    X(auth_silent, AUTH, FAIL, GATEWAY_FAULT,                                                               \
      "the gateway does not answer AUTH: have its administrator look at its account service")               \
    X(auth_closed, AUTH, FAIL, GATEWAY_FAULT,                                                               \
      "the gateway hangs up at AUTH: have its administrator look at its account service")                   \
    X(auth_malformed, AUTH, FAIL, GATEWAY_FAULT,                                                            \
      "the gateway, or something on the way, breaks SMTP's rules: ask its administrator")                   \
    X(auth_offered_clear, AUTH, WARN, AUTHENTICATION,                                                       \
      "have the gateway offer AUTH inside TLS only, so that nobody's password goes in the clear")

#define ADVICE_ROWS_MAIL(X)                                                                          \
    X(mail_address, MAIL, FAIL, SENDER_POLICY, "correct sender")                                     \
    X(mail_authentication, MAIL, FAIL, AUTHENTICATION,                                               \
      "the gateway wants an account: set username and password for it")                              \
    X(mail_tls, MAIL, FAIL, TLS, "the gateway wants TLS: set security: starttls")                    \
    X(mail_sender, MAIL, FAIL, SENDER_POLICY,                                                        \
      "use a sender that this account or address may send as, or have {sender} allowed")             \
    X(mail_sender_domain, MAIL, FAIL, SENDER_POLICY,                                                 \
      "use a sender whose domain exists and takes mail; it is now {sender}")                         \
    X(mail_relay, MAIL, FAIL, RELAY_POLICY,                                                          \
      "authenticate, or have the gateway permit this machine's address")                             \
    X(mail_greylisted, MAIL, FAIL, RATE,                                                             \
      "it is tried again in a few minutes; have this machine exempted from greylisting")             \
    X(mail_rate, MAIL, FAIL, RATE, "have the gateway's limit for this machine raised")               \
    X(mail_size, MAIL, FAIL, SIZE, "raise the gateway's size limit: an alert needs more")            \
    X(mail_reputation, MAIL, FAIL, REPUTATION,                                                       \
      "have this machine taken off the block list that it names, or permitted by the gateway")       \
    X(mail_sender_authentication, MAIL, FAIL, SENDER_AUTHENTICATION,                                 \
      "add this machine to the sender domain's SPF, or sign with DKIM")                              \
    X(mail_dns, MAIL, FAIL, DNS,                                                                     \
      "have the sender's domain looked up from the gateway: its resolver or the domain is at fault") \
    X(mail_gateway, MAIL, FAIL, GATEWAY_FAULT,                                                       \
      "have the gateway's administrator look at its service, its disk and its log")                  \
    X(mail_refused, MAIL, FAIL, UNKNOWN,                                                             \
      "read the gateway's own words, and ask its administrator what its log says")                   \
    X(mail_silent, MAIL, FAIL, GATEWAY_FAULT,                                                        \
      "the gateway does not answer MAIL: look at its service and its log")                           \
    X(mail_closed, MAIL, FAIL, GATEWAY_FAULT,                                                        \
      "the gateway hangs up at MAIL: look at its service and its log")                               \
    X(mail_malformed, MAIL, FAIL, GATEWAY_FAULT,                                                     \
      "the gateway, or something on the way, breaks SMTP's rules: ask its administrator")

#define ADVICE_ROWS_RCPT(X)                                                                                  \
    X(rcpt_address, RCPT, FAIL, RECIPIENT, "correct the recipient's address")                                \
    X(rcpt_unknown, RCPT, FAIL, RECIPIENT,                                                                   \
      "correct the recipient's address: the gateway does not know {recipient}")                              \
    X(rcpt_relay, RCPT, FAIL, RELAY_POLICY,                                                                  \
      "authenticate, or have the gateway permit this machine's address")                                     \
    X(rcpt_full, RCPT, FAIL, MAILBOX_FULL, "have the mailbox emptied, and name a second recipient")          \
    X(rcpt_greylisted, RCPT, FAIL, RATE,                                                                     \
      "it is tried again from this address in a few minutes; have this machine exempted from greylisting")   \
    X(rcpt_rate, RCPT, FAIL, RATE, "it is tried again; have the gateway's limit for this machine raised")    \
    X(rcpt_size, RCPT, FAIL, SIZE, "raise the gateway's size limit for this recipient")                      \
    X(rcpt_sender, RCPT, FAIL, SENDER_POLICY,                                                                \
      "use a sender that this account or address may send as, or have {sender} allowed")                     \
    X(rcpt_sender_domain, RCPT, FAIL, SENDER_POLICY,                                                         \
      "use a sender whose domain exists and takes mail; it is now {sender}")                                 \
    X(rcpt_authentication, RCPT, FAIL, AUTHENTICATION,                                                       \
      "the gateway wants an account: set username and password for it")                                      \
    X(rcpt_tls, RCPT, FAIL, TLS, "the gateway wants TLS: set security: starttls")                            \
    X(rcpt_reputation, RCPT, FAIL, REPUTATION,                                                               \
      "have this machine taken off the block list that it names, or permitted by the gateway; give its "     \
      "address a PTR record")                                                                                \
    X(rcpt_sender_authentication, RCPT, FAIL, SENDER_AUTHENTICATION,                                         \
      "add this machine to the sender domain's SPF, or sign with DKIM")                                      \
    X(rcpt_dns, RCPT, FAIL, DNS,                                                                             \
      "check the name that it cannot find: the recipient's domain, or our helo ({helo})")                    \
    X(rcpt_routing, RCPT, FAIL, ROUTING, "the gateway finds no way to the recipient: ask its administrator") \
    X(rcpt_content, RCPT, FAIL, CONTENT, "have the gateway's filter let alerts from this sender through")    \
    X(rcpt_gateway, RCPT, FAIL, GATEWAY_FAULT,                                                               \
      "have the gateway's administrator look at its service, its disk and its log")                          \
    X(rcpt_refused, RCPT, FAIL, UNKNOWN,                                                                     \
      "read the gateway's own words, and ask its administrator what its log says")                           \
    X(rcpt_silent, RCPT, FAIL, GATEWAY_FAULT,                                                                \
      "the gateway does not answer RCPT: look at its service and its log")                                   \
    X(rcpt_closed, RCPT, FAIL, GATEWAY_FAULT,                                                                \
      "the gateway hangs up at RCPT: look at its service and its log")                                       \
    X(rcpt_malformed, RCPT, FAIL, GATEWAY_FAULT,                                                             \
      "the gateway, or something on the way, breaks SMTP's rules: ask its administrator")                    \
    X(rcpt_open_relay, RCPT, WARN, RELAY_POLICY,                                                             \
      "if the gateway does this for everybody it is an open relay: have it relay for accounts or known "     \
      "addresses only, with senders of your own")

#define ADVICE_ROWS_DATA(X)                                                                                  \
    X(data_address, DATA, FAIL, CONTENT, "the test message cannot go over this gateway as it is")            \
    X(data_content, DATA, FAIL, CONTENT, "have the gateway's filter let alerts from this sender through")    \
    X(data_reputation, DATA, FAIL, REPUTATION,                                                               \
      "have this machine taken off the list that it names, or alerts from it exempted from the spam filter") \
    X(data_size, DATA, FAIL, SIZE, "raise the gateway's size limit: an alert needs more")                    \
    X(data_rate, DATA, FAIL, RATE, "it is tried again; have the gateway's limit for this machine raised")    \
    X(data_sender, DATA, FAIL, SENDER_POLICY,                                                                \
      "use a sender that this account or address may send as, or have {sender} allowed")                     \
    X(data_sender_authentication, DATA, FAIL, SENDER_AUTHENTICATION,                                         \
      "add this machine to the sender domain's SPF, or sign with DKIM")                                      \
    X(data_relay, DATA, FAIL, RELAY_POLICY,                                                                  \
      "authenticate, or have the gateway permit this machine's address")                                     \
    X(data_full, DATA, FAIL, MAILBOX_FULL, "have the mailbox emptied, and name a second recipient")          \
    X(data_recipient, DATA, FAIL, RECIPIENT, "correct the recipient's address")                              \
    X(data_gateway, DATA, FAIL, GATEWAY_FAULT,                                                               \
      "have the gateway's administrator look at its service, its disk and its log")                          \
    X(data_refused, DATA, FAIL, UNKNOWN,                                                                     \
      "read the gateway's own words, and ask its administrator what its log says")                           \
    X(data_silent, DATA, FAIL, GATEWAY_FAULT,                                                                \
      "the gateway does not answer the message; whether it has it is not known: look at its queue and its "  \
      "log")                                                                                                 \
    X(data_closed, DATA, FAIL, GATEWAY_FAULT,                                                                \
      "the gateway hangs up in the message: look at its log, and for a filter that breaks off")              \
    X(data_malformed, DATA, FAIL, GATEWAY_FAULT,                                                             \
      "the gateway, or something on the way, breaks SMTP's rules: ask its administrator")

#define ADVICE_ROWS_LANDING(X)                                                                             \
    X(landing_missing, LANDING, FAIL, UNKNOWN,                                                             \
      "the gateway took the message and it did not land: look for it in the gateway's queue and log, and " \
      "for its report in the sender's mailbox")                                                            \
    X(landing_junk, LANDING, WARN, REPUTATION,                                                             \
      "mark it as no junk, and have alerts from {sender} let into the inbox")                              \
    X(landing_unreadable, LANDING, FAIL, UNKNOWN,                                                          \
      "mend the access to the mailbox that landing names; whether the message landed is not known")        \
    X(landing_not_authentic, LANDING, WARN, SENDER_AUTHENTICATION,                                         \
      "add the gateway to the sender domain's SPF, or have it sign with DKIM")                             \
    X(landing_in_clear, LANDING, WARN, TLS,                                                                \
      "have the gateway and the next servers use TLS among themselves")                                    \
    X(landing_changed, LANDING, WARN, CONTENT,                                                             \
      "something on the way changes what mails say: have alerts exempted")

#endif
