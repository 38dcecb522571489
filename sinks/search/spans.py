"""Where to read in a file, and what is known of each place. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

END: Final = 1 << 62
"""Behind everything, however much a file grows."""


class Span(Struct, frozen=True):
    """Bytes [begin, end) of a file as they are on the disk, which begin where a record does.

    `offset` in the content; the number of its first `line`, from 1; `before_us`: what time a record inherits there.
    """

    begin: int = 0
    end: int = END
    offset: int = 0
    line: int = 1
    before_us: int | None = None


WHOLE: Final = (Span(),)


Stretch = tuple[int, int]
"""Where whole frames end in a file, and the size of the content of those behind the stretch before."""


class Told(Struct, frozen=True):
    """The severities of lines in [begin, end) of the content, which `digits` returns; b"" if it does not know."""

    begin: int
    end: int
    digits: Callable[[], bytes]


class Reading(Struct, frozen=True):
    """What of a file to read: `spans`, in order; all of it, if nothing is known.

    `told`: of severities, in order. `kind` of compression, "" if none, None if the first bytes have to tell. `holds`
    tells afterwards whether what was known still holds. `within_us`: when the first and the last of its records
    happened, in microseconds since 1970, None if that is not known. `stretches` of its frames, from the first on. They
    and `told` are made when the file is read.
    """

    spans: Sequence[Span] = WHOLE
    told: Callable[[], Sequence[Told]] = tuple
    kind: str | None = None
    holds: Callable[[int], bool] | None = None
    within_us: tuple[int, int] | None = None
    stretches: Callable[[], Sequence[Stretch]] = tuple

    @property
    def is_indexed(self) -> bool:
        """Whether an index told anything."""
        return self.holds is not None

    @property
    def is_whole(self) -> bool:
        """Whether all of the file is to be read."""
        return self.spans == WHOLE

    def size_bytes(self, file_bytes: int) -> int:
        """Return how many bytes of a file of that size are to be read."""
        return sum(min(each.end, file_bytes) - min(each.begin, file_bytes) for each in self.spans)


ALL: Final = Reading()
NONE: Final = Reading(spans=())
