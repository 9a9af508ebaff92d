"""A web server for MTA-STS policies, at port 443 of an address of loopback. It ends when its standard input does.

    policies = Policies(folder, certificate, key, address)
    policies.put("example.org", "version: STSv1\\n…")             # what mta-sts.example.org answers
    policies.put("example.org", "", status=302, headers={"Location": "…"})
    policies.put("example.org", "…", delay=30)                   # answers after so many seconds
    policies.asked("example.org")                                # how often it was asked
"""

import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time

if __package__:
    from .enclosure import _as_root, port_answers, wait_until

PATH = "/.well-known/mta-sts.txt"


class Policies:
    def __init__(self, folder, certificate, key, address):
        self.folder = pathlib.Path(folder)
        self.process = subprocess.Popen([*_as_root(), sys.executable, __file__, str(folder), str(certificate), str(key), address],
                                        stdin=subprocess.PIPE)
        wait_until(lambda: port_answers(443, address), 20, "the policies' web server")

    def put(self, domain, body, status=200, headers=None, delay=0):
        answer = {"delay": delay, "status": status, "headers": {"Content-Type": "text/plain", **(headers or {})}, "body": body}
        fresh = self.folder / f"{domain}.new"
        fresh.write_text(json.dumps(answer))
        fresh.rename(self.folder / f"mta-sts.{domain}")

    def asked(self, domain):
        log = self.folder / "log"
        return log.read_text().splitlines().count(f"mta-sts.{domain} {PATH}") if log.exists() else 0

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


class _Handler(http.server.BaseHTTPRequestHandler):
    folder = None

    def do_GET(self):
        host = self.headers["Host"]
        with open(self.folder / "log", "a", encoding="ascii") as log:
            print(host, self.path, file=log)
        try:
            answer = json.loads((self.folder / pathlib.Path(host).name).read_text()) if self.path == PATH else None
        except OSError:
            answer = None
        answer = answer or {"delay": 0, "status": 404, "headers": {}, "body": "not here"}
        time.sleep(answer["delay"])
        body = answer["body"].encode()
        self.send_response(answer["status"])
        for name, value in {"Content-Length": str(len(body)), **answer["headers"]}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(folder, certificate, key, address):
    _Handler.folder = pathlib.Path(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer((address, 443), _Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
