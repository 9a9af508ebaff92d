"""What the parent promises: readiness, children that come back, a watchdog, and an orderly end."""

import os
import signal
import socket
import subprocess
import time

import pytest

import vedette as program
from peers.enclosure import wait_until


def test_the_service_manager_hears_of_readiness_reload_and_end(own_gateway_with, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        daemon = own_gateway_with(start=False)
        with open(daemon.log, "ab") as log:
            daemon.process = subprocess.Popen(
                [program.binary(), "run", "-c", str(daemon.config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "3000000"}, start_new_session=True)

        def hear(words):
            heard = ""
            while words not in heard:
                heard = manager.recv(4096).decode()
            return heard

        hear("READY=1")
        hear("WATCHDOG=1")
        daemon.process.send_signal(signal.SIGHUP)
        hear("RELOADING=1")
        hear("READY=1")
        daemon.process.terminate()
        hear("STOPPING=1")
        assert daemon.process.wait(30) == 0


@pytest.mark.parametrize("name", ["watch", "courier", "gateway"])
def test_a_child_that_dies_comes_back_and_the_line_goes_on(own_gateway, name):
    pid = own_gateway.children()[name]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: own_gateway.children().get(name) not in (None, pid), 20, f"a new {name}")
    own_gateway.raise_alert("after")
    own_gateway.wait_for_state("landed")


def test_a_child_that_is_stuck_is_killed_and_comes_back(own_gateway):
    pid = own_gateway.children()["watch"]
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: own_gateway.children().get("watch") not in (None, pid), 60, "a new watch")
    own_gateway.raise_alert("after")
    own_gateway.wait_for_state("landed")


def test_when_the_parent_is_killed_no_child_stays(own_gateway):
    children = own_gateway.children()
    os.kill(own_gateway.process.pid, signal.SIGKILL)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children.values()), 20, "the children to end")


def test_ctrl_c_drains_in_order(own_gateway):
    own_gateway.raise_alert("last words")
    time.sleep(0.2)
    os.killpg(own_gateway.process.pid, signal.SIGINT)
    assert own_gateway.process.wait(30) == 0
    assert [alert["count"] for alert in own_gateway.alerts()] == [1]


def test_no_secret_stands_in_any_command_line_environment_or_log(vedette, postfix, certificates):
    daemon = vedette(program.gateway(postfix.port["submission"], security="starttls", ca_file=certificates.ca,
                                     verify_name=certificates.NAME, username="svc", password="correct horse battery"))
    daemon.raise_alert("secret")
    wait_until(lambda: any(m["attempts"] for m in daemon.messages()), 30, "an attempt")
    for pid in [daemon.process.pid, *daemon.children().values()]:
        for part in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{part}", "rb") as f:
                assert b"correct horse" not in f.read()
    everything = daemon.words() + daemon.command("alerts", "--json").stdout + daemon.command("queue", "--json", "--all").stdout
    assert "correct horse" not in everything
    for path in filter(os.path.isfile, (daemon.dir / "state").iterdir()):
        assert b"correct horse" not in path.read_bytes()


def test_the_last_of_a_burst_are_told_once_the_throttle_has_passed(own_gateway_with):
    daemon = own_gateway_with(alerts={"throttle": "4s"})
    line = "<86>Nov 24 08:15:30 burst test: PRIVILEGED burst"
    daemon.send_tcp(*[line] * 50)
    daemon.wait_for_state("landed", 2)
    (alert,) = daemon.alerts()
    assert (alert["count"], alert["suppressed"], len(alert["messages"])) == (50, 0, 2)
    assert any("49" in text for text in daemon.inbox.texts())
