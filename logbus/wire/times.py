"""Event times on the wire: how the times of a batch's records are read, and those of its first and last record."""

from msgspec import Struct

MAX_ZONE_BYTES = 64


class Times(Struct, frozen=True):
    """How to read the times that records state, and two of them, in microseconds since 1970 in UTC.

    `zone`: that of times without one: an IANA name such as Europe/Berlin, or an offset such as +02:00. If it is "", as
    it never is on the wire, all records happened at `first_us`: their message says so. `key` and
    `format`: the input's `time_key` and `time_format`, or "". `first_us` and `last_us`: the event times of the first
    and the last record, inherited ones included. Those between them may be earlier or later. Parts of a batch keep the
    times of the whole.
    """

    zone: str
    first_us: int
    last_us: int
    key: str = ""
    format: str = ""
