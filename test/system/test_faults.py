"""A gateway in trouble costs no alert, is told of in words, and stalls no input. (The table: test_failure_table.py.)"""

import collections
import email
import functools
import itertools
import json
import re
import time

import pytest

from peers.enclosure import free_port, wait_until
from peers.misbehaving import DEAF, DROP, Misbehaving
from vedette import gateway

QUICK = {"retry_first": "200ms", "retry_max": "1s", "hold_down": "1s"}
STAGES = ("banner", "ehlo", "mail", "rcpt", "data", "dot")
serial = itertools.count(1)


def names(count):
    """Host names that no other test has: an alert each."""
    tag = next(serial)
    return [f"case{tag:03}x{n:05}" for n in range(count)]


def event(name):
    return f"<86>Nov 24 08:15:30 {name} test: PRIVILEGED {name}"


@functools.cache
def read(content):
    """The name that a mail speaks of, or None, and its Message-ID."""
    name = re.search(r"case\d{3}x\d{5}", content.replace("=\r\n", ""))
    return name and name[0], email.message_from_string(content)["Message-ID"]


def copies(*peers):
    """The Message-IDs under which each name was accepted."""
    found = collections.defaultdict(list)
    for peer in peers:
        for _, _, content in list(peer.accepted):
            name, message_id = read(content)
            if name:
                found[name].append(message_id)
    return found


def wait_for_copies(wanted, *peers, seconds=30):
    wait_until(lambda: set(wanted) <= set(copies(*peers)), seconds, f"{len(wanted)} mails")
    return copies(*peers)


def wait_for_message(one, condition, what, seconds=20):
    def there():
        return next((m for m in one.messages() if condition(m)), None)

    try:
        return wait_until(there, seconds, what)
    except AssertionError as e:
        raise AssertionError(f"{e}; have {one.messages()}: {one.words()}") from None


def attempted(one, **wanted):
    """Waits for a message that is still queued after an attempt, and has what is wanted."""
    return wait_for_message(one, lambda m: m["state"] == "queued" and m["attempts"] >= 1
                            and all(m[key] == value for key, value in wanted.items()), f"queued with {wanted}")


def test_a_gateway_that_was_down_gets_every_alert_when_it_is_back(vedette):
    port = free_port()
    one = vedette(gateway(port))
    wanted = names(50)
    one.send_tcp(*map(event, wanted))
    one.wait_for_state("queued", 50)
    time.sleep(2)
    with Misbehaving(port=port) as peer:
        got = wait_for_copies(wanted, peer)
        one.wait_for_state("handed-over", 50)
    assert all(len(ids) == 1 for ids in got.values())


def test_what_waits_while_no_gateway_is_up_says_why(vedette):
    one = vedette(gateway(free_port()))
    one.send_tcp(event("waiting"))

    def explained():
        rows = [json.loads(line) for line in one.command("queue", "--json").stdout.splitlines()]
        return rows and rows[0]["cause"]

    wait_until(explained, 20, "a cause")
    (message,) = map(json.loads, one.command("queue", "--json").stdout.splitlines())
    assert message["state"] == "queued" and message["gateway"] == "primary" and message["cause"] == "gateway-fault"
    assert "Connection refused" in message["reply"] and message["attempts"] == 0
    (alert,) = one.alerts()
    assert alert["messages"][0]["cause"] == "gateway-fault"
    assert "Connection refused" in one.command("alerts").stdout


def test_what_expires_while_no_gateway_is_up_says_why(vedette):
    one = vedette(gateway(free_port()), delivery={"expire": "2s"})
    one.send_tcp(event("untried"))
    (message,) = one.wait_for_state("expired")
    assert message["gateway"] == "primary" and message["attempts"] == 0
    assert "Connection refused" in message["reply"] and message["cause"] == "gateway-fault"
    assert "Connection refused" in one.command("alerts").stdout


def test_while_one_gateway_is_down_the_other_takes_all_at_once(vedette, misbehaving):
    peer = misbehaving()
    one = vedette(gateway(free_port()), gateway(peer.port, name="second"))
    wanted = names(50)
    start = time.monotonic()
    one.send_tcp(*map(event, wanted))
    got = wait_for_copies(wanted, peer)
    assert time.monotonic() - start < 10
    assert all(len(ids) == 1 for ids in got.values())


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_deaf_gateway_has_goes_over_the_next_one(vedette, misbehaving, stage):
    deaf, good = misbehaving(**{stage: DEAF}), misbehaving()
    one = vedette(gateway(deaf.port, stage_timeout="1s"), gateway(good.port, name="second"), delivery=QUICK)
    wanted = names(10)
    one.send_tcp(*map(event, wanted))
    got = wait_for_copies(wanted, good)
    messages = one.wait_for_state("handed-over", 10)
    assert all(len(set(ids)) == 1 for ids in got.values()) and not deaf.accepted
    assert all(m["gateway"] == "second" for m in messages)
    past_the_dot = {email.message_from_string(content)["Message-ID"] for _, _, content in deaf.messages}
    assert sum(m["possible_duplicate"] for m in messages) == len(past_the_dot) <= 10
    assert past_the_dot <= {ids[0] for ids in got.values()}
    assert bool(past_the_dot) == (stage == "dot")


def test_a_deaf_gateway_keeps_nothing_from_the_next_one_for_more_than_10_seconds(vedette, misbehaving):
    deaf, good = misbehaving(banner=DEAF), misbehaving()
    one = vedette(gateway(deaf.port), gateway(good.port, name="second"))
    wanted = names(10)
    start = time.monotonic()
    one.send_tcp(*map(event, wanted))
    wait_for_copies(wanted, good)
    assert time.monotonic() - start < 11


@pytest.mark.parametrize("stage", STAGES)
def test_after_451_it_is_tried_again(vedette, misbehaving, stage):
    peer = misbehaving(**{stage: ["451 4.3.0 Not now", "451 4.3.0 Not now", None]})
    one = vedette(gateway(peer.port), delivery=QUICK)
    wanted = names(1)
    one.send_tcp(event(wanted[0]))
    got = wait_for_copies(wanted, peer)
    message = one.wait_for_state("handed-over")[0]
    assert len(got[wanted[0]]) == 1 and not message["possible_duplicate"]


def test_454_to_starttls_is_tried_again_and_nothing_is_sent_in_the_clear(vedette, misbehaving, certificates):
    peer = misbehaving(certificates=certificates, starttls=["454 4.7.0 Not now", "454 4.7.0 Not now", None])
    one = vedette(gateway(peer.port, security="starttls", ca_file=certificates.ca), delivery=QUICK)
    wanted = names(1)
    one.send_tcp(event(wanted[0]))
    wait_for_copies(wanted, peer)
    before = peer.commands[:peer.commands.index("STARTTLS")]
    assert not [c for c in before if c.startswith("MAIL")]


def test_550_to_one_of_two_recipients_keeps_nothing_from_the_other(vedette, misbehaving):
    peer = misbehaving(rcpt={"gone@example.org": "550 5.1.1 No such user"})
    one = vedette(gateway(peer.port), delivery=QUICK, recipients=["gone@example.org", "soc@example.org"])
    wanted = names(1)
    one.send_tcp(event(wanted[0]))
    wait_for_copies(wanted, peer)
    failed = one.wait_for_state("failed")[0]
    reached = one.wait_for_state("handed-over")[0]
    assert (failed["recipient"], failed["cause"], failed["attempts"]) == ("gone@example.org", "recipient", 1)
    assert failed["reply"] == "550 5.1.1 No such user"
    assert reached["recipient"] == "soc@example.org" and peer.accepted[0][1] == ("soc@example.org",)
    assert 'refused for good' in one.words()
    time.sleep(2)
    assert len([c for c in peer.commands if "gone@example.org" in c]) == 1
    assert one.alerts()[0]["state"] == "failed"


def test_what_one_gateway_refuses_is_tried_once_over_the_second_and_then_failed_and_reported(vedette, misbehaving):
    script = {"gone@example.org": "550 5.1.1 No such user"}
    first, second = misbehaving(rcpt=script), misbehaving(rcpt=script)
    one = vedette(gateway(first.port), gateway(second.port, name="second"), delivery=QUICK,
                  recipients=["gone@example.org", "soc@example.org"])
    wanted = names(1)
    one.send_tcp(event(wanted[0]))
    failed = one.wait_for_state("failed")[0]
    wait_until(lambda: any("550 5.1.1 No such user" in m[2] for m in first.accepted + second.accepted), 20,
               "the report to the other recipient")
    time.sleep(2)
    for peer in first, second:
        mails = [c for c in peer.commands if "gone@example.org" in c]
        assert 1 <= len(mails) <= 2, mails  # the alert, and at most the report of it
    assert failed["gateway"] == "second" and failed["attempts"] == 2
    assert len(copies(first, second)[wanted[0]]) == 1 + sum(
        "550 5.1.1 No such user" in m[2] and wanted[0] in m[2] for m in first.accepted + second.accepted)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "body"])
def test_a_connection_dropped_before_the_dot_costs_nothing_and_doubles_nothing(vedette, misbehaving, stage):
    peer = misbehaving(**{stage: [DROP, DROP, None]})
    one = vedette(gateway(peer.port), delivery=QUICK)
    wanted = names(5)
    one.send_tcp(*map(event, wanted))
    got = wait_for_copies(wanted, peer)
    messages = one.wait_for_state("handed-over", 5)
    assert len(peer.messages) == 5 and all(len(ids) == 1 for ids in got.values())
    # Dropped in the body: we may have sent the dot by then, and cannot know how far the gateway read.
    assert sum(m["possible_duplicate"] for m in messages) <= (2 if stage == "body" else 0)


def test_a_connection_dropped_after_the_dot_is_tried_again_under_the_same_message_id_and_says_so(vedette, misbehaving):
    peer = misbehaving(dot=[DROP, DROP, None])
    one = vedette(gateway(peer.port), delivery=QUICK)
    wanted = names(5)
    one.send_tcp(*map(event, wanted))
    wait_for_copies(wanted, peer)
    messages = one.wait_for_state("handed-over", 5)
    ids = collections.Counter(email.message_from_string(content)["Message-ID"] for _, _, content in peer.messages)
    assert len(ids) == 5 and sum(ids.values()) == 7
    assert sum(m["possible_duplicate"] for m in messages) == sum(n > 1 for n in ids.values())


@pytest.mark.parametrize("certificate", ["other_name", "expired", "self_signed"])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_nothing_goes_to_a_gateway_whose_certificate_is_not_right(vedette, misbehaving, certificates, certificate, security):
    peer = misbehaving(certificates=certificates, certificate=getattr(certificates, certificate), wrapped=security == "tls")
    one = vedette(gateway(peer.port, security=security, ca_file=certificates.ca, host=certificates.NAME), delivery=QUICK)
    wanted = names(1)
    one.send_tcp(event(wanted[0]))
    one.wait_for_state("queued")
    words = {"other_name": "name", "expired": "expired", "self_signed": "self-signed"}[certificate]
    wait_until(lambda: "gateway is down" in one.words(), 10, "a warning")
    assert "class=trust" in one.words() and words in one.words(), one.words()
    time.sleep(2)
    assert not [c for c in peer.commands if c.startswith("MAIL")] and not peer.messages
    port = peer.port
    peer.stop()
    with Misbehaving(port=port, certificates=certificates, wrapped=security == "tls") as healed:
        wait_for_copies(wanted, healed)


def test_a_gateway_that_stops_offering_starttls_gets_no_mail(vedette, misbehaving, certificates):
    peer = misbehaving(certificates=certificates, offer_starttls=False)
    one = vedette(gateway(peer.port, security="starttls", ca_file=certificates.ca), delivery=QUICK)
    wanted = names(1)
    one.send_tcp(event(wanted[0]))
    one.wait_for_state("queued")
    wait_until(lambda: "class=tls" in one.words() and "STARTTLS" in one.words(), 10, "a warning")
    time.sleep(2)
    assert not [c for c in peer.commands if c.startswith("MAIL")] and not peer.messages
    peer.offer_starttls = True
    wait_for_copies(wanted, peer)


def test_a_wrong_password_is_said_and_nothing_is_lost_or_shown(vedette, misbehaving, certificates):
    peer = misbehaving(certificates=certificates, auth="535 5.7.8 Wrong")
    one = vedette(gateway(peer.port, security="starttls", ca_file=certificates.ca, username="svc", password="Sesame-9"),
                  delivery=QUICK)
    wanted = names(1)
    one.send_tcp(event(wanted[0]))
    one.wait_for_state("queued")
    wait_until(lambda: "class=authentication" in one.words(), 10, "a warning")
    assert not [c for c in peer.commands if c.startswith("MAIL")]
    peer.script["auth"] = None
    wait_for_copies(wanted, peer)
    seen = one.log.read_text() + str(one.alerts()) + str(one.queue())
    assert "Sesame-9" not in seen and "AHN2YwBTZXNhbWUtOQ" not in seen


@pytest.mark.parametrize("trouble", ["down", "deaf"])
def test_inputs_are_read_at_full_pace_whatever_the_gateway_does(vedette, misbehaving, trouble):
    port = free_port() if trouble == "down" else misbehaving(banner=DEAF).port
    one = vedette(gateway(port))
    wanted = names(2000)
    filler = [f"<86>Nov 24 08:15:30 quiet test: nothing {n} {'x' * 200}" for n in range(25)]
    start = time.monotonic()
    for name in wanted:
        one.send_tcp(*filler, event(name))
    took = time.monotonic() - start
    one.wait_for_state("queued", 2000, seconds=20)
    assert took < 20
    assert len(one.alerts()) == 2000 and not [a for a in one.alerts() if a["count"] != 1]
