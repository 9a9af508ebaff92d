"""What only a server made for it does, as rows for the misbehaving peer."""

import dataclasses

from peers.misbehaving import DEAF, DROP

ENDLESS = "250-misbehaving.example.org\r\n" + "250-X-AND-ON\r\n" * 3000 + "250 X-END"


@dataclasses.dataclass(frozen=True)
class Script:
    key: str
    name: str
    peer: dict  # options of Misbehaving; tls=True: with the lab's certificates
    hop: str
    cause: str
    advice: str
    row: dict = dataclasses.field(default_factory=dict)


def _script(key, name, hop, cause, advice, peer, **row):
    return Script(key, name, peer, hop, cause, advice, row)


STARTTLS = {"security": "starttls"}
LOGIN = {"security": "starttls", "password": "correct horse battery"}

SCRIPTS = [
    _script("injection", "bytes are slipped in before TLS", "starttls", "tls", "gateway",
            {"tls": True, "starttls": "220 2.0.0 Go on\r\n250 2.0.0 slipped in"}, **STARTTLS, says=("inject", "before tls")),
    _script("stripped", "STARTTLS was struck out on the way", "starttls", "tls", "inspection",
            {"extensions": ("PIPELINING", "XXXXXXXA")}, **STARTTLS, says=("strip", "inspection")),
    _script("silent", "it connects and says nothing", "banner", "gateway-fault", "gateway", {"banner": DEAF}, timeout="2s",
            says=("no banner", "greeting")),
    _script("http", "another protocol is spoken there", "banner", "gateway-fault", "port",
            {"banner": "HTTP/1.1 400 Bad Request"}, says=("not smtp", "not an smtp", "invalid smtp")),
    _script("ssh", "SSH is spoken there", "banner", "gateway-fault", "port", {"banner": "SSH-2.0-OpenSSH_9.2"},
            says=("not smtp", "not an smtp", "invalid smtp")),
    _script("421", "it is shutting down", "banner", "gateway-fault", "gateway", {"banner": "421 4.3.2 Service shutting down"},
            says=("shutting down",)),
    _script("554", "it takes no mail at all", "banner", "relay-policy", "permit", {"banner": "554 5.3.2 No mail service here"},
            says=("no mail service",)),
    _script("endless", "its answer never ends", "ehlo", "gateway-fault", "gateway", {"ehlo": ENDLESS}, says=("too long", "endless")),
    _script("old", "it knows no EHLO", "ehlo", "gateway-fault", "EHLO", {"ehlo": "502 5.5.2 Command not recognized"},
            **STARTTLS, says=("not recognized",)),
    _script("drops-ehlo", "it hangs up after EHLO", "ehlo", "gateway-fault", "gateway", {"ehlo": DROP}, says=("hang", "closed by")),
    _script("drops-data", "it hangs up in the content", "data", "gateway-fault", "gateway", {"tls": True, "body": DROP},
            **STARTTLS, more=("--send",), says=("during data",)),
    _script("app-password", "an app password is wanted", "auth", "authentication", "app password",
            {"tls": True, "auth": "534 5.7.9 Application-specific password required"}, **LOGIN,
            says=("application-specific password",)),
    _script("basic-off", "passwords are switched off there", "auth", "authentication", "OAuth",
            {"tls": True, "auth": "535 5.7.139 Authentication unsuccessful, basic authentication is disabled"}, **LOGIN,
            says=("basic authentication is disabled",)),
    _script("tenant-off", "SMTP AUTH is off for the tenant", "auth", "authentication", "SMTP AUTH",
            {"tls": True, "auth": "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant"},
            **LOGIN, says=("smtpclientauthentication is disabled",)),
    _script("nonsense", "its answer is no reply", "mail", "gateway-fault", "gateway", {"tls": True, "mail": "Ok, go on"}, **STARTTLS,
            says=("not smtp", "invalid reply")),
]
PEERS = {script.key: script.peer for script in SCRIPTS}
