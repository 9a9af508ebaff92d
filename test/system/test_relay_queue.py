"""What an operator sees of our gateway's queue, and does with it."""

import json
import os
import pathlib
import smtplib
import subprocess
import time

import pytest

from peers.enclosure import free_port, wait_until
from peers.misbehaving import DEAF
from peers.smtp_sink import SmtpSink, there_is_one
from test_relay_durability import Ledger, Relay
from vedette import binary

pytestmark = pytest.mark.skipif(not there_is_one(), reason="smtp-sink is not in .peers/: run script/bootstrap test")


def command(one, *words, ok=True):
    done = subprocess.run([binary(), "gateway", "queue", "-c", str(one.config), *words], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == ok, done.stderr
    return done


def rows(one):
    return [json.loads(line) for line in command(one, "--json").stdout.splitlines()]


def send(one, ledger, recipients=("b@example.net",), size=300, options=(), mail_options=(), header=""):
    name, text = ledger.make(size)
    with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as session:
        session.ehlo()
        session.mail("a@example.org", list(mail_options))
        for recipient in recipients:
            session.rcpt(recipient, options)
        code, words = session.data((header + text).encode())
        assert code == 250, words
    return name, words.split()[-1].decode()


@pytest.fixture
def relay(tmp_path):
    """A gateway whose next hop is away, on two routes; the sink that would be there starts when it is asked to."""
    port = free_port()
    one = Relay(tmp_path, port, start=False)
    one.settings["relay"]["smarthosts"].append({"name": "nowhere", "address": "127.0.0.1", "port": free_port(), "security": "none"})
    one.settings["relay"]["routes"].append({"name": "dead", "domains": ["dead.example"], "via": ["nowhere"], "hold_down": "1h"})
    one.write_config()
    one.start()
    yield one, lambda: SmtpSink(tmp_path / "sink", port)
    one.kill()
    one.check_sanitizers()


def test_the_queue_is_listed_with_its_causes_and_shown(relay):
    one, _ = relay
    assert command(one).stdout == "the queue is empty\n"
    _, queue_id = send(one, Ledger(), ("b@example.net", "c@dead.example"))
    wait_until(lambda: rows(one)[0]["cause"], 20, "a cause")
    row = rows(one)[0]
    assert row["id"] == queue_id and row["sender"] == "a@example.org" and row["client"] == "127.0.0.1", row
    assert [r["address"] for r in row["recipients"] if r["open"]] == ["b@example.net", "c@dead.example"]
    shown = command(one, "show", queue_id).stdout
    assert "X-Ledger: " in shown and "-- whole --" not in shown and "connect" in shown, shown
    assert "-- whole --" in command(one, "show", "--body", queue_id).stdout
    assert "has no message XYZ" in command(one, "show", "XYZ", ok=False).stderr
    assert "requeue needs --route" in command(one, "requeue", queue_id, ok=False).stderr


def test_the_list_has_each_message_whichever_came_to_its_end_first(relay):
    one, _ = relay
    large = ("x" * 70 + "\r\n") * 20000
    with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as slow:
        slow.ehlo()
        slow.mail("a@example.org")
        slow.rcpt("b@example.net")
        slow.putcmd("data")
        slow.getreply()
        slow.send(f"Subject: slow\r\n\r\n{large}")
        _, quick_id = send(one, Ledger())
        slow.send(".\r\n")
        slow_id = slow.getreply()[1].split()[-1].decode()
    assert [row["id"] for row in rows(one)] == [quick_id, slow_id]


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_who_is_no_administrator_sees_headers_and_no_body(relay):
    one, _ = relay
    _, queue_id = send(one, Ledger())
    control = one.dir / "state" / "run" / "gateway"
    for path in (one.config, *control.parents):
        if path in (pathlib.Path("/tmp"), pathlib.Path("/")):
            break
        path.chmod(path.stat().st_mode | 0o055)
    member = ["setpriv", "--reuid", "65534", "--regid", "0", "--clear-groups"]  # the socket's group is root's here
    ask = lambda *words: subprocess.run([*member, binary(), "gateway", "queue", "-c", str(one.config), *words], capture_output=True,
                                        text=True, check=False)
    assert queue_id in ask("--json").stdout and "X-Ledger: " in ask("show", queue_id).stdout
    done = ask("show", "--body", queue_id)
    assert done.returncode == 77 and "only an administrator" in done.stderr and "-- whole --" not in done.stdout, done


def test_what_is_held_stays_until_it_is_released_over_a_restart_too(relay):
    one, start_sink = relay
    ledger = Ledger()
    name, queue_id = send(one, ledger)
    command(one, "hold", queue_id)
    assert rows(one)[0]["state"] == "held"
    assert one.stop() == 0
    one.start()
    sink = start_sink()
    other, _ = send(one, ledger)
    wait_until(lambda: other in sink.messages(), 20, "the other message")
    assert [row["state"] for row in rows(one)] == ["held"] and name not in sink.messages()
    command(one, "release", queue_id)
    wait_until(lambda: name in sink.messages(), 20, "the released message")
    wait_until(lambda: not rows(one), 20, "an empty queue")
    sink.stop()


@pytest.fixture
def half_sent(tmp_path, misbehaving):
    """A gateway with a slow next hop, and another one for dead.example that is away until its sink is started; and a message to both,
    which the slow one has just begun to take."""
    slow, port = misbehaving(answer_delay=0.7), free_port()
    one = Relay(tmp_path, slow.port, start=False)
    one.settings["relay"]["smarthosts"].append({"name": "away", "address": "127.0.0.1", "port": port, "security": "none"})
    one.settings["relay"]["routes"].append({"name": "dead", "domains": ["dead.example"], "via": ["away"], "hold_down": "200ms",
                                            "retry_first": "100ms"})
    one.write_config()
    one.start()
    ledger = Ledger()
    name, queue_id = send(one, ledger, ("b@example.net", "c@dead.example"))
    wait_until(lambda: slow.connections and rows(one)[0]["state"] == "active", 20, "the first half under way")
    sinks = []

    def start_sink():
        sinks.append(SmtpSink(tmp_path / "away", port))
        return sinks[-1]

    yield one, ledger, name, queue_id, slow, start_sink
    one.kill()
    one.check_sanitizers()
    for sink in sinks:
        sink.stop()


def open_to(one):
    return [r["address"] for row in rows(one) for r in row["recipients"] if r["open"]]


def test_what_is_held_while_one_half_is_sent_keeps_the_other_half(half_sent):
    one, ledger, name, queue_id, slow, start_sink = half_sent
    command(one, "hold", queue_id)
    sink = start_sink()
    wait_until(lambda: open_to(one) == ["c@dead.example"], 40, "the half that was under way")
    other, _ = send(one, ledger, ("d@dead.example",))
    wait_until(lambda: other in sink.messages(), 20, "another message to where the held half would go")
    assert name not in sink.messages() and rows(one)[0]["state"] == "held"
    command(one, "release", queue_id)
    wait_until(lambda: name in sink.messages() and not rows(one), 20, "the other half")
    assert len(slow.accepted) == 1


def test_what_is_held_and_released_while_one_half_is_sent_reaches_everybody_once(half_sent):
    one, _, name, queue_id, slow, start_sink = half_sent
    command(one, "hold", queue_id)
    command(one, "release", queue_id)
    sink = start_sink()
    wait_until(lambda: name in sink.messages() and slow.accepted and not rows(one), 40, "both halves")
    assert len(slow.accepted) == 1 and len(sink.messages()[name]) == 1


def test_what_is_released_while_one_half_is_sent_goes_on_with_the_other_though_the_first_is_put_off(half_sent):
    one, _, name, queue_id, slow, start_sink = half_sent
    gateway = one.children()["gateway"]
    slow.script["dot"] = "451 4.3.0 Later"
    command(one, "hold", queue_id)
    command(one, "release", queue_id)
    sink = start_sink()
    wait_until(lambda: name in sink.messages(), 20, "the other half")
    assert open_to(one) == ["b@example.net"]
    slow.script["dot"] = None
    wait_until(lambda: not rows(one), 40, "the first half")
    assert len(slow.accepted) == 1 and len(sink.messages()[name]) == 1 and one.children()["gateway"] == gateway


def test_what_is_deleted_while_one_half_is_sent_goes_nowhere_else(half_sent):
    one, ledger, name, queue_id, slow, start_sink = half_sent
    command(one, "delete", queue_id)
    wait_until(lambda: not rows(one), 40, "the end of the half that was under way")
    sink = start_sink()
    other, _ = send(one, ledger, ("d@dead.example",))
    wait_until(lambda: other in sink.messages(), 20, "another message")
    assert name not in sink.messages() and len(slow.accepted) == 1


def test_a_message_is_deleted_or_goes_another_way(relay):
    one, start_sink = relay
    ledger = Ledger()
    dropped, first = send(one, ledger, ("c@dead.example",))
    kept, second = send(one, ledger, ("c@dead.example",))
    wait_until(lambda: len(rows(one)) == 2, 20, "both messages")
    assert "1 message" in command(one, "delete", first).stdout
    assert "there is no route west" in command(one, "requeue", "--route", "west", second, ok=False).stderr
    sink = start_sink()
    wait_until(lambda: rows(one)[0]["state"] != "active", 20, "a moment of rest")
    command(one, "requeue", "--route", "sink", second)
    wait_until(lambda: kept in sink.messages(), 20, "the message over the other route")
    wait_until(lambda: not rows(one), 20, "an empty queue")
    assert dropped not in sink.messages()
    sink.stop()


def test_retry_does_not_wait_for_the_next_hop_to_have_rested(relay, tmp_path):
    one, _ = relay
    port = one.settings["relay"]["smarthosts"][1]["port"]
    ledger = Ledger()
    name, queue_id = send(one, ledger, ("c@dead.example",))
    wait_until(lambda: rows(one)[0]["cause"], 20, "a cause")
    sink = SmtpSink(tmp_path / "late", port)
    command(one, "retry", queue_id)
    wait_until(lambda: name in sink.messages(), 20, "the message")
    sink.stop()


def test_a_sender_is_told_what_was_refused_and_nobody_is_told_of_a_report(tmp_path):
    refusing = SmtpSink(tmp_path / "refusing", options=["-r", "RCPT"])
    taking = SmtpSink(tmp_path / "taking")
    one = Relay(tmp_path, refusing.port, start=False)
    one.settings["relay"]["smarthosts"].append({"name": "home", "address": "127.0.0.1", "port": taking.port, "security": "none"})
    one.settings["relay"]["routes"].append({"name": "home", "domains": ["example.org"], "via": ["home"]})
    one.settings["relay"]["routes"][0]["expire"] = "5s"
    one.write_config()
    one.start()
    try:
        send(one, Ledger())

        def report():
            return next((text for path in taking.dir.iterdir() if "delivery-status" in (text := path.read_text(errors="replace"))
                         and text.rstrip().endswith("--")), None)

        text = wait_until(report, 40, "a delivery status notification")
        for words in ("To: <a@example.org>", "Auto-Submitted: auto-replied", "report-type=delivery-status", "Final-Recipient: rfc822; b@example.net",
                      "Action: failed", "Status: ", "Reporting-MTA: dns; vedette.example.org", "X-Ledger: "):
            assert words in text, (words, text)
        assert "-- whole --" not in text  # the header alone goes back
        wait_until(lambda: not rows(one), 20, "an empty queue")
    finally:
        one.kill()
        refusing.stop()
        taking.stop()


def test_what_an_idle_session_cannot_carry_ends_at_once_though_nobody_wants_a_report(tmp_path, misbehaving):
    small = misbehaving(extensions=("PIPELINING", "SIZE 2000"))
    one = Relay(tmp_path, small.port)
    try:
        gateway = one.children()["gateway"]
        send(one, Ledger())
        wait_until(lambda: len(small.accepted) == 1, 20, "a session that is idle")
        send(one, Ledger(), size=4000, options=["NOTIFY=NEVER"])
        wait_until(lambda: not rows(one), 20, "an empty queue")
        send(one, Ledger())
        wait_until(lambda: len(small.accepted) == 2, 20, "the next message")
        assert one.children()["gateway"] == gateway and small.connections == 1
        one.check_sanitizers()
    finally:
        one.kill()


def test_a_session_that_never_hears_of_its_reset_does_not_end_as_an_idle_one(tmp_path, misbehaving):
    deaf = misbehaving(dot=[None, "451 4.3.0 Later", None], rset=DEAF)
    one = Relay(tmp_path, deaf.port, start=False)
    one.settings["relay"]["routes"][0]["connections"] = 1
    one.write_config()
    one.start()
    try:
        gateway = one.children()["gateway"]
        send(one, Ledger())
        wait_until(lambda: len(deaf.accepted) == 1, 20, "a session that is idle")
        send(one, Ledger())
        wait_until(lambda: "RSET" in deaf.commands, 20, "a reset")
        time.sleep(6)  # longer than a session idles
        assert one.children()["gateway"] == gateway
        one.check_sanitizers()
    finally:
        one.kill()


def test_a_stop_does_not_wait_for_a_next_hop_that_never_greets(tmp_path, misbehaving):
    deaf = misbehaving(banner=DEAF)
    one = Relay(tmp_path, deaf.port)
    try:
        send(one, Ledger())
        wait_until(lambda: deaf.connections, 20, "a session that begins")
        began = time.monotonic()
        assert one.stop() == 0 and time.monotonic() - began < 8
        assert "killed by" not in one.words() and "Assertion" not in one.words()
        one.start()
        assert len(rows(one)) == 1
        one.check_sanitizers()
    finally:
        one.kill()


def test_a_mailbox_that_does_not_exist_is_refused_at_rcpt_so_that_nothing_is_bounced(tmp_path):
    one = Relay(tmp_path, free_port(), start=False)
    boxes = {"name": "boxes", "domains": ["boxes.example"], "maildir": "boxes", "mailboxes": ["soc@boxes.example", "alert-*@boxes.example"]}
    one.settings["relay"]["routes"].append(boxes)
    one.write_config()
    one.start()
    try:
        with smtplib.SMTP("127.0.0.1", one.port) as client:
            client.helo("client.example")
            client.mail("a@b.example")
            for there in ("soc@boxes.example", "SOC@Boxes.Example", "alert-7@boxes.example", "postmaster@boxes.example"):
                assert client.rcpt(there)[0] == 250, there
            for missing in ("nobody@boxes.example", "soc+x@boxes.example"):
                assert client.rcpt(missing)[0] == 550, missing
            assert client.rcpt("nobody@boxes.example") == (550, b"5.1.1 No such mailbox here")
            assert client.data("Subject: there\r\n\r\nx\r\n")[0] == 250
        wait_until(lambda: not rows(one), 20, "an empty queue")
        assert len(list((one.dir / "boxes" / "new").iterdir())) == 1, "the mail, and no report"
        told = subprocess.run([binary(), "gateway", "explain", "--json", "-c", str(one.config), "--from", "127.0.0.1",
                               "--rcpt", "nobody@boxes.example"], capture_output=True, check=True)
        assert json.loads(told.stdout)["way"]["problem"] == "the route has no such mailbox"
        one.check_sanitizers()
    finally:
        one.kill()


def test_an_lmtp_server_gets_what_its_route_takes(tmp_path):
    sink = SmtpSink(tmp_path / "sink", options=["-L"])
    one = Relay(tmp_path, free_port(), start=False)
    one.settings["relay"]["routes"].append({"name": "boxes", "domains": ["boxes.example"], "lmtp": f"127.0.0.1:{sink.port}"})
    one.write_config()
    one.start()
    try:
        ledger = Ledger()
        name, _ = send(one, ledger, ("a@boxes.example", "b@boxes.example"))
        wait_until(lambda: name in sink.messages(), 20, "the message")
        wait_until(lambda: not rows(one), 20, "an empty queue")
        assert sink.messages()[name] == [ledger.sent[name]]
        one.check_sanitizers()
    finally:
        one.kill()
        sink.stop()
