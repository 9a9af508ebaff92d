"""Our gateway's side towards its clients: TLS, logins, and what must not get through, with the bytes in it."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import re
import resource
import smtplib
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

from peers.enclosure import Maildir, free_port, port_answers, wait_until
from peers.swaks import swaks
from vedette import Vedette, binary

PASSWORD = "open sesame"
IDLE = int(os.environ.get("IDLE_CONNECTIONS", "1000"))


def make_key(password, *options):
    done = subprocess.run([binary(), "gateway", "passwd", *options], input=password + "\n", capture_output=True, text=True,
                          check=True, timeout=60)
    return done.stdout


class Inbound(Vedette):
    """A gateway on its own: example.org is delivered to .inbox for the machine itself, and accounts may send anywhere in it."""

    def __init__(self, directory, certificates, relay=None, prefix=()):
        super().__init__(directory, [], start=False, prefix=prefix)
        self.port, self.tls_port = free_port(), free_port()
        self.inbox = Maildir(self.dir / "inbox")
        self.certificates = certificates
        for name, key in (("ann", make_key(PASSWORD)), ("bob", make_key(PASSWORD, "--argon2id"))):
            secret = self.dir / "secrets" / name
            secret.touch(mode=0o600)
            secret.write_text(key)
        for key in ("gateways", "inputs", "rules", "sender", "recipients"):
            del self.settings[key]
        self.settings["relay"] = {
            "listen": [f"127.0.0.1:{self.port}"],
            "listen_tls": [f"127.0.0.1:{self.tls_port}"],
            "certificate": str(certificates.good),
            "key": str(certificates.key(certificates.good)),
            "domains": ["example.org"],
            "maildir": str(self.dir / "inbox"),
            "accounts": [{"name": "ann", "password": "secret:file/ann"}, {"name": "bob", "password": "secret:file/bob"}],
            **(relay or {}),
        }
        self.write_config()
        self.start()

    def trust(self):
        context = ssl.create_default_context(cafile=str(self.certificates.ca))
        context.check_hostname = False
        return context

    def plain(self, source="127.0.0.1"):
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(source, 0)))

    def tls(self, context=None):
        raw = socket.create_connection(("127.0.0.1", self.tls_port), timeout=60)
        return Wire((context or self.trust()).wrap_socket(raw, server_hostname="mail.example.org"))


class Wire:
    """Bytes out, replies in."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def reply(self):
        """The next whole reply's last line; "" when the gateway has hung up."""
        while True:
            while b"\r\n" in self.rest:
                line, self.rest = self.rest.split(b"\r\n", 1)
                if line[3:4] == b" ":
                    return line.decode()
            try:
                more = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return ""
            if not more:
                return ""
            self.rest += more

    def say(self, data):
        self.send(data if data.endswith(b"\n") else data + b"\r\n")
        return self.reply()

    def hello(self):
        assert self.reply().startswith("220 ")
        assert self.say(b"EHLO client.example.org").startswith("250 ")
        return self

    def to_data(self):
        assert self.say(b"MAIL FROM:<a@example.org>").startswith("250 ")
        assert self.say(b"RCPT TO:<b@example.org>").startswith("250 ")
        assert self.say(b"DATA").startswith("354 ")
        return self

    def hung_up(self):
        return self.reply() == ""


@pytest.fixture(scope="module")
def gate(scratch, certificates):
    one = Inbound(scratch("inbound"), certificates)
    yield one
    one.kill()
    one.check_sanitizers()


@pytest.fixture
def gate_with(tmp_path, certificates):
    running = []

    def start(**options):
        folder = tmp_path / f"gate{len(running)}"
        folder.mkdir(exist_ok=True)
        running.append(Inbound(folder, certificates, **options))
        return running[-1]

    yield start
    for one in running:
        one.kill()
    for one in running:
        one.check_sanitizers()


# --- TLS and logins ---


@pytest.mark.sanitized
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("user", ["ann", "bob"])
def test_swaks_logs_in_after_starttls(gate, mechanism, user):
    subject = f"starttls-{mechanism}-{user}"
    done = swaks(gate.port, "--tls", "--auth", mechanism, "--auth-user", user, "--auth-password", PASSWORD, subject=subject)
    assert done.code == 0, done.text
    text = gate.inbox.wait_for(f"Subject: {subject}")
    assert re.search(r"with ESMTPSA id [0-9A-F]+\n\tfor <b@example.org>\n\ttls TLS_", text), text


@pytest.mark.sanitized
def test_swaks_logs_in_over_tls_from_the_first_byte(gate):
    done = swaks(gate.tls_port, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", "ann", "--auth-password", PASSWORD,
                 subject="tls-from-the-first-byte")
    assert done.code == 0, done.text
    assert "with ESMTPSA" in gate.inbox.wait_for("Subject: tls-from-the-first-byte")


def test_swaks_without_tls_is_offered_no_login_and_delivers_in_the_clear(gate):
    done = swaks(gate.port, "--auth", "PLAIN", "--auth-user", "ann", "--auth-password", PASSWORD)
    assert done.code == 28 and "AUTH" not in " ".join(done.replies), done.text
    done = swaks(gate.port, subject="in-the-clear")
    assert done.code == 0, done.text
    assert re.search(r"with ESMTP id", gate.inbox.wait_for("Subject: in-the-clear"))


def hash256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def scram(wire, user, password, binding=None):
    """RFC 5802 by the book; the server's last reply."""
    name, header = (b"SCRAM-SHA-256-PLUS", b"p=tls-exporter,,") if binding else (b"SCRAM-SHA-256", b"n,,")
    bare = b"n=%s,r=%s" % (user.encode(), base64.b64encode(os.urandom(12)))
    reply = wire.say(b"AUTH " + name + b" " + base64.b64encode(header + bare))
    if not reply.startswith("334 "):
        return reply
    first = base64.b64decode(reply[4:])
    parts = dict(part.split(b"=", 1) for part in first.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts[b"s"]), int(parts[b"i"]))
    final = b"c=" + base64.b64encode(header + (binding or b"")) + b",r=" + parts[b"r"]
    message = bare + b"," + first + b"," + final
    key = hash256(salted, b"Client Key")
    proof = bytes(a ^ b for a, b in zip(key, hash256(hashlib.sha256(key).digest(), message)))
    reply = wire.say(base64.b64encode(final + b",p=" + base64.b64encode(proof)))
    if not reply.startswith("334 "):
        return reply
    assert base64.b64decode(reply[4:]) == b"v=" + base64.b64encode(hash256(hash256(salted, b"Server Key"), message))
    return wire.say(b"")


def test_scram_lets_in_who_knows_the_password_and_proves_that_the_gateway_does(gate):
    with gate.tls().hello() as wire:
        assert scram(wire, "nobody", PASSWORD).startswith("535 5.7.8")
        assert scram(wire, "ann", "shut").startswith("535 5.7.8")
        assert scram(wire, "ann", PASSWORD).startswith("235 2.7.0")
        assert wire.say(b"AUTH PLAIN AGFubgBvcGVu").startswith("503 5.5.1")


def test_scram_bound_to_another_channel_stays_out(gate):
    with gate.tls().hello() as wire:
        assert scram(wire, "ann", PASSWORD, binding=b"x" * 32).startswith("535 5.7.8")


@pytest.mark.sanitized
def test_our_own_courier_logs_in_bound_to_its_channel(gate, vedette, certificates):
    one = vedette({"name": "own", "address": "127.0.0.1", "port": gate.port, "security": "starttls", "username": "ann",
                   "password": PASSWORD, "ca_file": certificates.ca, "auth": "SCRAM-SHA-256-PLUS"}, recipients=["b@example.org"])
    one.raise_alert("bound-to-its-channel")
    assert "with ESMTPSA" in gate.inbox.wait_for("bound-to-its-channel")


class Provider(http.server.BaseHTTPRequestHandler):
    """Knows two tokens, and us by our name and secret."""

    USERS = {"good": "ann", "stranger": "eve"}

    def do_POST(self):  # noqa: N802
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        known = self.headers["Authorization"] == "Basic " + base64.b64encode(b"gateway:hush").decode()
        user = self.USERS.get(form["token"][0])
        body = json.dumps({"active": True, "username": user} if user else {"active": False}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def bearer(wire, token, user="ann"):
    response = f"n,a={user},\1host=mail.example.org\1port=465\1auth=Bearer {token}\1\1"
    return wire.say(b"AUTH OAUTHBEARER " + base64.b64encode(response.encode()))


def test_a_token_lets_in_whose_it_is_and_the_provider_says_whose(gate_with, tmp_path, vedette, certificates):
    provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    secret = tmp_path / "gate0" / "secrets" / "provider"
    secret.parent.mkdir(mode=0o700, parents=True)
    secret.touch(mode=0o600)
    secret.write_text("gateway:hush")
    try:
        one = gate_with(relay={"introspection": f"http://127.0.0.1:{provider.server_port}/introspect",
                               "introspection_secret": "secret:file/provider"})
        with one.tls().hello() as wire:
            refused = bearer(wire, "forged")
            assert b"invalid_token" in base64.b64decode(refused[4:])
            assert wire.say(base64.b64encode(b"\1")).startswith("535 5.7.8")
            assert bearer(wire, "good", user="bob").startswith("334 ")
            assert wire.say(base64.b64encode(b"\1")).startswith("535 5.7.8")
            assert bearer(wire, "good").startswith("235 2.7.0")
        with one.tls().hello() as wire:
            assert bearer(wire, "stranger", user="eve").startswith("334 ")  # no account of ours
        client = vedette({"name": "own", "address": "127.0.0.1", "port": one.tls_port, "security": "tls", "username": "ann",
                          "password": "good", "ca_file": certificates.ca, "auth": "OAUTHBEARER"}, recipients=["b@example.org"])
        client.raise_alert("by-its-token")
        assert "with ESMTPSA" in one.inbox.wait_for("by-its-token")
    finally:
        provider.shutdown()
    with one.tls().hello() as wire:
        provider.server_close()
        assert bearer(wire, "good").startswith("454 4.7.0")


def test_after_three_wrong_passwords_the_session_ends(gate):
    wrong = base64.b64encode(b"\0nobody\0x")
    with gate.tls().hello() as wire:
        assert wire.say(b"AUTH PLAIN " + wrong).startswith("535 5.7.8")
        assert wire.say(b"AUTH PLAIN " + wrong).startswith("535 5.7.8")
        assert wire.say(b"AUTH PLAIN " + wrong).startswith("421 4.7.0")
        assert wire.hung_up()


def test_guessing_locks_out_the_guesser_of_that_name_and_nobody_else(gate_with, tmp_path):
    path = tmp_path / "failures"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(60)
        one = gate_with(relay={"failures_to": str(path)})
        for _ in range(2):
            with one.tls().hello() as wire:
                for _ in range(3):
                    wire.say(b"AUTH PLAIN " + base64.b64encode(b"\0ann\0guess"))
        line = receiver.recv(2000).decode()
    assert line.startswith("<36>1 ") and 'client="127.0.0.1" account="ann" mechanism="PLAIN" why="wrong password"' in line
    with one.tls().hello() as wire:
        assert wire.say(b"AUTH PLAIN " + base64.b64encode(b"\0ann\0" + PASSWORD.encode())).startswith("454 4.7.0")
        assert wire.say(b"AUTH PLAIN " + base64.b64encode(b"\0bob\0" + PASSWORD.encode())).startswith("235 2.7.0")


GUESSED = """title: Login of our gateway refused
id: 0c5d3e0e-6a3b-4b0f-9d0b-5a3f6f1f2c11
status: experimental
logsource: {product: vedette}
detection:
  refused:
    log.syslog.msgid: LOGINREFUSED
    login@32473.why: wrong password
  condition: refused
level: high
"""


def test_a_login_that_is_refused_becomes_an_alert(own_gateway_with, certificates, tmp_path):
    socket_path = tmp_path / "logins"
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "guessed.yml").write_text(GUESSED)
    secrets = tmp_path / "keys"
    secrets.mkdir(mode=0o700)
    (secrets / "ann").touch(mode=0o600)
    (secrets / "ann").write_text(make_key(PASSWORD))
    tls_port = free_port()
    one = own_gateway_with(
        rules=[str(rules)], inputs=[{"syslog": f"unix://{socket_path}"}], secrets_directory=str(secrets),
        relay={"failures_to": str(socket_path), "accounts": [{"name": "ann", "password": "secret:file/ann"}],
               "listen_tls": [f"127.0.0.1:{tls_port}"], "certificate": str(certificates.good), "key": str(certificates.key(certificates.good))})
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.check_hostname = False
    with smtplib.SMTP_SSL("127.0.0.1", tls_port, timeout=60, context=context) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("ann", "guess")
    text = one.inbox.wait_for("Login of our gateway refused")
    assert "ann" in text and "127.0.0.1" in text, text


def test_no_key_and_no_password_ever_shows_in_the_log(gate):
    words = gate.log.read_text()
    assert PASSWORD not in words and "SCRAM-SHA-256$" not in words and "$argon2id$" not in words
    assert base64.b64encode(b"\0ann\0" + PASSWORD.encode()).decode() not in words


def test_a_certificate_of_the_authority_opens_a_rule_and_another_opens_nothing(gate_with, certificates):
    one = gate_with(relay={"client_ca": str(certificates.ca), "rules": [
        {"name": "machines", "certificates": ["*CN=mail.example.org*"], "accept": {}},
        {"name": "others", "reject": "show a certificate"}]})
    context = one.trust()
    with one.tls(context).hello() as wire:
        wire.say(b"MAIL FROM:<a@example.org>")
        assert wire.say(b"RCPT TO:<b@example.org>").startswith("5")
    context.load_cert_chain(certificates.good, certificates.key(certificates.good))
    with one.tls(context).hello() as wire:
        assert wire.say(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>").startswith("250 ")
        assert wire.reply().startswith("250 ")
    context = one.trust()
    context.load_cert_chain(certificates.self_signed, certificates.key(certificates.self_signed))
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        one.tls(context).hello()


def test_tls_older_than_1_2_is_refused(gate):
    context = gate.trust()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        gate.tls(context)


# --- What must not get through ---


INJECTED = b"STARTTLS\r\nRSET\r\n"


def test_a_command_injected_behind_starttls_ends_the_session(gate):
    with gate.plain().hello() as wire:
        assert wire.say(INJECTED).startswith("554 5.5.0")
        assert wire.hung_up()


def test_a_command_sent_in_the_clear_after_starttls_is_never_answered(gate):
    with gate.plain().hello() as wire:
        assert wire.say(b"STARTTLS").startswith("220 ")
        wire.send(b"RSET\r\n")
        assert b"250" not in wire.rest and not wire.reply().startswith("250")


def test_starttls_forgets_the_client_and_its_transaction(gate):
    with gate.plain().hello() as wire:
        assert wire.say(b"MAIL FROM:<a@example.org>").startswith("250 ")
        assert wire.say(b"STARTTLS").startswith("220 ")
        wire.sock = gate.trust().wrap_socket(wire.sock, server_hostname="mail.example.org")
        assert wire.say(b"RCPT TO:<b@example.org>").startswith("503 ")
        assert wire.say(b"EHLO again.example.org").startswith("250 ")


SMUGGLING = [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n"]
SECOND = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize("end", SMUGGLING, ids=repr)
@pytest.mark.parametrize("way", ["data", "bdat", "tls"])
def test_nothing_is_smuggled_whole_or_byte_by_byte(gate, end, way):
    content = b"Subject: carrier\r\n\r\none" + end + SECOND
    for piece in (len(content), 1):
        with (gate.tls() if way == "tls" else gate.plain()).hello() as wire:
            if way == "bdat":
                wire.say(b"MAIL FROM:<a@example.org>")
                wire.say(b"RCPT TO:<b@example.org>")
                wire.send(b"BDAT %d LAST\r\n" % len(content))
            else:
                wire.to_data()
            with contextlib.suppress(OSError):  # it hangs up before the end
                for at in range(0, len(content), piece):
                    wire.send(content[at:at + piece])
            assert wire.reply().startswith("550 5.5.2")
            assert wire.hung_up()
    assert not any("carrier" in file.read_text() or "smuggled" in file.read_text() for file in gate.inbox.files())


def test_a_rule_mends_the_bare_lf_of_old_devices_and_still_nothing_is_smuggled(gate_with):
    one = gate_with(relay={"rules": [{"name": "old", "networks": ["127.0.0.0/8"], "bare_lf": True, "accept": {}}]})
    with one.plain().hello().to_data() as wire:
        assert wire.say(b"Subject: old device\n\none\n.\ntwo\n.\r\nthree\r\n.\r\n").startswith("250 ")
    assert one.inbox.wait_for("Subject: old device").endswith("\n\none\n.\ntwo\n.\nthree\n")


def test_tls_closed_in_the_middle_of_bdat_is_the_end_and_no_clear_byte_is_read(gate):
    with gate.tls().hello() as wire:
        wire.say(b"MAIL FROM:<a@example.org>")
        wire.say(b"RCPT TO:<b@example.org>")
        wire.send(b"BDAT 100 LAST\r\nSubject: cut short\r\n\r\n")
        with contextlib.suppress(OSError):
            raw = wire.sock.unwrap()  # close_notify, and then a byte in the clear
            raw.sendall(b"x" * 100)
            raw.settimeout(60)
            assert raw.recv(100) in (b"",)
            raw.close()
    with gate.plain().hello() as wire:
        assert wire.say(b"NOOP").startswith("250 ")
    assert not any("cut short" in file.read_text() for file in gate.inbox.files())


def test_who_talks_before_the_greeting_or_before_354_is_sent_away(gate):
    with gate.plain().hello() as wire:
        wire.say(b"MAIL FROM:<a@example.org>")
        wire.say(b"RCPT TO:<b@example.org>")
        assert wire.say(b"DATA\r\nSubject: early\r\n\r\n.\r\n").startswith("554 5.5.0")
        assert wire.hung_up()


def test_chunks_arrive_as_one_message(gate):
    with gate.plain().hello() as wire:
        wire.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 20\r\nSubject: chunks\r\n\r\n.")
        assert [wire.reply()[:3] for _ in range(3)] == ["250"] * 3
        assert wire.say(b"BDAT 10 LAST\r\n\r\n..QUIT\r\n").startswith("250 2.0.0 Ok: queued as ")
    assert gate.inbox.wait_for("Subject: chunks").endswith("\n\n.\n..QUIT\n")


def test_a_loop_and_a_header_bomb_are_refused_once_they_are_seen(gate):
    for field, count, reply in ((b"Received: from a by b; now\r\n", 100, "554 5.4.6"),
                                (b"Received: from a\r\n\tby vedette.example.org (Vedette) with SMTP; now\r\n", 5, "554 5.4.6"),
                                (b"X: y\r\n", 1001, "552 5.3.4"), (b"X: " + b"y" * 900 + b"\r\n", 80, "552 5.3.4")):
        with gate.plain().hello().to_data() as wire:
            assert wire.say(field * count + b"\r\nx\r\n.\r\n").startswith(reply)
            assert wire.say(b"NOOP").startswith("250 ")


# --- Slow clients and many ---


@pytest.mark.parametrize("state", ["greeting", "command", "handshake", "data", "bdat", "auth"])
def test_a_byte_now_and_then_holds_no_session_in_any_state(gate_with, state):
    one = gate_with(relay={"command_timeout": "700ms"})
    wire = one.tls() if state == "auth" else one.plain()
    if state == "handshake":
        wire = Wire(socket.create_connection(("127.0.0.1", one.tls_port), timeout=60))
    elif state != "greeting":
        wire.hello()
    if state == "data":
        wire.to_data()
    if state == "bdat":
        wire.say(b"MAIL FROM:<a@example.org>")
        wire.say(b"RCPT TO:<b@example.org>")
        wire.send(b"BDAT 1000000 LAST\r\n")
    if state == "auth":
        assert wire.say(b"AUTH LOGIN").startswith("334")
    wire.sock.settimeout(0.1)
    replies, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        try:
            wire.send(b"\x16" if state == "handshake" else b"N")
            more = wire.sock.recv(4096)
            if not more:
                break
            replies += more
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        pytest.fail(f"the session was held: {replies}")
    if state != "handshake":
        assert b"421 4.4.2" in replies, replies


def test_a_flood_from_one_network_leaves_another_served(gate_with):
    one = gate_with(relay={"connections_per_network": 20, "connections_max": 100})
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(one.plain()) for _ in range(40)]
        replies = [wire.reply()[:3] for wire in crowd]
        assert replies.count("220") == 20 and replies.count("421") == 20
        stack.enter_context(one.plain(source="127.0.1.1")).hello().to_data()


def test_a_thousand_sessions_at_once_are_all_served_while_one_sends_without_pause(gate_with):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    one = gate_with(relay={"connections_per_network": 2000, "connections_max": 2000})
    flood, done = (b"y" * 998 + b"\r\n") * 200, threading.Event()

    def hog():
        with one.plain().hello() as wire:
            while not done.is_set():
                wire.to_data()
                for _ in range(100):
                    wire.send(flood)
                assert wire.say(b".").startswith("250 ")

    thread = threading.Thread(target=hog)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(one.plain()).hello() for _ in range(1000)]
        thread.start()
        try:
            for step, code in ((b"MAIL FROM:<a@example.org>\r\n", "250"), (b"RCPT TO:<b@example.org>\r\n", "250"),
                               (b"DATA\r\n", "354"), (b"Subject: one of a thousand\r\n\r\nx\r\n.\r\n", "250")):
                for wire in wires:
                    wire.send(step)
                assert {wire.reply()[:3] for wire in wires} == {code}
        finally:
            done.set()
            thread.join()


class Activated(Inbound):
    """Its clear listener was opened by a service manager, which starts us when the first client comes."""

    READY = ""

    def start(self, within=40):
        self.prefix = ["systemd-socket-activate", "-l", f"127.0.0.1:{self.port}"]
        super().start(within)


def test_a_socket_that_the_service_manager_opened_is_taken_over(tmp_path, certificates):
    one = Activated(tmp_path, certificates)
    try:
        wait_until(lambda: port_answers(one.port), 20, "the manager to listen")
        with one.plain().hello().to_data() as wire:
            assert wire.say(b"Subject: activated\r\n\r\nx\r\n.\r\n").startswith("250 ")
        one.inbox.wait_for("Subject: activated")
    finally:
        one.kill()


def memory_of(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Dirty:", "Swap:"))) * 1024


def test_idle_connections_take_little_memory_and_others_are_served_meanwhile(gate_with):
    """IDLE_CONNECTIONS=10000 makes the long form (`make test-idle`): less than 200 MiB in all, and so in proportion."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    one = gate_with(relay={"connections_per_network": 20000, "connections_max": 20000},
                    prefix=["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"])
    gateway = one.children()["gateway"]
    before = memory_of(gateway)
    with contextlib.ExitStack() as stack:
        for i in range(IDLE):
            wire = stack.enter_context(one.plain(source=f"127.0.{i % 200}.1"))
            wire.hello()
        took = memory_of(gateway) - before
        assert took < 200 * 1024 * 1024 * IDLE / 10000, f"{took / IDLE:.0f} bytes each"
        with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as client:
            client.sendmail("a@example.org", ["b@example.org"], "Subject: among idle ones\n\nx\n")
    print(f"{IDLE} idle connections: {took / 1024 / 1024:.1f} MiB, {took / IDLE:.0f} bytes each")
    one.inbox.wait_for("Subject: among idle ones")
