"""Requests and answers as messages: what comes back, and what a reader refuses of anybody."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logbus.control.messages import (
    ANSWER,
    ANSWER_MAX_BYTES,
    REQUEST,
    REQUEST_MAX_BYTES,
    Answer,
    Request,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    key_of,
)
from logbus.errors import WireError
from logbus.wire.message import Message

ONE = Answer("web-1", "sink", "a1", ok=True, name="archive", text="one\ntwo")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["verb", "arguments", "ok"]), inner),
)


def test_a_request_comes_back_as_it_was() -> None:
    """Verb and arguments, with where answers go, and who asks."""
    sent = encode_request(Request("explain", ["/var/log/ä.log"]), "web-1.shipper", "logs.answers.ab", "t1", "ops")
    assert decode_request(sent) == Request("explain", ["/var/log/ä.log"])
    assert (sent.routing_key, sent.reply_to, sent.correlation_id) == ("web-1.shipper", "logs.answers.ab", "t1")
    assert sent.user_id == "ops"


def test_an_answer_comes_back_as_it_was() -> None:
    """It goes where the request says, with the correlation id of the request."""
    sent = encode_answer(ONE, "logs.answers.ab", "t1", "sink-1")
    assert decode_answer(sent) == ONE
    assert (sent.routing_key, sent.correlation_id, sent.user_id) == ("logs.answers.ab", "t1", "sink-1")


def test_an_answer_that_is_too_large_says_so() -> None:
    """It is no answer, but its cause is told, and accepted."""
    found = decode_answer(encode_answer(Answer("h", "shipper", "i", ok=True, text="x" * ANSWER_MAX_BYTES), "q", "", ""))
    assert not found.ok
    assert "more than" in found.cause


@pytest.mark.parametrize("argument", ["x" * REQUEST_MAX_BYTES, "\udcff"])
def test_a_request_that_cannot_be_sent(argument: str) -> None:
    """A path that is too long or not UTF-8 is refused before anything is sent."""
    with pytest.raises(WireError):
        encode_request(Request("tail", [argument]), "k", "q", "t", None)


def test_a_name_is_one_word_of_the_key() -> None:
    """No host and no sink makes more words of it."""
    assert key_of("web-1.example", "sink", "a.#") == "web-1_example.sink.a__"


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()), st.sampled_from([REQUEST, ANSWER]))
def test_garbage_is_refused(body: bytes, kind: str) -> None:
    """Whatever a body holds, it is a message, or the error says why it is none."""
    for decode in (decode_request, decode_answer):
        with suppress(WireError):
            assert decode(Message(body=body, type=kind))


@pytest.mark.parametrize("body", [b"[" * 4000, b'{"verb": "\xff"}', b'{"verb": ""}', b" " * (REQUEST_MAX_BYTES + 1)])
def test_what_is_no_request(body: bytes) -> None:
    """Deep nesting, invalid UTF-8, no verb, and too many bytes are refused."""
    with pytest.raises(WireError):
        decode_request(Message(body=body, type=REQUEST))
