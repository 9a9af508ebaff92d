"""Delivery reports from a real server: what it took and could not deliver goes out over the next gateway."""

from peers.enclosure import wait_until
from vedette import gateway

GONE = "soc@gone.example"


def bouncing(postfix_with, next_hop):
    """A Postfix that takes mail for gone.example and hands it to a server that refuses the recipient."""
    return postfix_with(main={"relay_domains": "gone.example",
                              "transport_maps": f"inline:{{ {{gone.example = smtp:[127.0.0.1]:{next_hop.port}}} }}"})


def tried(one):
    return [(m["gateway"], m["state"], m["cause"] or None) for m in one.messages()]


def test_an_alert_that_bounced_goes_out_over_the_next_gateway(vedette, postfix_with, misbehaving):
    refusing = misbehaving(rcpt="550 5.1.1 <soc@gone.example>: User unknown")
    postfix, second = bouncing(postfix_with, refusing), misbehaving()
    one = vedette(gateway(postfix.port["plain"], "first"), gateway(second.port, "second"), recipients=[GONE],
                  bounces={"address": "bounces@example.org", "maildir": str(postfix.inbox.path)})
    one.raise_alert("bounces-once")
    wait_until(lambda: ("second", "handed-over", None) in tried(one), 60, "the alert to leave over the second gateway")
    assert ("first", "bounced", "recipient") in tried(one), one.messages()
    bounced = next(m for m in one.messages() if m["state"] == "bounced")
    assert "User unknown" in bounced["reply"]
    assert one.alerts()[0]["state"] == "handed-over"
    assert len(one.messages()) == 2


def test_an_alert_that_bounced_everywhere_ends_there(vedette, postfix_with, misbehaving):
    refusing = misbehaving(rcpt="550 5.1.1 <soc@gone.example>: User unknown")
    postfix = bouncing(postfix_with, refusing)
    one = vedette(gateway(postfix.port["plain"], "first"), gateway(postfix.port["plain"], "second"), recipients=[GONE],
                  bounces={"address": "bounces@example.org", "maildir": str(postfix.inbox.path)})
    one.raise_alert("bounces-twice")
    one.wait_for_state("bounced", 2, 60)
    assert one.alerts()[0]["state"] == "bounced"
    assert one.queue() == []
    assert len(one.messages()) == 2
