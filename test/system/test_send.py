"""`vedette send`, as cron and mail(1) call it under the name of sendmail, and for alerts of one's own."""

import email
import email.policy
import json
import subprocess

import pytest

import vedette as program
from peers.enclosure import free_port, wait_until

pytestmark = pytest.mark.sanitized

MAIL = "From: cron@example.org\nTo: soc@example.org\nBcc: hidden@example.org\nSubject: nightly\n\nline\n.\nafter the dot\n"


def landed(own_gateway, count=1):
    """The mail in the inbox once there is so much of it, as it reads."""
    texts = wait_until(lambda: len(found := own_gateway.inbox.texts()) >= count and found, 20, f"{count} mails")
    return [email.message_from_string(text, policy=email.policy.default) for text in texts]


@pytest.mark.parametrize("body", ["x" * 3000 + "\nshort\n", "10%\r20%\r100%\n", "a\0b\n", "grün\n", "no end"],
                         ids=["long line", "bare CR", "NUL", "UTF-8", "no line end"])
def test_what_cron_hands_over_arrives_whatever_bytes_it_is_made_of(own_gateway, body):
    own_gateway.command("send", "-i", "soc@example.org", text="Subject: nächtlich " + "y" * 2000 + "\n\n" + body)
    (mail,) = landed(own_gateway)
    assert mail["Subject"].startswith("nächtlich yyy")
    assert mail.get_content().rstrip("\n") == body.rstrip("\n")


SENDMAIL_CALLS = [
    ["-FCronDaemon", "-odi", "-oem", "-oi", "-or0s", "soc@example.org"],
    ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "soc@example.org"],
    ["-ti"],
    ["-N", "never", "-R", "hdrs", "-V", "id", "-O", "DeliveryMode=b", "-h", "3", "-v", "-G", "-f", "cron@example.org", "--",
     "soc@example.org"],
]


@pytest.mark.parametrize("argv", SENDMAIL_CALLS, ids=["cron", "Debian's cron", "-ti", "all others"])
def test_options_that_callers_of_sendmail_use_are_understood(own_gateway, argv):
    done = subprocess.run([program.binary(), "send", "-c", str(own_gateway.config), *argv], capture_output=True, text=True, timeout=60,
                          input="To: soc@example.org\nSubject: s\n\nx\n.\ny\n", check=False)
    assert done.returncode == 0, done.stderr
    (mail,) = landed(own_gateway)
    assert mail["To"] == "soc@example.org" and mail.get_content().startswith("x\n")


def test_an_alert_s_text_may_have_any_byte(own_gateway):
    own_gateway.command("send", "--alert", "--title", "odd bytes", text="a\0b\r\nc\n")
    own_gateway.wait_for_state("landed")
    (mail,) = landed(own_gateway)
    assert "odd bytes" in mail["Subject"]


@pytest.mark.parametrize("argv, recipients, whole", [
    (["send", "soc@example.org"], 1, False),
    (["send", "-i", "soc@example.org"], 1, True),
    (["send", "-oi", "-t"], 2, True),
])
def test_send_takes_a_mail_as_sendmail_does(own_gateway, argv, recipients, whole):
    own_gateway.command(*argv, text=MAIL)
    rows = wait_until(lambda: [r for r in map(json.loads, own_gateway.command("queue", "--all", "--json").stdout.splitlines())
                               if r["state"] in ("landed", "handed-over")], 20, "the mail to be handed over")
    assert len(rows) == recipients and rows[0]["alert"] is None
    (text, *_) = wait_until(own_gateway.inbox.texts, 10, "the mail")
    assert "Bcc" not in text and "Subject: nightly" in text
    assert ("after the dot" in text) is whole


@pytest.mark.parametrize("argv", [["soc@example.org", b"caf\xe9@example.org"], ["-f", b"\xe9@example.org", "soc@example.org"],
                                  ["--gateway", b"\xe9", "soc@example.org"]])
def test_send_drops_no_word_that_is_not_utf_8(own_gateway, argv):
    done = own_gateway.command("send", *argv, text=MAIL, check=False)
    assert (done.returncode, "UTF-8" in done.stderr) == (64, True)
    assert not own_gateway.command("queue", "--all", "--json").stdout


def test_the_name_sendmail_is_enough(own_gateway, tmp_path):
    link = tmp_path / "sendmail"
    link.symlink_to(program.binary())
    done = subprocess.run([str(link), "-c", str(own_gateway.config), "-FCron Daemon", "-oem", "-i", "-froot@example.org",
                           "soc@example.org"], input="Subject: x\n\ny\n", capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    wait_until(own_gateway.inbox.texts, 20, "the mail")


@pytest.mark.parametrize("argv, recipients", [
    (["send", "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"], ["hidden@example.org", "soc@example.org"]),
    (["send", "-i", "-froot", "root"], ["soc@example.org"]),
    (["send", "-i", "root", "ops@example.org", "OPS@example.org"], ["ops@example.org", "soc@example.org"]),
])
def test_a_user_of_this_machine_stands_for_the_configured_recipients(own_gateway, argv, recipients):
    own_gateway.command(*argv, text=MAIL)
    rows = wait_until(lambda: [r for r in map(json.loads, own_gateway.command("queue", "--all", "--json").stdout.splitlines())
                               if r["state"] in ("landed", "handed-over")], 20, "the mail to be handed over")
    assert sorted(row["recipient"] for row in rows) == recipients


@pytest.mark.parametrize("argv", [["soc@example.org\r\nRSET"], ["<soc@example.org>"], ["a@b@c"], [""],
                                  ["-f", "x@y\r\nDATA", "soc@example.org"]])
def test_send_refuses_addresses_that_are_none(own_gateway, argv):
    done = own_gateway.command("send", *argv, text=MAIL, check=False)
    assert done.returncode == 64, done.stderr
    assert own_gateway.queue() == []


def test_send_without_a_daemon_ends_with_tempfail(vedette):
    daemon = vedette(program.gateway(free_port()), start=False)
    assert daemon.command("send", "soc@example.org", text="Subject: x\n\ny\n", check=False).returncode == 75


def test_an_alert_can_be_handed_in(own_gateway):
    own_gateway.command("send", "--alert", "--title", "Backup failed", "--severity", "critical", text="disk 3 is gone\n")
    own_gateway.wait_for_state("landed")
    (alert,) = own_gateway.alerts()
    assert (alert["title"], alert["severity"]) == ("Backup failed", "critical")
    number = own_gateway.command("inbox", "--json").stdout
    assert "Backup failed" in json.loads(number)["subject"]
    assert "disk 3 is gone" in own_gateway.command("inbox", "1").stdout
