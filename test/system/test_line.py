"""The line against real peers: a syslog event goes in, a mail lands behind a gateway that is not ours."""

import itertools
import os
import smtplib
import subprocess

import pytest

from peers.swaks import swaks
from vedette import gateway

serial = itertools.count(1)


def goes_through(one, peer):
    """Raises an alert, and returns its message once its text stands in the peer's Maildir."""
    words = f"line-{next(serial)}-of-{one.dir.name}-{one.syslog_port}"
    one.raise_alert(words)
    text = peer.inbox.wait_for(words, 40)
    message = one.wait_for_state("handed-over")[0]
    assert message["gateway"] == "primary" and message["reply"].startswith("2"), message
    assert message["recipient"] == "soc@example.org" and message["handed_over_at"], message
    assert "From: Vedette <vedette@example.org>" in text
    return message, text


@pytest.mark.sanitized
def test_postfix_with_starttls(vedette, postfix, certificates):
    one = vedette(gateway(postfix.port["starttls"], security="starttls", ca_file=certificates.ca,
                          verify_name=certificates.NAME))
    message, text = goes_through(one, postfix)
    assert "with ESMTPS" in text
    assert message["queue_id"] and message["queue_id"] in text, (message, text)


def test_postfix_with_tls_from_the_first_byte(vedette, postfix, certificates):
    one = vedette(gateway(postfix.port["tls"], security="tls", ca_file=certificates.ca))
    _, text = goes_through(one, postfix)
    assert "with ESMTPS" in text


@pytest.mark.parametrize("mechanism", [None, "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_postfix_with_sasl_through_dovecot(vedette, postfix, certificates, mechanism):
    auth = {"auth": mechanism} if mechanism else {}
    one = vedette(gateway(postfix.port["submission"], security="starttls", ca_file=certificates.ca,
                          username=postfix.USER, password=postfix.PASSWORD, **auth))
    message, text = goes_through(one, postfix)
    assert "with ESMTPSA" in text
    used = mechanism or "SCRAM-SHA-256"  # the strongest that Dovecot offers
    assert f"{message['queue_id']}: client=unknown[127.0.0.1], sasl_method={used}, sasl_username={postfix.USER}" \
        in postfix.log()


@pytest.mark.sanitized
@pytest.mark.parametrize("name", ["exim", "opensmtpd"])
def test_plain_gateways(request, vedette, name):
    peer = request.getfixturevalue(name)
    one = vedette(gateway(peer.port["plain"]))
    message, text = goes_through(one, peer)
    assert message["queue_id"] and message["queue_id"] in text, (message, text)


def test_a_message_over_udp_takes_the_same_way(vedette, postfix):
    one = vedette(gateway(postfix.port["plain"]))
    one.send_udp("<86>Nov 24 08:15:30 udp-host test: PRIVILEGED by-udp")
    postfix.inbox.wait_for("by-udp")


@pytest.mark.sanitized
def test_our_own_gateway_takes_mail_from_swaks(own_gateway):
    done = swaks(own_gateway.port, subject="to-our-own", to="b@example.org,c@example.org")
    assert done.code == 0, done.text
    queued = next(r for r in done.replies if r.startswith("250 2.0.0 Ok: queued as "))
    text = own_gateway.inbox.wait_for("Subject: to-our-own")
    assert text.startswith("Return-Path: <a@example.org>\nDelivered-To: b@example.org\nDelivered-To: c@example.org\n")
    assert f"id {queued.split()[-1]}" in text


@pytest.mark.parametrize("sender, to, code", [
    ("a@example.org", "b@elsewhere.example", "550 5.7.1"),
    ("a@example.org", "b%elsewhere.example@example.org", "554 5.7.1"),
    ("<;sleep 66;>", "b@example.org", "501 5"),
])
def test_our_own_gateway_is_no_open_relay(own_gateway, sender, to, code):
    done = swaks(own_gateway.port, sender=sender, to=to)
    assert any(r.startswith(code) for r in done.replies), done.text


def test_our_own_gateway_takes_long_and_dotted_mail_as_it_is(own_gateway):
    lines = [".", "..", ".x", "y" * 900] * 3000
    with smtplib.SMTP("127.0.0.1", own_gateway.port, timeout=20) as client:
        client.sendmail("a@example.org", ["b@example.org"], "\n".join(["Subject: dots", "", *lines, ""]))
    assert own_gateway.inbox.wait_for("Subject: dots").split("\n\n", 1)[1] == "\n".join([*lines, ""])


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_inbox_keeps_mail_in_the_queue_until_there_is_room(own_gateway_with):
    """The queue has taken it, so nothing is refused and nothing half written stays in the inbox."""
    one = own_gateway_with(small_disk=("inbox", "400k"), relay={
        "domains": ["other.example"], "rules": [{"name": "us", "networks": ["127.0.0.1/32"], "accept": {}}],
        "routes": [{"name": "here", "domains": ["example.org"], "maildir": "inbox", "retry_first": "1s"}]})
    with smtplib.SMTP("127.0.0.1", one.port, timeout=20) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: big\n\n" + ("x" * 900 + "\n") * 600)
        client.sendmail("a@example.org", ["b@example.org"], "Subject: small\n\nx\n")
    one.inbox.wait_for("Subject: small")
    assert len(one.inbox.files()) == 1 and not list((one.inbox.path / "tmp").iterdir())
    subprocess.run(["nsenter", "--mount", f"--target={one.process.pid}", "mount", "-o", "remount,size=4m",
                    str(one.dir / "inbox")], check=True)
    assert one.inbox.wait_for("Subject: big").count("x" * 900) == 600


def test_the_whole_line_on_one_machine(own_gateway):
    own_gateway.raise_alert("on-one-machine")
    assert "on-one-machine" in own_gateway.inbox.wait_for("on-one-machine")
    message = own_gateway.wait_for_state("landed")[0]
    assert message["landed_at"] and message["queue_id"], message


@pytest.mark.sanitized
def test_sigterm_ends_it_with_nothing_left(own_gateway):
    own_gateway.raise_alert("before-the-end")
    own_gateway.inbox.wait_for("before-the-end")
    assert own_gateway.stop() == 0
