"""Requests to a shipper or a sink, and their answers, as messages. Pure.

The bodies are JSON objects, described in docs/wire-format.md. Either side reads what anybody wrote: all is bounded.
"""

import time
from typing import Annotated, Final, TypeVar

import msgspec

from logbus import VERSION
from logbus.errors import WireError
from logbus.fleet.status import Role, Status, Word
from logbus.wire.message import Message, word

T = TypeVar("T")

REQUEST: Final = "logbus.control.v1"
ANSWER: Final = "logbus.control.answer.v1"
REQUEST_MAX_BYTES: Final = 4 << 10
ANSWER_MAX_BYTES: Final = 256 << 10
CAUSE_MAX: Final = 1000
"""Characters of a cause."""

Argument = Annotated[str, msgspec.Meta(max_length=4096)]
Verb = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a process is asked, or told to do."""

    verb: Verb
    arguments: Annotated[list[Argument], msgspec.Meta(max_length=4)] = []


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a process answers: `text` or `status` if it is `ok`, else a `cause`. A sink has a `name`."""

    host: Word
    role: Role
    instance: Word
    ok: bool
    name: Word = ""
    text: str = ""
    cause: Annotated[str, msgspec.Meta(max_length=CAUSE_MAX)] = ""
    status: Status | None = None


_encoder: Final = msgspec.json.Encoder()
_request_decoder: Final = msgspec.json.Decoder(Request)
_answer_decoder: Final = msgspec.json.Decoder(Answer)


def key_of(host: str, role: str, name: str = "") -> str:
    """Return the routing key of a process: `<host>.shipper`, `<host>.sink`, or `<host>.sink.<name>`."""
    return ".".join([word(host), role, *([word(name)] if name else [])])


def encode_request(request: Request, key: str, reply_to: str, token: str, user_id: str | None) -> Message:
    """Return the message for a key; answers to it go to `reply_to`, with `token` as correlation id.

    Raises WireError for a text that is not valid UTF-8, or too much of it.
    """
    try:
        body = _encoder.encode(request)
    except UnicodeEncodeError:
        raise WireError("the request holds bytes that are not UTF-8") from None
    if len(body) > REQUEST_MAX_BYTES:
        raise WireError(f"a request has at most {REQUEST_MAX_BYTES} bytes, this one {len(body)}")
    return _message(body, REQUEST, key, user_id, token, reply_to)


def decode_request(message: Message) -> Request:
    """Return the request in a message. Raises WireError if it holds none."""
    return _decoded(message, REQUEST, REQUEST_MAX_BYTES, _request_decoder)


def encode_answer(answer: Answer, reply_to: str, token: str | None, user_id: str | None) -> Message:
    """Return the message that carries an answer; one that is too large says only that."""
    body = _encoder.encode(answer)
    if len(body) > ANSWER_MAX_BYTES:
        cause = f"the answer has {len(body)} bytes, more than {ANSWER_MAX_BYTES}"
        body = _encoder.encode(msgspec.structs.replace(answer, ok=False, text="", status=None, cause=cause))
    return _message(body, ANSWER, reply_to, user_id, token, None)


def decode_answer(message: Message) -> Answer:
    """Return the answer in a message. Raises WireError if it holds none."""
    return _decoded(message, ANSWER, ANSWER_MAX_BYTES, _answer_decoder)


def _decoded(message: Message, kind: str, most_bytes: int, decoder: "msgspec.json.Decoder[T]") -> T:
    if message.type != kind:
        raise WireError(f"its type is not {kind}")
    if len(message.body) > most_bytes:
        raise WireError(f"it has {len(message.body)} bytes, more than {most_bytes}")
    try:
        return decoder.decode(message.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise WireError(f"it is no {kind}: {str(error)[:200]}") from None


def _message(  # noqa: PLR0913, PLR0917 - the properties
    body: bytes, kind: str, key: str, user_id: str | None, token: str | None, reply_to: str | None
) -> Message:
    return Message(
        body=body,
        routing_key=key,
        type=kind,
        content_type="application/json",
        timestamp=int(time.time()),
        app_id=f"logbus/{VERSION}",
        user_id=user_id,
        reply_to=reply_to,
        correlation_id=token,
    )
