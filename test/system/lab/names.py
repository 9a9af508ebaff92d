"""What the two resolvers of the lab answer."""

from peers.netlab import CLIENT, GATEWAY, GATEWAY6

RESOLVER, OTHER_RESOLVER = "192.0.2.53", "192.0.2.54"

RECORDS = f"""
mail.example.org. A {GATEWAY}
mail.example.org. AAAA {GATEWAY6}
25.2.0.192.in-addr.arpa. PTR mail.example.org.
10.100.51.198.in-addr.arpa. PTR nowhere.example.net.
client.example.net. A {CLIENT}
alias.example.org. CNAME mail.example.org.
moved.example.org. A 192.0.2.99
moved-far.example.org. A 203.0.113.25
split.example.org. A {GATEWAY}
two.example.org. A {GATEWAY}
two.example.org. A 192.0.2.66
empty.example.org. TXT "no address here"
only6.example.org. AAAA {GATEWAY6}
bogus.example.org. A {GATEWAY}
stale.example.org. A {GATEWAY}
example.org. A {GATEWAY}
example.org. MX 10 mail.example.org.
known.example.org. MX 10 mail.example.org.
nomail.example.net. MX 0 .
10.100.51.198.rbl.example.net. A 127.0.0.2
10.100.51.198.rbl.example.net. TXT "Listed for the test"
listed.example.net. A {CLIENT}
listed.example.net.dbl.example.net. A 127.0.0.2
"""
BOGUS, EXPIRED, BROKEN = ["bogus.example.org"], ["stale.example.org"], ["broken.example.net"]

# As the other one has it: one name leads elsewhere.
OTHER_RECORDS = RECORDS.replace(f"split.example.org. A {GATEWAY}", "split.example.org. A 192.0.2.66")
