"""TLS files: the context that they make, and until when the certificates in them are valid.

All files are PEM. They are read anew for each connection, so that they can be replaced while a daemon runs.
"""

import os
import re
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from logbus.errors import UsageError

MAX_BYTES = 4 << 20
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18
_LONG = 0x80
_TIME = "%Y%m%d%H%M%SZ"
_PIVOT = b"50"
"""RFC 5280: a year of two digits from 50 on is one of the 1900s."""


class TlsFiles(Struct, frozen=True):
    """The paths of the CAs that we trust (None: the system's), and of our own certificate and its key."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context that verifies the broker's certificate and host name, from TLS 1.2 on.

        Raises UsageError for a file that cannot be used, and names its key.
        """
        for name in ("ca_file", "cert_file", "key_file"):
            with _naming(name, getattr(self, name), "give a PEM file that this user can read"):
                _require_regular(getattr(self, name))
        with _naming("ca_file", self.ca_file, "it must hold the certificates of CAs, as PEM"):
            context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Python sets it from 3.13 on: a CA made by `openssl req -x509` would then be refused, as it states no key usage
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.cert_file:
            hint = "key_file must hold the key of cert_file" if self.key_file else "add key_file, the certificate's key"
            with _naming("cert_file", self.cert_file, f"{hint}; both as PEM"):
                context.load_cert_chain(self.cert_file, self.key_file, _no_passphrase)
        return context

    def expiries(self) -> dict[str, float]:
        """Return when the first certificate of `ca_file` and of `cert_file` expires, as seconds since 1970.

        A file that cannot be read is left out: the next connection reports it.
        """
        found: dict[str, float] = {}
        for key, path in (("ca_file", self.ca_file), ("cert_file", self.cert_file)):
            if path is None:
                continue
            try:
                _require_regular(path)
                with Path(path).open("rb") as file:
                    blocks = _PEM.findall(file.read(MAX_BYTES))
                found[key] = min(expires_s(ssl.PEM_cert_to_DER_cert(block.decode("ascii"))) for block in blocks)
            except (OSError, ValueError):
                continue
        return found


@contextmanager
def _naming(key: str, path: str | None, hint: str) -> Iterator[None]:
    """Turn what is wrong with the file of a key into a UsageError that names both."""
    try:
        yield
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        raise UsageError(f"use {key} {path} for TLS", reason, hint) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"use {key} {path} for TLS", error, hint) from None


def _require_regular(path: str | None) -> None:
    """Raise OSError or ValueError for a path that cannot be read, or would block like a FIFO."""
    if path is not None and not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a path as the operating system accepts it
        raise ValueError("it is not a regular file")


def _no_passphrase() -> str:
    """Keep OpenSSL from prompting for a key's passphrase on a terminal."""
    raise ValueError("the key is encrypted: give one without a passphrase")


def expires_s(der: bytes) -> float:
    """Return when an X.509 certificate expires, as seconds since 1970. Raises ValueError.

    Python reads the dates of certificates that it verified, and of CAs: not those of our own certificate.
    """
    try:
        _, at, _ = _element(der, _element(der, 0)[1])  # Certificate, and in it tbsCertificate
        first, _, end = _element(der, at)
        at = end if first == _VERSION else at
        for _ in ("serialNumber", "signature", "issuer"):
            at = _element(der, at)[2]
        not_before = _element(der, at)[1]  # validity begins with it
        tag, begin, end = _element(der, _element(der, not_before)[2])
    except IndexError:
        raise ValueError("it ends too early") from None
    text = der[begin:end]
    if tag == _UTC_TIME:
        text = (b"19" if text[:2] >= _PIVOT else b"20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("it has no date")
    return datetime.strptime(text.decode("ascii"), _TIME).replace(tzinfo=UTC).timestamp()


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Return the tag of the DER element at an offset, and where its content begins and ends."""
    length, begin = der[at + 1], at + 2
    if length & _LONG:
        digits = length & ~_LONG
        length, begin = int.from_bytes(der[begin : begin + digits], "big"), begin + digits
    return der[at], begin, begin + length
