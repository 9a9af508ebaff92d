"""Networks of our own: a client, a router and a gateway's machine, each a network namespace, joined by veth pairs.

    client.example.net 198.51.100.10 ── router 198.51.100.1 │ 192.0.2.1 ── gateway 192.0.2.25, …

Nothing of it is seen by the machine: each namespace is held by a process of ours that reads its standard input, and is
gone when that ends, so also when the tests are killed. Root only.
"""

import contextlib
import ctypes
import os
import subprocess

CLIENT, ROUTER, GATEWAY = "198.51.100.10", "192.0.2.1", "192.0.2.25"
CLIENT6, GATEWAY6 = "2001:db8:c::10", "2001:db8:9::25"

HOLD = """
set -eu
mount --make-rprivate /
hostname "$0"
# Addresses are usable at once, without looking for duplicates.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
# As on a machine: with room for a dozen datagrams only, a daemon that logs much while it starts would wait for ever.
echo 512 >/proc/sys/net/unix/max_dgram_qlen
ip link set lo up
for pair in "$@"; do mount --bind "${pair%%:*}" "${pair#*:}"; done
echo held
exec cat >/dev/null
"""

PROBE = """
table inet lab {
    chain probe {
        type filter hook forward priority 0
        ct state new reject with icmp type admin-prohibited
    }
}
"""

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def obstacle():
    """Why there can be no such networks here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    done = subprocess.run(["unshare", "--net", "sh", "-c", "ip link add veth0 type veth peer name veth1 && nft -f -"],
                          input=PROBE, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no network namespaces with veth and nft here: {done.stderr.strip()}"


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """One machine. bind: files that its programs see in place of the machine's, as {seen: ours}."""

    def __init__(self, name, bind=None):
        pairs = [f"{ours}:{seen}" for seen, ours in (bind or {}).items()]
        self.process = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "sh", "-c", HOLD, name, *pairs],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        if self.process.stdout.readline() != "held\n":
            raise AssertionError(f"namespace {name}: {self.process.stderr.read()}")
        self.pid = self.process.pid

    def argv(self, *argv, hostname=None):
        """The command that runs argv in here; hostname: under another name than its own."""
        enter = ["nsenter", f"--target={self.pid}", "--net", "--mount", "--uts", "--"]
        if hostname:
            enter += ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', hostname]
        return [*enter, *map(str, argv)]

    def run(self, *argv, text=None):
        done = subprocess.run(self.argv(*argv), input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(map(str, argv))}: {done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def inside(self):
        """This thread's sockets, and the processes and threads that it starts, are in this network."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/proc/{self.pid}/ns/net", "rb") as there:
            _setns(there.fileno())
            try:
                yield self
            finally:
                _setns(home.fileno())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()


class NetLab:
    """The three machines, with forwarding, and nothing filtered. filter() adds rules."""

    def __init__(self, bind=None, gateway_addresses=()):
        """bind: for the client. gateway_addresses: more of 192.0.2.0/24 that are the gateway's."""
        self.machines = []
        try:
            self.client = self._machine("client.example.net", bind)
            self.router = self._machine("router.example.net")
            self.gateway = self._machine("mail.example.org")
            self._cable(gateway_addresses)
        except BaseException:
            self.stop()
            raise

    def _machine(self, name, bind=None):
        self.machines.append(Namespace(name, bind))
        return self.machines[-1]

    def _cable(self, addresses):
        more = "".join(f"addr add {a}/24 dev eth0\n" for a in addresses)
        self.router.run("ip", "link", "add", "inside", "type", "veth", "peer", "name", "eth0", "netns", self.client.pid)
        self.router.run("ip", "link", "add", "outside", "type", "veth", "peer", "name", "eth0", "netns", self.gateway.pid)
        self.router.run("ip", "-batch", "-", text="""
            addr add 198.51.100.1/24 dev inside
            addr add 192.0.2.1/24 dev outside
            addr add 2001:db8:c::1/64 dev inside
            addr add 2001:db8:9::1/64 dev outside
            link set inside up
            link set outside up""")
        self.client.run("ip", "-batch", "-", text=f"""
            addr add {CLIENT}/24 dev eth0
            addr add {CLIENT6}/64 dev eth0
            link set eth0 up
            route add 192.0.2.0/24 via 198.51.100.1
            route add 2001:db8:9::/64 via 2001:db8:c::1""")
        self.gateway.run("ip", "-batch", "-", text=f"""
            addr add {GATEWAY}/24 dev eth0
            {more}addr add {GATEWAY6}/64 dev eth0
            link set eth0 up
            route add default via 192.0.2.1
            route add default via 2001:db8:9::1""")
        # As service managers have it: anybody may ping.
        self.client.run("sh", "-c", "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range")
        self.router.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
                        "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit")

    def stop(self):
        for machine in reversed(self.machines):
            machine.stop()
