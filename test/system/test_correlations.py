"""Correlations live: no event is lost to them or counted twice, whatever dies; what they remember outlives everything."""

import datetime
import json
import random
import re
import signal
import time

import pytest

from peers.enclosure import wait_until
from test_crash import kill, kill_parent
from vedette import RULE, gateway

BASE = RULE.format(title="A logon", id="base", words="logon").replace("status: stable", "name: logon") + "---"

COUNT = BASE + """
title: Seven logons
id: seven
level: high
correlation:
    type: event_count
    rules: [logon]
    group-by: [user.name]
    timespan: 1h
    condition: {gte: 7}
"""

# Nothing of this goes out by mail: what is looked at is which alerts there are.
QUIET = {"alerts": {"minimum_level": "critical"}}
USERS = 120


def event(user, text="logon", at=None):
    at = at or datetime.datetime.now(datetime.timezone.utc)
    return json.dumps({"@timestamp": at.isoformat().replace("+00:00", "Z"), "message": text, "user": {"name": user}})


def write(path, lines):
    with open(path, "a", encoding="ascii") as file:
        file.writelines(line + "\n" for line in lines)


def titles(one):
    return [alert["title"] for alert in one.alerts()]


def wait_for_all_read(one, path, mark):
    """A last event of another rule: when its alert is there, so is all that came before it."""
    before = sum(a["count"] for a in one.alerts() if a["title"] == "Test of the line")
    write(path, [event(mark, "PRIVILEGED")])
    wait_until(lambda: sum(a["count"] for a in one.alerts() if a["title"] == "Test of the line") > before, 60, "the last event")


def start(vedette, tmp_path, rules, **settings):
    path = tmp_path / "events.log"
    path.touch()
    # The gateway is never spoken to.
    one = vedette(gateway(9), start=False, inputs=[{"file": str(path), "from_start": True}], **{**QUIET, **settings})
    (one.dir / "rules" / "correlation.yml").write_text(rules)
    one.start()
    return one, path


def reload(one, part):
    """With one rule that is other than before."""
    (one.dir / "rules" / "other.yml").write_text(RULE.format(title=f"Other {part}", id=f"other{part}", words=f"nothing{part}"))
    one.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("name", ["watch", "correlate", "courier", "parent", "reload"])
def test_no_event_is_lost_or_counted_twice_when_a_process_is_killed_or_rules_are_reloaded(vedette, tmp_path, name):
    """Half of the users have six logons, which is not enough, half have seven, which is."""
    one, path = start(vedette, tmp_path, COUNT)
    dice = random.Random(7)
    events = [f"user{i}" for i in range(USERS) for _ in range(6 + i % 2)]
    dice.shuffle(events)
    for part in range(4):
        piece = events[part::4]
        for at in range(0, len(piece), 20):
            write(path, [event(user) for user in piece[at:at + 20]])
            if at == len(piece) // 40 * 20:
                if name == "parent":
                    kill_parent(one)
                elif name == "reload":
                    reload(one, part)
                else:
                    kill(one, name)
    wait_for_all_read(one, path, "mark")
    assert titles(one).count("Seven logons") == USERS // 2
    assert "A logon" not in titles(one)
    assert all(a["count"] == 1 for a in one.alerts() if a["title"] == "Seven logons")
    assert name != "reload" or one.log.read_text().count("msg=reloaded") >= 1


def test_windows_go_on_over_a_restart_and_a_reload(vedette, tmp_path):
    one, path = start(vedette, tmp_path, COUNT)
    write(path, [event("bob")] * 3)
    wait_for_all_read(one, path, "first")
    one.stop()
    one.start()
    write(path, [event("bob")] * 2)
    wait_for_all_read(one, path, "second")
    (one.dir / "rules" / "more.yml").write_text(COUNT.replace("seven", "two").replace("Seven", "Two").replace("gte: 7", "gte: 2")
                                                .replace("base", "base2").replace("logon]", "logon2]").replace("name: logon", "name: logon2"))
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in one.log.read_text(), 30, "the reload")
    write(path, [event("bob")])
    wait_for_all_read(one, path, "third")
    assert "Seven logons" not in titles(one)
    write(path, [event("bob")])
    wait_for_all_read(one, path, "fourth")
    assert titles(one).count("Seven logons") == 1
    assert titles(one).count("Two logons") == 1


def test_who_correlates_is_started_for_rules_that_do_and_only_then(vedette, tmp_path):
    one, path = start(vedette, tmp_path, RULE.format(title="A logon", id="base", words="logon"))
    assert "correlate" not in one.children()
    assert 'process="correlate"' not in one.command("metrics").stdout
    (one.dir / "rules" / "correlation.yml").write_text(COUNT)
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "correlate" in one.children(), 30, "correlate")
    write(path, [event("bob")] * 7)
    wait_for_all_read(one, path, "mark")
    assert "Seven logons" in titles(one)
    assert 'vedette_up{process="correlate"} 1' in one.command("metrics").stdout.splitlines()
    (one.dir / "rules" / "correlation.yml").unlink()
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "correlate" not in one.children(), 30, "correlate's end")
    wait_until(lambda: 'process="correlate"' not in one.command("metrics").stdout, 30, "nobody to be asked")


def test_metrics_count_what_correlations_left_out_also_over_a_reload(vedette, tmp_path):
    one, path = start(vedette, tmp_path, COUNT)
    now = datetime.datetime.now(datetime.timezone.utc)
    nobody = json.dumps({"@timestamp": now.isoformat().replace("+00:00", "Z"), "message": "logon"})
    write(path, [event("bob")] * 7 + [event("bob", at=now - datetime.timedelta(days=1)), event("eve", at=now + datetime.timedelta(days=1)), nobody])
    wait_for_all_read(one, path, "mark")
    counts = {"events": 10, "findings": 1, "late": 1, "future": 1, "ungrouped": 1, "evicted": 0, "cut": 0}
    samples = [f"vedette_correlate_{name}_total {count}" for name, count in counts.items()] + [
        "vedette_correlate_groups 2", 'vedette_correlate_rule_findings_total{rule="seven"} 1']
    assert set(samples) <= set(one.command("metrics").stdout.splitlines()), one.command("metrics").stdout
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in one.log.read_text(), 30, "the reload")
    write(path, [event("bob")])
    samples[0] = "vedette_correlate_events_total 11"
    wait_until(lambda: set(samples) <= set(one.command("metrics").stdout.splitlines()), 30, "the counts that went on")
    kill(one, "correlate")
    wait_until(lambda: "vedette_correlate_events_total 0" in one.command("metrics").stdout.splitlines(), 30, "its successor's counts")


def test_a_sensor_that_falls_silent_is_told_and_the_mail_says_what_was_usual(vedette, tmp_path):
    rules = BASE + """
title: Silent sensor
id: silent
level: critical
description: A sensor sends nothing any more.
correlation:
    type: absence
    rules: [logon]
    group-by: [user.name]
    timespan: 2s
"""
    one, path = start(vedette, tmp_path, rules)
    write(path, [event("sensor1")])
    wait_until(lambda: "Silent sensor" in titles(one), 30, "the silence")
    time.sleep(0.1)
    assert titles(one).count("Silent sensor") == 1


def test_history_is_learnt_before_the_first_start_and_the_alert_says_what_was_usual(vedette, tmp_path):
    rules = BASE + """
title: New host
id: new
level: high
correlation:
    type: new_value
    rules: [logon]
    group-by: [user.name]
    field: host.name
    learn: 7d
    minimum: 5
"""
    path = tmp_path / "events.log"
    path.touch()
    history = tmp_path / "history.log"
    start_at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30)

    def on_host(host, at):
        return json.dumps({**json.loads(event("bob", at=at)), "host": {"name": host}})

    write(history, [on_host(f"web{i % 2}", start_at + datetime.timedelta(days=i)) for i in range(20)])
    one = vedette(gateway(9), start=False, inputs=[{"file": str(path), "from_start": True}], correlation={"memory": "1M"}, **QUIET)
    (one.dir / "rules" / "correlation.yml").write_text(rules)
    said = one.command("watch", "learn", str(history)).stdout
    assert "learnt from 20 events" in said and "1 groups" in said
    crowd = tmp_path / "crowd.log"
    write(crowd, [event(f"user{i}", at=start_at) for i in range(20000)])
    said = one.command("watch", "learn", str(crowd)).stdout
    assert int(re.search("looks? at: ([0-9]+) groups", said)[1]) < 10000  # as much as `memory` has room for
    said = one.command("watch", "learn", "--anew", str(history)).stdout
    assert "1 groups" in said
    one.start()
    refused = one.command("watch", "learn", str(history), check=False)
    assert refused.returncode == 69 and "in use by another vedette" in refused.stderr
    now = datetime.datetime.now(datetime.timezone.utc)
    write(path, [on_host("web1", now), on_host("vault9", now)])
    wait_for_all_read(one, path, "mark")
    assert titles(one).count("New host") == 1


def test_an_alert_about_somebody_in_a_list_with_a_score_has_more_risk(vedette, tmp_path):
    one, path = start(vedette, tmp_path, RULE.format(title="A logon", id="base", words="logon"),
                      lists=[{"name": "tier0", "values": ["root"], "score": 25}])
    write(path, [event("bob"), event("root"), event("root")])
    wait_for_all_read(one, path, "mark")
    risks = sorted(a["risk"] for a in one.alerts() if a["title"] == "A logon")
    assert risks == [60, 90]  # high; and with the list, and once more
