"""The peers themselves: what we hold Vedette against must work without it."""

import imaplib
import smtplib
import subprocess

import pytest

from peers.misbehaving import DEAF, DROP
from peers.swaks import swaks

POSTFIX_OPTIONS = {"plain": [], "starttls": ["-tls"], "tls": ["-tlsc"]}


@pytest.mark.parametrize("port", POSTFIX_OPTIONS)
def test_postfix_takes_mail_and_it_lands(postfix, port):
    done = swaks(postfix.port[port], *POSTFIX_OPTIONS[port], subject=f"postfix-{port}")
    assert done.code == 0, done.text
    assert "X-Mailer: swaks" in postfix.inbox.wait_for(f"Subject: postfix-{port}")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_postfix_asks_dovecot_who_may_send(postfix, mechanism):
    account = ["-a", mechanism, "-au", postfix.USER, "-ap"]
    wrong = swaks(postfix.port["submission"], "-tls", *account, "wrong")
    assert any(r.startswith("535") for r in wrong.replies), wrong.text
    done = swaks(postfix.port["submission"], "-tls", *account, postfix.PASSWORD, subject=f"sasl-{mechanism}")
    assert done.code == 0, done.text
    postfix.inbox.wait_for(f"Subject: sasl-{mechanism}")


@pytest.mark.parametrize("sender, to, code", [
    ("a@example.org", "x@elsewhere.example", "554 5.7.1"),
    ("refused@example.org", "b@example.org", "553 5.7.1"),
    ("a@example.org", "nobody@example.org", "550 5.1.1"),
    ("a@example.org", "later@example.org", "451 4.7.1"),
    ("a@example.org", "full@example.org", "452 4.2.2"),
])
def test_postfix_refuses_as_configured(postfix, sender, to, code):
    done = swaks(postfix.port["plain"], sender=sender, to=to)
    assert any(r.startswith(code) for r in done.replies), done.text


def test_postfix_takes_options(postfix_with):
    small = postfix_with(main={"message_size_limit": "2000"}, mechanisms="",
                         more_ports={"defers": {"soft_bounce": "yes"}})
    done = swaks(small.port["plain"], body="x" * 3000)
    assert any(r.startswith("552 5.3.4") for r in done.replies), done.text
    done = swaks(small.port["defers"], to="nobody@example.org")
    assert any(r.startswith("450 5.1.1") or r.startswith("450 4.1.1") for r in done.replies), done.text


@pytest.mark.parametrize("name", ["exim", "opensmtpd"])
def test_plain_gateways_take_mail_and_it_lands(request, name):
    peer = request.getfixturevalue(name)
    done = swaks(peer.port["plain"], subject=f"to-{name}")
    assert done.code == 0, done.text
    peer.inbox.wait_for(f"Subject: to-{name}")
    assert swaks(peer.port["plain"], to="x@elsewhere.example").code != 0


def test_dovecot_takes_mail_by_lmtp_and_shows_it_by_imap(dovecot):
    done = swaks(dovecot.port["lmtp"], "--protocol", "LMTP", subject="by-lmtp")
    assert done.code == 0, done.text
    dovecot.inbox.wait_for("Subject: by-lmtp")
    with imaplib.IMAP4("127.0.0.1", dovecot.port["imap"]) as imap:
        imap.login("b@example.org", dovecot.PASSWORD)
        imap.select()
        assert imap.search(None, "SUBJECT", "by-lmtp")[1] == [b"1"]


@pytest.mark.parametrize("certificate, verdict", [
    ("good", "0 (ok)"),
    ("other_name", "62 "),
    ("expired", "10 "),
    ("self_signed", "18 "),
])
def test_certificates_are_good_or_bad_as_named(misbehaving, certificates, certificate, verdict):
    peer = misbehaving(certificates=certificates, certificate=getattr(certificates, certificate))
    done = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{peer.port}", "-CAfile", certificates.ca,
         "-verify_hostname", certificates.NAME], input="QUIT\r\n", capture_output=True, text=True, check=False)
    assert f"Verify return code: {verdict}" in done.stdout, done.stdout[-1000:]


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt", "data", "dot"])
def test_a_reply_can_be_put_in_at_any_stage(misbehaving, stage):
    peer = misbehaving(**{stage: "451 4.3.0 Later"})
    done = swaks(peer.port)
    assert done.code != 0 and any(r == "451 4.3.0 Later" for r in done.replies), done.text
    assert not peer.accepted


def test_one_recipient_of_two_can_be_refused(misbehaving):
    peer = misbehaving(rcpt={"b@example.org": "550 5.1.1 No such user"})
    assert swaks(peer.port, to="b@example.org,c@example.org").code in (0, 24, 25)
    assert [m[1] for m in peer.accepted] == [("c@example.org",)]


@pytest.mark.parametrize("stage, lost", [("body", 0), ("dot", 1)])
def test_the_connection_can_drop_in_the_content_and_after_the_dot(misbehaving, stage, lost):
    peer = misbehaving(**{stage: DROP})
    assert swaks(peer.port).code != 0
    assert len(peer.messages) == lost and not peer.accepted


def test_a_deaf_peer_never_answers(misbehaving):
    peer = misbehaving(ehlo=DEAF)
    with pytest.raises(OSError):
        smtplib.SMTP("127.0.0.1", peer.port, timeout=0.5).ehlo()


def test_starttls_can_be_stripped_and_a_stage_can_heal(misbehaving, certificates):
    peer = misbehaving(certificates=certificates, offer_starttls=False, dot=["451 4.3.0 Later", None])
    assert swaks(peer.port, "-tls").code == 29
    assert swaks(peer.port).code != 0
    assert swaks(peer.port).code == 0
    assert len(peer.accepted) == 1
