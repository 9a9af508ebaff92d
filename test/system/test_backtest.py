"""`vedette rules backtest`: how often rules would have fired."""

import collections
import json
import re
import subprocess

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
    assert any(":2: expensive: " in line and "200000 steps" in line for line in warnings), warnings
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
