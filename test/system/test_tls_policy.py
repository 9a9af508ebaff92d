"""What a server's TLS must be before mail goes to it: DANE with a signed zone of NSD, MTA-STS with policies on a web server,
REQUIRETLS, and what the configuration says. Postfix and servers that do as they are told are next hops."""

import contextlib
import hashlib
import json
import signal
import smtplib
import ssl
import subprocess

import pytest

from peers.enclosure import free_port, obstacle, wait_until
from peers.misbehaving import Misbehaving
from peers.nsd import Keys, Nsd
from peers.policies import Policies
from test_relay_durability import Ledger, Relay
from test_relay_queue import rows

reason = obstacle("nsd", "postfix")
pytestmark = pytest.mark.skipif(bool(reason), reason=str(reason))

RESOLVER, WEB, OTHER = "127.0.10.53", "127.0.10.44", "127.0.10.2"
EXTENSIONS = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]
PACE = {"retry_first": "500ms", "retry_max": "1s", "hold_down": "200ms"}
POLICY = "version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {age}\n"
OURS, ELSEWHERE = "mail.example.org", "*.elsewhere.example"


def key_digest(certificate):
    """What a TLSA record 3 1 1 of that certificate has."""
    public = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, capture_output=True, check=True).stdout
    return hashlib.sha256(der).hexdigest()


def der(certificate):
    return subprocess.run(["openssl", "x509", "-in", certificate, "-outform", "DER"], capture_output=True, check=True).stdout


class World:
    """Next hops at ports of their own, each with routes of its own: what is below .good.example and .anchored.example goes to
    Postfix with a good certificate, .self.example to Postfix with a self-signed one, .bare.example to a server without TLS, .promise.example to
    one that offers REQUIRETLS. Domains' servers have names after what is published of them."""

    def __init__(self, folder, scratch, certificates, postfix, stack):
        self.ledger, self.postfix, self.certificates = Ledger(), postfix, certificates
        self.good, self.self, self.anchored = (postfix.port[name] for name in ("starttls", "self", "anchored"))
        promise = free_port()
        start = lambda **options: stack.enter_context(Misbehaving(**options))
        self.bare = start()
        self.broken = start(offer_starttls=True)
        self.broken.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate no handshake succeeds
        tls = {"certificates": certificates, "certificate": certificates.self_signed, "port": promise}
        self.promise = start(extensions=[*EXTENSIONS, "REQUIRETLS"], **tls)
        self.plain = start(extensions=EXTENSIONS, address=OTHER, **tls)
        self.domains = {}
        keys = Keys(scratch("keys"))
        self.records(promise)
        self.nsd = Nsd(scratch("nsd"), RESOLVER, keys, self.zone, bogus=[(f"_{self.self}._tcp.mx.bogus.example", "TLSA")],
                       unsigned={"unsigned.example": self.unsigned})
        stack.callback(self.nsd.stop)
        self.policies = self.start_policies(scratch("policies"))
        stack.callback(self.policies.stop)
        self.gateway = self.start_gateway(folder, promise, keys.anchor)
        stack.callback(self.gateway.check_sanitizers)
        stack.callback(self.gateway.kill)

    def records(self, promise):
        """The zone's text."""
        own, other = key_digest(self.certificates.self_signed), key_digest(self.certificates.good)
        authority = der(self.certificates.ca).hex()
        records = {  # host: (port, TLSA)
            "mx.fits.example": (self.self, f"3 1 1 {own}"),
            "mx.differs.example": (self.self, f"3 1 1 {other}"),
            "mx.bogus.example": (self.self, f"3 1 1 {own}"),
            "mx.pkix.example": (self.self, f"1 1 1 {other}"),
            "mx.nothing.example": None,
            "mx.promise.example": (promise, f"3 1 1 {own}"),
            "mx.stripped.example": (self.bare.port, f"3 1 1 {own}"),
            "mail.example.org": (self.anchored, f"2 0 0 {authority}"),
            "mx.astray.example": (self.anchored, f"2 0 0 {authority}"),
        }
        lines = [f"{host}. A 127.0.0.1" for host in records] + [f"mx.plain.example. A {OTHER}", "alias.example. CNAME mx.fits.example."]
        lines += [f"_{entry[0]}._tcp.{host}. TLSA {entry[1]}" for host, entry in records.items() if entry]
        lines += [f"_{promise}._tcp.mx.plain.example. TLSA 3 1 1 {own}"]
        mx = {"fits.self": "mx.fits", "differs.self": "mx.differs", "bogus.self": "mx.bogus", "pkix.self": "mx.pkix",
              "nothing.self": "mx.nothing", "alias.self": "alias", "fits.only": "mx.fits", "nothing.only": "mx.nothing",
              "fits.verified": "mx.fits", "nothing.verified": "mx.nothing", "pinned.pinned": "mx.nothing",
              "stripped.bare": "mx.stripped", "any.bare": "mx.nothing", "any.need": "mx.nothing", "any.broken": "mx.nothing",
              "a.promise": "mx.promise", "xn--fts-sna.self": "mx.differs"}
        lines += [f"{domain}.example. MX 10 {host}.example." for domain, host in mx.items()]
        lines += ["both.promise.example. MX 10 mx.plain.example.", "both.promise.example. MX 20 mx.promise.example.",
                  "plain.promise.example. MX 10 mx.plain.example.", "ours.anchored.example. MX 10 mail.example.org.", "other.anchored.example. MX 10 mx.astray.example."]
        self.sts = [f"{name}.good.example" for name in ("enforce", "wrong", "testing", "expire", "keep", "redirect", "html", "long",
                                                        "absent", "untrusted", "slow", "xn--geprft-6ya")] + ["policy.self.example"]
        for domain in self.sts:
            server = "mx.nothing.example" if "self" in domain else "mail.example.org"
            lines += [f"{domain}. MX 10 {server}.", f"mta-sts.{domain}. A {WEB}", f'_mta-sts.{domain}. TXT "v=STSv1; id=1;"']
        self.zone = "\n".join(lines) + "\n"
        self.unsigned = (f"unsigned.example. MX 10 mx.unsigned.example.\nmx.unsigned.example. A 127.0.0.1\n"
                         f"_{self.self}._tcp.mx.unsigned.example. TLSA 3 1 1 {other}\n")

    def start_policies(self, folder):
        names = ",".join(f"DNS:mta-sts.{domain}" for domain in self.sts if not domain.startswith("untrusted"))
        certificate = self.certificates._issue("policies", names)
        policies = Policies(folder, certificate, self.certificates.key(certificate), WEB)
        policies.put("enforce.good.example", POLICY.format(mode="enforce", mx=OURS, age=86400))
        policies.put("wrong.good.example", POLICY.format(mode="enforce", mx=ELSEWHERE, age=86400))
        policies.put("xn--geprft-6ya.good.example", POLICY.format(mode="enforce", mx=ELSEWHERE, age=86400))
        policies.put("keep.good.example", POLICY.format(mode="enforce", mx=ELSEWHERE, age=86400))
        policies.put("expire.good.example", POLICY.format(mode="enforce", mx=ELSEWHERE, age=3))
        policies.put("testing.good.example", POLICY.format(mode="testing", mx=ELSEWHERE, age=86400))
        policies.put("policy.self.example", POLICY.format(mode="enforce", mx="*.nothing.example", age=86400))
        wrong = POLICY.format(mode="enforce", mx=ELSEWHERE, age=86400)
        policies.put("redirect.good.example", "", 302, {"Location": "https://mta-sts.wrong.good.example/.well-known/mta-sts.txt"})
        policies.put("html.good.example", wrong, headers={"Content-Type": "text/html"})
        policies.put("long.good.example", wrong + "x: " + "y" * 65536 + "\n")
        policies.put("untrusted.good.example", wrong)
        policies.put("slow.good.example", wrong, delay=60)
        return policies

    def start_gateway(self, folder, promise, anchor):
        one = Relay(folder, free_port(), start=False, resolvers=[RESOLVER], trust_anchor=str(anchor))
        good = self.certificates.good
        relay = one.settings["relay"]
        relay.update(certificate=str(good), key=str(self.certificates.key(good)), mta_sts_ca=str(self.certificates.ca))
        pin = "sha256:" + hashlib.sha256(der(self.certificates.self_signed)).hexdigest()
        relay["smarthosts"] = [
            {"name": "promises", "address": "127.0.0.1", "port": promise, "security": "starttls", "pin": pin},
            {"name": "clear", "address": "127.0.0.1", "port": self.bare.port, "security": "none"}]
        routes = {"good": (self.good, "opportunistic"), "anchored": (self.anchored, "opportunistic"), "self": (self.self, "opportunistic"), "only": (self.self, "dane-only"),
                  "verified": (self.self, None), "bare": (self.bare.port, "opportunistic"), "need": (self.bare.port, "required"),
                  "broken": (self.broken.port, "opportunistic"), "promise": (promise, "opportunistic")}
        relay["routes"] = [
            {"name": name, "domains": [f".{name}.example"], "mx": True, "port": port, "ca_file": str(self.certificates.ca), **PACE,
             **({"tls": word} if word else {})} for name, (port, word) in routes.items()]
        relay["routes"] += [{"name": name, "domains": [f"{name}.example"], "via": [name], **PACE} for name in ("promises", "clear")]
        relay["routes"] += [{"name": "unsigned", "domains": ["unsigned.example"], "mx": True, "port": self.self,
                             "tls": "opportunistic", **PACE},
                            {"name": "pinned", "domains": [".pinned.example"], "mx": True, "port": self.self,
                             "pin": pin, **PACE}]
        one.write_config()
        one.start()
        return one

    def send(self, domain, sender="a@a.promise.example", options=(), header=""):
        """The ledger's name of a message to somebody there, and its queue id."""
        name, text = self.ledger.make(300)
        context = ssl.create_default_context(cafile=str(self.certificates.ca))
        context.check_hostname = False
        with smtplib.SMTP("127.0.0.1", self.gateway.port, timeout=60) as session:
            session.starttls(context=context)
            session.ehlo()
            assert session.mail(sender, list(options))[0] == 250
            assert session.rcpt(f"b@{domain}")[0] == 250
            code, words = session.data(header + text)
            assert code == 250, words
        return name, words.split()[-1].decode()

    def line(self, queue_id):
        """The log's line about the message's delivery."""
        def find():
            return next((line for line in self.gateway.log.read_text().splitlines()
                         if 'msg="gateway message"' in line and f"id={queue_id}" in line and "outcome=later" not in line), None)
        return wait_until(find, 20, f"word of {queue_id}: {self.gateway.words()}")

    def arrives(self, domain, how, **more):
        """Mail to that domain is delivered, over TLS as the log says."""
        name, queue_id = self.send(domain, **more)
        line = self.line(queue_id)
        assert "outcome=sent" in line and f'next_hop_tls="{how}"' in line.replace("next_hop_tls=none", 'next_hop_tls="none"'), line
        return name

    def waits(self, domain, *words, **more):
        """Mail to that domain stays in the queue, and says why."""
        name, queue_id = self.send(domain, **more)

        def cause():
            return next((row["cause"] for row in rows(self.gateway) if row["id"] == queue_id and row["cause"]), None)

        text = wait_until(cause, 20, f"a cause: {self.gateway.words()}")
        assert all(word in text for word in words), text
        assert not any(name in text for text in self.postfix.inbox.texts())
        return queue_id

    def report(self, recipient):
        """The delivery report on the message to that address, as (commands before it, content)."""
        def find():
            return next((content for _, _, content in self.promise.messages if f"Final-Recipient: rfc822; {recipient}" in content), None)
        return wait_until(find, 20, f"a report about {recipient}: {self.gateway.words()}")


@pytest.fixture(scope="module")
def world(tmp_path_factory, scratch, certificates, postfix_with):
    own = {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": certificates.self_signed,
           "smtpd_tls_key_file": certificates.key(certificates.self_signed)}
    postfix = postfix_with(main={"virtual_mailbox_domains": "static:all"}, more_ports={"self": own, "anchored": {"smtpd_tls_security_level": "may"}}, mechanisms="")
    with contextlib.ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("tls"), scratch, certificates, postfix, stack)


@pytest.mark.parametrize("domain, how", [
    ("fits.self.example", "TLSv1.3, dane"), ("alias.self.example", "TLSv1.3, dane"), ("ours.anchored.example", "TLSv1.3, dane"),
    ("fits.verified.example", "TLSv1.3, dane"), ("fits.only.example", "TLSv1.3, dane")])
def test_a_server_whose_records_fit_gets_its_mail_verified_by_dane(world, domain, how):
    world.arrives(domain, how)


def test_a_server_whose_records_do_not_fit_gets_nothing(world):
    world.waits("differs.self.example", "none of the TLSA records of mx.differs.example")
    world.waits("other.anchored.example", "not for mx.astray.example")  # of the right authority, under another name


def test_records_that_dnssec_proves_wrong_hold_mail_back(world):
    world.waits("bogus.self.example", "whether the server has TLSA records", "bogus")


@pytest.mark.parametrize("domain", ["pkix.self.example", "nothing.self.example", "unsigned.example"])
def test_records_that_verify_nothing_leave_it_encrypted_to_whoever_answers(world, domain):
    world.arrives(domain, "TLSv1.3, not verified")


def test_dane_only_sends_nowhere_else(world):
    world.waits("nothing.only.example", "dane-only")


def test_without_a_word_a_certificate_that_nobody_vouches_for_gets_nothing(world):
    world.waits("nothing.verified.example", "self-signed")


def test_check_and_explain_repeat_what_the_configuration_lets_go_in_the_clear_or_to_anybody(world):
    told = world.gateway.command("check").stdout
    for route, words in (("bare", "in the clear if that offers no TLS"), ("need", "goes to whoever answers for the domain, encrypted")):
        assert f"Mail over route {route} " in told and words in told, told
    assert "route verified" not in told and "route only" not in told

    def tls(domain):
        argv = ("gateway", "explain", "--json", "--from", "127.0.0.1", "--rcpt", f"b@{domain}")
        return [hop["tls"] for hop in json.loads(world.gateway.command(*argv).stdout)["way"]["next_hops"]]

    for domain, word in (("any.bare.example", "opportunistic"), ("any.need.example", "required"), ("fits.verified.example", "verified"),
                         ("fits.only.example", "dane-only"), ("pinned.pinned.example", "pinned"), ("clear.example", "none"),
                         ("promises.example", "verified")):
        assert tls(domain) == [word], domain
    argv = ("gateway", "explain", "--from", "127.0.0.1", "--rcpt", "b@any.bare.example")
    assert "tls: opportunistic" in world.gateway.command(*argv).stdout


def test_a_route_with_a_pin_goes_by_the_pin(world):
    world.arrives("pinned.pinned.example", "TLSv1.3, pinned")


def test_where_starttls_is_stripped_mail_waits_unless_the_configuration_says_otherwise(world):
    world.waits("stripped.bare.example", "does not offer STARTTLS")  # its records say that it has TLS
    world.waits("any.need.example", "does not offer STARTTLS")
    assert not [line for line in world.bare.commands if line.startswith(("MAIL", "RCPT", "DATA"))]
    world.arrives("any.bare.example", "none")


def test_opportunistic_goes_in_the_clear_where_the_handshake_fails_and_says_so(world):
    world.arrives("any.broken.example", "none")
    assert 'as tls: opportunistic says: TLS with a next hop does not work' in world.gateway.log.read_text()


def test_a_policy_in_force_wants_a_verified_certificate_of_a_server_that_it_names(world):
    world.arrives("enforce.good.example", "TLSv1.3, verified")
    world.waits("wrong.good.example", "MTA-STS policy does not allow this server")
    world.waits("policy.self.example", "self-signed")
    assert world.policies.asked("enforce.good.example") == 1
    world.arrives("enforce.good.example", "TLSv1.3, verified")
    assert world.policies.asked("enforce.good.example") == 1  # the same version is not fetched again


def test_what_a_domain_beyond_ascii_publishes_holds_for_each_way_to_write_it(world):
    for domain in ("föts", "xn--fts-sna"):
        world.waits(f"{domain}.self.example", "none of the TLSA records of mx.differs.example", options=["SMTPUTF8"])
    for domain in ("geprüft", "xn--geprft-6ya", "GEPRÜFT"):
        world.waits(f"{domain}.good.example", "MTA-STS policy does not allow this server", options=["SMTPUTF8"])
    assert world.policies.asked("xn--geprft-6ya.good.example") == 1


def test_a_policy_under_test_stops_nothing(world):
    world.arrives("testing.good.example", "TLSv1.3, not verified")


@pytest.mark.parametrize("domain, why", [
    ("redirect", "its server answers 302"), ("html", "no text/plain"), ("long", "longer than 64 KiB"), ("absent", "its server answers 404"),
    ("untrusted", "mta-sts.untrusted.good.example")])
def test_a_policy_that_cannot_be_had_as_it_should_is_none(world, domain, why):
    world.arrives(f"{domain}.good.example", "TLSv1.3, not verified")
    line = next(line for line in world.gateway.log.read_text().splitlines()
                if 'msg="gateway cannot fetch an MTA-STS policy"' in line and f"domain={domain}.good.example" in line)
    assert why in line, line
    world.arrives(f"{domain}.good.example", "TLSv1.3, not verified")
    assert world.policies.asked(f"{domain}.good.example") == (0 if domain == "untrusted" else 1)  # not before five minutes


def test_a_policy_holds_until_it_expires_and_no_longer(world):
    _, queue_id = world.send("expire.good.example")
    wait_until(lambda: "does not allow" in next(row["cause"] or "" for row in rows(world.gateway) if row["id"] == queue_id), 20, "a cause")
    world.policies.put("expire.good.example", "", status=404)
    assert "outcome=sent" in world.line(queue_id)


def test_requiretls_goes_with_the_message_over_verified_tls_to_who_promises_it(world):
    world.arrives("a.promise.example", "TLSv1.3, dane", sender="c@a.promise.example", options=["REQUIRETLS"])
    assert [line for line in world.promise.commands if line.startswith("MAIL FROM:<c@a.promise.example>") and "REQUIRETLS" in line]
    # Of two servers the one that does not promise it is passed over.
    world.arrives("both.promise.example", "TLSv1.3, dane", sender="d@a.promise.example", options=["REQUIRETLS"])
    assert [line for line in world.promise.commands if line.startswith("MAIL FROM:<d@a.promise.example>") and "REQUIRETLS" in line]
    assert not world.plain.messages
    world.arrives("promises.example", "TLSv1.3, pinned", sender="e@a.promise.example", options=["REQUIRETLS"])
    assert [line for line in world.promise.commands if line.startswith("MAIL FROM:<e@a.promise.example>") and "REQUIRETLS" in line]
    # Other mail needs no such promise.
    world.arrives("both.promise.example", "TLSv1.3, dane")
    assert world.plain.messages


@pytest.mark.parametrize("domain, status", [
    ("plain.promise.example", "5.7.30"), ("any.bare.example", "5.7.10"), ("differs.self.example", "5.7.10"),
    ("nothing.self.example", "5.7.10"), ("unsigned.example", "5.7.10"), ("clear.example", "5.7.10")])
def test_requiretls_that_cannot_be_kept_is_told_to_the_sender_over_requiretls_without_the_body(world, domain, status):
    before = len(world.promise.commands)
    world.send(domain, options=["REQUIRETLS", "RET=FULL"])
    content = world.report(f"b@{domain}")
    assert "Action: failed" in content and f"Status: {status}" in content, content
    assert "X-Ledger: " in content and "-- whole --" not in content
    assert [line for line in world.promise.commands[before:] if line.startswith("MAIL FROM:<>") and "REQUIRETLS" in line]


def test_tls_required_no_ignores_what_is_published_and_not_the_configuration(world):
    no = {"header": "TLS-Required: No\r\n"}
    world.arrives("differs.self.example", "TLSv1.3, not verified", **no)
    world.arrives("stripped.bare.example", "none", **no)
    world.arrives("wrong.good.example", "TLSv1.3, not verified", **no)
    world.waits("nothing.verified.example", "self-signed", **no)
    world.waits("nothing.only.example", "dane-only", **no)


def test_a_reload_while_a_policy_is_fetched_asks_for_it_anew(world):
    name, queue_id = world.send("slow.good.example")
    wait_until(lambda: world.policies.asked("slow.good.example") == 1, 20, "the question for the policy")
    other, _ = world.send("enforce.good.example")  # nobody else waits
    wait_until(lambda: any(other in text for text in world.postfix.inbox.texts()), 20, "another domain's mail")
    world.policies.put("slow.good.example", POLICY.format(mode="enforce", mx=OURS, age=86400))
    world.gateway.process.send_signal(signal.SIGHUP)
    line = world.line(queue_id)
    assert "outcome=sent" in line and 'next_hop_tls="TLSv1.3, verified"' in line, line
    assert world.policies.asked("slow.good.example") == 2
    wait_until(lambda: any(name in text for text in world.postfix.inbox.texts()), 20, "the mail")


def test_a_restart_forgets_no_policy(world):
    queue_id = world.waits("keep.good.example", "does not allow this server")
    world.policies.put("keep.good.example", "", status=404)
    assert world.gateway.stop() == 0
    world.gateway.start()
    wait_until(lambda: "does not allow" in next((row["cause"] or "" for row in rows(world.gateway) if row["id"] == queue_id), ""), 20,
               f"the message's cause: {world.gateway.words()}")
    world.waits("keep.good.example", "does not allow this server")
