"""An SMTP server that does what it is told to, wrong things first of all. In this process, one thread a client.

    peer = Misbehaving(rcpt="451 4.7.1 Later")           # a reply in place of the usual one, at that stage
    peer = Misbehaving(rcpt={"b@example.org": "550 5.1.1 No such user"})     # for one recipient; others as usual
    peer = Misbehaving(data=DROP)                        # hangs up there
    peer = Misbehaving(banner=DEAF)                      # reads on and never answers
    peer = Misbehaving(dot=["451 4.3.0 Later", None])    # what happens first, second …; the last one stays
    peer = Misbehaving(certificates=…, auth=None)        # inside TLS, AUTH PLAIN is offered and taken

Stages: banner ehlo starttls auth mail rcpt data body dot rset quit. `body` is met at the first bytes of content. None
stands for the usual. The options can be changed while it runs: peer.script["dot"] = None.
"""

import socket
import ssl
import threading
import time

DROP = "drop"
DEAF = "deaf"

STAGES = ("banner", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "rset", "quit")
USUAL = {
    "banner": "220 misbehaving.example.org ESMTP", "ehlo": None, "starttls": "220 2.0.0 Go on",
    "auth": "235 2.7.0 Ok", "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok", "data": "354 Go on", "body": None, "dot": "250 2.0.0 Ok: queued as {id}", "rset": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
}


class _Dropped(Exception):
    pass


class Misbehaving:
    """messages: what was taken, as (sender, recipients, content); also those whose answer to the dot got lost.
    accepted: those that were answered 2yz. connections: how many came. commands: every line heard.
    resumed: for each TLS handshake whether it went on with an earlier session."""

    def __init__(self, port=0, address="127.0.0.1", certificates=None, certificate=None, greeting_delay=0.0, answer_delay=0.0,
                 offer_starttls=None, wrapped=False, extensions=("PIPELINING", "8BITMIME", "SMTPUTF8",
                                                                 "ENHANCEDSTATUSCODES", "SIZE 30000000"), **script):
        assert set(script) <= set(STAGES), script
        self.script = script
        self.extensions = list(extensions)
        self.greeting_delay, self.answer_delay, self.wrapped = greeting_delay, answer_delay, wrapped
        self.context = None
        if certificates:
            certificate = certificate or certificates.good
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate, certificates.key(certificate))
        self.offer_starttls = bool(certificates) and not wrapped if offer_starttls is None else offer_starttls
        self.messages, self.accepted, self.commands, self.resumed = [], [], [], []
        self.connections = 0
        self._lock = threading.Lock()
        self._open = set()
        self._closing = False
        self._listener = socket.create_server((address, port), backlog=200)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def stop(self):
        self._closing = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _listen(self):
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        session = _Session(self, connection)
        try:
            session.run()
        except (_Dropped, OSError, ValueError):
            pass
        finally:
            session.close()
            with self._lock:
                self._open.discard(connection)

    def what_at(self, stage, argument=None):
        """The reply at this stage, DROP, DEAF, or None for the usual."""
        with self._lock:
            what = self.script.get(stage)
            if isinstance(what, list):
                what = what.pop(0) if len(what) > 1 else what[0]
        if isinstance(what, dict):
            what = what.get(argument)
        return what


class _Session:
    def __init__(self, peer, connection):
        self.peer, self.socket = peer, connection
        self.file = None
        self.secured = False

    def close(self):
        for thing in (self.file, self.socket):
            try:
                if thing:
                    thing.close()
            except OSError:
                pass

    def _secure(self):
        self.socket = self.peer.context.wrap_socket(self.socket, server_side=True)
        self.peer.resumed.append(self.socket.session_reused)
        self.file = self.socket.makefile("rb")
        self.secured = True

    def _say(self, text):
        if self.peer.answer_delay:
            time.sleep(self.peer.answer_delay)
        self.socket.sendall(text.encode() + b"\r\n")

    def _deaf(self):
        while self.socket.recv(65536):
            pass
        raise _Dropped

    def _at(self, stage, argument=None, usual=None):
        """Answers as scripted. True if the answer was 2yz or 3yz."""
        what = self.peer.what_at(stage, argument) or usual or USUAL[stage]
        if what == DROP:
            raise _Dropped
        if what == DEAF:
            self._deaf()
        if what:
            self._say(what)
        return bool(what) and what[0] in "23"

    def run(self):
        if self.peer.wrapped:
            self._secure()
        else:
            self.file = self.socket.makefile("rb")
        if self.peer.greeting_delay:
            time.sleep(self.peer.greeting_delay)
        if not self._at("banner"):
            raise _Dropped
        self._forget()
        while True:
            line = self.file.readline(4096)
            if not line.endswith(b"\r\n"):
                raise _Dropped
            text = line[:-2].decode("utf-8", "replace")
            self.peer.commands.append(text)
            if not self._command(text):
                return

    def _forget(self):
        self.sender, self.recipients = None, []

    def _command(self, text):
        verb = text.split(" ")[0].split(":")[0].upper()
        if verb in ("EHLO", "HELO"):
            self._ehlo(verb)
        elif verb == "STARTTLS" and self.peer.context and not self.secured:
            if self._at("starttls"):
                self._secure()
        elif verb == "AUTH" and "auth" in self.peer.script:
            self._at("auth")
        elif verb == "MAIL":
            if self._at("mail"):
                self.sender = _path(text)
        elif verb == "RCPT":
            if self._at("rcpt", _path(text)):
                self.recipients.append(_path(text))
        elif verb == "DATA":
            self._data()
        elif verb in ("RSET", "NOOP"):
            self._at("rset")
            self._forget()
        elif verb == "QUIT":
            self._at("quit")
            return False
        else:
            self._say("502 5.5.1 Not here")
        return True

    def _ehlo(self, verb):
        lines = ["misbehaving.example.org"] + (self.peer.extensions if verb == "EHLO" else [])
        if verb == "EHLO" and self.peer.offer_starttls and not self.secured:
            lines.append("STARTTLS")
        if verb == "EHLO" and self.secured and "auth" in self.peer.script:
            lines.append("AUTH PLAIN")
        usual = "\r\n".join(("250 " if i == len(lines) - 1 else "250-") + s for i, s in enumerate(lines))
        self._at("ehlo", usual=usual)
        self._forget()

    def _data(self):
        if not self.recipients:
            self._say("503 5.5.1 No recipients")
            return
        if not self._at("data"):
            return
        content = b""
        first = True
        while True:
            line = self.file.readline(65536)
            if first and line:
                self._at("body")
            first = False
            if not line:
                raise _Dropped
            if line == b".\r\n":
                break
            content += line[1:] if line.startswith(b".") else line
        with self.peer._lock:
            message = (self.sender, tuple(self.recipients), content.decode("utf-8", "replace"))
            self.peer.messages.append(message)
            usual = USUAL["dot"].format(id=f"{len(self.peer.messages):05X}")
        if self._at("dot", usual=usual):
            self.peer.accepted.append(message)
        self._forget()


def _path(text):
    return text[text.index("<") + 1:text.index(">")]
