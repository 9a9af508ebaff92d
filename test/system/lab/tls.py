"""One stunnel that stands before the lab's Postfix with every kind of bad certificate and old version."""

from peers.netlab import GATEWAY
from peers.stunnel import Stunnel

OLD = {"securityLevel": "0", "ciphers": "ALL:@SECLEVEL=0"}


def services(certificates):
    """For each name: its certificate and stunnel's options."""
    good = certificates.good
    bad = {name.replace("_", "-"): (getattr(certificates, name), {}) for name in (
        "expired", "not_yet", "self_signed", "other_name", "lone", "chained", "cn_only", "for_clients", "of_other_ca",
        "old_chain")}
    return {
        "well": (good, {}),
        "tls10": (good, {"sslVersion": "TLSv1", **OLD}),
        "tls11": (good, {"sslVersion": "TLSv1.1", **OLD}),
        "old-ciphers": (good, {"sslVersion": "TLSv1.2", "ciphers": "NULL:@SECLEVEL=0", "securityLevel": "0"}),
        "client-certificate": (good, {"verifyChain": "yes", "CAfile": certificates.ca}),
        "nobody-behind": (good, {"connect": f"{GATEWAY}:9"}),
        "weak": (certificates.weak, OLD),
        "sha1": (certificates.sha1, OLD),
        **bad,
    }


def start(scratch, certificates):
    return Stunnel(scratch, GATEWAY, 2901, f"{GATEWAY}:25", certificates, services(certificates))
