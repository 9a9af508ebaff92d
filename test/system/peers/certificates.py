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
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
"""

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Certificates:
    """Attributes name PEM files: ca; and good, other_name, expired, self_signed, each with a .key beside its .pem."""

    NAME = "mail.example.org"

    def __init__(self, directory, address="127.0.0.1"):
        self.dir = pathlib.Path(directory)
        self.dir.chmod(0o755)
        (self.dir / "index.txt").touch()
        (self.dir / "serial").write_text("01\n")
        (self.dir / "ca.cnf").write_text(CONFIG.format(dir=self.dir))
        self.ca = self._authority("ca", "Test authority")
        here = f"DNS:{self.NAME},DNS:localhost,IP:{address}"
        self.here = here
        self.good = self._issue("good", here)
        self.other_name = self._issue("other_name", "DNS:other.example.net")
        self.expired = self._issue("expired", here, dates=("-startdate", "20200101000000Z", "-enddate", "20200201000000Z"))
        self._openssl("req", "-x509", *EC, "-nodes", "-days", "90",
                      "-subj", f"/CN={self.NAME}", "-addext", f"subjectAltName={here}",
                      "-keyout", "self_signed.key", "-out", "self_signed.pem")
        self.self_signed = self.dir / "self_signed.pem"
        self._readable()

    def _readable(self):
        for key in self.dir.glob("*.key"):
            key.chmod(0o644)  # peers read them under users of their own

    @staticmethod
    def key(certificate):
        return certificate.with_suffix(".key")

    def _openssl(self, *argv):
        subprocess.run(["openssl", *argv], cwd=self.dir, check=True, capture_output=True)

    def _authority(self, name, subject):
        self._openssl("req", "-x509", *EC, "-nodes", "-days", "90", "-subj", f"/CN={subject}",
                      "-keyout", f"{name}.key", "-out", f"{name}.pem")
        return self.dir / f"{name}.pem"

    def _issue(self, name, alternatives, dates=("-days", "90"), key=EC, request=(), by="ca", sign=()):
        extension = ("-addext", f"subjectAltName={alternatives}") if alternatives else ()
        self._openssl("req", "-new", *key, "-nodes", "-subj", f"/CN={self.NAME}", *extension, *request,
                      "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self._openssl("ca", "-config", "ca.cnf", "-batch", "-notext", "-cert", f"{by}.pem", "-keyfile", f"{by}.key",
                      "-in", f"{name}.csr", "-out", f"{name}.pem", *dates, *sign)
        return self.dir / f"{name}.pem"


class BadCertificates(Certificates):
    """More kinds, for the fault lab: each is bad in one way, but chained, which has its intermediate with it."""

    def __init__(self, directory, address="127.0.0.1"):
        super().__init__(directory, address)
        here = self.here
        self.not_yet = self._issue("not_yet", here, dates=("-startdate", "20400101000000Z", "-enddate", "20410101000000Z"))
        self.soon = self._issue("soon", here, dates=("-days", "5"))
        self.cn_only = self._issue("cn_only", None)
        self.rsa = self._issue("rsa", here, key=("-newkey", "rsa:2048"))
        self.weak = self._issue("weak", here, key=("-newkey", "rsa:1024"))
        self.sha1 = self._issue("sha1", here, sign=("-md", "sha1"))
        self.for_clients = self._issue("for_clients", here, request=("-addext", "extendedKeyUsage=clientAuth"))
        self.other_ca = self._authority("other_ca", "Another authority")
        self.of_other_ca = self._issue("of_other_ca", here, by="other_ca")
        self._issue("intermediate", None, sign=("-extensions", "authority", "-subj", "/CN=Test intermediate"))
        self.lone = self._issue("lone", here, by="intermediate")
        self.chained = self._chain("chained", "lone", "intermediate")
        self._issue("old_intermediate", None, dates=("-startdate", "20200101000000Z", "-enddate", "20200201000000Z"),
                    sign=("-extensions", "authority", "-subj", "/CN=Old intermediate"))
        self._issue("below_old", here, by="old_intermediate")
        self.old_chain = self._chain("old_chain", "below_old", "old_intermediate")
        self._readable()

    def _chain(self, name, own, *above):
        chain = self.dir / f"{name}.pem"
        chain.write_text("".join((self.dir / f"{one}.pem").read_text() for one in (own, *above)))
        chain.with_suffix(".key").write_bytes((self.dir / f"{own}.key").read_bytes())
        return chain
