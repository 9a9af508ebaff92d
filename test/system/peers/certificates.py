"""Certificates of a test authority, made by the openssl command: a good one and each kind of bad one."""

import pathlib
import subprocess

CONFIG = """
[ca]
default_ca = test
[test]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
private_key = {dir}/ca.key
certificate = {dir}/ca.pem
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Certificates:
    """Attributes name PEM files: ca; and good, other_name, expired, self_signed, each with a .key beside its .pem."""

    NAME = "mail.example.org"

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.chmod(0o755)
        (self.dir / "index.txt").touch()
        (self.dir / "serial").write_text("01\n")
        (self.dir / "ca.cnf").write_text(CONFIG.format(dir=self.dir))
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                      "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem")
        self.ca = self.dir / "ca.pem"
        here = f"DNS:{self.NAME},DNS:localhost,IP:127.0.0.1"
        self.good = self._issue("good", here)
        self.other_name = self._issue("other_name", "DNS:other.example.net")
        self.expired = self._issue("expired", here, "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                      "-subj", f"/CN={self.NAME}", "-addext", f"subjectAltName={here}",
                      "-keyout", "self_signed.key", "-out", "self_signed.pem")
        self.self_signed = self.dir / "self_signed.pem"
        for key in self.dir.glob("*.key"):
            key.chmod(0o644)  # peers read them under users of their own

    @staticmethod
    def key(certificate):
        return certificate.with_suffix(".key")

    def _openssl(self, *argv):
        subprocess.run(["openssl", *argv], cwd=self.dir, check=True, capture_output=True)

    def _issue(self, name, alternatives, *dates):
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={self.NAME}", "-addext", f"subjectAltName={alternatives}",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self._openssl("ca", "-config", "ca.cnf", "-batch", "-notext", "-in", f"{name}.csr", "-out", f"{name}.pem",
                      *(dates or ("-days", "30")))
        return self.dir / f"{name}.pem"
