"""CAs of a test's own, and the certificates that they sign."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

DAY = timedelta(days=1)
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


SETTINGS = """
[ca]
default_ca = own
[own]
certificate = ca.pem
private_key = ca.key
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


class Authority:
    """A CA; its files are in a folder of its own."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root / name
        self._root.mkdir()
        self._numbers = count()
        self._openssl(
            "req", "-x509", *CURVE, "-keyout", "ca.key", "-out", "ca.pem", "-days", "60", "-subj", f"/CN={name}"
        )
        self.certificate = (self._root / "ca.pem").read_bytes()
        (self._root / "ca.cnf").write_text(SETTINGS)
        (self._root / "index.txt").touch()

    def issue(self, name: str, days: int = 60) -> Issued:
        """Return a new certificate for a host or user; one of -1 days expired yesterday."""
        stem = f"{next(self._numbers)}"
        key, request, out = f"{stem}.key", f"{stem}.csr", f"{stem}.pem"
        names = f"subjectAltName=DNS:{name}"
        self._openssl("req", *CURVE, "-keyout", key, "-out", request, "-subj", f"/CN={name}", "-addext", names)
        now = datetime.now(UTC)
        begin, end = (f"{at:%Y%m%d%H%M%SZ}" for at in (now + min(0, days - 1) * DAY, now + days * DAY))
        # `x509 -req -days` takes no negative number from OpenSSL 3.5 on, and no dates before 3.4: `ca` takes dates
        sign = ("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", request, "-out", out)
        self._openssl(*sign, "-startdate", begin, "-enddate", end)
        return Issued((self._root / out).read_bytes(), (self._root / key).read_bytes())

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._root, check=True, capture_output=True)
