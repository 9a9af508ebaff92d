"""swaks as a client, in one call."""

import subprocess


class Dialogue:
    """What swaks saw: code is its exit code, replies the lines it got."""

    def __init__(self, done):
        self.code, self.text = done.returncode, done.stdout + done.stderr
        self.replies = [line[4:].strip() for line in done.stdout.splitlines() if line[:1] == "<" and line[1:2] in "-~*"]


def swaks(port, *options, sender="a@example.org", to="b@example.org", subject="test", body="hello"):
    return Dialogue(subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(port), "--from", sender, "--to", to,
         "--header", f"Subject: {subject}", "--body", body, "--timeout", "20", *options],
        capture_output=True, text=True, check=False))
