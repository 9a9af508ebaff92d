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


def commands():
    lines = re.findall(r"^  (\w+(?: [\w-]+)?)(?: {2,}| (?=say ))", help_of("help"), re.MULTILINE)
    return sorted(set(lines) - {"version"})


def page_of():
    """What stands on the page of each command, and that of which the others of `rules` have a part too."""
    page = (ROOT / "man" / "vedette.8").read_text().split(".Sh COMMANDS")[1].split(".Sh ENVIRONMENT")[0]
    items = re.split(r"^(?=\.It Cm )", page, flags=re.MULTILINE)
    heads = {command: re.compile(rf"\.It Cm {command}( (Op|Oo|Fl|Ar)\b.*)?\n") for command in commands()}
    own = {command: "".join(item for item in items if head.match(item)) for command, head in heads.items()}
    return own, own["rules check"]


def test_each_command_and_each_of_its_options_stands_in_the_manual_page():
    page, shared = page_of()
    assert {"run", "path check", "landing confirm", "rules why-not"} <= set(page)
    missing = []
    for command, own in page.items():
        missing += [] if own else [command]
        missing += [f"{command} --{option[0]}" for option in sorted(options_of(command), key=str)
                    if not is_named(option, own + (shared if command.startswith("rules") else ""))]
    assert not missing


def test_the_manual_page_names_no_option_that_its_command_does_not_have():
    page, shared = page_of()
    of_rules = {form for command in page if command.startswith("rules") for option in options_of(command) for form in option}
    for command, own in page.items():
        have = {form for option in options_of(command) for form in option} | {"config", "c"}
        named = {form.lstrip("-") for form in re.findall(r"\bFl (-?[\w-]+)", own)}
        assert named <= (of_rules if own == shared else have), command
