"""The configurations in examples/ are good, but for what a machine of one's own has; and the tests beside them hold."""

import contextlib
import json
import pathlib
import re
import smtplib
import subprocess

import pytest

import vedette as program
from peers.enclosure import ROOT, free_port, port_answers, wait_until
from peers.misbehaving import Misbehaving

EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if not path.name.endswith(".test.yaml"))
OURS_ALONE = re.compile(r"/etc/vedette/|/usr/share/vedette/")  # files that come with an installation, or from its owner


def run(*words):
    return subprocess.run([program.binary(), *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_lacks_only_files_of_an_installation(example):
    errors = json.loads(run("check", "--json", "-c", example).stdout)["errors"]
    assert [error for error in errors if not OURS_ALONE.search(error["message"])] == []


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.with_suffix(".test.yaml").exists()], ids=lambda path: path.name)
def test_the_tests_beside_an_example_hold(example):
    done = run("gateway", "test", "-c", example, example.with_suffix(".test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_without_a_smarthost_asks_dns_for_the_way(tmp_path):
    config = tmp_path / "direct.yaml"
    text = pathlib.Path(ROOT / "examples" / "direct.yaml").read_text()
    config.write_text(text + "resolvers: [127.0.0.254]\n")  # nobody is there
    done = run("gateway", "explain", "-c", config, "--json", "--from", "192.0.2.10", "--sender", "a@example.org", "--rcpt", "b@partner.example")
    way = json.loads(done.stdout)["way"]
    assert way["route"] == "partner" and way["problem"].startswith("451 4.4.3 the MX of partner.example cannot be looked up")


def test_our_gateway_alone_runs_as_its_example_has_it(tmp_path):
    """But for where it listens, whom it serves and where its next hop is."""
    port = free_port()
    with Misbehaving() as office, contextlib.ExitStack() as stack:
        text = (ROOT / "examples" / "gateway.yaml").read_text()
        for old, new in (("0.0.0.0:25", f"127.0.0.1:{port}"), ("[::]:25", f"[::1]:{port}"), ("192.0.2.0/24", "127.0.0.0/8"),
                         ("198.51.100.25, host: mail.example.org, security: starttls", f"127.0.0.1, port: {office.port}, security: none")):
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "gateway.yaml").write_text(text + "state_directory: state\nprivileges: keep\n")
        gateway = subprocess.Popen([program.binary(), "gateway", "-c", tmp_path / "gateway.yaml"], stdin=subprocess.DEVNULL)
        stack.callback(gateway.kill)
        wait_until(lambda: port_answers(port), 20, "our gateway")
        for address in ("127.0.0.1", "::1"):
            with smtplib.SMTP(address, port, timeout=60) as client:
                refused = client.docmd("EHLO x") and client.docmd("MAIL FROM:<a@example.org>")
                assert refused[0] == (250 if address == "127.0.0.1" else 550), refused
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.sendmail("a@example.org", ["soc@example.org"], "Subject: alone\r\n\r\nx\r\n")
        wait_until(lambda: any("Subject: alone" in content for _, _, content in office.accepted), 20, "the message")
        gateway.terminate()
        assert gateway.wait(30) == 0
