"""What the network of the lab does to packets: an address of the gateway's machine for each fault, so that all hold at once."""

from peers.netlab import GATEWAY

from .names import OTHER_RESOLVER, RESOLVER

# 192.0.2.N is the gateway's; what happens to packets on their way there, in the router.
DROPPED, RESET, ADMIN, HOST, NET, PORT, ONE_PORT, MTU, SILENT, CUT = (f"192.0.2.{n}" for n in range(101, 111))
OUT_DROPPED, OUT_RESET, OUT_ADMIN = (f"192.0.2.{n}" for n in range(121, 124))
ADMIN6, NO_ROUTE6 = "2001:db8:9::103", "2001:db8:ffff::25"
ABSENT = "192.0.2.66"               # nobody has it: the router finds no such neighbour
BEHIND_ABSENT = "198.51.100.99"     # on-link of the client, and nobody has it
NO_ROUTE, BLACKHOLE, PROHIBIT, UNREACHABLE, LOOP = (f"203.0.113.{n}" for n in (5, 65, 129, 193, 225))

ADDRESSES = [RESOLVER, OTHER_RESOLVER, DROPPED, RESET, ADMIN, HOST, NET, PORT, ONE_PORT, MTU, SILENT, CUT,
             OUT_DROPPED, OUT_RESET, OUT_ADMIN]

ROUTER = f"""
table inet lab {{
    chain to_gateway {{
        type filter hook forward priority 0
        ip daddr {DROPPED} drop
        ip daddr {RESET} meta l4proto tcp reject with tcp reset
        ip daddr {ADMIN} reject with icmp type admin-prohibited
        ip daddr {HOST} reject with icmp type host-unreachable
        ip daddr {NET} reject with icmp type net-unreachable
        ip daddr {PORT} reject with icmp type port-unreachable
        ip6 daddr {ADMIN6} reject with icmpv6 type admin-prohibited
        ip daddr {ONE_PORT} tcp dport 25 drop
        ip saddr {MTU} ip length > 576 drop
        ip saddr {SILENT} tcp flags & (syn | fin | rst) == 0 ip length > 60 drop
        ip daddr {CUT} @th,256,32 0x45484c4f drop comment "EHLO, behind a header of 32 bytes"
    }}
}}
"""

CLIENT = f"""
table inet lab {{
    chain out {{
        type filter hook output priority 0
        ip daddr {OUT_DROPPED} drop
        ip daddr {OUT_RESET} meta l4proto tcp reject with tcp reset
        ip daddr {OUT_ADMIN} reject with icmp type admin-prohibited
    }}
}}
"""

CLIENT_ROUTES = f"""
    route add blackhole {BLACKHOLE}/32
    route add prohibit {PROHIBIT}/32
    route add unreachable {UNREACHABLE}/32
    route add {LOOP}/32 via 198.51.100.1"""


def filter_network(lab):
    lab.router.run("nft", "-f", "-", text=ROUTER)
    lab.client.run("nft", "-f", "-", text=CLIENT)
    lab.client.run("ip", "-batch", "-", text=CLIENT_ROUTES)
    lab.router.run("ip", "route", "add", f"{LOOP}/32", "via", GATEWAY)
    lab.gateway.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    # Neighbours that are not there are given up soon.
    for machine, device in ((lab.client, "eth0"), (lab.router, "outside")):
        machine.run("sh", "-c", f"echo 200 >/proc/sys/net/ipv4/neigh/{device}/retrans_time_ms")
