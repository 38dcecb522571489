"""Certificates made for a test."""

import subprocess
from pathlib import Path


def make_certificates(root: Path) -> Path:
    """Make ca.pem and key.pem for localhost, and other-ca.pem and other.pem of somebody else; return `root`."""
    for certificate, key in (("ca.pem", "key.pem"), ("other-ca.pem", "other.pem")):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-keyout", str(root / key), "-out", str(root / certificate), "-days", "2", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(command, check=True, capture_output=True)
    return root
