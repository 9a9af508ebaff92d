"""What --help says and what the manual page says are the same commands and options."""

import re
import subprocess

import vedette as program
from peers.enclosure import ROOT


def help_of(*words):
    return subprocess.run([program.binary(), *words], capture_output=True, text=True, timeout=60, check=True).stdout


def options_of(command):
    """As (long, short or None), but for -c, which the page speaks of once."""
    found = re.findall(r"^ +(?:-(\w), |    )--([\w-]+)", help_of(*command.split(), "--help"), re.MULTILINE)
    return {(long, short) for short, long in found if long != "config"}


def is_named(option, text):
    """A short form is enough, as Fl x."""
    return any(re.search(rf"\bFl {re.escape(form)}(?![\w-])", text) for form in (f"-{option[0]}", option[1]) if form)


def test_each_command_and_each_of_its_options_stands_in_the_manual_page():
    page = (ROOT / "man" / "vedette.8").read_text().split(".Sh COMMANDS")[1].split(".Sh ENVIRONMENT")[0]
    lines = re.findall(r"^  (\w+(?: [\w-]+)?)(?: {2,}| (?=say ))", help_of("help"), re.MULTILINE)
    commands = set(lines) - {"version"}
    assert {"run", "path check", "landing confirm", "rules why-not"} <= commands
    items = re.split(r"^(?=\.It Cm )", page, flags=re.MULTILINE)
    shared = next(item for item in items if item.startswith(".It Cm rules check"))
    missing = []
    for command in sorted(commands):
        head = re.compile(rf"\.It Cm {command}( (Op|Oo|Fl|Ar)\b.*)?\n")
        own = "".join(item for item in items if head.match(item))
        missing += [] if own else [command]
        missing += [f"{command} --{option[0]}" for option in sorted(options_of(command), key=str)
                    if not is_named(option, own + (shared if command.startswith("rules") else ""))]
    assert not missing
