"""Secrets in events are masked before an alert is written: neither store nor mail ever has them."""

import pathlib

SECRET = "Hunter2-geheim"


def everything_in(folder):
    return b"".join(path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file())


def test_a_password_in_a_command_line_is_in_no_mail_alert_log_or_store(own_gateway):
    own_gateway.send_tcp(f"<86>Nov 24 08:15:30 host1 test: PRIVILEGED bob ran /usr/bin/mysql -p{SECRET} db",
                         f'{{"user.name": "eve", "password": "{SECRET}", "words": "PRIVILEGED"}}')
    own_gateway.wait_for_state("landed", count=2)
    mails = everything_in(own_gateway.dir / "inbox")
    assert mails.count(b"***") >= 2
    assert own_gateway.command("alerts", "--json").stdout.count(SECRET) == 0
    assert SECRET.encode() not in mails
    assert SECRET.encode() not in everything_in(own_gateway.dir / "state")
    assert SECRET not in own_gateway.words()


def test_masks_of_ones_own_are_checked_and_in_force(own_gateway_with):
    daemon = own_gateway_with(start=False)
    masks = daemon.dir / "own.yml"
    daemon.settings["masks"] = [str(masks)]
    daemon.write_config()
    masks.write_text("masks:\n- {name: pin, pattern: 'pin \\d+'}\n")
    assert "has no group" in daemon.command("check", check=False).stderr
    masks.write_text("masks:\n- {name: pin, pattern: 'pin (?<secret>\\d+)'}\n")
    assert daemon.command("check").returncode == 0
    daemon.start()
    daemon.send_tcp("<86>Nov 24 08:15:30 host1 test: PRIVILEGED pin 987654321")
    daemon.wait_for_state("landed")
    assert b"987654321" not in everything_in(daemon.dir / "inbox")
