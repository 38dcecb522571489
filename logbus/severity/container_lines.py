"""Lines wrapped by a container runtime: Docker's json-file, one JSON object each, and CRI's (containerd, CRI-O)."""

import re

import msgspec


class _DockerLine(msgspec.Struct):
    log: str
    stream: str


_STREAM = re.compile(rb"std(out|err) [FP] ")
_decoder = msgspec.json.Decoder(_DockerLine)


def unwrap(line: bytes) -> tuple[bytes, bool]:
    """Return what the container wrote, on one line and without its newline, and whether it went to stderr.

    A line that only looks wrapped gives nothing.
    """
    if line.startswith(b"{"):
        return _from_docker(line)
    found = _STREAM.search(line)
    return (line[found.end() :].rstrip(b"\n"), found[1] == b"err") if found else (b"", False)


def _from_docker(line: bytes) -> tuple[bytes, bool]:
    try:
        found = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b"", False
    return found.log.rstrip("\r\n").replace("\n", " ").encode(), found.stream == "stderr"
