"""What every command promises: exit codes, the shapes of its JSON, errors with their place, and help."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

import vedette as program
from peers.enclosure import ROOT, free_port, wait_until

pytestmark = pytest.mark.sanitized

RULE_ID = "6a3e5b7e-0000-4000-8000-000000000001"
SUDO = "<86>1 2026-11-24T08:15:30Z host1 sudo - - - mallory : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh"
COMMANDS = ["run", "check", "test", "path check", "path status", "path reviewed", "landing confirm", "ways test", "send", "alerts", "queue", "follow", "inbox", "rules check", "rules test",
            "rules match", "events decode"]


def run(*argv, text="", env=None, **more):
    return subprocess.run([program.binary(), *argv], input=text, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {})}, check=False, **more)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: vedette {command}")


def test_help_knows_groups_of_commands_and_no_others():
    for argv in (["rules", "--help"], ["help", "rules"]):
        done = run(*argv)
        assert done.returncode == 0 and "rules match" in done.stdout and "alerts" not in done.stdout, done.stdout
    done = run("help", "nonsense")
    assert done.returncode == 64 and not done.stdout and "there is no command" in done.stderr


@pytest.mark.parametrize("argv", [["help", "config"], ["rules", "check", str(ROOT / "rules")], ["events", "decode"]])
def test_output_that_finds_no_room_is_an_error_and_a_reader_that_has_had_enough_is_none(argv):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program.binary(), *argv], input=SUDO, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False)
    assert done.returncode == 74 and "not all output could be written" in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([program.binary(), *argv], input=SUDO, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60,
                          check=False)
    os.close(writer)
    assert done.returncode == 0 and not done.stderr


def test_a_command_whose_reader_has_gone_does_not_read_on_for_ever():
    with subprocess.Popen([program.binary(), "events", "decode"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          bufsize=0) as command:
        command.stdout.close()
        with pytest.raises(BrokenPipeError):
            for _ in range(100000):
                command.stdin.write(SUDO.encode() + b"\n")
        assert command.wait(20) == 0


@pytest.mark.parametrize("argv, code, said", [
    (["nonsense"], 64, "there is no command"),
    (["alerts", "nonsense"], 64, "no use for \"nonsense\""),
    (["run", "nonsense"], 64, "no use for"),
    (["inbox", "1", "2"], 64, "no use for \"2\""),
    (["rules"], 64, "vedette rules match"),
    (["rules", "nonsense"], 64, "vedette rules check"),
    (["alerts", "--nonsense"], 64, "there is no option"),
    (["alerts", "--id", "x"], 64, "wants a number"),
    (["alerts", "--id", "0"], 64, "--id wants 1 to"),
    (["run", "-c", "/nonexistent/vedette.yaml"], 66, "/nonexistent/vedette.yaml"),
    (["rules", "match"], 64, "--rules"),
    (["rules", "check", "/nonexistent"], 66, "/nonexistent"),
    (["events", "decode", "--format", "morse"], 64, "morse"),
])
def test_a_wrong_call_ends_with_its_sysexits_code_and_advice(argv, code, said):
    done = run(*argv)
    assert done.returncode == code
    assert said in done.stderr


def test_no_command_colours_what_is_not_a_terminal():
    done = run("rules", "check", str(ROOT / "rules"), env={"TERM": "xterm-256color"})
    assert "\033" not in done.stdout + done.stderr


@pytest.mark.parametrize("env, coloured", [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_gets_colours_unless_no_color_is_set(env, coloured):
    env = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **env}
    done = subprocess.run(["script", "-qec", f"{program.binary()} rules check {ROOT / 'rules'}", "/dev/null"],
                          capture_output=True, text=True, timeout=60, env=env, check=False)
    assert ("\033[" in done.stdout) is coloured


# --- rules and events ----------------------------------------------------------------------------------------------------


def test_the_starter_rules_load_and_their_examples_hold():
    done = run("rules", "check", "--json", str(ROOT / "rules"))
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and answer["failed"] == 0 and answer["errors"] == [] and answer["loaded"] >= 40
    assert run("rules", "test", str(ROOT / "rules")).returncode == 0


def test_rules_check_tells_what_it_cannot_read_and_goes_on_with_the_rest():
    done = run("rules", "check", "--json", "/nonexistent", str(ROOT / "rules"))
    answer = json.loads(done.stdout)
    assert done.returncode == 66
    assert answer["loaded"] >= 40 and [error["file"] for error in answer["errors"]] == ["/nonexistent"]


def test_rules_match_writes_a_line_per_finding(tmp_path):
    events = tmp_path / "events"
    events.write_text(f"nothing to see\n{SUDO}\n")
    done = run("rules", "match", "--rules", str(ROOT / "rules"), str(events))
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert findings and all(set(f) == {"event", "rule", "title", "level", "fields"} for f in findings)
    assert {f["event"] for f in findings} == {2}
    assert findings[0]["fields"]["user.name"] == "mallory"


def test_rules_match_tells_a_correlation_with_its_last_event(tmp_path):
    (tmp_path / "r.yml").write_text(
        "title: Logon\nid: base\nname: logon\nlogsource: {product: x}\ndetection:\n    s: {what: logon}\n    condition: s\n---\n"
        "title: Three\nid: three\nlevel: high\ncorrelation: {type: event_count, rules: [logon], group-by: [user], timespan: 1m, "
        "condition: {gte: 3}}\n")
    times = ["08:00:00", "08:00:50", "08:00:20", "08:00:40", "08:09:00"]
    users = ["bob", "bob", "eve", "bob", "bob"]
    events = "".join(json.dumps({"@timestamp": f"2026-11-24T{t}Z", "what": "logon", "user": u}) + "\n" for t, u in zip(times, users))
    findings = [json.loads(line) for line in run("rules", "match", "--rules", str(tmp_path), text=events).stdout.splitlines()]
    assert [(f["event"], f["rule"], f["title"], f["level"]) for f in findings] == [(4, "three", "Three", "high")]
    assert findings[0]["fields"]["user"] == "bob" and findings[0]["fields"]["correlation.group"] == "user=bob"
    assert findings[0]["fields"]["correlation.seen"].startswith("Seen: 3 events within 50.0 s, from 2026-11-24 08:00 UTC")


def test_rules_match_reads_json_that_spans_lines_and_takes_a_logsource(tmp_path):
    (tmp_path / "r.yml").write_text(
        "title: T\nid: 6a3e5b7e-0000-4000-8000-00000000000a\nlevel: low\nlogsource: {product: windows, service: security}\n"
        "detection:\n    s: {EventID: 4625, User|startswith: 'adm'}\n    condition: s\n")
    event = json.dumps({"EventID": 4625, "User": "Administrator"}, indent=2)
    argv = ["rules", "match", "--rules", str(tmp_path / "r.yml"), "--format", "json", "--logsource"]
    assert len(run(*argv, "windows//security", text=event).stdout.splitlines()) == 1
    assert run(*argv, "linux//sshd", text=event).stdout == ""


def test_events_decode_shows_fields_under_both_names():
    done = run("events", "decode", "--json", text=SUDO + "\n")
    event = json.loads(done.stdout)
    assert set(event) == {"time", "format", "logsource", "message", "fields"}
    assert event["logsource"] == {"product": "linux", "category": "", "service": "sudo"}
    assert event["fields"]["COMMAND"] == "/bin/sh" and event["fields"]["user.name"] == "mallory"


def test_every_real_cyberark_sample_decodes_to_who_where_and_what():
    shared = pathlib.Path(os.environ.get("VEDETTE_SHARED") or ROOT.parent / "shared") / "corpora" / "cyberark"
    if not shared.is_dir():
        pytest.skip("the shared corpora are not here")
    count = 0
    for sample in sorted([*shared.glob("*.log"), *shared.glob("*.xml")]):
        for line in run("events", "decode", "--json", str(sample)).stdout.splitlines():
            event = json.loads(line)
            count += 1
            assert event["logsource"]["product"] == "cyberark", (sample.name, event)
            if "monitor" not in sample.name:
                assert event["fields"].get("event.code"), (sample.name, event)
    assert count >= 30


# --- the running daemon --------------------------------------------------------------------------------------------------


def test_alerts_and_queue_have_the_promised_shape(own_gateway):
    own_gateway.raise_alert("shape")
    own_gateway.wait_for_state("landed")
    (alert,) = own_gateway.alerts()
    assert {"id", "state", "severity", "rule", "title", "count", "raised_at", "messages"} <= set(alert)
    assert (alert["rule"], alert["severity"], alert["state"], alert["count"]) == (RULE_ID, "high", "landed", 1)
    (message,) = alert["messages"]
    assert {"id", "state", "recipient", "gateway", "queue_id", "reply", "attempts", "handed_over_at", "landed_at",
            "cause"} <= set(message)
    assert message["recipient"] == "soc@example.org" and message["gateway"] == "primary" and message["attempts"] == 1
    assert message["queue_id"] and message["queue_id"] in message["reply"] and message["cause"] is None
    assert own_gateway.queue() == []
    rows = [json.loads(line) for line in own_gateway.command("queue", "--all", "--json").stdout.splitlines()]
    assert [row["alert"] for row in rows] == [alert["id"]]


def test_alerts_can_be_asked_while_no_daemon_runs(own_gateway):
    own_gateway.raise_alert("asleep")
    own_gateway.wait_for_state("landed")
    own_gateway.kill()
    (alert,) = own_gateway.alerts()
    assert alert["state"] == "landed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_look_is_told_so_with_one_exit_code(scratch):
    folder = scratch("private")
    daemon = program.OwnGateway(folder)
    try:
        for argv in (["alerts"], ["queue"], ["inbox"], ["metrics"], ["path", "status"]):
            try:
                done = run(*argv, "-c", str(daemon.config), user=65534, group=65534, extra_groups=[])
            except PermissionError:
                pytest.skip("the program lies where only root can go")
            assert done.returncode == 77 and "join the group vedette" in done.stderr, (argv, done.stderr)
    finally:
        daemon.kill()


def test_an_alert_that_is_not_there_is_no_empty_list(own_gateway):
    assert own_gateway.command("alerts").stdout == "no alerts\n"
    for argv in (["alerts", "--id", "7"], ["alerts", "--id", "7", "--json"]):
        done = own_gateway.command(*argv, check=False)
        assert done.returncode == 66 and not done.stdout and "there is no alert 7" in done.stderr


def test_test_follows_a_harmless_alert_to_its_landing(own_gateway):
    done = own_gateway.command("test", "--gateway", "primary", "--json")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    names = [step["step"] for step in steps if "step" in step]
    assert names[-1] == "landed" and "handed-over" in names and "dot" in names
    assert own_gateway.command("test", "--gateway", "nonsense", check=False).returncode == 64


def test_test_works_without_a_daemon_and_leaves_nothing_behind(vedette, postfix):
    daemon = vedette(program.gateway(postfix.port["plain"]), start=False)
    done = daemon.command("test", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, "a log between the steps"
    assert not (daemon.dir / "state").exists()


def test_test_says_why_when_nothing_listens(vedette):
    daemon = vedette(program.gateway(free_port()), start=False)
    done = daemon.command("test", "--timeout", "3", check=False)
    assert done.returncode == 75
    assert "Connection refused" in done.stdout


def test_follow_says_where_an_alert_stands_and_ends_when_its_messages_have(own_gateway):
    own_gateway.raise_alert("over")
    own_gateway.wait_for_state("landed")
    done = own_gateway.command("follow", "--id", "1", "--json")
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["step"] for step in steps] == ["raised", "landed"]
    assert steps[1]["gateway"] == "primary" and steps[1]["text"].startswith("250")
    assert own_gateway.command("follow", "--id", "99", check=False).returncode == 66
    assert own_gateway.command("follow", "--id", "-1", check=False).returncode == 64


def test_follow_goes_on_from_where_an_alert_stands(vedette):
    port = free_port()
    daemon = vedette(program.gateway(port))
    daemon.raise_alert("waiting")
    wait_until(daemon.queue, 20, "the message")
    follower = subprocess.Popen([program.binary(), "follow", "--id", "1", "--json", "--timeout", "40", "-c", str(daemon.config)],
                                text=True, stdout=subprocess.PIPE)
    first = [json.loads(follower.stdout.readline())["step"] for _ in range(2)]
    other = vedette(program.gateway(free_port()), relay={"listen": [f"127.0.0.1:{port}"], "domains": ["example.org"],
                                                         "maildir": "inbox"})
    rest = [json.loads(line)["step"] for line in follower.stdout]
    assert follower.wait(20) == 0
    assert first[0] == "raised" and first[1] in ("queued", "deferred") and rest[-1] == "handed-over"
    other.stop()


def test_a_long_list_is_told_to_its_end_even_to_a_slow_reader(vedette):
    daemon = vedette(program.gateway(free_port()), recipients=[f"recipient-number-{i}@example.org" for i in range(100)])
    daemon.send_tcp(*(f"<86>Nov 24 08:15:30 host{i} test: PRIVILEGED {i}" for i in range(400)))
    wait_until(lambda: len(daemon.alerts()) == 400, 60, "all alerts")
    with subprocess.Popen([program.binary(), "queue", "--json", "-c", str(daemon.config)], stdout=subprocess.PIPE) as command:
        time.sleep(1)
        assert sum(1 for _ in command.stdout) == 40000
        assert command.wait(20) == 0


# --- reload, end, inputs -------------------------------------------------------------------------------------------------


def test_a_bad_reload_leaves_the_old_configuration_running_and_says_so(own_gateway):
    good = own_gateway.config.read_text()
    own_gateway.config.write_text(good.replace("sender:", "sendr:"))
    own_gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload refused" in own_gateway.words(), 20, "the refusal")
    own_gateway.config.write_text(good)
    own_gateway.raise_alert("still")
    own_gateway.wait_for_state("landed")


def test_a_bad_rule_refuses_a_reload_and_a_good_one_takes_effect(own_gateway):
    rule = own_gateway.dir / "rules" / "more.yml"
    rule.write_text("title: broken\n")
    own_gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload refused" in own_gateway.words(), 20, "the refusal")
    rule.write_text(program.RULE.format(title="Second", id="6a3e5b7e-0000-4000-8000-000000000002", words="SECONDWORD"))
    own_gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in own_gateway.words(), 20, "the reload")
    own_gateway.send_tcp("<86>Nov 24 08:15:30 host app: SECONDWORD")
    own_gateway.wait_for_state("landed")
    assert own_gateway.alerts()[0]["title"] == "Second"


def test_a_reload_opens_new_inputs_and_keeps_old_connections(own_gateway):
    with socket.create_connection(("127.0.0.1", own_gateway.syslog_port), timeout=10) as before:
        before.sendall(b"<86>Nov 24 08:15:30 first test: PRIVILEGED first\n")
        own_gateway.wait_for_state("landed")
        port = free_port()
        own_gateway.settings["inputs"].append({"syslog": f"tcp://127.0.0.1:{port}"})
        own_gateway.write_config()
        own_gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "msg=reloaded" in own_gateway.words(), 20, "the reload")
        before.sendall(b"<86>Nov 24 08:15:31 second test: PRIVILEGED second\n")
        own_gateway.wait_for_state("landed", 2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as after:
        after.sendall(b"<86>Nov 24 08:15:32 third test: PRIVILEGED third\n")
    own_gateway.wait_for_state("landed", 3)


def test_standard_input_is_read_to_its_end_and_then_everything_drains(tmp_path, own_gateway_with):
    daemon = own_gateway_with(start=False, inputs=[{"stdin": {}}])
    events = "".join(f'{{"msg": "PRIVILEGED", "user": {{"name": "u{i}"}}}}\n' for i in range(20))
    done = subprocess.run([program.binary(), "run", "-c", str(daemon.config)], input=events, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(daemon.alerts()) == 20


def test_a_followed_file_is_read_on_after_a_restart_and_over_rotation(own_gateway_with, tmp_path):
    log = tmp_path / "auth.log"
    log.write_text("")
    daemon = own_gateway_with(inputs=[{"file": str(log)}])

    def add(*names):
        with open(log, "a") as out:
            out.writelines(f"Nov 24 08:15:30 {name} test: PRIVILEGED {name}\n" for name in names)

    add("one")
    daemon.wait_for_state("landed", 1)
    daemon.stop()
    add("two")
    daemon.start()
    daemon.wait_for_state("landed", 2)
    log.rename(tmp_path / "auth.log.1")
    log.write_text("")
    add("three")
    daemon.wait_for_state("landed", 3)
    log.write_text("")
    add("four")
    daemon.wait_for_state("landed", 4)
    time.sleep(1)
    assert len(daemon.alerts()) == 4


def test_a_second_daemon_of_the_same_configuration_takes_nothing_from_the_first(own_gateway):
    done = own_gateway.command("run", check=False)
    assert done.returncode == 71 and "another vedette runs" in done.stderr, done.stderr
    own_gateway.raise_alert("still")
    own_gateway.wait_for_state("landed")
    assert own_gateway.command("metrics").returncode == 0
    assert "up" in own_gateway.command("path", "status").stdout.splitlines()[0].split()


def test_a_second_daemon_on_the_same_state_is_refused(own_gateway):
    second = own_gateway.dir / "second.yaml"
    second.write_text(own_gateway.config.read_text().replace(str(own_gateway.syslog_port), str(free_port()))
                      .replace(f"127.0.0.1:{own_gateway.port}", f"127.0.0.1:{free_port()}")
                      + f"runtime_directory: {own_gateway.dir}/run2\n")
    done = run("run", "-c", str(second))
    assert done.returncode not in (0, 70) and "in use by another vedette" in done.stderr, done.stderr


@pytest.mark.parametrize("command", ["follow", "test"])
@pytest.mark.parametrize("seconds", ["-1", "9223372036854775807"])
def test_a_time_that_nobody_waits_is_refused(command, seconds):
    done = run(command, "--timeout", seconds)
    assert (done.returncode, "--timeout" in done.stderr) == (64, True)
