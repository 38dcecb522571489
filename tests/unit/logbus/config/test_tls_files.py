"""TLS files: the context, several CAs, and the dates of certificates."""

import os
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

from logbus.config.tls import TlsFiles, expires_s
from logbus.errors import UsageError
from support.authority import Authority

DAY_S = 86_400


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a CA."""
    return Authority(tmp_path, "authority")


def test_tls_1_2_is_the_least() -> None:
    """Older versions are never spoken, whatever the system's OpenSSL allows."""
    assert TlsFiles().context().minimum_version == ssl.TLSVersion.TLSv1_2


def shake_hands(context: ssl.SSLContext, serving: ssl.SSLContext, name: str) -> None:
    """Let a client meet a server in memory. Raises SSLCertVerificationError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (context.wrap_bio(down, up, server_hostname=name), serving.wrap_bio(up, down, server_side=True))
    for each in ends * 2:
        with suppress(ssl.SSLWantReadError):
            each.do_handshake()


def test_a_simple_ca_is_trusted_by_every_python(authority: Authority, tmp_path: Path) -> None:
    """One that states no key usage, as `openssl req -x509` makes it, signs for the names in its certificates."""
    ca, own = tmp_path / "ca.pem", tmp_path / "own.pem"
    issued = authority.issue("localhost")
    ca.write_bytes(authority.certificate)
    own.write_bytes(issued.certificate + issued.key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(own)
    context = TlsFiles(str(ca)).context()
    shake_hands(context, serving, "localhost")
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(context, serving, "elsewhere.example")


def test_several_cas_stand_in_one_file(authority: Authority, tmp_path: Path) -> None:
    """All CAs of a bundle are trusted; a directory is refused, which OpenSSL would read without any check."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority.certificate + Authority(tmp_path, "other").certificate)
    names = [str(each["subject"]) for each in TlsFiles(str(bundle)).context().get_ca_certs()]
    assert len(names) == 2
    with pytest.raises(UsageError, match="not a regular file"):
        TlsFiles(str(tmp_path)).context()


def test_the_first_certificate_to_expire_counts(authority: Authority, tmp_path: Path) -> None:
    """Of a file with several, such as a chain, the earliest date is given; a file without any is left out."""
    chain, none = tmp_path / "chain.pem", tmp_path / "none.pem"
    chain.write_bytes(authority.issue("web1", 20).certificate + authority.issue("web2", 10).certificate)
    none.write_text("nothing")
    found = TlsFiles(ca_file=str(none), cert_file=str(chain)).expiries()
    assert set(found) == {"cert_file"}
    assert abs(found["cert_file"] - time.time() - 10 * DAY_S) < DAY_S / 2
    os.mkfifo(tmp_path / "fifo")
    assert not TlsFiles(str(tmp_path / "fifo"), str(tmp_path / "missing")).expiries()


@pytest.mark.parametrize("days", [-1, 1, 12_000])
def test_a_date_is_read_as_openssl_reads_it(authority: Authority, tmp_path: Path, days: int) -> None:
    """Dates before and from 2050 on, which certificates write differently."""
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.issue("web1", days).certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    assert context.cert_store_stats()["x509"] == 1
    expected = time.time() + days * DAY_S
    assert abs(TlsFiles(cert_file=str(path)).expiries()["cert_file"] - expected) < DAY_S / 2


def test_the_systems_cas_have_dates() -> None:
    """Ours is the date that OpenSSL shows, for every CA of the system."""
    context = ssl.create_default_context()
    for der, shown in zip(context.get_ca_certs(binary_form=True), context.get_ca_certs(), strict=True):
        assert expires_s(der) == ssl.cert_time_to_seconds(str(shown["notAfter"]))


@pytest.mark.parametrize("length", [0, 1, 10, 60])
def test_a_certificate_that_ends_too_early_has_no_date(authority: Authority, length: int) -> None:
    """What is no certificate is a ValueError, and nothing else."""
    der = ssl.PEM_cert_to_DER_cert(authority.certificate.decode())
    with pytest.raises(ValueError, match=r".+"):
        expires_s(der[:length])
