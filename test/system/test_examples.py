"""The configurations in examples/ are good, but for what a machine of one's own has; and the tests beside them hold."""

import json
import pathlib
import re
import subprocess

import pytest

import vedette as program
from peers.enclosure import ROOT

EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if not path.name.endswith(".test.yaml"))
OURS_ALONE = re.compile(r"/etc/vedette/|/usr/share/vedette/")  # files that come with an installation, or from its owner


def run(*words):
    return subprocess.run([program.binary(), *map(str, words)], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_lacks_only_files_of_an_installation(example):
    errors = json.loads(run("check", "--json", "-c", example).stdout)["errors"]
    assert [error for error in errors if not OURS_ALONE.search(error["message"])] == []


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.with_suffix(".test.yaml").exists()], ids=lambda path: path.name)
def test_the_tests_beside_an_example_hold(example):
    done = run("gateway", "test", "-c", example, example.with_suffix(".test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_without_a_smarthost_asks_dns_for_the_way(tmp_path):
    config = tmp_path / "direct.yaml"
    text = pathlib.Path(ROOT / "examples" / "direct.yaml").read_text()
    config.write_text(text + "resolvers: [127.0.0.254]\n")  # nobody is there
    done = run("gateway", "explain", "-c", config, "--json", "--from", "192.0.2.10", "--sender", "a@example.org", "--rcpt", "b@partner.example")
    way = json.loads(done.stdout)["way"]
    assert way["route"] == "partner" and way["problem"].startswith("451 4.4.3 the MX of partner.example cannot be looked up")
