"""Other people's tools on the same faults: how each is called, as well as it can be, and whether its words name the cause."""

import dataclasses
import os
import re
import subprocess

from peers.enclosure import PEERS

from .faults import ACCOUNT

TIMEOUT = 5
RUN_MAX = 15
NAME = "mail.example.org"

# posttls-finger wants a configuration and users that are there.
MAIN = "compatibility_level = 3.6\nmail_owner = mail\nsetgid_group = games\nmyhostname = client.example.net\n"


@dataclasses.dataclass
class Said:
    code: object      # exit code, or None: it did not end by itself
    last: str         # its last words
    named: bool
    able: bool = True # False: the tool cannot be asked this


NOT_ASKED = Said(0, "", False, False)


def _option(row, name):
    return row.more[row.more.index(name) + 1] if name in row.more else None


def swaks(row, where, tools):
    address, port = where
    if ":" in address:  # wants a Perl module that Debian only suggests
        return None
    argv = ["swaks", "--server", address, "--port", port, "--from", row.sender, "--to", ",".join(row.recipients),
            "--timeout", TIMEOUT]
    if row.security != "none":
        argv += ["-tlsc" if row.security == "tls" else "-tls", "--tls-verify", "--tls-ca-path", tools.certificates.ca]
    if row.password:
        argv += ["--auth", "--auth-user", ACCOUNT, "--auth-password", row.password]
    if _option(row, "--helo"):
        argv += ["--ehlo", _option(row, "--helo")]
    if "--send" not in row.more:
        argv += ["--quit-after", "RCPT"]
    return argv, ""


def posttls_finger(row, where, tools):
    if row.security == "none":
        return None
    address, port = where
    root = PEERS / "postfix"
    libraries = f"{root}/usr/lib/postfix:{root}/usr/lib/{os.uname().machine}-linux-gnu"
    argv = ["env", f"LD_LIBRARY_PATH={libraries}", f"MAIL_CONFIG={tools.folder}", root / "usr/sbin/posttls-finger",
            "-c", "-t", TIMEOUT, "-T", TIMEOUT, "-l", "secure", "-F", tools.certificates.ca]
    if row.security == "tls":
        argv.append("-w")
    return [*argv, f"[{address}]:{port}", NAME], ""


def check_smtp(row, where, tools):
    if row.security == "tls":
        return None
    address, port = where
    argv = [PEERS / "check_smtp/usr/lib/nagios/plugins/check_smtp", "-H", address, "-p", port, "-t", TIMEOUT, "-f", row.sender]
    for recipient in row.recipients:
        argv += ["-C", f"RCPT TO:<{recipient}>", "-R", "250"]
    if row.security == "starttls":
        argv += ["-S", "-D", "30,7"] if row.cause == "trust" else ["-S"]
    if row.password:
        argv += ["-A", "LOGIN", "-U", ACCOUNT, "-P", row.password]
    if _option(row, "--helo"):
        argv += ["-F", _option(row, "--helo")]
    return argv, ""


def openssl(row, where, tools):
    if row.security == "none":
        return None
    address, port = where
    argv = ["openssl", "s_client", "-connect", f"[{address}]:{port}", "-CAfile", tools.certificates.ca, "-verify_return_error",
            "-servername", NAME, "-verify_hostname", NAME]
    if row.security == "starttls":
        argv += ["-starttls", "smtp"]
    return argv, "QUIT\r\n"


TOOLS = {"swaks": swaks, "posttls-finger": posttls_finger, "check_smtp": check_smtp, "openssl s_client": openssl}


class Tools:
    """folder: one of our own. client: the network that they are run in."""

    def __init__(self, folder, client, certificates):
        self.folder, self.client, self.certificates = folder, client, certificates
        (folder / "main.cf").write_text(MAIN)

    def run(self, name, row, where):
        call = TOOLS[name](row, where, self)
        if call is None:
            return NOT_ASKED
        argv, text = call
        try:
            done = subprocess.run(self.client.argv(*argv), input=text.encode(), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=RUN_MAX, check=False)
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as expired:
            code, output = None, expired.stdout or b""
        output = output.decode(errors="replace")
        return Said(code, _last_words(name, output), any(words in output.lower() for words in row.says))


def _last_words(name, output):
    """The line that a person would look at: the last complaint, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if name == "swaks":
        lines = [line for line in lines if re.match(r"<[-~][*]|<\*\*|<~\*|\*\*\*", line)] or lines[-1:]
    elif name == "openssl s_client":
        lines = [line for line in lines if re.search(r"error|errno|verif", line, re.IGNORECASE)] or lines[-1:]
    elif name == "check_smtp":  # its verdict is figures only; what it heard stands before it
        lines = [line for line in lines if "|time=" not in line] or lines[-1:]
    return lines[-1] if lines else ""
