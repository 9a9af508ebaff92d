"""Accounts whose passwords PAM checks, by its own modules, in the keeper's sandbox."""

import base64
import pathlib
import subprocess

import pytest

from peers.swaks import swaks
from test_inbound import PASSWORD, Inbound

MODULES = [pathlib.Path(folder) for folder in ("/lib/x86_64-linux-gnu/security", "/usr/lib/x86_64-linux-gnu/security",
                                               "/lib/aarch64-linux-gnu/security", "/lib64/security")]
MAKE_USERS = 'use DB_File; use Fcntl; tie(my %users, "DB_File", shift, O_CREAT|O_RDWR, 0644, $DB_HASH) or die; %users = @ARGV;'

pytestmark = pytest.mark.skipif(not any((folder / "pam_userdb.so").exists() for folder in MODULES), reason="there is no pam_userdb here")


@pytest.fixture(scope="module")
def gate(scratch, certificates):
    folder = scratch("pam")
    subprocess.run(["perl", "-e", MAKE_USERS, str(folder / "users.db"), "dora", PASSWORD, "erin", "xyzzy"], check=True)
    services = folder / "pam.d"
    services.mkdir()
    module = f"pam_userdb.so db={folder}/users crypt=none"
    (services / "vedette").write_text(f"auth required {module}\naccount required {module}\n")
    (services / "closed").write_text("auth required pam_permit.so\naccount required pam_deny.so\n")
    (services / "lost").write_text("auth required pam_of_nobody.so\naccount required pam_permit.so\n")
    (services / "helper").write_text("auth required pam_exec.so expose_authtok /bin/true\naccount required pam_permit.so\n")
    accounts = [{"name": "ann", "password": "secret:file/ann"}, {"name": "dora", "pam": "vedette"},
                *({"name": name, "pam": name} for name in ("closed", "lost", "helper"))]
    one = Inbound(folder, certificates, relay={"accounts": accounts, "pam_directory": str(services), "mechanisms": ["PLAIN", "LOGIN"]})
    yield one
    one.kill()
    one.check_sanitizers()


@pytest.fixture
def gate_of_directories(tmp_path, certificates):
    """No account has a password of its own, and nothing else a secret."""
    folder = tmp_path / "pam.d"
    folder.mkdir()
    (folder / "vedette").write_text("auth required pam_permit.so\naccount required pam_permit.so\n")
    one = Inbound(tmp_path, certificates, relay={"accounts": [{"name": "dora", "pam": "vedette"}], "pam_directory": str(folder),
                                                 "mechanisms": ["PLAIN"]})
    yield one
    one.kill()
    one.check_sanitizers()


def login(gate, user, password):
    with gate.tls().hello() as wire:
        return wire.say(b"AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_logs_in_with_the_password_that_pam_knows(gate, mechanism):
    done = swaks(gate.port, "--tls", "--auth", mechanism, "--auth-user", "dora", "--auth-password", PASSWORD, subject=f"pam-{mechanism}")
    assert done.code == 0, done.text
    gate.inbox.wait_for(f"Subject: pam-{mechanism}")


def test_who_is_no_account_or_has_another_password_stays_out(gate):
    assert login(gate, "dora", "plugh").startswith("535 ")
    assert login(gate, "erin", "xyzzy").startswith("535 ")  # PAM knows her, the configuration does not
    assert login(gate, "closed", "anything").startswith("535 ")
    assert login(gate, "ann", PASSWORD).startswith("235 ")
    assert 'account=closed mechanism=PLAIN why="Authentication failure"' in gate.words()


def test_a_pam_that_is_broken_or_would_start_a_program_means_later_and_harms_nobody(gate):
    keeper = gate.children()["keeper"]
    assert login(gate, "lost", "x").startswith("454 4.7.0")
    assert login(gate, "helper", "x").startswith(("454 4.7.0", "535 "))
    assert login(gate, "dora", PASSWORD).startswith("235 ")
    assert gate.children()["keeper"] == keeper


def test_no_password_of_pam_s_ever_shows_in_the_log(gate):
    assert PASSWORD not in gate.log.read_text()


def test_pam_is_asked_where_no_account_has_a_secret(gate_of_directories):
    assert login(gate_of_directories, "dora", "anything").startswith("235 ")
