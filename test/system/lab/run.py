"""Runs rows of the fault table against the lab, and says what was not as it should be."""

import contextlib
import dataclasses
import json
import socket
import subprocess

import vedette
from peers.misbehaving import Misbehaving
from peers.netlab import GATEWAY

from .faults import ACCOUNT
from .script import PEERS

FIRST_SCRIPT_PORT = 3001
RUN_MAX = 90


@dataclasses.dataclass
class Outcome:
    code: int
    report: dict
    output: str

    @property
    def hop(self):
        """The first of the worst."""
        return next((h for h in self.report.get("hops", ()) if h["state"] == self.report["verdict"] != "ok"), None)


class Runner:
    """One for all rows; its methods may be called from several threads."""

    def __init__(self, world):
        self.world = world
        self.folder = world.folder("runner")

    @contextlib.contextmanager
    def target(self, row):
        """Address and port of the row's gateway, in the state that the row wants it in."""
        server, _, port = row.at.rpartition(":")
        if server == "script":
            with self._scripted(port) as where:
                yield where
            return
        where = (GATEWAY, getattr(self.world, server).port[port]) if not server[0].isdigit() else (server, int(port))
        with contextlib.ExitStack() as stack:
            if row.before:
                stack.enter_context(getattr(self, "_" + row.before.replace("-", "_"))(where))
            yield where

    @contextlib.contextmanager
    def _scripted(self, key):
        options = dict(PEERS[key])
        if options.pop("tls", False):
            options["certificates"] = self.world.certificates
        with self.world.lab.gateway.inside():
            peer = Misbehaving(port=FIRST_SCRIPT_PORT + list(PEERS).index(key), address=GATEWAY, **options)
        with peer:
            yield GATEWAY, peer.port

    def _session(self, where):
        with self.world.lab.client.inside():
            session = socket.create_connection(where, timeout=10)
        session.recv(1000)
        return session

    @contextlib.contextmanager
    def _hold(self, where):
        """A session of ours that stays."""
        with self._session(where):
            yield

    @contextlib.contextmanager
    def _three_mails(self, where):
        """Three transactions before the one that counts."""
        with self._session(where) as session:
            for command in ["EHLO client.example.net", *["MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RSET"] * 3]:
                session.sendall(command.encode() + b"\r\n")
                session.recv(1000)
        yield

    def argv(self, row, where):
        address, port = where
        gateway = [f"{row.named}:{port}"] if row.named else ["--address", address, "--port", port]
        argv = [vedette.binary(), "path", "check", *gateway, "--json",
                "--security", row.security, "--timeout", row.timeout, "--sender", row.sender]
        for recipient in row.recipients:
            argv += ["--recipient", recipient]
        if row.security != "none":
            argv += ["--ca-file", self.world.certificates.ca]
        if row.password:
            argv += ["--username", ACCOUNT, "--password-file", self._password_file(row)]
        return [*argv, *row.more]

    def _password_file(self, row):
        path = self.folder / f"password-{row.id}"
        path.touch(mode=0o600)
        path.write_text(row.password + "\n")
        return path

    def run(self, row):
        with self.target(row) as where:
            done = subprocess.run(self.world.lab.client.argv(*self.argv(row, where)), capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=RUN_MAX, check=False)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            report = {}
        return Outcome(done.returncode, report, done.stdout + done.stderr)


def complaints(row, outcome):
    """What was not as the row has it, one sentence each."""
    report = outcome.report
    if not report:
        return [f"no report: exit {outcome.code}, {outcome.output[-1500:]}"]
    found = []
    if report["verdict"] != row.verdict:
        found.append(f"verdict {report['verdict']} instead of {row.verdict}")
    hop = outcome.hop
    if (hop and hop["hop"]) != row.hop:
        found.append(f"hop {hop and hop['hop']} instead of {row.hop}")
    if report["cause"] != row.cause:
        found.append(f"cause {report['cause']} instead of {row.cause}")
    found += [f"advice without \"{word}\": {report['advice']}" for word in row.advice
              if word.lower() not in (report["advice"] or "").lower()]
    if (outcome.code == 0) != (row.verdict != "fail"):
        found.append(f"exit code {outcome.code}")
    if found:
        found += [f"found at {h['hop']} ({h['state']}): {h['found']}" for h in report["hops"] if h["state"] in ("warn", "fail")]
    return found


def is_there():
    """Whether the binary has this command yet."""
    done = subprocess.run([vedette.binary(), "path", "check", "127.0.0.1:1", "--security", "none"], capture_output=True,
                          check=False)
    return b"no path check" not in done.stderr


