"""The starter pack: whoever gets an alert by it learns what happened and what to do, and doc/cyberark.md names every rule and code."""

import re

import pytest
import yaml

from peers.enclosure import ROOT

RULES = ROOT / "rules"
FILES = sorted(path for path in RULES.glob("*/*.yml") if not path.name.endswith(".test.yml"))
GUIDE = (ROOT / "doc" / "cyberark.md").read_text()


def documents(path):
    return list(yaml.safe_load_all(path.read_text()))


def alerting(path):
    """Not the rules that only feed a correlation of the same file."""
    every = documents(path)
    fed = {name for one in every if "correlation" in one and not one["correlation"].get("generate") for name in one["correlation"]["rules"]}
    return [one for one in every if one.get("name") not in fed]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_rule_says_how_bad_it_is_what_to_do_and_what_else_it_may_be(path):
    for rule in alerting(path):
        assert rule["level"] in ("informational", "low", "medium", "high", "critical")
        assert len(rule["description"]) > 40 and len(rule["vedette"]["response"]) > 20
        assert rule["falsepositives"]
        assert any(re.fullmatch(r"attack\.(t\d{4}(\.\d{3})?|impact)", tag) for tag in rule["tags"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_rule_has_events_that_it_must_find_and_events_that_it_must_not(path):
    examples = yaml.safe_load(path.with_suffix(".test.yml").read_text())
    if "sequences" in examples:
        finds = [sequence.get("finds") for sequence in examples["sequences"]]
        assert 0 in finds and any(count != 0 for count in finds)
    else:
        assert len(examples["match"]) >= 1 and len(examples["no_match"]) >= 1


def test_the_guide_names_every_rule_for_cyberark_and_no_other():
    named = set(re.findall(r"`((?:baseline|cyberark|linux)/\w+)`", GUIDE))
    there = {f"{path.parent.name}/{path.stem}" for path in FILES}
    assert named - there == set()
    assert {name for name in there if name.startswith(("baseline/", "cyberark/vault_"))} - named == set()


def test_the_guide_lists_the_codes_that_the_rules_look_at():
    codes = set()
    for path in FILES:
        for rule in documents(path):
            if rule.get("logsource", {}).get("service") == "vault":
                for selection in rule["detection"].values():
                    code = selection.get("event.code", []) if isinstance(selection, dict) else []
                    codes.update(code if isinstance(code, list) else [code])
    assert codes == {int(code) for code in re.search(r"rules look at:\n\n +([\d,]+)\n", GUIDE)[1].split(",")}
