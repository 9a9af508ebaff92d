"""Public Sigma rules, where they are at hand (../shared or $VEDETTE_SHARED): all load whose modifiers are ours."""

import json
import os
import pathlib
import subprocess
import tarfile

import pytest

import vedette as program
from peers.enclosure import ROOT

SHARED = pathlib.Path(os.environ.get("VEDETTE_SHARED") or ROOT.parent / "shared")
ARCHIVE = SHARED / "corpora" / "sigma" / "rules.tar.xz"


@pytest.mark.skipif(not ARCHIVE.exists(), reason="no public rules at hand")
def test_public_rules_load_unless_they_need_what_is_not_ours_yet(tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    folders = sorted(str(folder) for folder in tmp_path.glob("rules*"))
    run = subprocess.run([program.binary(), "rules", "check", "--json", *folders], capture_output=True, text=True)
    report = json.loads(run.stdout)
    unexpected = [error for error in report["errors"] if "not supported yet" not in error["message"]]
    print(f"{report['loaded']} loaded, {report['failed']} failed")
    for error in report["errors"]:
        print(f"{error['file']}:{error['line']}:{error['column']}: {error['message']}")
    assert unexpected == []
    assert report["loaded"] > 3700
