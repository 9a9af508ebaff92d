"""Other people's programs, run from .peers/ (script/bootstrap bench) without being installed."""

import subprocess

import rules
from harness import PEERS, Daemon, Wrong, free_port

LIBRARIES = "usr/lib/x86_64-linux-gnu"


def missing(name):
    return None if (PEERS / name).is_dir() else f"{name} is not in .peers/: run script/bootstrap bench"


def _libraries(name, *more):
    return {"LD_LIBRARY_PATH": ":".join(str(PEERS / name / path) for path in (LIBRARIES, *more))}


class SyslogPeer(Daemon):
    """A syslog daemon that writes what its rules find into a file."""

    def __init__(self, name, argv, directory, environment):
        self.output = directory / "found"
        self.output.touch()
        super().__init__(name, argv, directory, environment)
        self.wait_for_port(self.port)

    def found(self):
        return self.output.read_bytes().count(b"\n")


RSYSLOG = """
global(workDirectory="{dir}")
module(load="imptcp")
template(name="alert" type="string" string="%msg%\\n")
main_queue(queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="1000")
input(type="imptcp" address="127.0.0.1" port="{port}")
{rules}
"""


class Rsyslog(SyslogPeer):
    def __init__(self, directory, rule_count):
        self.port = free_port()
        config = directory / "rsyslog.conf"
        config.write_text(RSYSLOG.format(dir=directory, port=self.port, rules=rules.rsyslog(rule_count, directory / "found")))
        root = PEERS / "rsyslog"
        super().__init__("rsyslog", [root / "usr/sbin/rsyslogd", "-n", "-f", config, "-i", directory / "pid",
                                     "-M", root / LIBRARIES / "rsyslog"], directory, _libraries("rsyslog"))


SYSLOG_NG = """@version: 3.38
options {{ stats-freq(0); flush-lines(1); keep-hostname(yes); use-dns(no); }};
source s {{ network(ip("127.0.0.1") port({port}) transport("tcp") log-iw-size(10000) log-fetch-limit(1000)); }};
destination d {{ file("{dir}/found" template("$MESSAGE\\n")); }};
{rules}
"""


class SyslogNg(SyslogPeer):
    def __init__(self, directory, rule_count):
        self.port = free_port()
        config = directory / "syslog-ng.conf"
        config.write_text(SYSLOG_NG.format(dir=directory, port=self.port, rules=rules.syslog_ng(rule_count)))
        root = PEERS / "syslog-ng"
        super().__init__("syslog-ng", [root / "usr/sbin/syslog-ng", "-F", "--no-caps", "-f", config,
                                       "-R", directory / "persist", "-c", directory / "control", "-p", directory / "pid",
                                       f"--module-path={root}/usr/lib/syslog-ng/3.38"],
                         directory, _libraries("syslog-ng", "usr/lib/syslog-ng"))


def smtp_source(port, mails, sessions, mail_bytes):
    """Postfix's load generator, each session keeping its connection; how long is the caller's to measure."""
    done = subprocess.run([PEERS / "postfix/usr/sbin/smtp-source", "-d", "-s", str(sessions), "-m", str(mails),
                           "-l", str(mail_bytes), "-f", "a@example.org", "-t", "b@example.org", f"127.0.0.1:{port}"],
                          env=_libraries("postfix", "usr/lib/postfix"), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"smtp-source ended with {done.returncode}: {done.stderr.strip()}")
