"""File identity: how a stream is recognised, and how its id is derived.

A stream is one life of one file. Device and inode identify a file only while it exists: ext4 gives a deleted file's
inode to the next file created. So a life is recognised by all of:

- device, inode and, where the filesystem has one, the inode's generation, which every creation changes;
- the head: a hash of the first bytes that were published, from byte 1, growing with the file to HEAD_BYTES;
- fingerprints: hashes of the FINGERPRINT_BYTES before the confirmed offset and before the last published offset.

Any mismatch means another life. A false match would be worse than a false mismatch: sinks trim bytes that they already
have of a stream, so other bytes under an old id would be lost silently.

The id is derived from the file's identity, so that a shipper that lost its registry sends the same ids again and sinks
trim the duplicates. A file truncated in place keeps device, inode and generation, so the first record is part of the id
as well. Where any of this is missing or ambiguous (no generation; a first record without a single digit, such as a
banner or a CSV header, which the next life would repeat), the id is random.
"""

import os
import secrets
from hashlib import blake2b
from pathlib import Path

from msgspec import Struct

from logbus.inode import generation_of
from logbus.native import descriptors

HEAD_BYTES = 4096
FINGERPRINT_BYTES = 256

_MACHINE_ID = Path("/etc/machine-id")
_INTERFACES = Path("/sys/class/net")


def digest(data: bytes) -> bytes:
    """Return the 16-byte fingerprint of `data`."""
    return blake2b(data, digest_size=16).digest()


def key_of(status: os.stat_result) -> tuple[int, int]:
    """Return device and inode, which identify a file while it exists."""
    return status.st_dev, status.st_ino


class FileId(Struct, frozen=True):
    """A file's identity. The `generation` distinguishes it from the next file with its inode; None if unknown."""

    device: int
    inode: int
    generation: int | None

    @classmethod
    def of(cls, fd: int, status: os.stat_result) -> "FileId":
        """Return the identity of an open file."""
        return cls(status.st_dev, status.st_ino, generation_of(fd))

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode, which identify the file while it exists."""
        return self.device, self.inode

    def __str__(self) -> str:
        return f"{self.device} {self.inode} {self.generation}"


def bytes_before(fd: int, offset: int) -> bytes:
    """Return the FINGERPRINT_BYTES before `offset`, or as many as there are."""
    length = min(offset, FINGERPRINT_BYTES)
    return os.pread(fd, length, offset - length)


class Position(Struct, frozen=True):
    """An offset in a file, and the bytes `before` it, which prove that the file is the same."""

    offset: int = 0
    before: bytes = b""

    @classmethod
    def of(cls, fd: int, offset: int) -> "Position":
        """Return the position at `offset` of an open file."""
        return cls(offset, bytes_before(fd, offset))

    def after(self, body: bytes) -> "Position":
        """Return the position behind `body`, which begins here."""
        return Position(self.offset + len(body), (self.before + body[-FINGERPRINT_BYTES:])[-FINGERPRINT_BYTES:])

    def is_in(self, fd: int) -> bool:
        """Return True if an open file still holds these bytes there."""
        return bytes_before(fd, self.offset) == self.before


class Head:
    """The fingerprint of the first `length` bytes of a life, at most HEAD_BYTES."""

    __slots__ = ("_hash", "length")

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self.length = 0

    @classmethod
    def of(cls, fd: int, length: int) -> "Head":
        """Return the head over the first `length` bytes of an open file (fewer if it is shorter)."""
        head = cls()
        head.extend(0, os.pread(fd, min(length, HEAD_BYTES), 0))
        return head

    def extend(self, offset: int, body: bytes) -> None:
        """Extend an incomplete head by the bytes of `body`, at `offset`, that directly follow it."""
        if offset <= self.length < min(HEAD_BYTES, offset + len(body)):
            part = body[self.length - offset : HEAD_BYTES - offset]
            self._hash.update(part)
            self.length += len(part)

    def digest(self) -> bytes:
        """Return the 16-byte fingerprint."""
        return self._hash.digest()

    def matches(self, fd: int) -> bool:
        """Return True if an open file still begins with these bytes."""
        return digest(os.pread(fd, self.length, 0)) == self.digest()


class Extent(Struct, frozen=True):
    """A snapshot of a file's content: its size, and fingerprints of its first and last bytes."""

    size: int
    head: bytes
    fingerprint: bytes

    @classmethod
    def of(cls, fd: int, size: int) -> "Extent":
        """Return the extent of the first `size` bytes of an open file."""
        return cls(size, Head.of(fd, size).digest(), digest(bytes_before(fd, size)))

    def __str__(self) -> str:
        return f"{self.size} {self.head.hex()} {self.fingerprint.hex()}"

    def is_in(self, fd: int) -> bool:
        """Return True if an open file begins with this content."""
        return Extent.of(fd, self.size) == self and os.fstat(fd).st_size >= self.size


def machine() -> str:
    """Return a hash that distinguishes this machine from its clones: machine id and hardware addresses.

    Raises OSError if these could not be read now: the hash would be another machine's.
    """
    descriptors.require()
    try:
        machine_id = _MACHINE_ID.read_text().strip()
    except OSError:
        machine_id = ""
    return digest("\0".join([machine_id, *_hardware_addresses()]).encode()).hex()


def _hardware_addresses() -> list[str]:
    """Return the addresses of physical interfaces; virtual ones come and go with containers."""
    try:
        return sorted((card.parent / "address").read_text() for card in _INTERFACES.glob("*/device"))
    except OSError:
        return []


def random_id() -> str:
    """Return a new random stream id."""
    return secrets.token_hex(8)


def derived_id(origin: str, device: int, inode: int, generation: int | None, head: bytes) -> str | None:
    """Return a stream id that is the same whenever it is derived for this life; None if it would be ambiguous.

    `origin` names host and machine, `head` holds the life's first bytes, at least its first record.
    """
    record = head[:HEAD_BYTES].partition(b"\n")[0]
    if generation is None or not any(byte in b"0123456789" for byte in record):
        return None
    basis = f"{origin}\0{device}\0{inode}\0{generation}\0".encode("utf-8", "surrogateescape") + record
    return blake2b(basis, digest_size=8).hexdigest()
