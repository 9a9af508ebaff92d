"""The watches between canaries: a real gateway that changes under Vedette's eyes, and what is told of it."""

import json
import shutil

import pytest

from peers.enclosure import wait_until
from peers.postfix import Postfix
from vedette import gateway

# A new process for each session, so that a changed certificate or parameter shows at once, and none that idles for long.
FRESH = {"max_use": "1", "max_idle": "1s", "smtpd_timeout": "3s"}


@pytest.fixture
def changing(scratch, certificates, postfix_with):
    """A Postfix of its own, whose certificate files may be replaced."""
    folder = scratch("changing")
    for suffix in (".pem", ".key"):
        shutil.copy(certificates.good.with_suffix(suffix), folder / f"shown{suffix}")
        (folder / f"shown{suffix}").chmod(0o644)
    peer = Postfix(folder, certificates, certificate=folder / "shown.pem", main=FRESH)
    peer.folder = folder
    yield peer
    peer.stop()


def watched(vedette, changing, postfix, certificates, **paths):
    """Two gateways: the one that changes, and another one that takes what is to be told of it."""
    return vedette(gateway(changing.port["submission"], name="first", security="starttls", ca_file=certificates.ca,
                           verify_name=certificates.NAME, username=changing.USER, password=changing.PASSWORD),
                   gateway(postfix.port["plain"], name="second"),
                   paths={"probe": "1s", "trouble_after": "2s", **paths}, delivery={"hold_down": "1s"})


def alert_of(one, word):
    for alert in one.alerts():
        if alert["rule"] == f"vedette.path.{word}":
            return alert
    return None


def wait_for(one, word, mails=1, seconds=40):
    """The alert of that kind, once so many mails about it were handed over: over the second gateway, all of them."""
    def there():
        alert = alert_of(one, word)
        handed = [m for m in alert["messages"] if m["state"] == "handed-over"] if alert else []
        return alert if len(handed) >= mails else None
    try:
        alert = wait_until(there, seconds, word)
    except AssertionError as e:
        raise AssertionError(f"{e}: {one.words()}") from None
    assert {m["gateway"] for m in alert["messages"]} == {"second"}
    return alert


def settle(one):
    """Until a look at the healthy gateway is on record: its certificate, what it can do, and that it took its account."""
    one.raise_alert("settling")
    one.wait_for_state("handed-over")

    def looked():
        lines = one.command("path", "status", "--json").stdout.splitlines()
        first = next(path for path in map(json.loads, lines) if path["gateway"] == "first")
        return {"certificate", "capabilities", "account"} <= set(first["facts"])

    wait_until(looked, 40, "a look at the first gateway")
    assert not [a for a in one.alerts() if a["rule"].startswith("vedette.path.")], one.words()


def test_a_swapped_certificate_is_told_and_a_review_ends_it(vedette, changing, postfix, certificates):
    one = watched(vedette, changing, postfix, certificates)
    settle(one)
    other = certificates._issue("swapped", certificates.here)
    for suffix in (".pem", ".key"):
        shutil.copyfile(other.with_suffix(suffix), changing.folder / f"shown{suffix}")
    wait_for(one, "certificate-changed")
    assert "the old one was not about to expire" in one.words()
    said = one.command("path", "reviewed", "first").stdout
    assert "first" in said
    wait_for(one, "certificate-changed", mails=2)
    postfix.inbox.wait_for("Well again")


def test_a_rotated_password_is_told_at_once(vedette, changing, postfix, certificates):
    one = watched(vedette, changing, postfix, certificates)
    settle(one)
    (changing.enclosure.scratch / "users").write_text(f"{changing.USER}:{{PLAIN}}another::::::\n")
    wait_for(one, "credentials-refused", seconds=90)
    assert "Was its password rotated?" in one.words()


def test_a_gateway_that_dies_is_told_over_the_other_one(vedette, changing, postfix, certificates):
    one = watched(vedette, changing, postfix, certificates)
    settle(one)
    changing.stop()
    wait_for(one, "gateway-down", seconds=90)
