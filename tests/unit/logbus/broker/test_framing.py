"""How what arrives is divided into frames and put together to messages, and how messages leave in frames."""

from itertools import pairwise

import pika.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import spec
from pika.exceptions import InvalidFrameError

from logbus.broker.amqp import BoundedAssembler
from logbus.broker.framing import Arriving, behind, body_frames

BODIES = [b"", b"a line\n", b"AMQP", bytes([spec.FRAME_END]) * 3, b"x" * 5_000]
FRAME_MAX_BYTES = 2_000


def sent(body: bytes) -> bytes:
    """Return a message as RabbitMQ delivers it, and a heartbeat."""
    frames = [
        pika.frame.Method(1, spec.Basic.Deliver("tag", 7, exchange="logs", routing_key="a.b.6")),  # type: ignore[no-untyped-call]
        pika.frame.Header(1, len(body), spec.BasicProperties(headers={"host": "web-1"})),  # type: ignore[no-untyped-call]
        *(pika.frame.Body(1, body[at : at + FRAME_MAX_BYTES]) for at in range(0, len(body), FRAME_MAX_BYTES)),
        pika.frame.Heartbeat(),
    ]
    return b"".join(each.marshal() for each in frames)


@given(st.lists(st.sampled_from(BODIES), min_size=1, max_size=6), st.lists(st.integers(0, 12_000), max_size=6))
def test_messages_are_the_same_however_they_arrive(bodies: list[bytes], cuts: list[int]) -> None:
    """Whether a read ends within a frame, or has several of them."""
    stream = b"".join(map(sent, bodies))
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    arriving, assembler = Arriving(), BoundedAssembler()
    found, heartbeats = [], 0
    for begin, end in pairwise(places):
        for frame in arriving.frames(stream[begin:end]):
            assert isinstance(frame, pika.frame.Frame)
            if isinstance(frame, pika.frame.Heartbeat):
                heartbeats += 1
            elif content := assembler.process(frame):
                found.append(content)
    assert [body for _, _, body in found] == bodies
    assert {header.properties.headers["host"] for _, header, _ in found} == {"web-1"}
    assert heartbeats == len(bodies)
    assert arriving.rest == b""


@pytest.mark.parametrize("frame", [pika.frame.Body(1, b"abc"), pika.frame.Heartbeat()])
def test_what_has_no_end_is_refused(frame: pika.frame.Frame) -> None:
    """A frame is followed by its end mark, or the other side speaks something else."""
    with pytest.raises(InvalidFrameError):
        list(Arriving().frames(frame.marshal()[:-1] + b"x"))


def test_another_version_of_the_protocol_is_told() -> None:
    """A broker that speaks no AMQP 0-9-1 answers with what it speaks, in any number of reads."""
    arriving = Arriving()
    assert list(arriving.frames(b"AMQP\0")) == []
    [found] = arriving.frames(b"\1\0\0")
    assert isinstance(found, pika.frame.ProtocolHeader)


def test_what_is_no_frame_is_kept() -> None:
    """It tells which other program listens there."""
    arriving = Arriving()
    assert list(arriving.frames(b"HTTP/1.1 400 Bad Request\r\n")) == []
    assert arriving.rest.startswith(b"HTTP/1.1")


@given(st.binary(max_size=100), st.integers(1, 40), st.integers(0, 200))
def test_a_body_leaves_in_frames(body: bytes, most_bytes: int, sent_bytes: int) -> None:
    """They are pika's, byte for byte, and what the socket did not take follows."""
    parts = list(body_frames(7, body, most_bytes))
    frames = [pika.frame.Body(7, body[at : at + most_bytes]).marshal() for at in range(0, len(body), most_bytes)]
    assert b"".join(parts) == b"".join(frames)
    assert behind(parts, sent_bytes) == b"".join(frames)[sent_bytes:]
