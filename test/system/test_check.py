"""`vedette check` tells every error of a configuration, and of all that it names, at once and with its place."""

import json
import os
import pathlib

import pytest

from test_commands import run

pytestmark = pytest.mark.sanitized

DESIGN_SHAPE = """
gateways:
  - name: primary
    address: 192.0.2.25
    host: mail.example.org
    port: 587
    security: starttls
    verify_name: mail.example.org
    username: svc-vedette
    password: secret:file/primary
sender: Vedette <vedette@example.org>
recipients: [soc@example.org]
inputs:
  - syslog: udp://127.0.0.1:5514
  - syslog: tcp://127.0.0.1:5514
  - file: /var/log/auth.log
  - journal: {}
rules: []
state_directory: state
secrets_directory: secrets
relay:
  listen: [127.0.0.1:2525]
  domains: [localhost.example]
  maildir: inbox
"""


def test_the_design_s_configuration_is_accepted(tmp_path):
    (tmp_path / "secrets").mkdir(mode=0o700)
    secret = tmp_path / "secrets" / "primary"
    secret.write_text("opensesame")
    secret.chmod(0o400)
    config = tmp_path / "vedette.yaml"
    config.write_text(DESIGN_SHAPE)
    done = run("check", "--json", "-c", str(config))
    answer = json.loads(done.stdout)
    assert done.returncode == 0, answer
    assert answer["ok"] is True and answer["errors"] == []
    assert "opensesame" not in done.stdout + done.stderr


def test_check_tells_every_error_with_its_place_and_what_to_do(tmp_path):
    config = tmp_path / "vedette.yaml"
    bad = DESIGN_SHAPE.replace("address: 192.0.2.25", "adress: 192.0.2.25").replace("port: 587", "port: 99999")
    bad = bad.replace("secret:file/primary", "hunter2")
    config.write_text(bad)
    done = run("check", "--json", "-c", str(config))
    answer = json.loads(done.stdout)
    assert done.returncode == 78
    assert answer["ok"] is False
    for error in answer["errors"]:
        assert set(error) == {"file", "line", "column", "message", "advice"}
        assert error["file"] == str(config)
    lines = {error["line"] for error in answer["errors"]}
    expected = {n for n, line in enumerate(bad.splitlines(), 1) if "adress" in line or "99999" in line or "hunter2" in line}
    assert expected <= lines
    assert "hunter2" not in done.stdout + done.stderr


EVERY_SECRET = """
privileges: keep
gateways:
  - name: primary
    address: 192.0.2.25
    security: tls
    username: a
    password: secret:file/gateway
    landing:
      imap: 192.0.2.30:993
      username: a
      password: secret:file/landing
sender: Vedette <vedette@example.org>
recipients: [soc@example.org]
bounces:
  address: bounces@example.org
  imap: 192.0.2.30:993
  username: a
  password: secret:file/bounces
ways_out:
  - name: chat
    webhook: secret:file/chat
    template: pagerduty
    key: secret:file/routing
heartbeat:
  url: secret:file/heartbeat
state_directory: state
secrets_directory: secrets
relay:
  listen: [127.0.0.1:2525]
  certificate: gateway.pem
  key: gateway.key
  domains: [localhost.example]
  maildir: inbox
  accounts:
    - name: printer
      password: secret:file/printer
  routes:
    - name: out
      via: [hop]
  smarthosts:
    - name: hop
      address: 192.0.2.26
      security: tls
      username: a
      password: secret:file/hop
  dkim:
    - domain: example.org
      selector: one
      key: secret:file/dkim
"""
SECRETS = {"gateway": "gateways primary: password", "landing": "gateways primary: landing: password",
           "bounces": "bounces: password", "chat": "ways_out chat: webhook", "routing": "ways_out chat: key",
           "heartbeat": "heartbeat: url", "printer": "relay: accounts printer: password",
           "hop": "relay: smarthosts hop: password", "dkim": "relay: dkim example.org: key"}


def told_of_secrets(folder, certificates):
    """What check says of each secret that is wrong."""
    config = folder / "vedette.yaml"
    (folder / "gateway.pem").write_bytes(certificates.good.read_bytes())
    (folder / "gateway.key").write_bytes(certificates.key(certificates.good).read_bytes())
    config.write_text(EVERY_SECRET)
    answer = json.loads(run("check", "--json", "-c", str(config)).stdout)
    lines = EVERY_SECRET.splitlines()
    told = {}
    for error in answer["errors"]:
        name = lines[error["line"] - 1].partition("secret:file/")[2]
        assert error["file"] == str(config) and error["message"].startswith(f"{SECRETS[name]}: secret:file/{name}: "), error
        assert error["advice"]
        told[name] = error["message"]
    assert answer["ok"] is not bool(told)
    return told


def put_secrets(folder, mode):
    (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
    for name in SECRETS:
        (folder / "secrets" / name).write_text("opensesame")
        (folder / "secrets" / name).chmod(mode)


@pytest.mark.parametrize("folder_there", [False, True])
def test_check_tells_of_every_secret_that_is_missing(tmp_path, certificates, folder_there):
    if folder_there:
        (tmp_path / "secrets").mkdir(mode=0o700)
    told = told_of_secrets(tmp_path, certificates)
    assert set(told) == set(SECRETS)
    assert all("No such file" in message for message in told.values()), told


def test_check_tells_of_every_secret_that_others_may_read(tmp_path, certificates):
    put_secrets(tmp_path, 0o440)
    told = told_of_secrets(tmp_path, certificates)
    assert set(told) == set(SECRETS)
    assert all("has mode 0440" in message for message in told.values()), told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_check_tells_of_every_secret_that_is_somebody_else_s(tmp_path, certificates):
    put_secrets(tmp_path, 0o400)
    for name in SECRETS:
        os.chown(tmp_path / "secrets" / name, 65534, 65534)
    told = told_of_secrets(tmp_path, certificates)
    assert set(told) == set(SECRETS)
    assert all("belongs to user 65534" in message for message in told.values()), told


def test_check_is_content_with_secrets_that_are_well_kept(tmp_path, certificates):
    put_secrets(tmp_path, 0o400)
    assert not told_of_secrets(tmp_path, certificates)


def test_check_tells_a_bad_rule_with_its_place(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.yml").write_text(
        "title: Bad\nid: 6a3e5b7e-0000-4000-8000-00000000000f\nlogsource: {product: linux}\ndetection:\n    a: {x|nonsense: 1}\n"
        "    condition: a and b\n")
    config = tmp_path / "vedette.yaml"
    config.write_text(DESIGN_SHAPE.replace("rules: []", "rules: [rules]").replace("    password: secret:file/primary\n", "")
                      .replace("    username: svc-vedette\n", ""))
    done = run("check", "--json", "-c", str(config))
    errors = json.loads(done.stdout)["errors"]
    assert done.returncode == 78
    assert any(e["file"].endswith("bad.yml") and e["line"] == 5 and "nonsense" in e["message"] for e in errors), errors


def test_check_tells_errors_of_the_configuration_and_of_its_rules_at_once(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.yml").write_text("title: Bad\nlogsource: {product: linux}\ndetection: {a: {x: 1}, condition: b}\n")
    config = tmp_path / "vedette.yaml"
    bad = DESIGN_SHAPE.replace("rules: []", "rules: [rules, gone]").replace("port: 587", "port: 99999")
    config.write_text(bad)
    done = run("check", "--json", "-c", str(config))
    places = {(pathlib.Path(e["file"]).name, e["line"]) for e in json.loads(done.stdout)["errors"]}
    lines = bad.splitlines()
    assert done.returncode == 78
    assert places >= {("vedette.yaml", 1 + lines.index("    port: 99999")), ("bad.yml", 3),
                      ("vedette.yaml", 1 + lines.index("rules: [rules, gone]"))}, done.stdout


def test_an_error_in_the_configuration_hides_none_in_what_it_names(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "rules" / "bad.yml").write_text("title: Bad\nlogsource: {product: linux}\ndetection: {a: {x: 1}, condition: b}\n")
    lines = ["gateways:", "  - name: a b", "    address: 192.0.2.25", "    security: tls", "    ca_file: gone.pem",
             "    username: u", "    password: secret:file/gone", "sender: v@example.org", "recipients: []", "inputs:",
             "  - syslog: tls://127.0.0.1:6514", "    certificate: gone.pem", "    key: gone.key",
             "rules: [rules, nowhere]", "pipelines: [nowhere]", "masks: [nowhere]"]
    config = tmp_path / "vedette.yaml"
    config.write_text("\n".join(lines) + "\n")
    done = run("check", "--json", "-c", str(config))
    errors = json.loads(done.stdout)["errors"]
    told = [(lines[e["line"] - 1].split(":")[0].strip(" -"), e["message"]) for e in errors if e["file"] == str(config)]
    assert done.returncode == 78
    for place, word in [("name", "a b"), ("name", "gone.pem"), ("password", "secret:file/gone"), ("recipients", "empty"),
                        ("syslog", "certificate"), ("syslog", "gone.key"), ("rules", "nowhere"), ("pipelines", "nowhere"),
                        ("masks", "nowhere")]:
        assert any(where == place and word in message for where, message in told), (place, word, told)
    assert any(e["file"].endswith("bad.yml") for e in errors), errors


def test_check_names_the_file_that_an_entry_stands_in(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "vedette.yaml").write_text("sender: v@example.org\nrecipients: [soc@example.org]\nrules: []\n")
    (tmp_path / "conf.d" / "10.yaml").write_text(
        "gateways:\n  - name: a\n    address: 192.0.2.25\n    security: tls\n    ca_file: /nonexistent/ca.pem\n"
        "inputs:\n  - syslog: tls://127.0.0.1:6514\n    certificate: /nonexistent/cert.pem\n    key: /nonexistent/key.pem\n")
    done = run("check", "--json", "-c", str(tmp_path / "vedette.yaml"))
    errors = json.loads(done.stdout)["errors"]
    assert done.returncode == 78
    assert {(pathlib.Path(e["file"]).name, e["line"]) for e in errors} == {("10.yaml", 2), ("10.yaml", 7)}, errors
