"""When it happened and when it was told: zones, summer time, late records and clocks that are ahead, as the mail says it."""

import datetime
import json
import os
import re
import subprocess
import zoneinfo

import vedette as program

HOUR = datetime.timedelta(hours=1)


def when(mail):
    return re.search(r"^When: (\S+?)(Z.*)\r?$", mail, re.MULTILINE).groups()


def test_a_time_without_a_zone_is_the_machines_own_summer_time_included_and_the_mail_says_what_lies_between(own_gateway_with, monkeypatch):
    """The machine's zone is an hour east of UTC, and two in its summer, which lasts the whole year."""
    monkeypatch.setenv("TZ", "WINTER-1SUMMER-2,J1/0,J365/24")
    one = own_gateway_with()
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0, tzinfo=None)
    local, india, ahead = now + 2 * HOUR, now - 5 * HOUR + 5.5 * HOUR, now + 3 * HOUR + datetime.timedelta(minutes=5)
    one.send_tcp(f"<86>{local - 3 * HOUR:%b %e %H:%M:%S} without-zone test: PRIVILEGED without-zone",
                 f"<86>1 {india:%Y-%m-%dT%H:%M:%S}+05:30 with-zone test - - - PRIVILEGED with-zone",
                 f"<86>1 {ahead:%Y-%m-%dT%H:%M:%S}Z clock-ahead test - - - PRIVILEGED clock-ahead",
                 f"<86>{local:%b %e %H:%M:%S} on-time test: PRIVILEGED on-time")
    for name, at, said in (("without-zone", now - 3 * HOUR, "Z, told 3 h later"), ("with-zone", now - 5 * HOUR, "Z, told 5 h later"),
                           ("clock-ahead", ahead, "Z, by a clock that is 3 h ahead"), ("on-time", now, "Z")):
        assert when(one.inbox.wait_for(name)) == (f"{at:%Y-%m-%dT%H:%M:%S}.000", said), name


def test_old_records_without_a_zone_are_of_the_season_that_they_were_written_in():
    """What `watch learn` and the other commands read: around both ends of summer time, and in the middle of each season."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    now = datetime.datetime.now(berlin).replace(minute=30, second=0, microsecond=0)
    moments = [now - datetime.timedelta(days=days) for days in range(1, 360, 30)]
    ends = [day for day in (now.replace(hour=12) - datetime.timedelta(days=days) for days in range(1, 360))
            if day.utcoffset() != (day - datetime.timedelta(days=1)).utcoffset()]
    assert len(ends) == 2
    moments += [end.replace(hour=hour) for end in ends for hour in (0, 1, 4, 5)]
    lines = "".join(f"<86>{moment:%b %e %H:%M:%S} h1 app: x\n" for moment in moments)
    done = subprocess.run([program.binary(), "events", "decode", "--json"], input=lines, capture_output=True, text=True, check=True,
                          env={**os.environ, "TZ": "Europe/Berlin"})
    assert [json.loads(line)["time"] for line in done.stdout.splitlines()] == [
        f"{moment.astimezone(datetime.timezone.utc):%Y-%m-%dT%H:%M:%S}.000Z" for moment in moments]
