"""One Postfix that fails in many ways, each on a port of its own."""

from peers.netlab import GATEWAY
from peers.postfix import Postfix

from .kernel import CUT, MTU, ONE_PORT, SILENT

RESOLVER = "192.0.2.53"

# The answers are those that a policy server gives (policyd-spf, postgrey, quota-status); Postfix adds the code's rest.
POLICY = """#!/usr/bin/python3
import sys
ANSWERS = {
    "grey": "defer_if_permit Greylisted, try again in 300 seconds",
    "full": "552 5.2.2 Mailbox is full",
    "spf": "550 5.7.23 Message rejected due to: SPF fail - not authorized",
    "dmarc": "550 5.7.26 Unauthenticated email from example.org is not accepted due to the domain's DMARC policy",
    "busy": "451 4.7.1 Rate limit exceeded, try again later",
}
attributes = {}
for line in sys.stdin:
    if line.strip():
        name, _, value = line.strip().partition("=")
        attributes[name] = value
        continue
    print("action=" + ANSWERS.get(attributes["recipient"].split("@")[0], "DUNNO"), end="\\n\\n", flush=True)
    attributes = {}
"""

SERVICES = """
policy unix - n n - 0 spawn user=nobody argv=/usr/bin/python3 {scratch}/policy
cleanup-spam unix n - n - 0 cleanup
    -o {{ header_checks = regexp:{{{{/^Subject:/ REJECT This message looks like spam}}}} }}
cleanup-content unix n - n - 0 cleanup
    -o {{ header_checks = regexp:{{{{/^Subject:/ REJECT Message content rejected}}}} }}
smtpd-behind pass - n n - - smtpd
    -o {{ smtpd_tls_security_level = none }}
dnsblog unix - n n - 0 dnsblog
tlsproxy unix - n n - 0 tlsproxy
{address}:2591 inet n n n - 1 postscreen
    -o {{ smtpd_service_name = smtpd-behind }}
    -o {{ postscreen_greet_wait = 1s }}
    -o {{ postscreen_pipelining_enable = yes }}
    -o {{ postscreen_cache_map = internal:deep }}
{address}:2592 inet n n n - 1 postscreen
    -o {{ smtpd_service_name = smtpd-behind }}
    -o {{ postscreen_access_list = cidr:{{{{198.51.100.0/24 reject}}}} }}
    -o {{ postscreen_denylist_action = enforce }}
    -o {{ postscreen_greet_wait = 1s }}
    -o {{ postscreen_cache_map = internal:denied }}
{address}:2593 inet n n n - 1 postscreen
    -o {{ smtpd_service_name = smtpd-behind }}
    -o {{ postscreen_access_list = cidr:{{{{198.51.100.0/24 reject}}}} }}
    -o {{ postscreen_denylist_action = drop }}
    -o {{ postscreen_greet_wait = 1s }}
    -o {{ postscreen_cache_map = internal:dropped }}
"""

# The addresses on the way to which the network does something to a session that has begun.
ELSEWHERE = "".join(f"{where} inet n - n - - smtpd\n    -o {{ smtpd_tls_security_level = may }}\n"
                    for where in (f"{ONE_PORT}:587", f"{MTU}:25", f"{SILENT}:25", f"{CUT}:25"))

START = """rm -f /etc/resolv.conf
echo 'nameserver {resolver}' >/etc/resolv.conf
"""

MAIN = {
    "myhostname": "mail.example.org",
    "mynetworks": "127.0.0.0/8",
    "unknown_address_reject_code": "550",
    "unknown_client_reject_code": "550",
    "unknown_hostname_reject_code": "550",
    "smtpd_peername_lookup": "yes",
    "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
    "smtpd_sender_login_maps": "inline:{ {vedette@example.org = svc-vedette}, {boss@example.org = boss} }",
    "virtual_mailbox_domains": "example.org, known.example.org",
    "virtual_mailbox_maps": "inline:{ {soc@known.example.org = inbox/}, {@example.org = inbox/} }",
}

CLEAR = {"smtpd_tls_security_level": "none"}
AUTH = {"smtpd_tls_security_level": "encrypt", "smtpd_sasl_auth_enable": "yes"}


def tls(certificate, certificates, **more):
    return {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": certificate,
            "smtpd_tls_key_file": certificates.key(certificate), **more}


def ports(certificates):
    """What is wrong with each port, as parameters of its smtpd."""
    return {
        # Who may send, and from where
        "client-refused": {**CLEAR, "smtpd_client_restrictions": "reject"},
        "client-refused-at-once": {**CLEAR, "smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no"},
        "no-reverse": {**CLEAR, "smtpd_client_restrictions": "reject_unknown_client_hostname"},
        "rbl": {**CLEAR, "smtpd_client_restrictions": "reject_rbl_client rbl.example.net"},
        "rhsbl": {**CLEAR, "smtpd_sender_restrictions": "reject_rhsbl_sender dbl.example.net"},
        "helo-short": {**CLEAR, "smtpd_helo_required": "yes", "smtpd_helo_restrictions": "reject_non_fqdn_helo_hostname"},
        "helo-unknown": {**CLEAR, "smtpd_helo_restrictions": "reject_unknown_helo_hostname"},
        # The sender
        "sender-unknown": {**CLEAR, "smtpd_delay_reject": "no", "smtpd_sender_restrictions": "reject_unknown_sender_domain"},
        "sender-short": {**CLEAR, "smtpd_delay_reject": "no", "smtpd_sender_restrictions": "reject_non_fqdn_sender"},
        "sender-login": {**AUTH, "smtpd_sender_restrictions": "reject_sender_login_mismatch"},
        "sender-unlisted": {**CLEAR, "smtpd_delay_reject": "no", "smtpd_reject_unlisted_sender": "yes"},
        # The recipient
        "open-relay": {**CLEAR, "smtpd_relay_restrictions": "check_client_access static:OK, reject_unauth_destination"},
        "open-relay-tls": {"smtpd_tls_security_level": "may",
                           "smtpd_relay_restrictions": "check_client_access static:OK, reject_unauth_destination"},
        "dies": {**CLEAR, "smtpd_relay_restrictions": "permit"},  # smtpd refuses to run as an open relay by mistake
        "soft": {**CLEAR, "soft_bounce": "yes"},
        "recipient-domain": {**CLEAR, "smtpd_relay_restrictions": "reject_unknown_recipient_domain, check_client_access static:OK, reject_unauth_destination"},
        "policy": {**CLEAR, "smtpd_recipient_restrictions": "check_policy_service unix:private/policy"},
        "policy-down": {**CLEAR, "smtpd_recipient_restrictions": "check_policy_service { unix:private/none, timeout=1s }",
                        "smtpd_policy_service_try_limit": "1"},
        "lookup-down": {**CLEAR, "virtual_mailbox_maps": "fail:the-directory-is-away"},
        # What it has room for
        "small": {**CLEAR, "message_size_limit": "300"},
        "disk-full": {**CLEAR, "queue_minfree": "900000000000000"},
        "connections": {**CLEAR, "smtpd_client_connection_count_limit": "1"},
        "mails": {**CLEAR, "smtpd_client_message_rate_limit": "1"},
        "recipients": {**CLEAR, "smtpd_client_recipient_rate_limit": "1"},
        # The content
        "spam": {**CLEAR, "cleanup_service_name": "cleanup-spam"},
        "content": {**CLEAR, "cleanup_service_name": "cleanup-content"},
        "no-cleanup": {**CLEAR, "cleanup_service_name": "there-is-none"},
        # Security and the account
        "tls-only": {"smtpd_tls_security_level": "encrypt"},
        "starttls-broken": {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": "/there/is/none.pem",
                            "smtpd_tls_key_file": "/there/is/none.pem"},
        "old-tls": {"smtpd_tls_security_level": "may", "smtpd_tls_protocols": "TLSv1, TLSv1.1",
                    "tls_medium_cipherlist": "ALL:@SECLEVEL=0", "smtpd_tls_ciphers": "medium"},
        "client-certificate": {"smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes",
                               "smtpd_tls_CAfile": certificates.ca},
        "auth-in-clear": {"smtpd_tls_security_level": "may", "smtpd_sasl_auth_enable": "yes", "smtpd_tls_auth_only": "no"},
        "auth-after-tls": {"smtpd_tls_security_level": "may", "smtpd_sasl_auth_enable": "yes"},
        "no-auth": {"smtpd_tls_security_level": "may"},
        "digest-only": {**AUTH, "smtpd_sasl_mechanism_filter": "digest-md5"},
        "sasl-down": {**AUTH, "smtpd_sasl_path": "private/there-is-none"},
        "needs-auth": {**AUTH, "smtpd_client_restrictions": "permit_sasl_authenticated,reject"},
        # Certificates behind STARTTLS
        **{f"cert-{name.replace('_', '-')}": tls(getattr(certificates, name), certificates)
           for name in ("expired", "not_yet", "soon", "self_signed", "other_name", "lone", "chained", "of_other_ca")},
    }


class FaultyPostfix(Postfix):
    def __init__(self, scratch, certificates):
        (scratch / "policy").write_text(POLICY)
        super().__init__(
            scratch, certificates, main=MAIN, more_ports=ports(certificates), address=GATEWAY, first_port=2501,
            fixed={"plain": 25, "submission": 587, "tls": 465}, mechanisms="plain login cram-md5 digest-md5 scram-sha-256",
            services=SERVICES.format(scratch=scratch, address=GATEWAY) + ELSEWHERE, start=START.format(resolver=RESOLVER))
        self.port |= {"postscreen-deep": 2591, "postscreen-denied": 2592, "postscreen-dropped": 2593}
