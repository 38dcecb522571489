"""The facts that the registry keeps about an input's first start. An input is recognised by its paths."""

from collections.abc import Iterable
from hashlib import blake2b


def read_fact(paths: Iterable[str]) -> str:
    """Return the name of the fact that an input's files were counted as read at its first start."""
    return "started " + _digest(paths)


def time_fact(paths: Iterable[str]) -> str:
    """Return the name of the fact when an input with `ignore_older` first started, in ns since 1970."""
    return "began " + _digest(paths)


def archives_fact(paths: Iterable[str]) -> str:
    """Return the name of the fact that the archives of an input's first start were read, or are remembered."""
    return "unpacked " + _digest(paths)


def _digest(paths: Iterable[str]) -> str:
    return blake2b("\0".join(paths).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
