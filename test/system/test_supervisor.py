"""What the parent promises: readiness, children that come back, a watchdog, and an orderly end."""

import os
import signal
import socket
import subprocess
import time

import pytest

import vedette as program
from peers.enclosure import wait_until


@pytest.fixture(scope="module", autouse=True, name="stuck")
def _stuck(scratch):
    """Two daemons with a child that does nothing any more, one of which is told to end. Their half minutes pass while the other tests
    run: what came of it is asked last."""
    daemons = {"running": ("watch", program.OwnGateway(scratch("stuck"))), "ending": ("gateway", program.OwnGateway(scratch("stuck")))}
    pids = {}
    for what, (child, daemon) in daemons.items():
        pids[what] = daemon.children()[child]
        os.kill(pids[what], signal.SIGSTOP)
    ending = daemons["ending"][1]
    ending.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    ending.process.terminate()
    yield daemons["running"][1], pids["running"], ending
    for _, daemon in daemons.values():
        daemon.kill()
        daemon.check_sanitizers()


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
    wait_until(lambda: "class=authentication" in daemon.words(), 30, "an attempt")  # of a look at the gateway, or of the message
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


SECOND = program.RULE.format(title="Second", id="6a3e5b7e-0000-4000-8000-000000000002", words="SECONDWORD")


def test_a_reload_in_the_middle_of_the_start_reaches_every_process(own_gateway_with):
    daemon = own_gateway_with(start=False)
    with open(daemon.log, "ab") as log:
        daemon.process = subprocess.Popen([program.binary(), "run", "-c", str(daemon.config)], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, start_new_session=True)
    wait_until(lambda: daemon.children(), 20, "the first child")
    (daemon.dir / "rules" / "second.yml").write_text(SECOND)
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in daemon.words() and daemon.READY in daemon.words(), 20, "the reload and the start")
    daemon.send_tcp("<86>Nov 24 08:15:30 host app: SECONDWORD")
    daemon.wait_for_state("landed")


def test_a_process_that_starts_while_the_others_prepare_gets_the_new_configuration(own_gateway):
    (own_gateway.dir / "rules" / "second.yml").write_text(SECOND)
    os.kill(own_gateway.children()["watch"], signal.SIGKILL)
    wait_until(lambda: 'is started again" name=watch' in own_gateway.words(), 10, "the parent to see that the watch is gone")
    own_gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in own_gateway.words() and "watch" in own_gateway.children(), 20, "the reload")
    own_gateway.send_tcp("<86>Nov 24 08:15:30 host app: SECONDWORD")
    own_gateway.wait_for_state("landed")


def test_a_second_reload_during_the_first_is_not_forgotten(own_gateway):
    own_gateway.process.send_signal(signal.SIGSTOP)
    pid = own_gateway.children()["gateway"]
    os.kill(pid, signal.SIGSTOP)
    own_gateway.process.send_signal(signal.SIGHUP)
    own_gateway.process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    (own_gateway.dir / "rules" / "second.yml").write_text(SECOND)
    own_gateway.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: own_gateway.words().count("msg=reloaded") == 2, 20, "both reloads")
    own_gateway.send_tcp("<86>Nov 24 08:15:30 host app: SECONDWORD")
    own_gateway.wait_for_state("landed")


def test_an_end_during_a_reload_is_an_orderly_end(own_gateway):
    pid = own_gateway.children()["gateway"]
    os.kill(pid, signal.SIGSTOP)
    own_gateway.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    own_gateway.process.terminate()
    time.sleep(0.3)
    os.kill(pid, signal.SIGCONT)
    assert own_gateway.process.wait(20) == 0
    assert "msg=reloaded" not in own_gateway.words()


def test_a_follower_outlives_a_reload(own_gateway):
    follower = subprocess.Popen([program.binary(), "follow", "--json", "-c", str(own_gateway.config)], stdout=subprocess.PIPE,
                                text=True, cwd=own_gateway.dir)
    time.sleep(0.5)
    for n in (1, 2):
        own_gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: own_gateway.words().count("msg=reloaded") == n, 20, "the reload")
    own_gateway.raise_alert("followed")
    out, _ = follower.communicate(timeout=20)
    assert follower.returncode == 0 and '"landed"' in out


def test_a_child_that_is_stuck_is_killed_and_comes_back(stuck):
    daemon, pid, _ = stuck
    wait_until(lambda: daemon.children().get("watch") not in (None, pid), 60, "a new watch")
    daemon.raise_alert("after")
    daemon.wait_for_state("landed")


def test_the_end_does_not_wait_longer_than_it_says_for_a_stuck_child_even_during_a_reload(stuck):
    _, _, ending = stuck
    assert ending.process.wait(40) == 75
