"""What `vedette check` says of the files that the relay names: where it stands, what is wrong, and what to do."""

import json
import os
import subprocess

import pytest

import vedette as program
from peers.certificates import BadCertificates
from test_users import IDS, fixture_users  # noqa: F401  (pytest finds the fixture by its name)

CONFIG = """relay:
  listen: ["127.0.0.1:2525"]
  certificate: {certificate}
  key: {key}
  client_ca: {client_ca}
  pam_directory: {pam}
  accounts:
    - {{name: ann, pam: vedette}}
  mechanisms: [PLAIN, LOGIN]
  smarthosts:
    - {{name: out, address: 192.0.2.1, security: tls, ca_file: {ca_file}}}
  routes: [{{name: out, via: [out]}}]
  rules: [{{name: all, networks: [127.0.0.0/8], accept: {{}}}}]
state_directory: state
{more}
"""
PLACES = {"certificate": (3, 16), "key": (4, 8), "client_ca": (5, 14), "account": (8, 8), "smarthost": (11, 8)}


@pytest.fixture(scope="module", name="files")
def fixture_files(scratch):
    made = BadCertificates(scratch("check"))
    made.dir.joinpath("pam.d").mkdir()
    made.dir.joinpath("pam.d", "vedette").write_text("auth required pam_deny.so\naccount required pam_deny.so\n")
    made.dir.joinpath("words").write_text("no certificate\n")
    made.dir.joinpath("both.pem").write_text(made.ca.read_text() + made.expired.read_text())
    return made


def check(files, folder, prefix=(), more="privileges: keep", **changed):
    values = {"certificate": files.good, "key": files.key(files.good), "client_ca": files.ca, "ca_file": files.ca, "pam": files.dir / "pam.d",
              "more": more, **changed}
    config = folder / "gateway.yaml"
    config.write_text(CONFIG.format(**values))
    done = subprocess.run([*prefix, program.binary(), "check", "--json", "-c", str(config)], capture_output=True, text=True, check=False, timeout=60)
    answer = json.loads(done.stdout)
    for error in answer["errors"]:
        assert error["file"] == str(config) and error["advice"], error
    return answer


WRONG = [
    ("certificate", {"certificate": "/nonexistent.pem"}, "the certificate /nonexistent.pem is not there"),
    ("certificate", {"certificate": "{words}"}, "there is no certificate in"),
    ("certificate", {"certificate": "{expired}", "key": "{expired_key}"}, "expired at 2020-02-01T00:00:00"),
    ("certificate", {"certificate": "{not_yet}", "key": "{not_yet_key}"}, "not valid before 2040-01-01"),
    ("certificate", {"certificate": "{old_chain}", "key": "{old_chain_key}"}, "a certificate behind the first in"),
    ("key", {"key": "/nonexistent.key"}, "the key /nonexistent.key is not there"),
    ("key", {"key": "{other_name_key}"}, "does not belong to the certificate"),
    ("key", {"key": "{words}"}, "no private key could be read"),
    ("client_ca", {"client_ca": "/nonexistent.pem"}, "the client_ca /nonexistent.pem is not there"),
    ("client_ca", {"client_ca": "{words}"}, "there is no certificate in"),
    ("client_ca", {"client_ca": "{expired}"}, "no client's certificate is taken"),
    ("smarthost", {"ca_file": "/nonexistent.pem"}, "smarthost out: read certificates from /nonexistent.pem"),
    ("account", {"pam": "/nonexistent"}, "account ann: PAM has no service vedette in /nonexistent"),
]


@pytest.mark.parametrize("where, changed, says", WRONG, ids=[f"{where}-{i}" for i, (where, _, _) in enumerate(WRONG)])
def test_each_file_that_cannot_serve_is_told_at_its_place(files, tmp_path, where, changed, says):
    names = {"words": files.dir / "words", **{name: files.dir / f"{name}.pem" for name in ("expired", "not_yet", "old_chain")},
             **{f"{name}_key": files.dir / f"{name}.key" for name in ("expired", "not_yet", "old_chain", "other_name")}}
    answer = check(files, tmp_path, **{key: value.format(**names) for key, value in changed.items()})
    assert len(answer["errors"]) == 1, answer
    error = answer["errors"][0]
    assert says in error["message"] and (error["line"], error["column"]) == PLACES[where], error


def test_good_files_are_passed_and_what_ends_soon_or_is_open_to_all_is_noted(files, tmp_path):
    files.key(files.soon).chmod(0o400)
    answer = check(files, tmp_path, certificate=files.soon, key=files.key(files.soon), client_ca=files.dir / "both.pem")
    assert answer["ok"], answer
    assert any("soon.pem expires at" in note for note in answer["warnings"])
    assert any("an authority in the client_ca" in note for note in answer["warnings"])
    assert not any("everybody may read" in note for note in answer["warnings"])
    answer = check(files, tmp_path)
    assert answer["ok"] and any("everybody may read the private key" in note for note in answer["warnings"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask for another user")
def test_a_key_that_the_gateway_s_user_cannot_read_is_told_with_what_to_do(files, users, scratch):
    folder = scratch("unread")
    key = folder / "gateway.key"
    key.write_bytes(files.key(files.good).read_bytes())
    key.chmod(0o400)
    error = check(files, folder, users, "privileges: auto", key=key)["errors"][0]
    assert "cannot be read by user vedette-gateway" in error["message"] and error["advice"] == "chown vedette-gateway it, mode 0400"
    assert (error["line"], error["column"]) == PLACES["key"]
    os.chown(key, IDS["gateway"], IDS["gateway"])
    assert check(files, folder, users, "privileges: auto", key=key)["ok"]
