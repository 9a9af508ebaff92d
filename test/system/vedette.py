"""The program under test, run as a user runs it: a configuration file, `vedette run`, and its commands."""

import json
import os
import pathlib
import signal
import socket
import subprocess

import yaml

from peers.enclosure import ROOT, Maildir, free_port, wait_until

RULE = """
title: {title}
id: {id}
status: stable
level: high
logsource:
    product: test
detection:
    words:
        - {words}
    condition: words
"""


def binary():
    return os.environ.get("VEDETTE_BIN") or str(ROOT / "build" / "src" / "cmd" / "vedette")


def gateway(port, name="primary", security="none", **more):
    """One entry of gateways:. username and password may be given; the password goes into a secret file."""
    return {"name": name, "address": "127.0.0.1", "port": port, "security": security, **more}


class Vedette:
    """Its folder holds everything: vedette.yaml, rules, secrets, state, log. The one rule matches PRIVILEGED."""

    READY = "msg=ready"

    def __init__(self, directory, gateways, start=True, small_disk=None, prefix=(), **settings):
        """small_disk: (folder under ours, size as mount(8) has it); root only, and seen by vedette alone.
        prefix: a command that `vedette run` is started by."""
        self.dir = pathlib.Path(directory)
        self.prefix = list(prefix)
        if small_disk:
            folder, size = small_disk
            (self.dir / folder).mkdir(exist_ok=True)
            self.prefix = ["unshare", "--mount", "sh", "-c",
                           f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"', str(self.dir / folder)]
        self.config = self.dir / "vedette.yaml"
        self.log = self.dir / "vedette.log"
        self.process = None
        self.syslog_port = free_port()
        (self.dir / "rules").mkdir(exist_ok=True)
        (self.dir / "rules" / "test.yml").write_text(
            RULE.format(title="Test of the line", id="6a3e5b7e-0000-4000-8000-000000000001", words="PRIVILEGED"))
        secrets = self.dir / "secrets"
        secrets.mkdir(mode=0o700, exist_ok=True)
        gateways = [dict(g) for g in gateways]
        for g in gateways:
            if "password" in g:
                secret = secrets / g["name"]
                secret.touch(mode=0o600)
                secret.write_text(g["password"])
                g["password"] = f"secret:file/{g['name']}"
            if "ca_file" in g:
                g["ca_file"] = str(g["ca_file"])
        self.settings = {
            "gateways": gateways,
            "sender": "Vedette <vedette@example.org>",
            "recipients": ["soc@example.org"],
            "inputs": [{"syslog": f"udp://127.0.0.1:{self.syslog_port}"}, {"syslog": f"tcp://127.0.0.1:{self.syslog_port}"}],
            "rules": ["rules"],
            "state_directory": "state",
            "secrets_directory": "secrets",
            "hostname": "vedette.example.org",
            "privileges": "keep",
            **settings,
        }
        self.write_config()
        if start:
            self.start()

    def write_config(self):
        self.config.write_text(yaml.safe_dump(self.settings, sort_keys=False))

    def start(self, within=40):
        with open(self.log, "ab") as log:
            before = self.log.stat().st_size
            # Sessions that linger when a process ends are no leak; units and commands are looked at for real ones.
            self.process = subprocess.Popen([*self.prefix, binary(), "run", "-c", str(self.config)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.dir, start_new_session=True,
                                            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"vedette ended with {self.process.returncode}: {self.words()}")
            return self.READY in self.log.read_bytes()[before:].decode(errors="replace")

        try:
            wait_until(ready, within, "vedette to be ready")
        except AssertionError as e:
            self.kill()
            raise AssertionError(f"{e}: {self.words()}") from None

    def stop(self, within=30):
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(within)
        finally:
            self.kill()

    def check_sanitizers(self):
        """Fails the test if a sanitizer spoke in any of the processes."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        for words in ("Sanitizer:", "runtime error:"):
            assert words not in text, text[max(0, text.index(words) - 500):][:6000]

    def kill(self):
        """SIGKILL to the parent and all its children."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait(10)

    def children(self):
        """Process ids by name (keeper, courier, gateway, watch)."""
        found = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == self.process.pid:
                    found[stat.with_name("cmdline").read_text().split("\0")[2]] = int(stat.parent.name)
            except (OSError, IndexError, ValueError):
                continue
        return found

    def words(self):
        return self.log.read_text(errors="replace")[-6000:]

    def command(self, *argv, check=True, text=None):
        done = subprocess.run([binary(), *argv, "-c", str(self.config)], capture_output=True, text=True, input=text,
                              cwd=self.dir, check=False, timeout=60)
        if check and done.returncode:
            raise AssertionError(f"vedette {' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}\n"
                                 f"{self.words()}")
        return done

    def _lines(self, *argv):
        return [json.loads(line) for line in self.command(*argv).stdout.splitlines()]

    def alerts(self):
        return self._lines("alerts", "--json")

    def queue(self):
        return self._lines("queue", "--json")

    def messages(self):
        return [message for alert in self.alerts() for message in alert["messages"]]

    def send_udp(self, line):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(line.encode(), ("127.0.0.1", self.syslog_port))

    def send_tcp(self, *lines):
        with socket.create_connection(("127.0.0.1", self.syslog_port), timeout=10) as s:
            s.sendall(b"".join(line.encode() + b"\n" for line in lines))

    def raise_alert(self, words):
        """One event that the rule matches; a name of its own in it keeps it an alert of its own."""
        self.send_tcp(f"<86>Nov 24 08:15:30 {words} test: PRIVILEGED {words}")

    def wait_for_state(self, state, count=1, seconds=30):
        """Waits until so many messages are in that state, and returns them."""
        def there():
            found = [m for m in self.messages() if m["state"] == state]
            return found if len(found) >= count else None

        try:
            return wait_until(there, seconds, f"{count} messages {state}")
        except AssertionError as e:
            raise AssertionError(f"{e}; have {self.messages()}: {self.words()}") from None


class OwnGateway(Vedette):
    """Vedette with its own gateway on, delivering example.org to .inbox; its only gateway is itself."""

    def __init__(self, directory, small_disk=None, relay=None, **settings):
        self.port = free_port()
        maildir = pathlib.Path(directory) / "inbox"
        self.inbox = Maildir(maildir)
        super().__init__(directory, [gateway(self.port, landing={"maildir": str(maildir)})],
                         relay={"listen": [f"127.0.0.1:{self.port}"], "domains": ["example.org"],
                                "maildir": str(maildir), **(relay or {})}, small_disk=small_disk, **settings)
        if small_disk:
            self.inbox = Maildir(f"/proc/{self.process.pid}/root{maildir}")
