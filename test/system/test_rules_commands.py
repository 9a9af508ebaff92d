"""The commands for working on rules: list, import, explain and why-not."""

import json
import subprocess

import pytest

import vedette as program
from peers.enclosure import ROOT

RULES = """
title: Shell by sudo
id: one
name: shell
level: high
logsource: {product: linux, service: sudo}
detection:
    who: {user.name: [bob, eve]}
    what: {COMMAND|endswith: [/sh, /bash]}
    not_here: {host.name: lab}
    condition: who and what and not not_here
---
title: Nginx
id: two
logsource: {service: nginx}
detection: {words: [error], condition: words}
---
title: Listed
id: three
logsource: {product: linux}
detection: {s: {user.name|expand: '%admins%'}, condition: s}
---
title: Not in the lab
logsource: {product: linux}
filter: {rules: [shell], quiet: {TTY: pts/9}, condition: not quiet}
"""

SUDO = "<85>Nov 24 08:00:00 {host} sudo: bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/{command}"


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    return str(path)


def run(*arguments, text=None):
    return subprocess.run([program.binary(), "rules", *map(str, arguments)], capture_output=True, text=True, input=text)


def test_import_says_what_loaded_what_not_and_what_has_no_input(rules):
    done = run("import", "--json", rules)
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert (report["loaded"], report["failed"], report["without_input"]) == (2, 1, 1)
    assert "placeholder %admins% cannot be resolved" in report["errors"][0]["message"]
    assert {(source["service"], source["input"]) for source in report["logsources"]} == {("sudo", True), ("nginx", False)}
    text = run("import", rules).stdout
    assert "2 rules loaded, 1 failed" in text
    assert "no input" in text
    assert run("import").returncode == 64
    assert run("import", "/nowhere").returncode == 66


def test_lists_may_be_given_on_the_command_line(rules, tmp_path):
    (tmp_path / "admins").write_text("bob\n")
    done = run("check", "--json", "--list", f"admins={tmp_path / 'admins'}", rules)
    assert (done.returncode, json.loads(done.stdout)["loaded"]) == (0, 3)
    found = run("match", "--rules", rules, "--list", f"admins={tmp_path / 'admins'}", text=SUDO.format(host="h", command="ls"))
    assert [json.loads(line)["rule"] for line in found.stdout.splitlines()] == ["three"]
    assert run("check", "--list", "admins=/nowhere", rules).returncode == 66
    assert run("check", "--list", "admins", rules).returncode == 64


def test_list_shows_every_rule(rules):
    listed = [json.loads(line) for line in run("list", "--json", rules).stdout.splitlines()]
    assert [rule["title"] for rule in listed] == ["Shell by sudo", "Nginx"]
    assert listed[0]["service"] == "sudo"
    assert "Shell by sudo" in run("list", rules).stdout


def test_explain_shows_selection_by_selection_why_a_rule_matches(rules):
    done = run("explain", "--json", "--rules", rules, SUDO.format(host="h", command="bash"))
    why = json.loads(done.stdout)
    assert (why["rule"], why["matches"], why["logsource_agrees"]) == ("one", True, True)
    assert why["conditions"] == [{"text": "who and what and not not_here", "holds": True}]
    assert {one["name"]: (one["holds"], one["filter"]) for one in why["selections"]} == {
        "who": (True, False), "what": (True, False), "not_here": (False, False), "quiet": (False, True)}
    who = why["selections"][0]["maps"][0][0]
    assert who == {"key": "user.name", "holds": True, "found": ["bob"],
                   "values": [{"text": "bob", "holds": True}, {"text": "eve", "holds": False}]}
    assert "matches" in run("explain", "--rules", rules, SUDO.format(host="h", command="bash")).stdout


def test_why_not_shows_the_part_that_failed_with_the_values_compared(rules):
    event = SUDO.format(host="lab", command="vi")
    why = json.loads(run("why-not", "--json", "--rules", rules, "shell", event).stdout)
    assert why["matches"] is False
    failed = {one["name"]: one["maps"][0][0] for one in why["selections"]}
    assert failed["what"]["found"] == ["/bin/vi"]
    assert [value["holds"] for value in failed["what"]["values"]] == [False, False]
    assert failed["not_here"]["holds"] is True
    text = run("why-not", "--rules", rules, "one", event).stdout
    assert "does not match" in text
    assert '"/bin/vi"' in text


def test_why_not_says_when_the_log_source_is_another(rules):
    why = json.loads(run("why-not", "--json", "--rules", rules, "Shell by sudo", "-", text="su: (to root) bob on pts/0\n").stdout)
    assert (why["matches"], why["logsource_agrees"], why["event_logsource"]["service"]) == (False, False, "su")


def test_events_come_from_words_files_or_standard_input(rules, tmp_path):
    event = SUDO.format(host="h", command="bash")
    (tmp_path / "log").write_text(event + "\n" + event + "\n")
    assert len(run("explain", "--json", "--rules", rules, tmp_path / "log").stdout.splitlines()) == 2
    assert len(run("explain", "--json", "--rules", rules, text=event + "\n").stdout.splitlines()) == 1
    assert "no rule matches" in run("explain", "--rules", rules, "hello").stdout


def test_a_json_record_that_breaks_off_in_a_text_takes_no_other_with_it(tmp_path):
    (tmp_path / "r.yml").write_text("title: t\nid: t\nlogsource: {product: x}\ndetection: {s: {a: needle}, condition: s}\n")
    whole, broken = '{"a": "needle"}', '{"b": 1, "a": "need'
    pretty = '{\n  "b": {\n    "c": "}"\n  },\n  "a": "needle"\n}'
    found = run("match", "--rules", tmp_path / "r.yml", text="\n".join([whole, broken, whole, pretty, broken, pretty]) + "\n")
    assert [json.loads(line)["event"] for line in found.stdout.splitlines()] == [1, 3, 4, 6]


def test_mistakes_in_the_arguments_are_told(rules):
    assert run("why-not", "--rules", rules).returncode == 64
    assert run("why-not", "--rules", rules, "no such rule", "x").returncode == 64
    assert run("explain", "--rules", "/nowhere", "x").returncode == 66
    assert run("explain", "--rules", rules, "--format", "xml", "x").returncode == 64
    for command in ("explain", "why-not", "import", "list"):
        assert "usage: vedette rules " + command in run(command, "--help").stdout


def test_pipelines_rewrite_rules_before_they_are_tried(tmp_path):
    (tmp_path / "rule.yml").write_text(
        "title: By Sigma's names\nid: p\nlogsource: {product: linux, service: sudo}\n"
        "detection: {s: {TargetUser: root, CommandLine|contains: bash}, condition: s}\n")
    event = SUDO.format(host="h", command="bash")
    without = json.loads(run("why-not", "--json", "--rules", tmp_path / "rule.yml", "p", event).stdout)
    mapped = json.loads(run("why-not", "--json", "--rules", tmp_path / "rule.yml", "--pipeline", ROOT / "pipelines", "p", event).stdout)
    assert (without["matches"], mapped["matches"]) == (False, True)
    assert [item["key"] for item in mapped["selections"][0]["maps"][0]] == ["user.target.name", "process.command_line|contains"]
    assert json.loads(run("import", "--json", "--pipeline", ROOT / "pipelines", tmp_path / "rule.yml").stdout)["loaded"] == 1
    (tmp_path / "p.yml").write_text("transformations: [{type: magic}]\n")
    assert "there is no transformation 'magic'" in run("list", "--rules", tmp_path / "rule.yml", "--pipeline", tmp_path / "p.yml").stderr


def test_as_many_rules_may_be_named_as_a_shell_expands(tmp_path):
    for i in range(300):
        (tmp_path / f"r{i}.yml").write_text(f"title: Rule {i}\nlogsource: {{product: linux}}\n"
                                            f"detection: {{s: {{user.name: user{i}}}, condition: s}}\n")
    names = sorted(tmp_path.glob("*.yml"))
    last = json.dumps({"user.name": "user" + names[-1].stem[1:]})
    assert len(run("list", *names).stdout.splitlines()) == 300
    assert json.loads(run("import", "--json", *names).stdout)["loaded"] == 300
    assert json.loads(run("check", "--json", *names).stdout)["loaded"] == 300
    assert len(run("match", "--logsource", "linux//", "--rules", *names, text=last).stdout.splitlines()) == 1


def test_correlations_are_rules_too(tmp_path):
    (tmp_path / "r.yml").write_text(RULES.split("---")[0] + "---\ntitle: Often\nid: often\nlevel: critical\ncorrelation:\n"
                                    "    {type: event_count, rules: [shell], group-by: [user.name], timespan: 5m, condition: {gte: 3}}\n")
    listed = [json.loads(line) for line in run("list", "--json", tmp_path / "r.yml").stdout.splitlines()]
    assert [(rule["id"], rule["level"]) for rule in listed] == [("one", "high"), ("often", "critical")]
    assert json.loads(run("import", "--json", tmp_path / "r.yml").stdout)["loaded"] == 2
