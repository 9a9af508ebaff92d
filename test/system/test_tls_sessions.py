"""TLS sessions that are gone on with, and those that are not: on our gateway's side and towards servers."""

import base64
import socket
import ssl
import subprocess

import pytest

from peers.enclosure import free_port, wait_until
from test_inbound import PASSWORD, Inbound, Wire
from vedette import gateway

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
ANN = b"AUTH PLAIN " + base64.b64encode(b"\0ann\0" + PASSWORD.encode())


@pytest.fixture(scope="module")
def gate(scratch, certificates):
    """Relays for accounts and for certificates of the authority, and for nobody else."""
    one = Inbound(scratch("sessions"), certificates, relay={
        "smarthosts": [{"name": "away", "address": "127.0.0.1", "port": free_port(), "security": "none"}],
        "routes": [{"name": "out", "via": ["away"]}],
        "rules": [{"name": "accounts", "accounts": ["*"], "domains": ["example.net"], "accept": {}}]})
    yield one
    one.kill()
    one.check_sanitizers()


def context_of(one, version="1.3"):
    context = one.trust()
    context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def call(one, context, session=None):
    """Inside TLS from the first byte, greeted: with TLS 1.3 the ticket is there by then."""
    raw = socket.create_connection(("127.0.0.1", one.tls_port), timeout=60)
    return Wire(context.wrap_socket(raw, server_hostname="mail.example.org", session=session)).hello()


def hang_up(wire):
    assert wire.say(b"QUIT").startswith("221 ")
    session = wire.sock.session
    wire.sock.close()
    return session


def may_relay(wire):
    assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")
    answer = wire.say(b"RCPT TO:<b@example.net>")
    wire.say(b"RSET")
    return answer.startswith("250 ")


def handshakes(one):
    lines = one.command("metrics").stdout.splitlines()
    return {kind: int(line.split()[-1]) for line in lines for kind in ("whole", "resumed")
            if line.startswith(f'vedette_gateway_tls_handshakes_total{{kind="{kind}"')}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_comes_back_without_a_whole_handshake_and_its_session_works(gate, version):
    context, before = context_of(gate, version), handshakes(gate)
    session = hang_up(call(gate, context))
    for _ in range(2):
        with call(gate, context, session) as wire:
            assert wire.sock.session_reused and wire.sock.version() == f"TLSv{version}"
            wire.to_data()
            assert wire.say(b"Subject: resumed\r\n\r\nx\r\n.\r\n").startswith("250 ")
            session = hang_up(wire)
    after = handshakes(gate)
    assert after["whole"] - before["whole"] == 1 and after["resumed"] - before["resumed"] == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_login_is_not_inherited_by_a_session_that_goes_on(gate, version):
    context = context_of(gate, version)
    wire = call(gate, context)
    assert wire.say(ANN).startswith("235 ") and may_relay(wire)
    session = hang_up(wire)
    with call(gate, context, session) as wire:
        assert wire.sock.session_reused and not may_relay(wire)
        assert wire.say(ANN).startswith("235 ") and may_relay(wire)


@pytest.mark.parametrize("version", VERSIONS)
def test_after_starttls_too_a_session_goes_on_and_nothing_said_before_it_counts(gate, version):
    context, session = context_of(gate, version), None
    for reused in (False, True):
        with gate.plain().hello() as wire:
            assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")
            assert wire.say(b"STARTTLS").startswith("220 ")
            wire.sock = context.wrap_socket(wire.sock, server_hostname="mail.example.org", session=session)
            assert wire.sock.session_reused == reused
            assert wire.say(b"RCPT TO:<b@example.org>").startswith("503 ")
            assert wire.say(b"EHLO again.example.org").startswith("250 ")
            session = hang_up(wire)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_that_goes_on_is_of_the_certificate_that_began_it_and_of_no_other(scratch, certificates, version):
    one = Inbound(scratch("certificates"), certificates, relay={"client_ca": str(certificates.ca), "rules": [
        {"name": "machines", "certificates": ["*CN=mail.example.org*"], "domains": ["example.net"], "accept": {}}],
        "smarthosts": [{"name": "away", "address": "127.0.0.1", "port": free_port(), "security": "none"}],
        "routes": [{"name": "out", "via": ["away"]}]})
    try:
        stranger, known = context_of(one, version), context_of(one, version)
        session = hang_up(call(one, stranger))
        stranger.load_cert_chain(certificates.good, certificates.key(certificates.good))
        with call(one, stranger, session) as wire:  # it has a certificate by now, and is asked for it
            assert not wire.sock.session_reused and may_relay(wire)
        known.load_cert_chain(certificates.good, certificates.key(certificates.good))
        session = hang_up(call(one, known))
        with call(one, known, session) as wire:
            assert wire.sock.session_reused and may_relay(wire)
        with call(one, context_of(one, version)) as wire:
            assert not may_relay(wire)
    finally:
        one.kill()
    one.check_sanitizers()


def test_renegotiation_is_refused_and_others_are_served(gate):
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{gate.tls_port}", "-tls1_2", "-crlf"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        client.stdin.write(b"R\n")  # s_client's own command: renegotiate
        client.stdin.flush()
        assert b"no renegotiation" in client.communicate(timeout=120)[0]
    with call(gate, context_of(gate, "1.2")) as wire:
        assert wire.say(b"NOOP").startswith("250 ")


@pytest.mark.parametrize("version", VERSIONS)
def test_our_courier_goes_on_with_its_session_when_a_server_has_hung_up(misbehaving, vedette, certificates, version):
    peer = misbehaving(certificates=certificates, mail=[None, "421 4.3.2 Restarting", None])
    peer.context.maximum_version = VERSIONS[version]
    one = vedette(gateway(peer.port, security="starttls", ca_file=certificates.ca, verify_name="mail.example.org", connections=1))
    for words in ("first", "second"):
        one.raise_alert(words)
        wait_until(lambda: any(words in message[2] for message in peer.accepted), 20, f"the {words} mail")
    assert peer.resumed[0] is False and peer.resumed[-1] is True, peer.resumed


def test_our_gateway_goes_on_with_its_session_to_a_next_hop(misbehaving, scratch, certificates):
    peer = misbehaving(certificates=certificates, wrapped=True, mail=[None, "421 4.3.2 Restarting", None])
    one = Inbound(scratch("carrier"), certificates, relay={
        "rules": [{"name": "all", "networks": ["127.0.0.0/8"], "accept": {}}],
        "smarthosts": [{"name": "peer", "address": "127.0.0.1", "port": peer.port, "security": "tls",
                        "verify_name": "mail.example.org", "ca_file": str(certificates.ca)}],
        "routes": [{"name": "out", "via": ["peer"], "connections": 1, "retry_first": "1s", "hold_down": "1s"}]})
    try:
        for words in (b"first", b"second"):
            with one.plain().hello() as wire:
                assert wire.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA").startswith("250 ")
                assert wire.reply().startswith("250 ") and wire.reply().startswith("354 ")
                assert wire.say(b"Subject: " + words + b"\r\n\r\nx\r\n.\r\n").startswith("250 ")
            wait_until(lambda: any(words.decode() in message[2] for message in peer.accepted), 20, "the mail")
    finally:
        one.kill()
    one.check_sanitizers()
    assert peer.resumed[0] is False and peer.resumed[-1] is True, peer.resumed
