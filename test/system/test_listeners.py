"""What holds at each of our gateway's addresses: encryption, logins, sizes and names of their own."""

import base64
import signal
import socket

import pytest

from peers.enclosure import free_port, wait_until
from test_inbound import PASSWORD, Inbound, Wire

ANN = b"AUTH PLAIN " + base64.b64encode(b"\0ann\0" + PASSWORD.encode())
NAMES = ("submission", "strict", "inside", "clear")


@pytest.fixture(scope="module")
def gate(scratch, certificates):
    ports = {name: free_port() for name in NAMES}
    where = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    own = free_port()
    one = Inbound(scratch("listeners"), certificates, relay={"client_ca": str(certificates.ca), "listen": [
        f"127.0.0.1:{own}",
        {"address": where["submission"], "submission": True, "hostname": "submit.example.org"},
        {"address": where["strict"], "security": "starttls", "message_bytes_max": "64K"},
        {"address": where["inside"], "security": "tls", "auth": True},
        {"address": where["clear"], "security": "none"}]})
    one.port, one.ports = own, ports
    yield one
    one.kill()
    one.check_sanitizers()


def call(gate, name):
    gate_port = gate.ports.get(name, gate.port)
    return Wire(socket.create_connection(("127.0.0.1", gate_port), timeout=60))


def hello(wire):
    """What EHLO offers."""
    wire.send(b"EHLO client.example.org\r\n")
    lines = []
    while True:
        while b"\r\n" not in wire.rest:
            wire.rest += wire.sock.recv(4096)
        line, wire.rest = wire.rest.split(b"\r\n", 1)
        lines.append(line[4:].decode())
        if line[3:4] == b" ":
            return lines


def encrypt(gate, wire, certificate=False):
    context = gate.trust()
    if certificate:
        context.load_cert_chain(gate.certificates.good, gate.certificates.key(gate.certificates.good))
    assert wire.say(b"STARTTLS").startswith("220 ")
    wire.sock = context.wrap_socket(wire.sock, server_hostname="mail.example.org")
    hello(wire)


def test_a_plain_address_is_as_it_ever_was(gate):
    with call(gate, "own") as wire:
        assert wire.reply().startswith("220 vedette.example.org ")
        offered = hello(wire)
        assert "STARTTLS" in offered and "SIZE 26214400" in offered
        assert wire.say(b"MAIL FROM:<a@localhost>").startswith("250 ")
        assert wire.say(b"RCPT TO:<b@example.org>").startswith("250 ")


def test_submission_wants_tls_a_login_and_whole_domains(gate):
    with call(gate, "submission") as wire:
        assert wire.reply().startswith("220 submit.example.org ")
        offered = hello(wire)
        assert offered[0].startswith("submit.example.org") and not any(line.startswith("AUTH") for line in offered)
        assert wire.say(b"MAIL FROM:<a@example.org>") == "530 5.7.0 Must issue a STARTTLS command first"
        encrypt(gate, wire)
        assert wire.say(b"MAIL FROM:<a@example.org>") == "530 5.7.0 Authentication required"
        assert wire.say(ANN).startswith("235 ")
        assert wire.say(b"MAIL FROM:<a@sales>").startswith("554 5.1.8")
        assert wire.say(b"MAIL FROM:<>").startswith("250 ")
        assert wire.say(b"RSET").startswith("250 ")
        assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")
        assert wire.say(b"RCPT TO:<b@sales>").startswith("554 5.1.2")
        assert wire.say(b"RCPT TO:<postmaster>")[:3] != "554"
        assert wire.say(b"RCPT TO:<b@example.org>").startswith("250 ")
        assert wire.say(b"DATA").startswith("354 ")
        assert wire.say(b"Subject: submitted\r\n\r\nx\r\n.\r\n").startswith("250 ")
    gate.inbox.wait_for("Subject: submitted")


def test_explain_says_what_an_address_asks_of_everybody(gate):
    asked = ("gateway", "explain", "--from", "127.0.0.1", "--rcpt", "b@example.org", "--sender", "a@example.org", "--listener")
    told = gate.command(*asked, f"127.0.0.1:{gate.ports['submission']}").stdout
    assert "reject by listener" in told and "530 5.7.0 Must issue a STARTTLS command first" in told, told
    assert "accept by local" in gate.command(*asked, f"127.0.0.1:{gate.port}").stdout


def test_a_client_s_certificate_is_as_good_as_a_login(gate):
    with call(gate, "submission") as wire:
        wire.reply()
        hello(wire)
        encrypt(gate, wire, certificate=True)
        assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")


def test_where_starttls_is_a_must_no_mail_comes_before_it_and_the_size_is_its_own(gate):
    with call(gate, "strict") as wire:
        wire.reply()
        assert "SIZE 65536" in hello(wire)
        assert wire.say(b"MAIL FROM:<a@example.org>").startswith("530 5.7.0")
        encrypt(gate, wire)
        assert wire.say(b"MAIL FROM:<a@example.org> SIZE=65537").startswith("552 5.3.4")
        assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")  # no login is asked for


def test_tls_from_the_first_byte_and_a_login_can_be_asked_for_together(gate):
    with call(gate, "inside") as wire:
        wire.sock = gate.trust().wrap_socket(wire.sock, server_hostname="mail.example.org")
        assert wire.reply().startswith("220 ")
        assert "STARTTLS" not in hello(wire)
        assert wire.say(b"MAIL FROM:<a@example.org>") == "530 5.7.0 Authentication required"
        assert wire.say(ANN).startswith("235 ")
        assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")


def test_where_there_is_no_tls_none_is_offered_or_taken(gate):
    with call(gate, "clear") as wire:
        wire.reply()
        assert "STARTTLS" not in hello(wire)
        assert wire.say(b"STARTTLS").startswith("5")
        assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")


def test_a_reload_changes_what_holds_and_opens_a_new_address(scratch, certificates):
    one, new = Inbound(scratch("reloaded"), certificates), free_port()

    def refused():
        with one.plain().hello() as wire:
            return wire.say(b"MAIL FROM:<a@example.org>") == "530 5.7.0 Authentication required"

    try:
        assert not refused()
        one.settings["relay"]["listen"] = [{"address": f"127.0.0.1:{one.port}", "auth": True},
                                           {"address": f"127.0.0.1:{new}", "hostname": "new.example.org"}]
        one.write_config()
        one.process.send_signal(signal.SIGHUP)
        wait_until(refused, 20, "the new terms")
        with Wire(socket.create_connection(("127.0.0.1", new), timeout=60)) as wire:
            assert wire.reply().startswith("220 new.example.org ")
            hello(wire)
            assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")
    finally:
        one.kill()
    one.check_sanitizers()
