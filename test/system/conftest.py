"""Fixtures: certificates, peers (shared by the whole run) and vedette (one per test)."""

import itertools
import os
import pathlib
import tempfile

import pytest

import vedette as program
from peers.certificates import Certificates
from peers.dovecot import Dovecot
from peers.enclosure import obstacle
from peers.exim import Exim
from peers.misbehaving import Misbehaving
from peers.opensmtpd import OpenSmtpd
from peers.postfix import Postfix
from peers.rsyslog import Rsyslog, missing as rsyslog_missing


# What takes longest, first: where files run side by side in lanes, none of them is then waited for in the end.
LONGEST = ["test_faults.py", "test_crash.py", "test_commands.py", "test_inbound.py", "test_path.py", "test_landing.py",
           "test_failure_table.py", "test_ways.py", "test_correlations.py", "test_supervisor.py", "test_relay_durability.py"]


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitized: also run with the address and undefined-behaviour sanitizers")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def scratch():
    """Makes folders that peers may enter under users of their own: not below pytest's, which the next run closes to them."""
    with tempfile.TemporaryDirectory(prefix="vedette-peers-", ignore_cleanup_errors=True) as name:
        base, numbers = pathlib.Path(name), itertools.count()
        base.chmod(0o755)

        def make(name):
            folder = base / f"{name}-{next(numbers)}"
            folder.mkdir(mode=0o755)
            folder.chmod(0o755)
            return folder

        yield make


@pytest.fixture(scope="session")
def certificates(scratch):
    return Certificates(scratch("certificates"))


@pytest.fixture(scope="session")
def postfix_with(scratch, certificates):
    """A Postfix with options of its own; see peers/postfix.py. Equal options give the same one."""
    reason = obstacle("postfix", "dovecot")
    if reason:
        pytest.skip(reason)
    running = {}

    def start(**options):
        key = repr(sorted(options.items()))
        if key not in running:
            running[key] = Postfix(scratch("postfix"), certificates, **options)
        return running[key]

    yield start
    for peer in running.values():
        peer.stop()


@pytest.fixture(scope="session")
def postfix(postfix_with):
    return postfix_with()


def _peer(kind, *names):
    @pytest.fixture(scope="session")
    def fixture(scratch):
        reason = obstacle(*names)
        if reason:
            pytest.skip(reason)
        peer = kind(scratch(names[0]))
        yield peer
        peer.stop()

    return fixture


exim = _peer(Exim, "exim")
opensmtpd = _peer(OpenSmtpd, "opensmtpd")
dovecot = _peer(Dovecot, "dovecot")


@pytest.fixture
def misbehaving():
    """Starts servers that misbehave as told; see peers/misbehaving.py."""
    running = []

    def start(**options):
        running.append(Misbehaving(**options))
        return running[-1]

    yield start
    for peer in running:
        peer.stop()


@pytest.fixture
def relp_sender(tmp_path):
    """An rsyslog that sends by RELP; see peers/rsyslog.py."""
    if rsyslog_missing():
        pytest.skip(rsyslog_missing())
    running = []

    def start(*argv, **options):
        folder = tmp_path / "rsyslog"
        folder.mkdir()
        running.append(Rsyslog(folder, *argv, **options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def _need_binary():
    if not os.access(program.binary(), os.X_OK):
        pytest.skip(f"{program.binary()} is not built")


@pytest.fixture
def vedette(tmp_path):
    """Starts `vedette run` with gateways and settings; see vedette.py. Stopped after the test."""
    _need_binary()
    running = []

    def start(*gateways, **settings):
        folder = tmp_path / f"vedette{len(running)}"
        folder.mkdir()
        running.append(program.Vedette(folder, list(gateways), **settings))
        return running[-1]

    yield start
    for one in running:
        one.kill()
    for one in running:
        one.check_sanitizers()


@pytest.fixture
def own_gateway_with(tmp_path):
    """Starts Vedette with its own gateway and options; see vedette.py."""
    _need_binary()
    running = []

    def start(**options):
        folder = tmp_path / f"own{len(running)}"
        folder.mkdir()
        running.append(program.OwnGateway(folder, **options))
        return running[-1]

    yield start
    for one in running:
        one.kill()
    for one in running:
        one.check_sanitizers()


@pytest.fixture
def own_gateway(own_gateway_with):
    return own_gateway_with()
