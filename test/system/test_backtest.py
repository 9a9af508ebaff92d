"""`vedette rules backtest`: how often rules would have fired."""

import collections
import datetime
import json
import re
import subprocess

import pytest

import vedette as program

RULES = """
title: Sudo as root
id: one
level: high
logsource: {product: linux, service: sudo}
detection: {s: {USER: root}, condition: s}
---
title: Nobody
id: two
level: low
logsource: {product: linux}
detection: {s: {user.name: nobody}, condition: s}
"""

LINE = "<85>Nov 24 08:00:{second:02} h sudo: bob{number} : TTY=pts/0 ; PWD=/ ; USER={user} ; COMMAND=/bin/ls {filler}\n"


def backtest(*argv):
    return subprocess.run([program.binary(), "rules", "backtest", *map(str, argv)], capture_output=True, text=True, check=False)


def logs(folder, lines, filler=""):
    path = folder / f"log-{lines}"
    path.write_text("".join(LINE.format(second=i % 60, number=i, user="root" if i % 7 == 0 else "www", filler=filler)
                            for i in range(lines)))
    return path


def test_it_counts_what_match_finds_whatever_the_number_of_processes_and_pieces(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    files = [logs(tmp_path, 50_000, "x" * 120), logs(tmp_path, 100), logs(tmp_path, 0)]
    assert files[0].stat().st_size > 2 * 4 * 1024 * 1024  # more than two pieces
    matched = subprocess.run([program.binary(), "rules", "match", "--rules", rules, *files], capture_output=True, text=True, check=True)
    expected = collections.Counter(json.loads(line)["rule"] for line in matched.stdout.splitlines())
    assert expected == {"one": 50_000 // 7 + 1 + 100 // 7 + 1}
    for jobs in (1, 3):
        done = backtest("--rules", rules, "--json", "--jobs", jobs, *files)
        assert done.returncode == 0, done.stderr
        assert {line["rule"]: line["hits"] for line in map(json.loads, done.stdout.splitlines())} == {**expected, "two": 0}


def test_the_table_has_the_rules_that_fired_the_most_frequent_first(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    done = backtest("--rules", rules, logs(tmp_path, 14))
    heading, row, summary = done.stdout.splitlines()
    assert heading.split() == ["hits", "processor", "share", "level", "rule"]
    assert re.fullmatch(r" +2 +[0-9.]+ s +[0-9]+ % +high +Sudo as root", row)
    assert re.fullmatch(r"1 of 2 rules fired on 14 events; [0-9.]+ MB per second of a processor", summary)
    assert not done.stderr  # no bar where there is no terminal


EXPENSIVE = """
title: Runs away
id: away
logsource: {product: linux, service: sudo}
detection: {s: {COMMAND|re: '(x+x+)+y'}, condition: s}
---
title: Asks for nothing
id: nothing
logsource: {product: linux, service: sudo}
detection: {s: {USER: nobody}, condition: not s}
---
title: Quick
id: quick
logsource: {product: linux, service: sudo}
detection: {s: {USER: www}, condition: s}
"""


def test_it_tells_what_each_rule_cost_and_warns_of_those_that_are_expensive(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(EXPENSIVE)
    path = logs(tmp_path, 300, "x" * 60 + "!xy")
    done = backtest("--rules", rules, "--json", path)
    found = {line["rule"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert found["nothing"]["tried"] == 300 and 0 < found["quick"]["tried"] <= 300
    assert found["away"]["cpu_s"] > 10 * found["quick"]["cpu_s"] > 0
    warnings = done.stderr.splitlines()
    assert any(":2: expensive: " in line and "takes too long" in line for line in warnings), warnings
    assert any(":7: expensive: " in line and "every event" in line for line in warnings), warnings
    assert len(warnings) == 2
    table = backtest("--rules", rules, path).stdout
    assert re.search(r"^ +0 +[0-9.]+ s +[0-9]{2} % +medium +Runs away$", table, re.MULTILINE), table


def test_what_cannot_be_read_and_what_is_no_number_are_told(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    assert backtest("--rules", rules, tmp_path / "none").returncode == 66
    assert backtest("--rules", rules, tmp_path).returncode == 66
    assert backtest("--rules", rules).returncode == 64
    for jobs in ("0", "257", "x"):
        assert backtest("--rules", rules, "--jobs", jobs, rules).returncode == 64


CORRELATED = """
title: Sudo
name: sudo
id: sudo
logsource: {product: linux, service: sudo}
detection: {s: {USER: root}, condition: s}
---
title: Many in a minute
id: many
level: high
correlation: {type: event_count, rules: [sudo], group-by: [host.name], timespan: 1m, condition: {gte: 30}}
---
title: Never before
id: new
correlation: {type: new_value, rules: [sudo], group-by: [host.name], field: user.name, learn: 1d, minimum: 5}
"""

SYSLOG = "<85>1 2026-{at:%m-%dT%H:%M:%S}Z host{host} sudo 7 - - bob{user} : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls {filler}\n"


def month(path, host, minutes):
    """A sudo every minute, by seven users in turn; every day forty at once, and every hour somebody new."""
    start = datetime.datetime(2026, 10, 1)
    with open(path, "w", encoding="ascii") as file:
        for i in range(minutes):
            for _ in range(40 if i % 1440 == 720 else 1):
                file.write(SYSLOG.format(at=start + datetime.timedelta(minutes=i), host=host, user=f"new{i}" if i % 60 == 7 else i % 7, filler="x" * 100))
    return path


def test_correlations_and_baselines_find_what_match_finds_whatever_the_number_of_processes(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(CORRELATED)
    log = month(tmp_path / "log", 1, 40_000)
    assert log.stat().st_size > 4 * 1024 * 1024  # more than one piece
    matched = subprocess.run([program.binary(), "rules", "match", "--rules", rules, log], capture_output=True, text=True, check=True)
    expected = collections.Counter(json.loads(line)["rule"] for line in matched.stdout.splitlines())
    assert expected["many"] == 28 and expected["new"] > 600 and "sudo" not in expected
    for jobs in (1, 3):
        done = backtest("--rules", rules, "--json", "--jobs", jobs, log)
        found = {line["rule"]: line for line in map(json.loads, done.stdout.splitlines())}
        assert {rule: found[rule]["hits"] for rule in ("many", "new")} == dict(expected)
        assert found["many"]["alerts"] and not found["sudo"]["alerts"] and found["sudo"]["hits"] == 40_000 + 28 * 39
    table = backtest("--rules", rules, log).stdout
    assert re.search(r"^ +28 +high +Many in a minute$", table, re.MULTILINE), table
    assert re.search(r"medium +Sudo \(for correlations only\)$", table, re.MULTILINE) and "2 of 3 rules fired" in table


def test_logs_of_several_machines_are_correlated_in_the_order_of_time_not_of_the_command_line(tmp_path):
    rules = tmp_path / "rules.yml"
    rules.write_text(CORRELATED.replace("group-by: [host.name], timespan: 1m, condition: {gte: 30}",
                                        "timespan: 1m, condition: {gte: 60}"))
    logs_of_both = [month(tmp_path / f"log{host}", host, 3_000) for host in (1, 2)]
    for order in (logs_of_both, logs_of_both[::-1]):
        done = backtest("--rules", rules, "--json", *order)
        found = {line["rule"]: line["hits"] for line in map(json.loads, done.stdout.splitlines())}
        assert found["many"] == 2  # forty on each, at the same time


SILENT = """
title: Sudo
name: sudo
id: sudo
logsource: {product: linux, service: sudo}
detection: {s: {USER: root}, condition: s}
---
title: A sensor is silent
id: silent
correlation: {type: absence, rules: [sudo], group-by: [host.name], timespan: 1h}
---
title: What never came
id: never
correlation: {type: absence, rules: [none], timespan: 12h}
---
title: None
name: none
id: none
logsource: {product: linux, service: sudo}
detection: {s: {USER: nobody-at-all}, condition: s}
"""


@pytest.mark.parametrize("ending", ["", "a line without a time\n"])
def test_a_sensor_that_falls_silent_is_found_by_the_time_of_records_that_no_rule_matches(tmp_path, ending):
    rules = tmp_path / "rules.yml"
    rules.write_text(SILENT)
    log = month(tmp_path / "log", 1, 60)
    with open(log, "a", encoding="ascii") as file:
        for hour in range(1, 14):
            file.write(f"<85>1 2026-10-01T{hour:02}:00:00Z host2 cron 7 - - nothing\n")
            file.write(ending)
    matched = subprocess.run([program.binary(), "rules", "match", "--rules", rules, log], capture_output=True, text=True, check=True)
    found = [(line["rule"], line["event"]) for line in map(json.loads, matched.stdout.splitlines())]
    assert [rule for rule, _ in found] == ["silent", "never"], found
    done = backtest("--rules", rules, "--json", log)
    hits = {line["rule"]: line["hits"] for line in map(json.loads, done.stdout.splitlines())}
    assert (hits["silent"], hits["never"]) == (1, 1)
