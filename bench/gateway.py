#!/usr/bin/python3
"""make bench-gateway: our relay against Postfix, same machine, same run, interleaved. Postfix's smtp-source sends, its smtp-sink
takes; bench/starttls.c sends inside TLS. The queue is on disk. Figures are medians; ratios are to the better of two settings of
Postfix per cell. `bench/gateway.py cells starttls latency proof` picks parts. BENCH_SHORT=1 takes less than a minute. Only a wrong count, or a 250 before its sync, makes it fail; never a time."""

import functools
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

from harness import BUILD, PEERS, SCRATCH, PROGRAMS, SHORT, VEDETTE, Daemon, PeakMemory, Report, Wrong, folder, free_port, median, port_answers, quantile, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "test" / "system"))
from peers import certificates, enclosure, postfix as peer  # noqa: E402

BINARY = os.environ.get("VEDETTE_BIN") or VEDETTE  # another one than is built here
TOOLS = PEERS / "postfix" / "usr" / "sbin"
LIBRARIES = {"LD_LIBRARY_PATH": str(PEERS / "postfix" / "usr" / "lib" / "postfix")}
BYTES = 2048
CELLS = [(10, True), (50, False)] if SHORT else [(s, reused) for reused in (True, False) for s in (1, 10, 50, 200)]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1" if SHORT else "5"))
MESSAGES = int(os.environ.get("BENCH_MESSAGES", "500" if SHORT else "5000"))
TLS_CELLS = [(10, "each")] if SHORT else [(10, how) for how in ("each", "resumed", "reused")]
TLS_MESSAGES = min(MESSAGES, 200 if SHORT else 2000)
SINGLES = 20 if SHORT else 200
TUNINGS = {"20 next hops": "20", "50 next hops": "50"}


class Sink(Daemon):
    """smtp-sink, which counts on its standard output."""

    def __init__(self, directory):
        self.port = free_port()
        user = ["-u", "root"] if os.geteuid() == 0 else []
        super().__init__("sink", [TOOLS / "smtp-sink", *user, "-c", f"127.0.0.1:{self.port}", "1024"], directory, LIBRARIES)
        self.wait_for_port(self.port)

    def count(self):
        with open(self.log, "rb") as log:
            log.seek(max(0, self.log.stat().st_size - 200))
            found = re.findall(rb"mesg=\s*(\d+)", log.read())
        return int(found[-1]) if found else 0


class Vedette(Daemon):
    name = "vedette"

    def __init__(self, directory, sink_port, certificate):
        self.port = free_port()
        config = directory / "vedette.yaml"
        config.write_text(json.dumps({
            "hostname": "gw.example.org", "state_directory": str(directory / "state"), "privileges": "keep",
            "relay": {"listen": [f"127.0.0.1:{self.port}"], "connections_max": 10000,
                      "certificate": str(certificate), "key": str(certificate.with_suffix(".key")),
                      "rules": [{"name": "all", "networks": ["127.0.0.0/8"], "accept": {}}],
                      "routes": [{"name": "sink", "via": ["sink"], "connections": 20}],
                      "smarthosts": [{"name": "sink", "address": "127.0.0.1", "port": sink_port, "security": "none"}]}}))
        super().__init__("vedette", [BINARY, "run", "-c", config], directory)
        self.wait_for_port(self.port)

    def gateway(self):
        for pid in self.pids():
            if b"gateway" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        raise Wrong("no gateway process")


class Postfix:
    """Debian's, tuned for throughput: many processes, no waiting on its own behalf, connections to the next hop kept."""

    MAIN = """
compatibility_level = 3.6
myhostname = mail.example.org
queue_directory = {dir}/spool
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = /dev/null
maillog_file_prefixes = /dev
alias_maps =
relayhost = [127.0.0.1]:{sink}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_event_limit_exceptions = static:all
smtp_tls_security_level = none
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_session_cache_database = btree:/var/lib/postfix/smtpd_scache
smtp_host_lookup = native
default_process_limit = 250
in_flow_delay = 0
qmgr_message_active_limit = 100000
default_destination_concurrency_limit = {hops}
initial_destination_concurrency = {hops}
smtp_connection_cache_destinations = static:all
smtp_connection_reuse_count_limit = 1000
smtp_destination_rate_delay = 0
"""

    def __init__(self, directory, sink_port, tuning, certificate):
        self.name, self.port = f"postfix, {tuning}", free_port()
        (directory / "spool").mkdir()
        (directory / "main.cf").write_text(self.MAIN.format(dir=directory, sink=sink_port, hops=TUNINGS[tuning],
                                                            certificate=certificate, key=certificate.with_suffix(".key")))
        (directory / "master.cf").write_text(peer.SERVICES.replace("postlog unix-dgram n - n - 1 postlogd\n", "")
                                             + f"127.0.0.1:{self.port} inet n - n - 250 smtpd\n")
        start = peer.START.format(scratch=directory, more_start="", sasl="").replace("/var/spool/postfix", str(directory / "spool"))
        (directory / "start").write_text(start)
        self.enclosure = enclosure.Enclosure(directory, ["postfix"], ["/bin/sh", str(directory / "start")], [self.port])
        self.process = self.enclosure.process

    pids = Daemon.pids
    cpu_seconds = Daemon.cpu_seconds
    anonymous_bytes = Daemon.anonymous_bytes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.enclosure.stop()


def source(port, sessions, reused, messages):
    """Runs smtp-source to its end; its CPU seconds."""
    before = os.times()
    done = subprocess.run([TOOLS / "smtp-source", *(["-d"] if reused else []), "-s", str(sessions), "-l", str(BYTES), "-m", str(messages),
                           "-f", "a@example.org", "-t", "b@example.net", f"127.0.0.1:{port}"],
                          env={**os.environ, **LIBRARIES}, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise Wrong(f"smtp-source: {done.stderr.strip()[-300:]}")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def starttls(port, sessions, how, messages):
    """Runs bench/starttls.c to its end; its CPU seconds. Sessions must be resumed where that is asked for, and nowhere else."""
    before = os.times()
    done = subprocess.run([PROGRAMS / "starttls", *map(str, (port, sessions, messages, BYTES)), how], capture_output=True, text=True,
                          check=False, timeout=600)
    if done.returncode:
        raise Wrong(f"starttls: {done.stderr.strip()[-300:]}")
    handshakes, resumed = map(int, done.stdout.split())
    expected = {"each": (messages, 0), "resumed": (messages, messages - sessions), "reused": (sessions, 0)}[how]
    if handshakes != expected[0] or (how == "resumed") != (resumed > 0.9 * expected[1] > 0):
        raise Wrong(f"{handshakes} handshakes, {resumed} of them resumed, where {how} was asked for")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def run_once(relay, sink, messages, send):
    """send() hands that many messages to the relay, and gives the CPU seconds that it took itself."""
    before, cpu, sink_cpu, start = sink.count(), relay.cpu_seconds(), sink.cpu_seconds(), time.monotonic()
    with PeakMemory(relay) as memory:
        generator = send()
        accepted = time.monotonic() - start
        wait_until(lambda: sink.count() - before >= messages, f"{messages} messages of {relay.name} at the sink", 300, 0.002)
        relayed = time.monotonic() - start
    if sink.count() - before != messages:
        raise Wrong(f"{relay.name}: {sink.count() - before} messages at the sink, not {messages}")
    per = 1000 / messages
    return {"accepted": messages / accepted, "relayed": messages / relayed, "cpu": (relay.cpu_seconds() - cpu) * per,
            "generator": generator * per, "sink": (sink.cpu_seconds() - sink_cpu) * per, "peak": memory.peak / 1e6}


class Bare:
    """No relay: the generator speaks to the sink."""

    name, process = "no relay", None

    def __init__(self, sink):
        self.port = sink.port

    def cpu_seconds(self):
        return 0

    def anonymous_bytes(self):
        return 0


def scale(relay, sessions):
    """Slow peers get fewer messages, or the run takes all day."""
    few = 2000 if relay.name.startswith("postfix") else MESSAGES
    return max(sessions, min(MESSAGES, few))


def rounds(relays, sink, count, send):
    """count(relay) messages each, in turn, so that a noisy minute meets all. Of each relay the medians; of ours how many times Postfix's
    best they are, too."""
    found = {}
    for _ in range(ROUNDS):
        for relay in relays:
            messages = count(relay)
            run = run_once(relay, sink, messages, functools.partial(send, relay.port, messages=messages))
            found.setdefault(relay.name, []).append(run)
    middle = {name: {key: median([run[key] for run in runs]) for key in runs[0]} for name, runs in found.items()}
    times = {key: middle["vedette"][key] / max(m[key] for name, m in middle.items() if name.startswith("postfix"))
             for key in ("accepted", "relayed")}
    ratio = f"{times['accepted']:5.1f}, {times['relayed']:4.1f} x"
    return [(name, m, ratio if name == "vedette" else "") for name, m in middle.items()]


def tls_cells(report, relays, sink):
    report.say(f"\n(b) STARTTLS: {BYTES} bytes each, {ROUNDS} rounds of {TLS_MESSAGES} messages; per second, CPU s per 1,000")
    report.say("    sessions         relay                  accepted  relayed   CPU  (source)   accepted, relayed : Postfix")
    for sessions, how in TLS_CELLS:
        send = functools.partial(starttls, sessions=sessions, how=how)
        for name, m, ratio in rounds(relays, sink, lambda _: TLS_MESSAGES, send):
            report.say(f"    {sessions:4} {how:8}    {name:22} {m['accepted']:8.0f} {m['relayed']:8.0f} {m['cpu']:6.2f} "
                       f"({m['generator']:.2f})   {ratio}")
            report.keep(f"starttls {sessions} {how} {name}", **m)


def cells(report, relays, sink):
    report.say(f"\n(a) {BYTES} bytes each, {ROUNDS} rounds of {MESSAGES} messages (Postfix: at most 2000); per second, CPU s per 1,000, peak MB")
    report.say("    sessions         relay                  accepted  relayed   CPU  (source, sink)   peak   accepted, relayed : Postfix")
    for sessions, reused in CELLS:
        send = functools.partial(source, sessions=sessions, reused=reused)
        for name, m, ratio in rounds((*relays, Bare(sink)), sink, functools.partial(scale, sessions=sessions), send):
            report.say(f"    {sessions:4} {'reused' if reused else 'each':8}    {name:22} {m['accepted']:8.0f} {m['relayed']:8.0f} "
                       f"{m['cpu']:6.2f} ({m['generator']:.2f}, {m['sink']:.2f}) {m['peak']:7.1f}   {ratio}")
            report.keep(f"{sessions} {'reused' if reused else 'each'} {name}", **m)


def one_message(port, sink, number):
    """Seconds from the dot to its answer, and from connect to the sink."""
    before, start = sink.count(), time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as peer_socket, peer_socket.makefile("rb") as lines:
        peer_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def reply():
            while (line := lines.readline())[3:4] == b"-":
                pass
            return line

        reply()
        for line in (b"EHLO me\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<b@example.net>\r\n", b"DATA\r\n"):
            peer_socket.sendall(line)
            reply()
        body = f"Subject: {number}\r\n\r\n".encode() + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 27
        dot = time.monotonic()
        peer_socket.sendall(body + b".\r\n")
        if not (answer := reply()).startswith(b"250"):
            raise Wrong(f"answer to the dot: {answer}")
        answered = time.monotonic()
        while sink.count() == before:
            time.sleep(0.0001)
        return answered - dot, time.monotonic() - start


def latency(report, relays, sink):
    report.say(f"\n(c) One message at a time, {SINGLES} of them: ms, p50 / p99")
    for relay in relays:
        found = [one_message(relay.port, sink, i) for i in range(SINGLES)]
        dots, arrivals = zip(*found)
        figures = {"dot_p50": quantile(dots, 0.5) * 1e3, "dot_p99": quantile(dots, 0.99) * 1e3,
                   "arrival_p50": quantile(arrivals, 0.5) * 1e3, "arrival_p99": quantile(arrivals, 0.99) * 1e3}
        report.say(f"    {relay.name:22} answer to the dot {figures['dot_p50']:.2f} / {figures['dot_p99']:.2f}, "
                   f"connect to arrival {figures['arrival_p50']:.2f} / {figures['arrival_p99']:.2f}")
        report.keep(f"latency {relay.name}", **figures)


def limits(report, directory):
    """What the disk allows one writer, beside everything else."""
    path, times = directory / "limit", []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    for _ in range(100 if SHORT else 1000):
        start = time.monotonic()
        os.write(descriptor, b"x" * 4096)
        os.fdatasync(descriptor)
        times.append(time.monotonic() - start)
    os.close(descriptor)
    path.unlink()
    report.say(f"\n    the disk: append 4 KB and fdatasync p50 {quantile(times, 0.5) * 1e3:.2f} ms, p99 {quantile(times, 0.99) * 1e3:.2f} ms")
    report.keep("disk", p50_ms=quantile(times, 0.5) * 1e3, p99_ms=quantile(times, 0.99) * 1e3)


def proof(report, vedette, directory):
    """A traced sample: between the dot and its 250 lies a sync that succeeded."""
    if not shutil.which("strace"):
        report.say("\n(d) no strace here: no proof by trace")
        return
    trace = directory / "trace"
    tracer = subprocess.Popen(["strace", "-f", "-s", "200", "-e", "trace=fdatasync,fsync,recvfrom,sendto,read,write,pwritev", "-o", trace,
                               "-p", str(vedette.gateway())], stderr=subprocess.PIPE, text=True)
    tracer.stderr.readline()  # attached
    source(vedette.port, 1, True, 20)
    tracer.terminate()
    tracer.wait()
    synced, answers = False, 0
    for line in trace.read_text(errors="replace").splitlines():
        if ".\\r\\n\"" in line and ("recvfrom" in line or "read(" in line):
            synced = False
        elif re.search(r"f(data)?sync.*= 0$", line):
            synced = True
        elif "queued as" in line and ("sendto" in line or "write(" in line) and "250" in line and "msg=" not in line:
            answers += 1
            if not synced:
                report.wrong.append("a message was answered 250 before it was synced")
                report.say(f"  WRONG {report.wrong[-1]}: {line}")
    report.check("answers in the trace", answers, 20)
    report.say(f"\n(d) Traced: {answers} messages, each synced between its dot and its 250")


PARTS = ("cells", "starttls", "latency", "proof")


def main(wanted):
    if unknown := set(wanted) - set(PARTS):
        sys.exit(f"usage: bench/gateway.py [{' | '.join(PARTS)}]…   (no such part: {', '.join(sorted(unknown))})")
    if reason := enclosure.obstacle("postfix"):
        sys.exit(reason)
    built = subprocess.run(["ninja", "-C", BUILD, "bench/starttls", *(["src/cmd/vedette"] if BINARY == VEDETTE else [])],
                           capture_output=True, text=True, check=False)
    if built.returncode:
        sys.exit(built.stdout + built.stderr)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    report = Report()
    report.say(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start")
    good = certificates.Certificates(folder("gateway-certificates")).good
    with Sink(folder("gateway-sink")) as sink, Vedette(folder("gateway-vedette"), sink.port, good) as vedette:
        peers = [Postfix(folder(f"gateway-postfix{i}"), sink.port, tuning, good) for i, tuning in enumerate(TUNINGS)]
        relays = [vedette, *peers]
        work = {"cells": lambda: cells(report, relays, sink), "starttls": lambda: tls_cells(report, relays, sink),
                "latency": lambda: latency(report, relays, sink), "proof": lambda: proof(report, vedette, SCRATCH)}
        try:
            limits(report, SCRATCH)
            for part in wanted or PARTS:
                work[part]()
        except Wrong as wrong:
            report.wrong.append(str(wrong))
            report.say(f"  WRONG {wrong}")
        finally:
            for one in peers:
                one.enclosure.stop()
    report.save(BUILD / "bench" / "gateway.json")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
