"""The lengths of a batch's records, as columns, and the header that carries them. Pure.

The header is numbers in LEB128. Those of many records take two bytes each where that suffices, small ones padded: so
all of them are packed, and unpacked, at once, by arithmetic on one large integer whose digits they are.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from logbus.errors import WireError

MAX_NUMBER_BITS: Final = 63
PADDED_MIN: Final = 64
"""Fewer records have their numbers packed as short as can be."""
_SHORT_BITS: Final = 14
_SHORT_BYTES: Final = 2


class Lengths(Struct, frozen=True, eq=False):
    """Of each record, its bytes in the body (0: it was dropped), and in the source; a sequence of such pairs.

    Both are the same list where no record was changed.
    """

    sizes: Sequence[int]
    sources: Sequence[int]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> "Lengths":
        """Return the lengths that pairs state."""
        each = list(pairs)
        return cls([size for size, _ in each], [source for _, source in each])

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the pair of each record."""
        return zip(self.sizes, self.sources, strict=True)

    def __getitem__(self, number: int) -> tuple[int, int]:
        """Return the pair of a record."""
        return self.sizes[number], self.sources[number]

    def __eq__(self, other: object) -> bool:
        """Return True if the other are the same pairs."""
        return isinstance(other, Lengths) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # lists have none


def pack(lengths: Lengths) -> bytes:
    """Return the lengths as unsigned LEB128 numbers: record 1 in the body, in the source, record 2, ..."""
    numbers = [0] * (2 * len(lengths))
    numbers[::2], numbers[1::2] = lengths.sizes, lengths.sources
    if len(lengths) >= PADDED_MIN and max(numbers) < 1 << _SHORT_BITS:
        return _padded(numbers)
    return b"".join(map(_PACKED.__getitem__, numbers))


def unpack(packed: bytes) -> Lengths:
    """Return the lengths from `pack`. Raises WireError for a truncated, overlong or unpaired number."""
    numbers = _of_two_bytes(packed)
    if numbers is None:
        numbers = list(map(_UNPACKED.__getitem__, _NUMBER.findall(packed)))
    if len(numbers) % 2:
        raise WireError("the header 'lengths' ends in the middle of a pair")
    return Lengths(numbers[::2], numbers[1::2])


def _padded(numbers: Sequence[int]) -> bytes:
    count = len(numbers)
    digits = int.from_bytes(struct.pack(f"<{count}H", *numbers), "little")
    low, high, goes_on = (_repeated(mask, count) for mask in (0x007F, 0x3F80, 0x0080))
    return (digits & low | goes_on | (digits & high) << 1).to_bytes(_SHORT_BYTES * count, "little")


def _of_two_bytes(packed: bytes) -> Sequence[int] | None:
    """Return the numbers if each has two bytes, else None."""
    count, rest = divmod(len(packed), _SHORT_BYTES)
    if rest or not packed[1::_SHORT_BYTES].isascii() or packed[::_SHORT_BYTES].translate(None, _GOES_ON):
        return None
    digits = int.from_bytes(packed, "little")
    low, high = (_repeated(mask, count) for mask in (0x007F, 0x7F00))
    numbers = digits & low | (digits & high) >> 1
    return struct.unpack(f"<{count}H", numbers.to_bytes(len(packed), "little"))


def _repeated(mask: int, count: int) -> int:
    return int.from_bytes(mask.to_bytes(_SHORT_BYTES, "little") * count, "little")


class _Packed(dict[int, bytes]):
    """Numbers -> their bytes in LEB128; as many as are remembered are computed once."""

    def __missing__(self, number: int) -> bytes:
        packed, rest = bytearray(), number
        while rest > 0x7F:  # noqa: PLR2004 - LEB128 has seven bits a byte
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
        found = bytes(packed)
        if len(self) < _REMEMBERED:
            self[number] = found
        return found


class _Unpacked(dict[bytes, int]):
    """The bytes of a number in LEB128 -> the number; as many as are remembered are computed once."""

    def __missing__(self, packed: bytes) -> int:
        if len(packed) * 7 > MAX_NUMBER_BITS:
            raise WireError(f"the header 'lengths' holds a number of more than {MAX_NUMBER_BITS} bits")
        if packed[-1] > 0x7F:  # noqa: PLR2004 - the high bit says that the number continues
            raise WireError("the header 'lengths' ends in the middle of a pair")
        number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(packed))
        if len(self) < _REMEMBERED:
            self[packed] = number
        return number


_REMEMBERED: Final = 1 << 13
_NUMBER: Final = re.compile(rb"[\x80-\xff]*[\x00-\x7f]|[\x80-\xff]+")
"""A number; at the end, what is none."""
_GOES_ON: Final = bytes(range(0x80, 0x100))
_PACKED: Final = _Packed()
_UNPACKED: Final = _Unpacked()
