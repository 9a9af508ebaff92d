"""Rules that name lists: their files are read again when they change, without a reload being asked for."""

import os

from peers.enclosure import wait_until

RULE = """
title: Somebody from the list
id: 6a3e5b7e-0000-4000-8000-000000000002
level: high
logsource:
    product: linux
detection:
    who:
        user.name|expand: '%watched%'
    condition: who
"""


def refused(name):
    return f"<86>Nov 24 08:15:30 host1 sshd[7]: Failed password for {name} from 192.0.2.1 port 5 ssh2"


def replace(path, text):
    """As an editor does: the list is never there in part."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)


def test_a_list_that_changes_is_read_again_and_the_line_goes_on(own_gateway_with):
    daemon = own_gateway_with(start=False)
    watched = daemon.dir / "watched.txt"
    watched.write_text("# who is watched\nalice\n")
    (daemon.dir / "rules" / "listed.yml").write_text(RULE)
    daemon.settings["lists"] = [{"name": "watched", "file": str(watched), "values": ["mallory"]}]
    daemon.write_config()
    daemon.start()
    daemon.send_tcp(refused("bob"), refused("alice"), refused("mallory"))
    wait_until(lambda: len(daemon.alerts()) == 2, 30, "alerts about alice and mallory")

    replace(watched, "bob\n")
    wait_until(lambda: "msg=reloaded" in daemon.words(), 60, "the rules to be loaded again")
    daemon.send_tcp(refused("bob"))
    wait_until(lambda: len(daemon.alerts()) == 3, 30, "an alert about bob")


def test_a_list_that_goes_leaves_the_rules_as_they_are_and_says_so(own_gateway_with):
    daemon = own_gateway_with(start=False)
    watched = daemon.dir / "watched.txt"
    watched.write_text("alice\n")
    (daemon.dir / "rules" / "listed.yml").write_text(RULE)
    daemon.settings["lists"] = [{"name": "watched", "file": str(watched)}]
    daemon.write_config()
    daemon.start()
    watched.unlink()
    wait_until(lambda: "reload refused" in daemon.words(), 60, "the reload to be refused")
    assert "list watched" in daemon.words()
    daemon.send_tcp(refused("alice"))
    wait_until(lambda: len(daemon.alerts()) == 1, 30, "an alert about alice")
    assert daemon.command("check", check=False).returncode != 0
