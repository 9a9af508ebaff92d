"""Other ways out: what is told when mail itself is broken, and to whom."""

import http.server
import json
import os
import signal
import socket
import ssl
import threading
import time

import pytest

from peers.enclosure import free_port, wait_until
from vedette import Vedette, gateway

DEAD = 9  # discard: nobody listens there


class Receiver:
    """A web server that keeps what it is told. status: what it answers."""

    def __init__(self, certificate=None, key=None, port=0):
        self.got, self.status = [], 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.got.append((self.command, self.path, dict(self.headers), body))
                self.send_response(receiver.status)
                self.end_headers()

            do_POST = do_GET = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def notices(self):
        return [json.loads(body) for method, _, _, body in self.got if method == "POST"]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver_with():
    running = []

    def start(**options):
        running.append(Receiver(**options))
        return running[-1]

    yield start
    for receiver in running:
        receiver.stop()


@pytest.fixture
def vedette_with(tmp_path):
    running = []

    def start(**settings):
        running.append(Vedette(tmp_path, [gateway(DEAD)], delivery={"expire": "2s", "retry_first": "1s"}, **settings))
        return running[-1]

    yield start
    for vedette in running:
        vedette.kill()


def expired(receiver):
    return [n for n in receiver.notices() if n["kind"] == "alert-expired"]


def test_an_alert_that_expires_on_the_only_gateway_is_told_over_a_webhook(vedette_with, receiver_with, certificates):
    receiver = receiver_with(certificate=certificates.good, key=certificates.key(certificates.good))
    vedette = vedette_with(ways_out=[{"name": "hook", "webhook": f"https://{certificates.NAME}:{receiver.port}/in",
                                      "address": "127.0.0.1", "ca_file": str(certificates.ca)}])
    vedette.raise_alert("PRIVILEGED")
    notice = wait_until(lambda: expired(receiver), 30, "the notice")[0]
    assert notice["severity"] == "high" and notice["recipient"] == "soc@example.org" and notice["alert"] == 1
    assert notice["host"] == "vedette.example.org" and "expired undelivered" in notice["text"]
    assert receiver.got[0][1] == "/in" and receiver.got[0][2]["Content-Type"] == "application/json"


def test_a_receiver_with_another_certificate_is_told_nothing(vedette_with, receiver_with, certificates):
    receiver = receiver_with(certificate=certificates.other_name, key=certificates.key(certificates.other_name))
    vedette = vedette_with(ways_out=[{"name": "hook", "webhook": f"https://{certificates.NAME}:{receiver.port}/in",
                                      "address": "127.0.0.1", "ca_file": str(certificates.ca)}])
    vedette.raise_alert("PRIVILEGED")
    wait_until(lambda: "is not trusted" in vedette.words(), 30, "the refusal")
    assert not receiver.got


def test_a_notice_outlives_a_dead_receiver_and_a_killed_daemon(vedette_with, receiver_with):
    port = free_port()
    vedette = vedette_with(ways_out=[{"name": "hook", "webhook": f"http://127.0.0.1:{port}/in"}])
    vedette.raise_alert("PRIVILEGED")
    wait_until(lambda: "could not be told over another way out" in vedette.words(), 30, "a failure")
    vedette.kill()
    receiver = receiver_with(port=port)
    vedette.start()
    assert wait_until(lambda: expired(receiver), 30, "the notice")[0]["alert"] == 1


def test_a_receiver_that_refuses_is_asked_again(vedette_with, receiver_with):
    receiver = receiver_with()
    receiver.status = 503
    vedette = vedette_with(ways_out=[{"name": "hook", "webhook": f"http://127.0.0.1:{receiver.port}/in"}])
    vedette.raise_alert("PRIVILEGED")
    wait_until(lambda: expired(receiver), 30, "the first try")
    receiver.status = 200
    wait_until(lambda: "a notice was told over another way out" in vedette.words(), 30, "the second try")
    assert expired(receiver)[0] == expired(receiver)[-1]


def test_a_command_gets_its_arguments_and_the_notice_and_no_shell(vedette_with, tmp_path):
    program, out = tmp_path / "tell", tmp_path / "told"
    program.write_text(f'#!/bin/sh\n{{ echo "$#:$1:$2"; cat; }} > {out}.new && mv {out}.new {out}\n')
    program.chmod(0o755)
    vedette = vedette_with(ways_out=[{"name": "run", "command": [str(program), "$(id); a b", "*"]}])
    vedette.raise_alert("PRIVILEGED")
    wait_until(out.exists, 30, "the command")
    words, notice = out.read_text().split("\n", 1)
    assert words == "2:$(id); a b:*"
    assert json.loads(notice)["kind"] == "alert-expired"
    wait_until(lambda: "exited with 0" in vedette.words(), 10, "its end")


def test_a_command_that_takes_too_long_is_killed_with_all_it_started(vedette_with, tmp_path):
    program, out = tmp_path / "tell", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {out}.new && mv {out}.new {out}\nwait\n")
    program.chmod(0o755)
    vedette = vedette_with(ways_out=[{"name": "run", "command": [str(program)], "timeout": "1s"}])
    vedette.raise_alert("PRIVILEGED")
    wait_until(lambda: "it took too long" in vedette.words(), 30, "the end of its time")
    pid = int(out.read_text())

    def gone():
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    wait_until(gone, 5, "what it started to be gone")


@pytest.mark.parametrize("kind", ["udp", "tcp", "unix"])
def test_a_siem_gets_cef(vedette_with, tmp_path, kind):
    path = tmp_path / "siem"
    if kind == "unix":
        siem = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        siem.bind(str(path))
    else:
        siem = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        siem.bind(("127.0.0.1", 0))
    url = f"unix://{path}" if kind == "unix" else f"{kind}://127.0.0.1:{siem.getsockname()[1]}"
    siem.settimeout(30)
    with siem:
        if kind == "tcp":
            siem.listen()
        vedette = vedette_with(ways_out=[{"name": "siem", "syslog": url}])
        vedette.raise_alert("PRIVILEGED")
        if kind == "tcp":
            peer, _ = siem.accept()
            with peer:
                peer.settimeout(10)
                message = b"".join(iter(lambda: peer.recv(65536), b""))
            size, message = message.split(b" ", 1)
            assert int(size) == len(message)
        else:
            message = siem.recv(65536)
    assert message.startswith(b"<83>1 ") and b" vedette - alert-expired - CEF:0|Vedette|Vedette|" in message
    assert b" duser=soc@example.org " in message and b"\n" not in message


def test_the_heartbeat_is_seen_while_the_daemon_lives_and_not_when_it_is_stopped(vedette_with, receiver_with):
    receiver = receiver_with()
    vedette = vedette_with(heartbeat={"url": f"http://127.0.0.1:{receiver.port}/alive", "every": "1s"})
    wait_until(lambda: len(receiver.got) >= 3, 20, "three beats")
    assert receiver.got[0][:2] == ("GET", "/alive")
    courier = vedette.children()["courier"]
    os.kill(courier, signal.SIGSTOP)

    def silent():
        """For as long as three beats take; one may have been on its way."""
        before = len(receiver.got)
        time.sleep(3)
        return len(receiver.got) == before

    wait_until(silent, 20, "silence")
    before = len(receiver.got)
    os.kill(courier, signal.SIGCONT)
    wait_until(lambda: len(receiver.got) > before, 10, "it to go on")


def test_a_person_may_try_every_way(vedette_with, receiver_with):
    receiver = receiver_with()
    vedette = vedette_with(ways_out=[{"name": "hook", "webhook": f"http://127.0.0.1:{receiver.port}/in"},
                                     {"name": "dead", "webhook": f"http://127.0.0.1:{DEAD}/in"}])
    done = vedette.command("ways", "test", check=False)
    assert done.returncode == 69 and "hook: HTTP status 200" in done.stdout and "dead: 127.0.0.1:9 does not answer" in done.stdout
    assert receiver.notices()[0]["kind"] == "test"
    assert vedette.command("ways", "test", "hook", "--json", check=False).returncode == 0
    assert vedette.command("ways", "test", "nothing", check=False).returncode == 64
