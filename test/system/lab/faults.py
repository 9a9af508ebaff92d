"""The faults, one a row, and the healthy paths beside them: what is asked of which server, and what must be said of it.

Each row is data. `at` is the server and its port ("postfix:rbl", "stunnel:expired"), an address and port of the network's
("192.0.2.101:25"), or "script" with what the misbehaving peer does. `options` are those of `vedette path check`; `hop` and
`cause` are what it must find first of the worst, `advice` are words that its advice must contain, each.
"""

import dataclasses

from . import kernel
from .script import SCRIPTS

SENDER, RECIPIENT = "vedette@example.org", "soc@example.org"
ACCOUNT, PASSWORD = "svc-vedette", "correct horse battery"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    maker: str  # who makes it happen: a real server, the kernel, or a script
    at: str
    hop: str
    cause: str
    advice: tuple
    security: str = "none"
    verdict: str = "fail"
    password: str = None
    sender: str = SENDER
    recipients: tuple = (RECIPIENT,)
    more: tuple = ()
    timeout: str = "15s"  # what is waited for in vain has a shorter one
    named: str = None   # asked for by this name instead of by address
    before: str = None  # what must be done first: see run.py
    says: tuple = ()    # by tool: words by which its output would name the cause

    @property
    def id(self):
        return self.name.replace(" ", "-").replace(",", "")

    @property
    def real(self):
        return self.maker != "script"


ROWS = []


def fault(name, maker, at, hop, cause, advice, **more):
    ROWS.append(Row(name, maker, at, hop, cause, tuple(advice.split()), **more))


def warning(name, maker, at, hop, cause, advice, **more):
    fault(name, maker, at, hop, cause, advice, verdict="warn", **more)


TLS = {"security": "tls"}
STARTTLS = {"security": "starttls"}
LOGIN = {"security": "starttls", "password": PASSWORD}

# Postfix: who may send, and from where
fault("relaying is denied", "Postfix", "postfix:plain", "rcpt", "relay-policy", "authenticate permit",
      recipients=("ops@elsewhere.example.net",), says=("relay access denied",))
fault("relaying is denied for now", "Postfix", "postfix:soft", "rcpt", "relay-policy", "authenticate permit",
      recipients=("ops@elsewhere.example.net",), says=("relay access denied",))
fault("our address is refused at the recipient", "Postfix", "postfix:client-refused", "rcpt", "relay-policy", "permit address",
      says=("client host rejected",))
fault("our address is refused at once", "Postfix", "postfix:client-refused-at-once", "banner", "relay-policy", "permit address",
      says=("client host rejected",))
fault("the account is wanted first", "Postfix", "postfix:needs-auth", "rcpt", "relay-policy", "authenticate",
      **STARTTLS, says=("client host rejected",))
fault("our address has no name", "Postfix", "postfix:no-reverse", "rcpt", "reputation", "PTR",
      says=("cannot find your hostname",))
fault("our address is on a block list", "Postfix", "postfix:rbl", "rcpt", "reputation", "list",
      says=("blocked using",))
fault("our domain is on a block list", "Postfix", "postfix:rhsbl", "rcpt", "reputation", "list",
      sender="vedette@listed.example.net", says=("blocked using",))
fault("our HELO name has one part", "Postfix", "postfix:helo-short", "rcpt", "dns", "helo",
      more=("--helo", "box"), says=("need fully-qualified hostname",))
fault("our HELO name does not resolve", "Postfix", "postfix:helo-unknown", "rcpt", "dns", "helo",
      more=("--helo", "there-is-none.example.net"), says=("host not found",))
# The sender
fault("the sender's domain does not exist", "Postfix", "postfix:sender-unknown", "mail", "sender-policy", "sender",
      sender="vedette@nowhere.example.com", says=("domain not found",))
fault("the sender has no domain", "Postfix", "postfix:sender-short", "mail", "sender-policy", "sender",
      sender="vedette@localhost", says=("need fully-qualified address",))
fault("the sender is not the account's", "Postfix", "postfix:sender-login", "rcpt", "sender-policy", "account sender",
      sender="boss@example.org", **LOGIN, says=("not owned by user",))
fault("the sender is nobody there", "Postfix", "postfix:sender-unlisted", "mail", "sender-policy", "sender",
      sender="nobody@known.example.org", says=("user unknown",))
# The recipient
fault("the recipient is unknown", "Postfix", "postfix:plain", "rcpt", "recipient", "recipient",
      recipients=("nobody@known.example.org",), says=("user unknown",))
fault("one recipient of two is unknown", "Postfix", "postfix:plain", "rcpt", "recipient", "recipient",
      recipients=("soc@known.example.org", "nobody@known.example.org"), says=("user unknown",))
fault("the recipient's domain does not exist", "Postfix", "postfix:recipient-domain", "rcpt", "recipient", "recipient",
      recipients=("soc@nowhere.example.com",), says=("domain not found",))
fault("the recipient's domain takes no mail", "Postfix", "postfix:recipient-domain", "rcpt", "dns", "no mail",
      recipients=("soc@nomail.example.net",), says=("nullmx", "does not accept mail"))
fault("greylisting", "Postfix", "postfix:policy", "rcpt", "rate", "tried again",
      recipients=("grey@example.org",), says=("greylisted",))
fault("the mailbox is full", "Postfix", "postfix:policy", "rcpt", "mailbox-full", "mailbox",
      recipients=("full@example.org",), says=("mailbox is full",))
fault("SPF fails", "Postfix", "postfix:policy", "rcpt", "sender-authentication", "SPF",
      recipients=("spf@example.org",), says=("spf fail",))
fault("DMARC fails", "Postfix", "postfix:policy", "rcpt", "sender-authentication", "SPF",
      recipients=("dmarc@example.org",), says=("dmarc policy",))
fault("a rate limit by policy", "Postfix", "postfix:policy", "rcpt", "rate", "limit",
      recipients=("busy@example.org",), says=("rate limit exceeded",))
fault("the gateway's policy server is down", "Postfix", "postfix:policy-down", "rcpt", "gateway-fault", "gateway",
      says=("server configuration problem",))
fault("the gateway's directory is down", "Postfix", "postfix:lookup-down", "rcpt", "gateway-fault", "gateway",
      says=("temporary lookup failure",))
# What it has room for
fault("the gateway takes only tiny mails", "Postfix", "postfix:small", "ehlo", "size", "limit", says=("size exceeds",))
fault("the gateway's disk is full", "Postfix", "postfix:disk-full", "mail", "gateway-fault", "disk",
      says=("insufficient system storage",))
fault("too many connections of ours", "Postfix", "postfix:connections", "banner", "rate", "limit", before="hold",
      says=("too many connections",))
fault("too many mails of ours", "Postfix", "postfix:mails", "mail", "rate", "limit", before="three-mails",
      says=("too much mail",))
fault("too many recipients of ours", "Postfix", "postfix:recipients", "rcpt", "rate", "limit", before="three-mails",
      says=("too many recipients",))
fault("postscreen does not know us yet", "Postfix", "postfix:postscreen-deep", "rcpt", "rate", "again",
      says=("deep protocol", "postscreen", "new client"))
fault("postscreen has us on its list", "Postfix", "postfix:postscreen-denied", "rcpt", "reputation", "list",
      says=("denylist", "block", "listed"))
fault("postscreen drops us at once", "Postfix", "postfix:postscreen-dropped", "banner", "reputation", "list",
      says=("denylist", "block", "listed"))
fault("the gateway's server cannot start", "Postfix", "postfix:dies", "banner", "gateway-fault", "gateway",
      timeout="2s", says=("accepts but",))
fault("the gateway's queue does not answer", "Postfix", "postfix:no-cleanup", "rcpt", "gateway-fault", "gateway",
      timeout="6s", says=("queue",))
# The content (with --send)
fault("the content is taken for spam", "Postfix", "postfix:spam", "data", "reputation", "list", more=("--send",),
      says=("looks like spam",))
fault("the content is refused", "Postfix", "postfix:content", "data", "content", "filter", more=("--send",),
      says=("content rejected",))
# Encryption
fault("TLS is required", "Postfix", "postfix:tls-only", "mail", "tls", "starttls", says=("must issue a starttls",))
fault("no STARTTLS is offered", "Postfix", "postfix:plain", "starttls", "tls", "STARTTLS", **STARTTLS,
      says=("starttls not supported", "did not advertise starttls", "starttls not", "not offered"))
fault("STARTTLS is refused", "Postfix", "postfix:starttls-broken", "starttls", "tls", "gateway certificate", **STARTTLS,
      says=("tls not available due to local problem",))
fault("only TLS 1.0 and 1.1 behind STARTTLS", "Postfix", "postfix:old-tls", "tls", "tls", "1.2", **STARTTLS,
      says=("protocol version", "unsupported protocol"))
fault("TLS is spoken to a plain port", "Postfix", "postfix:starttls", "tls", "tls", "starttls", **TLS,
      says=("starttls",))
fault("a plain greeting is awaited from a TLS port", "Postfix", "postfix:tls", "banner", "tls", "tls", **STARTTLS,
      timeout="2s", says=("speaks tls", "implicit tls"))
fault("a client certificate is wanted", "Postfix", "postfix:client-certificate", "ehlo", "tls", "client certificate",
      **STARTTLS, says=("no client certificate presented",))
# The account
fault("the password is wrong", "Postfix", "postfix:submission", "auth", "authentication", "password", security="starttls",
      password="not that one", says=("authentication failed",))
fault("AUTH is offered after TLS only", "Postfix", "postfix:auth-after-tls", "auth", "authentication", "starttls",
      password=PASSWORD, says=("after starttls", "after tls", "requires tls"))
fault("no AUTH is offered", "Postfix", "postfix:no-auth", "auth", "authentication", "AUTH", **LOGIN,
      says=("did not advertise authentication", "no auth"))
fault("no mechanism in common", "Postfix", "postfix:digest-only", "auth", "authentication", "mechanism", **LOGIN,
      says=("no advertised types", "mechanism"))
fault("the gateway's account service is down", "Postfix", "postfix:sasl-down", "ehlo", "gateway-fault", "gateway",
      **LOGIN, timeout="6s", says=("account service", "sasl auth"))
# What the gateway does wrong, though it works
warning("an open relay", "Postfix", "postfix:open-relay-tls", "rcpt", "relay-policy", "relay", **STARTTLS, says=("open relay",))
warning("passwords are asked for in the clear", "Postfix", "postfix:auth-in-clear", "auth", "authentication", "TLS",
        **LOGIN, says=("clear",))
warning("the certificate ends in five days", "Postfix", "postfix:cert-soon", "certificate", "trust", "renew", **STARTTLS,
        says=("expires in", "will expire"))
# Certificates
fault("the certificate has expired, behind STARTTLS", "Postfix", "postfix:cert-expired", "certificate", "trust", "renewed",
      **STARTTLS, says=("expired",))
fault("the certificate is self-signed, behind STARTTLS", "Postfix", "postfix:cert-self-signed", "certificate", "trust",
      "ca_file pin", **STARTTLS, says=("self-signed", "self signed"))
fault("the certificate is for another name, behind STARTTLS", "Postfix", "postfix:cert-other-name", "certificate", "trust",
      "verify_name", **STARTTLS, says=("mismatch", "does not match", "no matching"))
fault("the intermediate is missing, behind STARTTLS", "Postfix", "postfix:cert-lone", "certificate", "trust", "intermediate",
      **STARTTLS, says=("unable to get local issuer", "intermediate"))
fault("the certificate has expired", "stunnel", "stunnel:expired", "certificate", "trust", "renewed", **TLS, says=("expired",))
fault("the intermediate has expired", "stunnel", "stunnel:old-chain", "certificate", "trust", "issuer current", **TLS,
      says=("old intermediate",))
fault("the certificate is not valid yet", "stunnel", "stunnel:not-yet", "certificate", "trust", "clock", **TLS,
      says=("not yet valid", "not valid before"))
fault("the certificate is self-signed", "stunnel", "stunnel:self-signed", "certificate", "trust", "ca_file pin", **TLS,
      says=("self-signed", "self signed"))
fault("the certificate is for another name", "stunnel", "stunnel:other-name", "certificate", "trust", "verify_name", **TLS,
      says=("mismatch", "does not match"))
fault("the certificate bears its name as CN only", "stunnel", "stunnel:cn-only", "certificate", "trust", "name", **TLS,
      more=("--verify-name", "mail.example.org"), says=("mismatch", "subject alternative"))
fault("the intermediate is missing", "stunnel", "stunnel:lone", "certificate", "trust", "intermediate", **TLS,
      says=("unable to get local issuer", "intermediate"))
fault("the certificate is of another authority", "stunnel", "stunnel:of-other-ca", "certificate", "trust", "ca_file", **TLS,
      says=("unable to get local issuer",))
fault("the certificate is for clients", "stunnel", "stunnel:for-clients", "certificate", "trust", "server", **TLS,
      says=("purpose", "unsupported certificate"))
fault("the key is weak", "stunnel", "stunnel:weak", "certificate", "trust", "key", **TLS, says=("too weak", "too small"))
fault("the signature is weak", "stunnel", "stunnel:sha1", "certificate", "trust", "SHA", **TLS, says=("too weak",))
fault("only TLS 1.0", "stunnel", "stunnel:tls10", "tls", "tls", "1.2", **TLS, says=("protocol version", "unsupported protocol"))
fault("only TLS 1.1", "stunnel", "stunnel:tls11", "tls", "tls", "1.2", **TLS, says=("protocol version", "unsupported protocol"))
fault("no cipher in common", "stunnel", "stunnel:old-ciphers", "tls", "tls", "cipher", **TLS,
      says=("no shared cipher", "no cipher"))
fault("a client certificate is wanted before anything else", "stunnel", "stunnel:client-certificate", "banner", "tls",
      "client certificate", **TLS, says=("certificate required",))
fault("nobody stands behind the TLS server", "stunnel", "stunnel:nobody-behind", "banner", "gateway-fault", "gateway", **TLS,
      says=("behind", "backend"))
# Exim
fault("Exim refuses us at once", "Exim", "exim:refuses-all", "banner", "relay-policy", "permit address", says=("for you here",))
fault("Exim refuses our HELO", "Exim", "exim:rude-helo", "ehlo", "dns", "helo", says=("name has no address",))
fault("Exim requires TLS", "Exim", "exim:needs-tls", "mail", "tls", "starttls", says=("encryption required",))
fault("Exim requires the account", "Exim", "exim:needs-auth", "mail", "authentication", "username password", **STARTTLS,
      says=("authentication required",))
fault("Exim says that the password is wrong", "Exim", "exim:well", "auth", "authentication", "password",
      security="starttls", password="not that one", says=("incorrect authentication data",))
fault("Exim offers NTLM only", "Exim", "exim:ntlm-only", "auth", "authentication", "mechanism", **LOGIN, says=("no advertised types", "mechanism"))
fault("Exim cannot ask for the account now", "Exim", "exim:auth-down", "auth", "gateway-fault", "gateway", **LOGIN,
      says=("unable to authenticate at present",))
fault("Exim does not relay", "Exim", "exim:well", "rcpt", "recipient", "recipient", **STARTTLS,
      recipients=("ops@elsewhere.example.net",), says=("unrouteable",))
fault("Exim does not know the recipient", "Exim", "exim:well", "rcpt", "recipient", "recipient", **STARTTLS,
      recipients=("nobody@example.org",), says=("user unknown",))
fault("Exim cannot verify the sender", "Exim", "exim:sender", "rcpt", "sender-policy", "sender",
      sender="vedette@nowhere.example.com", says=("sender verify failed",))
fault("Exim limits our rate", "Exim", "exim:ratelimit", "rcpt", "rate", "limit", says=("rate limit exceeded",))
fault("Exim has a local problem", "Exim", "exim:lookup-down", "rcpt", "gateway-fault", "gateway",
      says=("temporary local problem",))
fault("Exim knows the mailbox as full", "Exim", "exim:full", "rcpt", "mailbox-full", "mailbox", says=("mailbox is full",))
fault("Exim is short of space", "Exim", "full_exim:disk-full", "mail", "gateway-fault", "disk", says=("space shortage",))
fault("Exim has too many sessions", "Exim", "busy_exim:busy", "banner", "rate", "limit", before="hold",
      says=("too many concurrent",))
# OpenSMTPD, Dovecot
fault("OpenSMTPD does not know the recipient", "OpenSMTPD", "opensmtpd:well", "rcpt", "recipient", "recipient",
      recipients=("nobody@example.org",), says=("mailing list expansion",))
fault("OpenSMTPD does not relay", "OpenSMTPD", "opensmtpd:well", "rcpt", "recipient", "recipient",
      recipients=("ops@elsewhere.example.net",), says=("invalid recipient",))
fault("OpenSMTPD requires TLS", "OpenSMTPD", "opensmtpd:tls-required", "mail", "tls", "starttls",
      says=("must issue a starttls",))
fault("OpenSMTPD finds no name for us", "OpenSMTPD", "opensmtpd:no-rdns", "banner", "reputation", "PTR", says=("reverse dns",))
fault("OpenSMTPD refuses the sender", "OpenSMTPD", "opensmtpd:sender", "mail", "sender-policy", "sender",
      sender="vedette@elsewhere.example.net", says=("sender rejected",))
fault("OpenSMTPD breaks off the handshake", "OpenSMTPD", "opensmtpd:tls", "tls", "tls", "gateway", **TLS,
      says=("internal error",))
fault("Dovecot wants the account first", "Dovecot", "dovecot:submission", "mail", "authentication", "username password",
      **STARTTLS, says=("authentication required",))
fault("Dovecot says that the password is wrong", "Dovecot", "dovecot:submission", "auth", "authentication", "password",
      security="starttls", password="not that one", says=("authentication failed",))
fault("Dovecot does not reach its own gateway", "Dovecot", "lone_dovecot:submission", "mail", "gateway-fault", "gateway",
      **LOGIN, says=("failed to connect to relay",))
# The network
HOLES = {"timeout": "2s"}
fault("a firewall drops", "kernel", f"{kernel.DROPPED}:25", "connect", "firewall", "firewall", **HOLES, says=("firewall",))
fault("a firewall drops port 25 and lets 587 through", "kernel", f"{kernel.ONE_PORT}:25", "connect", "firewall", "587", **HOLES,
      says=("firewall", "587"))
fault("this machine's own firewall drops", "kernel", f"{kernel.OUT_DROPPED}:25", "connect", "firewall", "firewall", **HOLES,
      says=("firewall",))
fault("this machine's own firewall rejects", "kernel", f"{kernel.OUT_ADMIN}:25", "connect", "firewall", "firewall",
      says=("firewall", "filtered", "prohibited"))
fault("a firewall answers with a reset", "kernel", f"{kernel.RESET}:25", "connect", "gateway-fault", "port", says=("refused",))
fault("nothing listens there", "kernel", f"{kernel.GATEWAY}:2999", "connect", "gateway-fault", "port", says=("refused",))
fault("a firewall says that it is prohibited", "kernel", f"{kernel.ADMIN}:25", "connect", "firewall", "firewall",
      says=("prohibited", "filtered"))
fault("a router knows no such host", "kernel", f"{kernel.HOST}:25", "connect", "routing", "address", says=("no route to host",))
fault("a router knows no such network", "kernel", f"{kernel.NET}:25", "connect", "routing", "route", says=("network is unreachable",))
fault("a router says that the port is unreachable", "kernel", f"{kernel.PORT}:25", "connect", "firewall", "port",
      says=("unreachable",))
fault("a firewall says over IPv6 that it is prohibited", "kernel", f"{kernel.ADMIN6}:25", "connect", "firewall", "firewall",
      says=("prohibited", "filtered", "permission denied"))
fault("no route leads there over IPv6", "kernel", f"{kernel.NO_ROUTE6}:25", "route", "routing", "route",
      says=("network is unreachable",))
fault("nobody has the address", "kernel", f"{kernel.ABSENT}:25", "connect", "routing", "address", says=("no route to host",))
fault("nobody on our own network has the address", "kernel", f"{kernel.BEHIND_ABSENT}:25", "connect", "routing", "address",
      says=("no route to host",))
fault("no route leads there", "kernel", f"{kernel.NO_ROUTE}:25", "route", "routing", "route", says=("network is unreachable",))
fault("a route leads into a black hole", "kernel", f"{kernel.BLACKHOLE}:25", "route", "routing", "route", says=("blackhole",))
fault("a route forbids it", "kernel", f"{kernel.PROHIBIT}:25", "route", "routing", "route", says=("prohibit", "permission denied"))
fault("a route says unreachable", "kernel", f"{kernel.UNREACHABLE}:25", "route", "routing", "route", says=("no route to host",))
fault("the route goes in a circle", "kernel", f"{kernel.LOOP}:25", "connect", "routing", "circle", says=("loop", "time to live", "time exceeded"))
fault("big packets are lost", "kernel", f"{kernel.MTU}:25", "tls", "routing", "MTU", **STARTTLS, timeout="6s", says=("mtu",))
fault("it goes silent once connected", "kernel", f"{kernel.SILENT}:25", "banner", "gateway-fault", "service", **HOLES,
      says=("firewall", "says nothing"))
fault("the session is cut in its middle", "kernel", f"{kernel.CUT}:25", "ehlo", "firewall", "firewall",
      timeout="6s", says=("firewall",))
# Names


def named(name, host, cause, advice, **more):
    more = {"verdict": "fail", **more}
    fault(name, "NSD", "postfix:starttls", "name", cause, advice, security="starttls",
          more=("--host", host, "--verify-name", "mail.example.org"), **more)


named("the name leads elsewhere", "moved.example.org", "dns", "address", verdict="warn", says=("192.0.2.99",))
named("the name does not exist", "there-is-none.example.org", "dns", "name", says=("nxdomain", "not known", "does not exist"))
named("the name has no address", "empty.example.org", "dns", "name", says=("no address",))
named("the name's signature is wrong", "bogus.example.org", "dns", "DNSSEC", says=("dnssec", "bogus"))
named("the name's signature has expired", "stale.example.org", "dns", "DNSSEC", says=("dnssec", "bogus", "expired"))
named("the name's zone cannot be loaded", "mail.broken.example.net", "dns", "resolver", says=("servfail",))
named("two resolvers differ", "split.example.org", "dns", "resolver", verdict="warn", says=("differ",))
named("the name has another address too", "two.example.org", "dns", "address", verdict="warn", says=("192.0.2.66",))
warning("a name stands alone, with no pinned address", "NSD", "postfix:starttls", "name", "dns", "address 192.0.2.25", **STARTTLS,
        named="mail.example.org", says=("pins it", "pinned"))
fault("the name that stands alone does not exist", "NSD", "postfix:starttls", "name", "dns", "name", **STARTTLS,
      named="there-is-none.example.org", says=("nxdomain", "not known", "does not exist"))
# What no honest server does
for script in SCRIPTS:
    fault(script.name, "script", f"script:{script.key}", script.hop, script.cause, script.advice, **script.row)

# And those that are well: a check that always fails must not pass
HEALTHY = [
    Row("Postfix with STARTTLS", "Postfix", "postfix:starttls", None, None, (), security="starttls", verdict="ok"),
    Row("Postfix with TLS", "Postfix", "postfix:tls", None, None, (), security="tls", verdict="ok"),
    Row("Postfix with an account", "Postfix", "postfix:submission", None, None, (), security="starttls", password=PASSWORD,
        verdict="ok"),
    Row("Postfix with its intermediate", "Postfix", "postfix:cert-chained", None, None, (), security="starttls", verdict="ok"),
    Row("Postfix by name", "Postfix", "postfix:starttls", None, None, (), security="starttls", verdict="ok",
        more=("--host", "mail.example.org")),
    Row("Postfix by an alias", "Postfix", "postfix:starttls", None, None, (), security="starttls", verdict="ok",
        more=("--host", "alias.example.org", "--verify-name", "mail.example.org")),
    Row("Exim with an account", "Exim", "exim:well", None, None, (), security="starttls", password=PASSWORD, verdict="ok"),
    Row("Exim with LOGIN only", "Exim", "exim:login-only", None, None, (), security="starttls", password=PASSWORD, verdict="ok"),
    Row("Exim in a tar pit", "Exim", "exim:tarpit", None, None, (), security="starttls", verdict="ok"),
    Row("Dovecot", "Dovecot", "dovecot:submission", None, None, (), security="starttls", password=PASSWORD, verdict="ok"),
    Row("stunnel before Postfix", "stunnel", "stunnel:well", None, None, (), security="tls", verdict="ok"),
    Row("stunnel with its intermediate", "stunnel", "stunnel:chained", None, None, (), security="tls", verdict="ok"),
]
