"""When it happened and when it was told: zones, summer time, late records and clocks that are ahead, as the mail says it."""

import datetime
import json
import os
import re
import signal
import subprocess
import zoneinfo

import vedette as program
from peers.enclosure import wait_until

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
    """What `watch learn` and the other commands read: around the ends of summer time, and in the middle of each season."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    now = datetime.datetime.now(berlin).replace(minute=30, second=0, microsecond=0)
    moments = [now - datetime.timedelta(days=days) for days in range(1, 360, 30)]
    ends = [day for day in (now.replace(hour=12) - datetime.timedelta(days=days) for days in range(1, 360))
            if day.utcoffset() != (day - datetime.timedelta(days=1)).utcoffset()]
    assert ends  # in some days of the year the one of last year is further away
    moments += [end.replace(hour=hour) for end in ends for hour in (0, 1, 4, 5)]
    lines = "".join(f"<86>{moment:%b %e %H:%M:%S} h1 app: x\n" for moment in moments)
    done = subprocess.run([program.binary(), "events", "decode", "--json"], input=lines, capture_output=True, text=True, check=True,
                          env={**os.environ, "TZ": "Europe/Berlin"})
    assert [json.loads(line)["time"] for line in done.stdout.splitlines()] == [
        f"{moment.astimezone(datetime.timezone.utc):%Y-%m-%dT%H:%M:%S}.000Z" for moment in moments]


def test_each_input_has_a_zone_of_its_own_also_after_a_reload(own_gateway_with):
    ports = [program.free_port(), program.free_port()]
    zones = ["Asia/Kathmandu", "America/St_Johns"]
    one = own_gateway_with(inputs=[{"syslog": f"tcp://127.0.0.1:{port}", "time_zone": zone} for port, zone in zip(ports, zones)])
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

    def tell(port, zone, name):
        one.syslog_port = port
        one.send_tcp(f"<86>{(now - 3 * HOUR).astimezone(zoneinfo.ZoneInfo(zone)):%b %e %H:%M:%S} {name} test: PRIVILEGED {name}")
        assert when(one.inbox.wait_for(name)) == (f"{now - 3 * HOUR:%Y-%m-%dT%H:%M:%S}.000", "Z, told 3 h later"), (zone, name)

    for number, (port, zone) in enumerate(zip(ports, zones)):
        tell(port, zone, f"at-{number}")
    one.settings["inputs"][0]["time_zone"] = "Australia/Lord_Howe"
    one.write_config()
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in one.words(), 20, "the reload")
    tell(ports[0], "Australia/Lord_Howe", "reloaded")


def test_a_zone_that_there_is_not_is_told_by_its_place_and_refused_by_check_run_and_reload(own_gateway_with):
    one = own_gateway_with()
    one.settings["inputs"] = [{"stdin": {}}, {"file": "/var/log/auth.log", "time_zone": "Europe/Pariss"}]
    one.write_config()
    lines = one.config.read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "time_zone" in text)
    error = {"file": str(one.config), "line": line, "column": lines[line - 1].index("Europe") + 1,
             "message": 'time_zone: there is no zone "Europe/Pariss"'}
    done = one.command("check", "--json", "-c", one.config, check=False)
    told = json.loads(done.stdout)["errors"]
    assert [{key: found[key] for key in error} for found in told] == [error]
    assert "/usr/share/zoneinfo" in told[0]["advice"]
    one.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "there is no zone" in one.words(), 20, "the refusal")
    one.raise_alert("goes-on")
    one.inbox.wait_for("goes-on")
    assert one.stop() == 0
    done = subprocess.run([program.binary(), "run", "-c", one.config], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 78 and f"{one.config}:{line}:{error['column']}: {error['message']}" in done.stderr


def test_a_command_takes_the_zone_that_it_is_told_in_gaps_and_overlaps_too():
    """In 2026 Paris puts its clocks forward on 29 March and back on 25 October: 02:30 is not there once, and there twice."""
    told = {"2026-03-29 01:59:59": "2026-03-29T00:59:59", "2026-03-29 02:30:00": "2026-03-29T01:30:00",
            "2026-03-29 03:00:00": "2026-03-29T01:00:00", "2026-10-25 01:59:59": "2026-10-24T23:59:59",
            "2026-10-25 02:30:00": "2026-10-25T01:30:00", "2026-10-25 03:00:00": "2026-10-25T02:00:00"}
    lines = "".join(f"{stamp.replace(' ', 'T')} h1 app: x\n" for stamp in told)
    forms = {"text": lines, "cef": "".join(f"CEF:0|a|b|1|2|n|3|rt={datetime.datetime.fromisoformat(stamp):%b %d %Y %H:%M:%S}\n" for stamp in told),
             "json": "".join(json.dumps({"@timestamp": stamp.replace(" ", "T")}) + "\n" for stamp in told)}
    for form, records in forms.items():
        done = subprocess.run([program.binary(), "events", "decode", "--json", "--time-zone", "Europe/Paris"], input=records,
                              capture_output=True, text=True, check=True, env={**os.environ, "TZ": "Asia/Tokyo"})
        assert [json.loads(line)["time"] for line in done.stdout.splitlines()] == [f"{moment}.000Z" for moment in told.values()], form
    for zone in ("Moon/Crater", "", "../etc/passwd", "CET-1"):
        done = subprocess.run([program.binary(), "events", "decode", "--time-zone", zone], input="", capture_output=True, text=True, check=False)
        assert done.returncode == 64 and f'there is no time zone "{zone}"' in done.stderr, zone
