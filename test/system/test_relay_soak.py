"""Our gateway's memory stays flat however many messages it has passed on. SOAK_MESSAGES=1000000 makes the long form; `make test-soak`
does."""

import os
import pathlib
import re
import subprocess

import pytest

from peers.enclosure import PEERS, free_port, wait_until
from peers.smtp_sink import LIBRARIES, there_is_one
from test_relay_durability import Relay

pytestmark = pytest.mark.skipif(not there_is_one(), reason="smtp-sink is not in .peers/: run script/bootstrap test")

MESSAGES = int(os.environ.get("SOAK_MESSAGES", "6000"))
ROUNDS = 6
GROWTH_MAX = 3 * 1024 * 1024
SPOOL_MAX = 160 * 1024 * 1024  # of folder: segments that are spare or not yet empty
TOOLS = PEERS / "postfix" / "usr" / "sbin"
ENVIRONMENT = {**os.environ, "LD_LIBRARY_PATH": str(LIBRARIES)}


class CountingSink:
    """smtp-sink that keeps nothing and counts."""

    def __init__(self, directory, port):
        self.log = directory / "sink.log"
        user = ["-u", "root"] if os.geteuid() == 0 else []
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([TOOLS / "smtp-sink", *user, "-c", f"127.0.0.1:{port}", "256"], env=ENVIRONMENT, stdout=log,
                                            stdin=subprocess.DEVNULL)

    def count(self):
        with open(self.log, "rb") as log:
            log.seek(max(0, self.log.stat().st_size - 200))
            found = re.findall(rb"mesg=\s*(\d+)", log.read())
        return int(found[-1]) if found else 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def anonymous(pid):
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def test_memory_and_spool_stay_small_however_many_messages_passed(tmp_path):
    port = free_port()
    sink = CountingSink(tmp_path, port)
    one = Relay(tmp_path, port)
    try:
        sizes, sent = [], 0
        for _ in range(ROUNDS):
            subprocess.run([TOOLS / "smtp-source", "-d", "-s", "20", "-l", "4096", "-m", str(MESSAGES // ROUNDS), "-f", "a@example.org",
                            "-t", "b@example.net", f"127.0.0.1:{one.port}"], env=ENVIRONMENT, check=True)
            sent += MESSAGES // ROUNDS
            wait_until(lambda sent=sent: sink.count() >= sent, 60, f"{sent} messages at the sink")
            sizes.append(anonymous(one.children()["gateway"]))
        assert sink.count() == sent
        assert sizes[-1] - sizes[1] < GROWTH_MAX, sizes
        assert sum(f.stat().st_size for f in (one.dir / "state" / "spool").iterdir()) < SPOOL_MAX
        assert one.stop() == 0
    finally:
        one.kill()
        sink.stop()
