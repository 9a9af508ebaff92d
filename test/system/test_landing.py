"""Landings: what is seen of a mail behind gateways that are not ours, and what is done when nothing is seen."""

import json
import re
import signal

import pytest

from peers.dovecot import Dovecot
from peers.enclosure import wait_until
from vedette import gateway

CANARY = "canary@example.org"
OFTEN = {"every": "4s", "wait": "8s"}


def status_of(one, name="primary"):
    lines = one.command("path", "status", "--json").stdout.splitlines()
    return next(path for path in map(json.loads, lines) if path["gateway"] == name)


def wait_for_canary(one, state, seconds=40, name="primary"):
    def there():
        canary = status_of(one, name)["canary"]
        return canary if canary and canary["state"] == state else None

    try:
        return wait_until(there, seconds, f"a canary that is {state}")
    except AssertionError as e:
        raise AssertionError(f"{e}; {status_of(one, name)}: {one.words()}") from None


def wait_for_trouble(one, kind, seconds=40, name="primary", gone=False):
    def there():
        found = [t for t in status_of(one, name)["troubles"] if t["kind"] == kind]
        return not found if gone else found

    try:
        return wait_until(there, seconds, f"trouble {kind}{' to end' if gone else ''}")
    except AssertionError as e:
        raise AssertionError(f"{e}; {status_of(one, name)}: {one.words()}") from None


def test_a_canary_lands_in_a_maildir_with_its_evidence(vedette, postfix, certificates):
    one = vedette(gateway(postfix.port["starttls"], security="starttls", ca_file=certificates.ca,
                          verify_name=certificates.NAME,
                          landing={"maildir": str(postfix.inbox.path), "recipient": CANARY}), canary=OFTEN)
    canary = wait_for_canary(one, "landed")
    evidence = canary["evidence"]
    assert evidence["by"] == "maildir" and evidence["folder"] == "INBOX" and not evidence["junk"], canary
    assert evidence["hops"][0]["with"] == "ESMTPS" and evidence["hops"][0]["tls"] is True, canary
    assert evidence["altered"] is False and canary["latency_ms"] is not None, canary
    path = wait_until(lambda: (p := status_of(one))["day"]["landed"] > 0 and p, 20, "the day's rate")
    assert path["up"] and path["day"]["p50_ms"] <= path["day"]["p99_ms"] and path["month"]["sent"] >= 1, path
    assert "landed" in one.command("path", "status").stdout


def test_the_junk_folder_is_a_warning(vedette, postfix_with):
    postfix = postfix_with(main={"virtual_mailbox_maps": "static:inbox/.Junk/"})
    one = vedette(gateway(postfix.port["plain"],
                          landing={"maildir": str(postfix.inbox.path), "recipient": CANARY}), canary=OFTEN)
    canary = wait_for_canary(one, "landed")
    assert canary["evidence"]["junk"] and canary["evidence"]["folder"] == "Junk", canary
    assert wait_for_trouble(one, "canary-junk")[0]["cause"] == "content"


@pytest.fixture
def dovecot_with_tls(scratch, certificates):
    peer = Dovecot(scratch("dovecot-tls"), certificates)
    yield peer
    peer.stop()


def imap(dovecot, certificates):
    return {"imap": f"127.0.0.1:{dovecot.port['imaps']}", "verify_name": certificates.NAME, "ca_file": str(certificates.ca),
            "username": "soc", "password": "secret:file/mailbox", "every": "1s", "recipient": CANARY}


def secret(one, value):
    path = one.dir / "secrets" / "mailbox"
    path.touch(mode=0o600)
    path.write_text(value)


def test_a_canary_is_seen_by_imap_and_a_wrong_password_is_told(vedette, postfix_with, dovecot_with_tls, certificates):
    dovecot = dovecot_with_tls
    postfix = postfix_with(main={"virtual_transport": f"lmtp:inet:127.0.0.1:{dovecot.port['lmtp']}"},
                           services="lmtp unix - - n - - lmtp\n")
    one = vedette(gateway(postfix.port["plain"], landing=imap(dovecot, certificates)), start=False,
                  canary={"every": "4s", "wait": "20s"})
    secret(one, dovecot.PASSWORD)
    one.start()
    canary = wait_for_canary(one, "landed", 60)
    assert canary["evidence"]["by"] == "imap" and canary["evidence"]["folder"] == "INBOX", canary
    assert any(hop["with"].startswith("LMTP") for hop in canary["evidence"]["hops"]), canary
    secret(one, "not the password")
    trouble = wait_for_trouble(one, "mailbox-unreadable")[0]
    assert dovecot.PASSWORD not in json.dumps(trouble) and "not the password" not in one.words(), trouble
    secret(one, dovecot.PASSWORD)
    wait_for_trouble(one, "mailbox-unreadable", gone=True)


def test_a_missed_canary_is_told_over_the_other_gateway_and_ends_when_one_lands(vedette, postfix, postfix_with):
    holding = postfix_with(main={"defer_transports": "virtual"})
    landing = {"maildir": str(holding.inbox.path), "recipient": CANARY}
    one = vedette(gateway(holding.port["plain"], landing=landing), gateway(postfix.port["plain"], name="second"),
                  canary={"every": "4s", "wait": "5s"})
    canary = wait_for_canary(one, "missed")
    assert canary["reply"].startswith("250"), canary
    wait_for_trouble(one, "canary-missed")
    text = postfix.inbox.wait_for("A test message did not land", 30)
    assert "soc@example.org" in text
    alert = next(a for a in one.alerts() if a["rule"].startswith("vedette.path.canary"))
    wait_until(lambda: all(m["gateway"] == "second" for a in one.alerts() if a["id"] == alert["id"]
                           for m in a["messages"]), 20, "the alert to go over the second gateway")
    one.settings["gateways"][0].update(port=postfix.port["plain"], landing={**landing, "maildir": str(postfix.inbox.path)})
    one.write_config()
    one.process.send_signal(signal.SIGHUP)
    wait_for_canary(one, "landed")
    wait_for_trouble(one, "canary-missed", gone=True)


def test_a_report_of_delivery_is_a_landing(vedette, postfix):
    one = vedette(gateway(postfix.port["plain"], landing={"dsn": True}),
                  bounces={"maildir": str(postfix.inbox.path), "address": "bounces@example.org"})
    one.raise_alert("told-by-report")
    message = one.wait_for_state("landed")[0]
    assert message["evidence"]["by"] == "dsn", message


def test_a_report_of_relaying_is_none(vedette, postfix, postfix_with):
    relaying = postfix_with(main={"virtual_mailbox_domains": "", "relay_domains": "example.org",
                                  "smtp_discard_ehlo_keywords": "dsn",
                                  "transport_maps": "inline:{ {bounces@example.org = smtp:[127.0.0.1]:%d} "
                                                    "{example.org = smtp:[127.0.0.1]:%d} }"
                                                    % (postfix.port["plain"], postfix.port["plain"])})
    one = vedette(gateway(relaying.port["plain"], landing={"dsn": True}),
                  bounces={"maildir": str(postfix.inbox.path), "address": "bounces@example.org"})
    one.raise_alert("only-relayed")
    postfix.inbox.wait_for("Action: relayed", 40)
    message = one.wait_for_state("handed-over")[0]
    assert message["evidence"] is None, message


def test_the_readers_word_is_a_landing(vedette, postfix):
    one = vedette(gateway(postfix.port["plain"]))
    said = one.command("test").stdout
    token = re.search(r"vedette landing confirm ([a-z0-9-]+)", said).group(1)
    assert token in postfix.inbox.wait_for(f"vedette landing confirm {token}", 20)
    assert one.command("landing", "confirm", "aaaa-bbbb-cccc", check=False).returncode == 66
    assert "landed: 1 message" in one.command("landing", "confirm", token.upper()).stdout
    message = one.wait_for_state("landed")[0]
    assert message["evidence"]["by"] == "operator", message
    one.stop()
    assert "no daemon runs" in one.command("landing", "confirm", token, check=False).stderr
