"""What `vedette path check` promises on the command line: usage, text, JSON, plug-in, stanza, and whose password it may have."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

import vedette as program
from peers.enclosure import free_port
from peers.misbehaving import Misbehaving

pytestmark = pytest.mark.sanitized

HOPS = {"name", "route", "connect", "banner", "ehlo", "starttls", "tls", "certificate", "auth", "mail", "rcpt", "data", "landing"}
CAUSES = set("routing firewall dns tls trust authentication relay-policy sender-policy recipient mailbox-full content size rate "
             "reputation sender-authentication gateway-fault unknown".split())
STATES = {"ok", "warn", "fail", "skipped"}
SECRET, REPLY_END = 49, 66


def check(*argv, env=None):
    return subprocess.run([program.binary(), "path", "check", *map(str, argv)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {})}, check=False)


@pytest.fixture
def submission(certificates):
    with Misbehaving(certificates=certificates, auth=None) as peer:
        yield peer


@pytest.fixture
def password_file(tmp_path):
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text("correct horse\n")
    return path


def trusting(certificates):
    return ["--ca-file", certificates.ca, "--verify-name", certificates.NAME, "--security", "starttls"]


# --- Usage ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("argv, code, said", [
    (["192.0.2.25", "192.0.2.26"], 64, "no use for \"192.0.2.26\""),
    (["--address", "mail.example.org"], 64, "--host"),
    (["mail"], 64, "full name"),
    (["mail.example.org:0"], 64, "full name"),
    (["mail..example.org"], 64, "full name"),
    (["192.0.2.25", "--security", "ssl"], 64, "tls, starttls or none"),
    (["192.0.2.25", "--port", "70000"], 64, "1 to 65535"),
    (["192.0.2.25", "--timeout", "soon"], 64, "--timeout wants a length"),
    (["192.0.2.25", "--send"], 64, "--sender and --recipient"),
    (["192.0.2.25", "--password-file", "/dev/null"], 64, "--username"),
    (["192.0.2.25", "--username", "u", "--password-file", "/nonexistent"], 66, "/nonexistent"),
    (["primary", "-c", "/nonexistent/vedette.yaml"], 66, "/nonexistent/vedette.yaml"),
])
def test_a_wrong_call_is_told_before_anything_is_sent(argv, code, said):
    done = check(*argv)
    assert done.returncode == code
    assert said in done.stderr


@pytest.mark.parametrize("argv", [
    ["192.0.2.25", "--security", "ssl"],
    ["192.0.2.25", "--nonsense"],
    ["--port", "x"],
    ["192.0.2.25", "--json"],
    ["primary", "-c", "/nonexistent/vedette.yaml"],
])
def test_a_plug_ins_wrong_call_is_unknown_and_said_on_standard_output(argv):
    done = check("--nagios", *argv)
    assert done.returncode == 3
    assert done.stdout.startswith("VEDETTE UNKNOWN - ")
    assert done.stdout.count("\n") == 1


def test_a_password_file_that_others_can_read_is_refused(password_file):
    password_file.chmod(0o644)
    done = check("192.0.2.25", "--username", "u", "--password-file", password_file)
    assert done.returncode == 77
    assert "can be read by others" in done.stderr
    assert "correct horse" not in done.stdout + done.stderr


def test_several_gateways_have_to_be_told_apart(tmp_path):
    v = program.Vedette(tmp_path, [program.gateway(25, "one"), program.gateway(26, "two")], start=False)
    done = v.command("path", "check", check=False)
    assert done.returncode == 64
    assert "2 gateways" in done.stderr
    done = v.command("path", "check", "three", check=False)
    assert done.returncode == 64
    assert '"three"' in done.stderr


# --- What is told --------------------------------------------------------------------------------------------------------

def test_json_has_the_promised_shape(certificates, submission):
    done = check(f"127.0.0.1:{submission.port}", *trusting(certificates), "--json", "--sender", "vedette@example.org",
                 "--recipient", "soc@example.org")
    told = json.loads(done.stdout)
    assert list(told)[:7] == ["gateway", "address", "port", "verdict", "cause", "advice", "hops"]
    assert (told["gateway"], told["address"], told["port"]) == (None, "127.0.0.1", submission.port)
    assert told["verdict"] in {"ok", "warn", "fail"}
    assert told["cause"] is None or told["cause"] in CAUSES
    assert {hop["hop"] for hop in told["hops"]} == HOPS
    for hop in told["hops"]:
        assert list(hop)[:6] == ["hop", "state", "ms", "found", "cause", "advice"]
        assert hop["state"] in STATES
        assert hop["cause"] is None or hop["cause"] in CAUSES
        assert hop["ms"] >= 0
        assert hop["state"] in ("ok", "skipped") or (hop["cause"] and hop["advice"]), hop
    assert done.returncode == 0
    assert told["tls"]["verified"] is True
    assert certificates.NAME in told["tls"]["sent"][0]["names"]


def test_a_line_a_hop_then_the_verdict(certificates, submission):
    done = check(f"127.0.0.1:{submission.port}", *trusting(certificates), env={"TERM": "xterm-256color"})
    assert "\033" not in done.stdout
    hops = re.findall(r"^(?:ok|warn|fail|skipped) +(\S+) ", done.stdout, re.M)
    assert set(hops) >= HOPS
    assert re.search(rf"^(ok|warn)  127\.0\.0\.1 port {submission.port}, starttls", done.stdout, re.M)


def test_a_refused_connection_has_an_exit_code_a_cause_and_advice():
    port = free_port()
    done = check(f"127.0.0.1:{port}", "--security", "starttls", "--json")
    told = json.loads(done.stdout)
    assert told["verdict"] == "fail"
    assert told["cause"] in CAUSES
    assert told["advice"]
    assert done.returncode == 69
    assert told["stanza"] is None


def test_a_certificate_that_is_not_trusted_comes_with_its_fingerprint_and_the_way_to_save_it(certificates):
    with Misbehaving(certificates=certificates, certificate=certificates.self_signed) as peer:
        done = check(f"127.0.0.1:{peer.port}", "--security", "starttls", "--ca-file", certificates.ca, "--verify-name",
                     certificates.NAME, "--json", "--username", "u")
    told = json.loads(done.stdout)
    assert told["cause"] == "trust"
    assert told["tls"]["fault"] == "SELF_SIGNED"
    assert done.returncode == 76
    assert told["save_command"].startswith(f"openssl s_client -connect 127.0.0.1:{peer.port} -starttls smtp")
    assert told["tls"]["sent"][0]["fingerprint"] in told["stanza"]
    # Nothing but these is said to a peer that is not trusted.
    assert {c.split(" ")[0] for c in peer.commands} <= {"EHLO", "STARTTLS", "QUIT"}, peer.commands


@pytest.mark.parametrize("given, code, word", [
    ([], 0, "OK"),
    (["-w", "300"], 1, "WARNING"),
    (["-w", "300", "-c", "200"], 2, "CRITICAL"),
    (["--warning=300", "--critical=200"], 2, "CRITICAL"),
])
def test_a_plug_in_warns_of_a_certificate_that_ends_soon(certificates, submission, given, code, word):
    given = given or ["-w", "5", "-c", "2"]
    done = check("--nagios", f"127.0.0.1:{submission.port}", *trusting(certificates), *given)
    assert (done.returncode, done.stdout.count("\n")) == (code, 1), done.stdout
    text, perfdata = done.stdout.rstrip().split(" | ")
    assert text.startswith(f"VEDETTE {word} - ")
    values = dict(pair.split("=") for pair in perfdata.split())
    assert values["connect"].split(";")[0].endswith("s")
    assert 0 <= int(values["certificate_days"].split(";")[0]) <= 90


def test_a_plug_in_is_critical_when_nobody_answers():
    done = check("--nagios", f"127.0.0.1:{free_port()}", "--security", "starttls")
    assert done.returncode == 2
    assert done.stdout.startswith("VEDETTE CRITICAL - 127.0.0.1 port ")


def test_a_transcript_masks_what_is_secret(certificates, submission, password_file):
    done = check(f"127.0.0.1:{submission.port}", *trusting(certificates), "--transcript", "--username", "svc-vedette",
                 "--password-file", password_file)
    assert "C: EHLO" in done.stdout
    assert "C: AUTH PLAIN" in done.stdout
    sent = next(c for c in submission.commands if c.startswith("AUTH PLAIN"))
    assert sent.split(" ")[-1] not in done.stdout
    assert "correct horse" not in done.stdout + done.stderr


def test_the_stanza_of_a_bare_address_is_a_configuration(certificates, submission, password_file, tmp_path):
    done = check(f"127.0.0.1:{submission.port}", "--ca-file", certificates.ca, "--verify-name", certificates.NAME, "--json",
                 "--username", "svc-vedette", "--password-file", password_file)
    stanza = json.loads(done.stdout)["stanza"]
    (gateway,) = yaml.safe_load(stanza)["gateways"]
    assert gateway == {"name": "primary", "address": "127.0.0.1", "port": submission.port, "security": "starttls",
                       "verify_name": certificates.NAME, "ca_file": str(certificates.ca), "username": "svc-vedette",
                       "password": "secret:file/primary"}
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "primary").touch(mode=0o600)
    (secrets / "primary").write_text("correct horse\n")
    config = tmp_path / "vedette.yaml"
    config.write_text(stanza + "sender: vedette@example.org\nrecipients: [soc@example.org]\nrules: []\n"
                               "inputs: [{stdin: {}}]\nstate_directory: state\nsecrets_directory: secrets\n")
    checked = subprocess.run([program.binary(), "check", "-c", config], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_smarthost_of_our_gateway_is_checked_as_a_gateway_is(certificates, submission, tmp_path):
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "office").touch(mode=0o600)
    (tmp_path / "secrets" / "office").write_text("correct horse\n")
    config = tmp_path / "gateway.yaml"
    office = {"name": "office", "address": "127.0.0.1", "port": submission.port, "security": "starttls", "verify_name": certificates.NAME,
              "ca_file": str(certificates.ca), "username": "svc-vedette", "password": "secret:file/office"}
    settings = {"resolvers": ["127.0.0.254"], "secrets_directory": str(tmp_path / "secrets"), "state_directory": str(tmp_path / "state"),
                "relay": {"listen": ["127.0.0.1:2525"], "smarthosts": [office], "routes": [{"name": "out", "via": ["office"]}]}}
    config.write_text(yaml.safe_dump(settings))
    for argv in (["office"], []):
        done = check("-c", config, "--json", "--no-rcpt", *argv)
        report = json.loads(done.stdout)
        hops = {hop["hop"]: hop["state"] for hop in report["hops"]}
        assert report["gateway"] == "office" and report["verdict"] == "ok", done.stdout + done.stderr
        assert hops["certificate"] == "ok" and hops["auth"] == "ok", hops
    settings["relay"]["smarthosts"].append({"name": "named", "host": "smart.example.org", "security": "starttls"})
    config.write_text(yaml.safe_dump(settings))
    report = json.loads(check("-c", config, "--json", "named").stdout)
    assert report["gateway"] == "named" and report["verdict"] == "fail" and report["cause"] == "dns", report
    done = check("-c", config)
    assert done.returncode == 64 and "0 gateways and 2 smarthosts" in done.stderr
    assert "gateways or smarthosts" in check("-c", config, "nobody").stderr


# --- Whose password ------------------------------------------------------------------------------------------------------

@pytest.fixture
def daemon(tmp_path, certificates, submission):
    v = program.Vedette(tmp_path, [program.gateway(submission.port, security="starttls", verify_name=certificates.NAME,
                                                   ca_file=certificates.ca, username="svc-vedette",
                                                   password="correct horse")])
    yield v
    v.stop()
    v.check_sanitizers()


ASK = """
import json, os, socket, struct, sys
path, uid, gateway = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_UNIX)
if uid:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
s.connect(path)
body = json.dumps({"command": "secret", "gateway": gateway}).encode()
s.sendall(struct.pack("<II", len(body), 64) + body)
data = b""
while True:
    more = s.recv(65536)
    data += more
    frames, rest = [], data
    while len(rest) >= 8:
        n, kind = struct.unpack("<II", rest[:8])
        if len(rest) < 8 + n:
            break
        frames.append((kind, rest[8:8 + n].decode()))
        rest = rest[8 + n:]
    if not more or any(kind == 66 for kind, _ in frames):
        print(json.dumps(frames))
        break
"""


def ask(control, uid, gateway):
    done = subprocess.run([sys.executable, "-c", ASK, control, str(uid), gateway], capture_output=True,
                          text=True, timeout=30, check=True)
    return json.loads(done.stdout)


def test_the_daemon_gives_a_gateways_password_to_administrators_and_says_so(daemon):
    control = daemon.dir / "state" / "run" / "control"
    assert ask(control, 0, "primary") == [[SECRET, "correct horse"], [REPLY_END, '{"exit":0}']]
    assert "a command uses a gateway's password" in daemon.words()
    assert "correct horse" not in daemon.words()
    ((kind, end),) = ask(control, 0, "nowhere")
    assert kind == REPLY_END
    assert json.loads(end)["exit"] == 64


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_the_daemon_gives_a_gateways_password_to_nobody_else(daemon):
    control = daemon.dir / "state" / "run" / "control"
    control.chmod(0o666)
    for folder in control.parents:
        if folder in (pathlib.Path("/tmp"), pathlib.Path("/")):
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    ((kind, end),) = ask(control, 65534, "primary")
    assert kind == REPLY_END
    assert json.loads(end)["exit"] == 77
    assert "without the right to it" in daemon.words()


@pytest.mark.parametrize("running", [True, False])
def test_a_configured_gateways_account_is_tried_with_and_without_a_daemon(daemon, submission, running):
    if not running:
        daemon.stop()
    submission.commands.clear()
    done = daemon.command("path", "check", "--json", check=False)
    told = json.loads(done.stdout)
    assert told["gateway"] == "primary"
    auth = next(hop for hop in told["hops"] if hop["hop"] == "auth")
    assert auth["state"] == "ok", auth
    assert any(c.startswith("AUTH PLAIN") for c in submission.commands)
    assert told["stanza"] is None
    if running:
        assert "a command uses a gateway's password" in daemon.words()
