"""Reports from one end to the other: of delivery by a next hop that reports itself and by one that cannot, of delay, and on reports."""

import re
import smtplib

import pytest

from peers.enclosure import Maildir, wait_until
from test_relay_durability import Relay
from test_relay_queue import rows


def send(one, sender, recipient, *options, envid=None):
    with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as session:
        session.ehlo("client.example.org")
        assert session.mail(sender, [f"ENVID={envid}", "RET=HDRS"] if envid else [])[0] == 250
        code, words = session.rcpt(recipient, options)
        assert code == 250, words
        code, words = session.data(f"From: a@example.org\r\nSubject: about {envid}\r\n\r\nbody\r\n")
        assert code == 250, words


@pytest.fixture
def relay_to(tmp_path):
    """A gateway that delivers example.org itself, where `inbox` is, unless all goes on to the next hop."""
    running = []

    def start(port, delivers=True, route=None, **relay):
        folder = tmp_path / f"relay{len(running)}"
        folder.mkdir()
        one = Relay(folder, port, start=False)
        one.inbox = Maildir(folder / "inbox")
        if delivers:
            one.settings["relay"].update(domains=["example.org"], maildir=str(folder / "inbox"))
        one.settings["relay"]["routes"][0].update(route or {})
        one.settings["relay"].update(relay)
        one.write_config()
        one.start()
        running.append(one)
        return one

    yield start
    for one in running:
        one.kill()
    for one in running:
        one.check_sanitizers()


@pytest.fixture(scope="module")
def final(postfix_with):
    """A Postfix that is the end of the way for example.org, and says so itself where it is let."""
    return postfix_with(more_ports={"silent": {"smtpd_tls_security_level": "none", "smtpd_discard_ehlo_keywords": "dsn,silent-discard"}})


def reports(final, envid):
    return [text for text in final.inbox.texts() if f"Original-Envelope-Id: {envid}" in text]


def test_a_next_hop_that_reports_itself_is_left_to_it(relay_to, final):
    one = relay_to(final.port["plain"], delivers=False)
    send(one, "a@example.org", "b@example.org", "NOTIFY=SUCCESS", "ORCPT=rfc822;B+40example.com", envid="passed-on")
    report = wait_until(lambda: reports(final, "passed-on"), 20, "Postfix's own report")[0]
    for words in ("Reporting-MTA: dns; mail.example.org", "Action: delivered", "Original-Recipient: rfc822;B@example.com"):
        assert words in report, (words, report)
    wait_until(lambda: not rows(one), 20, "an empty queue")
    assert len(reports(final, "passed-on")) == 1 and "gateway reports on a message" not in one.words()


def test_an_original_recipient_goes_on_with_its_type(relay_to, misbehaving):
    peer = misbehaving(extensions=["8BITMIME", "DSN", "SMTPUTF8"])
    one = relay_to(peer.port, delivers=False)
    with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as session:
        session.ehlo()
        assert session.mail("a@example.org", ["SMTPUTF8"])[0] == 250
        for n, original in enumerate(("RFC822;B+40example.com", "utf-8;\\x{E4}+2Bb@example.com", "utf-8;ä@例.example", "x400;/S+3Db/")):
            assert session.rcpt(f"{n}@example.net", [f"ORCPT={original}"])[0] == 250
        assert session.data("Subject: x\r\n\r\nbody\r\n")[0] == 250
    wait_until(lambda: peer.accepted, 20, "the message")
    said = [line.split("ORCPT=")[1] for line in peer.commands if line.startswith("RCPT")]
    assert said == ["RFC822;B@example.com", "utf-8;\\x{E4}+2Bb@example.com", "utf-8;\\x{E4}@\\x{4F8B}.example", "x400;/S+3Db/"]


def test_for_a_next_hop_that_cannot_report_we_say_that_it_was_relayed(relay_to, final):
    one = relay_to(final.port["silent"], delivers=False)
    send(one, "a@example.org", "b@example.org", "NOTIFY=SUCCESS", "ORCPT=rfc822;B+40example.com", envid="relayed")
    report = wait_until(lambda: reports(final, "relayed"), 20, "our report")[0]
    for words in ("Reporting-MTA: dns; vedette.example.org", "Action: relayed", "Original-Recipient: rfc822;B@example.com",
                  "Final-Recipient: rfc822; b@example.org", "Status: 2.0.0", "Return-Path: <>"):
        assert words in report, (words, report)
    wait_until(lambda: not rows(one), 20, "an empty queue")
    assert len(reports(final, "relayed")) == 1


def test_what_is_delivered_here_is_reported_as_delivered(relay_to, misbehaving):
    one = relay_to(misbehaving().port)
    send(one, "a@example.org", "b@example.org", "NOTIFY=SUCCESS", envid="here")
    assert "Action: delivered" in one.inbox.wait_for("Original-Envelope-Id: here")


def test_a_delay_is_told_once_to_who_wants_to_know_and_the_mail_arrives_all_the_same(relay_to, misbehaving):
    peer = misbehaving(rcpt={f"{name}@slow.example": "451 4.7.1 Later" for name in ("usual", "asked", "failures", "never")})
    one = relay_to(peer.port, route={"warn_after": "1s", "retry_max": "200ms"})
    for name, options in (("usual", ()), ("asked", ("NOTIFY=DELAY",)), ("failures", ("NOTIFY=FAILURE",)), ("never", ("NOTIFY=NEVER",))):
        send(one, "a@example.org", f"{name}@slow.example", *options, envid=name)
    for name in ("usual", "asked"):
        report = one.inbox.wait_for(f"Original-Envelope-Id: {name}")
        assert "Action: delayed" in report and re.search(r"Status: 4\.\d", report) and "Will-Retry-Until: " in report, report
    tries = len(peer.commands)
    wait_until(lambda: len(peer.commands) > tries + 12, 20, "further tries")
    assert len(one.inbox.texts()) == 2
    peer.script["rcpt"] = None
    wait_until(lambda: not rows(one), 30, "an empty queue")
    assert sorted(to for _, recipients, _ in peer.accepted for to in recipients) == [f"{name}@slow.example" for name in ("asked", "failures", "never", "usual")]
    assert len(one.inbox.texts()) == 2


def test_mail_to_the_postmaster_alone_reaches_whoever_that_is(relay_to, misbehaving):
    peer = misbehaving()
    here = relay_to(peer.port)
    send(here, "a@example.net", "postmaster", envid="here")
    assert "Subject: about here" in here.inbox.wait_for("Subject: about here")
    for one, to in ((relay_to(peer.port, postmaster="boss@example.net"), "boss@example.net"),
                    (relay_to(peer.port, delivers=False), "postmaster@vedette.example.org")):
        send(one, "a@example.net", "Postmaster", envid=to)
        wait_until(lambda: any(recipients == (to,) for _, recipients, _ in peer.accepted), 20, f"mail to {to}: {one.words()}")
        wait_until(lambda: not rows(one), 20, "an empty queue")


GONE = {"rcpt": {f"{name}@gone.example": "550 5.1.1 No such user" for name in ("b", "a", "boss")}}


def test_a_report_that_cannot_be_delivered_goes_to_the_postmaster(relay_to, misbehaving):
    peer = misbehaving(**GONE)
    one = relay_to(peer.port, postmaster="boss@example.org")
    send(one, "a@gone.example", "b@gone.example", envid="double")
    text = one.inbox.wait_for("To: <boss@example.org>")
    assert "Final-Recipient: rfc822; a@gone.example" in text and "Return-Path: <>" in text
    wait_until(lambda: not rows(one), 20, "an empty queue")
    assert len(one.inbox.texts()) == 1 and not peer.accepted


@pytest.mark.parametrize("postmaster", [{"postmaster": "boss@gone.example"}, {}])
def test_and_no_further_than_to_the_postmaster(relay_to, misbehaving, postmaster):
    peer = misbehaving(**GONE)
    one = relay_to(peer.port, **postmaster)
    send(one, "a@gone.example", "b@gone.example", envid="triple")
    wait_until(lambda: "gateway drops a report that nobody is to get" in one.words(), 20, "the end of it")
    wait_until(lambda: not rows(one), 20, "an empty queue")
    asked = [line.split("<")[1].split("@")[0] for line in peer.commands if line.startswith("RCPT")]
    assert asked == ["b", "a", *(["boss"] if postmaster else [])]
    assert not one.inbox.texts() and not peer.accepted
