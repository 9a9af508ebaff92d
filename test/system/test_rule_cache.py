"""Compiled rules are kept from one run to the next, and believed only as far as they deserve it."""

import os
import re
import signal

from peers.enclosure import wait_until
from vedette import RULE, gateway

MADE = "made anew"


def compiled(one):
    """(compiled, found) of the start that the log ends with."""
    return tuple(map(int, re.findall(r'msg="rules loaded".* compiled=(\d+) from_cache=(\d+)', one.words())[-1]))


def restart(one):
    one.stop()
    one.start()
    return compiled(one)


def kept(one):
    return sorted(path for path in (one.dir / "state" / "cache").iterdir() if path.suffix == ".hsdb")


def test_the_second_start_compiles_nothing_and_finds_the_same(vedette):
    one = vedette(gateway(9), watch_processes=1)
    assert compiled(one) == (2, 0)  # the rules and the masks
    wait_until(lambda: len(kept(one)) == 2, 20, "both to be kept")
    assert restart(one) == (0, 2)
    one.raise_alert("found")
    wait_until(lambda: len(one.alerts()) == 1, 20, "the alert")


def test_what_is_damaged_or_not_ours_is_told_and_made_anew(vedette):
    one = vedette(gateway(9), watch_processes=1)
    wait_until(lambda: len(kept(one)) == 2, 20, "both to be kept")
    good = {path: path.read_bytes() for path in kept(one)}
    first, second = good
    first.write_bytes(good[first][:-1] + bytes([good[first][-1] ^ 1]))
    second.chmod(0o666)
    assert restart(one) == (2, 0)
    told = [line for line in one.words().splitlines() if MADE in line]
    assert any("damaged" in line and first.name in line for line in told), told
    assert any("others may write it" in line and second.name in line for line in told), told
    wait_until(lambda: {path: path.read_bytes() for path in kept(one)} == good, 20, "both to be kept again")
    assert second.stat().st_mode & 0o777 == 0o644


def test_only_the_latest_are_kept_and_half_written_ones_go(vedette):
    one = vedette(gateway(9), watch_processes=1)
    wait_until(lambda: len(kept(one)) == 2, 20, "both to be kept")
    folder = one.dir / "state" / "cache"
    for i in range(34):
        path = folder / f"{i:040x}.hsdb"
        path.write_bytes(b"old")
        os.utime(path, (1000 + i, 1000 + i))
    (folder / ".half.tmp").touch()
    (folder / "README").touch()  # somebody's
    (one.dir / "rules" / "more.yml").write_text(RULE.format(title="More", id="more", words="something else"))
    assert restart(one) == (1, 1)
    wait_until(lambda: len(kept(one)) == 32, 20, "the oldest to be gone")
    assert {path.stat().st_mtime for path in kept(one) if path.stat().st_size == 3} == {1000 + i for i in range(5, 34)}
    assert not (folder / ".half.tmp").exists() and (folder / "README").exists()
    assert restart(one) == (0, 2)


def test_a_watch_that_has_read_from_outside_is_not_believed(vedette):
    one = vedette(gateway(9), watch_processes=1)
    wait_until(lambda: len(kept(one)) == 2, 20, "both to be kept")
    (one.dir / "rules" / "more.yml").write_text(RULE.format(title="More", id="more", words="something else"))
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in one.words(), 20, "the reload")
    one.send_tcp("<86>Nov 24 08:15:30 host1 test: something else")
    wait_until(lambda: len(one.alerts()) == 1, 20, "the alert")
    assert len(kept(one)) == 2
    assert restart(one) == (1, 1)
    wait_until(lambda: len(kept(one)) == 3, 20, "the new one to be kept")
