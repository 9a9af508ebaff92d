"""Mail goes to the servers that DNS names for its domain: NSD with a signed zone says where, smtp-sinks on addresses of
loopback are the servers."""

import contextlib
import json
import re
import signal
import smtplib
import socket
import time

import pytest

from peers.enclosure import free_port, obstacle, wait_until
from peers.misbehaving import Misbehaving
from peers.nsd import Keys, Nsd
from peers.smtp_sink import SmtpSink, there_is_one
from test_inbound import memory_of
from test_relay_durability import Ledger, Relay
from test_relay_queue import command, rows, send

pytestmark = pytest.mark.skipif(not there_is_one() or bool(obstacle("nsd")), reason=f"no smtp-sink, or {obstacle('nsd')}")

RESOLVER = "127.0.9.53"
FIRST, SECOND, OURS, STUCK, DEAD = (f"127.0.9.{n}" for n in (1, 2, 7, 8, 9))

REFUSING = "127.0.9.11"
INTERNATIONAL = "127.0.9.12"  # the one that has SMTPUTF8
POSTFIX = "127.0.0.1"  # it wants an address that an interface has

RECORDS = f"""
first.mx.example. A {FIRST}
second.mx.example. A {SECOND}
stuck.mx.example. A {STUCK}
dead.mx.example. A {DEAD}
loop.mx.example. A {OURS}
gone.mx.example. TXT "no address"
six.mx.example. AAAA ::1
lost.mx.example. AAAA fe80::1
lost.mx.example. A {SECOND}
ordered.example. MX 20 second.mx.example.
ordered.example. MX 10 first.mx.example.
failing.example. MX 10 dead.mx.example.
failing.example. MX 20 gone.mx.example.
failing.example. MX 30 second.mx.example.
null.example. MX 0 .
bare.example. A {FIRST}
ipv6.example. MX 10 six.mx.example.
ipv6.example. MX 10 dead.mx.example.
both.example. MX 10 lost.mx.example.
addressless.example. MX 10 gone.mx.example.
mute.example. TXT "neither MX nor address"
named.example. MX 10 vedette.example.org.
named.example. MX 20 first.mx.example.
circle.example. MX 10 loop.mx.example.
circle.example. MX 20 first.mx.example.
backup.example. MX 5 first.mx.example.
backup.example. MX 10 loop.mx.example.
backup.example. MX 20 second.mx.example.
silent.example. MX 10 stuck.mx.example.
broken.example. MX 10 first.mx.example.
refusing.example. MX 10 refusing.mx.example.
refusing.mx.example. A {REFUSING}
down.example. MX 10 dead.mx.example.
verified.example. MX 10 mail.example.org.
mail.example.org. A {POSTFIX}
misnamed.example. MX 10 misnamed.mx.example.
misnamed.mx.example. A {POSTFIX}
xn--bcher-kva.example. MX 10 utf8.mx.example.
xn--r8jz45g.example. MX 10 utf8.mx.example.
utf8.mx.example. A {INTERNATIONAL}
xn--slen-loa.example. MX 10 first.mx.example.
smarthost.example. A {DEAD}
smarthost.example. A {SECOND}
"""

MOVING = "moving.example. 1 A "


class World:
    """A resolver, servers at one port of several addresses, and our gateway, whose own port is that one too."""

    def __init__(self, folder, scratch, certificates, stack):
        self.port, self.ledger = free_port(), Ledger()
        keys = Keys(scratch("keys"))
        self.start_nsd = lambda more, broken: Nsd(scratch("nsd"), RESOLVER, keys, RECORDS + more, broken=broken)
        self.nsd = self.start_nsd(f"{MOVING}{FIRST}\n", ["broken.example"])
        stack.callback(lambda: self.nsd.stop())
        self.sinks = {name: SmtpSink(folder / name, self.port, address=address)
                      for name, address in (("first", FIRST), ("second", SECOND), ("six", "::1"), ("home", "127.0.9.10"))}
        for sink in self.sinks.values():
            stack.callback(sink.stop)
        self.sinks["refusing"] = SmtpSink(folder / "refusing", self.port, ["-f", "RCPT"], REFUSING)
        stack.callback(self.sinks["refusing"].stop)
        self.international = stack.enter_context(Misbehaving(self.port, INTERNATIONAL))
        self.stuck = stack.enter_context(socket.create_server((STUCK, self.port), backlog=200))
        self.gateway = self._gateway(folder, keys.anchor, certificates)
        stack.callback(self.gateway.check_sanitizers)
        stack.callback(self.gateway.kill)

    def _gateway(self, folder, anchor, certificates):
        one = Relay(folder, free_port(), start=False, resolvers=[RESOLVER], trust_anchor=str(anchor))
        pace = {"retry_first": "1s", "retry_max": "2s", "hold_down": "200ms"}
        relay = one.settings["relay"]
        relay["listen"].append(f"{OURS}:{self.port}")
        relay["routes"] = [{"name": "out", "mx": True, "tls": "none", "port": self.port, "connections": 4, **pace},
                           {"name": "home", "domains": ["example.org"], "via": ["home"], **pace},
                           {"name": "named", "domains": ["by-name.example"], "via": ["named"], **pace},
                           {"name": "international", "domains": ["müller.example", ".müller.example"], "via": ["international"], **pace},
                           {"name": "moving", "domains": ["follow.example"], "via": ["moving"], **pace},
                           {"name": "verified", "domains": ["verified.example", "misnamed.example"], "mx": True,
                            "tls": "verified", "ca_file": str(certificates.ca), "port": self.port, **pace}]
        relay["smarthosts"] = [
            {"name": "home", "address": "127.0.9.10", "port": self.port, "security": "none"},
            {"name": "international", "address": INTERNATIONAL, "port": self.port, "security": "none"},
            {"name": "named", "host": "smarthost.example", "port": self.port, "security": "none"},
            {"name": "moving", "host": "moving.example", "port": self.port, "security": "none"}]
        one.write_config()
        one.start()
        return one

    def send(self, domain):
        """The ledger's name of a message to somebody there, and its queue id."""
        return send(self.gateway, self.ledger, (f"b@{domain}",))

    def delete(self, queue_id):
        command(self.gateway, "delete", queue_id)

    def cause(self, queue_id):
        """Why that message is still there."""
        def find():
            return next((row["cause"] for row in rows(self.gateway) if row["id"] == queue_id and row["cause"]), None)
        return wait_until(find, 20, f"a cause: {self.gateway.words()}")

    def explain(self, domain):
        done = self.gateway.command("gateway", "explain", "--json", "--from", "127.0.0.1", "--rcpt", f"b@{domain}")
        return json.loads(done.stdout)["way"]

    def arrives(self, name, at):
        wait_until(lambda: name in self.sinks[at].messages(), 20, f"the message at {at}: {self.gateway.words()}")
        assert not [other for other, sink in self.sinks.items() if other not in (at, "home") and name in sink.messages()]

    def report(self, domain):
        """The delivery report on the message to that domain."""
        return self._report_with(f"Final-Recipient: rfc822; b@{domain}")

    def report_about(self, queue_id):
        return self._report_with(f"Queue id: {queue_id}")

    def _report_with(self, words):
        def find():
            for path in self.sinks["home"].dir.iterdir():
                text = path.read_text(errors="replace")
                if words in text and re.search(r"--\s*$", text):
                    return text
            return None
        return wait_until(find, 20, f"a report with {words}: {self.gateway.words()}")

    def lines(self, queue_id):
        """Lines of the log about attempts to pass that message on."""
        return [line for line in self.gateway.log.read_text().splitlines()
                if 'msg="gateway message"' in line and f"id={queue_id}" in line]


@pytest.fixture(scope="module")
def world(tmp_path_factory, scratch, certificates):
    with contextlib.ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("mx"), scratch, certificates, stack)


@pytest.mark.parametrize("domain, at", [
    ("ordered.example", "first"), ("failing.example", "second"), ("bare.example", "first"), ("ipv6.example", "six"),
    ("both.example", "second"), ("backup.example", "first"), ("by-name.example", "second")])
def test_mail_goes_to_the_most_preferred_server_that_works(world, domain, at):
    name, _ = world.send(domain)
    world.arrives(name, at)


@pytest.mark.parametrize("domain, status, words", [
    ("null.example", "5.1.10", "556 5.1.10 null.example takes no mail"),
    ("nowhere.example", "5.1.2", "550 5.1.2 there is no mail domain nowhere.example"),
    ("mute.example", "5.1.2", "550 5.1.2 mute.example has neither MX nor address"),
    ("addressless.example", "5.4.4", "550 5.4.4 none of the mail servers of addressless.example has an address"),
    ("named.example", "5.4.6", "554 5.4.6 we are the best mail server for named.example"),
    ("circle.example", "5.4.6", "554 5.4.6 mail for circle.example leads back to us")])
def test_a_domain_that_mail_cannot_reach_is_told_to_the_sender_at_once(world, domain, status, words):
    world.send(domain)
    text = re.sub(r"\s+", " ", world.report(domain))
    assert "Action: failed" in text and f"Status: {status}" in text and words in text, text


@pytest.mark.parametrize("recipients", [
    ["ä@bücher.example", "b@BÜCHER.Example", "b@xn--bcher-kva.example"], ["b@例え.example"],
    ["b@müller.example", "b@xn--mller-kva.example", "b@sub.MÜLLER.example"]])
def test_a_domain_beyond_ascii_is_found_as_dns_has_it_and_named_as_the_sender_wrote_it(world, recipients):
    name, _ = send(world.gateway, world.ledger, recipients, mail_options=["SMTPUTF8"])
    taken = wait_until(lambda: [to for _, to, content in world.international.accepted if name in content], 20,
                       f"the message: {world.gateway.words()}")
    assert taken == [tuple(recipients)]  # in one transaction: it is one domain


def test_a_domain_in_a_labels_needs_no_smtputf8_anywhere(world):
    name, _ = world.send("xn--slen-loa.example")
    world.arrives(name, "first")


def test_smtputf8_that_nothing_needs_does_not_keep_mail_from_a_server_without_it(world):
    """Some clients say it wherever it is offered."""
    name, _ = send(world.gateway, world.ledger, ["b@bare.example"], mail_options=["SMTPUTF8"])
    world.arrives(name, "first")
    _, queue_id = send(world.gateway, world.ledger, ["b@bare.example"], mail_options=["SMTPUTF8"], header="X-Name: J\u00f6rg\r\n")
    assert "Status: 5.6.7" in world.report_about(queue_id)


def test_one_recipient_beyond_ascii_keeps_mail_from_no_other(world):
    name, queue_id = send(world.gateway, world.ledger, ["ä@bare.example", "b@bare.example"], mail_options=["SMTPUTF8"])
    world.arrives(name, "first")
    text = world.report_about(queue_id)
    assert "Final-Recipient: utf-8; \\x{E4}@bare.example" in text and "b@bare.example" not in text, text


@pytest.mark.parametrize("domain, status, words", [
    ("sälen.example", "5.6.7", "does not offer SMTPUTF8"),
    ("nirgendwö.example", "5.1.2", "there is no mail domain xn--nirgendw-u4a.example")])
def test_who_writes_beyond_ascii_is_told_why_it_could_not_be_delivered(world, domain, status, words):
    """The report goes to where SMTPUTF8 is not known."""
    _, queue_id = send(world.gateway, world.ledger, [f"b@{domain}"], mail_options=["SMTPUTF8"])
    text = re.sub(r"\s+", " ", world.report_about(queue_id))
    assert "Action: failed" in text and f"Status: {status}" in text and words in text, text


def test_a_domain_that_idna_does_not_allow_is_refused_at_once(world):
    with smtplib.SMTP("127.0.0.1", world.gateway.port, timeout=60) as session:
        session.ehlo()
        assert session.mail("a@☃.example", ["SMTPUTF8"]) == (553, b"5.1.8 The address has a domain beyond ASCII that IDNA does not allow (RFC 5891)")
        assert session.mail("a@example.org", ["SMTPUTF8"])[0] == 250
        assert session.rcpt("b@☃.example") == (553, b"5.1.2 The address has a domain beyond ASCII that IDNA does not allow (RFC 5891)")
        assert session.rcpt("b@b＠c.example")[0] == 553
        assert session.rcpt("b@bücher.example")[0] == 250


def test_explain_knows_a_domain_beyond_ascii(world):
    for domain in ("bücher.example", "xn--bcher-kva.example"):
        assert [hop["name"] for hop in world.explain(domain)["next_hops"]] == ["utf8.mx.example"]
    assert world.explain("müller.example")["route"] == "international"
    assert world.explain("nirgendwö.example")["problem"].startswith("550 5.1.2 there is no mail domain xn--nirgendw-u4a")


def test_a_line_of_the_log_names_the_server_and_its_address(world):
    name, queue_id = world.send("both.example")
    world.arrives(name, "second")
    line = wait_until(lambda: next(iter(world.lines(queue_id)), None), 10, "the line")
    assert "outcome=sent" in line and "next_hop=lost.mx.example" in line and f"next_hop_ip={SECOND}" in line, line


def test_servers_that_are_stuck_delay_their_own_domain_only(world):
    stuck = [world.send("silent.example")[1] for _ in range(12)]
    name, _ = world.send("bare.example")
    world.arrives(name, "first")
    assert {row["id"] for row in rows(world.gateway)} >= set(stuck)
    for queue_id in stuck:
        world.delete(queue_id)


def test_what_a_server_refuses_is_told_with_its_name(world):
    world.send("refusing.example")
    text = re.sub(r"\s+", " ", world.report("refusing.example"))
    assert "Remote-MTA: dns; refusing.mx.example" in text and "Action: failed" in text, text


def test_the_queue_names_the_server_that_cannot_be_reached(world):
    _, queue_id = world.send("down.example")
    assert f"dead.mx.example [{DEAD}]: connect" in world.cause(queue_id)
    world.delete(queue_id)


def test_explain_asks_dns_where_a_message_would_go(world):
    found = world.explain("ordered.example")
    assert found["route"] == "out" and found["problem"] is None
    assert [(hop["name"], hop["address"], hop["port"], hop["preference"]) for hop in found["next_hops"]] == [
        ("first.mx.example", FIRST, world.port, 10), ("second.mx.example", SECOND, world.port, 20)]
    assert [hop["address"] for hop in world.explain("both.example")["next_hops"]] == [SECOND, "fe80::1"]
    found = world.explain("null.example")
    assert found["next_hops"] == [] and found["problem"].startswith("556 5.1.10 null.example takes no mail")
    assert [hop["name"] for hop in world.explain("example.org")["next_hops"]] == ["home"]


def test_postfix_gets_mail_by_tls_if_its_certificate_bears_the_name_of_the_mx(world, postfix_with):
    postfix = postfix_with(mechanisms="", fixed={"starttls": world.port},
                           main={"virtual_mailbox_domains": "verified.example, misnamed.example"})
    name, _ = world.send("verified.example")
    postfix.inbox.wait_for(name)
    _, queue_id = world.send("misnamed.example")
    cause = world.cause(queue_id)
    assert f"misnamed.mx.example [{POSTFIX}]" in cause and "certificate" in cause, cause
    world.delete(queue_id)


def test_a_smarthost_is_followed_where_its_name_leads_and_found_when_dns_is_away(world):
    name, _ = world.send("follow.example")
    world.arrives(name, "first")
    world.nsd.stop()
    world.nsd = world.start_nsd(f"{MOVING}{SECOND}\n", ["broken.example"])
    world.sinks["first"].stop()  # and with it the session that is still open
    time.sleep(1)  # the TTL
    name, _ = world.send("follow.example")
    world.arrives(name, "second")
    world.sinks["first"].start()
    time.sleep(1)
    world.nsd.stop()
    name, _ = world.send("follow.example")
    world.arrives(name, "second")
    world.nsd = world.start_nsd(f"{MOVING}{SECOND}\n", ["broken.example"])


def test_without_an_answer_from_dns_mail_waits_and_goes_when_there_is_one(world):
    name, queue_id = world.send("broken.example")
    assert "4.4.3 the MX of broken.example cannot be looked up" in world.cause(queue_id)
    world.gateway.process.send_signal(signal.SIGHUP)
    world.nsd.stop()
    world.nsd = world.start_nsd("", [])
    world.arrives(name, "first")


def test_many_domains_that_wait_for_dns_take_little_memory(tmp_path):
    one = Relay(tmp_path, free_port(), start=False, resolvers=["127.0.9.254"])  # nobody is there
    one.settings["relay"]["routes"] = [{"name": "out", "mx": True, "tls": "none"}]
    one.write_config()
    one.start()
    gateway = one.children()["gateway"]
    before = memory_of(gateway)
    with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as session:
        for n in range(1000):
            session.sendmail("a@example.org", [f"b@domain{n}.example"], "Subject: x\r\n\r\nx\r\n")
    wait_until(lambda: all(row["cause"] for row in rows(one)), 60, "a cause for each")
    took = memory_of(gateway) - before
    one.kill()
    assert took < 32 * 1024 * 1024, f"{took / 1000:.0f} bytes each"
