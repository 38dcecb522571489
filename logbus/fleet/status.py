"""What a shipper or a sink says of itself, as a message. Pure.

The body is a JSON object, described in docs/wire-format.md. It is published every 10 s, and at changes, to the topic
exchange `logs.status` under `<host>.<role>`. Whoever reads it reads what any host wrote: everything is bounded.
"""

import os
from typing import Annotated, Final, Literal

import msgspec

from logbus import VERSION
from logbus.decoding import decoded
from logbus.errors import WireError
from logbus.wire.message import Message, word

TYPE: Final = "logbus.status.v1"
EVERY_S: Final = 10.0
MAX_BYTES: Final = 64 << 10
MOST: Final = 50
"""The most inputs or troubles that are told."""

Name = Annotated[str, msgspec.Meta(max_length=4096)]
Word = Annotated[str, msgspec.Meta(max_length=255)]
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Role = Literal["shipper", "sink"]
State = Literal["running", "stopped"]


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """An input of a shipper: its `name` is its label, or else its first path.

    `records` and `bytes` are totals since the start, `files` and `behind_bytes` as of now.
    """

    name: Name
    files: Number = 0
    behind_bytes: Number = 0
    records: Number = 0
    bytes: Number = 0


class Trouble(msgspec.Struct, frozen=True):
    """Something that does not work now: what it is about, and why."""

    about: Name
    cause: Name


class Status(msgspec.Struct, frozen=True, omit_defaults=True):
    """One process. Times are microseconds since 1970; `records` and `bytes` are totals since `started_us`.

    A shipper's are published, a sink's are written. `behind_bytes`: of followed files, not confirmed. `oldest_us`: when
    a shipper read its oldest unconfirmed batch; `newest_us`: when the newest batch that was confirmed to it, or that a
    sink wrote last, was read; 0 if there is none. `held_files` are deleted or rotated files that are kept open.
    `waiting`: unconfirmed, uncommitted batches. A sink has a `name` and a `queue`, in which `queued` messages wait for
    any of its `consumers`. `severities`: a shipper's records of each, 0 to 7.
    """

    host: Word
    role: Role
    instance: Word
    started_us: Number
    at_us: Number
    name: Word = ""
    version: Word = VERSION
    every_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = EVERY_S
    state: State = "running"
    records: Number = 0
    bytes: Number = 0
    files: Number = 0
    behind_bytes: Number = 0
    waiting: Number = 0
    oldest_us: Number = 0
    newest_us: Number = 0
    held_files: Number = 0
    held_bytes: Number = 0
    queue: Word = ""
    queued: Number = 0
    consumers: Number = 0
    inputs: Annotated[list[Part], msgspec.Meta(max_length=MOST)] = []
    troubles: Annotated[list[Trouble], msgspec.Meta(max_length=MOST)] = []
    severities: Annotated[list[Number], msgspec.Meta(max_length=8)] = []

    def stopped(self) -> "Status":
        """Return the last status of this process, which was told to stop."""
        return msgspec.structs.replace(self, state="stopped")


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Status)


def key_of(status: Status) -> str:
    """Return the routing key: `<host>.shipper`, or `<host>.sink`."""
    return f"{word(status.host)}.{status.role}"


def text(of: str, most: int = 255) -> str:
    """Return a name or a path as a status holds it: valid UTF-8, and bounded."""
    return decoded(os.fsencode(of))[:most]


def encode(status: Status, user_id: str | None = None) -> Message:
    """Return the message that carries a status; without inputs and troubles if they would be too much."""
    body = _encoder.encode(status)
    if len(body) > MAX_BYTES:
        body = _encoder.encode(msgspec.structs.replace(status, inputs=[], troubles=[]))
    return Message(
        body=body,
        routing_key=key_of(status),
        type=TYPE,
        content_type="application/json",
        content_encoding=None,
        message_id=None,
        timestamp=status.at_us // 1_000_000,
        app_id=f"logbus/{VERSION}",
        user_id=user_id,
        headers={},
    )


def decode(message: Message) -> Status:
    """Return the status in a message. Raises WireError if it holds none."""
    if message.type != TYPE:
        raise WireError(f"it is no {TYPE}")
    if len(message.body) > MAX_BYTES:
        raise WireError(f"a status has at most {MAX_BYTES} bytes, this one {len(message.body)}")
    try:
        return _decoder.decode(message.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise WireError(f"it is no status: {str(error)[:200]}") from None
