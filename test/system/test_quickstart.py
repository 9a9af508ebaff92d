"""`make run`'s script: the whole line on one machine, shown step by step, until Ctrl-C."""

import os
import pty
import re
import shutil
import signal
import subprocess

import pytest

import vedette as program
from peers.enclosure import ROOT, free_port, wait_until

STEPS = ["received", "matched", "committed", "queued", "connect", "ehlo", "dot", "handed-over", "landed"]


def take_terminal():
    """As a login does it: the terminal is the session's, and its signals are not ignored, even under nohup."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)


class Quickstart:
    """The script and its configuration in a folder of their own, on ports of their own, at a terminal."""

    def __init__(self, folder):
        ports = {"5514": str(free_port()), "2525": str(free_port())}
        for name in ("script/run", "examples/quickstart.yaml"):
            text = (ROOT / name).read_text()
            (folder / name).parent.mkdir()
            (folder / name).write_text(re.sub("5514|2525", lambda found: ports[found[0]], text))
        (folder / "build").mkdir()
        (folder / "build" / "vedette").symlink_to(program.binary())
        shutil.copytree(ROOT / "rules", folder / "rules")
        self.log = folder / "build" / "quickstart" / "vedette.log"
        self.said = b""
        self.terminal, end = pty.openpty()
        self.process = subprocess.Popen(["bash", "script/run"], cwd=folder, stdin=end, stdout=end, stderr=end,
                                        start_new_session=True, preexec_fn=take_terminal,
                                        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        os.close(end)
        os.set_blocking(self.terminal, False)

    def has_said(self, words):
        try:
            while chunk := os.read(self.terminal, 65536):
                self.said += chunk
        except OSError:  # nothing now, or nobody there any more
            pass
        return words in self.said.decode(errors="replace")

    def wait_until_running(self):
        wait_until(lambda: self.has_said("Running until Ctrl-C."), 60, "the end of the tour")

    def has_drained(self):
        return "ended in order" in self.log.read_text()

    def kill(self):
        if self.terminal is not None:
            os.close(self.terminal)
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(40)


@pytest.fixture
def quickstart(tmp_path):
    one = Quickstart(tmp_path)
    yield one
    one.kill()


def test_one_event_is_shown_on_its_way_to_the_inbox_and_ctrl_c_ends_everything_in_order(quickstart):
    quickstart.wait_until_running()
    said = quickstart.said.decode()
    shown = [said.index(step, said.index("defined user")) for step in STEPS]
    assert shown == sorted(shown), said
    os.write(quickstart.terminal, b"\x03")
    assert quickstart.process.wait(30) == 0
    assert quickstart.has_said("Stopping.")
    assert quickstart.has_drained()


def test_a_terminal_that_goes_away_ends_everything_in_order(quickstart):
    quickstart.wait_until_running()
    os.close(quickstart.terminal)
    quickstart.terminal = None
    quickstart.process.wait(30)
    wait_until(quickstart.has_drained, 10, "the daemon's end")
