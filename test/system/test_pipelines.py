"""The pipelines that come along: every name that they map stands for the right thing in events of their sources."""

import json
import subprocess
import uuid

import pytest
import yaml

import pipeline_events
import vedette as program
from peers.enclosure import ROOT

FILES = sorted(path.name for path in (ROOT / "pipelines").glob("*.yml"))


def mapped(file):
    """The log source of each transformation, and the names that it maps."""
    for pipeline in yaml.safe_load_all((ROOT / "pipelines" / file).read_text()):
        for step in pipeline["transformations"]:
            assert step["type"] == "field_name_mapping"
            source = {key: value for key, value in step["rule_conditions"][0].items() if key != "type"}
            yield source, set(step["mapping"])


def test_every_name_that_a_pipeline_maps_has_an_event_here():
    for file in FILES:
        for source, names in mapped(file):
            events = [found for other, logsource, pairs in pipeline_events.SOURCES if other == file and source.items() <= logsource.items()
                      for _, found in pairs]
            assert names - {name for found in events for name in found} == set(), (file, source)


def match(rules, events, *more):
    run = subprocess.run([program.binary(), "rules", "match", "--rules", rules, *more, events], capture_output=True, text=True, check=True)
    return {(found["event"], found["title"]) for found in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize("file", FILES)
def test_a_pipelines_names_stand_for_what_its_sources_say(tmp_path, file):
    """One rule for each name of each event: it finds that event."""
    for number, (_, logsource, pairs) in enumerate(source for source in pipeline_events.SOURCES if source[0] == file):
        rules, events = tmp_path / f"{number}.yml", tmp_path / f"{number}.log"
        wanted, documents = set(), []
        for ordinal, (_, names) in enumerate(pairs, 1):
            for name, value in names.items():
                wanted.add((ordinal, f"{ordinal} {name}"))
                documents.append({"title": f"{ordinal} {name}", "id": str(uuid.uuid4()), "logsource": logsource,
                                  "detection": {"s": {name: value}, "condition": "s"}})
        rules.write_text(yaml.safe_dump_all(documents))
        events.write_text("".join(event + "\n" for event, _ in pairs))
        found = match(rules, events, "--pipeline", ROOT / "pipelines" / file)
        assert wanted - found == set(), (file, logsource)


def test_a_correlation_speaks_the_rules_words_through_the_pipelines(tmp_path):
    """Two sources that call the user differently are one group under the name that their pipelines know."""
    (tmp_path / "rules.yml").write_text("""
title: Sudo
name: sudo
logsource: {product: linux, service: sudo}
detection: {s: {User: carol}, condition: s}
---
title: Secret of Kubernetes
name: cluster
logsource: {product: kubernetes, service: audit}
detection: {s: {resource: secrets}, condition: s}
---
title: Both by one person
correlation: {type: temporal, rules: [sudo, cluster], group-by: [who], timespan: 1h, aliases: {who: {sudo: User, cluster: username}}}
""")
    secret = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "1", "verb": "get", "objectRef": {"resource": "secrets"}}
    for name, count in (("carol", 1), ("dora", 0)):
        event = json.dumps({**secret, "user": {"username": name}, "stageTimestamp": "2026-11-24T08:20:00Z"})
        (tmp_path / "events.log").write_text(pipeline_events.SUDO.replace("<85>Nov 24 08:15:30", "<85>1 2026-11-24T08:15:30Z").replace("sudo:", "sudo - - -")
                                             + "\n" + event + "\n")
        assert len(match(tmp_path / "rules.yml", tmp_path / "events.log", "--pipeline", ROOT / "pipelines")) == count


def test_a_pipeline_with_a_mistake_is_told_and_ends_the_check_with_its_code(tmp_path):
    (tmp_path / "rules.yml").write_text("title: t\nlogsource: {product: x}\ndetection: {s: {a: x}, condition: s}\n")
    (tmp_path / "p.yml").write_text("transformations: [{type: query_expression_placeholders, expression: x}]\n")
    run = subprocess.run([program.binary(), "rules", "check", "--json", "--pipeline", tmp_path / "p.yml", tmp_path / "rules.yml"],
                         capture_output=True, text=True, check=False)
    report = json.loads(run.stdout)
    assert (run.returncode, report["loaded"], report["errors"][0]["line"]) == (65, 1, 1)
    assert "rules are not made into queries here" in report["errors"][0]["message"]
