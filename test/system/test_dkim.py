"""What leaves our gateway is signed, and python3-dkim, which knows nothing of us, finds the signatures good."""

import base64
import re
import subprocess

import pytest

from peers.enclosure import wait_until
from peers.smtp_sink import SmtpSink, there_is_one
from peers.swaks import swaks
from test_relay_durability import Relay

dkim = pytest.importorskip("dkim", reason="python3-dkim is not installed: run script/bootstrap test")
pytestmark = pytest.mark.skipif(not there_is_one(), reason="smtp-sink is not in .peers/: run script/bootstrap test")


def openssl(*argv, text=None):
    return subprocess.run(["openssl", *argv], input=text, capture_output=True, check=True).stdout


class Key:
    """A private key, and the record that belongs to it."""

    def __init__(self, selector, kind):
        self.name = selector
        options = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048") if kind == "rsa" else ("-algorithm", "ED25519")
        self.pem = openssl("genpkey", *options)
        public = openssl("pkey", "-pubout", "-outform", "DER", text=self.pem)
        raw = public[-32:] if kind == "ed25519" else public  # RFC 8463 §4.2: the key alone
        self.record = f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}".encode()


class Signing(Relay):
    """Signs for example.org with RSA and Ed25519, for signs.example.net with Ed25519."""

    def __init__(self, directory, sink_port, keys, withheld=()):
        super().__init__(directory, sink_port, start=False)
        self.keys = keys
        for key in keys.values():
            if key not in withheld:
                self.give(key)
        self.settings["relay"]["dkim"] = [
            {"domain": domain, "selector": key.name, "key": f"secret:file/{key.name}"} for domain, key in keys]
        self.write_config()
        self.start()

    def give(self, key):
        secret = self.dir / "secrets" / key.name
        secret.touch(mode=0o600)
        secret.write_bytes(key.pem)


class Keys(list):
    def __init__(self):
        super().__init__([("example.org", Key("rsa", "rsa")), ("example.org", Key("ed", "ed25519")),
                          ("signs.example.net", Key("net", "ed25519"))])

    def values(self):
        return [key for _, key in self]

    def txt(self, name, timeout=5):
        del timeout
        for domain, key in self:
            if name.decode().rstrip(".") == f"{key.name}._domainkey.{domain}":
                return key.record
        return None


@pytest.fixture(name="keys", scope="module")
def _keys():
    return Keys()


@pytest.fixture(name="sink")
def _sink(tmp_path):
    sink = SmtpSink(tmp_path / "sink")
    yield sink
    sink.stop()


@pytest.fixture(name="signing")
def _signing(tmp_path, sink, keys):
    relay = Signing(tmp_path, sink.port, keys)
    yield relay
    relay.stop()


def received(sink, count):
    """The messages as the sink got them, its own trace in front of them, in order of their subjects."""
    def whole():
        texts = [path.read_bytes() for path in sink.dir.iterdir()]
        return [text for text in texts if b"-- whole --" in text]

    wait_until(lambda: len(whole()) >= count, 40, f"{count} messages at the sink")
    assert len(whole()) == count
    found = [text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for text in whole()]
    return sorted(found, key=lambda text: re.search(rb"^Subject: (.*)", text, re.MULTILINE)[1])


def verdicts(message, keys):
    def verdict(index):
        try:
            return dkim.DKIM(message).verify(idx=index, dnsfunc=keys.txt)
        except dkim.ValidationError:
            return False

    return [verdict(index) for index in range(len(re.findall(rb"(?im)^DKIM-Signature:", message)))]


BODIES = {
    "1 plain": "hello\\n-- whole --\\n",
    "2 spaces": "  indented \t twice \\n\\n\\nend of it   \\n.\\n..\\n-- whole --\\n",
    "3 blank lines at its end": "text\\n-- whole --\\n\\n\\n \\n\\n",
    "4 long": "a line of a long message\\n" * 4000 + "-- whole --\\n",
}


def test_what_leaves_is_signed_by_every_key_of_its_domain(signing, sink, keys):
    for subject, body in BODIES.items():
        done = swaks(signing.port, "--add-header", "Cc: One <one@example.net>,\r\n\tTwo   <two@example.net> ", sender="a@example.org",
                     to="b@example.com", subject=subject, body=body)
        assert done.code == 0, done.text
    for message in received(sink, len(BODIES)):
        assert verdicts(message, keys) == [True, True]
        assert b"a=rsa-sha256" in message and b"a=ed25519-sha256" in message


def test_a_change_to_what_was_signed_is_found(signing, sink, keys):
    done = swaks(signing.port, sender="a@example.org", to="b@example.com", subject="the words", body="pay 10\\n-- whole --\\n")
    assert done.code == 0, done.text
    message, = received(sink, 1)
    assert verdicts(message, keys) == [True, True]
    changes = {
        "body": message.replace(b"pay 10", b"pay 99"),
        "subject": message.replace(b"Subject: the words", b"Subject: other words"),
        "one more subject": message.replace(b"Subject: the", b"Subject: first of two\r\nSubject: the"),
        "one more from": message.replace(b"Subject: the", b"From: c@example.net\r\nSubject: the"),
        "more at the end": message + b"and more\r\n",
    }
    for what, changed in changes.items():
        assert changed != message
        assert verdicts(changed, keys) == [False, False], what


def test_only_mail_of_the_keys_domains_is_signed(signing, sink, keys):
    for subject, sender in (("1", "a@example.com"), ("2", "a@below.example.org"), ("3", "a@signs.example.net"), ("4", "a@example.net")):
        done = swaks(signing.port, sender=sender, to="b@example.com", subject=subject, body="text\\n-- whole --\\n")
        assert done.code == 0, done.text
    assert [verdicts(message, keys) for message in received(sink, 4)] == [[], [True, True], [True], []]


def test_a_message_waits_for_its_key_and_then_goes_signed(tmp_path, sink, keys):
    late = keys.values()[0]
    relay = Signing(tmp_path, sink.port, keys, withheld=[late])
    try:
        for subject, sender in (("1", "a@example.net"), ("2", "a@example.org")):
            done = swaks(relay.port, sender=sender, to="b@example.com", subject=subject, body="text\\n-- whole --\\n")
            assert done.code == 0, done.text
        assert verdicts(received(sink, 1)[0], keys) == []
        wait_until(lambda: "gateway has no DKIM key" in relay.words(), 40, "the log to tell of the key")
        relay.give(late)
        assert [verdicts(message, keys) for message in received(sink, 2)] == [[], [True, True]]
    finally:
        relay.stop()
