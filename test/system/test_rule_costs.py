"""What rules cost and how often they match: in the counters, in `rules top`, and in the log when it is too much."""

import json
import signal
import subprocess

import vedette as program
from peers.enclosure import wait_until
from vedette import RULE, gateway

EXPENSIVE = RULE.format(title="Asks for nothing", id="nothing", words="nowhere").replace("condition: ", "condition: not ")

AWAY = """---
title: Runs away
id: away
logsource: {product: linux}
detection: {s: {message|re: '(x+x+)+y'}, condition: s}
"""


def check(*argv):
    return subprocess.run([program.binary(), "rules", "check", *argv], capture_output=True, text=True, check=True)


def samples(one):
    lines = [line for line in one.command("metrics").stdout.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def rule(family, name):
    return f'vedette_watch_rule_{family}_total{{rule="{name}"}}'


def test_each_rule_that_matters_has_counters_that_go_on_over_a_reload(vedette, tmp_path):
    one = vedette(gateway(9), start=False, alerts={"minimum_level": "critical"})
    folder = one.dir / "rules"
    (folder / "two.yml").write_text(RULE.format(title="Two", id="two", words="second"))
    (folder / "three.yml").write_text(RULE.format(title="Three", id="three", words="third"))
    one.start()
    one.send_tcp(*["<86>Nov 24 08:15:30 host1 app: second"] * 5, "<86>Nov 24 08:15:30 host1 app: second and third")
    wait_until(lambda: samples(one).get(rule("matches", "three")) == 1, 30, "the last event")
    found = samples(one)
    assert found[rule("matches", "two")] == 6
    assert 6 <= found[rule("tries", "two")] <= found["vedette_watch_tries_total"]
    assert 0 < found[rule("seconds", "two")] <= found["vedette_watch_tries_seconds_total"] < 1
    assert found["vedette_watch_matches_total"] == 7
    assert found[rule("given_up", "two")] == found["vedette_watch_given_up_total"] == 0

    (folder / "three.yml").unlink()
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in one.words(), 30, "the reload")
    one.send_tcp("<86>Nov 24 08:15:31 host1 app: second")
    wait_until(lambda: samples(one)[rule("matches", "two")] == 7, 30, "the count that goes on")
    found = samples(one)
    assert rule("matches", "three") not in found
    assert found["vedette_watch_matches_total"] == 8

    top = [json.loads(line) for line in one.command("rules", "top", "--json").stdout.splitlines()]
    two = next(row for row in top if row["rule"] == "two")
    assert (two["title"], two["level"], two["matched"]) == ("Two", "high", 7)
    assert [row["cpu_s"] for row in top] == sorted((row["cpu_s"] for row in top), reverse=True)
    heading, *rows = one.command("rules", "top").stdout.splitlines()
    assert heading.split() == ["processor", "s", "share", "tried", "matched", "given", "up", "rule"]
    assert any(line.split()[-1] == "Two" for line in rows)


def test_rules_that_are_expensive_by_what_they_say_are_told_when_they_are_loaded(vedette):
    one = vedette(gateway(9), start=False)
    path = one.dir / "rules" / "expensive.yml"
    path.write_text(EXPENSIVE + AWAY)
    one.start()
    told = [line for line in one.words().splitlines() if 'msg="a rule is expensive"' in line]
    assert len(told) == 2
    assert "rule=nothing" in told[0] and "every event of its log source" in told[0]
    assert "rule=away" in told[1] and "takes too long" in told[1]
    checked = json.loads(check("--json", path).stdout)
    assert [(w["rule"], w["line"]) for w in checked["warnings"]] == [("nothing", 2), ("away", path.read_text().splitlines().index("---") + 2)]
    assert checked["failed"] == 0
    assert check(path).stderr.count(": expensive: ") == 2
