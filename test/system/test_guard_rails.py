"""The guard rails of our own gateway, held to what they say with a real client: who may send what, to whom, and what becomes
of it. Clients come from addresses of their own within 127.0.0.0/8."""

import json
import re
import signal
import socket
import subprocess

import pytest

from peers.enclosure import Maildir, free_port, wait_until
from peers.swaks import swaks
from vedette import Vedette, binary


class Gateway(Vedette):
    """`vedette gateway` with these rules; example.org goes to `inbox`, all else to `elsewhere`."""

    def __init__(self, directory, rules, start=True, relay=None):
        self.port = free_port()
        super().__init__(directory, [], start=False)
        for key in ("gateways", "inputs", "rules", "sender", "recipients"):
            del self.settings[key]
        self.inbox, self.elsewhere = Maildir(self.dir / "inbox"), Maildir(self.dir / "elsewhere")
        self.settings["relay"] = {
            "listen": [f"127.0.0.1:{self.port}"],
            "routes": [{"name": "inside", "domains": ["example.org"], "maildir": "inbox"},
                       {"name": "outside", "maildir": "elsewhere"}],
            "rules": rules,
            **(relay or {}),
        }
        self.write_config()
        if start:
            self.start()

    def send(self, client, *options, **more):
        return swaks(self.port, "--local-interface", client, *options, **more)

    def explain(self, *options):
        return json.loads(self.command("gateway", "explain", "--json", *options).stdout)

    def reload(self, rules):
        self.settings["relay"]["rules"] = rules
        self.write_config()
        before = self.words().count("reloaded")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.words().count("reloaded") > before, 30, "the reload")


@pytest.fixture
def start(tmp_path):
    running = []

    def make(*args, **more):
        running.append(Gateway(tmp_path, *args, **more))
        return running[-1]

    yield make
    for gateway in running:
        gateway.kill()
        gateway.check_sanitizers()


def refusal(dialogue):
    """The last refusal that swaks saw."""
    found = re.findall(r"^<\*\* *(.*)$", dialogue.text, re.M)
    assert found, dialogue.text
    return found[-1]


RULES = [
    {"name": "taken", "networks": ["127.0.0.2"], "accept": {}},
    {"name": "refused", "networks": ["127.0.0.3"], "reject": "ask the mail team"},
    {"name": "later", "networks": ["127.0.0.4"], "defer": "come back"},
    {"name": "marked", "networks": ["127.0.0.5"], "tag": "X-Relay: from the lab"},
    {"name": "elsewhere", "networks": ["127.0.0.6"], "redirect": "night@example.net"},
    {"name": "held", "networks": ["127.0.0.7"], "quarantine": {}},
    {"name": "small", "networks": ["127.0.0.8"], "size": 2000, "domains": ["example.org"], "accept": {}},
    {"name": "phish", "networks": ["127.0.0.9"], "headers": ["Subject: *password*"], "reject": "no passwords"},
    {"name": "rest", "networks": ["127.0.0.9"], "accept": {}},
]


def test_each_verdict_is_what_happens_and_what_explain_says(start):
    gateway = start(RULES)
    cases = [
        ("127.0.0.2", "soc@example.org", None, "accept", "taken", None),
        ("127.0.0.3", "soc@example.org", None, "reject", "refused", "550 5.7.1 ask the mail team (rule refused)"),
        ("127.0.0.4", "soc@example.org", None, "defer", "later", "451 4.7.1 come back (rule later)"),
        ("127.0.0.5", "soc@example.org", None, "accept", "marked", None),
        ("127.0.0.6", "soc@example.org", None, "redirect", "elsewhere", None),
        ("127.0.0.8", "soc@example.org", None, "accept", "small", None),
        ("127.0.0.8", "soc@example.net", None, "reject", "default", "550 5.7.1 Relay access denied: rule small"),
        ("127.0.0.9", "soc@example.org", "your Password", "reject", "phish", "550 5.7.1 no passwords (rule phish)"),
        ("127.0.0.9", "soc@example.org", "lunch", "accept", "rest", None),
        ("127.0.0.1", "soc@example.org", None, "reject", "default", "550 5.7.1 Relay access denied: no rule lets 127.0.0.1"),
    ]
    for number, (client, to, subject, verdict, rule, words) in enumerate(cases):
        subject = subject or f"case {number}"
        told = gateway.explain("--from", client, "--rcpt", to, "--sender", "a@example.org", "--size", "500",
                               "--header", f"Subject: {subject}")
        assert (told["verdict"], told["rule"]) == (verdict, rule), (client, told)
        dialogue = gateway.send(client, to=to, subject=subject)
        if words:
            assert words in refusal(dialogue), (client, dialogue.text)
            assert words in f"{told['code']} {told['enhanced']} {told['text']}"
        else:
            assert dialogue.code == 0, dialogue.text
            place = gateway.elsewhere if verdict == "redirect" else gateway.inbox
            text = place.wait_for(f"Subject: {subject}")
            assert ("X-Relay: from the lab" in text) == (rule == "marked")


@pytest.mark.parametrize("options, said", [
    (["--rcpt", "a"], "--rcpt: the address has no domain"), (["--rcpt", "u@v@gw"], "--rcpt: the address has a domain that is not"),
    (["--rcpt", "a@☃.example"], "--rcpt: the address has a domain beyond ASCII that IDNA"),
    (["--rcpt", "a@b.example", "--sender", "root"], "--sender: the address has no domain"),
    (["--rcpt", "a@b.example", "--header", "nonsense"], "is no field"), (["--rcpt", "a@b.example", "--size", "-5"], "size")])
def test_explain_refuses_what_no_session_could_say(start, options, said):
    done = start([], start=False).command("gateway", "explain", "--from", "127.0.0.1", *options, check=False)
    assert done.returncode == 64 and said in done.stderr, done.stderr


def test_explain_lets_nobody_in_who_has_no_account(start):
    gateway = start([{"name": "any", "accounts": ["*"], "accept": {}}], start=False,
                    relay={"certificate": "/c.pem", "key": "/k.pem", "accounts": [{"name": "ann", "password": "secret:file/ann"}]})
    told = gateway.explain("--from", "127.0.0.1", "--rcpt", "a@b.example", "--user", "ghost", "--tls", "1.3")
    assert (told["verdict"], told["code"]) == ("reject", 535) and "no account ghost" in told["why"], told


def test_what_is_held_does_not_leave_and_what_comes_after_it_does(start):
    gateway = start(RULES)
    assert gateway.send("127.0.0.7", to="soc@example.org", subject="held back").code == 0
    assert gateway.send("127.0.0.2", to="soc@example.org", subject="passed on").code == 0
    gateway.inbox.wait_for("Subject: passed on")
    assert not any("held back" in text for text in gateway.inbox.texts() + gateway.elsewhere.texts())


def test_a_message_that_is_too_large_is_refused_with_the_rule_s_name(start):
    gateway = start(RULES)
    dialogue = gateway.send("127.0.0.8", to="soc@example.org", body="x" * 70 + ("\n" + "x" * 70) * 60)
    assert "Rule small takes at most 2000 bytes" in refusal(dialogue), dialogue.text
    assert not gateway.inbox.files()


def say(port, lines, client="127.0.0.2"):
    """Sends each line when the reply to the one before is there; returns the replies' first lines."""
    replies = []
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(client, 0)) as s:
        stream = s.makefile("rb")

        def reply():
            line = first = stream.readline()
            while line[3:4] == b"-":
                line = stream.readline()
            return first.decode().strip()

        reply()
        for line in lines:
            s.sendall(line.encode() + b"\r\n")
            replies.append(reply())
    return replies


@pytest.mark.parametrize("recipient", ["u%victim.example@example.org", '"u@victim.example"@example.org', "@example.org:u@victim.example",
                                       "victim.example!u", "victim.example!u@example.org", "u@victim.example@example.org",
                                       "u@[203.0.113.5]", "u@[IPv6:2001:db8::5]"])
def test_no_form_of_a_route_is_relayed(start, recipient):
    gateway = start([{"name": "all", "networks": ["127.0.0.0/8"], "domains": ["example.org", "*"], "accept": {}}])
    replies = say(gateway.port, ["EHLO client.example", "MAIL FROM:<a@example.org>", f"RCPT TO:<{recipient}>", "RCPT TO:<b@example.org>"])
    assert replies[2][:1] == "5", replies
    assert replies[3][:3] == "250", replies


def test_an_old_appliance_s_mail_is_mended_and_its_body_untouched(start):
    gateway = start([{"name": "printers", "networks": ["127.0.0.2"], "bare_lf": True, "clean_header": True,
                      "send_as": "printers@example.org", "rewrite": ["root@* -> soc@example.org"], "accept": {}},
                     {"name": "modern", "networks": ["127.0.0.3"], "accept": {}}])
    body = "toner\tis low  \n.\u00e4 dot\n\n  last line"
    message = f"Subject: toner\nBcc: secret@example.org\nFrom: root@localhost\n\n{body}"

    def over(client):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20, source_address=(client, 0)) as s:
            stream, replies = s.makefile("rb"), []
            for sent in (None, "HELO printer\r\n", "MAIL FROM:<root@localhost>\r\n", "RCPT TO:<root@printer.local>\r\n", "DATA\r\n",
                         message.replace("\n.", "\n..") + "\r\n.\r\n"):
                if sent:
                    s.sendall(sent.encode())
                replies.append(stream.readline().decode().strip())
                if replies[-1][:1] in "45":
                    break
            return replies

    assert over("127.0.0.2")[-1][:3] == "250"
    text = gateway.inbox.wait_for("Subject: toner")
    head, _, got = text.partition("\n\n")
    assert got.rstrip("\n") == body
    assert "From: <printers@example.org>" in head and "root@localhost" not in head.split("Subject:")[1]
    assert "Bcc" not in head and "\nDate: " in head and "\nMessage-ID: <" in head
    assert over("127.0.0.3")[-1][:1] == "5"  # elsewhere a bare LF is what it is: smuggling


def test_a_loud_sender_is_told_to_wait_while_another_is_served(start):
    gateway = start([{"name": "net", "networks": ["127.0.0.0/8"], "rate": ["2/1h per sender"], "accept": {}}])
    for _ in range(2):
        assert gateway.send("127.0.0.2", sender="loud@example.org", to="soc@example.org").code == 0
    words = refusal(gateway.send("127.0.0.2", sender="loud@example.org", to="soc@example.org"))
    assert "451 4.7.1 Rule net: its rate of 2 in" in words and "try again in" in words, words
    assert gateway.send("127.0.0.2", sender="quiet@example.org", to="soc@example.org").code == 0


def test_a_quota_outlives_the_gateway(start):
    gateway = start([{"name": "net", "networks": ["127.0.0.0/8"], "quota": ["2/day per client"], "accept": {}}])
    assert gateway.send("127.0.0.2", to="soc@example.org").code == 0
    assert gateway.stop() == 0
    gateway.start()
    assert gateway.send("127.0.0.2", to="soc@example.org").code == 0
    assert "quota of 2 a day per client" in refusal(gateway.send("127.0.0.2", to="soc@example.org"))
    assert gateway.send("127.0.0.3", to="soc@example.org").code == 0


def test_a_reload_brings_new_rules_and_keeps_the_counts(start):
    rules = [{"name": "net", "networks": ["127.0.0.2"], "quota": ["1/day"], "accept": {}}]
    gateway = start(rules)
    assert gateway.send("127.0.0.2", to="soc@example.org").code == 0
    gateway.reload([*rules, {"name": "other", "networks": ["127.0.0.3"], "accept": {}}])
    assert "quota of 1 a day" in refusal(gateway.send("127.0.0.2", to="soc@example.org"))
    assert gateway.send("127.0.0.3", to="soc@example.org").code == 0


def test_metrics_count_what_each_rule_decided(start):
    gateway = start(RULES)
    gateway.send("127.0.0.2", to="soc@example.org")
    gateway.send("127.0.0.3", to="soc@example.org")
    gateway.send("127.0.0.1", to="soc@example.org")
    gateway.inbox.wait_for("Subject: test")
    wait_until(lambda: 'vedette_gateway_attempts_total{outcome="sent"} 1' in gateway.command("metrics").stdout, 20, "the attempt's count")
    text = gateway.command("metrics").stdout
    for line in ('vedette_gateway_decisions_total{rule="taken",action="accept"} 1',
                 'vedette_gateway_decisions_total{rule="refused",action="reject"} 1',
                 'vedette_gateway_decisions_total{rule="default",action="reject"} 1', 'vedette_up{process="gateway"} 1'):
        assert line in text.splitlines(), text
    for line in text.splitlines():  # every sample belongs to the family above it
        assert re.match(r'# (HELP|TYPE) vedette_\w+ .+|vedette_\w+(\{.*\})? -?[0-9.]+$', line), line


def test_tests_beside_the_rules_say_what_the_rules_do(start):
    gateway = start(RULES, start=False)
    cases = gateway.dir / "rules.test.yaml"
    cases.write_text("- {name: right, from: 127.0.0.2, rcpt: a@example.org, verdict: accept, rule: taken}\n"
                     "- {name: wrong, from: 127.0.0.3, rcpt: a@example.org, verdict: accept}\n"
                     "- {name: broken, from: 127.0.0.3}\n")
    done = gateway.command("gateway", "test", "--json", str(cases), check=False)
    assert done.returncode == 65
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["name"], r["result"], r["line"]) for r in rows] == [("right", "passed", 1), ("wrong", "failed", 2), ("broken", "broken", 3)]
    assert "reject by rule refused" in rows[1]["message"]


def test_top_shows_who_sends_what(start):
    gateway = start(RULES)
    gateway.send("127.0.0.2", to="soc@example.org", sender="vault@example.org")
    gateway.send("127.0.0.3", to="soc@example.org", sender="eve@example.org")
    rows = [json.loads(line) for line in gateway.command("gateway", "top", "--json").stdout.splitlines()]
    assert [(r["client"], r["sender"], r["rule"], r["taken"], r["refused"]) for r in rows] == [
        ("127.0.0.3", "eve@example.org", "refused", 0, 1), ("127.0.0.2", "vault@example.org", "taken", 1, 0)]
    assert rows[1]["bytes"] > 0 and rows[1]["last_minute"] == 1
    assert "vault@example.org" in gateway.command("gateway", "top", "--once").stdout


def test_what_is_held_can_be_released(start):
    gateway = start(RULES)
    assert gateway.send("127.0.0.7", to="soc@example.org", subject="held back").code == 0
    row, = (json.loads(line) for line in gateway.command("gateway", "queue", "--json").stdout.splitlines())
    assert (row["state"], row["rule"]) == ("held", "held")
    gateway.command("gateway", "queue", "release", row["id"])
    gateway.inbox.wait_for("Subject: held back")


def test_an_open_relay_does_not_start_unless_it_is_said_in_words(start):
    gateway = start([{"name": "all", "accept": {}}], start=False)
    done = subprocess.run([binary(), "gateway", "-c", str(gateway.config)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78 and "open relay" in done.stdout + done.stderr
    gateway.settings["relay"]["open_relay"] = "yes, anybody may send through us"
    gateway.write_config()
    assert "makes an open relay" in gateway.command("check").stdout


def test_commands_of_our_gateway_look_for_the_same_configuration():
    asked = [["top"], ["queue"], ["explain", "--from", "::1", "--rcpt", "a@b.example"]]
    said = {subprocess.run([binary(), "gateway", *argv], capture_output=True, text=True).stderr.splitlines()[0] for argv in asked}
    assert len(said) == 1
