"""The status message: what any process tells of itself, and what a reader accepts of anybody."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.errors import WireError
from logbus.fleet import status
from logbus.fleet.status import MAX_BYTES, MOST, TYPE, Part, Status, Trouble, decode, encode, key_of, text
from logbus.wire.message import Message

ONE = Status("web-1.example", "shipper", "a1", 1, 2_000_000, records=5, inputs=[Part("app", 2, 17)])


def message(body: bytes, type_: str | None = TYPE) -> Message:
    """Return a message that claims to be a status."""
    return Message(body=body, type=type_)


def test_a_status_comes_back_as_it_was() -> None:
    """What is told of a process is what a reader gets."""
    sent = encode(ONE, "shipper-1")
    assert decode(sent) == ONE
    assert (sent.user_id, sent.timestamp, sent.routing_key) == ("shipper-1", 2, "web-1_example.shipper")


def test_the_key_is_two_words() -> None:
    """No host name makes more words of it: the documents say <host>.<role>."""
    assert key_of(Status("a.b.#.*", "sink", "i", 1, 2)) == "a_b____.sink"


def test_what_is_too_much_is_left_out() -> None:
    """A status with paths of many bytes each is sent without them, and always accepted."""
    troubles = [Trouble("\x01" * 4096, "x" * 400)] * MOST
    found = decode(encode(msgspec.structs.replace(ONE, troubles=troubles)))
    assert (found.troubles, found.records) == ([], 5)


@given(st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_path_can_be_told(path: str) -> None:
    """Names that are not UTF-8 are shown with escapes, and do not stop the others."""
    encode(msgspec.structs.replace(ONE, troubles=[Trouble(text(path), "")]))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 20_000,
        b"\xff",
        json.dumps(msgspec.to_builtins(ONE) | {"records": -1}).encode(),
        json.dumps(msgspec.to_builtins(ONE) | {"role": "boss"}).encode(),
        json.dumps(msgspec.to_builtins(ONE) | {"every_s": 0}).encode(),
        json.dumps(msgspec.to_builtins(ONE) | {"host": "x" * 256}).encode(),
        json.dumps(msgspec.to_builtins(ONE) | {"inputs": [{"name": "x"}] * (MOST + 1)}).encode(),
        b" " * (MAX_BYTES + 1),
    ],
)
def test_what_is_no_status_is_refused(body: bytes) -> None:
    """Whoever may publish to the exchange may publish anything; a reader gets a WireError, whatever it is."""
    with pytest.raises(WireError):
        decode(message(body))


def test_another_type_is_refused() -> None:
    """A later version may mean something else by the same names."""
    with pytest.raises(WireError):
        decode(message(encode(ONE).body, "logbus.status.v2"))


def test_keys_of_later_versions_are_accepted() -> None:
    """A process of a newer version may tell more."""
    body = json.dumps(msgspec.to_builtins(ONE) | {"moon": "full"}).encode()
    assert decode(message(body)) == ONE


def test_a_stopped_status_is_the_last_one() -> None:
    """It differs in its state alone."""
    assert ONE.stopped() == msgspec.structs.replace(ONE, state="stopped")
    assert ONE.every_s == status.EVERY_S
