"""The failure table (./faults) in its short form, with outages of 3 s."""

import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


def test_the_failure_table_accounts_for_every_alert_in_every_column():
    done = subprocess.run([str(HERE / "faults")], env={**os.environ, "FAULTS_SHORT": "1"}, capture_output=True,
                          text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
