"""CAs of a test's own, and the certificates that they sign."""

import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes


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

    def issue(self, name: str, days: int = 60) -> Issued:
        """Return a new certificate for a host or user; one of -1 days expired yesterday."""
        stem = f"{next(self._numbers)}"
        key, request, out = f"{stem}.key", f"{stem}.csr", f"{stem}.pem"
        names = f"subjectAltName=DNS:{name}"
        self._openssl("req", *CURVE, "-keyout", key, "-out", request, "-subj", f"/CN={name}", "-addext", names)
        sign = ("x509", "-req", "-in", request, "-out", out, "-days", str(days), "-copy_extensions", "copy")
        self._openssl(*sign, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial")
        return Issued((self._root / out).read_bytes(), (self._root / key).read_bytes())

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._root, check=True, capture_output=True)
