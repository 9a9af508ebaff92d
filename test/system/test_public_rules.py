"""Public Sigma rules, where they are at hand (../shared or $VEDETTE_SHARED): each loads, or its error says what the
specification says is wrong with it; and every regression event is matched by its rule."""

import json
import os
import pathlib
import re
import subprocess
import tarfile

import pytest
import yaml

import vedette as program
from peers.enclosure import ROOT

SHARED = pathlib.Path(os.environ.get("VEDETTE_SHARED") or ROOT.parent / "shared") / "corpora" / "sigma"
PLACEHOLDER = re.compile(r"placeholder %[\w-]+% cannot be resolved: the configuration has no list of that name")

pytestmark = pytest.mark.skipif(not (SHARED / "rules.tar.xz").exists(), reason="no public rules at hand")


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sigma")
    for name in ("rules.tar.xz", "regression.tar.xz"):
        with tarfile.open(SHARED / name) as archive:
            archive.extractall(folder)
    return folder


def documents(text):
    """The JSON values that stand one behind the other; a list stands for its items."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        value, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        yield from value if isinstance(value, list) else [value]


def check(*arguments):
    run = subprocess.run([program.binary(), "rules", "check", "--json", *map(str, arguments)], capture_output=True, text=True)
    return json.loads(run.stdout)


@pytest.fixture(scope="module", name="in_force")
def _in_force(public):
    """What is said of the rules in force where the configuration has no lists."""
    return check(*sorted(public.glob("rules*")))


def test_every_rule_in_force_loads_or_lacks_only_a_list(public, in_force):
    report = in_force
    unexpected = [error for error in report["errors"] if not PLACEHOLDER.match(error["message"])]
    assert unexpected == []
    count = sum(1 for _ in public.glob("rules*/**/*.yml"))
    assert report["loaded"] + report["failed"] == count
    assert report["failed"] == len({error["file"] for error in report["errors"]})


def test_with_its_lists_every_rule_in_force_loads(public, in_force, tmp_path):
    # A rule may name several, and tells one at a time.
    names = {name for error in in_force["errors"] for name in re.findall(r"%([\w-]+)%", pathlib.Path(error["file"]).read_text())}
    (tmp_path / "list").write_text("192.0.2.0\n198.51.100.0/24\n")
    report = check(*(f"--list={name}={tmp_path / 'list'}" for name in sorted(names)), *sorted(public.glob("rules*")))
    assert report["errors"] == []
    assert report["loaded"] > 3700


def test_rules_in_the_old_aggregation_syntax_say_so(public):
    report = check(public / "unsupported")
    files = {error["file"] for error in report["errors"]}
    old = [str(path) for path in public.glob("unsupported/**/*.yml")
           if re.search(r"condition:.*\||\| *(count|near)|^action:", path.read_text(encoding="utf-8"), re.MULTILINE)]
    assert len(old) > 40
    assert set(old) <= files
    said = [error["message"] for error in report["errors"] if "no longer part of Sigma" in error["message"]]
    assert len(said) >= 40


def test_every_regression_event_is_matched_by_its_rule(public, tmp_path):
    cases = sorted(public.glob("regression_data/**/info.yml"))
    assert cases
    events, wanted = tmp_path / "events.json", []
    with open(events, "w", encoding="utf-8") as out:
        for info in cases:
            rule = yaml.safe_load(info.read_text())["rule_metadata"][0]["id"]
            for path in sorted(info.parent.glob("*.json")):
                for event in documents(path.read_text(encoding="utf-8-sig")):
                    out.write(json.dumps(event) + "\n")
                    wanted.append((str(path.relative_to(public)), rule))
    run = subprocess.run([program.binary(), "rules", "match", "--rules", *map(str, sorted(public.glob("rules*"))), "--",
                          str(events)], capture_output=True, text=True)
    found = {}
    for line in run.stdout.splitlines():
        finding = json.loads(line)
        found.setdefault(finding["event"], set()).add(finding["rule"])
    by_file = {}
    for number, (path, rule) in enumerate(wanted, 1):
        by_file.setdefault((path, rule), []).append(rule in found.get(number, ()))
    missed = [key for key, matched in by_file.items() if not any(matched)]
    assert missed == []
